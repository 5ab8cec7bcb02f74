"""What a controller iterates over: the bytes of a download, the events of a feed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from msgspec import Raw, Struct

from lanherd_protocol.aio.queues import ByteQueue, Wakeups
from lanherd_protocol.codec import decode_body, encode_body
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure
from lanherd_protocol.feeds import FeedQueue, QueuedGap
from lanherd_protocol.methods import Feed, Method

Response = TypeVar("Response", bound=Struct)
Params = TypeVar("Params", bound=Struct)
EventBody = TypeVar("EventBody", bound=Struct)


class Source(Protocol):
    """What a reader needs of its peer."""

    def open_download(
        self, method: Method[Any, Any], request: Struct, queue: ByteQueue, credit: int
    ) -> tuple[int, asyncio.Future[Raw | Failure]]: ...

    def close_download(self, call_id: int) -> None: ...

    def consumed(self, call_id: int, count: int) -> None: ...

    def open_feed(self, subscription: "Subscription[Any, Any]", feed: str, params: Raw) -> int: ...

    def close_feed(self, feed_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class FeedEvent(Generic[EventBody]):
    """Event number `seq` of a feed."""

    seq: int
    body: EventBody


@dataclass(frozen=True, slots=True)
class FeedGap:
    """Events `missed_from` to `missed_to` can't be had: fetch a snapshot."""

    missed_from: int
    missed_to: int


class Download(Generic[Response]):
    """The bytes of an answer, at the reader's pace; leaving the block early cancels the call."""

    def __init__(
        self, peer: Source, method: Method[Any, Response], request: Struct, credit_bytes: int
    ) -> None:
        self._peer = peer
        self._method = method
        self._request = request
        self._credit_bytes = credit_bytes
        self._queue = ByteQueue()
        self._call_id = 0
        self._outcome: asyncio.Future[Raw | Failure] | None = None
        self._response: Response | None = None

    @property
    def response(self) -> Response:
        """The answer, once the loop over the bytes has ended by itself."""
        if self._response is None:
            raise error(
                ErrorCode.INTERNAL,
                "The answer of a download was asked for before its end.",
                f"{self._method.name!r} still has bytes to give.",
            )
        return self._response

    async def __aenter__(self) -> Self:
        self._call_id, self._outcome = self._peer.open_download(
            self._method, self._request, self._queue, self._credit_bytes
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._peer.close_download(self._call_id)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._queue.take()
        if chunk is None:
            if self._outcome is not None and self._response is None:
                self._response = answer(self._method.response, await self._outcome)
            raise StopAsyncIteration
        self._peer.consumed(self._call_id, len(chunk))
        return chunk


class Subscription(Generic[Params, EventBody]):
    """The events of a feed. A reader that falls behind is told of a gap."""

    def __init__(
        self, peer: Source, feed: Feed[Params, EventBody], params: Params, since: int
    ) -> None:
        self.since = since
        self._peer = peer
        self._feed = feed
        self._params = params
        self._queue = FeedQueue()
        self._feed_id = 0
        self._ended = False
        self._failure: Failure | None = None
        self._wakeups = Wakeups()

    async def __aenter__(self) -> Self:
        self._feed_id = self._peer.open_feed(self, self._feed.name, encode_body(self._params))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._peer.close_feed(self._feed_id)

    def __aiter__(self) -> AsyncIterator[FeedEvent[EventBody] | FeedGap]:
        return self

    async def __anext__(self) -> FeedEvent[EventBody] | FeedGap:
        while (item := self._queue.take()) is None:
            if self._failure is not None:
                raise from_failure(self._failure)
            if self._ended:
                raise StopAsyncIteration
            await self._wakeups.wait()
        if isinstance(item, QueuedGap):
            return FeedGap(item.missed_from, item.missed_to)
        return FeedEvent(item.seq, _decode(self._feed.event, item.body))

    # --- for Peer -------------------------------------------------------------------------------

    def put(self, seq: int, body: Raw) -> None:
        self._queue.offer(seq, body)
        self._wakeups.wake()

    def put_gap(self, missed_from: int, missed_to: int) -> None:
        self._queue.offer_gap(missed_from, missed_to)
        self._wakeups.wake()

    def end(self, failure: Failure | None) -> None:
        self._ended = True
        self._failure = failure
        self._wakeups.wake()


def answer(kind: type[Response], outcome: Raw | Failure) -> Response:
    """The decoded reply, or the failure as an exception."""
    if isinstance(outcome, Failure):
        raise from_failure(outcome)
    return _decode(kind, outcome)


def _decode(kind: type[Response], body: Raw) -> Response:
    try:
        return decode_body(kind, body)
    except LanherdError as problem:
        raise error(
            ErrorCode.PROTOCOL_ERROR,
            "The machine's answer makes no sense.",
            problem.failure.message,
            problem.failure.remedy,
        ) from problem
