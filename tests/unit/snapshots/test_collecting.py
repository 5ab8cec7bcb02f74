import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lanherd_agent.snapshots.collecting import LOW_AGE_S, Collected, Collector
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta as deltas
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import NotFoundError
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.limits import SNAPSHOT_UNUSED_S_MAX
from lanherd_protocol.values import Manifest
from tests.support.waiting import wait_until_async
from tests.unit.snapshots.samples import (
    ADA,
    chunks,
    file,
    manifest_of,
    named,
    put_blobs,
    put_snapshot,
)

EVE = "eve"
LONG_AGO = 40 * 86_400.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


def collector(store: SnapshotStore, *needed: SnapshotId) -> Collector:
    return Collector(store, lambda: needed)


def age(store: SnapshotStore, *contents: bytes, age_s: float = LONG_AGO) -> None:
    """As if these blobs had been put long ago; all of them, where none is named."""
    at = time.time() - age_s
    names = [named(data) for data in contents] or [
        blob for first in range(256) for blob in store.parts.blobs.names(first)
    ]
    for blob in names:
        os.utime(store.parts.blobs.path(blob), (at, at))


def age_manifests(tmp_path: Path) -> None:
    at = time.time() - LONG_AGO
    for path in (tmp_path / "home" / "snapshots").iterdir():
        os.utime(path, (at, at))


def is_there(store: SnapshotStore, data: bytes) -> bool:
    return store.parts.blobs.size(named(data)) is not None


async def test_what_nothing_needs_goes_with_what_only_it_had(store: SnapshotStore) -> None:
    gone = await put_snapshot(store, {"a": b"only here", "b": b"shared"})
    stays = await put_snapshot(store, {"b": b"shared"}, EVE)
    age(store)
    await store.pin(EVE, stays, pinned=True)
    done = await collector(store).collect(0.0)
    assert (done.snapshots, done.blobs) == (1, 1)
    assert done.bytes_freed > len(b"only here")
    assert store.of(ADA) == {} and not await store.has(gone)
    assert await store.has(stays)
    assert (is_there(store, b"only here"), is_there(store, b"shared")) == (False, True)
    assert await store.missing(ADA, [named(b"only here")]) == (named(b"only here"),)
    assert await collector(store).collect(0.0) == Collected()


async def test_a_dry_run_says_the_same_and_removes_nothing(store: SnapshotStore) -> None:
    snapshot = await put_snapshot(store, {"a": b"only here"})
    age(store)
    told = await collector(store).collect(0.0, dry_run=True)
    assert await store.has(snapshot) and store.find(ADA, snapshot) is not None
    assert is_there(store, b"only here")
    assert await collector(store).collect(0.0) == told
    assert (told.snapshots, told.blobs) == (1, 1)


async def test_what_is_used_needed_or_held_stays(store: SnapshotStore) -> None:
    old = await put_snapshot(store, {"a": b"1"})
    needed = await put_snapshot(store, {"a": b"2"})
    held = await put_snapshot(store, {"a": b"3"})
    age(store)
    assert await collector(store).collect(3600.0) == Collected()
    with store.used(ADA, [held]):
        done = await collector(store, needed).collect(0.0)
    assert (done.snapshots, done.blobs) == (1, 1)
    assert [await store.has(one) for one in (old, needed, held)] == [False, True, True]
    assert set(store.of(ADA)) == {needed, held}


async def test_blobs_of_a_push_that_is_under_way_stay(store: SnapshotStore) -> None:
    await put_blobs(store, b"young", b"asked", b"old")
    age(store, b"asked", b"old")
    await store.missing(ADA, [named(b"asked")])
    done = await collector(store).collect(0.0)
    assert (done.snapshots, done.blobs) == (0, 1)
    stays = [is_there(store, data) for data in (b"young", b"asked", b"old")]
    assert stays == [True, True, False]


async def test_a_blob_that_is_sent_again_is_young_again(store: SnapshotStore) -> None:
    await put_blobs(store, b"x")
    age(store)
    await put_blobs(store, b"x", user=EVE)
    assert await collector(store).collect(0.0) == Collected()


async def test_a_push_that_has_ended_claims_nothing_more(store: SnapshotStore) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"})
    await store.missing(ADA, [named(b"x")])
    await put_snapshot(store, {"b": b"y"})
    await store.remove(ADA, snapshot, needed=False)
    age(store)
    done = await collector(store).collect(3600.0)
    assert (done.blobs, is_there(store, b"x"), is_there(store, b"y")) == (1, False, True)


async def test_a_manifest_that_comes_in_the_middle_keeps_its_blobs(store: SnapshotStore) -> None:
    await put_blobs(store, b"x")
    age(store)
    manifest, encoded, snapshot = manifest_of(file("a", b"x"))
    # As the collection has just looked which blobs nothing refers to.
    with store.parts.claims.collecting() as claims:
        assert not claims.is_claimed(named(b"x"))
        await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
        assert claims.is_claimed(named(b"x"))
    assert not claims.is_claimed(named(b"x"))
    with (
        store.parts.claims.accepting(ADA, snapshot, manifest),
        store.parts.claims.collecting() as claims,
    ):
        assert claims.is_claimed(named(b"x"))


async def test_a_snapshot_that_is_being_accepted_is_not_removed(store: SnapshotStore) -> None:
    manifest, _, snapshot = manifest_of(file("a", b"x"))
    claims = store.parts.claims
    with claims.accepting(ADA, snapshot, manifest), claims.removing(snapshot) as may:
        assert not may
    with store.parts.claims.removing(snapshot) as may:
        assert may


async def test_manifests_without_an_owner_go_when_they_are_old(
    store: SnapshotStore, tmp_path: Path
) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"})
    await store.close()
    (tmp_path / "home" / "snapshots.sqlite").unlink()
    again = await SnapshotStore.open(tmp_path / "home")
    age(again)
    assert await collector(again).collect(3600.0) == Collected()
    age_manifests(tmp_path)
    assert await collector(again, snapshot).collect(3600.0) == Collected()
    assert await again.has(snapshot) and is_there(again, b"x")
    done = await collector(again).collect(3600.0)
    assert (done.snapshots, done.blobs) == (1, 1)
    await again.close()


async def test_what_others_rest_on_lives_as_long_as_they(
    store: SnapshotStore, tmp_path: Path
) -> None:
    files = {f"f{number:03}": f"{number}".encode() for number in range(300)}
    root = await put_snapshot(store, files)
    old = Manifest(entries=tuple(file(path, text) for path, text in sorted(files.items())))
    new = Manifest(entries=(*old.entries[:-1], file("z", b"0")))
    edited = manifests.snapshot_id(manifests.encode(new))
    upload = deltas.encode(deltas.diff(old, new))
    await store.put_manifest(ADA, edited, chunks(upload), base=root)
    await store.pin(ADA, edited, pinned=True)
    age(store)
    done = await collector(store).collect(0.0)
    # The root is gone as a snapshot, and with it the one blob that only it had.
    assert (done.snapshots, done.blobs) == (1, 1)
    assert not await store.has(root) and not is_there(store, b"299")
    assert (tmp_path / "home" / "snapshots" / f"{root}.base").exists()
    store.parts.files.let_go_all()
    assert await store.manifest(edited) == new
    await store.close()
    again = await SnapshotStore.open(tmp_path / "home")
    assert await again.manifest(edited) == new
    assert not await again.has(root)
    await again.pin(ADA, edited, pinned=False)
    await collector(again).collect(0.0)
    assert os.listdir(tmp_path / "home" / "snapshots") == []
    await again.close()


async def test_it_collects_by_itself_every_hour_and_when_the_disk_is_low(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def collect(age_s: float, *, dry_run: bool = False) -> Collected:
        asked.append(age_s)
        return Collected(1, 2, 3)

    monkeypatch.setattr("lanherd_agent.snapshots.collecting.LOOK_S", 0.01)
    monkeypatch.setattr("lanherd_agent.snapshots.collecting.EVERY_S", 0.05)
    snapshot = await put_snapshot(store, {"a": b"x"})
    store.touch(ADA, snapshot)
    one = collector(store)
    monkeypatch.setattr(one, "collect", collect)
    async with TaskOwner("test") as tasks:
        one.open(tasks)
        await wait_until_async(lambda: len(asked) > 1)
        assert set(asked) == {SNAPSHOT_UNUSED_S_MAX}
        one.on_low_disk()
        one.on_low_disk()
        await wait_until_async(lambda: LOW_AGE_S in asked)
        await wait_until_async(lambda: asked[-2:] == [SNAPSHOT_UNUSED_S_MAX] * 2)
        assert asked.count(LOW_AGE_S) == 1


@pytest.mark.expects_logs("could not be collected", reason="the store is told to fail")
async def test_a_collection_that_fails_is_tried_again(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lanherd_agent.snapshots.problems import no_snapshot

    tried = 0

    async def collect(age_s: float, *, dry_run: bool = False) -> Collected:
        nonlocal tried
        tried += 1
        raise no_snapshot("x")

    monkeypatch.setattr("lanherd_agent.snapshots.collecting.LOOK_S", 0.005)
    monkeypatch.setattr("lanherd_agent.snapshots.collecting.EVERY_S", 0.005)
    one = collector(store)
    monkeypatch.setattr(one, "collect", collect)
    async with TaskOwner("test") as tasks:
        one.open(tasks)
        await wait_until_async(lambda: tried > 2)


async def test_pushes_and_collections_at_once_lose_nothing(store: SnapshotStore) -> None:
    """Blobs look old at once, so that only claims and manifests keep them."""
    one = collector(store)
    stop = asyncio.Event()

    async def keep_collecting() -> int:
        times = 0
        while not stop.is_set():
            await one.collect(3600.0)
            times += 1
        return times

    async with TaskOwner("test") as tasks:
        going = tasks.spawn(keep_collecting(), "collect")
        pushed: list[SnapshotId] = []
        for number in range(40):
            content = f"{number % 7}".encode()
            if await store.missing(ADA, [named(content)]):
                await put_blobs(store, content)
            age(store, content)
            _, encoded, snapshot = manifest_of(file(f"f{number}", content))
            try:
                await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
            except NotFoundError:
                continue  # it was collected right after it aged, which takes an hour elsewhere
            pushed.append(snapshot)
            for earlier in pushed[:-1]:
                await store.remove(ADA, earlier, needed=False)
            pushed = pushed[-1:]
        stop.set()
        assert await going > 1
    kept = await store.manifest(pushed[-1])
    assert all(store.parts.blobs.size(blob) for blob in manifests.hashes(kept))
