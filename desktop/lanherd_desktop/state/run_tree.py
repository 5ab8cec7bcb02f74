"""The runs as a list shows them: newest first, those of a sweep under one head that opens.

A filter opens every sweep, since somebody looks for something; what is folded then is folded until
the filter is another one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import Query
from lanherd_desktop.state.groups import GroupProgress, progress_of_counts
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query
from lanherd_protocol.ids import DeviceId, RunId

Entry = RunKey | str
"""A run, or the head of the sweep by that name."""
HEAD_FROM: Final = 2
"""So many runs make a head worth its row."""
Rank = tuple[float, RunId, DeviceId]


@dataclass(frozen=True, slots=True)
class GroupHead:
    """The row of a sweep; `shown` of its runs pass the filter."""

    name: str
    progress: GroupProgress
    shown: int
    open: bool


class RunTree:
    """Changes of it are two steps, so that a model can tell its views between them: what is
    `taken` changes rows in place or asks for `laid`, and `entries` are set by who shows them."""

    def __init__(self, *, grouped: bool = True) -> None:
        self.grouped = grouped
        self.entries: list[Entry] = []
        self._rows: dict[RunKey, RunRow] = {}
        self._order: list[Rank] = []
        self._accepted: set[RunKey] = set()
        self._counts: dict[str, Counter[ChipKind]] = {}
        self._query: Query = run_query("")
        self._members: dict[str, list[RunKey]] = {}
        self._open: set[str] = set()
        self._folded: set[str] = set()
        self._places: dict[Entry, int] = {}
        self._placed: list[Entry] | None = None

    # --- what is there ---------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many runs there are without the filter."""
        return len(self._rows)

    @property
    def rows(self) -> Mapping[RunKey, RunRow]:
        return self._rows

    def row(self, entry: Entry) -> RunRow | GroupHead | None:
        """What an entry shows; None for a run that is gone."""
        if isinstance(entry, str):
            shown = len(self._members.get(entry, ()))
            return GroupHead(entry, self.progress_of(entry), shown, self.is_open(entry))
        return self._rows.get(entry)

    def progress_of(self, name: str) -> GroupProgress:
        """How far all runs of a sweep are, filtered or not."""
        return progress_of_counts(self._counts.get(name, Counter()))

    def members(self, name: str) -> list[RunKey]:
        """The runs of a sweep that the filter lets through, newest first."""
        return self._members.get(name, [])

    def group_of(self, key: RunKey) -> str:
        """The sweep under whose head a run stands; '' if it stands alone."""
        row = self._rows.get(key)
        return row.group if row is not None and self._has_head(row.group) else ""

    def is_open(self, name: str) -> bool:
        return name in self._open if self._query.empty else name not in self._folded

    def opened(self) -> list[str]:
        """The sweeps that are open without a filter and are still there."""
        return sorted(name for name in self._open if name in self._counts)

    def place_of(self, entry: Entry) -> int | None:
        if self._placed is not self.entries:
            self._places = {one: place for place, one in enumerate(self.entries)}
            self._placed = self.entries
        return self._places.get(entry)

    def _has_head(self, name: str) -> bool:
        if not name or not self.grouped:
            return False
        return self._counts[name].total() >= HEAD_FROM

    # --- changes ---------------------------------------------------------------------------------

    def filter_by(self, line: str) -> None:
        """Other rows are shown from now on, once they are laid."""
        query = run_query(line)
        if query != self._query:
            self._folded.clear()
        self._query = query
        self._accepted = {key for key, row in self._rows.items() if run_accepted(row, query)}

    def set_open(self, name: str, wanted: bool) -> None:
        """Open a sweep or fold it, once it is laid."""
        if self._query.empty:
            (self._open.add if wanted else self._open.discard)(name)
        else:
            (self._folded.discard if wanted else self._folded.add)(name)

    def take(self, rows: Mapping[RunKey, RunRow], gone: Iterable[RunKey] = ()) -> bool:
        """Runs came, changed or went; whether all of it was in place."""
        left = {key: self._rows.pop(key) for key in tuple(gone)}
        for key, row in left.items():
            self._count(row, -1)
            self._accepted.discard(key)
        in_place = not left
        moved = {_rank(row) for row in left.values()}
        for key, row in rows.items():
            before = self._rows.get(key)
            if before is None or _rank(before) != _rank(row):
                moved |= {_rank(before)} if before is not None else set()
                self._order.append(_rank(row))
            in_place &= self._take(key, row, before)
        if moved:
            self._order = [rank for rank in self._order if rank not in moved]
        # They came in about this order: then it costs little.
        self._order.sort()
        return in_place

    def _take(self, key: RunKey, row: RunRow, before: RunRow | None) -> bool:
        self._rows[key] = row
        if before is not None:
            self._count(before, -1)
        self._count(row, 1)
        was = key in self._accepted
        passes = run_accepted(row, self._query)
        (self._accepted.add if passes else self._accepted.discard)(key)
        if before is None or passes != was:
            return False
        return (_rank(row), row.group) == (_rank(before), before.group)

    def _count(self, row: RunRow, by: int) -> None:
        if not row.group:
            return
        counts = self._counts.setdefault(row.group, Counter())
        counts[row.kind] += by
        if not counts.total():
            del self._counts[row.group]

    def laid(self) -> list[Entry]:
        """All entries in their order as they are to be now."""
        members: dict[str, list[RunKey]] = {}
        tops: list[Entry] = []
        heads = {name for name in self._counts if self._has_head(name)}
        for _, run, machine in reversed(self._order):
            key = (machine, run)
            if key not in self._accepted:
                continue
            name = self._rows[key].group
            if name not in heads:
                tops.append(key)
            elif name in members:
                members[name].append(key)
            else:
                members[name] = [key]
                tops.append(name)
        self._members = members
        entries: list[Entry] = []
        for top in tops:
            entries.append(top)
            if isinstance(top, str) and self.is_open(top):
                entries.extend(members[top])
        return entries


def _rank(row: RunRow) -> Rank:
    return row.submitted_at, row.run, row.machine
