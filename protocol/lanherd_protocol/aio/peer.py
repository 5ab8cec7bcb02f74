"""The controller's end of a connection: calls, downloads, uploads and feeds to await."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from ssl import SSLError
from typing import Any, TypeVar

from msgspec import Raw, Struct

from lanherd_protocol import events as e
from lanherd_protocol.aio.link import Link
from lanherd_protocol.aio.queues import ByteQueue, Wakeups
from lanherd_protocol.aio.readers import Download, FeedEvent, FeedGap, Subscription, answer
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.aio.tls import Layer, explain
from lanherd_protocol.client_side import ClientConnection
from lanherd_protocol.codec import encode_body
from lanherd_protocol.connection import CLOSED, Connection
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure
from lanherd_protocol.limits import BULK_CHUNK_BYTES, STREAM_CREDIT_BYTES
from lanherd_protocol.messages import Hello
from lanherd_protocol.methods import Feed, Method

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)
Params = TypeVar("Params", bound=Struct)
EventBody = TypeVar("EventBody", bound=Struct)

__all__ = ["Download", "FeedEvent", "FeedGap", "Peer", "Subscription"]


class _OpenCall:
    """A call that waits for its answer; `queue` for one whose bytes are read."""

    __slots__ = ("outcome", "queue")

    def __init__(self, queue: ByteQueue | None) -> None:
        self.outcome: asyncio.Future[Raw | Failure] = asyncio.get_running_loop().create_future()
        self.queue = queue

    def finish(self, outcome: Raw | Failure) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        if self.queue is not None and isinstance(outcome, Failure):
            # What has arrived may say why, such as the log of a build that failed.
            self.queue.cut(from_failure(outcome))
        elif self.queue is not None:
            self.queue.end()


class Peer:
    """An agent, as a controller talks to it. `connect` makes one.

    Every remote failure is raised as a LanherdError. When the connection is lost, everything that
    waits gets CONNECTION_LOST at once, or the reason that the agent gave in its goodbye.
    """

    def __init__(
        self, hello: Hello, layer: Layer, address: str, check: Callable[[], None] | None = None
    ) -> None:
        """`check` looks at who the other side is and raises before anything is sent to it."""
        self.address = address
        self.remote_hello = hello
        self._hello = hello
        self._check = check
        self._link = Link(layer, self, tells_refusal=False)
        self._connection: ClientConnection | None = None
        self._calls: dict[int, _OpenCall] = {}
        self._feeds: dict[int, Subscription[Any, Any]] = {}
        self._room = Wakeups()
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[LanherdError | None] = loop.create_future()
        self._closed: asyncio.Future[Failure | None] = loop.create_future()

    # --- for everyone ---------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the connection is over; another one has to be made then."""
        return self._closed.done()

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Ask and wait for the answer; `upload` is sent along as fast as the agent takes it.

        Raises the agent's failure, CONNECTION_LOST, TOO_LARGE, OVERLOADED, or TIMED_OUT after
        `timeout_s`. Cancelling the awaiting task tells the agent so.
        """
        if timeout_s is None:
            return await self._call(method, request, upload)
        try:
            async with asyncio.timeout(timeout_s) as limit:
                return await self._call(method, request, upload)
        except TimeoutError as problem:
            if not limit.expired():
                raise
            raise error(
                ErrorCode.TIMED_OUT,
                "The machine didn't answer in time.",
                f"{method.name!r} took longer than {timeout_s:g} s.",
                "Try again; if it stays so, look at the machine's load.",
                method=method.name,
                timeout_s=timeout_s,
            ) from problem

    async def exchange(
        self, method: Method[Request, Response], request: Request, sent: bytes, answer_max: int
    ) -> tuple[bytes, Response]:
        """Ask with `sent` as the upload; the bytes of the answer's download, and the answer.

        Raises as `call`, and PROTOCOL_ERROR for more than `answer_max` bytes.
        """
        queue, got = ByteQueue(), bytearray()
        call_id, call = self._open_call(method, request, queue, STREAM_CREDIT_BYTES)
        try:
            async with TaskOwner(f"upload of call {call_id}") as tasks:
                tasks.spawn(self._send_all(call_id, _pieces(sent)), "send")
                while (piece := await queue.take()) is not None:
                    got += piece
                    if len(got) > answer_max:
                        raise from_failure(_surplus_bytes())
                    self.consumed(call_id, len(piece))
                return bytes(got), answer(method.response, await call.outcome)
        finally:
            self._drop_call(call_id)

    def download(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        credit_bytes: int = STREAM_CREDIT_BYTES,
    ) -> Download[Response]:
        """Ask for something whose answer is bytes: `async with` it and iterate.

        `credit_bytes` is how far the agent may run ahead of the reader.
        """
        return Download(self, method, request, credit_bytes)

    def subscribe(
        self, feed: Feed[Params, EventBody], params: Params, since: int = -1
    ) -> Subscription[Params, EventBody]:
        """Follow a feed from event `since` + 1 on (-1: from now): `async with` it and iterate."""
        return Subscription(self, feed, params, since)

    async def wait_closed(self) -> Failure | None:
        """Until the connection is over, and why; None when it ended with a plain goodbye."""
        return await asyncio.shield(self._closed)

    async def close(self) -> None:
        """Say goodbye and wait until the socket is closed."""
        self._link.close()
        await self._link.wait_gone()

    # --- for connect ----------------------------------------------------------------------------

    @property
    def link(self) -> Link:
        """The asyncio protocol, for the transport."""
        return self._link

    async def wait_ready(self) -> None:
        """Until the agent has said hello. Raises why it did not."""
        problem = await asyncio.shield(self._ready)
        if problem is not None:
            raise problem

    # --- for Link -------------------------------------------------------------------------------

    def open_connection(self, now: float) -> Connection:
        if self._check is not None:
            self._check()
        self._connection = ClientConnection(self._hello, now)
        return self._connection

    def on_never_open(self, problem: LanherdError | SSLError | OSError | None) -> None:
        if isinstance(problem, SSLError):
            problem = explain(problem)
        if not isinstance(problem, LanherdError):
            problem = _unreachable(str(problem or "the socket was closed"))
        self._finish(problem.failure, problem)

    def on_room(self) -> None:
        self._room.wake()

    def on_event(self, event: e.ConnectionEvent) -> None:
        match event:
            case e.ReplyReceived() | e.CallFailed() | e.BulkReceived() | e.BulkEnded():
                self._on_call_event(event)
            case e.EventReceived() | e.GapReceived() | e.FeedEnded():
                self._on_feed_event(event)
            case e.CreditReceived():
                self._room.wake()
            case e.HelloReceived():
                self.remote_hello = event.hello
                self._ready.set_result(None)
            case e.Closed():
                self._on_closed(event)
            case _:
                # Unknown frames of a newer agent: none of what we asked for depends on them.
                pass

    def _on_call_event(
        self, event: e.ReplyReceived | e.CallFailed | e.BulkReceived | e.BulkEnded
    ) -> None:
        call = self._calls.get(event.id)
        if call is None:
            return
        match event:
            case e.ReplyReceived():
                call.finish(event.body)
            case e.CallFailed():
                call.finish(event.failure)
            case e.BulkReceived():
                if call.queue is None:
                    self._drop_call(event.id)
                    call.finish(_surplus_bytes())
                else:
                    call.queue.put(event.data)
            case e.BulkEnded():
                # The reply follows, and with it the end of the queue.
                pass

    def _on_feed_event(self, event: e.EventReceived | e.GapReceived | e.FeedEnded) -> None:
        subscription = self._feeds.get(event.id)
        if subscription is None:
            return
        match event:
            case e.EventReceived():
                subscription.put(event.seq, event.body)
            case e.GapReceived():
                subscription.put_gap(event.missed_from, event.missed_to)
            case e.FeedEnded():
                del self._feeds[event.id]
                subscription.end(event.failure)

    def _on_closed(self, event: e.Closed) -> None:
        problem = None
        if not self._ready.done():
            failure = event.failure
            if failure is None or failure.code is ErrorCode.CONNECTION_LOST:
                problem = _unreachable(failure.message if failure else "It said goodbye at once.")
            else:
                problem = from_failure(failure)
        self._finish(event.failure, problem)

    def _finish(self, failure: Failure | None, problem: LanherdError | None) -> None:
        if not self._ready.done():
            self._ready.set_result(problem)
        if not self._closed.done():
            self._closed.set_result(failure)
        for call in self._calls.values():
            call.finish(failure or CLOSED)
        for subscription in self._feeds.values():
            subscription.end(failure or CLOSED)
        self._feeds.clear()
        self._room.wake()

    # --- calls ----------------------------------------------------------------------------------

    @property
    def _open(self) -> ClientConnection:
        if self._connection is None:
            raise from_failure(CLOSED)
        return self._connection

    def _open_call(
        self, method: Method[Any, Any], request: Struct, queue: ByteQueue | None, credit: int
    ) -> tuple[int, _OpenCall]:
        call_id = self._open.call(method.name, encode_body(request), credit)
        call = self._calls[call_id] = _OpenCall(queue)
        self._link.schedule_flush()
        return call_id, call

    def _drop_call(self, call_id: int) -> None:
        """Forget the call; the agent is told where it still works on it."""
        if self._calls.pop(call_id, None) is not None and not self._open.is_closed:
            self._open.cancel(call_id)
            self._link.schedule_flush()

    async def _call(
        self,
        method: Method[Request, Response],
        request: Request,
        upload: AsyncIterable[bytes] | None,
    ) -> Response:
        call_id, call = self._open_call(method, request, None, 0)
        try:
            if upload is None:
                outcome = await call.outcome
            else:
                outcome = await self._upload(call_id, call, upload)
        finally:
            self._drop_call(call_id)
        return answer(method.response, outcome)

    async def _upload(
        self, call_id: int, call: _OpenCall, upload: AsyncIterable[bytes]
    ) -> Raw | Failure:
        async with TaskOwner(f"upload of call {call_id}") as tasks:
            sender = tasks.spawn(self._send_all(call_id, upload), "send")
            waited: set[asyncio.Future[Any]] = {sender, call.outcome}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and (problem := sender.result()) is not None:
                raise problem
            return await call.outcome

    async def _send_all(self, call_id: int, upload: AsyncIterable[bytes]) -> Exception | None:
        """What the caller's iterator raised belongs to the caller, not into a log."""
        try:
            await self._send_each(call_id, upload)
        except Exception as problem:
            return problem
        return None

    async def _send_each(self, call_id: int, upload: AsyncIterable[bytes]) -> None:
        async for data in upload:
            view = memoryview(data)
            while view:
                count = min(self._open.sendable(call_id), BULK_CHUNK_BYTES, len(view))
                if count == 0:
                    await self._room.wait()
                    continue
                self._open.send_bulk(call_id, view[:count])
                self._link.schedule_flush()
                view = view[count:]
        self._open.end_bulk(call_id)
        self._link.schedule_flush()

    # --- for readers -----------------------------------------------------------

    def open_download(
        self, method: Method[Any, Any], request: Struct, queue: ByteQueue, credit: int
    ) -> tuple[int, asyncio.Future[Raw | Failure]]:
        call_id, call = self._open_call(method, request, queue, credit)
        return call_id, call.outcome

    def close_download(self, call_id: int) -> None:
        self._drop_call(call_id)

    def consumed(self, call_id: int, count: int) -> None:
        self._open.consumed(call_id, count)
        if self._open.pending_bytes:
            self._link.schedule_flush()

    def open_feed(self, subscription: Subscription[Any, Any], feed: str, params: Raw) -> int:
        feed_id = self._open.subscribe(feed, subscription.since, params)
        self._feeds[feed_id] = subscription
        self._link.schedule_flush()
        return feed_id

    def close_feed(self, feed_id: int) -> None:
        if self._feeds.pop(feed_id, None) is not None:
            self._open.unsubscribe(feed_id)
            self._link.schedule_flush()


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _surplus_bytes() -> Failure:
    return Failure(
        code=ErrorCode.PROTOCOL_ERROR,
        title="The machine's answer makes no sense.",
        message="It sent more bytes than belong to the call.",
    )


def _unreachable(message: str) -> LanherdError:
    return error(
        ErrorCode.UNREACHABLE,
        "The machine can't be reached.",
        f"The connection was closed before the agent said hello: {message}",
        "Check that the agent runs there and that this is its address and port.",
    )
