"""A push whose cable is cut: what had arrived by then is kept, over real sockets."""

import asyncio
import hashlib
import random

import pytest

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.aio.listener import Listener
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.packs import PackDecoder, PackEncoder
from tests.support.waiting import wait_until_async

HAS = m.HasSnapshot(snapshot="a" * 64)


class Slow:
    """An agent that takes packs into a store, but reads nothing before its gate is open."""

    def __init__(self, store):
        self._store = store
        self.gate = asyncio.Event()
        self.outcomes = asyncio.Queue()

    async def on_call(self, call):
        if call.method is not methods.SNAPSHOTS_PUT_BLOBS:
            return m.SnapshotPresence(present=False)
        try:
            await self.gate.wait()
            stored = await self._store.put_pack("ada", call.upload, call.request.count)
        except LanherdError as problem:
            self.outcomes.put_nowait(problem.code)
            raise
        except asyncio.CancelledError:
            self.outcomes.put_nowait("cancelled")
            raise
        self.outcomes.put_nowait(stored)
        return stored

    async def on_subscribe(self, subscription):
        raise AssertionError(subscription)


class Room:
    def __init__(self, tmp_path, store):
        self.dispatcher = Slow(store)
        self.listener = Listener(self.dispatcher, local_hello("agent"))
        self.path = tmp_path / "agent.sock"

    async def send_part(self, pack, count, *, whole=False):
        """A connection that is lost after these bytes of a pack have reached the agent."""
        peer = await connect_unix(self.path, local_hello("controller"))
        sent, for_ever = asyncio.Event(), asyncio.Event()

        async def part():
            yield pack
            # Frames arrive in order, and so the answer to a later one says that this arrived.
            sent.set()
            if not whole:
                await for_ever.wait()

        async with TaskOwner("push") as tasks:
            call = peer.call(methods.SNAPSHOTS_PUT_BLOBS, m.PutBlobs(count=count), upload=part())
            pushing = tasks.spawn(_outcome(call), "push")
            await sent.wait()
            await peer.call(methods.SNAPSHOTS_HAS, HAS)
            await peer.call(methods.SNAPSHOTS_HAS, HAS)
            peer.link.abort()
            assert await pushing is ErrorCode.CONNECTION_LOST
            await wait_until_async(lambda: not self.listener.callers)
        await peer.close()


async def _outcome(call):
    try:
        return await call
    except LanherdError as problem:
        return problem.code


@pytest.fixture
async def room(tmp_path):
    store = await SnapshotStore.open(tmp_path / "home")
    room = Room(tmp_path, store)
    await room.listener.listen_unix(room.path)
    yield room
    await room.listener.close()
    await store.close()


def blobs(count):
    made = random.Random(5)
    contents = [made.randbytes(made.randrange(1, 40_000)) for _ in range(count)]
    return {BlobHash(hashlib.sha256(data).hexdigest()): data for data in contents}


def pack_of(contents):
    encoder = PackEncoder()
    parts = [encoder.add(blob, data) for blob, data in contents.items()]
    return b"".join([*parts, encoder.finish()])


def stored_in(tmp_path):
    root = tmp_path / "home" / "blobs"
    return {
        folder.name + file.name: file.read_bytes()
        for folder in root.iterdir()
        if len(folder.name) == 2
        for file in folder.iterdir()
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
async def test_every_whole_blob_that_arrived_before_a_cut_is_kept(room, tmp_path, share):
    contents = blobs(100)
    pack = pack_of(contents)
    arrived = pack[: int(len(pack) * share)]
    whole = dict(PackDecoder(len(contents)).feed(arrived))
    assert whole
    await room.send_part(arrived, len(contents))
    room.dispatcher.gate.set()
    assert await room.dispatcher.outcomes.get() is ErrorCode.CONNECTION_LOST
    assert stored_in(tmp_path) == whole


async def test_an_upload_that_arrived_whole_is_taken_though_nobody_hears_the_answer(room, tmp_path):
    contents = blobs(20)
    await room.send_part(pack_of(contents), len(contents), whole=True)
    room.dispatcher.gate.set()
    stored = await room.dispatcher.outcomes.get()
    assert (stored.count, stored_in(tmp_path)) == (20, contents)


async def test_an_agent_that_ends_waits_for_no_upload(room):
    contents = blobs(20)
    await room.send_part(pack_of(contents), len(contents), whole=True)
    await room.listener.close()
    assert await room.dispatcher.outcomes.get() == "cancelled"
