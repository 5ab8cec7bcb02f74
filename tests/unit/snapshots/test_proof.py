"""What a user is told, and what he may make of it, hangs on what he has uploaded himself."""

import os
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.values import Manifest, ManifestEntry
from tests.unit.snapshots.samples import (
    ADA,
    chunks,
    file,
    manifest_of,
    named,
    pack,
    put_blobs,
    put_snapshot,
    spoil,
)

EVE = "eve"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


async def put_delta(
    store: SnapshotStore, old: Manifest, new: Manifest, user: str = ADA, project: str = ""
) -> SnapshotId:
    base = manifests.snapshot_id(manifests.encode(old))
    snapshot = manifests.snapshot_id(manifests.encode(new))
    upload = deltas.encode(deltas.diff(old, new))
    await store.put_manifest(user, snapshot, chunks(upload), base=base, project=project)
    return snapshot


async def refusal(call: Awaitable[object]) -> dict[str, object]:
    with pytest.raises(LanherdError) as refused:
        await call
    return {"code": refused.value.code, **refused.value.failure.data}


async def test_a_blob_of_somebody_else_is_missing_and_isnt_written_twice(
    store: SnapshotStore,
) -> None:
    await put_blobs(store, b"secret", user=ADA)
    place = store.parts.blobs.path(named(b"secret"))
    before = os.stat(place)
    assert await store.missing(EVE, [named(b"secret")]) == (named(b"secret"),)
    stored = await store.put_pack(EVE, chunks(pack([b"secret"])), 1)
    # As if nobody had had it: the answer tells nothing of what was there.
    assert (stored.count, stored.bytes_stored) == (1, 6)
    assert os.stat(place).st_ino == before.st_ino
    assert await store.missing(EVE, [named(b"secret")]) == ()
    assert await store.held(EVE) == await store.held(ADA) == (1, 6)


async def test_a_manifest_may_name_only_what_its_user_has_sent(store: SnapshotStore) -> None:
    snapshot = await put_snapshot(store, {"a": b"mine", "b": b"secret"}, ADA)
    _, encoded, _ = manifest_of(file("a", b"mine"), file("b", b"secret"))
    await put_blobs(store, b"mine", user=EVE)
    told = await refusal(store.put_manifest(EVE, snapshot, chunks(manifests.compress(encoded))))
    assert told["refusal"] == "missing_blobs"
    assert (told["missing"], told["blob"]) == (1, named(b"secret"))
    assert store.find(EVE, snapshot) is None
    assert store.find(ADA, snapshot) is not None
    await put_blobs(store, b"secret", user=EVE)
    await store.put_manifest(EVE, snapshot, chunks(manifests.compress(encoded)))
    assert store.find(EVE, snapshot) is not None


async def test_the_size_of_what_somebody_else_has_is_not_told(store: SnapshotStore) -> None:
    await put_blobs(store, b"secret", user=ADA)
    guess = ManifestEntry("x", "file", 5, (named(b"secret"),))
    _, encoded, snapshot = manifest_of(guess)
    told = await refusal(store.put_manifest(EVE, snapshot, chunks(manifests.compress(encoded))))
    assert told["refusal"] == "missing_blobs" and "found_bytes" not in told


async def test_one_blob_of_two_sizes_is_refused(store: SnapshotStore) -> None:
    await put_blobs(store, b"seven 7")
    wrong = ManifestEntry("b", "file", 6, (named(b"seven 7"),))
    _, encoded, snapshot = manifest_of(file("a", b"seven 7"), wrong)
    told = await refusal(store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded))))
    assert (told["refusal"], told["path"]) == ("blob_size", "b")


async def test_runs_are_made_of_ones_own_snapshots(store: SnapshotStore) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"}, ADA)
    kept = store.find(ADA, snapshot)
    assert kept is not None
    with store.used(ADA, [snapshot]):
        assert store.held_snapshots == {snapshot}
    assert store.held_snapshots == set()
    used = store.find(ADA, snapshot)
    assert used is not None and used.used_at > kept.used_at
    with pytest.raises(LanherdError) as refused, store.used(EVE, [snapshot]):
        pytest.fail("it was let in")
    assert refused.value.failure.data["refusal"] == "not_your_snapshot"


async def test_one_edit_is_sent_and_kept_as_one_entry(store: SnapshotStore, tmp_path: Path) -> None:
    files = {f"src/file{number:04}.py": f"{number}".encode() for number in range(600)}
    await put_snapshot(store, files)
    old = Manifest(entries=tuple(file(path, text) for path, text in sorted(files.items())))
    await put_blobs(store, b"edited")
    edited = sorted({**files, "src/file0007.py": b"edited"}.items())
    new = Manifest(entries=tuple(file(path, text) for path, text in edited))
    snapshot = await put_delta(store, old, new, project="demo")
    assert (tmp_path / "home" / "snapshots" / snapshot).stat().st_size < 400
    kept = store.find(ADA, snapshot)
    assert kept is not None and (kept.project, kept.files) == ("demo", 600)
    store.parts.files.let_go_all()
    assert await store.manifest(snapshot) == new
    await store.close()
    again = await SnapshotStore.open(tmp_path / "home")
    built = await again.materialise(snapshot, tmp_path / "tree")
    assert built.files == 600
    assert (tmp_path / "tree" / "src" / "file0007.py").read_bytes() == b"edited"
    await again.close()


async def test_an_edit_of_an_edit_rests_on_the_whole_one(
    store: SnapshotStore, tmp_path: Path
) -> None:
    texts = [f"{number}".encode() for number in range(300)]
    entries = [file(f"f{number:03}", text) for number, text in enumerate(texts)]
    await put_snapshot(store, {f"f{number:03}": text for number, text in enumerate(texts)})
    old, made = Manifest(entries=tuple(entries)), []
    for number in range(5):
        await put_blobs(store, f"edit {number}".encode())
        entries[number] = file(f"f{number:03}", f"edit {number}".encode())
        new = Manifest(entries=tuple(entries))
        made.append(await put_delta(store, old, new))
        old = new
    roots = {store.parts.files.root(snapshot) for snapshot in made}
    assert len(roots) == 1 and roots.isdisjoint(made)
    store.parts.files.let_go_all()
    assert await store.manifest(made[-1]) == old


async def test_a_base_that_the_user_doesnt_have_is_refused(store: SnapshotStore) -> None:
    await put_snapshot(store, {"a": b"x"}, ADA)
    old, new = Manifest(entries=(file("a", b"x"),)), Manifest(entries=())
    with pytest.raises(LanherdError) as refused:
        await put_delta(store, old, new, EVE)
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert refused.value.failure.data["refusal"] == "no_base"
    with pytest.raises(LanherdError, match="is no hash"):
        await store.put_manifest(ADA, SnapshotId("a" * 64), chunks(b""), base=SnapshotId("../../x"))


async def test_a_delta_may_bring_only_what_was_sent(store: SnapshotStore) -> None:
    await put_snapshot(store, {"a": b"x"}, ADA)
    await put_blobs(store, b"secret", user=EVE)
    old = Manifest(entries=(file("a", b"x"),))
    new = Manifest(entries=(file("a", b"x"), file("b", b"secret")))
    with pytest.raises(LanherdError) as refused:
        await put_delta(store, old, new)
    assert refused.value.failure.data["blob"] == named(b"secret")


async def test_a_delta_that_makes_something_else_is_refused(store: SnapshotStore) -> None:
    base = await put_snapshot(store, {"a": b"x"})
    delta = deltas.encode(deltas.Delta(put=(ManifestEntry("b", "directory"),)))
    with pytest.raises(LanherdError, match="is not the manifest's hash"):
        await store.put_manifest(ADA, SnapshotId("b" * 64), chunks(delta), base=base)


async def test_a_blob_that_got_lost_is_asked_for_again(store: SnapshotStore) -> None:
    await put_blobs(store, b"gone", b"short", b"fine")
    os.unlink(store.parts.blobs.path(named(b"gone")))
    spoil(store, b"short", b"sho")
    _, encoded, snapshot = manifest_of(file("a", b"gone"), file("b", b"short"), file("c", b"fine"))
    told = await refusal(store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded))))
    assert (told["refusal"], told["missing"]) == ("missing_blobs", 2)
    asked = [named(text) for text in (b"gone", b"short", b"fine")]
    assert await store.missing(ADA, asked) == (named(b"gone"), named(b"short"))
    await put_blobs(store, b"gone", b"short")
    await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))


async def test_whoever_sends_a_blob_mends_it(store: SnapshotStore, tmp_path: Path) -> None:
    snapshot = await put_snapshot(store, {"a": b"hello"})
    spoil(store, b"hello", b"jello")
    await put_blobs(store, b"hello", user=EVE)
    await store.materialise(snapshot, tmp_path / "tree")
    assert (tmp_path / "tree" / "a").read_bytes() == b"hello"


async def test_a_full_blob_that_has_grown_is_damaged(store: SnapshotStore, tmp_path: Path) -> None:
    full = os.urandom(BLOB_BYTES_MAX)
    snapshot = await put_snapshot(store, {"a": full})
    spoil(store, full, full + b"more")
    with pytest.raises(LanherdError) as refused:
        await store.materialise(snapshot, tmp_path / "tree")
    assert refused.value.code is ErrorCode.BLOB_CORRUPT


async def test_damage_is_damage_to_all_who_need_it(store: SnapshotStore, tmp_path: Path) -> None:
    mine = await put_snapshot(store, {"a": b"shared"}, ADA)
    others = await put_snapshot(store, {"b": b"shared", "c": b"own"}, EVE)
    sound = await put_snapshot(store, {"c": b"own"}, EVE)
    spoil(store, b"shared", b"SHARED")
    with pytest.raises(LanherdError):
        await store.materialise(mine, tmp_path / "tree")
    assert store.of(ADA) == {}
    assert list(store.of(EVE)) == [sound]
    assert [await store.has(one) for one in (mine, others, sound)] == [False, False, True]
    for user in (ADA, EVE):
        assert await store.missing(user, [named(b"shared")]) == (named(b"shared"),)


async def test_a_home_of_before_serves_its_runs_and_nobody_has_what_is_in_it(
    store: SnapshotStore, tmp_path: Path
) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"})
    await store.close()
    (tmp_path / "home" / "snapshots.sqlite").unlink()
    again = await SnapshotStore.open(tmp_path / "home")
    assert await again.has(snapshot)
    assert again.find(ADA, snapshot) is None
    assert await again.missing(ADA, [named(b"x")]) == (named(b"x"),)
    await again.materialise(snapshot, tmp_path / "tree")
    assert await put_snapshot(again, {"a": b"x"}) == snapshot
    assert again.find(ADA, snapshot) is not None
    await again.close()


async def test_pins_and_first_times_outlast_the_next_push(store: SnapshotStore) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"})
    began = store.find(ADA, snapshot)
    assert began is not None
    await store.pin(ADA, snapshot, pinned=True, note="for the paper")
    assert await put_snapshot(store, {"a": b"x"}) == snapshot
    kept = store.find(ADA, snapshot)
    assert kept is not None
    assert (kept.created_at, kept.pinned) == (began.created_at, True)
    assert kept.pin_note == "for the paper"
    assert began.used_at <= kept.used_at <= time.time()
    unpinned = await store.pin(ADA, snapshot, pinned=False, note="no matter")
    assert (unpinned.pinned, unpinned.pin_note) == (False, "")
