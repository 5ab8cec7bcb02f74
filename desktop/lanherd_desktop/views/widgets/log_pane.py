"""A log of a million lines, read and used by hand: found in, selected, copied; all plain text."""

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from lanherd_desktop.state.log_buffer import GapKind, LogBuffer
from lanherd_desktop.state.log_rows import ShownRow
from lanherd_desktop.state.log_search import Match
from lanherd_desktop.state.log_selection import Place, Selection, moved, selected_text, word_at
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.log_canvas import PAD_X, LogCanvas, LogState
from lanherd_desktop.views.widgets.log_finder import LogFinder
from lanherd_desktop.views.widgets.log_painter import Mark

__all__ = ["LogPane", "LogState"]
_DRAG_MS = 40


class LogPane(LogCanvas):
    found = Signal(int, int, bool)
    find_requested = Signal()
    copied = Signal(int, bool)
    more_wanted = Signal(object)
    """A Gap of what isn't loaded: somebody wants to see it."""

    def __init__(self, buffer: LogBuffer | None = None, parent: QWidget | None = None) -> None:
        super().__init__(buffer, parent)
        self._selection: Selection | None = None
        self._dragging = False
        self._pointer = QPoint()
        self._finder = LogFinder(self)
        self._finder.found.connect(self.found)
        self._finder.went_to.connect(self._show_match)
        self._drag_timer = QTimer(self)
        self._drag_timer.setInterval(_DRAG_MS)
        self._drag_timer.timeout.connect(self._drag_beyond)

    def set_buffer(self, buffer: LogBuffer) -> None:
        """Another log: selection, search and place begin anew; the search text stays."""
        self._selection = None
        self._finder.look_for(buffer, self._finder.text, buffer.first_row)
        super().set_buffer(buffer)

    def refresh(self) -> None:
        """Follows a buffer that was appended to directly."""
        self._finder.resume()
        super().refresh()

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

    def _show_columns(self, start: int, end: int) -> None:
        cell, bar = self._grid.cell, self.horizontalScrollBar()
        self._columns_seen = max(self._columns_seen, end + 1)
        self._sync()
        room = self.viewport().width() - self._gutter() - PAD_X
        left, right = start * cell, end * cell
        if left < bar.value() or right > bar.value() + room:
            bar.setValue(max(0, round(left - room / 3)))

    def mark_row(self, row: int) -> None:
        """Bring a row into view and select it: somebody asked for it."""
        self.show_row(row)
        self._select(Place(row, 0), Place(row, len(self._rows.text(row))))

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
            gap = self._buffer.gap(place.row)
            if gap is not None and gap.kind is GapKind.NOT_LOADED:
                self.more_wanted.emit(gap)
                return
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
        if self._times:
            times = menu.addAction(self.tr("Times beside the lines"))
            times.setCheckable(True)
            times.setChecked(self._times_shown)
            times.toggled.connect(self.show_times)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
