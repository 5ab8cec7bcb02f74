"""Machines as a list, by name: what pickers offer and what the demo looks at."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lanherd_client.mirror import MachineView
from lanherd_desktop.models.roles import RowRole

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()


class MachineListModel(QAbstractListModel):
    """Rows are `MachineView`s."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[MachineView] = []

    def set_machines(self, machines: Sequence[MachineView]) -> None:
        """The machines in their order; in place when it is the same ones."""
        same = [row.machine for row in self._rows] == [view.machine for view in machines]
        if not same:
            self.beginResetModel()
        self._rows = list(machines)
        if not same:
            self.endResetModel()
        elif self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def machine_at(self, place: int) -> MachineView | None:
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        view = self.machine_at(index.row()) if index.isValid() else None
        if view is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | RowRole.TITLE:
                return view.name
            case RowRole.KEY:
                return view.machine
            case _:
                return None
