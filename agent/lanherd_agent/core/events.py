"""What has happened, as the core is told: past facts, and what callers asked for.

A fact about an attempt carries its number: news of an attempt that is over is fenced off.
"""

from msgspec import Struct

from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import EnvironmentId, GpuUuid, RunId
from lanherd_protocol.messages import NewRun, StopRun
from lanherd_protocol.states import PrepareStep


class Prepared(Struct, frozen=True, kw_only=True):
    """What a preparation made ready: nothing but checked files, or an environment too."""

    environment: EnvironmentId | None = None


# --- Asked for by callers ------------------------------------------------------------------------


class RunsSubmitted(Struct, frozen=True, kw_only=True):
    owner: str
    runs: tuple[NewRun, ...]


class StopRequested(Struct, frozen=True, kw_only=True):
    """`owner` None: the caller may stop anybody's run."""

    owner: str | None
    request: StopRun


# --- Preparation ---------------------------------------------------------------------------------


class PreparationProgressed(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int
    step: PrepareStep
    detail: str = ""


class PreparationFinished(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int
    prepared: Prepared = Prepared()


class PreparationFailed(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int
    failure: Failure


class PreparationCancelled(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int


# --- Attempts ------------------------------------------------------------------------------------


class AttemptStarted(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int
    pid: int
    at: float


class AttemptStartFailed(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int
    failure: Failure


class AttemptAdopted(Struct, frozen=True, kw_only=True):
    """After a restart of the agent: the attempt is alive and watched again."""

    run: RunId
    attempt: int


class AttemptExited(Struct, frozen=True, kw_only=True):
    """The command is over: by itself with `code`, or by `signal`."""

    run: RunId
    attempt: int
    at: float
    code: int | None = None
    signal: int | None = None
    started_at: float | None = None


class AttemptLost(Struct, frozen=True, kw_only=True):
    """The attempt is gone and nobody saw how it ended; `why` is a whole sentence."""

    run: RunId
    attempt: int
    at: float
    why: str


class AttemptSignalled(Struct, frozen=True, kw_only=True):
    """The signal was delivered, or `problem` says why it could not be."""

    run: RunId
    attempt: int
    signal: int
    problem: str = ""


# --- The machine ---------------------------------------------------------------------------------


class GpuCapacity(Struct, frozen=True, kw_only=True):
    """One GPU as the placement sees it; `problem` says why it can't be used now."""

    index: int
    uuid: GpuUuid
    total_bytes: int
    foreign_bytes: int = 0
    ours_bytes: int = 0
    problem: str | None = None


class ReadingsTaken(Struct, frozen=True, kw_only=True):
    """A sample of all GPUs of the machine, by index. Not kept over a restart."""

    gpus: tuple[GpuCapacity, ...] = ()


class TimerFired(Struct, frozen=True, kw_only=True):
    timer: str


PreparationFact = (
    PreparationProgressed | PreparationFinished | PreparationFailed | PreparationCancelled
)
AttemptFact = (
    AttemptStarted
    | AttemptStartFailed
    | AttemptAdopted
    | AttemptExited
    | AttemptLost
    | AttemptSignalled
)
RunFact = PreparationFact | AttemptFact
Fact = RunFact | ReadingsTaken | TimerFired
Request = RunsSubmitted | StopRequested
Event = Request | Fact
