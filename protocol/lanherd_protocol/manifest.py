"""Manifests: what a snapshot holds, how it is encoded, and what makes one acceptable.

A snapshot's id is the SHA-256 of its manifest's canonical encoding: msgpack as msgspec writes it.
The fields of format 1 are fixed by that: another field is another format.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import zstandard

from lanherd_protocol.ids import BlobHash, SnapshotId, is_sha256
from lanherd_protocol.limits import BLOB_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_ENTRIES_MAX
from lanherd_protocol.paths import PathError, check_path, check_target, parent
from lanherd_protocol.values import Manifest, ManifestEntry

MANIFEST_FORMAT = 1
COMPRESSION_LEVEL = 3


class ManifestError(ValueError):
    """A manifest that is not acceptable; the text says which entry and why."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a manifest holds, counted; `bytes_total` is the size of all files."""

    files: int
    directories: int
    links: int
    bytes_total: int


_decoder = msgspec.msgpack.Decoder(Manifest)
_encoder = msgspec.msgpack.Encoder()


def encode(manifest: Manifest) -> bytes:
    """The canonical encoding of a valid manifest; raises ManifestError."""
    validate(manifest)
    return encode_valid(manifest)


def encode_valid(manifest: Manifest) -> bytes:
    """The canonical encoding of a manifest that is valid by the way in which it was made, as one of
    a folder that was walked: looking at each of 10,000 entries again takes longer than all the
    rest. Raises ManifestError for its size alone.
    """
    encoded = _encoder.encode(manifest)
    check_size(len(encoded))
    return encoded


def decode_valid(encoded: bytes) -> Manifest:
    """The manifest of an encoding that was made here and has not changed since, as its hash says.

    Raises ManifestError for what is no manifest at all.
    """
    try:
        return _decoder.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as refused:
        raise ManifestError(f"not a manifest: {refused}") from refused


def decode(encoded: bytes) -> Manifest:
    """The manifest of a canonical encoding; raises ManifestError for anything else."""
    check_size(len(encoded))
    manifest = decode_valid(encoded)
    validate(manifest)
    if _encoder.encode(manifest) != encoded:
        raise ManifestError("not in the canonical encoding")
    return manifest


def snapshot_id(encoded: bytes) -> SnapshotId:
    """The id of the snapshot whose manifest has this canonical encoding."""
    return SnapshotId(hashlib.sha256(encoded).hexdigest())


def compress(encoded: bytes) -> bytes:
    """An encoded manifest as it is uploaded and stored: one zstd frame that says its size."""
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True).compress(encoded)


def decompress(compressed: bytes) -> bytes:
    """The encoded manifest of an upload; raises ManifestError, and never takes more memory
    than `MANIFEST_BYTES_MAX` whatever the upload says of itself.
    """
    try:
        size = zstandard.frame_content_size(compressed)
        if size < 0:
            raise ManifestError("a compressed manifest says its size in its header")
        check_size(size)
        decompressor = zstandard.ZstdDecompressor(max_window_size=MANIFEST_BYTES_MAX)
        return decompressor.decompress(compressed, allow_extra_data=False)
    except zstandard.ZstdError as refused:
        raise ManifestError(f"not a compressed manifest: {refused}") from refused


def validate(manifest: Manifest) -> None:
    """Raises ManifestError unless the manifest describes one tree that can be built as it is.

    Names that differ only in case are two files, as they are on the machines that run them.
    """
    if manifest.format != MANIFEST_FORMAT:
        raise ManifestError(
            f"format {manifest.format} is not known here; format {MANIFEST_FORMAT} is"
        )
    if len(manifest.entries) > MANIFEST_ENTRIES_MAX:
        raise ManifestError(f"{len(manifest.entries)} entries are more than {MANIFEST_ENTRIES_MAX}")
    before = ""
    leaves: set[str] = set()
    folders = {""}
    for entry in manifest.entries:
        check_entry(entry)
        path = entry.path
        if path <= before:
            raise ManifestError(f"{path!r} comes after {before!r}: not sorted, or twice")
        before = path
        folder = parent(path)
        if folder not in folders:
            _check_parents(path, leaves)
            folders.add(folder)
        if entry.kind != "directory":
            leaves.add(path)


def summary(manifest: Manifest) -> Summary:
    """The manifest's entries, counted by kind."""
    files = directories = links = bytes_total = 0
    for entry in manifest.entries:
        if entry.kind == "directory":
            directories += 1
        elif entry.kind == "link":
            links += 1
        else:
            files += 1
            bytes_total += entry.size_bytes
    return Summary(files, directories, links, bytes_total)


def hashes(manifest: Manifest) -> tuple[BlobHash, ...]:
    """The blobs that a manifest needs, each once, in the order of their first use."""
    return tuple(dict.fromkeys(blob for entry in manifest.entries for blob in entry.blobs))


def blob_count(size_bytes: int) -> int:
    """How many blobs hold a file of this size; an empty file has none."""
    return -(-size_bytes // BLOB_BYTES_MAX)


def parents(path: str) -> Iterator[str]:
    """The folders that a path lies in, from the outermost on."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def under_leaf(path: str, above: str) -> ManifestError:
    """What is wrong where a path lies under a file or a link."""
    return ManifestError(f"{path!r} lies under {above!r}, which is no folder")


def check_size(size_bytes: int) -> None:
    """Raises ManifestError for an encoding that is too large."""
    if size_bytes > MANIFEST_BYTES_MAX:
        raise ManifestError(f"{size_bytes} bytes are more than {MANIFEST_BYTES_MAX}")


def _check_parents(path: str, leaves: set[str]) -> None:
    """A path's folders sort before it, so whatever is no folder among them has been seen."""
    for above in parents(path):
        if above in leaves:
            raise under_leaf(path, above)


def check_entry(entry: ManifestEntry) -> None:
    """Raises ManifestError unless the entry is acceptable by itself."""
    try:
        if entry.kind == "link":
            check_target(entry.path, entry.target)
        else:
            check_path(entry.path)
    except PathError as refused:
        raise ManifestError(str(refused)) from refused
    if entry.kind in ("file", "executable"):
        _check_file(entry)
    elif entry.size_bytes or entry.blobs:
        raise ManifestError(f"{entry.path!r} is a {entry.kind}, which has no content")
    if entry.target and entry.kind != "link":
        raise ManifestError(f"{entry.path!r} has a target, but is no link")


def _check_file(entry: ManifestEntry) -> None:
    if entry.size_bytes < 0:
        raise ManifestError(f"{entry.path!r} has a negative size")
    if len(entry.blobs) != blob_count(entry.size_bytes):
        raise ManifestError(
            f"{entry.path!r} has {entry.size_bytes} bytes and {len(entry.blobs)} blobs:"
            f" there should be {blob_count(entry.size_bytes)}"
        )
    for blob in entry.blobs:
        if not is_sha256(blob):
            raise ManifestError(f"{entry.path!r} names {blob!r}, which is no SHA-256")
