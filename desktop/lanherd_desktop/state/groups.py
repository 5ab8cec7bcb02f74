"""Runs that were submitted as one, such as a sweep, and how far they are together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import RunRow
from lanherd_protocol.values import Reason

_LIVE = (ChipKind.STARTING, ChipKind.RUNNING, ChipKind.STOPPING)
_WAITS = (ChipKind.WAITING, ChipKind.PREPARING)
_TOLD = (ChipKind.FAILED, ChipKind.TIMED_OUT, ChipKind.LOST, ChipKind.WAITING)
"""What is worth a reason, the worst first."""
REASONS_SHOWN = 8
Told = tuple[ChipKind, str]
"""What runs have in common that wait or ended alike: their state, and the code of its reason."""


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """How many runs do what: each is in one of these, so that they add up. `running` are those that
    hold something, `waiting` those that hold nothing yet."""

    failed: int = 0
    timed_out: int = 0
    lost: int = 0
    cancelled: int = 0
    running: int = 0
    waiting: int = 0
    succeeded: int = 0

    @property
    def bad(self) -> int:
        """How many ended as nobody wanted."""
        return self.failed + self.timed_out + self.lost

    @property
    def ended(self) -> int:
        return self.bad + self.cancelled + self.succeeded

    @property
    def total(self) -> int:
        return self.ended + self.running + self.waiting


def group_progress(rows: Iterable[RunRow]) -> GroupProgress:
    """Of these runs together."""
    return progress_of_counts(Counter(row.kind for row in rows))


def progress_of_counts(counts: Mapping[ChipKind, int]) -> GroupProgress:
    """Of so many runs of each state."""

    def of(*kinds: ChipKind) -> int:
        return sum(counts.get(kind, 0) for kind in kinds)

    return GroupProgress(
        failed=of(ChipKind.FAILED),
        timed_out=of(ChipKind.TIMED_OUT),
        lost=of(ChipKind.LOST),
        cancelled=of(ChipKind.CANCELLED),
        running=of(*_LIVE),
        waiting=of(*_WAITS),
        succeeded=of(ChipKind.SUCCEEDED),
    )


@dataclass(frozen=True, slots=True)
class GroupReason:
    """Why `count` runs of a group wait or ended so, as one of them says it."""

    kind: ChipKind
    count: int
    reason: Reason


class GroupSums:
    """What is told of a group, kept while its runs come, change and go: a group may be large."""

    def __init__(self) -> None:
        self._kinds: Counter[ChipKind] = Counter()
        self._told: dict[Told, dict[RunKey, Reason]] = {}

    def __len__(self) -> int:
        """How many runs it has."""
        return self._kinds.total()

    def add(self, row: RunRow) -> None:
        """A run came, or is now so."""
        self._kinds[row.kind] += 1
        if row.kind in _TOLD and row.reason is not None:
            same = self._told.setdefault((row.kind, row.reason.code), {})
            same[row.machine, row.run] = row.reason

    def remove(self, row: RunRow) -> None:
        """A run went, or is no longer so."""
        self._kinds[row.kind] -= 1
        if row.kind in _TOLD and row.reason is not None:
            told = (row.kind, row.reason.code)
            same = self._told[told]
            del same[row.machine, row.run]
            if not same:
                del self._told[told]

    def progress(self) -> GroupProgress:
        return progress_of_counts(self._kinds)

    def reasons(self) -> list[GroupReason]:
        """The worst first, then those of most runs; each in the words of the run that said it
        last."""

        def order(told: Told) -> tuple[int, int, str]:
            kind, code = told
            return _TOLD.index(kind), -len(self._told[told]), code

        return [
            GroupReason(told[0], len(self._told[told]), next(reversed(self._told[told].values())))
            for told in sorted(self._told, key=order)[:REASONS_SHOWN]
        ]


def rows_of_group(rows: Iterable[RunRow], name: str) -> list[RunRow]:
    """Those of one group, on whatever machines they are."""
    return [row for row in rows if row.group == name] if name else []
