"""Runs that were submitted as one, such as a sweep, and how far they are together."""

from collections.abc import Iterable
from dataclasses import dataclass

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import RunRow

_BAD = frozenset({ChipKind.FAILED, ChipKind.LOST, ChipKind.TIMED_OUT})
_OVER = _BAD | {ChipKind.SUCCEEDED, ChipKind.CANCELLED}


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """`ended` of `total` are over, `failed` of them badly."""

    total: int = 0
    ended: int = 0
    failed: int = 0
    running: int = 0

    @property
    def share(self) -> float:
        return self.ended / self.total if self.total else 0.0


def group_progress(rows: Iterable[RunRow]) -> GroupProgress:
    """Of these runs together."""
    total = ended = failed = running = 0
    for row in rows:
        total += 1
        ended += row.kind in _OVER
        failed += row.kind in _BAD
        running += row.kind is ChipKind.RUNNING
    return GroupProgress(total, ended, failed, running)


def rows_of_group(rows: Iterable[RunRow], name: str) -> list[RunRow]:
    """Those of one group, on whatever machines they are."""
    return [row for row in rows if row.group == name] if name else []
