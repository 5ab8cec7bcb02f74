"""The picture of a log: its rows, numbers and times, and where they stand.

The vertical scroll bar counts rows, from the first kept one; the horizontal one counts pixels.
While it follows, the view stays at the end; scrolling up pauses it, scrolling to the end resumes.
Only the visible rows are ever decoded.
"""

from enum import StrEnum

from PySide6.QtCore import QDateTime, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.log_buffer import Gap, GapKind, LogBuffer
from lanherd_desktop.state.log_rows import LogRows, ShownRow
from lanherd_desktop.state.log_selection import Place
from lanherd_desktop.state.log_times import LogTimes
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.log_painter import (
    Grid,
    Mark,
    RowPainter,
    draw_band,
    draw_note,
    draw_number,
    grid_of,
)
from lanherd_desktop.views.widgets.skeleton import Skeleton

PAD_X = 14
PAD_Y = 8
_GUTTER_GAP = 16
_DIGITS_MIN = 4
_TIME_DIGITS = 8
_SIZE_MIN = 8
_SIZE_MAX = 28


class LogState(StrEnum):
    LOADING = "loading"
    EMPTY = "empty"
    READY = "ready"


class LogCanvas(QAbstractScrollArea):
    following_changed = Signal(bool)
    lines_changed = Signal(int)

    def __init__(self, buffer: LogBuffer | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buffer = buffer if buffer is not None else LogBuffer()
        self._rows = LogRows(self._buffer)
        self._times = LogTimes()
        self._times_shown = True
        self._grid: Grid = grid_of(tokens.FONT_SECONDARY)
        self._state = LogState.READY
        self._state_text = ""
        self._following = True
        self._placing = False
        self._first_row = self._buffer.first_row
        self._columns_seen = 0
        self._skeleton = Skeleton("text", self.viewport())
        self._skeleton.hide()
        self._build()

    def _build(self) -> None:
        self.setProperty("frame", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Log"))
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.horizontalScrollBar().valueChanged.connect(lambda _v: self.viewport().update())
        self._sync()

    # --- What it shows

    def buffer(self) -> LogBuffer:
        return self._buffer

    def set_buffer(self, buffer: LogBuffer) -> None:
        """Another log: place and times begin anew."""
        self._buffer = buffer
        self._rows = LogRows(buffer)
        self._times = LogTimes()
        self._first_row = buffer.first_row
        self._columns_seen = 0
        self.horizontalScrollBar().setValue(0)
        self._sync()
        self.lines_changed.emit(self.line_count())

    def clear(self) -> None:
        self.set_buffer(LogBuffer())

    def append(self, data: bytes, offset: int | None = None) -> None:
        """Adds to the buffer and shows it. Give at most a mebibyte a call."""
        before = self._buffer.end_row
        self._buffer.append(data, offset)
        self.refresh()
        if self._buffer.end_row != before:
            self.lines_changed.emit(self.line_count())

    def skip(self, to: int, kind: GapKind) -> None:
        """Go on at another address; why is said between the lines."""
        self._buffer.skip(to, kind)
        self.refresh()

    def refresh(self) -> None:
        """Follows a buffer that was appended to directly."""
        self._sync()

    def set_times(self, times: LogTimes) -> None:
        """When its lines were printed; they stand beside their numbers."""
        self._times = times
        self._sync()

    def times_shown(self) -> bool:
        return self._times_shown

    def show_times(self, shown: bool) -> None:
        self._times_shown = shown
        self._sync()

    def line_count(self) -> int:
        return self._buffer.row_count

    def set_state(self, state: LogState, text: str = "") -> None:
        """LOADING and EMPTY show only while there is no line; `text` replaces the usual words."""
        self._state = state
        self._state_text = text
        self._sync()

    def set_font_size(self, size: int) -> None:
        self._grid = grid_of(min(max(size, _SIZE_MIN), _SIZE_MAX))
        self._sync()

    def font_size(self) -> int:
        return self._grid.size

    # --- Following

    def following(self) -> bool:
        return self._following

    def set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)
        if following:
            self._sync()

    def _on_scrolled(self, value: int) -> None:
        if not self._placing:
            self.set_following(value >= self.verticalScrollBar().maximum())
        self.viewport().update()

    # --- Geometry

    def _visible_rows(self) -> int:
        return max(1, (self.viewport().height() - 2 * PAD_Y) // self._grid.row_height)

    def _gutter(self) -> float:
        """Where the text begins: behind the numbers, and the times where there are some."""
        times = (_TIME_DIGITS * self._grid.cell + _GUTTER_GAP) if self._has_times() else 0
        return self._number_end() + _GUTTER_GAP + times

    def _number_end(self) -> float:
        digits = max(_DIGITS_MIN, len(str(self._buffer.end_row)))
        return PAD_X + digits * self._grid.cell

    def _has_times(self) -> bool:
        return self._times_shown and bool(self._times)

    def _text_left(self) -> float:
        return self._gutter() - self.horizontalScrollBar().value()

    def top_row(self) -> int:
        return self._buffer.first_row + self.verticalScrollBar().value()

    def _sync(self) -> None:
        """Scroll bars and skeleton after any change; keeps the place when the head was let go."""
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        dropped = self._buffer.first_row - self._first_row
        self._first_row = self._buffer.first_row
        visible = self._visible_rows()
        self._placing = True
        value = vertical.value() - dropped
        vertical.setPageStep(visible)
        vertical.setRange(0, max(0, self._buffer.row_count - visible))
        vertical.setValue(vertical.maximum() if self._following else max(0, value))
        self._placing = False
        width = self._gutter() + self._columns_seen * self._grid.cell + PAD_X
        horizontal.setPageStep(self.viewport().width())
        horizontal.setSingleStep(round(self._grid.cell * 4))
        horizontal.setRange(0, max(0, round(width) - self.viewport().width()))
        loading = self._state is LogState.LOADING and not self._buffer.row_count
        # Not `isVisible`: where the whole pane is hidden, nothing in it is.
        if loading == self._skeleton.isHidden():
            self._skeleton.setVisible(loading)
            (self._skeleton.start if loading else self._skeleton.stop)()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._skeleton.setGeometry(self.viewport().rect())
        self._sync()

    def sizeHint(self) -> QSize:
        return QSize(640, 360)

    # --- Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        if self._buffer.row_count:
            self._paint_rows(painter, QRectF(event.rect()))
        elif self._state is not LogState.LOADING:
            self._paint_empty(painter)
        painter.end()

    def _paint_empty(self, painter: QPainter) -> None:
        painter.setFont(ui_font(tokens.FONT_BASE))
        painter.setPen(colours().muted)
        text = self._state_text or self.tr("Nothing has been printed yet.")
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.viewport().rect().adjusted(24, 24, -24, -24), int(flags), text)

    def _paint_rows(self, painter: QPainter, clip: QRectF) -> None:
        gutter = self._gutter()
        text_clip = clip.intersected(
            QRectF(gutter - 4, 0, self.viewport().width() - gutter + 4, self.viewport().height())
        )
        columns = 0
        height = self._grid.row_height
        first = self.top_row() + max(0, int((clip.top() - PAD_Y) // height))
        end = min(
            self._buffer.end_row,
            self.top_row() + int((clip.bottom() - PAD_Y) // height) + 1,
        )
        shown = [(number, self._rows.row(number)) for number in range(first, end)]
        for number, row in shown:
            self._paint_number(painter, number, row)
        if self._has_times():
            self._paint_times(painter, [number for number, row in shown if row.gap is None])
        for number, row in shown:
            self._paint_gap(painter, number, row)
        painter.setClipRect(text_clip)
        rows = RowPainter(painter, self._grid, self._text_left(), text_clip)
        for number, row in shown:
            top = self._row_top(number)
            rows.draw(row, top, self._marks(number, row))
            self._paint_note(painter, row, top)
            columns = max(columns, row.columns.width + (16 if row.left_out else 1))
        if columns > self._columns_seen:
            self._columns_seen = columns
            QTimer.singleShot(0, self, self._sync)

    def _row_top(self, number: int) -> float:
        return float(PAD_Y + (number - self.top_row()) * self._grid.row_height)

    def _paint_number(self, painter: QPainter, number: int, row: ShownRow) -> None:
        if row.gap is None:
            value = self._buffer.number(number)
            text = str(value.value) if value.exact else f"+{value.value}"
            rect = QRectF(0, self._row_top(number), self._number_end(), self._grid.row_height)
            draw_number(painter, self._grid, text, rect, colours().muted)

    def _paint_times(self, painter: QPainter, shown: list[int]) -> None:
        """Each second once, at the first of its lines that is on the screen."""
        before = ""
        left = self._number_end() + _GUTTER_GAP
        for number in shown:
            text = self.time_text(number)
            if text and text != before:
                rect = QRectF(
                    left, self._row_top(number), _TIME_DIGITS * self._grid.cell,
                    self._grid.row_height,
                )  # fmt: skip
                draw_number(painter, self._grid, text, rect, colours().muted)
            before = text

    def time_text(self, number: int) -> str:
        """The time of day at which a row was last written to; empty where it isn't known."""
        start, end = self._buffer.span(number)
        at = self._times.at(self._buffer.address(number) + max(0, end - start - 1))
        if at is None:
            return ""
        return QDateTime.fromSecsSinceEpoch(int(at)).time().toString("HH:mm:ss")

    def _paint_gap(self, painter: QPainter, number: int, row: ShownRow) -> None:
        if row.gap is not None:
            top, width = self._row_top(number), float(self.viewport().width())
            rect = QRectF(0, top, width, self._grid.row_height)
            draw_band(painter, self._grid, self.gap_text(row.gap), rect)

    def _paint_note(self, painter: QPainter, row: ShownRow, top: float) -> None:
        c = colours()
        if row.left_out:
            x = self._text_left() + (row.columns.width + 1) * self._grid.cell
            text = self.tr("… {0} more in this line").format(numbers.size(row.left_out))
            draw_note(painter, self._grid, text, x, top, c.foreign)

    def gap_text(self, gap: Gap) -> str:
        """What stands in the place of bytes that aren't here."""
        texts = {
            GapKind.TRIMMED: self.tr("{0} before this aren't kept in the window"),
            GapKind.MISSING: self.tr("{0} of the log are missing here"),
            GapKind.CAPPED: self.tr("{0} were given up for the log's cap"),
            GapKind.NOT_LOADED: self.tr("{0} are not loaded; double-click to load more"),
        }
        return texts[gap.kind].format(numbers.size(gap.byte_count))

    def _marks(self, number: int, row: ShownRow) -> list[Mark]:
        """Grounds of their own for parts of a row; for those who build on this."""
        return []

    def show_row(self, row: int) -> None:
        """Brings a row into view, to the middle if it wasn't there; following pauses."""
        first, visible = self.top_row(), self._visible_rows()
        if not first <= row < first + visible:
            self.set_following(False)
            self.verticalScrollBar().setValue(row - self._buffer.first_row - visible // 2)

    def place_at(self, point: QPoint) -> Place:
        """The place in the log nearest to a point of the viewport."""
        number = self.top_row() + int((point.y() - PAD_Y) // self._grid.row_height)
        if number < self._buffer.first_row or not self._buffer.row_count:
            return Place(self._buffer.first_row, 0)
        if number >= self._buffer.end_row:
            return Place(self._buffer.end_row, 0)
        columns = self._rows.row(number).columns
        column = (point.x() - self._text_left()) / self._grid.cell
        index = columns.index(int(column))
        middle = (columns.column(index) + columns.column(index + 1)) / 2
        return Place(number, index + 1 if column > middle else index)
