"""Ctrl+K: every action by its words."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.empty_state import EmptyState

WIDTH, HEIGHT = 520, 380
ROW_HEIGHT = 36


class Palette(QDialog):
    """A line and the actions that match it; Enter runs the chosen one."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAccessibleName(self.tr("Find an action"))
        self._actions = list(actions)
        self.line = QLineEdit()
        self.line.setPlaceholderText(self.tr("What do you want to do?"))
        self.line.setAccessibleName(self.tr("What do you want to do?"))
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setAccessibleName(self.tr("Actions"))
        self.nothing = EmptyState(
            IconName.SEARCH,
            self.tr("No action matches"),
            self.tr("Other words, or none, show more of them."),
        )
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing, 1)
        self.resize(WIDTH, HEIGHT)
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(self.run_chosen)
        self.list.itemActivated.connect(self.run_chosen)
        self.line.installEventFilter(self)
        self._fill("")

    def open_over(self, window: QWidget) -> None:
        """Show it at the top middle of the window."""
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - WIDTH) // 2, corner.y() + 72)
        self.show()
        self.line.setFocus()

    def run_chosen(self) -> None:
        item = self.list.currentItem()
        self.close()
        if item is not None and not item.isDisabled():
            trigger: Callable[[], None] = item.data(0, Qt.ItemDataRole.UserRole)
            trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move the choice while the line keeps the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            # By number: not every key that a keyboard can send has a name.
            step = {int(Qt.Key.Key_Down): 1, int(Qt.Key.Key_Up): -1}.get(event.key(), 0)
            count = self.list.topLevelItemCount()
            if step and count:
                self._move(self.list.currentIndex().row(), step)
                return True
        return super().eventFilter(watched, event)

    def _fill(self, line: str) -> None:
        words = line.casefold().split()
        self.list.clear()
        for action in self._actions:
            text = action.text()
            if not all(word in text.casefold() for word in words):
                continue
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            item = QTreeWidgetItem([text, keys])
            item.setData(0, Qt.ItemDataRole.UserRole, action.trigger)
            item.setSizeHint(0, QSize(0, ROW_HEIGHT))
            # Dimmed, not hidden: that it is there can be learnt before there is anything to do.
            item.setDisabled(not action.isEnabled())
            self.list.addTopLevelItem(item)
        nothing = self.list.topLevelItemCount() == 0
        self.list.setHidden(nothing)
        self.nothing.setVisible(nothing)
        self._move(-1, 1)

    def _move(self, row: int, step: int) -> None:
        """To the next action that can be done now, around the ends."""
        count = self.list.topLevelItemCount()
        for away in range(1, count + 1):
            place = (row + step * away) % count
            item = self.list.topLevelItem(place)
            if item is not None and not item.isDisabled():
                self._choose(place)
                return

    def _choose(self, row: int) -> None:
        item = self.list.topLevelItem(row)
        if item is not None:
            self.list.setCurrentItem(item)
