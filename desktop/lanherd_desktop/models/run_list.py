"""Runs as a list: newest first, filtered, changed in place so that nothing jumps."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import Query
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query
from lanherd_protocol.ids import DeviceId, RunId

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
ONE_BY_ONE_MAX = 32
"""More rows than these come or go at once: laying the list anew is cheaper, and looks the same."""
_LIVE = frozenset({ChipKind.RUNNING, ChipKind.STOPPING})
_BAD = frozenset({ChipKind.FAILED, ChipKind.TIMED_OUT, ChipKind.LOST})

Rank = tuple[float, RunId, DeviceId]


class RunListModel(QAbstractListModel):
    """Rows are `RunRow`s; the texts of a row are made by the view's own words."""

    def __init__(
        self,
        subtitle: Callable[[RunRow], str],
        trailing: Callable[[RunRow], str],
        spoken: Callable[[RunRow], str],
        signs: Callable[[RunRow], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._values: dict[int, Callable[[RunRow], Any]] = {
            Qt.ItemDataRole.DisplayRole: lambda row: row.title,
            Qt.ItemDataRole.AccessibleTextRole: spoken,
            Qt.ItemDataRole.ToolTipRole: signs,
            RowRole.TITLE: lambda row: row.title,
            RowRole.CHIP: lambda row: row.kind,
            RowRole.SUBTITLE: subtitle,
            RowRole.TRAILING: trailing,
            RowRole.DANGER: lambda row: row.kind in _BAD,
            RowRole.KEY: lambda row: (row.machine, row.run),
            RowRole.TAGS: lambda row: row.tags,
            RowRole.PRIORITY: lambda row: row.priority,
            RowRole.PINNED: lambda row: row.pinned,
        }
        self._all: dict[RunKey, RunRow] = {}
        self._shown: dict[RunKey, RunRow] = {}
        # Oldest first, shown the other way round: a new run goes to the end, and none moves.
        self._order: list[Rank] = []
        self._query: Query = run_query("")

    # --- what is shown ---------------------------------------------------------------------------

    def replace(self, rows: Mapping[RunKey, RunRow]) -> None:
        """All runs as they are now: those that are gone go."""
        gone = self._all.keys() - rows.keys()
        fresh = {key: row for key, row in rows.items() if self._all.get(key) != row}
        if len(gone) + len(fresh.keys() - self._all.keys()) > ONE_BY_ONE_MAX:
            self._all = dict(rows)
            self._lay()
            return
        for key in gone:
            del self._all[key]
            self._take_out(key)
        self.change(fresh)

    def change(self, rows: Mapping[RunKey, RunRow]) -> None:
        """Runs came or changed: what stays is told by one `dataChanged`."""
        self._all.update(rows)
        touched: list[RunKey] = []
        for key, row in rows.items():
            shown = key in self._shown
            if not run_accepted(row, self._query):
                self._take_out(key)
            elif shown and _rank(row) == _rank(self._shown[key]):
                self._shown[key] = row
                touched.append(key)
            else:
                self._take_out(key)
                self._put_in(key, row)
        self._tell(touched)

    def set_filter(self, line: str) -> None:
        self._query = run_query(line)
        self._lay()

    def refresh_times(self) -> None:
        """A second went by: durations of live rows are older now."""
        live = [key for key, row in self._shown.items() if row.kind in _LIVE]
        self._tell(live, [RowRole.TRAILING.value])

    def row_at(self, place: int) -> RunRow | None:
        if not 0 <= place < len(self._order):
            return None
        _, run, machine = self._order[-1 - place]
        return self._shown[machine, run]

    def place_of(self, key: RunKey) -> int | None:
        row = self._shown.get(key)
        return None if row is None else self._place(row)

    @property
    def total(self) -> int:
        """How many there are without the filter."""
        return len(self._all)

    def _place(self, row: RunRow) -> int:
        return len(self._order) - 1 - bisect_left(self._order, _rank(row))

    def _take_out(self, key: RunKey) -> None:
        row = self._shown.get(key)
        if row is None:
            return
        place = self._place(row)
        self.beginRemoveRows(QModelIndex(), place, place)
        del self._order[-1 - place]
        del self._shown[key]
        self.endRemoveRows()

    def _put_in(self, key: RunKey, row: RunRow) -> None:
        at = bisect_left(self._order, _rank(row))
        place = len(self._order) - at
        self.beginInsertRows(QModelIndex(), place, place)
        self._order.insert(at, _rank(row))
        self._shown[key] = row
        self.endInsertRows()

    def _tell(self, keys: Iterable[RunKey], roles: list[int] | None = None) -> None:
        places = [self._place(self._shown[key]) for key in keys]
        if places:
            first, last = self.index(min(places)), self.index(max(places))
            self.dataChanged.emit(first, last, roles or [])

    def _lay(self) -> None:
        self.beginResetModel()
        self._shown = {key: row for key, row in self._all.items() if run_accepted(row, self._query)}
        self._order = sorted(_rank(row) for row in self._shown.values())
        self.endResetModel()

    # --- QAbstractListModel ----------------------------------------------------------------------

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._order)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        say = self._values.get(role)
        return None if say is None else say(row)


def _rank(row: RunRow) -> Rank:
    return row.submitted_at, row.run, row.machine
