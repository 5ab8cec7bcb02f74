"""Projects as a list: the folders that this desktop knows."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.projects import ProjectRow

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()


class ProjectListModel(QAbstractListModel):
    """Rows are `ProjectRow`s."""

    def __init__(
        self, trailing: Callable[[ProjectRow], str], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._trailing = trailing
        self._rows: list[ProjectRow] = []

    def set_projects(self, rows: Sequence[ProjectRow]) -> None:
        fresh = list(rows)
        if [row.folder for row in fresh] != [row.folder for row in self._rows]:
            self.beginResetModel()
            self._rows = fresh
            self.endResetModel()
        elif fresh != self._rows:
            self._rows = fresh
            self.dataChanged.emit(self.index(0), self.index(len(fresh) - 1))

    def project_at(self, place: int) -> ProjectRow | None:
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.project_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | RowRole.TITLE:
                return row.name
            case RowRole.CHIP:
                return row.last_kind
            case RowRole.SUBTITLE:
                return row.folder
            case RowRole.TRAILING:
                return self._trailing(row)
            case RowRole.DANGER:
                return False
            case RowRole.KEY:
                return row.folder
            case _:
                return None
