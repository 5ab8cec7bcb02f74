"""The agent's snapshots: blobs, the manifests that refer to them, and whose they are.

A manifest is accepted only when its user has proved to hold every blob that it names and all are
safe on disk, so a snapshot that the agent knows is whole. When a blob turns out damaged, the
snapshots that need it are forgotten: the next push then sends what is missing instead of hearing
that all is there.
"""

import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from lanherd_agent.disk import in_thread
from lanherd_agent.persist.catalogue import KeptSnapshot
from lanherd_agent.snapshots import problems
from lanherd_agent.snapshots.blobs import BlobStore
from lanherd_agent.snapshots.catalogue import Catalogue
from lanherd_agent.snapshots.intake import Offer, Pack, accept
from lanherd_agent.snapshots.manifest_files import ManifestFiles
from lanherd_agent.snapshots.parts import Claims, Parts
from lanherd_agent.snapshots.problems import CancelledHere, check_hash, disk_problem
from lanherd_agent.snapshots.references import needing
from lanherd_agent.snapshots.tree import Materialised, build_tree
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import HASHES_PER_CALL_MAX, MANIFEST_BYTES_MAX
from lanherd_protocol.messages import BlobsStored, SnapshotStored
from lanherd_protocol.packs import PackDecoder
from lanherd_protocol.values import Manifest, ManifestEntry


class SnapshotStore:
    """Blobs and snapshots of one agent's home; `open` makes one."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._building: set[Path] = set()
        self._held: dict[object, Collection[SnapshotId]] = {}
        self.damaged_blobs_removed = 0
        """Blobs that a power cut had damaged and that `open` removed."""

    @classmethod
    async def open(cls, home: Path) -> "SnapshotStore":
        return await in_thread(lambda: cls._open(home))

    async def close(self) -> None:
        """Writes down what was used last."""
        await in_thread(self.parts.catalogue.close)

    async def has(self, snapshot: SnapshotId) -> bool:
        """Whether the snapshot is here as a whole, whoever pushed it."""
        check_hash(snapshot)
        return await in_thread(lambda: self.parts.files.exists(snapshot))

    def find(self, user: str, snapshot: SnapshotId) -> KeptSnapshot | None:
        """The snapshot as the user has it; doesn't block."""
        return self.parts.catalogue.find(user, snapshot)

    def of(self, user: str) -> Mapping[SnapshotId, KeptSnapshot]:
        """All snapshots that the user has; doesn't block."""
        return self.parts.catalogue.of(user)

    async def held(self, user: str) -> tuple[int, int]:
        """How many blobs the user has here, and their bytes."""
        return await in_thread(lambda: self.parts.catalogue.held(user))

    async def missing(self, user: str, blobs: Iterable[BlobHash]) -> tuple[BlobHash, ...]:
        """Those of the blobs that the user has to send, in the order of the question, each once."""
        given = tuple(blobs)
        if len(given) > HASHES_PER_CALL_MAX:
            raise problems.many_blobs(len(given))
        asked = tuple(dict.fromkeys(given))
        return await in_thread(lambda: self._missing(user, asked))

    async def put_pack(self, user: str, chunks: AsyncIterator[bytes], count: int) -> BlobsStored:
        """Keeps the blobs of a pack; those that came before a failure or a cancel stay."""
        if not 0 <= count <= HASHES_PER_CALL_MAX:
            raise problems.large_pack(count)
        pack = Pack(self.parts, user, PackDecoder(count))
        async for chunk in chunks:
            await in_thread(partial(pack.feed, chunk))
        return pack.finish()

    async def put_manifest(
        self,
        user: str,
        snapshot: SnapshotId,
        chunks: AsyncIterator[bytes],
        *,
        base: SnapshotId | None = None,
        project: str = "",
    ) -> SnapshotStored:
        """Accepts a snapshot whose blobs the user has sent; safe on disk when it returns.

        With a base the upload is what differs from it. NOT_FOUND says how many blobs are missing
        and one of them, or that the user doesn't have the base.
        """
        check_hash(snapshot)
        if base is not None:
            check_hash(base)
        upload = bytearray()
        async for chunk in chunks:
            upload += chunk
            if len(upload) > MANIFEST_BYTES_MAX:
                raise problems.large_manifest()
        offer = Offer(user, snapshot, bytes(upload), base, project)
        return await in_thread(lambda: accept(self.parts, offer))

    async def pin(
        self, user: str, snapshot: SnapshotId, *, pinned: bool, note: str = ""
    ) -> KeptSnapshot:
        """Keeps a snapshot whatever its age, or no longer. NOT_FOUND if the user hasn't it."""
        kept = self._owned(user, snapshot)
        changed = replace(kept, pinned=pinned, pin_note=note if pinned else "")
        await in_thread(lambda: self.parts.catalogue.put(user, snapshot, changed))
        return changed

    async def remove(self, user: str, snapshot: SnapshotId, *, needed: bool) -> None:
        """The user has the snapshot no longer; where it is `needed`, for a run of somebody else,
        or others have it, it stays. Blobs are left to the next collection, which looks whether
        anybody needs them. CONFLICT for a pinned one."""
        kept = self._owned(user, snapshot)
        if kept.pinned:
            raise problems.pinned(snapshot, kept.pin_note)
        self.parts.catalogue.drop([(user, snapshot)])
        await in_thread(lambda: self._remove(user, snapshot, needed=needed))

    @contextlib.contextmanager
    def used(self, user: str, snapshots: Collection[SnapshotId]) -> Iterator[None]:
        """The user makes runs of these: they aren't collected before the runs are known. NOT_FOUND
        if he doesn't have them; it is about proof, and so it is the same for everybody."""
        for snapshot in snapshots:
            self._owned(user, snapshot)
        token = object()
        self._held[token] = snapshots
        try:
            yield
        finally:
            del self._held[token]
        for snapshot in snapshots:
            self.touch(user, snapshot)

    def touch(self, user: str, snapshot: SnapshotId) -> None:
        """The user uses the snapshot now; doesn't block."""
        self.parts.catalogue.touch(user, snapshot, time.time())

    @property
    def held_snapshots(self) -> set[SnapshotId]:
        """Of which runs are being made at this moment."""
        return {snapshot for held in self._held.values() for snapshot in held}

    async def manifest(self, snapshot: SnapshotId) -> Manifest:
        """What the snapshot holds; NOT_FOUND where it isn't here."""
        check_hash(snapshot)
        return await in_thread(lambda: self._load(snapshot))

    async def read_file(self, snapshot: SnapshotId, path: str, *, bytes_max: int) -> bytes:
        """The content of one file of a snapshot; NOT_FOUND, TOO_LARGE."""
        check_hash(snapshot)
        return await in_thread(lambda: self._read_file(snapshot, path, bytes_max))

    async def materialise(self, snapshot: SnapshotId, target: Path) -> Materialised:
        """Builds the snapshot's tree at `target`, which appears whole or not at all.

        CONFLICT where `target` exists or is being built. Cancelling leaves nothing behind.
        """
        check_hash(snapshot)
        if target in self._building:
            raise problems.tree_there(target.name)
        self._building.add(target)
        cancelled = threading.Event()
        try:
            return await in_thread(lambda: self._build(snapshot, target, cancelled), cancelled)
        finally:
            self._building.discard(target)

    def on_damaged(self, blob: BlobHash) -> list[SnapshotId]:
        """A blob was found damaged and removed: nobody holds it any more, and the snapshots that
        need it are forgotten; which. Blocks."""
        self.parts.catalogue.forget_blobs([blob])
        lost = needing(self.parts.files, blob)
        self.parts.forget(lost)
        return lost

    @classmethod
    def _open(cls, home: Path) -> "SnapshotStore":
        blobs, files = BlobStore(home / "blobs"), ManifestFiles(home / "snapshots")
        try:
            damaged = blobs.prepare()
            files.prepare()
        except OSError as refused:
            raise disk_problem(refused, "prepare its store of snapshots") from refused
        catalogue = Catalogue(home / "snapshots.sqlite")
        catalogue.forget_blobs(damaged)
        store = cls(Parts(blobs, files, catalogue, Claims()))
        store.damaged_blobs_removed = len(damaged)
        return store

    def _owned(self, user: str, snapshot: SnapshotId) -> KeptSnapshot:
        check_hash(snapshot)
        kept = self.find(user, snapshot)
        if kept is None:
            raise problems.not_yours(snapshot)
        return kept

    def _missing(self, user: str, asked: tuple[BlobHash, ...]) -> tuple[BlobHash, ...]:
        for blob in asked:
            check_hash(blob)
        # Before the look: a collection forgets whose a blob is before it looks who counts on it.
        self.parts.claims.asked(user, asked)
        unproven = self.parts.catalogue.unproven(user, asked)
        return tuple(blob for blob in asked if blob in unproven)

    def _remove(self, user: str, snapshot: SnapshotId, *, needed: bool) -> None:
        self.parts.catalogue.remove([(user, snapshot)])
        with self.parts.claims.removing(snapshot) as may:
            if may and not needed and not self.parts.catalogue.is_owned(snapshot):
                self.parts.files.forget(snapshot)

    def _load(self, snapshot: SnapshotId) -> Manifest:
        try:
            return self.parts.files.load(snapshot)
        except LanherdError as damaged:
            if damaged.code is ErrorCode.BLOB_CORRUPT:
                self.parts.catalogue.forget([snapshot])
            raise

    def _read_file(self, snapshot: SnapshotId, path: str, bytes_max: int) -> bytes:
        entry = _find_file(self._load(snapshot), path)
        if entry.size_bytes > bytes_max:
            raise problems.large_file(path, entry.size_bytes, bytes_max)
        content = bytearray()
        with self._forgetting():
            for blob in entry.blobs:
                descriptor = self.parts.blobs.open(blob)
                try:
                    content += self.parts.blobs.read(blob, descriptor)
                finally:
                    os.close(descriptor)
        return bytes(content)

    def _build(
        self, snapshot: SnapshotId, target: Path, cancelled: threading.Event
    ) -> Materialised:
        if os.path.lexists(target):
            raise problems.tree_there(target.name)
        manifest = self._load(snapshot)
        try:
            with self._forgetting():
                return build_tree(self.parts.blobs, manifest, target, cancelled)
        except OSError as refused:
            raise disk_problem(refused, "unpack the snapshot") from refused
        except CancelledHere:
            raise problems.unpacking_cancelled() from None

    @contextlib.contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Forgets the snapshots that need a blob which is found damaged."""
        try:
            yield
        except LanherdError as damaged:
            if damaged.code is ErrorCode.BLOB_CORRUPT:
                self.on_damaged(BlobHash(str(damaged.failure.data["blob"])))
            raise


def _find_file(manifest: Manifest, path: str) -> ManifestEntry:
    for entry in manifest.entries:
        if entry.path == path and entry.kind in ("file", "executable"):
            return entry
    raise problems.no_file(path)
