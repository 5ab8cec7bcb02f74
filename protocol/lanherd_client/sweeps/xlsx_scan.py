"""What a sheet's XML says beyond its values: errors, formulas without a result, how far it goes.

calamine gives an empty text for the first two, and room for every cell up to the last: so this is
read first.
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from lanherd_client.sweeps.table import cell_name
from lanherd_protocol.errors import ErrorCode, LanherdError, error

UNPACKED_BYTES_MAX = 1 << 30
_WORKBOOK = "xl/workbook.xml"
_LETTERS = 26

Attributes = dict[str, str]


@dataclass(slots=True)
class SheetScan:
    """Rows and columns up to the last filled one; cells (names) whose formula has no result, and
    cells that hold an error."""

    rows: int = 0
    columns: int = 0
    uncomputed: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)


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
            found.append(attributes.get("id", ""))

    def on_relation(name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            relations[attributes.get("Id", "")] = attributes.get("Target", "")

    with archive.open(_WORKBOOK) as part:
        _parse(part, on_sheet)
    with archive.open("xl/_rels/workbook.xml.rels") as part:
        _parse(part, on_relation)
    target = relations[found[0]] if found else ""
    if not target:
        raise damaged(f"It has no sheet {sheet!r}")
    return target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _scan(archive: ZipFile, part_name: str) -> SheetScan:
    cells = _Cells()
    with archive.open(part_name) as part:
        _parse(part, cells.on_start, cells.on_end, cells.on_text)
    return cells.scan


class _Cells:
    def __init__(self) -> None:
        self.scan = SheetScan()
        self._row = self._column = -1
        self._is_error = self._formula = self._value = self._reading = False
        self._text = ""

    def on_start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._move(attributes.get("r", ""))
            self._is_error = attributes.get("t") == "e"
            self._formula = self._value = False
            self._text = ""
        elif name == "row":
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1
        elif name == "f":
            self._formula = True
        elif name in ("v", "is"):
            self._value = True
            self._reading = self._is_error

    def on_end(self, name: str) -> None:
        if name == "v":
            self._reading = False
        elif name == "c" and (self._value or self._formula):
            scan = self.scan
            scan.rows = max(scan.rows, self._row + 1)
            scan.columns = max(scan.columns, self._column + 1)
            if self._is_error:
                scan.errors.append((cell_name(self._row, self._column), self._text or "an error"))
            elif not self._value:
                scan.uncomputed.append(cell_name(self._row, self._column))

    def on_text(self, text: str) -> None:
        if self._reading:
            self._text += text

    def _move(self, name: str) -> None:
        letters = name.rstrip("0123456789")
        if not letters:
            self._column += 1
            return
        column = 0
        for letter in letters:
            column = column * _LETTERS + ord(letter.upper()) - ord("A") + 1
        self._column = column - 1


def _parse(
    part: IO[bytes],
    on_start: Callable[[str, Attributes], None],
    on_end: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
) -> None:
    """Calls back with the elements' names, and those of attributes, without their namespaces."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, attributes: Attributes) -> None:
        on_start(_local(name), {_local(key): value for key, value in attributes.items()})

    def no_doctype(*_: object) -> None:
        raise damaged("Its XML declares entities of its own")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = no_doctype
    if on_end is not None:
        parser.EndElementHandler = lambda name: on_end(_local(name))
    parser.CharacterDataHandler = on_text
    parser.ParseFile(part)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
