"""Manifests on disk: a file each, whole or as what differs from a whole one.

A person who edits and runs makes a snapshot of ten thousand entries for each edit. Such a one is
kept as its difference from a whole manifest (always from a whole one: no chains), which takes a
few hundred bytes instead of half a megabyte. A whole one that nobody has any more, but on which
others rest, goes on as `<id>.base`; so `<id>` is there exactly as long as the snapshot is.

The last few are held in memory, where those that differ little share most of what they hold.
"""

import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lanherd_agent.disk import write_durably
from lanherd_agent.snapshots.problems import disk_problem, no_snapshot
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import SnapshotId, is_sha256
from lanherd_protocol.limits import MIB
from lanherd_protocol.manifest import ManifestError
from lanherd_protocol.manifest_delta import Delta
from lanherd_protocol.values import Manifest

HELD_BYTES_MAX = 64 * MIB
HELD_S = 600.0
"""Nobody edits any more: an idle agent holds no manifests."""
_BYTES_PER_ENCODED_BYTE = 4
"""What a manifest takes in memory, of its size on the wire (measured: 3.8)."""
_SHARED_ENTRY_BYTES = 8
_DELTA = b"lanherd delta 1\n"
_HEADER_BYTES = len(_DELTA) + 64
_DELTA_SHARE_MAX = 8
"""What differs by more than this part of a whole one is kept whole itself."""
_BASE = ".base"


class _Held(NamedTuple):
    manifest: Manifest
    size_bytes: int
    used_at: float


class ManifestFiles:
    """All manifests of one agent. Its methods block: they are for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changing = threading.RLock()
        """Nothing comes to rest on a manifest that is just being removed."""
        self._lock = threading.Lock()
        self._roots: dict[SnapshotId, SnapshotId] = {}
        self._resting: Counter[SnapshotId] = Counter()
        self._held: OrderedDict[SnapshotId, _Held] = OrderedDict()
        self._held_bytes = 0

    def prepare(self) -> None:
        """Makes the folder, and looks which manifest rests on which."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(self._folder):
            if not is_sha256(entry.name):
                continue
            with open(entry.path, "rb") as file:
                root = _root_of(file.read(_HEADER_BYTES))
            if root is not None:
                self._rest(SnapshotId(entry.name), root)

    def exists(self, snapshot: SnapshotId) -> bool:
        return os.path.exists(self._path(snapshot))

    def ids(self) -> Iterator[tuple[SnapshotId, float]]:
        """The snapshots that are here, and when each was last kept."""
        for name in filter(is_sha256, os.listdir(self._folder)):
            try:
                yield SnapshotId(name), os.stat(self._path(SnapshotId(name))).st_mtime
            except FileNotFoundError:
                continue  # it was removed since the look

    def root(self, snapshot: SnapshotId) -> SnapshotId:
        """The one from which a snapshot's manifest is made: itself, if it is kept whole."""
        return self._roots.get(snapshot, snapshot)

    def size(self, snapshot: SnapshotId) -> int:
        """Bytes on the disk."""
        try:
            return os.stat(self._path(snapshot)).st_size
        except FileNotFoundError:
            return 0

    def load(self, snapshot: SnapshotId) -> Manifest:
        """What the snapshot holds; NOT_FOUND, or BLOB_CORRUPT and then it is forgotten."""
        if not self.exists(snapshot):
            raise no_snapshot(snapshot)
        try:
            return self._load(snapshot)
        except FileNotFoundError:
            raise no_snapshot(snapshot) from None
        except OSError as refused:
            raise disk_problem(refused, "read the snapshot") from refused
        except ManifestError as damaged:
            self.forget(snapshot)
            raise error(
                ErrorCode.BLOB_CORRUPT,
                "A stored snapshot is damaged.",
                f"Snapshot {snapshot}: {damaged}. It was removed.",
                "Push the project again; check that machine's disk.",
                snapshot=snapshot,
            ) from damaged

    def delta(self, snapshot: SnapshotId) -> Delta | None:
        """What differs from its root, None for a whole one; raises ManifestError."""
        try:
            kept = self._path(snapshot).read_bytes()
        except FileNotFoundError:
            return None
        return None if _root_of(kept) is None else deltas.decode(kept[_HEADER_BYTES:])

    def keep(self, snapshot: SnapshotId, encoded: bytes, manifest: Manifest) -> None:
        """Keeps a manifest whole; it is safe on disk when this returns."""
        compressed = manifests.compress(encoded)
        with self._changing:
            write_durably(self._path(snapshot), compressed)
            self._base(snapshot).unlink(missing_ok=True)
            self._unrest(snapshot)
        self._hold(snapshot, manifest, len(encoded) * _BYTES_PER_ENCODED_BYTE)

    def keep_changed(
        self, snapshot: SnapshotId, encoded: bytes, manifest: Manifest, base: SnapshotId
    ) -> None:
        """The same for one that differs little from another that is here."""
        if self.exists(snapshot):
            return
        root = self.root(base)
        delta = deltas.encode(deltas.diff(self._load(root), manifest))
        with self._changing:
            is_there = self.exists(root) or self._base(root).exists()
            if not is_there or len(delta) * _DELTA_SHARE_MAX > len(encoded):
                self.keep(snapshot, encoded, manifest)
                return
            write_durably(self._path(snapshot), _DELTA + root.encode() + delta)
            self._rest(snapshot, root)
        shared = len(manifest.entries) * _SHARED_ENTRY_BYTES
        self._hold(snapshot, manifest, shared + len(delta) * _BYTES_PER_ENCODED_BYTE)

    def forget(self, snapshot: SnapshotId) -> None:
        """The snapshot is no more; what others rest on stays for them."""
        with self._lock:
            held = self._held.pop(snapshot, None)
            self._held_bytes -= held.size_bytes if held is not None else 0
        path = self._path(snapshot)
        with self._changing:
            if snapshot not in self._resting:
                path.unlink(missing_ok=True)
                self._unrest(snapshot)
            elif path.exists():
                os.rename(path, self._base(snapshot))

    def let_go(self) -> None:
        """Holds no longer in memory what wasn't asked for in a while."""
        limit = time.monotonic() - HELD_S
        with self._lock:
            for snapshot, held in list(self._held.items()):
                if held.used_at < limit:
                    del self._held[snapshot]
                    self._held_bytes -= held.size_bytes

    def let_go_all(self) -> None:
        """Holds nothing in memory: what is asked for next is read from the disk."""
        with self._lock:
            self._held.clear()
            self._held_bytes = 0

    def _load(self, snapshot: SnapshotId) -> Manifest:
        with self._lock:
            held = self._held.get(snapshot)
            if held is not None:
                self._held[snapshot] = held._replace(used_at=time.monotonic())
                self._held.move_to_end(snapshot)
                return held.manifest
        try:
            kept = self._path(snapshot).read_bytes()
        except FileNotFoundError:
            kept = self._base(snapshot).read_bytes()
        root = _root_of(kept)
        if root is None:
            encoded = manifests.decompress(kept)
            _check_id(snapshot, encoded)
            manifest = manifests.decode(encoded)
        else:
            manifest = deltas.apply(self._load_root(root), deltas.decode(kept[_HEADER_BYTES:]))
            encoded = manifests.encode_valid(manifest)
            _check_id(snapshot, encoded)
        self._hold(snapshot, manifest, len(encoded) * _BYTES_PER_ENCODED_BYTE)
        return manifest

    def _load_root(self, root: SnapshotId) -> Manifest:
        if root in self._roots or not is_sha256(root):
            raise ManifestError("it rests on one that isn't whole")
        try:
            return self._load(root)
        except FileNotFoundError:
            raise ManifestError(f"{root}, on which it rests, is gone") from None

    def _hold(self, snapshot: SnapshotId, manifest: Manifest, size_bytes: int) -> None:
        with self._lock:
            before = self._held.pop(snapshot, None)
            self._held_bytes -= before.size_bytes if before is not None else 0
            self._held[snapshot] = _Held(manifest, size_bytes, time.monotonic())
            self._held_bytes += size_bytes
            while self._held_bytes > HELD_BYTES_MAX and len(self._held) > 1:
                _, oldest = self._held.popitem(last=False)
                self._held_bytes -= oldest.size_bytes

    def _rest(self, snapshot: SnapshotId, root: SnapshotId) -> None:
        with self._lock:
            self._roots[snapshot] = root
            self._resting[root] += 1

    def _unrest(self, snapshot: SnapshotId) -> None:
        with self._lock:
            root = self._roots.pop(snapshot, None)
            if root is None:
                return
            self._resting[root] -= 1
            alone = not self._resting[root]
        if alone:
            del self._resting[root]
            self._base(root).unlink(missing_ok=True)

    def _path(self, snapshot: SnapshotId) -> Path:
        return self._folder / snapshot

    def _base(self, snapshot: SnapshotId) -> Path:
        return self._folder / f"{snapshot}{_BASE}"


def _root_of(kept: bytes) -> SnapshotId | None:
    """The whole one that these bytes of a file rest on; None if they are whole themselves."""
    if not kept.startswith(_DELTA):
        return None
    root = kept[len(_DELTA) : _HEADER_BYTES].decode("ascii", "replace")
    return SnapshotId(root) if is_sha256(root) else SnapshotId("")


def _check_id(snapshot: SnapshotId, encoded: bytes) -> None:
    if manifests.snapshot_id(encoded) != snapshot:
        raise ManifestError("its hash is another one")
