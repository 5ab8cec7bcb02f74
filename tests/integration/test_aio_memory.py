"""Peer and dispatcher over a cable in memory, with virtual time where time matters."""

import asyncio
import selectors

import pytest

from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.memory import memory_pair
from lanherd_protocol.aio.peer import FeedEvent, FeedGap
from lanherd_protocol.aio.server import Caller
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import DEAD_AFTER_S, FEED_QUEUE_EVENTS_MAX, MIB

READ = lm.ReadLog(run=RunId("x"))
WATCH = m.WatchOutputs(run=RunId("x"))
BYTES = bytes(range(256)) * 1024


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer whenever nothing else is to be done."""

    def __init__(self):
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self):
        return self.now


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self._loop.now += timeout
        return ready


def in_virtual_time(main):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())


class Scripted:
    """A dispatcher whose answers are given by the test."""

    def __init__(self):
        self.calls = asyncio.Queue()
        self.feeds = asyncio.Queue()
        self.gate = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def on_call(self, call):
        self.calls.put_nowait(call)
        match call.method.name:
            case "logs.read":
                sent = 0
                while call.request.length is None or sent < call.request.length:
                    await call.send(BYTES)
                    sent += len(BYTES)
                return lm.LogEnd(attempt=1, offset=sent, complete=True)
            case "snapshots.put_blobs":
                return await self.take_upload(call)
            case "runs.get":
                return await self.wait_gate()
            case "runs.list":
                raise error(ErrorCode.NOT_FOUND, "No such run.", remedy="Look again.")
            case "environments.list":
                raise ZeroDivisionError
            case "agent.status":
                return m.SnapshotPresence(present=True)
            case _:
                return m.SnapshotPresence(present=True)

    async def take_upload(self, call):
        count = 0
        async for chunk in call.upload:
            count += len(chunk)
        return m.BlobsStored(count=1, bytes_stored=count)

    async def wait_gate(self):
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return m.SnapshotPresence(present=True)

    async def on_subscribe(self, subscription):
        self.feeds.put_nowait(subscription)
        if subscription.feed is methods.FEED_TELEMETRY:
            raise error(ErrorCode.OVERLOADED, "Too many gauges.")
        if subscription.feed is methods.FEED_RUNS:
            raise ZeroDivisionError


HAS = m.HasSnapshot(snapshot="a" * 64)


async def test_a_call_is_answered():
    pair = await memory_pair(Scripted())
    assert pair.peer.remote_hello.role == "admin"
    reply = await pair.peer.call(methods.SNAPSHOTS_HAS, HAS)
    assert reply == m.SnapshotPresence(present=True)
    await pair.close()
    assert await pair.peer.wait_closed() is None
    assert pair.peer.closed


async def test_many_calls_at_once_find_their_own_answers():
    pair = await memory_pair(Scripted())
    calls = [pair.peer.call(methods.SNAPSHOTS_HAS, HAS) for _ in range(200)]
    assert len(await asyncio.gather(*calls)) == 200
    await pair.close()


async def test_a_failure_arrives_as_it_was_raised():
    pair = await memory_pair(Scripted())
    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(methods.RUNS_LIST, m.ListRuns())
    assert caught.value.failure == Failure(
        code=ErrorCode.NOT_FOUND, title="No such run.", remedy="Look again."
    )
    await pair.close()


@pytest.mark.expects_logs("serving .* failed", reason="a bug in a handler is logged")
async def test_a_bug_is_told_without_its_insides(caplog):
    pair = await memory_pair(Scripted())
    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(methods.ENVIRONMENTS_LIST, m.Empty())
    assert caught.value.code is ErrorCode.INTERNAL
    assert "ZeroDivisionError" not in str(caught.value)
    async with pair.peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        with pytest.raises(LanherdError) as caught:
            await anext(feed)
    assert caught.value.code is ErrorCode.INTERNAL
    assert "ZeroDivisionError" in caplog.text
    await pair.close()


async def test_an_answer_of_the_wrong_type_is_refused():
    pair = await memory_pair(Scripted())
    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(methods.AGENT_STATUS, m.Empty())
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    await pair.close()


@pytest.mark.parametrize(
    ("role", "channel", "method", "request_body"),
    [
        ("viewer", "tls", methods.SNAPSHOTS_HAS, HAS),
        ("admin", "tls", methods.PAIRING_PAIR, m.PairDevice(certificate_pem="", name="")),
    ],
)
async def test_who_may_not_does_not_reach_the_dispatcher(role, channel, method, request_body):
    dispatcher = Scripted()
    caller = Caller(DeviceId(""), role, "someone", channel)
    pair = await memory_pair(dispatcher, caller=caller)
    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(method, request_body)
    assert caught.value.code is ErrorCode.NOT_ALLOWED
    assert dispatcher.calls.empty()
    await pair.close()


async def test_a_wrong_request_does_not_reach_the_dispatcher():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(methods.RUNS_GET, m.Empty())
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert "run" in caught.value.failure.message
    assert dispatcher.calls.empty()
    await pair.close()


async def test_a_download_is_read_to_its_end():
    pair = await memory_pair(Scripted())
    request = lm.ReadLog(run=RunId("x"), length=10 * MIB)
    received = bytearray()
    async with pair.peer.download(methods.LOGS_READ, request) as download:
        with pytest.raises(LanherdError, match="before its end"):
            _ = download.response
        async for chunk in download:
            received += chunk
        assert download.response.offset == 10 * MIB
        with pytest.raises(StopAsyncIteration):
            await anext(download)
    assert received == BYTES * (10 * MIB // len(BYTES))
    await pair.close()


async def test_a_reader_that_leaves_ends_the_download():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with pair.peer.download(methods.LOGS_READ, READ) as download:
        assert await anext(download)
    call = await dispatcher.calls.get()
    assert await pair.peer.call(methods.SNAPSHOTS_HAS, HAS)
    with pytest.raises(LanherdError) as caught:
        await call.send(b"more")
    assert caught.value.code is ErrorCode.CANCELLED
    await pair.close()


async def test_a_slow_reader_delays_nobody_and_holds_no_more_than_its_credit():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with pair.peer.download(methods.LOGS_READ, READ, credit_bytes=MIB) as slow:
        await anext(slow)
        async with pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH) as feed:
            subscription = await dispatcher.feeds.get()
            for seq in range(50):
                assert subscription.offer(seq, m.OutputsChanged(attempt=1, entries=()))
                event = await anext(feed)
                assert event.seq == seq
                await pair.peer.call(methods.SNAPSHOTS_HAS, HAS)
        assert sum(map(len, slow._queue._chunks)) <= MIB
    await pair.close()


async def test_an_upload_goes_as_fast_as_it_is_read():
    pair = await memory_pair(Scripted())

    async def chunks():
        for _ in range(100):
            yield BYTES

    reply = await pair.peer.call(
        methods.SNAPSHOTS_PUT_BLOBS, m.PutBlobs(count=1), upload=chunks(), timeout_s=60
    )
    assert reply.bytes_stored == 100 * len(BYTES)
    await pair.close()


async def test_an_upload_whose_source_fails_is_cancelled():
    pair = await memory_pair(Scripted())

    async def chunks():
        yield BYTES
        raise error(ErrorCode.PROJECT_CHANGED, "A file changed.")

    with pytest.raises(LanherdError) as caught:
        await pair.peer.call(methods.SNAPSHOTS_PUT_BLOBS, m.PutBlobs(count=1), upload=chunks())
    assert caught.value.code is ErrorCode.PROJECT_CHANGED
    assert await pair.peer.call(methods.SNAPSHOTS_HAS, HAS)
    await pair.close()


async def test_a_cancelled_wait_cancels_the_call_there():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(pair.peer.call(methods.RUNS_GET, m.GetRun(run=RunId("x"))))
        await dispatcher.calls.get()
        waiting.cancel()
    await dispatcher.cancelled.wait()
    assert await pair.peer.call(methods.SNAPSHOTS_HAS, HAS)
    await pair.close()


async def test_an_event_is_encoded_once_for_many():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    body = encode_body(m.OutputsChanged(attempt=3, entries=()))
    async with (
        pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH, since=6) as one,
        pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH) as other,
    ):
        subscriptions = [await dispatcher.feeds.get() for _ in range(2)]
        assert [subscription.since for subscription in subscriptions] == [6, -1]
        for subscription in subscriptions:
            subscription.gap(0, 6)
            assert subscription.offer(7, body)
        for feed in (one, other):
            assert await anext(feed) == FeedGap(0, 6)
            assert await anext(feed) == FeedEvent(7, m.OutputsChanged(attempt=3, entries=()))
    for subscription in subscriptions:
        await subscription.wait_closed()
        assert not subscription.offer(8, body)
        subscription.gap(9, 9)
    await pair.close()


async def test_a_feed_ends_or_is_refused():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH) as feed:
        (await dispatcher.feeds.get()).end()
        assert [item async for item in feed] == []
    async with pair.peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
        with pytest.raises(LanherdError, match="Too many gauges"):
            await anext(feed)
    async with pair.peer.subscribe(methods.FEED_OUTPUTS, m.Empty()) as feed:
        with pytest.raises(LanherdError) as caught:
            await anext(feed)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    await pair.close()


async def test_numbers_of_events_grow():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH):
        subscription = await dispatcher.feeds.get()
        body = encode_body(m.OutputsChanged(attempt=3, entries=()))
        assert subscription.offer(5, body)
        with pytest.raises(LanherdError, match="after 5"):
            subscription.offer(5, body)
        with pytest.raises(LanherdError, match="after event 5"):
            subscription.gap(4, 6)
    await pair.close()


async def test_a_subscriber_that_falls_behind_is_told_of_a_gap():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH) as feed:
        subscription = await dispatcher.feeds.get()
        body = encode_body(m.OutputsChanged(attempt=1, entries=()))
        last = FEED_QUEUE_EVENTS_MAX + 10
        for seq in range(last + 1):
            subscription.offer(seq, body)
        item = await anext(feed)
        missed = set()
        while not (isinstance(item, FeedEvent) and item.seq == last):
            if isinstance(item, FeedGap):
                missed.update(range(item.missed_from, item.missed_to + 1))
            item = await anext(feed)
    await pair.close()


async def test_a_cut_cable_fails_everything_that_waits_at_once():
    dispatcher = Scripted()
    pair = await memory_pair(dispatcher)
    async with (
        pair.peer.download(methods.LOGS_READ, READ) as download,
        pair.peer.subscribe(methods.FEED_OUTPUTS, WATCH) as feed,
        asyncio.TaskGroup() as group,
    ):
        subscription = await dispatcher.feeds.get()
        await anext(download)
        waiting = group.create_task(_outcome(pair.peer.call(methods.RUNS_GET, m.GetRun(run="x"))))
        while (await dispatcher.calls.get()).method is not methods.RUNS_GET:
            pass
        pair.link.cut()
        assert await waiting is ErrorCode.CONNECTION_LOST
        assert await _outcome(_drain(download)) is ErrorCode.CONNECTION_LOST
        assert await _outcome(_drain(feed)) is ErrorCode.CONNECTION_LOST
        await subscription.wait_closed()
        await dispatcher.cancelled.wait()
    failure = await pair.peer.wait_closed()
    assert failure.code is ErrorCode.CONNECTION_LOST
    assert await _outcome(pair.peer.call(methods.SNAPSHOTS_HAS, HAS)) is ErrorCode.CONNECTION_LOST
    await pair.close()


def test_a_dead_peer_is_found_by_its_silence():
    async def main():
        pair = await memory_pair(Scripted())
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await pair.peer.wait_closed()
        assert not pair.peer.closed
        pair.link.drop = True
        started = loop.time()
        outcome = await _outcome(pair.peer.call(methods.RUNS_GET, m.GetRun(run=RunId("x"))))
        assert outcome is ErrorCode.CONNECTION_LOST
        assert loop.time() - started <= DEAD_AFTER_S
        await pair.close()

    in_virtual_time(main)


def test_an_answer_that_takes_too_long_is_given_up():
    async def main():
        dispatcher = Scripted()
        pair = await memory_pair(dispatcher)
        pair.link.delay_s = 0.1
        loop = asyncio.get_running_loop()
        started = loop.time()
        call = pair.peer.call(methods.RUNS_GET, m.GetRun(run=RunId("x")), timeout_s=60)
        assert await _outcome(call) is ErrorCode.TIMED_OUT
        assert loop.time() - started == pytest.approx(60)
        await dispatcher.cancelled.wait()
        await pair.close()

    in_virtual_time(main)


async def _outcome(awaitable):
    try:
        return await awaitable
    except LanherdError as problem:
        return problem.code


async def _drain(items):
    async for _ in items:
        pass
