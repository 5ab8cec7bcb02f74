"""What has happened, as the core is told: past facts, and what callers asked for.

A fact about an attempt carries its number: news of an attempt that is over is fenced off.
"""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import EnvironmentId, GpuUuid, RunId
from lanherd_protocol.machine_messages import CordonGpu, PauseQueue, ResumeQueue, UncordonGpu
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import ChangeRun, NewRun, RemoveRunFiles, RestartRun, StopRun
from lanherd_protocol.states import PrepareStep
from lanherd_protocol.values import GpuLink, Reason, RunSettings

Stage = Literal["pre", "command"]
LostCause = Literal["unknown", "reboot", "untrusted", "gone"]


class Prepared(Struct, frozen=True, kw_only=True):
    """What a preparation made ready: nothing but checked files, or an environment too."""

    environment: EnvironmentId | None = None


# --- Asked for by callers ------------------------------------------------------------------------


class RunsSubmitted(Struct, frozen=True, kw_only=True):
    """The runs come without their secrets' values, which the core never sees."""

    owner: str
    runs: tuple[NewRun, ...]


class StopRequested(Struct, frozen=True, kw_only=True):
    """`owner` None: the caller may stop anybody's run."""

    owner: str | None
    request: StopRun


class ChangeRequested(Struct, frozen=True, kw_only=True):
    owner: str | None
    request: ChangeRun


class RestartRequested(Struct, frozen=True, kw_only=True):
    """The new run belongs to `caller`."""

    owner: str | None
    caller: str
    request: RestartRun


class FilesRemovalRequested(Struct, frozen=True, kw_only=True):
    owner: str | None
    request: RemoveRunFiles


class MachineRequested(Struct, frozen=True, kw_only=True):
    """Something of the machine is to be closed, or opened again, by `by`."""

    by: str
    request: CordonGpu | UncordonGpu | PauseQueue | ResumeQueue


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
    """After a restart of the agent: the attempt is alive and watched again.

    `elapsed_s` is how long it has run, by a clock that nobody sets.
    """

    run: RunId
    attempt: int
    elapsed_s: float | None = None


class AttemptExited(Struct, frozen=True, kw_only=True):
    """The command is over: by itself with `code`, or by `signal`.

    `timed_out`, `stopped`: its time limit, or a stop, was carried out without the agent.
    `stage` is where it failed; `left` counts its processes that could not be killed. `pre_error`,
    `post_error`: what the machine said of a stage's program that could not be executed.
    """

    run: RunId
    attempt: int
    at: float
    code: int | None = None
    signal: int | None = None
    started_at: float | None = None
    timed_out: bool = False
    stopped: bool = False
    stage: Stage = "command"
    pre_error: str = ""
    left: int = 0
    post_failed: bool = False
    post_code: int | None = None
    post_signal: int | None = None
    post_error: str = ""
    disk_full: bool = False
    """The disk of its log was full, while it ran or at its end."""
    cause: Reason | None = None
    """Of a command that failed: what its log shows as the reason."""


class AttemptLost(Struct, frozen=True, kw_only=True):
    """The attempt is gone and nobody saw how it ended; `why` is a whole sentence.

    `timed_out`, `stopped`: as for AttemptExited.
    """

    run: RunId
    attempt: int
    at: float
    why: str
    cause: LostCause = "unknown"
    started_at: float | None = None
    timed_out: bool = False
    stopped: bool = False


class AttemptSignalled(Struct, frozen=True, kw_only=True):
    """The signal was delivered, or `problem` says why it could not be."""

    run: RunId
    attempt: int
    signal: int
    problem: str = ""


# --- Files -------------------------------------------------------------------------------------


class FilesRemovalDue(Struct, frozen=True, kw_only=True):
    """Retention chose these ended runs. One that is live, pinned or gone by now is let be."""

    runs: tuple[RunId, ...]


class FilesRemoved(Struct, frozen=True, kw_only=True):
    """The run's directory is gone, or `problem` says why it could not be removed."""

    run: RunId
    at: float
    problem: str = ""


class SettingsNoted(Struct, frozen=True, kw_only=True):
    """The run's settings are written beside its attempts, and when it was cancelled between two:
    these, so that newer ones that are still to be written stay wanted."""

    run: RunId
    settings: RunSettings | None = None
    cancelled_at: float | None = None


# --- The machine ---------------------------------------------------------------------------------


class ForeignProcess(Struct, frozen=True, kw_only=True):
    """A process on a GPU that is not of Lanherd's live runs."""

    pid: int
    vram_bytes: int | None = None
    user: str | None = None
    command: str | None = None
    orphan_of: RunId | None = None
    """It was left by this run of ours, which has ended."""
    gone: bool = False
    """No process has this pid any more, but the driver still holds its VRAM."""


class RunUse(Struct, frozen=True, kw_only=True):
    """VRAM that a live run was measured to hold."""

    run: RunId
    vram_bytes: int


class GpuCapacity(Struct, frozen=True, kw_only=True):
    """One GPU, or one MIG instance of it, as the placement sees it; `problem` says why it can't be
    used now."""

    index: int
    uuid: GpuUuid
    total_bytes: int
    foreign_bytes: int = 0
    ours_bytes: int = 0
    problem: str | None = None
    name: str = ""
    compute_capability: tuple[int, int] | None = None
    instance: int | None = None
    """Its number among the MIG instances of GPU `index`."""
    profile: str = ""
    foreign: tuple[ForeignProcess, ...] = ()
    uses: tuple[RunUse, ...] = ()
    utilisation_percent: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    xids: tuple[int, ...] = ()
    """The last of them, the newest last."""
    xids_total: int = 0
    """How many there were since the agent was started."""
    ecc_errors: int | None = None
    reserved_bytes: int | None = None
    """What of `foreign_bytes` the driver says that it keeps for itself; None: it doesn't tell."""


class HostCapacity(Struct, frozen=True, kw_only=True):
    """What the machine has beside its GPUs; 0: not known, and nothing is promised of it."""

    cpu_cores: int = 0
    memory_bytes: int = 0
    disk_free_bytes: int = 0
    disk_bytes: int = 0
    """All of the disk that the runs' files are on."""


class ReadingsTaken(Struct, frozen=True, kw_only=True):
    """A sample of all GPUs of the machine, by index. Not kept over a restart."""

    gpus: tuple[GpuCapacity, ...] = ()
    links: tuple[GpuLink, ...] = ()
    host: HostCapacity = HostCapacity()
    local_minute: int | None = None
    """Local time, in minutes since Monday 0:00; None: not known, and no rule looks at it."""
    facts: dict[str, str | int | float | None] = {}
    """What constraints can ask of the machine itself (`constraint_facts.machine_facts`)."""
    problem: str | None = None
    """Why there are no GPUs, where there may be some that a sick driver does not tell of."""


class DiskRead(Struct, frozen=True, kw_only=True):
    """How much room the disk of the runs has. Not kept over a restart."""

    free_bytes: int
    low_bytes: int
    """Below this no run is started."""


class RulesChanged(Struct, frozen=True, kw_only=True):
    """The owner's rules, at the agent's start and whenever they change. Not kept over a restart."""

    rules: MachineRules


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
FilesFact = FilesRemovalDue | FilesRemoved | SettingsNoted
Fact = RunFact | FilesFact | ReadingsTaken | DiskRead | RulesChanged | TimerFired
Request = (
    RunsSubmitted
    | StopRequested
    | ChangeRequested
    | RestartRequested
    | FilesRemovalRequested
    | MachineRequested
)
Event = Request | Fact
