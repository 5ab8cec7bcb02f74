from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_agent.snapshots.verifying import Verified, verify
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import SnapshotId
from tests.unit.snapshots.samples import ADA, put_blobs, put_snapshot, spoil

EVE = "eve"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


async def silent(_: Verified) -> None:
    return


async def test_all_that_one_has_sent_is_read_and_told(store: SnapshotStore) -> None:
    files = {f"f{number}": f"content {number}".encode() for number in range(100)}
    await put_snapshot(store, files)
    await put_blobs(store, b"in no snapshot yet")
    await put_snapshot(store, {"x": b"of somebody else"}, EVE)
    told: list[tuple[int, int]] = []

    async def tell(done: Verified) -> None:
        told.append((done.blobs, done.blobs_total))

    done = await verify(store, ADA, None, tell)
    assert (done.blobs, done.damaged_blobs, done.damaged_snapshots) == (101, 0, set())
    assert done.bytes_read == sum(map(len, files.values())) + len(b"in no snapshot yet")
    assert told[-1] == (101, 101) and len(told) > 2


async def test_what_is_damaged_is_told_of_ones_own_and_forgotten_for_all(
    store: SnapshotStore,
) -> None:
    mine = await put_snapshot(store, {"a": b"shared", "b": b"b"})
    sound = await put_snapshot(store, {"b": b"b"})
    others = await put_snapshot(store, {"c": b"shared"}, EVE)
    spoil(store, b"shared", b"sharef")
    done = await verify(store, ADA, mine, silent)
    assert (done.blobs, done.damaged_blobs, done.damaged_snapshots) == (2, 1, {mine})
    assert [await store.has(one) for one in (mine, sound, others)] == [False, True, False]
    again = await verify(store, ADA, None, silent)
    assert (again.blobs, again.damaged_blobs, again.damaged_snapshots) == (1, 0, set())


async def test_a_damaged_manifest_is_found_though_it_is_held_in_memory(
    store: SnapshotStore, tmp_path: Path
) -> None:
    snapshot = await put_snapshot(store, {"a": b"x"})
    (tmp_path / "home" / "snapshots" / snapshot).write_bytes(b"noise")
    done = await verify(store, ADA, snapshot, silent)
    assert done.damaged_snapshots == {snapshot}
    assert store.of(ADA) == {} and not await store.has(snapshot)


async def test_a_snapshot_of_somebody_else_is_none(store: SnapshotStore) -> None:
    others = await put_snapshot(store, {"c": b"x"}, EVE)
    for snapshot in (others, SnapshotId("a" * 64)):
        with pytest.raises(LanherdError) as refused:
            await verify(store, ADA, snapshot, silent)
        assert refused.value.code is ErrorCode.NOT_FOUND
        assert refused.value.failure.data["refusal"] == "not_your_snapshot"
    with pytest.raises(LanherdError, match="is no hash"):
        await verify(store, ADA, SnapshotId("x"), silent)
