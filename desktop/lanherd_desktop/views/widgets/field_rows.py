"""As many rows of fields as there are values, and a button for one more."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton


class FieldRow(QWidget):
    """The fields of one value beside each other, with a button that takes the row away."""

    edited = Signal()
    removed = Signal()

    def lay(self, remove: str, *fields: tuple[QWidget, int], below: Sequence[QWidget] = ()) -> None:
        """`fields` come with their stretch, `remove` says what the button does. Whoever has another
        field to begin with than the first one says so by the focus proxy."""
        self.remove_button = IconButton(IconName.X, remove)
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        for field, stretch in fields:
            row.addWidget(field, stretch)
        row.addWidget(self.remove_button)
        self.remove_button.clicked.connect(self.removed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        for widget in below:
            column.addWidget(widget)
        self.setFocusProxy(fields[0][0])

    def let_go(self) -> None:
        """It is taken away: what it holds is wanted no longer."""


Row = TypeVar("Row", bound=FieldRow)


class FieldRows(QWidget, Generic[Row]):
    """Who builds on it says what `add_button` is called."""

    edited = Signal()

    def __init__(self, empty_row: Callable[[], Row]) -> None:
        """`empty_row` makes the one that is added, with nothing written into it yet."""
        super().__init__()
        self._empty_row = empty_row
        self.rows: list[Row] = []
        self._box = QVBoxLayout()
        self._box.setSpacing(SPACE_2)
        self.add_button = GhostButton("", IconName.PLUS)
        self.add_button.clicked.connect(self._on_add)
        foot = QHBoxLayout()
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE_2)
        self._column.addLayout(self._box)
        self._column.addLayout(foot)

    def put_above(self, widget: QWidget) -> None:
        """Something that stands above all rows."""
        self._column.insertWidget(0, widget)

    def clear(self) -> None:
        self.keep(0)

    def keep(self, count: int) -> None:
        """So many of the first ones at most."""
        while len(self.rows) > count:
            self._drop(self.rows[-1])

    def add(self, row: Row) -> None:
        row.edited.connect(self.edited)
        row.removed.connect(lambda: self._on_removed(row))
        self.rows.append(row)
        self._box.addWidget(row)

    def _on_add(self) -> None:
        row = self._empty_row()
        self.add(row)
        # As by the Tab key: what the new row proposes is chosen, so that typing replaces it.
        row.setFocus(Qt.FocusReason.TabFocusReason)
        self.edited.emit()

    def _on_removed(self, row: Row) -> None:
        place = self.rows.index(row)
        self._drop(row)
        if self.rows:
            # Near where it was.
            self.rows[min(place, len(self.rows) - 1)].remove_button.setFocus()
        else:
            self.add_button.setFocus()
        self.edited.emit()

    def _drop(self, row: Row) -> None:
        self.rows.remove(row)
        self._box.removeWidget(row)
        row.let_go()
        row.hide()
        row.deleteLater()
