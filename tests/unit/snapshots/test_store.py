import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX, HASHES_PER_CALL_MAX
from lanherd_protocol.manifest import MANIFEST_BYTES_MAX
from lanherd_protocol.values import ManifestEntry
from tests.unit.snapshots.samples import (
    ADA,
    chunks,
    file,
    manifest_of,
    named,
    pack,
    put_blobs,
    put_snapshot,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


def blob_file(tmp_path: Path, data: bytes) -> Path:
    name = named(data)
    return tmp_path / "home" / "blobs" / name[:2] / name[2:]


def incoming(tmp_path: Path) -> list[str]:
    return os.listdir(tmp_path / "home" / "blobs" / "incoming")


async def test_what_was_put_is_not_missing_any_more(store: SnapshotStore) -> None:
    wanted = [named(b"a"), named(b"b"), named(b"a")]
    assert await store.missing(ADA, wanted) == (named(b"a"), named(b"b"))
    stored = await store.put_pack(ADA, chunks(pack([b"a"])), 1)
    assert (stored.count, stored.bytes_stored) == (1, 1)
    assert await store.missing(ADA, wanted) == (named(b"b"),)
    again = await store.put_pack(ADA, chunks(pack([b"a"])), 1)
    assert (again.count, again.bytes_stored) == (0, 0)


async def test_a_snapshot_is_there_when_its_blobs_and_its_manifest_are(
    store: SnapshotStore, tmp_path: Path
) -> None:
    await put_blobs(store, b"hello")
    manifest, encoded, snapshot = manifest_of(file("a.txt", b"hello"))
    assert not await store.has(snapshot)
    stored = await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
    assert (stored.snapshot, stored.files, stored.bytes_total) == (snapshot, 1, 5)
    assert await store.has(snapshot)
    await store.close()
    reopened = await SnapshotStore.open(tmp_path / "home")
    assert await reopened.manifest(snapshot) == manifest
    assert await reopened.read_file(snapshot, "a.txt", bytes_max=5) == b"hello"
    await reopened.close()


async def test_a_manifest_without_its_blobs_is_refused_and_says_how_many(
    store: SnapshotStore,
) -> None:
    _, encoded, snapshot = manifest_of(file("a", b"one"), file("b", b"two"))
    await put_blobs(store, b"one")
    with pytest.raises(LanherdError, match="1 blobs have not arrived") as refused:
        await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert refused.value.failure.data == {
        "refusal": "missing_blobs",
        "missing": 1,
        "blob": named(b"two"),
    }
    assert not await store.has(snapshot)


async def test_a_manifest_that_is_wrong_about_a_blobs_size_is_refused(
    store: SnapshotStore,
) -> None:
    await put_blobs(store, b"hello")
    _, encoded, snapshot = manifest_of(ManifestEntry("a", "file", 4, (named(b"hello"),)))
    with pytest.raises(LanherdError, match="expects 4 bytes") as refused:
        await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
    assert refused.value.code is ErrorCode.INVALID_REQUEST


async def test_a_manifest_under_another_id_is_refused(store: SnapshotStore) -> None:
    _, encoded, _ = manifest_of(ManifestEntry("a", "directory"))
    with pytest.raises(LanherdError, match="not the manifest's hash"):
        await store.put_manifest(
            ADA, SnapshotId(named(b"other")), chunks(manifests.compress(encoded))
        )


async def test_an_endless_manifest_is_cut_off(store: SnapshotStore) -> None:
    with pytest.raises(LanherdError) as refused:
        await store.put_manifest(
            ADA, SnapshotId(named(b"x")), chunks(bytes(MANIFEST_BYTES_MAX + 1), MANIFEST_BYTES_MAX)
        )
    assert refused.value.code is ErrorCode.TOO_LARGE


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans())
async def test_garbage_is_refused_in_words(
    store: SnapshotStore, garbage: bytes, framed: bool
) -> None:
    sent = manifests.compress(garbage) if framed else garbage
    with pytest.raises(LanherdError) as refused:
        await store.put_manifest(ADA, manifests.snapshot_id(garbage), chunks(sent, 50))
    assert refused.value.code is ErrorCode.INVALID_REQUEST


async def test_good_blobs_before_the_damage_are_kept(store: SnapshotStore, tmp_path: Path) -> None:
    # Random bytes don't compress, so what the first half of the pack holds is whole in it.
    blobs = [os.urandom(50_000) for _ in range(20)]
    whole = pack(blobs)
    with pytest.raises(LanherdError, match="cut short") as refused:
        await store.put_pack(ADA, chunks(whole[: len(whole) // 2]), len(blobs))
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    missing = await store.missing(ADA, [named(data) for data in blobs])
    assert 0 < len(missing) < len(blobs)
    for data in blobs:
        if named(data) not in missing:
            assert blob_file(tmp_path, data).read_bytes() == data
    assert incoming(tmp_path) == []


async def test_questions_and_packs_have_a_bound(store: SnapshotStore) -> None:
    many = [named(str(number).encode()) for number in range(HASHES_PER_CALL_MAX + 1)]
    with pytest.raises(LanherdError) as refused:
        await store.missing(ADA, many)
    assert refused.value.code is ErrorCode.TOO_LARGE
    for count in (-1, HASHES_PER_CALL_MAX + 1):
        with pytest.raises(LanherdError) as refused:
            await store.put_pack(ADA, chunks(b""), count)
        assert refused.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize("text", ["", "x", "../../etc/passwd", "A" * 64])
async def test_what_is_no_hash_never_becomes_a_path(store: SnapshotStore, text: str) -> None:
    with pytest.raises(LanherdError) as refused:
        await store.missing(ADA, [BlobHash(text)])
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    with pytest.raises(LanherdError) as refused:
        await store.has(SnapshotId(text))
    assert refused.value.code is ErrorCode.INVALID_REQUEST


async def test_a_file_is_read_within_its_bound_and_by_its_name(store: SnapshotStore) -> None:
    content = os.urandom(BLOB_BYTES_MAX + 5)
    snapshot = await put_snapshot(store, {"d/a": content})
    assert await store.read_file(snapshot, "d/a", bytes_max=len(content)) == content
    for path, bytes_max, code in (
        ("d/a", 5, ErrorCode.TOO_LARGE),
        ("d", 5, ErrorCode.NOT_FOUND),
        ("../a", 5, ErrorCode.NOT_FOUND),
    ):
        with pytest.raises(LanherdError) as refused:
            await store.read_file(snapshot, path, bytes_max=bytes_max)
        assert refused.value.code is code
    with pytest.raises(LanherdError) as refused:
        await store.manifest(SnapshotId(named(b"never pushed")))
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_a_damaged_blob_is_found_and_a_new_push_mends_it(
    store: SnapshotStore, tmp_path: Path
) -> None:
    snapshot = await put_snapshot(store, {"a": b"hello"})
    blob_file(tmp_path, b"hello").write_bytes(b"jello")
    with pytest.raises(LanherdError, match="not what its hash says") as refused:
        await store.materialise(snapshot, tmp_path / "tree")
    assert refused.value.code is ErrorCode.BLOB_CORRUPT
    assert not await store.has(snapshot)
    assert not (tmp_path / "tree").exists()
    assert await put_snapshot(store, {"a": b"hello"}) == snapshot
    await store.materialise(snapshot, tmp_path / "tree")
    blob_file(tmp_path, b"hello").unlink()
    with pytest.raises(LanherdError, match="is gone"):
        await store.read_file(snapshot, "a", bytes_max=10)
    assert not await store.has(snapshot)


async def test_a_damaged_manifest_is_removed_and_said(store: SnapshotStore, tmp_path: Path) -> None:
    snapshot = await put_snapshot(store, {"a": b"hello"})
    _, other, _ = manifest_of(ManifestEntry("other", "directory"))
    (tmp_path / "home" / "snapshots" / snapshot).write_bytes(manifests.compress(other))
    store.parts.files.let_go_all()
    with pytest.raises(LanherdError) as refused:
        await store.manifest(snapshot)
    assert refused.value.code is ErrorCode.BLOB_CORRUPT
    assert not await store.has(snapshot)


async def test_after_a_power_cut_damaged_blobs_are_removed(
    store: SnapshotStore, tmp_path: Path
) -> None:
    await put_blobs(store, b"good", b"bad")
    marker = tmp_path / "home" / "blobs" / "unsynced"
    assert marker.exists()
    # As a file system leaves it that had not written the content out yet.
    blob_file(tmp_path, b"bad").write_bytes(b"")
    (tmp_path / "home" / "blobs" / "incoming" / "0").write_bytes(b"half")
    await store.close()
    same_boot = await SnapshotStore.open(tmp_path / "home")
    assert same_boot.damaged_blobs_removed == 0
    await same_boot.close()
    marker.write_text("another boot\n")
    reopened = await SnapshotStore.open(tmp_path / "home")
    assert reopened.damaged_blobs_removed == 1
    assert await reopened.missing(ADA, [named(b"good"), named(b"bad")]) == (named(b"bad"),)
    await reopened.close()
    assert incoming(tmp_path) == []
    assert not marker.exists()


async def test_an_accepted_snapshot_is_synced(store: SnapshotStore, tmp_path: Path) -> None:
    marker = tmp_path / "home" / "blobs" / "unsynced"
    await put_snapshot(store, {"few": b"1"})
    assert not marker.exists()
    await put_snapshot(store, {f"f{number}": str(number).encode() for number in range(100)})
    assert not marker.exists()


async def test_a_full_disk_is_said_and_leaves_no_pieces(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    snapshot = await put_snapshot(store, {"a": b"hello"})
    _, encoded, other = manifest_of(ManifestEntry("d", "directory"))
    monkeypatch.setattr(os, "write", full)
    for attempt in (
        store.put_pack(ADA, chunks(pack([b"x"])), 1),
        store.put_manifest(ADA, other, chunks(manifests.compress(encoded))),
        store.materialise(snapshot, tmp_path / "tree"),
    ):
        with pytest.raises(LanherdError) as refused:
            await attempt
        assert refused.value.code is ErrorCode.DISK_FULL
    monkeypatch.undo()
    assert incoming(tmp_path) == []
    assert os.listdir(tmp_path / "home" / "snapshots") == [snapshot]
    assert sorted(os.listdir(tmp_path)) == ["home"]
    assert await store.missing(ADA, [named(b"x")]) == (named(b"x"),)


async def test_a_home_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(LanherdError) as refused:
        await SnapshotStore.open(tmp_path / "home")
    assert refused.value.code is ErrorCode.STORE_FAILED
