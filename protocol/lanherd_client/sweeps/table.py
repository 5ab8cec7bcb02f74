"""A sheet as it is read: named columns, and rows that know where they stand in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanherd_client.sweeps.cells import text_of
from lanherd_client.sweeps.findings import Finding, refusal

_LETTERS = 26


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `letter` is its place in the sheet, empty where there is no sheet, and `at` the
    same from 0."""

    name: str
    letter: str = ""
    at: int = 0

    def __str__(self) -> str:
        return f"column {self.name} ({self.letter})" if self.letter else f"column {self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text per column; `place` names it, such as 'row 7', and `at` is its place from
    0. A cell that can't be read is an `Unread`."""

    place: str
    cells: tuple[str, ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. No two columns have the same name, whatever its case. `source` says what
    it is in a sentence: 'the sheet', 'the grid'; `notes` are sentences about what was found, and
    `findings` what is wrong with it beyond what its rows say. Of one that `lacks_names` there are
    columns whose names can't be read."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    source: str = "the sheet"
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    lacks_names: bool = False


class Unread(str):
    """Stands in a cell that can't be read. What is wrong with it is said once: what would follow
    from that is not."""

    __slots__ = ()


FAULTY = Unread("?")
"""In a cell with something in it."""
MERGED = Unread("")
"""In one that another one covers."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What keeps a cell from being read; row and column from 0."""

    row: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Records:
    """The cells of a sheet as texts, row by row; `notes` are sentences for people."""

    rows: Sequence[Sequence[str]]
    notes: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()


def letter_of(index: int) -> str:
    """A spreadsheet's name of the column at an index from 0: A … Z, AA …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """A spreadsheet's name of a cell, both from 0: 'B7'."""
    return f"{letter_of(column)}{row + 1}"


def table_of_records(records: Records) -> Table:
    """The table of a sheet: its first row that isn't blank names the columns.

    Blank rows and columns are passed over. Raises `INVALID_REQUEST` for a sheet without columns or
    rows.
    """
    filled = [(at, row) for at, row in enumerate(records.rows) if any(map(_is_filled, row))]
    if not filled:
        raise refusal(
            "The sheet is empty.",
            [Finding("", "It has no cell with a text."), *_flawed(records.flaws, (), -1)],
            "Give it a row of column names, and a row for each run.",
        )
    header_at, header = filled[0]
    names = ["" if isinstance(name, Unread) else name.strip() for name in header]
    findings = (
        *_flawed(records.flaws, names, header_at),
        *_twice(names, header_at),
        *_nameless(header, filled[1:], header_at),
    )
    if len(filled) == 1:
        nothing = f"There is nothing below its column names in row {header_at + 1}."
        raise refusal(
            "The sheet has no rows.",
            [Finding("", nothing), *findings],
            "Give it a row for each run.",
        )
    kept = _kept(names)
    return Table(
        tuple(Column(names[at], letter_of(at), at) for at in kept),
        tuple(
            Row(f"row {at + 1}", tuple(row[k] if k < len(row) else "" for k in kept), at)
            for at, row in filled[1:]
        ),
        notes=records.notes,
        findings=findings,
        lacks_names=any(isinstance(name, Unread) for name in header),
    )


def table_of_mappings(
    rows: Iterable[Mapping[str, object]], source: str = "the list of rows"
) -> Table:
    """The table of a script's rows; what one of them lacks is empty. Names that differ by case
    alone, and values without a text, are among its findings."""
    given = [dict(row) for row in rows]
    names = list(dict.fromkeys(name for row in given for name in row))
    findings = list(_twice(names, None))
    kept = _kept(names)
    texts = [
        tuple(_text(row.get(names[at]), names[at], (number, at), findings) for at in kept)
        for number, row in enumerate(given)
    ]
    return Table(
        tuple(Column(names[at], at=at) for at in kept),
        tuple(Row(f"row {number + 1}", cells, number) for number, cells in enumerate(texts)),
        source,
        findings=tuple(findings),
    )


def _text(value: object, name: str, at: tuple[int, int], findings: list[Finding]) -> str:
    try:
        return text_of(value)
    except TypeError as problem:
        findings.append(Finding(f"row {at[0] + 1}, column {name}", f"{problem}.", at))
        return FAULTY


def _kept(names: Sequence[str]) -> list[int]:
    """Where the columns are: of those with one name the first."""
    kept: dict[str, int] = {}
    for at, name in enumerate(names):
        if name.strip():
            kept.setdefault(name.casefold(), at)
    return list(kept.values())


def _flawed(flaws: Sequence[Flaw], names: Sequence[str], header_at: int) -> Iterator[Finding]:
    for flaw in flaws:
        name = names[flaw.column] if flaw.column < len(names) else ""
        column = Column(name, letter_of(flaw.column))
        is_named = bool(name) and flaw.row > header_at
        where = f"row {flaw.row + 1}, {column}" if is_named else cell_name(flaw.row, flaw.column)
        yield Finding(where, flaw.text, (flaw.row, flaw.column))


def _is_filled(cell: str) -> bool:
    return bool(cell.strip())


def _twice(names: Sequence[str], header_at: int | None) -> Iterator[Finding]:
    counts = Counter(name.casefold() for name in names if name)
    for at, name in enumerate(names):
        if counts[name.casefold()] > 1:
            where = "" if header_at is None else cell_name(header_at, at)
            text = (
                f"there are {counts[name.casefold()]} columns called {name!r}: rename all but one."
            )
            yield Finding(where, text, (-1 if header_at is None else header_at, at))


def _nameless(
    header: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], header_at: int
) -> Iterator[Finding]:
    """Of each column with values and no name its first value."""
    width = max((len(row) for _, row in rows), default=0)
    for column in range(width):
        # Of a name that can't be read it was said already.
        if column < len(header) and (header[column].strip() or isinstance(header[column], Unread)):
            continue
        for at, row in rows:
            if column < len(row) and _is_filled(row[column]):
                text = f"it has a value, and its column has no name in row {header_at + 1}."
                yield Finding(cell_name(at, column), text, (at, column))
                break
