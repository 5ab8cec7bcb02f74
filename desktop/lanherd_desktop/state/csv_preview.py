"""The beginning of a CSV file as a table, and those of its columns that can be drawn."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CSV_ROWS_MAX: Final = 10_000
CSV_COLUMNS_MAX: Final = 200
CSV_CELL_CHARS_MAX: Final = 1_000
CSV_BYTES_MAX: Final = 4 * 1024 * 1024

_DELIMITERS: Final = ",\t;|"
# Enough numbers among the values for a column to be drawn.
_NUMERIC_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class CsvTable:
    """Every row has as many cells as there are columns. `cut` says that there is more."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    cut: bool

    def numbers(self, column: int) -> tuple[float | None, ...]:
        return tuple(_number(row[column]) for row in self.rows)

    def numeric_columns(self) -> tuple[int, ...]:
        return tuple(c for c in range(len(self.header)) if _is_numeric(self.numbers(c)))


def parse_csv(data: bytes, complete: bool = True) -> CsvTable:
    """The first rows of a file. Without `complete` its last line is taken as cut off."""
    cut = not complete
    if len(data) > CSV_BYTES_MAX:
        data, cut = data[:CSV_BYTES_MAX], True
    text = data.decode("utf-8-sig", "replace").replace("\0", "\ufffd")
    lines = text.splitlines()
    if cut and lines:
        lines.pop()
    rows: list[tuple[str, ...]] = []
    for row in _rows(lines, _delimiter(lines)):
        if len(rows) > CSV_ROWS_MAX:
            cut = True
            break
        rows.append(tuple(cell[:CSV_CELL_CHARS_MAX] for cell in row[:CSV_COLUMNS_MAX]))
    if not rows:
        return CsvTable((), (), cut)
    header, body = _split_header(rows)
    width = max(len(header), max(map(len, body), default=0))
    names = header + tuple(str(n + 1) for n in range(len(header), width))
    return CsvTable(
        names, tuple(row + ("",) * (width - len(row)) for row in body[:CSV_ROWS_MAX]), cut
    )


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Rows that aren't empty. A field that never ends is no reason to show nothing."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if row:
            yield row


def _delimiter(lines: list[str]) -> str:
    first = lines[0] if lines else ""
    return max(_DELIMITERS, key=first.count)


def _split_header(
    rows: list[tuple[str, ...]],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    if any(_number(cell) is not None for cell in rows[0]):
        return (tuple(str(n + 1) for n in range(len(rows[0]))), rows)
    return (rows[0], rows[1:])


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _is_numeric(values: tuple[float | None, ...]) -> bool:
    known = sum(value is not None for value in values)
    return known >= 2 and known >= len(values) * _NUMERIC_SHARE
