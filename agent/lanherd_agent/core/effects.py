"""What the core wants done: imperatives, each idempotent, each ending as exactly one event.

An effect's id is the same whenever it is wanted again, so that a replay after a crash is seen as
one. `Durable` effects are committed with the state that wants them and stay pending until their
event; the others follow from the state alone and are made again when the agent starts.
"""

from msgspec import Struct

from lanherd_agent.core.events import Prepared
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease, RunSettings, RunSpec


class PrepareRun(Struct, frozen=True, kw_only=True, tag="prepare"):
    """Check the snapshot and build the environment. Ends as PreparationFinished or -Failed."""

    run: RunId
    attempt: int
    spec: RunSpec

    @property
    def id(self) -> str:
        return f"prepare:{self.run}:{self.attempt}"


class CancelPreparation(Struct, frozen=True, kw_only=True, tag="cancel_preparation"):
    """Give a preparation up. Ends as PreparationCancelled, for the PrepareRun too."""

    run: RunId
    attempt: int

    @property
    def id(self) -> str:
        return f"cancel_preparation:{self.run}:{self.attempt}"


class StartAttempt(Struct, frozen=True, kw_only=True, tag="start"):
    """Start the command under its lease. Ends as AttemptStarted or AttemptStartFailed."""

    run: RunId
    attempt: int
    spec: RunSpec
    lease: Lease
    prepared: Prepared | None = None
    owner: str = ""
    submitted_at: float = 0.0
    ordinal: int = 0
    settings: RunSettings = RunSettings()
    """As for the three above: written beside the attempt, from which a lost database is rebuilt."""

    @property
    def id(self) -> str:
        return f"start:{self.run}:{self.attempt}"


class SignalAttempt(Struct, frozen=True, kw_only=True, tag="signal"):
    """Signal the attempt's process tree. Ends as AttemptSignalled.

    With `kill_after_s`, what is left then is killed even if there is no agent any more.
    """

    run: RunId
    attempt: int
    signal: int
    kill_after_s: float | None = None

    @property
    def id(self) -> str:
        return signal_id(self.run, self.attempt, self.signal)


class AdoptAttempt(Struct, frozen=True, kw_only=True, tag="adopt"):
    """After a restart: find the attempt and watch it. Ends as AttemptAdopted, -Exited or -Lost."""

    run: RunId
    attempt: int
    spec: RunSpec
    lease: Lease
    pid: int

    @property
    def id(self) -> str:
        return f"adopt:{self.run}:{self.attempt}"


class RemoveFiles(Struct, frozen=True, kw_only=True, tag="remove_files"):
    """Remove the run's directory and all in it. Ends as FilesRemoved."""

    run: RunId

    @property
    def id(self) -> str:
        return f"remove_files:{self.run}"


class NoteSettings(Struct, frozen=True, kw_only=True, tag="note_settings"):
    """Write the settings beside the run's attempts, if it has any, and that it was cancelled
    between two of them, if it was: no other file says so. Ends as SettingsNoted.

    A newer one for the same run takes its place.
    """

    run: RunId
    settings: RunSettings
    cancelled_at: float | None = None

    @property
    def id(self) -> str:
        return f"note_settings:{self.run}"


class SetTimer(Struct, frozen=True, kw_only=True, tag="set_timer"):
    """Ends as TimerFired at Unix time `at`, or without an event when it is cancelled."""

    timer: str
    at: float

    @property
    def id(self) -> str:
        return self.timer


class CancelTimer(Struct, frozen=True, kw_only=True, tag="cancel_timer"):
    """Ends the timer of the same name, if there is one; no event."""

    timer: str

    @property
    def id(self) -> str:
        return self.timer


def signal_id(run: RunId, attempt: int, signal: int) -> str:
    """The id of the effect that sends this signal."""
    return f"signal:{run}:{attempt}:{signal}"


Durable = PrepareRun | CancelPreparation | StartAttempt | SignalAttempt | RemoveFiles | NoteSettings
Timing = SetTimer | CancelTimer
Acting = Durable | AdoptAttempt
"""What an executor does; timers are the shell's own."""
Effect = Acting | Timing
