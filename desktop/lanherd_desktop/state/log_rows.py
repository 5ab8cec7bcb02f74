"""The rows of a log as text, styles and columns, for those rows that are looked at."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from lanherd_desktop.state.ansi import PLAIN, Columns, Span, Style, parse, style_after
from lanherd_desktop.state.log_buffer import Gap, LogBuffer
from lanherd_desktop.state.log_search import ROW_BYTES_SHOWN_MAX

_ROWS_CACHED: Final = 512
# A colour that a program left on is looked for this far back.
_LOOK_BACK_BYTES: Final = 64 * 1024
_RESETS: Final = (b"\x1b[0m", b"\x1b[m")


@dataclass(frozen=True, slots=True)
class ShownRow:
    """`left_out` counts the bytes of a very long row that aren't shown."""

    text: str
    spans: tuple[Span, ...]
    columns: Columns
    left_out: int
    gap: Gap | None


class LogRows:
    """Parses rows when they are asked for and keeps the last few hundred."""

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self._kept: OrderedDict[tuple[int, int, int], ShownRow] = OrderedDict()

    def row(self, number: int) -> ShownRow:
        """Raises IndexError for a row that isn't kept."""
        gap = self._buffer.gap(number)
        if gap is not None:
            return ShownRow("", (), Columns(""), 0, gap)
        start, end = self._buffer.shown_span(number)
        key = (number, start, end)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        shown = min(end, start + ROW_BYTES_SHOWN_MAX)
        line = parse(self._buffer.read(start, shown), self._style_at(start))
        row = ShownRow(line.text, line.spans, Columns(line.text), end - shown, None)
        self._kept[key] = row
        if len(self._kept) > _ROWS_CACHED:
            self._kept.popitem(last=False)
        return row

    def text(self, number: int) -> str:
        return self.row(number).text

    def _style_at(self, position: int) -> Style:
        buffer = self._buffer
        first = max(buffer.position_start, position - _LOOK_BACK_BYTES)
        if buffer.rfind(b"\x1b", first, position) < 0:
            return PLAIN
        reset = max(buffer.rfind(sequence, first, position) for sequence in _RESETS)
        return style_after(buffer.read(max(first, reset), position))
