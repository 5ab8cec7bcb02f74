"""A log as bytes and the places where its lines begin; nothing is decoded before it is looked at.

A byte has two numbers. Its *address* is its offset in the attempt's log, for ever. Its *position*
counts the bytes that were ever kept here; positions have no holes, so that rows are plain ranges
of them. `_strips` tells one from the other. A hole in the addresses, and a head that was let go
to stay within bounds, are rows of their own, without bytes: the reader is told, not misled.

Row numbers only grow: the first kept row's is `first_row`. The last row may still be growing.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LOG_BYTES_MAX: Final = 128 * 1024 * 1024
LOG_ROWS_MAX: Final = 1_000_000

# Letting go of the head in steps keeps the cost of an append constant on average.
_SLACK_PARTS: Final = 16


class GapKind(StrEnum):
    """Why bytes aren't here: they were lost on the way, let go by the window, given up by the
    machine for the log's cap, or not asked for since nobody has looked at them yet."""

    MISSING = "missing"
    TRIMMED = "trimmed"
    CAPPED = "capped"
    NOT_LOADED = "not_loaded"


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of the log that are not here: addresses [start, end)."""

    kind: GapKind
    start: int
    end: int

    @property
    def byte_count(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class RowNumber:
    """`exact` is false behind a hole: the number then counts from the hole."""

    value: int
    exact: bool


class LogBuffer:
    """The kept part of one log, at most `bytes_max` bytes and about `rows_max` rows."""

    def __init__(
        self, bytes_max: int = LOG_BYTES_MAX, rows_max: int = LOG_ROWS_MAX, start: int = 0
    ) -> None:
        self._bytes_max = bytes_max
        self._rows_max = rows_max
        self._data = bytearray()
        self._base = 0
        self._first_row = 0
        self._starts = array("Q", [0])
        self._gaps: dict[int, Gap] = {}
        # (first row, number of that row, exact), and (first position, its address).
        self._numbering: list[tuple[int, int, bool]] = [(0, 1, True)]
        self._strips: list[tuple[int, int]] = [(0, 0)]
        if start:
            self._add_gap(Gap(GapKind.MISSING, 0, start))

    # --- What is here

    @property
    def end(self) -> int:
        """The address behind the last byte: where to go on reading."""
        return self._address_of(self.position_end)

    @property
    def first_row(self) -> int:
        return self._first_row

    @property
    def end_row(self) -> int:
        """The number behind the last row."""
        return self._first_row + self.row_count

    @property
    def row_count(self) -> int:
        """Rows to show: an open last row counts as soon as it has a byte."""
        return len(self._starts) - (self._starts[-1] == self.position_end)

    @property
    def byte_count(self) -> int:
        return len(self._data)

    @property
    def position_end(self) -> int:
        return self._base + len(self._data)

    @property
    def closed_end(self) -> int:
        """The position at which the open last row begins."""
        return self._starts[-1]

    @property
    def position_start(self) -> int:
        return self._base

    def gap(self, row: int) -> Gap | None:
        return self._gaps.get(row)

    def gap_rows(self, first: int, end: int) -> list[int]:
        """The gap rows in [first, end), in order."""
        return [row for row in self._gaps if first <= row < end]

    def span(self, row: int) -> tuple[int, int]:
        """The positions [start, end) of a kept row, line end included. Raises IndexError."""
        index = row - self._first_row
        if not 0 <= index < len(self._starts):
            raise IndexError(row)
        last = index + 1 == len(self._starts)
        return (self._starts[index], self.position_end if last else self._starts[index + 1])

    def shown_span(self, row: int) -> tuple[int, int]:
        """The positions of what a terminal would still show of a row: what carriage returns
        overwrote and the line end are left out. Raises IndexError."""
        start, end = (p - self._base for p in self.span(row))
        while end > start and self._data[end - 1] in b"\r\n":
            end -= 1
        rewritten = self._data.rfind(b"\r", start, end)
        return (self._base + (start if rewritten < 0 else rewritten + 1), self._base + end)

    def read(self, start: int, end: int) -> bytes:
        """The kept bytes of the positions [start, end)."""
        return bytes(self._data[max(0, start - self._base) : max(0, end - self._base)])

    def rfind(self, needle: bytes, start: int, end: int) -> int:
        """The last position of `needle` in [start, end), or -1."""
        found = self._data.rfind(needle, max(0, start - self._base), max(0, end - self._base))
        return -1 if found < 0 else self._base + found

    def next_gap(self, position: int) -> int:
        """The position of the first gap row behind `position`, or the end."""
        places = (self._starts[row - self._first_row] for row in self._gaps)
        return min((p for p in places if p > position), default=self.position_end)

    def row_at(self, position: int) -> int:
        """The row that holds a kept position."""
        return self._first_row + max(0, bisect_right(self._starts, position) - 1)

    def number(self, row: int) -> RowNumber:
        found = bisect_right(self._numbering, row, key=lambda entry: entry[0]) - 1
        first, value, exact = self._numbering[max(0, found)]
        return RowNumber(value + row - first, exact)

    def row_of(self, address: int) -> int | None:
        """The row that holds an address of the log; None while its bytes aren't here."""
        found = bisect_right(self._strips, address, key=lambda entry: entry[1]) - 1
        if found < 0:
            return None
        start, first = self._strips[found]
        position = start + address - first
        behind = self._strips[found + 1][0] if found + 1 < len(self._strips) else self.position_end
        if not max(start, self._base) <= position < behind:
            return None
        return self.row_at(position)

    def address(self, row: int) -> int:
        """The address at which a kept row begins."""
        return self._address_of(self.span(row)[0])

    def _address_of(self, position: int) -> int:
        found = bisect_right(self._strips, position, key=lambda entry: entry[0]) - 1
        start, address = self._strips[found]
        return address + position - start

    # --- What comes

    def append(self, data: bytes, offset: int | None = None) -> None:
        """Adds bytes that stand at the address `offset`, or directly behind the last ones.

        What is already here is left out; a hole before `offset` becomes a gap row.
        """
        if offset is not None:
            end = self.end
            if offset > end:
                self._add_gap(Gap(GapKind.MISSING, end, offset))
            elif offset < end:
                data = data[end - offset :]
        starts = self._starts
        behind = self.position_end + 1
        self._data += data
        found = data.find(b"\n")
        while found >= 0:
            starts.append(behind + found)
            found = data.find(b"\n", found + 1)
        self._trim()

    def skip(self, to: int, kind: GapKind) -> None:
        """Go on at the address `to`: what lies between becomes a gap row."""
        if to > self.end:
            self._add_gap(Gap(kind, self.end, to))

    def _add_gap(self, gap: Gap) -> None:
        at = self.position_end
        if self._starts[-1] != at:
            self._starts.append(at)
        row = self._first_row + len(self._starts) - 1
        self._gaps[row] = gap
        self._starts.append(at)
        self._numbering.append((row + 1, 1, False))
        if self._strips[-1][0] == at:
            self._strips.pop()
        self._strips.append((at, gap.end))

    # --- What goes

    def _trim(self) -> None:
        rows = len(self._starts)
        if len(self._data) <= self._bytes_max and rows <= self._rows_max + self._rows_slack:
            return
        surplus = len(self._data) - self._bytes_max
        target = self._base + (surplus + self._bytes_max // _SLACK_PARTS if surplus > 0 else 0)
        index = bisect_right(self._starts, target) if surplus > 0 else 0
        index = max(index, rows - self._rows_max)
        if index >= rows:
            self._cut_open_row(target)
        else:
            self._drop_rows(index)

    @property
    def _rows_slack(self) -> int:
        return self._rows_max // _SLACK_PARTS

    def _drop_rows(self, index: int) -> None:
        """Lets go of the rows before `index`; the last of them becomes the trimmed row."""
        first_address = self._trimmed_start()
        new_base = self._starts[index]
        row = self._first_row + index - 1
        del self._data[: new_base - self._base]
        self._starts = self._starts[index - 1 :]
        self._starts[0] = new_base
        self._base = new_base
        self._first_row = row
        self._forget_before(row, Gap(GapKind.TRIMMED, first_address, self._address_of(new_base)))

    def _cut_open_row(self, target: int) -> None:
        """One row is longer than all that may be kept: its beginning goes."""
        first_address = self._trimmed_start()
        row = self._first_row + len(self._starts) - 1
        number = self.number(row)
        del self._data[: target - self._base]
        self._base = target
        self._starts = array("Q", [target, target])
        self._first_row = row
        self._numbering.append((row + 1, number.value, number.exact))
        self._forget_before(row, Gap(GapKind.TRIMMED, first_address, self._address_of(target)))

    def _trimmed_start(self) -> int:
        """Where a trimmed head begins; the head of an earlier trim belongs to it."""
        first = self._gaps.get(self._first_row)
        return first.start if first is not None else self._address_of(self._base)

    def _forget_before(self, row: int, gap: Gap) -> None:
        self._gaps = {r: g for r, g in self._gaps.items() if r > row}
        self._gaps[row] = gap
        kept = bisect_right(self._numbering, row, key=lambda entry: entry[0]) - 1
        self._numbering = self._numbering[max(0, kept) :]
        strip = bisect_right(self._strips, self._base, key=lambda entry: entry[0]) - 1
        self._strips = self._strips[strip:]
