"""What the store is made of, and what keeps its parts from pulling the ground from each other.

Blobs are removed while pushes go on. What a push counts on is claimed: the blobs of a manifest that
is being accepted, and for an hour those of which a push asked whether it has to send them. A
collection spares what is claimed when it begins or while it runs; what a pack brings is spared
because it is young.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lanherd_agent.snapshots.blobs import BlobStore
from lanherd_agent.snapshots.catalogue import Catalogue
from lanherd_agent.snapshots.manifest_files import ManifestFiles
from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import MIB
from lanherd_protocol.values import Manifest

PUSH_S = 3600.0
"""How long a push may take from its first question to its manifest before blobs that nothing else
needs may be collected under it; it then sends them again."""
ASKED_BYTES_MAX = 8 * MIB
"""Of what pushes asked for, 32 bytes a blob; the oldest go first."""
_HASH_BYTES = 32


class Claims:
    """Who counts on what at this moment. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accepting: Counter[SnapshotId] = Counter()
        self._manifests: dict[int, Manifest] = {}
        self._asked: deque[tuple[float, str, bytes]] = deque()
        self._asked_bytes = 0
        self._spared: set[BlobHash] | None = None

    def asked(self, user: str, blobs: Sequence[BlobHash]) -> None:
        """A push asks which of these it has to send, and will not send the others."""
        packed = bytes.fromhex("".join(blobs))
        with self._lock:
            if self._spared is not None:
                self._spared.update(blobs)
            self._asked.append((time.monotonic(), user, packed))
            self._asked_bytes += len(packed)
            while self._asked_bytes > ASKED_BYTES_MAX:
                self._asked_bytes -= len(self._asked.popleft()[2])

    @contextmanager
    def accepting(self, user: str, snapshot: SnapshotId, manifest: Manifest) -> Iterator[None]:
        """Neither the snapshot nor one of its blobs is removed while this lasts. When it ends well,
        the push is over."""
        with self._lock:
            self._accepting[snapshot] += 1
            self._manifests[id(manifest)] = manifest
            if self._spared is not None:
                self._spared.update(manifests.hashes(manifest))
        try:
            yield
            self._end_push(user)
        finally:
            with self._lock:
                self._accepting[snapshot] -= 1
                self._accepting += Counter()
                del self._manifests[id(manifest)]

    @contextmanager
    def collecting(self) -> Iterator["Claims"]:
        """While blobs are removed: `is_claimed` tells which are not to be. One at a time."""
        with self._lock:
            spared: set[BlobHash] = set()
            for manifest in self._manifests.values():
                spared.update(manifests.hashes(manifest))
            for packed in self._recently_asked():
                spared.update(_unpacked(packed))
            self._spared = spared
        try:
            yield self
        finally:
            with self._lock:
                self._spared = None

    def is_claimed(self, blob: BlobHash) -> bool:
        with self._lock:
            return self._spared is not None and blob in self._spared

    @contextmanager
    def removing(self, snapshot: SnapshotId) -> Iterator[bool]:
        """Whether the snapshot may be removed; nobody begins to accept it meanwhile."""
        with self._lock:
            yield not self._accepting[snapshot]

    def _recently_asked(self) -> Iterable[bytes]:
        limit = time.monotonic() - PUSH_S
        while self._asked and self._asked[0][0] < limit:
            self._asked_bytes -= len(self._asked.popleft()[2])
        return [packed for _, _, packed in self._asked]

    def _end_push(self, user: str) -> None:
        """The manifest names now what its push asked for."""
        with self._lock:
            self._asked = deque(asked for asked in self._asked if asked[1] != user)
            self._asked_bytes = sum(len(packed) for _, _, packed in self._asked)


@dataclass(frozen=True, slots=True)
class Parts:
    """One agent's blobs, manifests, and who has them."""

    blobs: BlobStore
    files: ManifestFiles
    catalogue: Catalogue
    claims: Claims

    def forget(self, snapshots: Collection[SnapshotId]) -> None:
        """Nobody has these any more, and no run can be made of them."""
        self.catalogue.forget(snapshots)
        for snapshot in snapshots:
            self.files.forget(snapshot)


def _unpacked(packed: bytes) -> Iterator[BlobHash]:
    for start in range(0, len(packed), _HASH_BYTES):
        yield BlobHash(packed[start : start + _HASH_BYTES].hex())
