"""Bytes of a stream between the connection and whoever reads them."""

import asyncio
from collections import deque

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import STREAM_CREDIT_BYTES_MAX


class ByteQueue:
    """Chunks in order, then an end. The stream's credit bounds it, since it is given back only as
    chunks are taken; that is checked here once more.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._problem: LanherdError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > STREAM_CREDIT_BYTES_MAX:
            raise error(
                ErrorCode.INTERNAL,
                "A stream ran further ahead than its reader allowed.",
                f"{self._bytes} bytes wait.",
                "Please report this.",
            )
        self._chunks.append(chunk)
        self._wake()

    def end(self) -> None:
        """No more comes; what is there can still be read."""
        self._ended = True
        self._wake()

    def cut(self, problem: LanherdError) -> None:
        """Readers get what has arrived, and `problem` where the rest would begin."""
        if not self._ended:
            self._problem = problem
            self._wake()

    async def take(self) -> bytes | None:
        """The next chunk, or None at the end."""
        while not self._chunks:
            if self._problem is not None:
                raise self._problem
            if self._ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        chunk = self._chunks.popleft()
        self._bytes -= len(chunk)
        return chunk

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Wakeups:
    """Senders that wait for credit or room."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Until the next `wake`."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
