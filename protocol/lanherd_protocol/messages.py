"""The frames of the wire, and the bodies of its calls and events.

Append-only: fields get defaults and go to the end, tags are never reused.
`tests/compat/wire.txt` holds the listing that a test compares.
"""

from typing import Literal

from msgspec import Raw, Struct

from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import BlobHash, CommandId, DeviceId, RunId, SnapshotId
from lanherd_protocol.states import Outcome, RunView, StateName
from lanherd_protocol.values import (
    EnvironmentView,
    MachineFacts,
    Manifest,
    OutputEntry,
    Reason,
    RunSettings,
    RunSpec,
    StopSignal,
    Telemetry,
)

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
ALPN = "lanherd/1"

Role = Literal["viewer", "user", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "user", "operator", "admin")


# --- Frames --------------------------------------------------------------------------------------


class Hello(Struct, frozen=True, tag="hello", array_like=True):
    """The first frame of each side. The client waits for the server's before it says more."""

    protocol_min: int
    protocol_max: int
    version: str
    features: tuple[str, ...] = ()
    device: DeviceId = DeviceId("")
    name: str = ""
    role: Role | None = None
    """What the server lets this client do; only in a server's hello."""
    user: str = ""
    """Whose the runs are that this client submits; only in a server's hello."""


class Ping(Struct, frozen=True, tag="ping", array_like=True):
    nonce: int


class Pong(Struct, frozen=True, tag="pong", array_like=True):
    nonce: int


class Call(Struct, frozen=True, tag="call", array_like=True):
    """A request. `credit` is how many bulk bytes the caller is ready to take at once."""

    id: int
    method: str
    body: Raw
    credit: int = 0


class Reply(Struct, frozen=True, tag="reply", array_like=True):
    id: int
    body: Raw


class Failed(Struct, frozen=True, tag="failed", array_like=True):
    id: int
    failure: Failure


class Cancel(Struct, frozen=True, tag="cancel", array_like=True):
    """The caller no longer wants the answer; a Failed(cancelled) or the late Reply still comes."""

    id: int


class Credit(Struct, frozen=True, tag="credit", array_like=True):
    """The receiver of a stream is ready for `count` more bytes of it."""

    id: int
    count: int


class End(Struct, frozen=True, tag="end", array_like=True):
    """No more bulk bytes come in this direction of the call."""

    id: int


class Subscribe(Struct, frozen=True, tag="subscribe", array_like=True):
    """Events of a feed from number `since` + 1 on; `since` -1 means from now on."""

    id: int
    feed: str
    since: int
    params: Raw


class Event(Struct, frozen=True, tag="event", array_like=True):
    id: int
    seq: int
    body: Raw


class Gap(Struct, frozen=True, tag="gap", array_like=True):
    """Events up to and including `missed_to` are not kept or were dropped: fetch a snapshot."""

    id: int
    missed_from: int
    missed_to: int


class Unsubscribe(Struct, frozen=True, tag="unsubscribe", array_like=True):
    id: int


class FeedEnded(Struct, frozen=True, tag="feed_ended", array_like=True):
    """The feed is over or was refused."""

    id: int
    failure: Failure | None = None


class Goodbye(Struct, frozen=True, tag="goodbye", array_like=True):
    """The sender closes the connection, and why."""

    failure: Failure | None = None


Frame = (
    Hello
    | Ping
    | Pong
    | Call
    | Reply
    | Failed
    | Cancel
    | Credit
    | End
    | Subscribe
    | Event
    | Gap
    | Unsubscribe
    | FeedEnded
    | Goodbye
)


# --- Bodies of calls -----------------------------------------------------------------------------


class Empty(Struct, frozen=True, kw_only=True):
    """A request or a reply without content."""


class MachineSnapshot(Struct, frozen=True, kw_only=True):
    """A machine as a whole at event number `seq`: its live runs, and the newest ended ones."""

    facts: MachineFacts
    seq: int
    runs: tuple[RunView, ...] = ()
    telemetry: Telemetry | None = None
    runs_total: int = 0
    runs_live: int | None = None
    """All that hold GPUs or start; `runs` may hold fewer. None from an agent that doesn't count."""
    runs_waiting: int | None = None


class NewRun(Struct, frozen=True, kw_only=True):
    """`settings` are what it begins with. `secrets` hold the value of each name in
    `spec.secrets`; they are in no view, no event and no text."""

    run: RunId
    spec: RunSpec
    settings: RunSettings = RunSettings()
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"NewRun(run={self.run!r}, spec={self.spec!r}, settings={self.settings!r})"


class SubmitRuns(Struct, frozen=True, kw_only=True):
    """All of them are taken, or none. The same id with the same spec is answered again."""

    runs: tuple[NewRun, ...]


class RunsSubmitted(Struct, frozen=True, kw_only=True):
    """The runs as they were when they were committed, in the order of the request."""

    runs: tuple[RunView, ...]


class SubmitStream(Struct, frozen=True, kw_only=True):
    """A submit that no message holds. Upload of a SubmitRuns, of which nothing is taken before all
    of its `size_bytes` are there; download of the RunsSubmitted that answers it."""

    size_bytes: int


class SubmitStreamed(Struct, frozen=True, kw_only=True):
    """`size_bytes` is what the downloaded answer has."""

    size_bytes: int


class GetRun(Struct, frozen=True, kw_only=True):
    run: RunId


class ListRuns(Struct, frozen=True, kw_only=True):
    """Newest first. `before` is the last run of the page before, or its `next`.

    Of several filters all must be met. `outcomes` are asked of ended runs only, and `held` of
    those that wait; a run has each of the `tags`; `group` is the name of its group, and `grouped`
    means any group. An agent older than a filter lists what it doesn't let through, too.
    """

    states: tuple[StateName, ...] = ()
    limit: int = 100
    before: RunId | None = None
    outcomes: tuple[Outcome, ...] = ()
    held: bool = False
    owner: str | None = None
    project: str | None = None
    group: str | None = None
    grouped: bool = False
    tags: tuple[str, ...] = ()
    name_prefix: str = ""


class RunList(Struct, frozen=True, kw_only=True):
    """`next` is where the page after this one begins, while there is `more`: an agent looks through
    so many old runs at once, and may find fewer than were asked for, or none. None from an agent
    that always finds them."""

    runs: tuple[RunView, ...]
    seq: int
    more: bool = False
    next: RunId | None = None


class StopRun(Struct, frozen=True, kw_only=True):
    """End a run: `signal` (None: that of its stop rule), and SIGKILL when `grace_s` is over. A
    waiting run is cancelled."""

    command: CommandId
    run: RunId
    grace_s: float = 10.0
    signal: StopSignal | None = None


class ChangeRun(Struct, frozen=True, kw_only=True):
    """Change a run's settings; None leaves one as it is. `held` holds and releases. `before` moves
    a run that waits ahead of another that waits."""

    command: CommandId
    run: RunId
    priority: int | None = None
    held: bool | None = None
    tags: tuple[str, ...] | None = None
    notes: str | None = None
    pinned: bool | None = None
    before: RunId | None = None


class RestartRun(Struct, frozen=True, kw_only=True):
    """Submit the same spec once more, with the same secrets, as the run `new_run`."""

    run: RunId
    new_run: RunId


class RemoveRunFiles(Struct, frozen=True, kw_only=True):
    """Remove the logs, outputs and files of a run that has ended; the run itself stays known."""

    command: CommandId
    run: RunId


class ListOutputs(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int = 0


class OutputList(Struct, frozen=True, kw_only=True):
    """`truncated`: there are more entries than a listing holds. `unlisted`: how many have no place
    in one: what is neither file, folder nor link, such as a pipe, names that are no UTF-8, and
    folders that can't be read (of which the content is missing)."""

    attempt: int
    entries: tuple[OutputEntry, ...]
    truncated: bool = False
    unlisted: int = 0


class ReadOutput(Struct, frozen=True, kw_only=True):
    """Download of an output's bytes from `offset` on."""

    run: RunId
    path: str
    attempt: int = 0
    offset: int = 0
    length: int | None = None


class OutputEnd(Struct, frozen=True, kw_only=True):
    """`size_bytes` and `modified_at` of the file as it was when the reading ended."""

    size_bytes: int
    modified_at: float


class FindMissing(Struct, frozen=True, kw_only=True):
    blobs: tuple[BlobHash, ...]


class MissingBlobs(Struct, frozen=True, kw_only=True):
    blobs: tuple[BlobHash, ...]


class PutBlobs(Struct, frozen=True, kw_only=True):
    """Upload of a pack (`lanherd_protocol.packs`)."""

    count: int


class BlobsStored(Struct, frozen=True, kw_only=True):
    count: int
    bytes_stored: int


class PutManifest(Struct, frozen=True, kw_only=True):
    """Upload of a manifest's canonical encoding, compressed; its hash is the snapshot's id.

    With `base`, a snapshot that the user has on the machine, the upload is what differs from it
    (`manifest_delta`). `project` is the project's name for the list of snapshots.
    """

    snapshot: SnapshotId
    base: SnapshotId | None = None
    project: str = ""


class SnapshotStored(Struct, frozen=True, kw_only=True):
    snapshot: SnapshotId
    files: int
    bytes_total: int


class HasSnapshot(Struct, frozen=True, kw_only=True):
    snapshot: SnapshotId


class SnapshotPresence(Struct, frozen=True, kw_only=True):
    present: bool


class EnvironmentList(Struct, frozen=True, kw_only=True):
    environments: tuple[EnvironmentView, ...]


class PairDevice(Struct, frozen=True, kw_only=True):
    """Only on the agent's Unix socket: whoever may open it is the agent's own user."""

    certificate_pem: str
    name: str
    role: Role = "admin"


class Paired(Struct, frozen=True, kw_only=True):
    machine: DeviceId
    certificate_pem: str
    name: str
    port: int
    addresses: tuple[str, ...]
    role: Role


class AgentStatus(Struct, frozen=True, kw_only=True):
    machine: DeviceId
    name: str
    version: str
    pid: int
    port: int
    addresses: tuple[str, ...]
    started_at: float
    live_runs: int
    queued_runs: int
    problems: tuple[Reason, ...] = ()
    """What is wrong with the machine now; see Telemetry."""


# --- Bodies of events ----------------------------------------------------------------------------


class RunChanged(Struct, frozen=True, kw_only=True):
    """Feed `runs`: a run is as `view` says since event `view.seq`."""

    view: RunView


class WatchOutputs(Struct, frozen=True, kw_only=True):
    """Parameters of feed `outputs`."""

    run: RunId


class OutputsChanged(Struct, frozen=True, kw_only=True):
    """Feed `outputs`: the whole listing, as it is since the last event; as for OutputList."""

    attempt: int
    entries: tuple[OutputEntry, ...]
    truncated: bool = False
    unlisted: int = 0


# What a manifest's canonical encoding decodes to, named here so that the listing holds it.
ManifestBody = Manifest
