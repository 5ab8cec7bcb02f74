"""Who has which snapshots, in memory, and who has proved to hold which blobs, on disk.

Whether a user has a snapshot is asked at every submit, and so must not wait for a pack that is
being written down: the snapshots of everybody are held in memory, a few hundred bytes each.
"""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from lanherd_agent.persist.catalogue import CatalogueFile, KeptSnapshot
from lanherd_protocol.ids import BlobHash, SnapshotId

Owned = tuple[str, SnapshotId]


class Catalogue:
    """What is told of one user is never known from another's. Its methods block, but for those
    that only look at memory, which say so."""

    def __init__(self, path: Path) -> None:
        self._file = CatalogueFile(path)
        self._lock = threading.Lock()
        self._had: dict[str, dict[SnapshotId, KeptSnapshot]] = {}
        self._touched: set[Owned] = set()
        for user, snapshot, kept in self._file.snapshots():
            self._had.setdefault(user, {})[snapshot] = kept

    def close(self) -> None:
        self.flush()
        self._file.close()

    # --- In memory ------------------------------------------------------------------------------

    def find(self, user: str, snapshot: SnapshotId) -> KeptSnapshot | None:
        """The snapshot as the user has it."""
        return self._had.get(user, {}).get(snapshot)

    def of(self, user: str) -> Mapping[SnapshotId, KeptSnapshot]:
        """All that the user has now."""
        with self._lock:
            return dict(self._had.get(user, {}))

    def all(self) -> list[tuple[str, SnapshotId, KeptSnapshot]]:
        """What everybody has now."""
        with self._lock:
            return [
                (user, snapshot, kept)
                for user, had in self._had.items()
                for snapshot, kept in had.items()
            ]

    def is_owned(self, snapshot: SnapshotId) -> bool:
        """Whether anybody has the snapshot."""
        with self._lock:
            return any(snapshot in had for had in self._had.values())

    def touch(self, user: str, snapshot: SnapshotId, at: float) -> None:
        """The user uses the snapshot; written down by the next `flush`."""
        with self._lock:
            kept = self._had.get(user, {}).get(snapshot)
            if kept is not None and kept.used_at < at:
                self._had[user][snapshot] = replace(kept, used_at=at)
                self._touched.add((user, snapshot))

    def drop(self, gone: Iterable[Owned]) -> None:
        """From now on the users have these no longer; `remove` writes that down."""
        with self._lock:
            for user, snapshot in gone:
                self._had.get(user, {}).pop(snapshot, None)
                self._touched.discard((user, snapshot))

    # --- On disk --------------------------------------------------------------------------------

    def put(self, user: str, snapshot: SnapshotId, kept: KeptSnapshot) -> None:
        """The user has the snapshot from here on."""
        self._file.put(user, [(snapshot, kept)])
        with self._lock:
            self._had.setdefault(user, {})[snapshot] = kept

    def flush(self) -> None:
        """Write down what was used."""
        with self._lock:
            touched, self._touched = self._touched, set()
            kept = [(user, one, self._had[user][one]) for user, one in touched]
        for user in {user for user, _, _ in kept}:
            self._file.put(user, [(one, what) for owner, one, what in kept if owner == user])

    def remove(self, gone: Collection[Owned]) -> None:
        """The users have these no longer."""
        self.drop(gone)
        if gone:
            self._file.remove(gone)

    def forget(self, snapshots: Collection[SnapshotId]) -> None:
        """Nobody has these any more."""
        lost = set(snapshots)
        self.remove([(user, one) for user, one, _ in self.all() if one in lost])

    def prove(self, user: str, blobs: Mapping[BlobHash, int]) -> set[BlobHash]:
        """The user holds these blobs; those that he wasn't known to hold."""
        return self._file.prove(user, blobs)

    def unproven(self, user: str, blobs: Sequence[BlobHash]) -> set[BlobHash]:
        """Those of the blobs that the user hasn't proved to hold."""
        return self._file.unproven(user, blobs)

    def blobs(self, user: str) -> set[BlobHash]:
        """All that the user has proved to hold."""
        return self._file.blobs(user)

    def held(self, user: str) -> tuple[int, int]:
        """How many blobs the user has proved to hold, and their bytes."""
        return self._file.held(user)

    def forget_blobs(self, blobs: Collection[BlobHash]) -> None:
        """These are gone from the store: whoever wants to refer to them uploads them."""
        if blobs:
            self._file.forget_blobs(blobs)
