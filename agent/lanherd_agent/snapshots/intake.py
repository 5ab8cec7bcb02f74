"""Taking in what a push brings: packs of blobs, and the manifest that names them.

What is told to a user depends on what this user has uploaded, and on nothing else: a blob that is
here from somebody else is not written twice, and yet has to be sent. Else whoever knows the hash
of a file could ask whether anybody has it, or run what he never had.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lanherd_agent.persist.catalogue import KeptSnapshot
from lanherd_agent.snapshots.parts import Parts
from lanherd_agent.snapshots.problems import (
    disk_problem,
    missing_blobs,
    no_base,
    other_size,
    refusing,
)
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.manifest import ManifestError
from lanherd_protocol.messages import BlobsStored, SnapshotStored
from lanherd_protocol.packs import PackDecoder, PackError
from lanherd_protocol.values import Manifest, ManifestEntry


@dataclass(frozen=True, slots=True)
class Offer:
    """A manifest that a user wants to be his snapshot; with a base, what differs from it."""

    user: str
    snapshot: SnapshotId
    upload: bytes
    base: SnapshotId | None = None
    project: str = ""


@dataclass(slots=True)
class _Read:
    manifest: Manifest
    encoded: bytes
    brought: tuple[ManifestEntry, ...]
    """The entries whose blobs the user hasn't been asked for yet."""


@dataclass(slots=True)
class Pack:
    """A pack that is being taken in. Its methods block, one at a time."""

    parts: Parts
    user: str
    decoder: PackDecoder
    _written: set[BlobHash] = field(default_factory=set)
    _new: dict[BlobHash, int] = field(default_factory=dict)

    def feed(self, chunk: bytes) -> None:
        """Keeps the blobs that these bytes complete. Those that came before a failure stay, but for
        those that have filled the disk: they go, since nobody may ever push the rest."""
        arrived: dict[BlobHash, int] = {}
        with refusing(PackError, "The pack of blobs can't be read."):
            try:
                for blob, data in self.decoder.feed(chunk):
                    if self.parts.blobs.put(blob, data):
                        self._written.add(blob)
                    arrived[blob] = len(data)
            except OSError as refused:
                problem = disk_problem(refused, "store the project's files")
                if problem.code is ErrorCode.DISK_FULL:
                    # In this order: to forget takes some space too.
                    self.parts.blobs.remove(self._written)
                    arrived.clear()
                    self.parts.catalogue.forget_blobs(self._written)
                raise problem from refused
            finally:
                self._prove(arrived)

    def finish(self) -> BlobsStored:
        """What was new from this user; for a pack that has arrived whole."""
        with refusing(PackError, "The pack of blobs can't be read."):
            self.decoder.finish()
        return BlobsStored(count=len(self._new), bytes_stored=sum(self._new.values()))

    def _prove(self, arrived: dict[BlobHash, int]) -> None:
        if arrived:
            for blob in self.parts.catalogue.prove(self.user, arrived):
                self._new[blob] = arrived[blob]


def accept(parts: Parts, offer: Offer) -> SnapshotStored:
    """Makes the offer a snapshot of its user; it is safe on disk when this returns."""
    with refusing(ManifestError, "The manifest isn't acceptable."):
        read = _read(parts, offer)
    manifest, snapshot = read.manifest, offer.snapshot
    counted = manifests.summary(manifest)
    with parts.claims.accepting(offer.user, snapshot, manifest):
        try:
            _check_blobs(parts, offer.user, read.brought)
            parts.blobs.sync()
            if offer.base is not None:
                parts.files.keep_changed(snapshot, read.encoded, manifest, offer.base)
            else:
                parts.files.keep(snapshot, read.encoded, manifest)
        except OSError as refused:
            raise disk_problem(refused, "store the snapshot") from refused
        before, now = parts.catalogue.find(offer.user, snapshot), time.time()
        kept = KeptSnapshot(
            project=offer.project,
            files=counted.files,
            bytes_total=counted.bytes_total,
            created_at=now if before is None else before.created_at,
            used_at=now,
            pinned=before is not None and before.pinned,
            pin_note="" if before is None else before.pin_note,
        )
        parts.catalogue.put(offer.user, snapshot, kept)
    return SnapshotStored(snapshot=snapshot, files=counted.files, bytes_total=counted.bytes_total)


def _read(parts: Parts, offer: Offer) -> _Read:
    if offer.base is None:
        encoded = manifests.decompress(offer.upload)
        _check_id(offer, encoded)
        manifest = manifests.decode(encoded)
        return _Read(manifest, encoded, manifest.entries)
    if parts.catalogue.find(offer.user, offer.base) is None or not parts.files.exists(offer.base):
        raise no_base(offer.base)
    delta = deltas.decode(offer.upload)
    manifest = deltas.apply(parts.files.load(offer.base), delta)
    encoded = manifests.encode_valid(manifest)
    _check_id(offer, encoded)
    return _Read(manifest, encoded, delta.put)


def _check_id(offer: Offer, encoded: bytes) -> None:
    if manifests.snapshot_id(encoded) != offer.snapshot:
        raise ManifestError("the snapshot's id is not the manifest's hash")


def _check_blobs(parts: Parts, user: str, entries: Iterable[ManifestEntry]) -> None:
    """What the user hasn't proved to hold is missing, whatever the store holds; and of what he has,
    nothing may have got lost since."""
    expected: dict[BlobHash, tuple[str, int]] = {}
    for entry in entries:
        for blob, size in _blob_sizes(entry):
            _, known = expected.setdefault(blob, (entry.path, size))
            if known != size:
                raise other_size(entry.path, blob, size, known)
    unproven = parts.catalogue.unproven(user, tuple(expected))
    if unproven:
        raise missing_blobs([blob for blob in expected if blob in unproven])
    lost = [
        blob
        for blob, (path, size) in expected.items()
        if parts.blobs.size(blob) != size and _is_lost(parts, blob, path, size)
    ]
    if lost:
        parts.catalogue.forget_blobs(lost)
        raise missing_blobs(lost)


def _is_lost(parts: Parts, blob: BlobHash, path: str, size_bytes: int) -> bool:
    """Whether the blob was damaged, and not the manifest wrong, which is raised."""
    try:
        found = parts.blobs.check(blob)
    except LanherdError as damaged:
        if damaged.code is not ErrorCode.BLOB_CORRUPT:
            raise
        return True
    raise other_size(path, blob, size_bytes, found)


def _blob_sizes(entry: ManifestEntry) -> Iterator[tuple[BlobHash, int]]:
    left = entry.size_bytes
    for blob in entry.blobs:
        yield blob, min(left, BLOB_BYTES_MAX)
        left -= BLOB_BYTES_MAX
