"""One run as lists show it: a chip, a title, why it waits or how it ended, how long it took."""

from dataclasses import dataclass
from typing import assert_never

from lanherd_client.mirror import MachineView
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import Query, parse_query
from lanherd_desktop.state.run_commands import RunCommand, commands
from lanherd_desktop.state.silence import silent_since
from lanherd_protocol.ids import DeviceId, RunId, short_id
from lanherd_protocol.states import (
    Ended,
    Outcome,
    Preparing,
    Queued,
    Running,
    RunView,
    Starting,
    Stopping,
    lease_of,
)
from lanherd_protocol.values import Lease, Reason

QUERY_KEYS = frozenset({"state", "machine", "project", "name", "tag", "group"})

_OUTCOME_CHIPS: dict[Outcome, ChipKind] = {
    "succeeded": ChipKind.SUCCEEDED,
    "failed": ChipKind.FAILED,
    "cancelled": ChipKind.CANCELLED,
    "timed_out": ChipKind.TIMED_OUT,
    "lost": ChipKind.LOST,
}


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a list needs of a run. Times are Unix seconds; None where there is none yet."""

    machine: DeviceId
    machine_name: str
    run: RunId
    kind: ChipKind
    title: str
    project: str
    lease: Lease
    reason: Reason | None
    detail: str
    started_at: float | None
    ended_at: float | None
    submitted_at: float
    silent_since: float | None = None
    """When the machine of a run that goes on was last heard; None while it can be asked."""
    tags: tuple[str, ...] = ()
    priority: int = 0
    pinned: bool = False
    group: str = ""
    """The name of the sweep that it belongs to."""
    offered: frozenset[RunCommand] = frozenset()
    """What can be done with it."""

    def seconds(self, now: float) -> float | None:
        """How long it has run, or did run, or is known to have; None when it never started."""
        if self.started_at is None:
            return None
        until = next((t for t in (self.ended_at, self.silent_since) if t is not None), now)
        return max(0.0, until - self.started_at)


def run_title(view: RunView) -> str:
    """The run's name, else its command as one line, else its short id."""
    return view.spec.name or " ".join(view.spec.command) or short_id(view.run)


def chip_kind(view: RunView) -> ChipKind:
    """The chip of a run's state."""
    match view.state:
        case Queued():
            return ChipKind.WAITING
        case Preparing():
            return ChipKind.PREPARING
        case Starting():
            return ChipKind.STARTING
        case Running():
            return ChipKind.RUNNING
        case Stopping():
            return ChipKind.STOPPING
        case Ended(outcome=outcome):
            return _OUTCOME_CHIPS[outcome]
        case _ as unreachable:
            assert_never(unreachable)


def outcome_chip(outcome: Outcome) -> ChipKind:
    """The chip of how an attempt ended."""
    return _OUTCOME_CHIPS[outcome]


def run_reason(view: RunView) -> Reason | None:
    """Why it waits, how it ended, or what is wrong with it while it runs; None if nothing is."""
    match view.state:
        case Queued(reason=reason) | Ended(reason=reason):
            return reason
        case Running(warning=warning):
            return warning
        case Preparing() | Starting() | Stopping():
            return None
        case _ as unreachable:
            assert_never(unreachable)


def run_times(view: RunView) -> tuple[float | None, float | None]:
    """When its latest attempt was started, and when it ended."""
    match view.state:
        case Running(since=since):
            return since, None
        case Stopping(started_at=started_at):
            return started_at, None
        case Ended(started_at=started_at, at=at):
            return started_at, at
        case Queued() | Preparing() | Starting():
            return None, None
        case _ as unreachable:
            assert_never(unreachable)


def run_row(
    machine: DeviceId, machine_name: str, view: RunView, source: MachineView | None = None
) -> RunRow:
    """The row of a run; `source` is the machine that told of it."""
    started_at, ended_at = run_times(view)
    return RunRow(
        machine=machine,
        machine_name=machine_name,
        run=view.run,
        kind=chip_kind(view),
        title=run_title(view),
        project=view.spec.project,
        lease=lease_of(view.state),
        reason=run_reason(view),
        detail=view.state.detail if isinstance(view.state, Preparing) else "",
        started_at=started_at,
        ended_at=ended_at,
        submitted_at=view.submitted_at,
        silent_since=None if isinstance(view.state, Ended) else silent_since(source),
        tags=view.settings.tags,
        priority=view.settings.priority,
        pinned=view.settings.pinned,
        group=view.spec.group.name if view.spec.group is not None else "",
        offered=commands(view),
    )


def run_query(line: str) -> Query:
    """The filter line of the run list."""
    return parse_query(line, QUERY_KEYS)


def run_accepted(row: RunRow, query: Query) -> bool:
    """Whether the filter line lets the row through."""
    if query.empty:
        return True
    fields = {
        "state": row.kind.value,
        "machine": row.machine_name,
        "project": row.project,
        "name": row.title,
        "tag": " ".join(row.tags),
        "group": row.group,
    }
    words = (row.title, row.machine_name, row.project, row.run, row.group, *row.tags)
    return query.accepts(" ".join(words), fields)
