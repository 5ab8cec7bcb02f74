"""The bodies of the calls about kept snapshots. Append-only, as `messages.py` is."""

from msgspec import Struct

from lanherd_protocol.ids import CommandId, SnapshotId


class SnapshotView(Struct, frozen=True, kw_only=True):
    """A snapshot that the asking user has pushed; others' are nobody's business.

    `bytes_total` is the size of its files. `used_at` is when it was last pushed or a run of it
    began, in seconds since 1970. `runs` counts the user's runs that still need it: those that wait
    or are live. `pin_note` says why it is kept.
    """

    snapshot: SnapshotId
    project: str
    files: int
    bytes_total: int
    created_at: float
    used_at: float
    runs: int = 0
    pinned: bool = False
    pin_note: str = ""


class ListSnapshots(Struct, frozen=True, kw_only=True):
    """A page, the most recently used first; `after` is the last of the page before. `project`
    empty: of every project."""

    project: str = ""
    after: SnapshotId | None = None
    limit: int = 100


class SnapshotList(Struct, frozen=True, kw_only=True):
    """`store_bytes` is what all snapshots and blobs of the user take on the machine's disk, each
    blob once; `more`: there is another page."""

    snapshots: tuple[SnapshotView, ...]
    more: bool = False
    store_bytes: int = 0
    blobs: int = 0


class PinSnapshot(Struct, frozen=True, kw_only=True):
    """Keep a snapshot whatever its age, or no longer."""

    command: CommandId
    snapshot: SnapshotId
    pinned: bool
    note: str = ""


class RemoveSnapshot(Struct, frozen=True, kw_only=True):
    """Forget a snapshot that no waiting or live run needs and that isn't pinned (CONFLICT)."""

    command: CommandId
    snapshot: SnapshotId


class SnapshotChanged(Struct, frozen=True, kw_only=True):
    """The snapshot as it is now, None once it is gone."""

    snapshot: SnapshotView | None


class CollectSnapshots(Struct, frozen=True, kw_only=True):
    """Remove the snapshots that nothing needs and that weren't used for `age_s`, and every blob
    that no snapshot refers to. `dry_run`: say what would go."""

    command: CommandId
    age_s: float
    dry_run: bool = False


class SnapshotsCollected(Struct, frozen=True, kw_only=True):
    snapshots: int
    blobs: int
    bytes_freed: int


class VerifySnapshots(Struct, frozen=True, kw_only=True):
    """Read the blobs of one snapshot, or of all the user's, and compare them with their hashes.
    The download is a line of JSON now and then: {"blobs", "blobs_total", "bytes"}."""

    snapshot: SnapshotId | None = None


class SnapshotsVerified(Struct, frozen=True, kw_only=True):
    """What was read, and what was damaged: such blobs are removed, and the snapshots that need
    them are forgotten, so that the next push sends them again."""

    blobs: int
    bytes_read: int
    damaged_blobs: int
    damaged_snapshots: tuple[SnapshotId, ...] = ()
