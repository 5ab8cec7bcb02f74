"""The runs as a list shows them: newest first, those of a sweep under one head that opens.

A filter opens every sweep, since somebody looks for something; what is folded then is folded until
the filter is another one.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lanherd_desktop.state.filters import Query
from lanherd_desktop.state.groups import GroupProgress, GroupReason, GroupSums
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query
from lanherd_protocol.ids import DeviceId, RunId

Entry = RunKey | str
"""A run, or the head of the sweep by that name."""
HEAD_FROM: Final = 2
"""So many runs make a head worth its row."""
Rank = tuple[float, RunId, DeviceId]
Top = tuple[Rank, str]
"""A row that stands under no head: of a run, or of the sweep by that name, whose newest is there.
"""


@dataclass(frozen=True, slots=True)
class GroupHead:
    """The row of a sweep; `shown` of its runs pass the filter."""

    name: str
    progress: GroupProgress
    shown: int
    open: bool


class RunTree:
    """Changes of it are two steps, so that a model can tell its views between them: what is
    `taken` changes rows in place or asks for `laid`, and `entries` are set by who shows them.

    A sweep may have ten thousand runs: what one more costs doesn't grow with them. Everything that
    is shown of a sweep is kept as it changes, and folded it is one entry.
    """

    def __init__(self, *, grouped: bool = True) -> None:
        self.grouped = grouped
        self.entries: list[Entry] = []
        self._rows: dict[RunKey, RunRow] = {}
        self._accepted: set[RunKey] = set()
        self._sums: dict[str, GroupSums] = {}
        self._query: Query = run_query("")
        self._ranks: dict[str, list[Rank]] = {}
        """Of each sweep, of its runs that the filter lets through, the oldest first."""
        self._keys: dict[str, list[RunKey]] = {}
        """The same, the newest first: made when it is asked for."""
        self._tops: list[Top] = []
        self._top_of: dict[str, Top] = {}
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
            shown = len(self._ranks.get(entry, ()))
            return GroupHead(entry, self.progress_of(entry), shown, self.is_open(entry))
        return self._rows.get(entry)

    def progress_of(self, name: str) -> GroupProgress:
        """How far all runs of a sweep are, filtered or not."""
        return self._sums_of(name).progress()

    def reasons_of(self, name: str) -> list[GroupReason]:
        """Why runs of a sweep wait or failed, filtered or not."""
        return self._sums_of(name).reasons()

    def _sums_of(self, name: str) -> GroupSums:
        return self._sums.get(name) or GroupSums()

    def members(self, name: str) -> list[RunKey]:
        """The runs of a sweep that the filter lets through, newest first."""
        known = self._keys.get(name)
        if known is None:
            ranks = self._ranks.get(name, ())
            known = [(machine, run) for _, run, machine in reversed(ranks)]
            self._keys[name] = known
        return known

    def group_of(self, key: RunKey) -> str:
        """The sweep under whose head a run stands; '' if it stands alone."""
        row = self._rows.get(key)
        return row.group if row is not None and self._has_head(row.group) else ""

    def is_open(self, name: str) -> bool:
        return name in self._open if self._query.empty else name not in self._folded

    def opened(self) -> list[str]:
        """The sweeps that are open without a filter and are still there."""
        return sorted(name for name in self._open if name in self._sums)

    def place_of(self, entry: Entry) -> int | None:
        if self._placed is not self.entries:
            self._places = {one: place for place, one in enumerate(self.entries)}
            self._placed = self.entries
        return self._places.get(entry)

    def _has_head(self, name: str) -> bool:
        if not name or not self.grouped:
            return False
        return len(self._sums_of(name)) >= HEAD_FROM

    # --- changes ---------------------------------------------------------------------------------

    def filter_by(self, line: str) -> None:
        """Other rows are shown from now on, once they are laid."""
        query = run_query(line)
        if query != self._query:
            self._folded.clear()
        self._query = query
        passing = (key for key, row in self._rows.items() if run_accepted(row, query))
        self._accepted = set(self._rows) if query.empty else set(passing)
        self._place_all()

    def set_open(self, name: str, wanted: bool) -> None:
        """Open a sweep or fold it, once it is laid."""
        if self._query.empty:
            (self._open.add if wanted else self._open.discard)(name)
        else:
            (self._folded.discard if wanted else self._folded.add)(name)

    def take(self, rows: Mapping[RunKey, RunRow], gone: Iterable[RunKey] = ()) -> bool:
        """Runs came, changed or went; whether all of it was in place."""
        in_place = True
        touched: set[str] = set()
        for key in gone:
            in_place &= self._take(key, None, touched)
        for key, row in rows.items():
            in_place &= self._take(key, row, touched)
        for name in touched:
            self._place_top(name)
        return in_place

    def _take(self, key: RunKey, row: RunRow | None, touched: set[str]) -> bool:
        """One run; which sweeps have gained or lost a row by it is collected in `touched`."""
        before = self._rows.pop(key, None) if row is None else self._rows.get(key)
        was = key in self._accepted
        passes = row is not None and run_accepted(row, self._query)
        if row is not None:
            self._rows[key] = row
            (self._accepted.add if passes else self._accepted.discard)(key)
        else:
            self._accepted.discard(key)
        self._count(before, row)
        stays = before is not None and row is not None and _place(before) == _place(row)
        if stays and passes == was:
            return True
        for one, shown, put in ((before, was, self._out), (row, passes, self._in)):
            if one is not None and self._heads(one.group):
                # Also of one that is not shown: it may make a head of the one that is.
                touched.add(one.group)
            if one is not None and shown:
                put(one)
        return False

    def _heads(self, name: str) -> bool:
        """Whether runs of this sweep may stand under a head."""
        return self.grouped and bool(name)

    def _count(self, before: RunRow | None, row: RunRow | None) -> None:
        if before is not None and before.group:
            sums = self._sums[before.group]
            sums.remove(before)
            if not len(sums):
                del self._sums[before.group]
        if row is not None and row.group:
            self._sums.setdefault(row.group, GroupSums()).add(row)

    # --- where they stand ------------------------------------------------------------------------

    def _in(self, row: RunRow) -> None:
        rank = _rank(row)
        if self._heads(row.group):
            insort(self._ranks.setdefault(row.group, []), rank)
            self._keys.pop(row.group, None)
        else:
            insort(self._tops, (rank, ""))

    def _out(self, row: RunRow) -> None:
        rank = _rank(row)
        if self._heads(row.group):
            ranks = self._ranks[row.group]
            del ranks[bisect_left(ranks, rank)]
            self._keys.pop(row.group, None)
        else:
            del self._tops[bisect_left(self._tops, (rank, ""))]

    def _place_top(self, name: str) -> None:
        """The row of a sweep, or of its only run, where its newest run is now."""
        before, after = self._top_of.pop(name, None), self._top(name)
        if after is not None:
            self._top_of[name] = after
        if before == after:
            return
        if before is not None:
            del self._tops[bisect_left(self._tops, before)]
        if after is not None:
            insort(self._tops, after)

    def _top(self, name: str) -> Top | None:
        ranks = self._ranks.get(name)
        if not ranks:
            return None
        return ranks[-1], name if self._has_head(name) else ""

    def _place_all(self) -> None:
        """As `_in` and `_place_top` would, of all that the filter lets through."""
        self._ranks, self._keys, tops = {}, {}, []
        for key in self._accepted:
            row = self._rows[key]
            if self._heads(row.group):
                self._ranks.setdefault(row.group, []).append(_rank(row))
            else:
                tops.append((_rank(row), ""))
        for ranks in self._ranks.values():
            ranks.sort()
        found = {name: self._top(name) for name in self._ranks}
        self._top_of = {name: top for name, top in found.items() if top is not None}
        self._tops = sorted([*tops, *self._top_of.values()])

    def laid(self) -> list[Entry]:
        """All entries in their order as they are to be now."""
        tops = [name or (machine, run) for (_, run, machine), name in reversed(self._tops)]
        opened = {name for _, name in self._top_of.values() if name and self.is_open(name)}
        if not opened:
            return tops
        entries: list[Entry] = []
        for top in tops:
            entries.append(top)
            if isinstance(top, str) and top in opened:
                entries.extend(self.members(top))
        return entries


def _place(row: RunRow) -> tuple[Rank, str]:
    return _rank(row), row.group


def _rank(row: RunRow) -> Rank:
    return row.submitted_at, row.run, row.machine
