"""A sheet as it is read: named columns, and rows that know where they stand in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanherd_client.sweeps.cells import text_of
from lanherd_client.sweeps.findings import Finding, refusal

_LETTERS = 26


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `letter` is its place in the sheet, empty where there is no sheet."""

    name: str
    letter: str = ""

    def __str__(self) -> str:
        return f"column {self.name} ({self.letter})" if self.letter else f"column {self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text per column; `place` names it, such as 'row 7'."""

    place: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. No two columns have the same name, whatever its case. `source` says what
    it is in a sentence: 'the sheet', 'the grid'; `notes` are sentences about what was found."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    source: str = "the sheet"
    notes: tuple[str, ...] = ()


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


def table_of_records(records: Sequence[Sequence[str]], notes: tuple[str, ...] = ()) -> Table:
    """The table of a sheet: its first row that isn't blank names the columns.

    Blank rows and columns are passed over. Raises `INVALID_REQUEST` for a sheet without columns or
    rows, and for columns that can't be told apart.
    """
    filled = [(at, record) for at, record in enumerate(records) if any(map(_is_filled, record))]
    if not filled:
        raise refusal(
            "The sheet is empty.",
            [Finding("", "It has no cell with a text.")],
            "Give it a row of column names, and a row for each run.",
        )
    header_at, header = filled[0]
    names = [name.strip() for name in header]
    findings = [*_twice(names, header_at), *_nameless(names, filled[1:])]
    if findings:
        raise refusal(
            "The columns of the sheet can't be told apart.",
            findings,
            "Give each column a name of its own in the first row. Nothing was sent.",
        )
    if len(filled) == 1:
        raise refusal(
            "The sheet has no rows.",
            [Finding("", f"There is nothing below its column names in row {header_at + 1}.")],
            "Give it a row for each run.",
        )
    kept = [at for at, name in enumerate(names) if name]
    columns = tuple(Column(names[at], letter_of(at)) for at in kept)
    rows = tuple(
        Row(f"row {at + 1}", tuple(record[k] if k < len(record) else "" for k in kept))
        for at, record in filled[1:]
    )
    return Table(columns, rows, notes=notes)


def table_of_mappings(
    rows: Iterable[Mapping[str, object]], source: str = "the list of rows"
) -> Table:
    """The table of a script's rows; what one of them lacks is empty.

    Raises `INVALID_REQUEST` for names that differ by case alone, and for values without a text.
    """
    given = [dict(row) for row in rows]
    names = list(dict.fromkeys(name for row in given for name in row))
    findings = list(_twice(names, None))
    texts: list[tuple[str, ...]] = []
    for number, row in enumerate(given, 1):
        texts.append(tuple(_text(row.get(name), name, number, findings) for name in names))
    if findings:
        raise refusal("The rows can't be used.", findings, "Mend them. Nothing was sent.")
    return Table(
        tuple(map(Column, names)),
        tuple(Row(f"row {number}", cells) for number, cells in enumerate(texts, 1)),
        source,
    )


def _text(value: object, name: str, number: int, findings: list[Finding]) -> str:
    try:
        return text_of(value)
    except TypeError as problem:
        findings.append(Finding(f"row {number}, column {name}", f"{problem}."))
        return ""


def _is_filled(cell: str) -> bool:
    return bool(cell.strip())


def _twice(names: Sequence[str], header_at: int | None) -> Iterator[Finding]:
    counts = Counter(name.casefold() for name in names if name)
    for at, name in enumerate(names):
        if counts[name.casefold()] > 1:
            where = "" if header_at is None else cell_name(header_at, at)
            yield Finding(where, f"there are {counts[name.casefold()]} columns called {name!r}.")


def _nameless(names: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> Iterator[Finding]:
    width = max((len(record) for _, record in rows), default=0)
    for column in range(width):
        if column < len(names) and names[column]:
            continue
        for at, record in rows:
            if column < len(record) and _is_filled(record[column]):
                text = "it has a value, and its column has no name."
                yield Finding(cell_name(at, column), text)
                break
