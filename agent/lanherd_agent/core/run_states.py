"""The life of a run as the agent keeps it: frozen states, one table of what may follow what.

    Queued → Preparing → Queued → Starting → Running → Stopping → Ended

From Starting, Running and Stopping an attempt's end leads back to Queued if the run gets another.
A cause is an event, or the core's own decision, which is named by the effect that it makes, or by
itself where it makes none. A cause that is missing from a state's table is a bug and raises with
the run's story; one with no targets is news that comes late or changes nothing, and is let pass.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.events import Prepared
from lanherd_agent.core.places import to_ns
from lanherd_protocol import states as wire
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import AttemptEnd, Ended, Outcome, PrepareStep, RunView
from lanherd_protocol.values import (
    Dependency,
    Lease,
    NoEnvironment,
    Reason,
    RunSettings,
    RunSpec,
)


class Queued(Struct, frozen=True, kw_only=True, tag="queued", omit_defaults=True):
    """In line. `prepared` is None until its preparation is done, if it needs one.

    Its turn doesn't come before `not_before`, nor while a dependency is in `waits_for`: those are
    on runs that are not over.
    """

    since: float
    reason: Reason
    prepared: Prepared | None = None
    not_before: float | None = None
    waits_for: tuple[Dependency, ...] = ()


class Preparing(Struct, frozen=True, kw_only=True, tag="preparing", omit_defaults=True):
    """A PrepareRun is pending; its place in the line since `queued_since` is kept."""

    since: float
    queued_since: float
    step: PrepareStep
    detail: str = ""


class StopWish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stop that waits until there is a process to signal."""

    grace_s: float
    reason: Reason
    signal: int = 15


class Starting(Struct, frozen=True, kw_only=True, tag="starting", omit_defaults=True):
    """Holds its lease; a StartAttempt is pending."""

    since: float
    lease: Lease
    stop: StopWish | None = None


class Running(Struct, frozen=True, kw_only=True, tag="running", omit_defaults=True):
    """Its command is alive since `since`, and may be until `limit_at`."""

    since: float
    pid: int
    lease: Lease
    limit_at: float | None = None
    warning: Reason | None = None
    vram_peak_bytes: int = 0


class Stopping(Struct, frozen=True, kw_only=True, tag="stopping", omit_defaults=True):
    """It is to end; from `kill_at` on it is killed. `outcome` and `reason` say how it ends.

    `signal` is the last that was sent, `signalled` whether one is known to have reached it; `asked`
    once a person wanted the stop: it is not tried again then.
    """

    since: float
    started_at: float
    pid: int
    lease: Lease
    kill_at: float
    outcome: Outcome
    reason: Reason
    signal: int = 15
    asked: bool = True
    vram_peak_bytes: int = 0
    signalled: bool = False


Waiting = Queued | Preparing
Live = Starting | Running | Stopping
RunState = Queued | Preparing | Starting | Running | Stopping | Ended
StateType = type[RunState]


class Explain(Struct, frozen=True):
    """The decision to tell a run that waits another reason; it has no effect."""


class Resolve(Struct, frozen=True):
    """The decision that a run has one dependency less to wait for."""


class GiveUp(Struct, frozen=True):
    """The decision to end a run of which a dependency can't be met any more."""


class Measure(Struct, frozen=True):
    """The decision to tell what a run was measured to hold, or to stop it for that; or that a
    measurement shows why it failed."""


Decision = type[Explain] | type[Resolve] | type[GiveUp] | type[Measure]
Cause = type[e.Event] | type[f.Effect] | Decision

_ALWAYS: Mapping[Cause, tuple[StateType, ...]] = {
    e.ChangeRequested: (),
    e.SettingsNoted: (),
}
_LIVE: Mapping[Cause, tuple[StateType, ...]] = {
    e.AttemptExited: (Ended, Queued),
    e.AttemptLost: (Ended, Queued),
    **_ALWAYS,
}
_LATE: Mapping[Cause, tuple[StateType, ...]] = {
    e.PreparationProgressed: (),
    e.PreparationFinished: (),
    e.PreparationFailed: (),
    e.PreparationCancelled: (),
    e.AttemptStarted: (),
    e.AttemptStartFailed: (),
    e.AttemptAdopted: (),
    e.AttemptExited: (),
    e.AttemptLost: (),
    e.AttemptSignalled: (),
    e.StopRequested: (),
    e.FilesRemoved: (),
    **_ALWAYS,
}

TRANSITIONS: Mapping[StateType, Mapping[Cause, tuple[StateType, ...]]] = {
    Queued: {
        Explain: (Queued,),
        Resolve: (Queued,),
        GiveUp: (Ended,),
        **_ALWAYS,
        e.TimerFired: (Queued,),
        e.ChangeRequested: (Queued,),
        f.PrepareRun: (Preparing,),
        f.StartAttempt: (Starting,),
        e.StopRequested: (Ended,),
        e.PreparationProgressed: (),
    },
    Preparing: {
        e.PreparationProgressed: (Preparing,),
        e.PreparationFinished: (Queued,),
        e.PreparationFailed: (Ended,),
        e.StopRequested: (Ended,),
        **_ALWAYS,
    },
    Starting: {
        e.AttemptStarted: (Running, Stopping),
        e.AttemptStartFailed: (Ended,),
        **_LIVE,
        e.StopRequested: (Starting,),
        e.PreparationProgressed: (),
    },
    Running: {
        e.AttemptStarted: (),
        e.AttemptAdopted: (Running,),
        e.TimerFired: (Stopping,),
        Measure: (Running, Stopping),
        **_LIVE,
        e.StopRequested: (Stopping,),
    },
    Stopping: {
        e.AttemptStarted: (),
        e.AttemptAdopted: (),
        e.AttemptSignalled: (Stopping,),
        **_LIVE,
        e.StopRequested: (Stopping,),
    },
    Ended: {Measure: (Ended,), **_LATE},
}


class RunRecord(Struct, frozen=True, array_like=True):
    """A run as it is stored. Fields are only ever added, at the end, with defaults."""

    ordinal: int
    run: RunId
    spec: RunSpec
    owner: str
    submitted_at: float
    state: RunState
    seq: int
    attempt: int = 1
    settings: RunSettings = RunSettings()
    first_settings: RunSettings = RunSettings()
    """The settings as they were submitted."""
    earlier: tuple[AttemptEnd, ...] = ()
    files_removed_at: float | None = None
    line_ns: int = 0
    """Since when it stands in line, in nanoseconds; 0: since it was submitted. Moving it ahead of
    another makes this earlier."""


class Run:
    """A run in the core: a frozen state, and what stays the same around it.

    `ordinal` numbers the runs in the order in which this machine took them.
    """

    __slots__ = (
        "attempt",
        "earlier",
        "files_removed_at",
        "first_settings",
        "line_ns",
        "ordinal",
        "owner",
        "place",
        "run",
        "seq",
        "settings",
        "spec",
        "state",
        "submitted_at",
    )

    def __init__(self, record: RunRecord) -> None:
        self.ordinal = record.ordinal
        self.run = record.run
        self.spec = record.spec
        self.owner = record.owner
        self.submitted_at = record.submitted_at
        self.state: RunState = record.state
        self.seq = record.seq
        self.attempt = record.attempt
        self.settings = record.settings
        self.first_settings = record.first_settings
        self.earlier = record.earlier
        self.files_removed_at = record.files_removed_at
        self.line_ns = record.line_ns or to_ns(record.submitted_at)
        self.place = 0
        """Its place in the line, while it waits."""

    def record(self) -> RunRecord:
        """The run as it is now, for the store."""
        return RunRecord(
            self.ordinal,
            self.run,
            self.spec,
            self.owner,
            self.submitted_at,
            self.state,
            self.seq,
            self.attempt,
            self.settings,
            self.first_settings,
            self.earlier,
            self.files_removed_at,
            self.line_ns,
        )

    @property
    def holder(self) -> tuple[RunId, int]:
        """Under which name its attempt holds a lease."""
        return (self.run, self.attempt)


def targets(state: RunState, cause: Cause) -> tuple[StateType, ...] | None:
    """What may follow: None if the cause is impossible, empty if it changes nothing."""
    return TRANSITIONS[type(state)].get(cause)


def needs_preparation(spec: RunSpec) -> bool:
    """Whether something must be made ready before a GPU is taken."""
    return spec.snapshot is not None or not isinstance(spec.environment, NoEnvironment)


def is_ready(run: Run) -> bool:
    """Whether the run may be started as soon as there is room."""
    state = run.state
    return (
        isinstance(state, Queued)
        and not is_parked(run)
        and (state.prepared is not None or not needs_preparation(run.spec))
    )


def is_parked(run: Run) -> bool:
    """Whether a run in line is passed over: it is held, waits its backoff out, or waits for other
    runs."""
    state = run.state
    return isinstance(state, Queued) and bool(
        run.settings.held or state.not_before is not None or state.waits_for
    )


def was_begun(run: Run) -> bool:
    """Whether an attempt of the run was begun, so that it may have a directory."""
    state = run.state
    return (
        run.attempt > 1
        or isinstance(state, Starting | Running | Stopping)
        or (
            isinstance(state, Ended)
            and (state.started_at is not None or state.outcome != "cancelled")
        )
    )


def lease_of(state: RunState) -> Lease | None:
    """The lease that a live run holds; None for a run that holds none."""
    return state.lease if isinstance(state, Starting | Running | Stopping) else None


def live_since(run: Run) -> float:
    """Since when the live run holds its lease."""
    state = run.state
    assert isinstance(state, Starting | Running | Stopping)
    return state.started_at if isinstance(state, Stopping) else state.since


def ends_at(run: Run) -> float | None:
    """When the live run is over at the latest, by its time limit or its stop; None: unknown."""
    state, limit_s, grace_s = run.state, run.spec.time_limit_s, run.spec.stop.grace_s
    match state:
        case Stopping(kill_at=kill_at):
            return kill_at
        case Running(limit_at=limit_at) if limit_at is not None:
            return limit_at + grace_s
        case Starting(since=since) if limit_s is not None:
            return since + limit_s + grace_s
        case _:
            return None


def wire_state(state: RunState) -> wire.RunState:
    """The state without what only the agent needs."""
    match state:
        case Running():
            return wire.Running(
                since=state.since,
                pid=state.pid,
                lease=state.lease,
                limit_at=state.limit_at,
                warning=state.warning,
                vram_peak_bytes=state.vram_peak_bytes,
            )
        case Starting(since=since, lease=lease):
            return wire.Starting(since=since, lease=lease)
        case Queued():
            return wire.Queued(
                since=state.since,
                reason=state.reason,
                prepared=state.prepared is not None,
                not_before=state.not_before,
            )
        case Preparing(since=since, step=step, detail=detail):
            return wire.Preparing(since=since, step=step, detail=detail)
        case Stopping():
            return wire.Stopping(
                since=state.since,
                started_at=state.started_at,
                pid=state.pid,
                lease=state.lease,
                kill_at=state.kill_at,
                outcome=state.outcome,
            )
        case Ended():
            return state
        case _:
            assert_never(state)


def view(run: Run | RunRecord) -> RunView:
    """The run as controllers are told of it."""
    return RunView(
        run=run.run,
        spec=run.spec,
        owner=run.owner,
        submitted_at=run.submitted_at,
        state=wire_state(run.state),
        seq=run.seq,
        attempt=run.attempt,
        settings=run.settings,
        earlier=run.earlier,
        files_removed_at=run.files_removed_at,
    )
