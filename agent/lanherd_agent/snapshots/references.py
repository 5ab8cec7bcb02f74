"""Which snapshot refers to which blobs, from the manifests on disk.

A manifest that rests on another shares most of its blobs with it, so those of the whole one are
read once, and of the others only what differs.
"""

from collections.abc import Collection, Iterator

from lanherd_agent.snapshots.manifest_files import ManifestFiles
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.manifest import ManifestError


def referred(files: ManifestFiles, snapshots: Collection[SnapshotId]) -> Iterator[BlobHash]:
    """The blobs that these snapshots refer to; some more than once. One that turns out damaged is
    forgotten, as whoever loads it would forget it."""
    wanted = set(snapshots)
    for snapshot in snapshots:
        yield from _of_one(files, snapshot, root_counts=files.root(snapshot) in wanted)


def needing(files: ManifestFiles, blob: BlobHash) -> list[SnapshotId]:
    """The snapshots that refer to the blob."""
    found: list[SnapshotId] = []
    for snapshot, _ in list(files.ids()):
        if blob in _of_one(files, snapshot, root_counts=False):
            found.append(snapshot)
    return found


def _of_one(
    files: ManifestFiles, snapshot: SnapshotId, *, root_counts: bool
) -> tuple[BlobHash, ...]:
    """Where the root counts by itself, only what the snapshot adds to it."""
    try:
        delta = files.delta(snapshot) if root_counts else None
        if delta is not None:
            return deltas.hashes(delta)
        return manifests.hashes(files.load(snapshot))
    except ManifestError:
        return ()  # it is met as damaged, and said, when somebody uses it
    except LanherdError as problem:
        if problem.code in (ErrorCode.NOT_FOUND, ErrorCode.BLOB_CORRUPT):
            return ()
        raise
