"""Finding a text in a whole log, in steps that each take a bounded time.

The bytes are compared as they would be shown: escape sequences and overwritten progress lines
are taken out first, one mebibyte at a time; letters A to Z match in either case. Rows that are
complete are searched once; the open last row is looked at again after each step.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from lanherd_desktop.state.ansi import last_state, strip_escapes
from lanherd_desktop.state.log_buffer import LogBuffer

MATCHES_MAX: Final = 100_000
STEP_BYTES: Final = 1024 * 1024
# A row's bytes beyond this are not drawn, and so not searched.
ROW_BYTES_SHOWN_MAX: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class Match:
    """The n-th occurrence (from 0) in a row."""

    row: int
    occurrence: int


class LogSearch:
    """All occurrences of a text in a buffer that may be growing."""

    def __init__(self, buffer: LogBuffer, text: str) -> None:
        self._buffer = buffer
        self._needle = text.partition("\n")[0].encode("utf-8", "replace").lower()
        self._rows = array("Q")
        self._open_rows = 0
        self._at = buffer.position_start
        self.done = not self._needle

    @property
    def total(self) -> int:
        return len(self._rows)

    @property
    def capped(self) -> bool:
        """More were there than are counted."""
        return len(self._rows) >= MATCHES_MAX

    def match(self, number: int) -> Match:
        """The match of an index from 0. Raises IndexError."""
        row = self._rows[number]
        return Match(row, number - bisect_left(self._rows, row))

    def at_or_after(self, row: int) -> int:
        """The index of the first match in `row` or below it; `total` where there is none."""
        return bisect_left(self._rows, row)

    def advance(self, bytes_max: int = STEP_BYTES) -> bool:
        """Searches some more; true when all that the buffer holds was searched."""
        self._forget_trimmed()
        self._take_back_open_row()
        if not self._needle or self.capped:
            self.done = True
            return True
        end = self._buffer.closed_end
        left = bytes_max
        while left > 0 and self._at < end and not self.capped:
            left -= self._search_step(min(end, self._at + min(left, STEP_BYTES)), end)
        self.done = self._at >= end or self.capped
        if self.done and not self.capped:
            self._search_open_row()
        return self.done

    def _forget_trimmed(self) -> None:
        first = self._buffer.first_row
        if self._rows and self._rows[0] < first:
            self._rows = self._rows[bisect_left(self._rows, first) :]
        if self._at < self._buffer.position_start:
            self._at = self._buffer.position_start

    def _take_back_open_row(self) -> None:
        if self._open_rows:
            self._open_rows = min(self._open_rows, len(self._rows))
            del self._rows[len(self._rows) - self._open_rows :]
            self._open_rows = 0

    def _search_step(self, wanted_end: int, closed_end: int) -> int:
        """Searches whole rows up to about `wanted_end`; returns the bytes this took."""
        buffer = self._buffer
        begin = self._at
        limit = min(closed_end, buffer.next_gap(begin))
        end = limit if wanted_end >= limit else buffer.rfind(b"\n", begin, wanted_end) + 1
        if end <= begin:
            row = buffer.row_at(begin)
            self._search_row(row)
            self._at = buffer.span(row)[1]
            return ROW_BYTES_SHOWN_MAX
        self._search_rows(buffer.read(begin, end), buffer.row_at(begin))
        self._at = end
        return end - begin

    def _search_row(self, row: int) -> None:
        start, end = self._buffer.shown_span(row)
        shown = self._buffer.read(start, min(end, start + ROW_BYTES_SHOWN_MAX))
        times = strip_escapes(shown).lower().count(self._needle)
        self._rows.extend([row] * min(times, MATCHES_MAX - len(self._rows)))

    def _search_rows(self, data: bytes, row: int) -> None:
        lowered = as_shown(data).lower()
        found = lowered.find(self._needle)
        counted = 0
        while found >= 0 and not self.capped:
            row += lowered.count(b"\n", counted, found)
            counted = found
            if found - lowered.rfind(b"\n", 0, found) <= ROW_BYTES_SHOWN_MAX:
                self._rows.append(row)
            found = lowered.find(self._needle, found + len(self._needle))

    def _search_open_row(self) -> None:
        buffer = self._buffer
        if buffer.closed_end == buffer.position_end:
            return
        before = len(self._rows)
        self._search_row(buffer.end_row - 1)
        self._open_rows = len(self._rows) - before


def as_shown(data: bytes) -> bytes:
    """Rows as they would be shown, still as bytes, each with its line end."""
    if b"\r" in data:
        data = b"\n".join(last_state(line) if b"\r" in line else line for line in data.split(b"\n"))
    return strip_escapes(data)
