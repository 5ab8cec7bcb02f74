"""The list of runs itself: the arrow of a sweep's head opens it, and so do keys."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.run_tree import GroupHead
from lanherd_desktop.views.theme.tokens import SPACE_4
from lanherd_desktop.views.widgets.list_row import INDENT

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class RunListView(QListView):
    """Right opens a sweep and then goes into it, Left goes to its head and then folds it, Enter
    and a double click do either."""

    open_wanted = Signal(str, bool)
    """The name of a sweep, and whether it is to be open."""
    head_wanted = Signal(object)
    """Go from this run (RunKey) to the head of its sweep."""

    def dataChanged(
        self,
        top_left: QModelIndex | QPersistentModelIndex,
        bottom_right: QModelIndex | QPersistentModelIndex,
        roles: Sequence[int] = (),
    ) -> None:
        """Rows are as high as they were, whatever they say: a list would lay all of them anew."""
        QAbstractItemView.dataChanged(self, top_left, bottom_right, list(roles))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        head = _head(self.indexAt(at.toPoint()))
        if (
            head is not None
            and event.button() is Qt.MouseButton.LeftButton
            and at.x() < SPACE_4 + INDENT
        ):
            self.open_wanted.emit(head.name, not head.open)
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        head = _head(self.indexAt(event.position().toPoint()))
        if head is None or event.button() is not Qt.MouseButton.LeftButton:
            super().mouseDoubleClickEvent(event)
            return
        self.open_wanted.emit(head.name, not head.open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex()
        head = _head(current)
        if head is not None and self._on_head(event.key(), head, current):
            return
        if event.key() == Qt.Key.Key_Left and current.data(RowRole.UNDER):
            self.head_wanted.emit(current.data(RowRole.KEY.value))
            return
        super().keyPressEvent(event)

    def _on_head(self, key: int, head: GroupHead, current: QModelIndex) -> bool:
        """Whether the key says something of the head."""
        if key in _ENTER:
            self.open_wanted.emit(head.name, not head.open)
        elif key == Qt.Key.Key_Right and head.open:
            self.setCurrentIndex(current.siblingAtRow(current.row() + 1))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.open_wanted.emit(head.name, key == Qt.Key.Key_Right)
        else:
            return False
        return True


def _head(index: QModelIndex) -> GroupHead | None:
    head = index.data(RowRole.GROUP.value) if index.isValid() else None
    return head if isinstance(head, GroupHead) else None
