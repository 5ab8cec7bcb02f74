"""Runs as a list: newest first, filtered, changed in place so that nothing jumps."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import Query
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
_LIVE = frozenset({ChipKind.RUNNING, ChipKind.STOPPING})
_BAD = frozenset({ChipKind.FAILED, ChipKind.TIMED_OUT, ChipKind.LOST})


class RunListModel(QAbstractListModel):
    """Rows are `RunRow`s; the two texts of a row are made by the view's own words."""

    def __init__(
        self,
        subtitle: Callable[[RunRow], str],
        trailing: Callable[[RunRow], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._subtitle = subtitle
        self._trailing = trailing
        self._all: dict[RunKey, RunRow] = {}
        self._rows: list[RunRow] = []
        self._places: dict[RunKey, int] = {}
        self._query: Query = run_query("")

    # --- what is shown ---------------------------------------------------------------------------

    def replace(self, rows: Mapping[RunKey, RunRow]) -> None:
        """Rows came or went: lay the list anew."""
        self._all = dict(rows)
        self._lay()

    def change(self, rows: Mapping[RunKey, RunRow]) -> None:
        """Known rows changed: one `dataChanged` over them, a new layout only if it must be."""
        self._all.update(rows)
        touched: list[int] = []
        for key, row in rows.items():
            place = self._places.get(key)
            if (place is not None) != run_accepted(row, self._query):
                self._lay()
                return
            if place is not None:
                self._rows[place] = row
                touched.append(place)
        if touched:
            self.dataChanged.emit(self.index(min(touched)), self.index(max(touched)))

    def set_filter(self, line: str) -> None:
        self._query = run_query(line)
        self._lay()

    def refresh_times(self) -> None:
        """A second went by: durations of live rows are older now."""
        live = [place for place, row in enumerate(self._rows) if row.kind in _LIVE]
        if live:
            self.dataChanged.emit(
                self.index(live[0]), self.index(live[-1]), [RowRole.TRAILING.value]
            )

    def refresh_texts(self) -> None:
        """The language changed."""
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def row_at(self, place: int) -> RunRow | None:
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def place_of(self, key: RunKey) -> int | None:
        return self._places.get(key)

    @property
    def total(self) -> int:
        """How many there are without the filter."""
        return len(self._all)

    def _lay(self) -> None:
        self.beginResetModel()
        rows = [row for row in self._all.values() if run_accepted(row, self._query)]
        rows.sort(key=lambda row: (row.submitted_at, row.run), reverse=True)
        self._rows = rows
        self._places = {(row.machine, row.run): place for place, row in enumerate(rows)}
        self.endResetModel()

    # --- QAbstractListModel ----------------------------------------------------------------------

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | RowRole.TITLE:
                return row.title
            case RowRole.CHIP:
                return row.kind
            case RowRole.SUBTITLE:
                return self._subtitle(row)
            case RowRole.TRAILING:
                return self._trailing(row)
            case RowRole.DANGER:
                return row.kind in _BAD
            case RowRole.KEY:
                return (row.machine, row.run)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{row.kind.value}, {row.title}, {self._subtitle(row)}"
            case _:
                return None
