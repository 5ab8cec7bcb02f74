"""A log of a million lines: only the visible rows are ever decoded, and all of it is plain text.

The vertical scroll bar counts rows, from the first kept one; the horizontal one counts pixels.
While it follows, the view stays at the end; scrolling up pauses it, scrolling to the end resumes.
"""

from enum import StrEnum

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QMenu, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.log_buffer import Gap, GapKind, LogBuffer
from lanherd_desktop.state.log_rows import LogRows, ShownRow
from lanherd_desktop.state.log_search import Match
from lanherd_desktop.state.log_selection import Place, Selection, moved, selected_text, word_at
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.log_finder import LogFinder
from lanherd_desktop.views.widgets.log_painter import (
    Grid,
    Mark,
    RowPainter,
    draw_note,
    draw_number,
    grid_of,
)
from lanherd_desktop.views.widgets.skeleton import Skeleton

_PAD_X = 14
_PAD_Y = 8
_GUTTER_GAP = 16
_DIGITS_MIN = 4
_SIZE_MIN = 8
_SIZE_MAX = 28
_DRAG_MS = 40


class LogState(StrEnum):
    LOADING = "loading"
    EMPTY = "empty"
    READY = "ready"


class LogPane(QAbstractScrollArea):
    following_changed = Signal(bool)
    lines_changed = Signal(int)
    found = Signal(int, int, bool)
    find_requested = Signal()
    copied = Signal(int, bool)

    def __init__(self, buffer: LogBuffer | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buffer = buffer if buffer is not None else LogBuffer()
        self._rows = LogRows(self._buffer)
        self._grid: Grid = grid_of(tokens.FONT_SECONDARY)
        self._state = LogState.READY
        self._state_text = ""
        self._following = True
        self._placing = False
        self._first_row = self._buffer.first_row
        self._columns_seen = 0
        self._selection: Selection | None = None
        self._dragging = False
        self._pointer = QPoint()
        self._finder = LogFinder(self)
        self._finder.found.connect(self.found)
        self._finder.went_to.connect(self._show_match)
        self._drag_timer = QTimer(self)
        self._drag_timer.setInterval(_DRAG_MS)
        self._drag_timer.timeout.connect(self._drag_beyond)
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
        """Another log: selection, search and place begin anew; the search text stays."""
        self._buffer = buffer
        self._rows = LogRows(buffer)
        self._first_row = buffer.first_row
        self._columns_seen = 0
        self._selection = None
        self.horizontalScrollBar().setValue(0)
        self._finder.look_for(buffer, self._finder.text, buffer.first_row)
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

    def refresh(self) -> None:
        """Follows a buffer that was appended to directly."""
        self._finder.resume()
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
        return max(1, (self.viewport().height() - 2 * _PAD_Y) // self._grid.row_height)

    def _gutter(self) -> float:
        digits = max(_DIGITS_MIN, len(str(self._buffer.end_row)))
        return _PAD_X + digits * self._grid.cell + _GUTTER_GAP

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
        width = self._gutter() + self._columns_seen * self._grid.cell + _PAD_X
        horizontal.setPageStep(self.viewport().width())
        horizontal.setSingleStep(round(self._grid.cell * 4))
        horizontal.setRange(0, max(0, round(width) - self.viewport().width()))
        loading = self._state is LogState.LOADING and not self._buffer.row_count
        if loading != self._skeleton.isVisible():
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
        first = self.top_row() + max(0, int((clip.top() - _PAD_Y) // height))
        end = min(
            self._buffer.end_row,
            self.top_row() + int((clip.bottom() - _PAD_Y) // height) + 1,
        )
        shown = [(number, self._rows.row(number)) for number in range(first, end)]
        for number, row in shown:
            self._paint_number(painter, number, row, gutter)
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
        return float(_PAD_Y + (number - self.top_row()) * self._grid.row_height)

    def _paint_number(self, painter: QPainter, number: int, row: ShownRow, gutter: float) -> None:
        if row.gap is None:
            value = self._buffer.number(number)
            text = str(value.value) if value.exact else f"+{value.value}"
            rect = QRectF(0, self._row_top(number), gutter - _GUTTER_GAP, self._grid.row_height)
            draw_number(painter, self._grid, text, rect, colours().muted)

    def _paint_note(self, painter: QPainter, row: ShownRow, top: float) -> None:
        c = colours()
        if row.gap is not None:
            draw_note(
                painter, self._grid, self.gap_text(row.gap), self._text_left(), top, c.foreign
            )
        elif row.left_out:
            x = self._text_left() + (row.columns.width + 1) * self._grid.cell
            text = self.tr("… {0} more in this line").format(numbers.size(row.left_out))
            draw_note(painter, self._grid, text, x, top, c.foreign)

    def gap_text(self, gap: Gap) -> str:
        amount = numbers.size(gap.byte_count)
        if gap.kind is GapKind.TRIMMED:
            return self.tr("— {0} before this aren't kept in the window —").format(amount)
        return self.tr("— {0} of the log are missing here —").format(amount)

    def _marks(self, number: int, row: ShownRow) -> list[Mark]:
        c = colours()
        marks = []
        chosen = self._selection and self._selection.in_row(number, len(row.text))
        if chosen:
            marks.append(Mark(chosen[0], chosen[1], c.selection))
        for begin, end, current in self._finder.matches_in(number, row.text):
            ground = c.match_current if current else c.match
            marks.append(Mark(begin, end, ground, c.on_match if current else c.text))
        return marks

    # --- Finding

    def find_text(self, text: str) -> None:
        """Marks all occurrences and goes to the first from here on; '' ends it."""
        self._finder.look_for(self._buffer, text, self.top_row())
        self.viewport().update()

    def find_next(self) -> None:
        self._finder.step(1, self.top_row())

    def find_previous(self) -> None:
        self._finder.step(-1, self.top_row())

    def _show_match(self, match: Match) -> None:
        self.show_row(match.row)
        row = self._rows.row(match.row)
        place = self._finder.place_of(match, row.text)
        if place is not None:
            self._show_columns(row.columns.column(place[0]), row.columns.column(place[1]))
        self.viewport().update()

    def show_row(self, row: int) -> None:
        """Brings a row into view, to the middle if it wasn't there; following pauses."""
        first, visible = self.top_row(), self._visible_rows()
        if not first <= row < first + visible:
            self.set_following(False)
            self.verticalScrollBar().setValue(row - self._buffer.first_row - visible // 2)

    def _show_columns(self, start: int, end: int) -> None:
        cell, bar = self._grid.cell, self.horizontalScrollBar()
        self._columns_seen = max(self._columns_seen, end + 1)
        self._sync()
        room = self.viewport().width() - self._gutter() - _PAD_X
        left, right = start * cell, end * cell
        if left < bar.value() or right > bar.value() + room:
            bar.setValue(max(0, round(left - room / 3)))

    # --- Selecting

    def selection(self) -> Selection | None:
        return self._selection

    def select_all(self) -> None:
        buffer = self._buffer
        self._select(Place(buffer.first_row, 0), Place(buffer.end_row, 0))

    def selected_text(self) -> str:
        return self._selected()[0]

    def _selected(self) -> tuple[str, bool]:
        if self._selection is None:
            return ("", False)
        return selected_text(self._buffer, self._rows, self._selection, self.gap_text)

    def copy(self) -> None:
        text, capped = self._selected()
        if text:
            QGuiApplication.clipboard().setText(text)
            self.copied.emit(len(text), capped)

    def _select(self, anchor: Place, head: Place) -> None:
        self._selection = Selection(anchor, head)
        self.viewport().update()

    def place_at(self, point: QPoint) -> Place:
        """The place in the log nearest to a point of the viewport."""
        number = self.top_row() + int((point.y() - _PAD_Y) // self._grid.row_height)
        if number < self._buffer.first_row or not self._buffer.row_count:
            return Place(self._buffer.first_row, 0)
        if number >= self._buffer.end_row:
            return Place(self._buffer.end_row, 0)
        columns = self._rows.row(number).columns
        column = (point.x() - self._text_left()) / self._grid.cell
        index = columns.index(int(column))
        middle = (columns.column(index) + columns.column(index + 1)) / 2
        return Place(number, index + 1 if column > middle else index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        place = self.place_at(event.position().toPoint())
        self._dragging = True
        extend = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        anchor = self._selection.anchor if extend and self._selection else place
        self._select(anchor, place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and place.row < self._buffer.end_row:
            start, end = word_at(self._rows.text(place.row), place.index)
            self._select(Place(place.row, start), Place(place.row, end))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging and self._selection is not None:
            self._pointer = event.position().toPoint()
            self._select(self._selection.anchor, self.place_at(self._pointer))
            if self.viewport().rect().contains(self._pointer):
                self._drag_timer.stop()
            elif not self._drag_timer.isActive():
                self._drag_timer.start()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._dragging = False
        self._drag_timer.stop()

    def _drag_beyond(self) -> None:
        """The pointer is held outside: the view moves towards it."""
        point = self._pointer
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        for bar, at, size in (
            (vertical, point.y(), self.viewport().height()),
            (horizontal, point.x(), self.viewport().width()),
        ):
            beyond = min(at, 0) or max(at - size, 0)
            bar.setValue(bar.value() + (beyond // 12 if bar is vertical else beyond))
        if self._selection is not None:
            self._select(self._selection.anchor, self.place_at(point))

    # --- Keys, wheel, menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._on_command(event) and not self._on_motion(event):
            super().keyPressEvent(event)

    def _on_command(self, event: QKeyEvent) -> bool:
        standard = QKeySequence.StandardKey
        for keys, do in (
            (standard.Copy, self.copy),
            (standard.SelectAll, self.select_all),
            (standard.Find, self.find_requested.emit),
            (standard.FindNext, self.find_next),
            (standard.FindPrevious, self.find_previous),
            (standard.ZoomIn, lambda: self.set_font_size(self._grid.size + 1)),
            (standard.ZoomOut, lambda: self.set_font_size(self._grid.size - 1)),
        ):
            if event.matches(keys):
                do()
                return True
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() == Qt.Key.Key_0 and control:
            self.set_font_size(tokens.FONT_SECONDARY)
            return True
        if event.key() == Qt.Key.Key_Escape and self._selection is not None:
            self._selection = None
            self.viewport().update()
            return True
        return False

    def _on_motion(self, event: QKeyEvent) -> bool:
        page = self._visible_rows()
        rows = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -self._buffer.row_count,
            Qt.Key.Key_End: self._buffer.row_count,
        }
        sideways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in rows:
            if shift:
                self._extend(rows[key], 0)
            else:
                bar = self.verticalScrollBar()
                bar.setValue(bar.value() + rows[key])
        elif key in sideways:
            if shift:
                self._extend(0, sideways[key])
            else:
                bar = self.horizontalScrollBar()
                bar.setValue(bar.value() + sideways[key] * bar.singleStep())
        else:
            return False
        return True

    def _extend(self, rows: int, characters: int) -> None:
        """Moves the free end of the selection; without one it begins at the top row."""
        if self._selection is None:
            at = Place(self.top_row(), 0)
            self._selection = Selection(at, at)
        first, end = self._buffer.first_row, self._buffer.end_row
        text = self._rows.text
        head = moved(
            self._selection.head, rows, characters, (first, end), lambda row: len(text(row))
        )
        self._select(self._selection.anchor, head)
        self.show_row(min(head.row, end - 1))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_font_size(self._grid.size + (1 if event.angleDelta().y() > 0 else -1))
            event.accept()
            return
        super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        copy = menu.addAction(self.tr("Copy"), self.copy)
        copy.setEnabled(self._selection is not None and not self._selection.empty)
        menu.addAction(self.tr("Select all"), self.select_all)
        menu.addSeparator()
        menu.addAction(self.tr("Find…"), self.find_requested.emit)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
