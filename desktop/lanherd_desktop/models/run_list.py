"""Runs as a list: newest first, filtered, those of a sweep under their head, changed in place so
that nothing jumps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.groups import GroupProgress, GroupReason
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_tree import Entry, GroupHead, RunTree
from lanherd_desktop.state.runs import RunRow

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
ONE_BY_ONE_MAX = 32
"""More rows than these come or go at once: laying the list anew is cheaper, and looks the same."""
_LIVE = frozenset({ChipKind.RUNNING, ChipKind.STOPPING})
_BAD = frozenset({ChipKind.FAILED, ChipKind.TIMED_OUT, ChipKind.LOST})


class GroupWords(NamedTuple):
    """How the head of a sweep is said."""

    subtitle: Callable[[GroupHead], str]
    trailing: Callable[[GroupHead], str]
    spoken: Callable[[GroupHead], str]
    tooltip: Callable[[GroupHead], str]


class RunListModel(QAbstractListModel):
    """Rows are `RunRow`s and, with `of_group`, `GroupHead`s; the texts of a row are made by the
    view's own words."""

    def __init__(
        self,
        subtitle: Callable[[RunRow], str],
        trailing: Callable[[RunRow], str],
        spoken: Callable[[RunRow], str],
        signs: Callable[[RunRow], str],
        parent: QObject | None = None,
        of_group: GroupWords | None = None,
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
            RowRole.UNDER: lambda row: bool(self._tree.group_of((row.machine, row.run))),
        }
        self._head_values: dict[int, Callable[[GroupHead], Any]] = {
            Qt.ItemDataRole.DisplayRole: lambda head: head.name,
            RowRole.TITLE: lambda head: head.name,
            RowRole.KEY: lambda head: head.name,
            RowRole.GROUP: lambda head: head,
        }
        if of_group is not None:
            self._head_values[Qt.ItemDataRole.AccessibleTextRole] = of_group.spoken
            self._head_values[Qt.ItemDataRole.ToolTipRole] = of_group.tooltip
            self._head_values[RowRole.SUBTITLE] = of_group.subtitle
            self._head_values[RowRole.TRAILING] = of_group.trailing
        self._tree = RunTree(grouped=of_group is not None)

    # --- what is shown ---------------------------------------------------------------------------

    def replace(self, rows: Mapping[RunKey, RunRow]) -> None:
        """All runs as they are now: those that are gone go."""
        known = self._tree.rows
        gone = known.keys() - rows.keys()
        fresh = {
            key: row
            for key, row in rows.items()
            if (was := known.get(key)) is not row and was != row
        }
        self._take(fresh, gone)

    def change(self, rows: Mapping[RunKey, RunRow], gone: Iterable[RunKey] = ()) -> None:
        """Runs came, changed or went: what stays is told by one `dataChanged`."""
        self._take(rows, gone)

    def _take(self, rows: Mapping[RunKey, RunRow], gone: Iterable[RunKey]) -> None:
        if not self._tree.take(rows, gone):
            self._move_to(self._tree.laid())
        groups = {row.group for row in rows.values() if row.group}
        self._tell([*rows, *groups])

    def set_filter(self, line: str) -> None:
        self._tree.filter_by(line)
        self._reset(self._tree.laid())

    def set_open(self, name: str, wanted: bool) -> None:
        """Open a sweep, or fold it: its runs come below its head, or go."""
        head = self._tree.place_of(name)
        if wanted == self._tree.is_open(name) and head is not None:
            return
        self._tree.set_open(name, wanted)
        count = len(self._tree.members(name))
        if head is None or not count:
            return
        if wanted:
            self._insert(head + 1, self._tree.members(name))
        else:
            self._remove(head + 1, head + count)
        self._tell([name])

    def open_those(self, names: Iterable[str]) -> None:
        """Those that were open when the window was closed."""
        for name in names:
            self.set_open(name, True)

    def is_open(self, name: str) -> bool:
        return self._tree.is_open(name)

    def opened(self) -> list[str]:
        return self._tree.opened()

    def refresh_times(self) -> None:
        """A second went by: durations of live rows are older now."""
        live = [key for key, row in self._tree.rows.items() if row.kind in _LIVE]
        self._tell(live, [RowRole.TRAILING.value])

    def row_at(self, place: int) -> RunRow | GroupHead | None:
        entries = self._tree.entries
        return self._tree.row(entries[place]) if 0 <= place < len(entries) else None

    def entries(self, first: int, last: int) -> list[Entry]:
        """What stands from one row to another, both with."""
        return self._tree.entries[first : last + 1]

    def place_of(self, entry: Entry) -> int | None:
        """Where a run or the head of a sweep is; None where it is hidden."""
        return self._tree.place_of(entry)

    def group_of(self, key: RunKey) -> str:
        """The sweep under whose head a run stands; '' if it stands alone."""
        return self._tree.group_of(key)

    def progress_of(self, name: str) -> GroupProgress:
        """How far all runs of a sweep are, filtered or not."""
        return self._tree.progress_of(name)

    def reasons_of(self, name: str) -> list[GroupReason]:
        """Why runs of a sweep wait or failed, filtered or not."""
        return self._tree.reasons_of(name)

    def members(self, name: str) -> list[RunKey]:
        """The runs of a sweep that the filter lets through, newest first."""
        return self._tree.members(name)

    @property
    def has_heads(self) -> bool:
        """Whether the runs of a sweep stand under a head."""
        return self._tree.grouped

    @property
    def total(self) -> int:
        """How many there are without the filter."""
        return self._tree.total

    def _tell(self, entries: Iterable[Entry], roles: list[int] | None = None) -> None:
        known = (self._tree.place_of(entry) for entry in entries)
        places = [place for place in known if place is not None]
        if places:
            first, last = self.index(min(places)), self.index(max(places))
            self.dataChanged.emit(first, last, roles or [])

    def _reset(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self._tree.entries = entries
        self.endResetModel()

    def _move_to(self, entries: list[Entry]) -> None:
        """From the entries that are shown to these: what stays is not touched."""
        kept = self._tree.entries
        same, end = _same_ends(kept, entries)
        # Only what differs is looked at closely: an open sweep has thousands of rows.
        old, new = kept[same : len(kept) - end], entries[same : len(entries) - end]
        before, after = set(old), set(new)
        gone = [same + at for at, one in enumerate(old) if one not in after]
        came = [same + at for at, one in enumerate(new) if one not in before]
        stay = [one for one in old if one in after]
        if len(gone) + len(came) > ONE_BY_ONE_MAX or not _in_order(stay, new, before):
            self._reset(entries)
            return
        for first, last in reversed(_blocks(gone)):
            self._remove(first, last)
        for first, last in _blocks(came):
            self._insert(first, entries[first : last + 1])

    def _remove(self, first: int, last: int) -> None:
        self.beginRemoveRows(QModelIndex(), first, last)
        kept = self._tree.entries
        self._tree.entries = [*kept[:first], *kept[last + 1 :]]
        self.endRemoveRows()

    def _insert(self, first: int, entries: Sequence[Entry]) -> None:
        self.beginInsertRows(QModelIndex(), first, first + len(entries) - 1)
        kept = self._tree.entries
        self._tree.entries = [*kept[:first], *entries, *kept[first:]]
        self.endInsertRows()

    # --- QAbstractListModel ----------------------------------------------------------------------

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._tree.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        if isinstance(row, GroupHead):
            tell = self._head_values.get(role)
            return None if tell is None else tell(row)
        say = self._values.get(role)
        return None if say is None else say(row)


def _same_ends(old: Sequence[Entry], new: Sequence[Entry]) -> tuple[int, int]:
    """How many entries are the same at the beginning, and how many behind them at the end."""
    most = min(len(old), len(new))
    start = next((at for at in range(most) if old[at] != new[at]), most)
    left = most - start
    end = next((at for at in range(left) if old[-1 - at] != new[-1 - at]), left)
    return start, end


def _in_order(stay: Sequence[Entry], entries: Iterable[Entry], before: set[Entry]) -> bool:
    """Whether nothing that stays changes places: the head of a sweep that grows moves up."""
    return all(
        old == new for old, new in zip(stay, (one for one in entries if one in before), strict=True)
    )


def _blocks(places: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges of neighbours."""
    blocks: list[tuple[int, int]] = []
    for place in places:
        if blocks and blocks[-1][1] == place - 1:
            blocks[-1] = (blocks[-1][0], place)
        else:
            blocks.append((place, place))
    return blocks
