import hashlib
from typing import Any

import msgpack
import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_ENTRIES_MAX
from lanherd_protocol.manifest import ManifestError
from lanherd_protocol.values import Manifest, ManifestEntry


def blob(number: int) -> BlobHash:
    return BlobHash(hashlib.sha256(str(number).encode()).hexdigest())


def file(path: str, size: int = 1, *blobs: BlobHash) -> ManifestEntry:
    count = manifests.blob_count(size)
    return ManifestEntry(path, "file", size, blobs or tuple(blob(n) for n in range(count)))


@st.composite
def trees(draw: st.DrawFn) -> Manifest:
    names = st.text(st.sampled_from("abcé "), min_size=1, max_size=3)
    paths = sorted(draw(st.sets(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=8)))
    entries: list[ManifestEntry] = []
    for path in paths:
        if any(path.startswith(f"{leaf.path}/") for leaf in entries):
            continue
        kind = draw(st.sampled_from(["file", "executable", "directory", "link"]))
        if kind == "link":
            entries.append(ManifestEntry(path, "link", target="x"))
        elif kind == "directory":
            entries.append(ManifestEntry(path, "directory"))
        else:
            size = draw(st.integers(0, 3 * BLOB_BYTES_MAX))
            entries.append(msgspec.structs.replace(file(path, size), kind=kind))
    return Manifest(entries=tuple(entries))


@given(trees())
def test_a_tree_comes_back_as_it_was_and_is_named_by_its_bytes(manifest: Manifest) -> None:
    encoded = manifests.encode(manifest)
    assert manifests.decode(encoded) == manifest
    assert manifests.encode(manifests.decode(encoded)) == encoded
    assert manifests.snapshot_id(encoded) == hashlib.sha256(encoded).hexdigest()
    assert manifests.decompress(manifests.compress(encoded)) == encoded


@given(st.binary(max_size=200))
def test_bytes_that_are_no_manifest_are_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        manifests.decode(data)
    with pytest.raises(ManifestError):
        manifests.decompress(data)


@given(trees(), st.data())
def test_a_changed_byte_is_another_manifest_or_none(
    manifest: Manifest, data: st.DataObject
) -> None:
    encoded = manifests.encode(manifest)
    place = data.draw(st.integers(0, len(encoded) - 1))
    changed = bytearray(encoded)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        again = manifests.decode(bytes(changed))
    except ManifestError:
        return
    assert again != manifest


def test_the_encoding_is_what_an_independent_reader_sees() -> None:
    manifest = Manifest(entries=(file("a", 3), ManifestEntry("b", "link", target="a")))
    assert msgpack.unpackb(manifests.encode(manifest)) == {
        "entries": [["a", "file", 3, [blob(0)], ""], ["b", "link", 0, [], "a"]],
        "format": 1,
    }


def test_another_spelling_of_the_same_manifest_is_refused() -> None:
    spelled = msgpack.packb({"format": 1, "entries": [["a", "directory", 0, [], ""]]})
    with pytest.raises(ManifestError, match="canonical"):
        manifests.decode(spelled)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([file("b"), file("a")], "sorted"),
        ([file("a"), file("a")], "twice"),
        ([file("../a")], "'..'"),
        ([file("/a")], "absolute"),
        ([file("a\0")], "NUL"),
        ([file("a"), file("a/b")], "no folder"),
        ([file("a"), file("a-b"), file("a/b")], "no folder"),
        ([ManifestEntry("a", "link", target="b"), file("a/b/c")], "no folder"),
        ([ManifestEntry("a", "link", target="../x")], "out of the tree"),
        ([ManifestEntry("a", "link", target="/x")], "a"),
        ([ManifestEntry("a", "link")], "empty"),
        ([ManifestEntry("a", "link", 1, (), "b")], "no content"),
        ([ManifestEntry("a", "directory", 0, (blob(1),))], "no content"),
        ([ManifestEntry("a", "directory", target="b")], "no link"),
        ([ManifestEntry("a", "file", -1)], "negative"),
        ([ManifestEntry("a", "file", 1)], "0 blobs"),
        ([ManifestEntry("a", "file", 0, (blob(1),))], "1 blobs"),
        ([ManifestEntry("a", "file", BLOB_BYTES_MAX + 1, (blob(1),))], "should be 2"),
        ([ManifestEntry("a", "file", 1, (BlobHash("x"),))], "no SHA-256"),
        ([ManifestEntry("a", "file", 1, (BlobHash("../" + "a" * 61),))], "no SHA-256"),
        ([ManifestEntry("a", "file", 10**18)], "should be"),
    ],
)
def test_hostile_manifests_are_refused(entries: list[ManifestEntry], why: str) -> None:
    manifest = Manifest(entries=tuple(entries))
    with pytest.raises(ManifestError, match=why):
        manifests.encode(manifest)
    with pytest.raises(ManifestError, match=why):
        manifests.decode(msgspec.msgpack.encode(manifest))


def test_names_that_differ_only_in_case_are_two_files() -> None:
    manifests.validate(Manifest(entries=(file("Readme"), file("readme"))))


def test_another_format_is_refused_by_number() -> None:
    with pytest.raises(ManifestError, match="format 2"):
        manifests.validate(Manifest(entries=(), format=2))


def test_a_manifest_with_too_many_entries_is_refused() -> None:
    entry = ManifestEntry("a", "directory")
    with pytest.raises(ManifestError, match="more than"):
        manifests.validate(Manifest(entries=(entry,) * (MANIFEST_ENTRIES_MAX + 1)))


def test_a_manifest_with_too_many_bytes_is_refused_before_it_is_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(MANIFEST_BYTES_MAX + 1))
    with pytest.raises(ManifestError, match="more than"):
        manifests.decompress(bomb)
    with pytest.raises(ManifestError, match="more than"):
        manifests.decode(bytes(MANIFEST_BYTES_MAX + 1))


def test_a_compressed_manifest_that_lies_of_its_size_is_refused() -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    with pytest.raises(ManifestError, match="says its size"):
        manifests.decompress(stream.compress(b"x") + stream.flush())
    whole = manifests.compress(b"x" * 100)
    with pytest.raises(ManifestError, match="not a compressed"):
        manifests.decompress(whole[:-8])
    with pytest.raises(ManifestError, match="not a compressed"):
        manifests.decompress(whole + b"more")


def test_what_a_manifest_holds_is_counted() -> None:
    entries: list[Any] = [
        file("a", 5, blob(1)),
        file("b", 7, blob(1)),
        ManifestEntry("c", "directory"),
        ManifestEntry("d", "link", target="a"),
    ]
    manifest = Manifest(entries=tuple(entries))
    assert manifests.summary(manifest) == manifests.Summary(2, 1, 1, 12)
    assert manifests.hashes(manifest) == (blob(1),)
