"""The agent's snapshots: blobs, and the manifests that refer to them.

A manifest is accepted only when every blob it names is here and safe on disk, so a snapshot that
the agent knows is whole. When a blob turns out damaged, the snapshots that meet it are forgotten:
the next push then sends what is missing instead of hearing that all is there.
"""

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from pathlib import Path

from lanherd_agent.disk import in_thread, write_durably
from lanherd_agent.snapshots.blobs import BlobStore
from lanherd_agent.snapshots.problems import CancelledHere, disk_problem, no_snapshot
from lanherd_agent.snapshots.tree import Materialised, build_tree
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash, SnapshotId, is_sha256
from lanherd_protocol.limits import BLOB_BYTES_MAX, HASHES_PER_CALL_MAX, MANIFEST_BYTES_MAX
from lanherd_protocol.manifest import ManifestError
from lanherd_protocol.messages import BlobsStored, SnapshotStored
from lanherd_protocol.packs import PackDecoder, PackError
from lanherd_protocol.values import Manifest, ManifestEntry


class SnapshotStore:
    """Blobs and snapshots of one agent's home; `open` makes one."""

    def __init__(self, home: Path) -> None:
        self._blobs = BlobStore(home / "blobs")
        self._manifests = home / "snapshots"
        self._building: set[Path] = set()
        self.damaged_blobs_removed = 0
        """Blobs that a power cut had damaged and that `open` removed."""

    @classmethod
    async def open(cls, home: Path) -> "SnapshotStore":
        store = cls(home)
        store.damaged_blobs_removed = await in_thread(store._prepare)
        return store

    async def has(self, snapshot: SnapshotId) -> bool:
        """Whether the snapshot is here as a whole."""
        _check_hash(snapshot)
        path = self._manifest_path(snapshot)
        return await in_thread(path.exists)

    async def missing(self, blobs: Iterable[BlobHash]) -> tuple[BlobHash, ...]:
        """Those of the blobs that aren't here, in the order of the question, each once."""
        asked = tuple(dict.fromkeys(blobs))
        if len(asked) > HASHES_PER_CALL_MAX:
            raise error(
                ErrorCode.TOO_LARGE,
                "Too many blobs in one question.",
                f"{len(asked)} hashes are more than {HASHES_PER_CALL_MAX}.",
                "Ask in several calls.",
                refusal="many_blobs",
                blobs=len(asked),
                blobs_max=HASHES_PER_CALL_MAX,
            )
        for blob in asked:
            _check_hash(blob)
        return await in_thread(
            lambda: tuple(blob for blob in asked if self._blobs.size(blob) is None)
        )

    async def put_pack(self, chunks: AsyncIterator[bytes], count: int) -> BlobsStored:
        """Keeps the blobs of a pack; those that came before a failure or a cancel stay, but for
        those that have filled the disk: they go, since nobody may ever push the rest."""
        if not 0 <= count <= HASHES_PER_CALL_MAX:
            raise error(
                ErrorCode.TOO_LARGE,
                "Too many blobs in one pack.",
                f"{count} is not between 0 and {HASHES_PER_CALL_MAX}.",
                "Send several packs.",
                refusal="large_pack",
                blobs=count,
                blobs_max=HASHES_PER_CALL_MAX,
            )
        decoder = PackDecoder(count)
        stored: dict[BlobHash, int] = {}
        async for chunk in chunks:
            await in_thread(partial(self._feed, decoder, chunk, stored))
        with _refusing(PackError, "The pack of blobs can't be read."):
            decoder.finish()
        return BlobsStored(count=len(stored), bytes_stored=sum(stored.values()))

    async def put_manifest(
        self, snapshot: SnapshotId, chunks: AsyncIterator[bytes]
    ) -> SnapshotStored:
        """Accepts a snapshot whose blobs are all here; safe on disk when it returns.

        NOT_FOUND says how many blobs are missing, and one of them.
        """
        _check_hash(snapshot)
        compressed = bytearray()
        async for chunk in chunks:
            compressed += chunk
            if len(compressed) > MANIFEST_BYTES_MAX:
                raise error(
                    ErrorCode.TOO_LARGE,
                    "The manifest is too large.",
                    f"It has more than {MANIFEST_BYTES_MAX} bytes.",
                    "Leave folders out of the project by .lanherdignore.",
                    refusal="large_manifest",
                    manifest_bytes_max=MANIFEST_BYTES_MAX,
                )
        return await in_thread(lambda: self._accept(snapshot, bytes(compressed)))

    async def manifest(self, snapshot: SnapshotId) -> Manifest:
        """What the snapshot holds; NOT_FOUND where it isn't here."""
        _check_hash(snapshot)
        return await in_thread(lambda: self._load(snapshot))

    async def read_file(self, snapshot: SnapshotId, path: str, *, bytes_max: int) -> bytes:
        """The content of one file of a snapshot; NOT_FOUND, TOO_LARGE."""
        _check_hash(snapshot)
        return await in_thread(lambda: self._read_file(snapshot, path, bytes_max))

    async def materialise(self, snapshot: SnapshotId, target: Path) -> Materialised:
        """Builds the snapshot's tree at `target`, which appears whole or not at all.

        CONFLICT where `target` exists or is being built. Cancelling leaves nothing behind.
        """
        _check_hash(snapshot)
        if target in self._building:
            raise _taken(target)
        self._building.add(target)
        cancelled = threading.Event()
        try:
            return await in_thread(lambda: self._build(snapshot, target, cancelled), cancelled)
        finally:
            self._building.discard(target)

    def _prepare(self) -> int:
        try:
            self._manifests.mkdir(parents=True, exist_ok=True)
            return self._blobs.prepare()
        except OSError as refused:
            raise disk_problem(refused, "prepare its store of snapshots") from refused

    def _manifest_path(self, snapshot: SnapshotId) -> Path:
        return self._manifests / snapshot

    def _feed(self, decoder: PackDecoder, chunk: bytes, stored: dict[BlobHash, int]) -> None:
        with _refusing(PackError, "The pack of blobs can't be read."):
            try:
                for blob, data in decoder.feed(chunk):
                    if self._blobs.put(blob, data):
                        stored[blob] = len(data)
            except OSError as refused:
                problem = disk_problem(refused, "store the project's files")
                if problem.code is ErrorCode.DISK_FULL:
                    self._blobs.remove(stored)
                raise problem from refused

    def _accept(self, snapshot: SnapshotId, compressed: bytes) -> SnapshotStored:
        with _refusing(ManifestError, "The manifest isn't acceptable."):
            encoded = manifests.decompress(compressed)
            if manifests.snapshot_id(encoded) != snapshot:
                raise ManifestError("the snapshot's id is not the manifest's hash")
            manifest = manifests.decode(encoded)
        try:
            self._check_blobs(manifest)
            self._blobs.sync()
            write_durably(self._manifest_path(snapshot), manifests.compress(encoded))
        except OSError as refused:
            raise disk_problem(refused, "store the snapshot") from refused
        counted = manifests.summary(manifest)
        return SnapshotStored(
            snapshot=snapshot, files=counted.files, bytes_total=counted.bytes_total
        )

    def _check_blobs(self, manifest: Manifest) -> None:
        missing: list[BlobHash] = []
        sizes: dict[BlobHash, int | None] = {}
        for entry in manifest.entries:
            for blob, size in _blob_sizes(entry):
                if blob not in sizes:
                    sizes[blob] = self._blobs.size(blob)
                    if sizes[blob] is None:
                        missing.append(blob)
                if sizes[blob] not in (None, size):
                    raise error(
                        ErrorCode.INVALID_REQUEST,
                        "The manifest isn't acceptable.",
                        f"{entry.path!r} expects {size} bytes of blob {blob},"
                        f" which has {sizes[blob]}.",
                        "Push the project again.",
                        refusal="blob_size",
                        path=entry.path,
                        blob=blob,
                        expected_bytes=size,
                        found_bytes=sizes[blob] or 0,
                    )
        if missing:
            raise error(
                ErrorCode.NOT_FOUND,
                "Some blobs of the snapshot are missing.",
                f"{len(missing)} blobs have not arrived, {missing[0]} among them.",
                "Push the project again.",
                refusal="missing_blobs",
                missing=len(missing),
                blob=missing[0],
            )

    def _load(self, snapshot: SnapshotId) -> Manifest:
        path = self._manifest_path(snapshot)
        try:
            encoded = manifests.decompress(path.read_bytes())
            if manifests.snapshot_id(encoded) != snapshot:
                raise ManifestError("its hash is another one")
            return manifests.decode(encoded)
        except FileNotFoundError:
            raise no_snapshot(snapshot) from None
        except OSError as refused:
            raise disk_problem(refused, "read the snapshot") from refused
        except ManifestError as damaged:
            path.unlink(missing_ok=True)
            raise error(
                ErrorCode.BLOB_CORRUPT,
                "A stored snapshot is damaged.",
                f"Snapshot {snapshot}: {damaged}. It was removed.",
                "Push the project again; check that machine's disk.",
                snapshot=snapshot,
            ) from damaged

    def _read_file(self, snapshot: SnapshotId, path: str, bytes_max: int) -> bytes:
        entry = _find_file(self._load(snapshot), path)
        if entry.size_bytes > bytes_max:
            raise error(
                ErrorCode.TOO_LARGE,
                f"{path!r} is too large.",
                f"It has {entry.size_bytes} bytes; {bytes_max} is the most for such a file.",
                "Name another file.",
                refusal="large_file",
                path=path,
                file_bytes=entry.size_bytes,
                file_bytes_max=bytes_max,
            )
        content = bytearray()
        with self._forgetting(snapshot):
            for blob in entry.blobs:
                descriptor = self._blobs.open(blob)
                try:
                    content += self._blobs.read(blob, descriptor)
                finally:
                    os.close(descriptor)
        return bytes(content)

    def _build(
        self, snapshot: SnapshotId, target: Path, cancelled: threading.Event
    ) -> Materialised:
        if os.path.lexists(target):
            raise _taken(target)
        manifest = self._load(snapshot)
        try:
            with self._forgetting(snapshot):
                return build_tree(self._blobs, manifest, target, cancelled)
        except OSError as refused:
            raise disk_problem(refused, "unpack the snapshot") from refused
        except CancelledHere:
            raise error(
                ErrorCode.CANCELLED,
                "Unpacking was cancelled.",
                "",
                "Start the run again.",
                refusal="unpacking_cancelled",
            ) from None

    @contextlib.contextmanager
    def _forgetting(self, snapshot: SnapshotId) -> Iterator[None]:
        """Forgets the snapshot when one of its blobs is found damaged."""
        try:
            yield
        except LanherdError as damaged:
            if damaged.code is ErrorCode.BLOB_CORRUPT:
                self._manifest_path(snapshot).unlink(missing_ok=True)
            raise


def _taken(target: Path) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "There is a tree already.",
        f"{target.name!r} exists or is being built.",
        "Use another folder.",
        refusal="tree_there",
        folder=target.name,
    )


def _find_file(manifest: Manifest, path: str) -> ManifestEntry:
    for entry in manifest.entries:
        if entry.path == path and entry.kind in ("file", "executable"):
            return entry
    raise error(
        ErrorCode.NOT_FOUND,
        f"The snapshot has no file {path!r}.",
        "It may be left out by an ignore rule, or be a link or a folder.",
        "Name a file that is part of the project.",
        refusal="no_file",
        path=path,
    )


def _blob_sizes(entry: ManifestEntry) -> Iterator[tuple[BlobHash, int]]:
    left = entry.size_bytes
    for blob in entry.blobs:
        yield blob, min(left, BLOB_BYTES_MAX)
        left -= BLOB_BYTES_MAX


def _check_hash(text: str) -> None:
    if not is_sha256(text):
        raise error(
            ErrorCode.INVALID_REQUEST,
            "This is no hash.",
            f"{text[:80]!r} is not a SHA-256 in hexadecimal digits.",
            "Use the ids that Lanherd gives.",
            refusal="no_hash",
            hash=text[:80],
        )


@contextlib.contextmanager
def _refusing(kind: type[ValueError], title: str) -> Iterator[None]:
    try:
        yield
    except kind as refused:
        raise error(
            ErrorCode.INVALID_REQUEST,
            title,
            f"{refused}.",
            "Push the project again.",
            refusal="bad_manifest" if kind is ManifestError else "bad_pack",
            why=str(refused),
        ) from refused
