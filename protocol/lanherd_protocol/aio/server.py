"""The agent's end of a connection: calls and subscriptions for a dispatcher to serve."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ssl import SSLError
from typing import Any, Protocol

from msgspec import Raw, Struct

from lanherd_protocol import events as e
from lanherd_protocol.aio.link import Link
from lanherd_protocol.aio.queues import ByteQueue, Wakeups
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.aio.tls import Layer
from lanherd_protocol.authority import Channel, authorise_call, authorise_feed
from lanherd_protocol.codec import decode_body, encode_body
from lanherd_protocol.connection import CLOSED, Connection
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure
from lanherd_protocol.feeds import FeedQueue, QueuedGap
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import BULK_CHUNK_BYTES, STREAM_CREDIT_BYTES
from lanherd_protocol.messages import Hello, Role
from lanherd_protocol.methods import Feed, Method
from lanherd_protocol.server_side import ServerConnection

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a paired device, or a local user, may do here."""

    role: Role
    user: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end, as TLS or the kernel has proved it."""

    device: DeviceId
    role: Role
    user: str
    channel: Channel
    uid: int | None = None
    address: str = ""


class Dispatcher(Protocol):
    """What serves calls and feeds. A LanherdError is told to the caller as it is; any other
    exception is logged and told as INTERNAL.
    """

    async def on_call(self, call: "IncomingCall") -> Struct:
        """The reply. Cancelled when the caller cancels or goes away."""

    async def on_subscribe(self, subscription: "IncomingSubscription") -> None:
        """Set the feed up, or serve it until cancelled. The feed outlives the return."""


class IncomingCall:
    """A call whose caller may make it, with its request decoded."""

    def __init__(
        self, serving: "Serving", call_id: int, method: Method[Any, Any], request: Struct
    ) -> None:
        self.method = method
        self.request = request
        self.caller = serving.caller
        self.queue = ByteQueue()
        self._serving = serving
        self._call_id = call_id

    @property
    def upload(self) -> AsyncIterator[bytes]:
        """The bytes that the caller sends along, at the pace at which they are read here."""
        if not self.method.upload:
            raise _bug(f"{self.method.name!r} has no upload.")
        return self._read()

    @property
    def is_cut(self) -> bool:
        """Whether its connection is over: nobody hears the answer, and what has arrived of the
        upload can still be read."""
        return self._serving.connection.is_closed

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes of the answer, of any length; waits while the caller takes none.

        Raises CANCELLED or CONNECTION_LOST.
        """
        if not self.method.download:
            raise _bug(f"{self.method.name!r} has no download.")
        view = memoryview(data)
        while view:
            count = await self._serving.wait_sendable(self._call_id)
            count = min(count, BULK_CHUNK_BYTES, len(view))
            self._serving.connection.send_bulk(self._call_id, view[:count])
            self._serving.link.schedule_flush()
            view = view[count:]

    async def _read(self) -> AsyncIterator[bytes]:
        while (chunk := await self.queue.take()) is not None:
            self._serving.connection.consumed(self._call_id, len(chunk))
            self._serving.link.schedule_flush()
            yield chunk


class IncomingSubscription:
    """A subscription whose subscriber may have it."""

    def __init__(
        self,
        serving: "Serving",
        feed_id: int,
        feed: Feed[Any, Any],
        params: Struct,
        since: int,
    ) -> None:
        self.feed = feed
        self.params = params
        self.since = since
        self.caller = serving.caller
        self._serving = serving
        self._feed_id = feed_id
        self._queue = FeedQueue()
        self._seq = -1
        self._closed = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether nobody listens any more."""
        return self._closed.is_set()

    def offer(self, seq: int, body: Struct | Raw) -> bool:
        """Tell of event `seq`, without waiting; numbers grow within a subscription (else INTERNAL).

        False when it was dropped: the subscriber is told of the gap by itself, or is gone. For
        many subscribers encode the body once (`codec.encode_body`).
        """
        if self.closed:
            return False
        if seq <= self._seq:
            raise _bug(f"Event {seq} of {self.feed.name!r} was offered after {self._seq}.")
        raw = body if isinstance(body, Raw) else encode_body(body)
        self._seq = seq
        if not self._queue and self._serving.connection.takes_events:
            self._serving.connection.send_event(self._feed_id, seq, raw)
            self._serving.link.schedule_flush()
            return True
        self._serving.backlogged.add(self)
        return self._queue.offer(seq, raw)

    def gap(self, missed_from: int, missed_to: int) -> None:
        """Say aloud that these events are not kept any more."""
        if self.closed:
            return
        if not self._seq < missed_from <= missed_to:
            raise _bug(f"A gap from {missed_from} to {missed_to} after event {self._seq}.")
        self._seq = missed_to
        self._queue.offer_gap(missed_from, missed_to)
        self._serving.backlogged.add(self)
        self._serving.drain_feeds()

    def end(self, failure: Failure | None = None) -> None:
        """No more events come. What still waits for room is dropped."""
        self._serving.end_feed(self._feed_id, failure)

    async def wait_closed(self) -> None:
        """Until the subscriber leaves, is lost, or the feed has ended."""
        await self._closed.wait()

    def drain(self) -> bool:
        """Send what waits as far as there is room; True when nothing waits any more."""
        connection = self._serving.connection
        while connection.takes_events:
            item = self._queue.take()
            if item is None:
                return True
            if isinstance(item, QueuedGap):
                connection.send_gap(self._feed_id, item.missed_from, item.missed_to)
            else:
                connection.send_event(self._feed_id, item.seq, item.body)
        return False

    def mark_closed(self) -> None:
        self._closed.set()


@dataclass(slots=True)
class _Served:
    """A call or a subscription with the task that serves it."""

    what: IncomingCall | IncomingSubscription
    task: asyncio.Task[None]


class Serving:
    """One connection's server side: decides who may, runs the dispatcher, sends what it answers."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        hello: Hello,
        layer: Layer,
        identify: Callable[[], Caller],
        watcher: "ServingWatcher",
    ) -> None:
        """`identify` raises a LanherdError for whoever is to be sent away."""
        self.link = Link(layer, self, tells_refusal=True)
        self.backlogged: set[IncomingSubscription] = set()
        self.tasks = TaskOwner("connection")
        self._dispatcher = dispatcher
        self._hello = hello
        self._identify = identify
        self._watcher = watcher
        self._caller: Caller | None = None
        self._connection: ServerConnection | None = None
        self._calls: dict[int, _Served] = {}
        self._feeds: dict[int, _Served] = {}
        self._room = Wakeups()

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise _bug("The caller isn't known yet.")
        return self._caller

    @property
    def is_identified(self) -> bool:
        """Whether `caller` is known."""
        return self._caller is not None

    @property
    def connection(self) -> ServerConnection:
        if self._connection is None:
            raise from_failure(CLOSED)
        return self._connection

    async def wait_sendable(self, call_id: int) -> int:
        """Until bytes of the call's stream can be sent, and how many."""
        while (count := self.connection.sendable(call_id)) == 0:
            if call_id not in self._calls:
                raise from_failure(self.connection.failure or _CANCELLED)
            await self._room.wait()
        return count

    def drain_feeds(self) -> None:
        """Give every subscription that waits some of the room."""
        for subscription in list(self.backlogged):
            if subscription.drain():
                self.backlogged.discard(subscription)
        self.link.schedule_flush()

    def end_feed(self, feed_id: int, failure: Failure | None) -> None:
        self.connection.end_feed(feed_id, failure)
        self.link.schedule_flush()
        self._forget_feed(feed_id)

    # --- for Link -------------------------------------------------------------------------------

    def open_connection(self, now: float) -> Connection:
        self._caller = self._identify()
        hello = Hello(
            self._hello.protocol_min,
            self._hello.protocol_max,
            self._hello.version,
            self._hello.features,
            self._hello.device,
            self._hello.name,
            self._caller.role,
            self._caller.user,
        )
        self._connection = ServerConnection(hello, now)
        return self._connection

    def on_never_open(self, problem: LanherdError | SSLError | OSError | None) -> None:
        self._watcher.on_refused(self, problem)

    def on_room(self) -> None:
        self._room.wake()
        if self.backlogged:
            self.drain_feeds()

    def on_event(self, event: e.ConnectionEvent) -> None:
        match event:
            case e.CallReceived():
                self._on_call(event)
            case e.BulkReceived() | e.BulkEnded():
                self._on_bulk(event)
            case e.CreditReceived():
                self._room.wake()
            case e.CallCancelled():
                self._on_cancelled(event.id)
            case e.SubscribeReceived():
                self._on_subscribe(event)
            case e.UnsubscribeReceived():
                self._forget_feed(event.id)
            case e.HelloReceived():
                self._watcher.on_hello(self, event.hello)
            case e.Closed():
                self._on_closed(event)
            case _:
                self._watcher.on_unknown_frame(self)

    def _on_call(self, event: e.CallReceived) -> None:
        found = authorise_call(event.method, self.caller.role, self.caller.channel)
        if isinstance(found, Failure):
            self._fail(event.id, found)
            return
        try:
            request = decode_body(found.request, event.body)
        except LanherdError as problem:
            self._fail(event.id, problem.failure)
            return
        call = IncomingCall(self, event.id, found, request)
        if found.upload:
            self.connection.accept_upload(event.id, STREAM_CREDIT_BYTES)
            self.link.schedule_flush()
        task = self.tasks.spawn(self._serve_call(event.id, call), found.name)
        self._calls[event.id] = _Served(call, task)

    async def _serve_call(self, call_id: int, call: IncomingCall) -> None:
        try:
            body = encode_body(await self._dispatcher.on_call(call))
            while call_id in self._calls and not self.connection.takes_events:
                await self._room.wait()
            if call_id in self._calls:
                self.connection.reply(call_id, body)
                self.link.schedule_flush()
        except LanherdError as problem:
            self._fail(call_id, problem.failure)
        except Exception:
            _LOG.exception("serving %s failed", call.method.name)
            self._fail(call_id, _INTERNAL)
        finally:
            self._calls.pop(call_id, None)

    def _fail(self, call_id: int, failure: Failure) -> None:
        # One that was cancelled has its answer already.
        if self.connection.is_open_call(call_id):
            self.connection.fail(call_id, failure)
            self.link.schedule_flush()

    def _on_bulk(self, event: e.BulkReceived | e.BulkEnded) -> None:
        served = self._calls.get(event.id)
        if served is None or not isinstance(served.what, IncomingCall):
            return
        if isinstance(event, e.BulkReceived):
            served.what.queue.put(event.data)
        else:
            served.what.queue.end()

    def _on_cancelled(self, call_id: int) -> None:
        served = self._calls.pop(call_id, None)
        if served is not None:
            served.task.cancel()
        self._fail(call_id, _CANCELLED)
        self._room.wake()

    def _on_subscribe(self, event: e.SubscribeReceived) -> None:
        found = authorise_feed(event.feed, self.caller.role)
        if isinstance(found, Failure):
            self.end_feed(event.id, found)
            return
        try:
            params = decode_body(found.params, event.params)
        except LanherdError as problem:
            self.end_feed(event.id, problem.failure)
            return
        subscription = IncomingSubscription(self, event.id, found, params, event.since)
        task = self.tasks.spawn(self._serve_feed(event.id, subscription), found.name)
        self._feeds[event.id] = _Served(subscription, task)

    async def _serve_feed(self, feed_id: int, subscription: IncomingSubscription) -> None:
        try:
            await self._dispatcher.on_subscribe(subscription)
        except LanherdError as problem:
            self.end_feed(feed_id, problem.failure)
        except Exception:
            _LOG.exception("serving feed %s failed", subscription.feed.name)
            self.end_feed(feed_id, _INTERNAL)

    def _forget_feed(self, feed_id: int) -> None:
        served = self._feeds.pop(feed_id, None)
        if served is None or not isinstance(served.what, IncomingSubscription):
            return
        self.backlogged.discard(served.what)
        served.what.mark_closed()
        if served.task is not asyncio.current_task():
            served.task.cancel()

    def _on_closed(self, event: e.Closed) -> None:
        for feed_id in list(self._feeds):
            self._forget_feed(feed_id)
        # What was sent before the cable was cut has been paid for: a push that goes on later needs
        # not send it again. A caller that we sent away ourselves gets no more done.
        spared = self._cut_uploads(event.failure) if event.by_remote else set()
        self._calls.clear()
        self.tasks.cancel(spared)
        self._room.wake()
        self._watcher.on_closed(self, event.failure, event.by_remote)

    def _cut_uploads(self, failure: Failure | None) -> set[asyncio.Task[None]]:
        """Ends the uploads after what has arrived of them; the tasks that still read it."""
        reading: set[asyncio.Task[None]] = set()
        for served in self._calls.values():
            if isinstance(served.what, IncomingCall) and served.what.method.upload:
                served.what.queue.cut(from_failure(failure or CLOSED))
                reading.add(served.task)
        return reading


class ServingWatcher(Protocol):
    """What a connection tells the listener that took it."""

    def on_hello(self, serving: Serving, hello: Hello) -> None: ...

    def on_refused(
        self, serving: Serving, problem: LanherdError | SSLError | OSError | None
    ) -> None: ...

    def on_unknown_frame(self, serving: Serving) -> None: ...

    def on_closed(self, serving: Serving, failure: Failure | None, by_remote: bool) -> None: ...


def _bug(message: str) -> LanherdError:
    return error(
        ErrorCode.INTERNAL, "The agent used a connection wrongly.", message, "Please report this."
    )


_CANCELLED = Failure(code=ErrorCode.CANCELLED, title="The caller cancelled it.")
_INTERNAL = Failure(
    code=ErrorCode.INTERNAL,
    title="The agent failed over this request.",
    message="It met an error that it didn't expect; its log has the details.",
    remedy="Please report this with the agent's log.",
)
