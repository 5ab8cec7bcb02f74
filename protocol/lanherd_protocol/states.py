"""The life of a run as a controller sees it.

    Queued → Preparing → Queued → Starting → Running → Stopping → Ended

A state carries only what is valid in it. The agent's transition table is in
`lanherd_agent.core.run_states`; a controller never makes a transition, it is told.
'Unreachable' is not here: it is a controller's view of a machine, never an outcome of a run.
"""

from typing import Literal, assert_never

from msgspec import Struct

from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease, Reason, RunSettings, RunSpec

Outcome = Literal["succeeded", "failed", "cancelled", "timed_out", "lost"]
StateName = Literal["queued", "preparing", "starting", "running", "stopping", "ended"]
PrepareStep = Literal["snapshot", "environment"]


class Queued(Struct, frozen=True, tag="queued", kw_only=True, omit_defaults=True):
    """Waits; `reason` says for what. `prepared` once its snapshot and environment are there;
    `not_before` when another attempt waits its backoff out."""

    since: float
    reason: Reason
    prepared: bool = False
    not_before: float | None = None


class Preparing(Struct, frozen=True, tag="preparing", kw_only=True, omit_defaults=True):
    """Its environment is being built, before any GPU is taken. `detail` is the builder's word."""

    since: float
    step: PrepareStep
    detail: str = ""


class Starting(Struct, frozen=True, tag="starting", kw_only=True, omit_defaults=True):
    """Holds its lease; the launcher was asked to start it."""

    since: float
    lease: Lease


class Running(Struct, frozen=True, tag="running", kw_only=True, omit_defaults=True):
    """Its command is alive. `since` is when it was started, `limit_at` when its time is over.

    `warning` says what is wrong with it: that it holds more VRAM than it was promised, or that a
    GPU of its failed.
    `vram_peak_bytes` is the most that it was measured to hold of one GPU, told in steps; 0: it was
    not measured.
    """

    since: float
    pid: int
    lease: Lease
    limit_at: float | None = None
    warning: Reason | None = None
    vram_peak_bytes: int = 0


class Stopping(Struct, frozen=True, tag="stopping", kw_only=True, omit_defaults=True):
    """It was told to stop and has until `kill_at` to end by itself."""

    since: float
    started_at: float
    pid: int
    lease: Lease
    kill_at: float
    outcome: Outcome


class Ended(Struct, frozen=True, tag="ended", kw_only=True, omit_defaults=True):
    """It is over; nothing about it changes any more.

    `started_at` is None when it never ran; `exit_code` when it did not exit by itself; `signal` is
    the number of the signal that ended it; `vram_peak_bytes` what it was in Running.
    """

    at: float
    outcome: Outcome
    reason: Reason
    started_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    lease: Lease = Lease()
    vram_peak_bytes: int = 0


RunState = Queued | Preparing | Starting | Running | Stopping | Ended


class AttemptEnd(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an earlier attempt of a run ended; the fields mean what they mean in Ended."""

    attempt: int
    at: float
    outcome: Outcome
    reason: Reason
    started_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    lease: Lease = Lease()


class RunView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as it is told to controllers; `seq` is the number of its last change.

    The reply to a submit has `seq` 0: it is the run as it was taken, the same whenever the same
    submit is sent again, and older than all that is told of it afterwards. `earlier` holds the
    attempts before this one. The files of the run are gone since `files_removed_at`.
    """

    run: RunId
    spec: RunSpec
    owner: str
    submitted_at: float
    state: RunState
    seq: int
    attempt: int = 1
    settings: RunSettings = RunSettings()
    earlier: tuple[AttemptEnd, ...] = ()
    files_removed_at: float | None = None


_NAMES: dict[type, StateName] = {
    Queued: "queued",
    Preparing: "preparing",
    Starting: "starting",
    Running: "running",
    Stopping: "stopping",
    Ended: "ended",
}


def state_name(state: RunState) -> StateName:
    """The state's name, as the CLI and JSON say it."""
    return _NAMES[type(state)]


def is_live(state: RunState) -> bool:
    """Whether the run holds, or may hold, a process and a lease."""
    return isinstance(state, Starting | Running | Stopping)


def lease_of(state: RunState) -> Lease:
    """The lease that the run holds, or held when it ended; empty where it has none."""
    match state:
        case Starting() | Running() | Stopping() | Ended():
            return state.lease
        case Queued() | Preparing():
            return Lease()
        case _ as unreachable:
            assert_never(unreachable)
