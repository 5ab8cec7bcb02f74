"""Snapshots as callers meet them: whose they are, what keeps them, what a run may be made of."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lanherd_agent.app import Agent, ServeOptions
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol import snapshot_messages as sm
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.aio.memory import MemoryPair, memory_pair
from lanherd_protocol.aio.server import Caller
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, DeviceId, RunId, SnapshotId
from lanherd_protocol.manifest import compress, encode, snapshot_id
from lanherd_protocol.packs import PackEncoder
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Manifest, ManifestEntry, RunSettings, RunSpec
from tests.support.agent_process import AgentProcess
from tests.support.doors import new_run_id, wait_run
from tests.support.run_calls import command_id
from tests.unit.snapshots.samples import spoil


class Place:
    def __init__(self, agent: Agent, store: SnapshotStore) -> None:
        self.agent = agent
        self.store = store
        self._pairs: list[MemoryPair] = []

    async def open(self, user: str = "ada", role: m.Role = "user") -> "Person":
        caller = Caller(DeviceId("0" * 64), role, user, "tls")
        pair = await memory_pair(self.agent.dispatcher, caller=caller)
        self._pairs.append(pair)
        return Person(pair, user)

    async def close(self) -> None:
        for pair in self._pairs:
            await pair.close()


class Person:
    """Who pushes."""

    def __init__(self, pair: MemoryPair, user: str) -> None:
        self.peer = pair.peer
        self.user = user

    async def push(self, files: dict[str, bytes], project: str = "") -> SnapshotId:
        wanted = {BlobHash(sha256(data).hexdigest()): data for data in files.values()}
        missing = await self.missing(*wanted.values())
        encoder = PackEncoder()
        parts = [encoder.add(blob, wanted[blob]) for blob in missing]
        await self.peer.call(
            methods.SNAPSHOTS_PUT_BLOBS,
            m.PutBlobs(count=len(missing)),
            upload=chunks(b"".join([*parts, encoder.finish()])),
        )
        encoded = encode(
            Manifest(
                entries=tuple(
                    ManifestEntry(path, "file", len(data), (BlobHash(sha256(data).hexdigest()),))
                    for path, data in sorted(files.items())
                )
            )
        )
        request = m.PutManifest(snapshot=snapshot_id(encoded), project=project)
        await self.peer.call(
            methods.SNAPSHOTS_PUT_MANIFEST, request, upload=chunks(compress(encoded))
        )
        return snapshot_id(encoded)

    async def missing(self, *contents: bytes) -> tuple[BlobHash, ...]:
        asked = tuple(BlobHash(sha256(data).hexdigest()) for data in contents)
        return (await self.peer.call(methods.SNAPSHOTS_MISSING, m.FindMissing(blobs=asked))).blobs

    async def has(self, snapshot: SnapshotId) -> bool:
        request = m.HasSnapshot(snapshot=snapshot)
        return (await self.peer.call(methods.SNAPSHOTS_HAS, request)).present

    async def page(self, **filters: Any) -> sm.SnapshotList:
        return await self.peer.call(methods.SNAPSHOTS_LIST, sm.ListSnapshots(**filters))

    async def listed(self) -> list[SnapshotId]:
        return [view.snapshot for view in (await self.page()).snapshots]

    async def submit(
        self, snapshot: SnapshotId, *command: str, run: RunId | None = None, held: bool = False
    ) -> RunId:
        new = m.NewRun(
            run=run or new_run_id(),
            spec=RunSpec(command=command, snapshot=snapshot),
            settings=RunSettings(held=held),
        )
        await self.peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
        return new.run


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    home = AgentHome(folder)
    home.runs.mkdir(parents=True)
    shell = await Shell.open(SqliteStore(home.database))
    try:
        store = await SnapshotStore.open(home.root)
        agent = Agent(
            ServeOptions(home=home, port=0, simulate_gpus=1),
            load_or_create_identity(home.identity),
            shell,
            store,
            await EnvironmentBuilder.open(home.root),
        )
        async with TaskOwner("agent") as tasks, agent.serving(tasks):
            place = Place(agent, store)
            try:
                yield place
            finally:
                await place.close()
    finally:
        await shell.close()


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    folder = Path(os.environ["HOME"]) / "agent"
    async with opened(folder) as place:
        yield place
    AgentProcess(folder).end_launcher()


async def refused(call: Awaitable[object], code: ErrorCode) -> dict[str, object]:
    with pytest.raises(LanherdError) as caught:
        await call
    assert caught.value.code is code, caught.value
    return caught.value.failure.data


async def test_everybody_sees_and_changes_his_own(place: Place) -> None:
    ada, eve, operator = (
        await place.open(),
        await place.open("eve"),
        await place.open("root", "operator"),
    )
    mine = await ada.push({"train.py": b"print()"}, "demo")
    assert await ada.has(mine) and not await eve.has(mine) and not await operator.has(mine)
    assert await ada.listed() == [mine]
    assert await eve.listed() == await operator.listed() == []
    assert await eve.missing(b"print()") == (BlobHash(sha256(b"print()").hexdigest()),)
    for other in (eve, operator):
        for method, request in (
            (
                methods.SNAPSHOTS_PIN,
                sm.PinSnapshot(command=command_id(), snapshot=mine, pinned=True),
            ),
            (methods.SNAPSHOTS_REMOVE, sm.RemoveSnapshot(command=command_id(), snapshot=mine)),
            (methods.SNAPSHOTS_LIST, sm.ListSnapshots(after=mine)),
        ):
            told = await refused(other.peer.call(method, request), ErrorCode.NOT_FOUND)
            assert told["refusal"] == "not_your_snapshot"
    collect = sm.CollectSnapshots(command=command_id(), age_s=0.0)
    await refused(ada.peer.call(methods.SNAPSHOTS_COLLECT, collect), ErrorCode.NOT_ALLOWED)
    done = await operator.peer.call(methods.SNAPSHOTS_COLLECT, collect)
    assert done.snapshots == 1
    assert await ada.listed() == [] and not await ada.has(mine)


async def test_a_run_is_made_only_of_what_its_user_has_pushed(place: Place) -> None:
    ada, eve = await place.open(), await place.open("eve", "admin")
    snapshot = await ada.push({"train.py": b"print()"})
    told = await refused(eve.submit(snapshot, "cat", "train.py"), ErrorCode.NOT_FOUND)
    assert told["refusal"] == "not_your_snapshot"
    await refused(eve.submit(SnapshotId("b" * 64), "true"), ErrorCode.NOT_FOUND)
    await refused(eve.submit(SnapshotId("b"), "true"), ErrorCode.INVALID_REQUEST)
    run = await ada.submit(snapshot, "cat", "train.py")
    ended = (await wait_run(ada.peer, run)).state
    assert isinstance(ended, Ended) and ended.outcome == "succeeded"
    await eve.push({"train.py": b"print()"})
    await wait_run(eve.peer, await eve.submit(snapshot, "cat", "train.py"))


async def test_a_submit_that_is_repeated_gets_its_answer_though_the_snapshot_is_gone(
    place: Place,
) -> None:
    ada = await place.open()
    snapshot = await ada.push({"a": b"x"})
    run = await ada.submit(snapshot, "true")
    await wait_run(ada.peer, run)
    request = sm.RemoveSnapshot(command=command_id(), snapshot=snapshot)
    await ada.peer.call(methods.SNAPSHOTS_REMOVE, request)
    assert await ada.submit(snapshot, "true", run=run) == run
    await refused(ada.submit(snapshot, "true"), ErrorCode.NOT_FOUND)


async def test_what_a_run_needs_or_a_pin_keeps_stays(place: Place) -> None:
    ada, operator = await place.open(), await place.open("root", "operator")
    needed = await ada.push({"a": b"needed"})
    pinned = await ada.push({"a": b"pinned"})
    loose = await ada.push({"a": b"loose"})
    await ada.submit(needed, "true", held=True)
    pin = sm.PinSnapshot(command=command_id(), snapshot=pinned, pinned=True, note="the paper")
    changed = await ada.peer.call(methods.SNAPSHOTS_PIN, pin)
    assert changed.snapshot is not None
    assert (changed.snapshot.pinned, changed.snapshot.pin_note) == (True, "the paper")
    views = {view.snapshot: view for view in (await ada.page()).snapshots}
    assert {one: view.runs for one, view in views.items()} == {needed: 1, pinned: 0, loose: 0}
    for snapshot, refusal in ((needed, "snapshot_needed"), (pinned, "snapshot_pinned")):
        remove = sm.RemoveSnapshot(command=command_id(), snapshot=snapshot)
        told = await refused(ada.peer.call(methods.SNAPSHOTS_REMOVE, remove), ErrorCode.CONFLICT)
        assert told["refusal"] == refusal
    dry = sm.CollectSnapshots(command=command_id(), age_s=0.0, dry_run=True)
    assert (await operator.peer.call(methods.SNAPSHOTS_COLLECT, dry)).snapshots == 1
    collect = sm.CollectSnapshots(command=command_id(), age_s=0.0)
    assert (await operator.peer.call(methods.SNAPSHOTS_COLLECT, collect)).snapshots == 1
    assert set(await ada.listed()) == {needed, pinned}


async def test_what_somebody_elses_run_needs_stays_for_it(place: Place) -> None:
    ada, eve = await place.open(), await place.open("eve")
    snapshot = await ada.push({"a": b"x"})
    await eve.push({"a": b"x"})
    await eve.submit(snapshot, "true", held=True)
    for person in (ada, eve):
        request = sm.RemoveSnapshot(command=command_id(), snapshot=snapshot)
        removing = person.peer.call(methods.SNAPSHOTS_REMOVE, request)
        if person is ada:
            await removing
        else:
            await refused(removing, ErrorCode.CONFLICT)
    assert await place.store.has(snapshot)
    assert not await ada.has(snapshot)


async def test_a_list_comes_in_pages_with_what_it_holds(place: Place) -> None:
    ada = await place.open()
    pushed = [
        await ada.push({"a": str(number).encode(), "b": b"shared"}, f"p{number % 2}")
        for number in range(5)
    ]
    first = await ada.page(limit=2)
    second = await ada.page(limit=2, after=first.snapshots[-1].snapshot)
    third = await ada.page(limit=2, after=second.snapshots[-1].snapshot)
    assert [first.more, second.more, third.more] == [True, True, False]
    shown = [v.snapshot for page in (first, second, third) for v in page.snapshots]
    assert shown == pushed[::-1]
    assert (first.blobs, first.store_bytes) == (6, 5 + len(b"shared"))
    assert first.snapshots[0].files == 2 and first.snapshots[0].bytes_total == 7
    named = await ada.page(project="p1")
    assert [view.snapshot for view in named.snapshots] == [pushed[3], pushed[1]]
    # What was pushed again is what was used last.
    assert await ada.has(pushed[0])
    assert (await ada.listed())[0] == pushed[0]
    for limit in (0, 1001):
        told = await refused(ada.page(limit=limit), ErrorCode.INVALID_REQUEST)
        assert told["refusal"] == "bad_snapshot_page"


async def test_a_run_that_starts_uses_its_snapshot(place: Place) -> None:
    ada = await place.open()
    first, second = await ada.push({"a": b"1"}), await ada.push({"a": b"2"})
    assert await ada.listed() == [second, first]
    await wait_run(ada.peer, await ada.submit(first, "true"))
    assert await ada.listed() == [first, second]


async def test_a_command_that_is_repeated_is_the_same_change(place: Place) -> None:
    ada = await place.open()
    snapshot = await ada.push({"a": b"x"})
    remove = sm.RemoveSnapshot(command=command_id(), snapshot=snapshot)
    once = await ada.peer.call(methods.SNAPSHOTS_REMOVE, remove)
    assert await ada.peer.call(methods.SNAPSHOTS_REMOVE, remove) == once
    assert once.snapshot is None
    pin = sm.PinSnapshot(command=remove.command, snapshot=snapshot, pinned=True)
    await refused(ada.peer.call(methods.SNAPSHOTS_PIN, pin), ErrorCode.CONFLICT)


async def test_bad_requests_are_refused_by_name(place: Place) -> None:
    ada, operator = await place.open(), await place.open("root", "operator")
    snapshot = await ada.push({"a": b"x"})
    for note in ("x" * 201, "two\nlines"):
        pin = sm.PinSnapshot(command=command_id(), snapshot=snapshot, pinned=True, note=note)
        told = await refused(ada.peer.call(methods.SNAPSHOTS_PIN, pin), ErrorCode.INVALID_REQUEST)
        assert (told["refusal"], told["field"]) == ("bad_snapshot_text", "note")
    told = await refused(ada.push({"a": b"y"}, "p" * 201), ErrorCode.INVALID_REQUEST)
    assert told["field"] == "project"
    for age_s in (-1.0, float("nan")):
        collect = sm.CollectSnapshots(command=command_id(), age_s=age_s)
        told = await refused(
            operator.peer.call(methods.SNAPSHOTS_COLLECT, collect), ErrorCode.INVALID_REQUEST
        )
        assert told["refusal"] == "bad_snapshot_age"


async def test_a_verification_tells_how_far_it_is_and_what_is_damaged(place: Place) -> None:
    ada = await place.open()
    sound = await ada.push({f"f{number}": str(number).encode() for number in range(200)})
    async with ada.peer.download(methods.SNAPSHOTS_VERIFY, sm.VerifySnapshots()) as download:
        lines = b"".join([chunk async for chunk in download]).splitlines()
        done = download.response
    assert json.loads(lines[-1]) == {"blobs": 200, "blobs_total": 200, "bytes": 490}
    assert (done.blobs, done.bytes_read, done.damaged_blobs) == (200, 490, 0)
    lost = await ada.push({"bad": b"good"})
    blob = BlobHash(sha256(b"good").hexdigest())
    spoil(place.store, b"good", b"evil")
    one = sm.VerifySnapshots(snapshot=lost)
    async with ada.peer.download(methods.SNAPSHOTS_VERIFY, one) as download:
        async for _ in download:
            pass
        done = download.response
    assert (done.blobs, done.damaged_blobs, done.damaged_snapshots) == (1, 1, (lost,))
    assert await ada.listed() == [sound]
    assert await ada.missing(b"good") == (blob,)


async def test_a_verification_that_nobody_waits_for_ends(place: Place) -> None:
    ada = await place.open()
    await ada.push({f"f{number}": str(number).encode() for number in range(500)})
    async with ada.peer.download(methods.SNAPSHOTS_VERIFY, sm.VerifySnapshots()) as download:
        await anext(aiter(download))
    # It is as ready as before.
    async with asyncio.timeout(20):
        assert len(await ada.listed()) == 1
