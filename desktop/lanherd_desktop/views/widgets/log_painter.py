"""Draws the visible part of one log row in a grid of equal cells.

Latin text is drawn in runs; everything else character by character at its own cell, so that a
fallback font of another width, or a script that runs the other way, can't shift what follows.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from lanherd_desktop.state.ansi import Columns, Span, Style
from lanherd_desktop.state.log_rows import ShownRow
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font, ui_font
from lanherd_desktop.views.theme.theme import Colours, colours
from lanherd_desktop.views.widgets.painting import CENTER, with_alpha

_RUN = re.compile("[ -~\u00a1-\u024f\u2500-\u259f]+|.", re.DOTALL)
_LINE_SPACING = 1.6
_STRONG = 700


@lru_cache(maxsize=64)
def _styled_font(size: int, bold: bool, italic: bool, underline: bool, strike: bool) -> QFont:
    font = mono_font(size, _STRONG if bold else 400)
    font.setItalic(italic)
    font.setUnderline(underline)
    font.setStrikeOut(strike)
    return font


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of one font size. `baseline` is measured from a row's top."""

    size: int
    cell: float
    row_height: int
    baseline: float


@lru_cache(maxsize=32)
def grid_of(size: int) -> Grid:
    metrics = QFontMetricsF(mono_font(size))
    height = max(round(size * _LINE_SPACING), int(metrics.height()) + 1)
    baseline = (height + metrics.ascent() - metrics.descent()) / 2
    return Grid(size, metrics.horizontalAdvance("0" * 64) / 64, height, round(baseline))


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters [start, end) of a row with a ground of their own."""

    start: int
    end: int
    ground: QColor
    text: QColor | None = None


def style_colours(style: Style, c: Colours) -> tuple[QColor, QColor | None]:
    """(text, ground) of a style, in theme colours only; readable whatever was asked for."""
    text = c.text if style.fg is None else c.named(tokens.ANSI_TOKENS[style.fg % 8])
    ground = None if style.bg is None else with_alpha(_ansi(style.bg, c), 0.28)
    if style.inverse:
        return (c.surface, text if style.bg is None else _ansi(style.bg, c))
    return (with_alpha(text, 0.62) if style.dim else text, ground)


def _ansi(colour: int, c: Colours) -> QColor:
    return c.named(tokens.ANSI_TOKENS[colour % 8])


class RowPainter:
    """Draws into one paint event. `left` is where column 0 stands, scrolled or not."""

    def __init__(self, painter: QPainter, grid: Grid, left: float, clip: QRectF) -> None:
        self._painter = painter
        self._grid = grid
        self._left = left
        self._first_column = max(0, int((clip.left() - left) / grid.cell) - 1)
        self._end_column = max(0, int((clip.right() - left) / grid.cell) + 2)

    def draw(self, row: ShownRow, top: float, marks: list[Mark]) -> None:
        columns = row.columns
        first = max(0, columns.index(self._first_column) - 1)
        end = min(len(row.text), columns.index(self._end_column) + 1)
        c = colours()
        # Under the styles' own grounds: inverse text must stay readable where it is selected.
        for mark in marks:
            if mark.text is None and mark.start <= end and mark.end > first:
                self._fill(columns, mark.start, mark.end, top, mark.ground)
        spans = _between(row.spans, first, end)
        for span in spans:
            ground = style_colours(span.style, c)[1]
            if ground is not None:
                self._fill(columns, span.start, span.end, top, ground)
        for span in spans:
            self._set_style(span.style, style_colours(span.style, c)[0])
            self._draw_runs(row, span, top)
        for mark in marks:
            if mark.text is not None and mark.start < end and mark.end > first:
                self._fill(columns, mark.start, mark.end, top, mark.ground)
                self._painter.setFont(_styled_font(self._grid.size, False, False, False, False))
                self._painter.setPen(mark.text)
                self._draw_runs(row, Span(mark.start, mark.end, Style()), top)

    def _set_style(self, style: Style, colour: QColor) -> None:
        self._painter.setFont(
            _styled_font(self._grid.size, style.bold, style.italic, style.underline, style.strike)
        )
        self._painter.setPen(QPen(colour))

    def _fill(self, columns: Columns, start: int, end: int, top: float, ground: QColor) -> None:
        left = columns.column(start)
        # One cell more where the line end is selected too.
        right = columns.column(end) + (1 if end > columns.index(1 << 40) else 0)
        cell = self._grid.cell
        rect = QRectF(self._left + left * cell, top, (right - left) * cell, self._grid.row_height)
        self._painter.fillRect(rect, ground)

    def _draw_runs(self, row: ShownRow, span: Span, top: float) -> None:
        base = top + self._grid.baseline
        for start, text in _runs(row.text, row.columns, span.start, span.end):
            x = self._left + row.columns.column(start) * self._grid.cell
            self._painter.drawText(QPointF(x, base), text)


def _between(spans: tuple[Span, ...], first: int, end: int) -> list[Span]:
    """The parts of the spans that lie in [first, end): the others may be thousands."""
    at = max(0, bisect_right(spans, first, key=lambda span: span.start) - 1)
    found = []
    for span in islice(spans, at, None):
        if span.start >= end:
            break
        if span.end > first:
            found.append(Span(max(span.start, first), min(span.end, end), span.style))
    return found


def _runs(text: str, columns: Columns, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Pieces that may be drawn in one go; marks that combine stay with their base."""
    held: tuple[int, str] | None = None
    for found in _RUN.finditer(text, start, end):
        at, piece = found.start(), found[0]
        if piece == "\t":
            continue
        combining = len(piece) == 1 and columns.column(at) == columns.column(at + 1)
        if held is not None and combining:
            held = (held[0], held[1] + piece)
            continue
        if held is not None:
            yield held
        held = (at, piece)
    if held is not None:
        yield held


def draw_note(
    painter: QPainter, grid: Grid, text: str, x: float, top: float, colour: QColor
) -> None:
    """Words of the window itself between the words of the log: italic, never to be confused."""
    painter.setFont(_styled_font(grid.size, False, True, False, False))
    painter.setPen(colour)
    painter.drawText(QPointF(x, top + grid.baseline), text)


def draw_number(painter: QPainter, grid: Grid, text: str, rect: QRectF, colour: QColor) -> None:
    painter.setFont(mono_font(grid.size))
    painter.setPen(colour)
    left = rect.right() - len(text) * grid.cell
    painter.drawText(QPointF(left, rect.top() + grid.baseline), text)


def draw_band(painter: QPainter, grid: Grid, text: str, rect: QRectF) -> None:
    """Words of the window itself in the place of rows that aren't here, over the whole width."""
    c = colours()
    painter.fillRect(rect, c.raised)
    font = ui_font(min(grid.size, tokens.FONT_SECONDARY))
    painter.setFont(font)
    painter.setPen(c.muted)
    painter.drawText(rect, int(CENTER), text)
    room = (rect.width() - QFontMetricsF(font).horizontalAdvance(text)) / 2 - tokens.SPACE_5
    painter.setPen(QPen(c.border_strong, 1, Qt.PenStyle.DashLine))
    middle = round(rect.center().y()) + 0.5
    painter.drawLine(QPointF(rect.left() + tokens.SPACE_4, middle), QPointF(room, middle))
    right = rect.right() - room
    painter.drawLine(QPointF(right, middle), QPointF(rect.right() - tokens.SPACE_4, middle))
