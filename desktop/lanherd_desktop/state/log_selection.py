"""What is selected in a log, and its text: two places, however many rows lie between."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lanherd_desktop.state.ansi import readable, strip_escapes
from lanherd_desktop.state.log_buffer import Gap, LogBuffer
from lanherd_desktop.state.log_rows import LogRows
from lanherd_desktop.state.log_search import as_shown

# What turns into text within one frame's time on a slow machine.
COPY_BYTES_MAX: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Before the character `index` of a row."""

    row: int
    index: int


@dataclass(frozen=True, slots=True)
class Selection:
    """From where it was begun to where it has come; either may be the first."""

    anchor: Place
    head: Place

    @property
    def start(self) -> Place:
        return min(self.anchor, self.head)

    @property
    def end(self) -> Place:
        return max(self.anchor, self.head)

    @property
    def empty(self) -> bool:
        return self.anchor == self.head

    def in_row(self, row: int, length: int) -> tuple[int, int] | None:
        """The selected characters [from, to) of a row, or None. `to` is one beyond the row's
        length where its line end is selected too."""
        start, end = self.start, self.end
        if self.empty or not start.row <= row <= end.row:
            return None
        first = start.index if row == start.row else 0
        last = end.index if row == end.row else length + 1
        return (min(first, length), last)


def moved(
    place: Place,
    rows: int,
    characters: int,
    kept: tuple[int, int],
    length_of: Callable[[int], int],
) -> Place:
    """A place after a key: some rows up or down, or a character aside, over line ends too.

    Rows [kept) are there. Moving on at the first row goes to its beginning.
    """
    first, end = kept
    row = min(max(place.row + rows, first), end)
    index = 0 if place.row + rows < first else place.index + characters
    length = length_of(row) if row < end else 0
    if index < 0:
        return Place(row - 1, length_of(row - 1)) if row > first else Place(row, 0)
    if characters > 0 and index > length:
        return Place(min(row + 1, end), 0)
    return Place(row, index)


def word_at(text: str, index: int) -> tuple[int, int]:
    """The run of letters, digits and path characters around an index, or the one character."""
    start = end = min(index, len(text))
    while start > 0 and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    return (start, end) if end > start else (start, min(start + 1, len(text)))


def _in_word(char: str) -> bool:
    return char.isalnum() or char in "_-./:@~+"


def selected_text(
    buffer: LogBuffer,
    rows: LogRows,
    selection: Selection,
    gap_text: Callable[[Gap], str],
    bytes_max: int = COPY_BYTES_MAX,
) -> tuple[str, bool]:
    """(the text, whether it was cut off at about `bytes_max`). Rows are whole, also where the
    view shows only their beginning; a gap is one line of `gap_text`."""
    start = max(selection.start, Place(buffer.first_row, 0))
    end = min(selection.end, Place(buffer.end_row, 0))
    if start >= end:
        return ("", False)
    if start.row == end.row:
        return (_row_text(buffer, rows, start.row, gap_text)[start.index : end.index], False)
    pieces = [_row_text(buffer, rows, start.row, gap_text)[start.index :]]
    middle_end, cut = _within(buffer, start.row + 1, end.row, bytes_max)
    pieces += _whole_rows(buffer, start.row + 1, middle_end, gap_text)
    if not cut and end.row < buffer.end_row:
        pieces.append(_row_text(buffer, rows, end.row, gap_text)[: end.index])
    return ("\n".join(pieces), cut)


def _row_text(buffer: LogBuffer, rows: LogRows, row: int, gap_text: Callable[[Gap], str]) -> str:
    shown = rows.row(row)
    if shown.gap is not None:
        return gap_text(shown.gap)
    if not shown.left_out:
        return shown.text
    start, end = buffer.shown_span(row)
    return readable(strip_escapes(buffer.read(start, min(end, start + COPY_BYTES_MAX))))


def _within(buffer: LogBuffer, first: int, end: int, bytes_max: int) -> tuple[int, bool]:
    """(the end of those rows of [first, end) that fit into `bytes_max`, whether some don't)."""
    if first >= end:
        return (end, False)
    limit = buffer.span(first)[0] + bytes_max
    if buffer.span(end - 1)[1] <= limit:
        return (end, False)
    return (max(first, buffer.row_at(limit)), True)


def _whole_rows(
    buffer: LogBuffer, first: int, end: int, gap_text: Callable[[Gap], str]
) -> list[str]:
    texts: list[str] = []
    at = first
    for gap_row in [*buffer.gap_rows(first, end), end]:
        if at < gap_row:
            data = buffer.read(buffer.span(at)[0], buffer.span(gap_row - 1)[1])
            shown = as_shown(data.removesuffix(b"\n"))
            texts += map(readable, shown.split(b"\n"))
        gap = buffer.gap(gap_row) if gap_row < end else None
        if gap is not None:
            texts.append(gap_text(gap))
        at = gap_row + 1
    return texts
