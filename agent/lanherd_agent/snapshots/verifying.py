"""Reading what is stored, and comparing it with its hashes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lanherd_agent.disk import in_thread
from lanherd_agent.snapshots.problems import check_hash, not_yours
from lanherd_agent.snapshots.references import referred
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId

BLOBS_AT_ONCE = 32
"""Of 1 MiB at most: so often it is told how far it is, and looked whether it is still wanted."""


@dataclass(slots=True)
class Verified:
    """What was read so far, of how many, and what was damaged."""

    blobs: int = 0
    blobs_total: int = 0
    bytes_read: int = 0
    damaged_blobs: int = 0
    damaged_snapshots: set[SnapshotId] = field(default_factory=set)


async def verify(
    store: SnapshotStore,
    user: str,
    snapshot: SnapshotId | None,
    tell: Callable[[Verified], Awaitable[None]],
) -> Verified:
    """Reads the blobs of one of the user's snapshots, or all that he has sent. What is damaged is
    removed, and every snapshot that needs it forgotten. NOT_FOUND if he doesn't have the snapshot.
    """
    had = set(store.of(user))
    if snapshot is not None:
        check_hash(snapshot)
        if snapshot not in had:
            raise not_yours(snapshot)
    done = Verified()
    wanted = sorted(had) if snapshot is None else [snapshot]
    held = await in_thread(lambda: store.parts.catalogue.blobs(user)) if snapshot is None else set()
    held |= await in_thread(lambda: _read_manifests(store, wanted, done))
    blobs = sorted(held)  # as they lie in folders
    done.blobs_total = len(blobs)
    for start in range(0, len(blobs), BLOBS_AT_ONCE):
        batch = blobs[start : start + BLOBS_AT_ONCE]
        await in_thread(partial(_check, store, batch, done))
        await tell(done)
    # What others lost with it is not told.
    done.damaged_snapshots &= had
    return done


def _read_manifests(
    store: SnapshotStore, wanted: Sequence[SnapshotId], done: Verified
) -> set[BlobHash]:
    """The blobs of these snapshots."""
    files = store.parts.files
    # What is held in memory says nothing of the disk.
    files.let_go_all()
    sound: list[SnapshotId] = []
    for snapshot in wanted:
        try:
            files.load(snapshot)
            sound.append(snapshot)
        except LanherdError as damaged:
            if damaged.code not in (ErrorCode.BLOB_CORRUPT, ErrorCode.NOT_FOUND):
                raise
            done.damaged_snapshots.add(snapshot)
    store.parts.forget(done.damaged_snapshots)
    return set(referred(files, sound))


def _check(store: SnapshotStore, batch: Sequence[BlobHash], done: Verified) -> None:
    for blob in batch:
        try:
            done.bytes_read += store.parts.blobs.check(blob)
        except LanherdError as damaged:
            if damaged.code is not ErrorCode.BLOB_CORRUPT:
                raise
            done.damaged_blobs += 1
            done.damaged_snapshots.update(store.on_damaged(blob))
        done.blobs += 1
