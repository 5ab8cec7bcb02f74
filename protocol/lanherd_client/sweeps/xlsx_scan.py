"""What a sheet's XML says beyond its values: errors, formulas without a result, how far it goes.

calamine gives an empty text for the first two, and room for every cell up to the last: so this is
read first.
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from lanherd_protocol.errors import ErrorCode, LanherdError, error

UNPACKED_BYTES_MAX = 1 << 30
_WORKBOOK = "xl/workbook.xml"
_LETTERS = 26

Attributes = dict[str, str]


@dataclass(slots=True)
class SheetScan:
    """Rows and columns up to the last filled one; cells (row and column from 0) whose formula has
    no result, and cells that hold an error, with it."""

    rows: int = 0
    columns: int = 0
    uncomputed: list[tuple[int, int]] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)


def scan_sheet(file: IO[bytes], sheet: str) -> SheetScan:
    """Reads the XML of a sheet. Raises `INVALID_REQUEST` for a file that is damaged."""
    try:
        with ZipFile(file) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
            if unpacked_bytes > UNPACKED_BYTES_MAX:
                raise damaged(f"It would unpack to {unpacked_bytes} bytes.")
            return _scan(archive, _part_of(archive, sheet))
    except (BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as problem:
        raise damaged(f"{problem}") from problem
    except (expat.ExpatError, ValueError) as problem:
        raise damaged(f"Its XML can't be read: {problem}") from problem


def damaged(why: str) -> LanherdError:
    """The failure for a file that isn't what its name says."""
    return error(
        ErrorCode.INVALID_REQUEST,
        "The Excel file can't be read.",
        f"{why.rstrip('.')}.",
        "Open it in a spreadsheet and save it again as .xlsx.",
    )


def _part_of(archive: ZipFile, sheet: str) -> str:
    """The file in the archive that holds a sheet."""
    relations: dict[str, str] = {}
    found: list[str] = []

    def on_sheet(name: str, attributes: Attributes) -> None:
        if name == "sheet" and attributes.get("name") == sheet:
            ids = (value for key, value in attributes.items() if _local(key) == "id")
            found.append(next(ids, ""))

    def on_relation(name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            relations[attributes.get("Id", "")] = attributes.get("Target", "")

    with archive.open(_WORKBOOK) as part:
        _parser(on_sheet).ParseFile(part)
    with archive.open("xl/_rels/workbook.xml.rels") as part:
        _parser(on_relation).ParseFile(part)
    target = relations[found[0]] if found else ""
    if not target:
        raise damaged(f"It has no sheet {sheet!r}")
    return target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _scan(archive: ZipFile, part_name: str) -> SheetScan:
    cells = _Cells()
    with archive.open(part_name) as part:
        cells.parser.ParseFile(part)
    cells.end()
    return cells.scan


class _Cells:
    """Reads a sheet's cells: a million elements, so only their beginnings are looked at. A cell is
    over when the next one begins."""

    def __init__(self) -> None:
        self.scan = SheetScan()
        self.parser = _parser(self._on_start)
        self._row = self._column = -1
        self._name = ""
        self._is_error = self._is_text = self._formula = self._value = False
        self._text: list[str] = []

    def _on_start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self.end()
            self._name = attributes.get("r", "")
            self._column += 1
            self._is_error = attributes.get("t") == "e"
            self._is_text = attributes.get("t") == "str"
        elif name in ("v", "is"):
            self._value = True
            if self._is_error or self._formula:
                self.parser.CharacterDataHandler = self._text.append
        elif name == "f":
            self._formula = True
        elif name == "row":
            self.end()
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1

    def end(self) -> None:
        """The cell that was read last is over."""
        if not (self._value or self._formula):
            return
        if self._name:
            self._column = _column_of(self._name)
        scan = self.scan
        scan.rows = max(scan.rows, self._row + 1)
        scan.columns = max(scan.columns, self._column + 1)
        if self._is_error:
            text = "".join(self._text).strip() or "an error"
            scan.errors.append((self._row, self._column, text))
        elif self._formula and not self._has_result():
            scan.uncomputed.append((self._row, self._column))
        self._is_error = self._is_text = self._formula = self._value = False
        self._text = []
        self.parser.CharacterDataHandler = None

    def _has_result(self) -> bool:
        """Of a formula. A program that doesn't compute writes its value too, but empty; only a text
        may be that."""
        return self._value and (self._is_text or bool("".join(self._text).strip()))


@lru_cache(maxsize=1024)
def _letters(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * _LETTERS + ord(letter) - ord("A") + 1
    return column - 1


def _column_of(name: str) -> int:
    return _letters(name.rstrip("0123456789").upper())


def _parser(on_start: Callable[[str, Attributes], None]) -> expat.XMLParserType:
    """A parser that calls back with the names of elements, without their prefixes."""
    parser = expat.ParserCreate()

    def no_doctype(*_: object) -> None:
        raise damaged("Its XML declares entities of its own")

    def start(name: str, attributes: Attributes) -> None:
        on_start(_local(name) if ":" in name else name, attributes)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = no_doctype
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]
