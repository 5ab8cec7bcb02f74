"""What differs between two snapshots, so that one edit among ten thousand files costs one entry.

A delta is canonical: for two manifests there is one. It is applied to a manifest that is valid as
a whole, and so only what it brings is looked at again: each entry that it puts, whether that lies
under something that is no folder, and whether something lies under it. That is all that full
validation would find (a property test holds both to the same verdict).

A delta is trusted no more than a manifest: whoever applies it encodes the result, and compares the
hash with the id that was said.
"""

from bisect import bisect_left
from itertools import pairwise
from operator import attrgetter

import msgspec
from msgspec import Struct

from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import MANIFEST_ENTRIES_MAX
from lanherd_protocol.manifest import (
    MANIFEST_FORMAT,
    ManifestError,
    check_entry,
    check_size,
    compress,
    decompress,
    parents,
    under_leaf,
)
from lanherd_protocol.values import Manifest, ManifestEntry


class Delta(Struct, frozen=True, kw_only=True):
    """The paths that are gone, and the entries that are new or other; both sorted by path."""

    removed: tuple[str, ...] = ()
    put: tuple[ManifestEntry, ...] = ()
    format: int = MANIFEST_FORMAT


_decoder = msgspec.msgpack.Decoder(Delta)
_encoder = msgspec.msgpack.Encoder()
_path = attrgetter("path")


def diff(old: Manifest, new: Manifest) -> Delta:
    """What makes `new` of `old`; both are valid."""
    put: list[ManifestEntry] = []
    before = {entry.path: entry for entry in old.entries}
    for entry in new.entries:
        was = before.pop(entry.path, None)
        if was is not entry and was != entry:
            put.append(entry)
    # What is left of a dict keeps its order, which is that of the manifest.
    return Delta(removed=tuple(before), put=tuple(put))


def encode(delta: Delta) -> bytes:
    """A delta as it is uploaded: msgpack in one zstd frame. Raises ManifestError if too large."""
    encoded = _encoder.encode(delta)
    check_size(len(encoded))
    return compress(encoded)


def decode(compressed: bytes) -> Delta:
    """The delta of an upload, within the bounds of a manifest; raises ManifestError. What it says
    is looked at when it is applied.
    """
    encoded = decompress(compressed)
    try:
        delta = _decoder.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as refused:
        raise ManifestError(f"not a delta: {refused}") from refused
    if _encoder.encode(delta) != encoded:
        raise ManifestError("not in the canonical encoding")
    return delta


def apply(old: Manifest, delta: Delta) -> Manifest:
    """The manifest that the delta makes of a valid one; valid itself, or ManifestError is raised.

    That its encoding isn't too large is left to whoever encodes it.
    """
    if delta.format != MANIFEST_FORMAT:
        raise ManifestError(f"a delta of format {delta.format} is not known here")
    _check_order(delta)
    new = Manifest(entries=_merged(old.entries, delta))
    if len(new.entries) > MANIFEST_ENTRIES_MAX:
        raise ManifestError(f"{len(new.entries)} entries are more than {MANIFEST_ENTRIES_MAX}")
    sound: set[str] = set()
    for entry in delta.put:
        check_entry(entry)
        for above in parents(entry.path):
            if above not in sound:
                _check_folder(new, entry.path, above)
                sound.add(above)
        if entry.kind != "directory":
            _check_nothing_under(new, entry.path)
    return new


def hashes(delta: Delta) -> tuple[BlobHash, ...]:
    """The blobs that a delta brings, each once, in the order of their first use."""
    return tuple(dict.fromkeys(blob for entry in delta.put for blob in entry.blobs))


def _check_order(delta: Delta) -> None:
    paths = [entry.path for entry in delta.put]
    for listed in (delta.removed, paths):
        for before, path in pairwise(listed):
            if path <= before:
                raise ManifestError(f"{path!r} comes after {before!r}: not sorted, or twice")
    both = set(delta.removed).intersection(paths)
    if both:
        raise ManifestError(f"{min(both)!r} is removed and put at once")


def _merged(old: tuple[ManifestEntry, ...], delta: Delta) -> tuple[ManifestEntry, ...]:
    """The old entries, in whole stretches, with what the delta changes between them."""
    changes: list[tuple[str, ManifestEntry | None]] = [(path, None) for path in delta.removed]
    changes.extend((entry.path, entry) for entry in delta.put)
    changes.sort(key=lambda change: change[0])
    merged: list[ManifestEntry] = []
    done = 0
    for path, entry in changes:
        place = bisect_left(old, path, lo=done, key=_path)
        merged.extend(old[done:place])
        is_there = place < len(old) and old[place].path == path
        if entry is not None:
            if is_there and old[place] == entry:
                raise ManifestError(f"{path!r} is put, and is there as it is")
            merged.append(entry)
        elif not is_there:
            raise ManifestError(f"{path!r} is removed, and is not there")
        done = place + is_there
    merged.extend(old[done:])
    return tuple(merged)


def _check_folder(manifest: Manifest, path: str, above: str) -> None:
    place = bisect_left(manifest.entries, above, key=_path)
    # The path itself is there and sorts after its folder, so there is an entry at that place.
    found = manifest.entries[place]
    if found.path == above and found.kind != "directory":
        raise under_leaf(path, above)


def _check_nothing_under(manifest: Manifest, path: str) -> None:
    prefix = f"{path}/"
    place = bisect_left(manifest.entries, prefix, key=_path)
    if place < len(manifest.entries) and manifest.entries[place].path.startswith(prefix):
        raise under_leaf(manifest.entries[place].path, path)
