"""What an agent keeps, and the interface of what keeps it.

A store is used from one thread at a time and blocks. `commit` is all or nothing, and durable when
it returns. Its failures are two: DISK_FULL, after which nothing of the batch was kept and the store
goes on working when there is space again; and STORE_FAILED, after which the store is not to be used
any more, since nobody knows what it still holds.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from lanherd_agent.core.effects import Durable
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.core.step import Command, Kept
from lanherd_protocol.errors import EnvironmentProblem, ErrorCode, Failure, LanherdError, error
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.messages import Role
from lanherd_protocol.states import RunState, RunView

EVENTS_KEPT = 20_000
COMMANDS_KEPT = 2_000
"""Each holds a view of its run, in memory too. More than a connection can have in flight."""
AUDIT_KEPT = 100_000
PRUNE_EVERY = 1_000
"""Old events, commands and audit entries are removed this many at a time."""
SEQ_FLOOR = "seq_floor"
"""Key in `meta`: the numbers of changes begin above it. Whoever saw those of records that were
lost since is so told of a gap, and not of a past that never was."""


class Device(Struct, frozen=True, kw_only=True):
    """A controller that is paired with this agent, or was until `revoked_at`."""

    device: DeviceId
    certificate_pem: str
    name: str
    role: Role
    added_at: float
    revoked_at: float | None = None
    user: str = ""
    """The account of this machine that paired it; what it submits belongs to this user."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Who did what to which object. Only ever appended."""

    at: float
    who: str
    action: str
    target: str = ""
    detail: str = ""


class FeedEvent(Struct, frozen=True, array_like=True):
    """A numbered change of a run, without the spec, which never changes."""

    seq: int
    run: RunId
    attempt: int
    state: RunState


class Batch(Struct, frozen=True, kw_only=True):
    """What is kept at once. Runs and devices replace what was kept under their id."""

    runs: tuple[RunRecord, ...] = ()
    events: tuple[FeedEvent, ...] = ()
    effects_added: tuple[Durable, ...] = ()
    effects_ended: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    devices: tuple[Device, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    meta: Mapping[str, str] = {}
    machine: MachineState | None = None
    """The whole of it, if it changed."""

    def __bool__(self) -> bool:
        return bool(
            self.runs
            or self.events
            or self.effects_added
            or self.effects_ended
            or self.commands
            or self.devices
            or self.audit
            or self.meta
            or self.machine is not None
        )


class Loaded(Struct, frozen=True, kw_only=True):
    """All that an agent starts from; of ended runs only the newest."""

    kept: Kept
    devices: tuple[Device, ...] = ()
    runs_total: int = 0
    events_from: int = 1
    """The number of the oldest event that is kept."""
    meta: Mapping[str, str] = {}


class Store(Protocol):
    """Where an agent keeps what it must not forget."""

    def load(self, ended_max: int) -> Loaded:
        """All but the ended runs beyond the newest `ended_max`, by ordinal."""

    def commit(self, batch: Batch, *, urgent: bool = False) -> bool:
        """Keep the whole batch, durably, or nothing of it. An urgent one may use the space that is
        held back for a full disk; whether it did."""

    @property
    def untidy(self) -> bool:
        """Whether it is time for `tidy`."""

    def tidy(self) -> None:
        """Housekeeping that nobody has to wait for; a full disk only puts it off."""

    def find_runs(self, runs: Iterable[RunId]) -> tuple[RunRecord, ...]:
        """Those of the runs that are kept."""

    def ended_before(self, ordinal: int, limit: int) -> tuple[RunRecord, ...]:
        """Ended runs with a smaller ordinal, newest first."""

    def events_since(self, seq: int, limit: int) -> tuple[RunView, ...] | None:
        """Up to `limit` changes after `seq`, in order; None if some are not kept any more."""

    def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest audit entries, newest first."""

    def close(self) -> None:
        """Release what the store holds. May be called twice."""


def event_view(event: FeedEvent, record: RunRecord) -> RunView:
    """What was told with an event, from the run that it was about. Its settings, and whether its
    files are there, are not part of its story: they are as they are now."""
    return RunView(
        run=record.run,
        spec=record.spec,
        owner=record.owner,
        submitted_at=record.submitted_at,
        state=event.state,
        seq=event.seq,
        attempt=event.attempt,
        settings=record.settings,
        earlier=tuple(one for one in record.earlier if one.attempt < event.attempt),
        files_removed_at=record.files_removed_at,
    )


class DamagedError(EnvironmentProblem):
    """STORE_FAILED, since the file's content is no sound database. It is left as it is."""


def store_failed(where: str, why: str, remedy: str = "") -> LanherdError:
    return error(
        ErrorCode.STORE_FAILED,
        f"The agent's records in {where} can't be used.",
        why,
        remedy
        or "Runs go on without them. Check the disk, then start the agent again; "
        "if that doesn't help, move the file aside and start it once more.",
        path=where,
    )


def damaged(where: str, why: str) -> DamagedError:
    return DamagedError(
        Failure(
            code=ErrorCode.STORE_FAILED,
            title=f"The agent's records in {where} are damaged.",
            message=why,
            remedy="Runs go on without them. Start the agent again: it moves the file aside and "
            "makes new records from the directories of the runs.",
            data={"path": where},
        )
    )


def disk_full(where: str) -> LanherdError:
    return error(
        ErrorCode.DISK_FULL,
        "The disk of this machine is full.",
        f"The change could not be written to {where}, and nothing of it was done.",
        "Make space on that disk and try again.",
        path=where,
    )
