"""Runs that were submitted as one, such as a sweep, and how far they are together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import RunRow

_BAD = frozenset({ChipKind.FAILED, ChipKind.LOST, ChipKind.TIMED_OUT})
_OVER = _BAD | {ChipKind.SUCCEEDED, ChipKind.CANCELLED}
_WAITS = frozenset({ChipKind.WAITING, ChipKind.PREPARING})


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """`ended` of `total` are over, `failed` of them badly; `waiting` have not begun."""

    total: int = 0
    ended: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0

    @property
    def share(self) -> float:
        return self.ended / self.total if self.total else 0.0


def group_progress(rows: Iterable[RunRow]) -> GroupProgress:
    """Of these runs together."""
    return progress_of_counts(Counter(row.kind for row in rows))


def progress_of_counts(counts: Mapping[ChipKind, int]) -> GroupProgress:
    """Of so many runs of each state."""

    def of(kinds: Iterable[ChipKind]) -> int:
        return sum(counts.get(kind, 0) for kind in kinds)

    return GroupProgress(
        total=sum(counts.values()),
        ended=of(_OVER),
        failed=of(_BAD),
        running=of((ChipKind.RUNNING,)),
        waiting=of(_WAITS),
    )


def rows_of_group(rows: Iterable[RunRow], name: str) -> list[RunRow]:
    """Those of one group, on whatever machines they are."""
    return [row for row in rows if row.group == name] if name else []
