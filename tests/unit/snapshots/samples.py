"""Small snapshots for tests, made without the client's scan."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.packs import PackEncoder
from lanherd_protocol.values import EntryKind, Manifest, ManifestEntry

ADA = "ada"


def named(data: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(data).hexdigest())


def cut(content: bytes) -> list[bytes]:
    return [content[at : at + BLOB_BYTES_MAX] for at in range(0, len(content), BLOB_BYTES_MAX)]


def file(path: str, content: bytes, kind: EntryKind = "file") -> ManifestEntry:
    return ManifestEntry(path, kind, len(content), tuple(named(data) for data in cut(content)))


def manifest_of(*entries: ManifestEntry) -> tuple[Manifest, bytes, SnapshotId]:
    ordered = sorted(entries, key=lambda entry: entry.path)
    manifest = Manifest(entries=tuple(ordered))
    encoded = manifests.encode(manifest)
    return manifest, encoded, manifests.snapshot_id(encoded)


async def chunks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def pack(blobs: Iterable[bytes]) -> bytes:
    encoder = PackEncoder()
    parts = [encoder.add(named(data), data) for data in blobs]
    return b"".join([*parts, encoder.finish()])


async def put_blobs(store: SnapshotStore, *contents: bytes, user: str = ADA) -> None:
    blobs = list(dict.fromkeys(data for content in contents for data in cut(content)))
    await store.put_pack(user, chunks(pack(blobs)), len(blobs))


async def put_snapshot(
    store: SnapshotStore, files: dict[str, bytes], user: str = ADA
) -> SnapshotId:
    await put_blobs(store, *files.values(), user=user)
    _, encoded, snapshot = manifest_of(*(file(path, text) for path, text in files.items()))
    await store.put_manifest(user, snapshot, chunks(manifests.compress(encoded)))
    return snapshot


def spoil(store: SnapshotStore, data: bytes, instead: bytes) -> None:
    """The stored blob of this content holds another one."""
    Path(store.parts.blobs.path(named(data))).write_bytes(instead)
