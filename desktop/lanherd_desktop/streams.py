"""What flows into the window for as long as somebody looks: a log, a listing of outputs.

Filled on the asyncio thread, delivered in the GUI thread once a tick. A log's queue is bounded:
at its bound the filling task waits for the window, and the machine keeps the bytes.
"""

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from lanherd_client.fleet import Fleet
from lanherd_client.run import LogChunk
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.messages import LogSource, OutputsChanged

_LOG = logging.getLogger(__name__)
LOG_QUEUE_BYTES_MAX = 4 * 1024 * 1024
LOG_QUEUE_CHUNKS_MAX = 4096
LOG_BYTES_PER_TICK = 1024 * 1024


def bug(problem: Exception) -> Failure:
    """What a person is told when the window's own code failed."""
    return Failure(
        code=ErrorCode.INTERNAL,
        title="A bug in Lanherd.",
        message=f"{type(problem).__name__}: {problem}",
        remedy="Copy the details and report it.",
    )


class Stream(ABC):
    """One flow into the window. `over` when nothing more is delivered."""

    def __init__(self, machine: DeviceId, run: RunId) -> None:
        self.machine = machine
        self.run = run
        self.closed = False
        self.over = False
        self._task: asyncio.Task[None] | None = None
        self._result: Failure | bool | None = None

    def close(self) -> None:
        """Nobody looks any more (GUI thread)."""
        self.closed = True
        self.over = True
        task = self._task
        if task is not None and not task.done():
            task.get_loop().call_soon_threadsafe(task.cancel)

    def begin(self, task: asyncio.Task[None]) -> None:
        """The task that fills it (asyncio thread)."""
        self._task = task
        if self.closed:
            task.cancel()

    async def fill(self, fleet: Fleet) -> None:
        """Fill until the source ends (asyncio thread)."""
        try:
            await self._fill(fleet)
        except LanherdError as problem:
            self._result = problem.failure
        except Exception as problem:
            _LOG.exception("a stream of the window failed")
            self._result = bug(problem)
        else:
            self._result = True

    @abstractmethod
    async def _fill(self, fleet: Fleet) -> None: ...

    @abstractmethod
    def deliver(self) -> None:
        """Hand over what has come (GUI thread)."""


class LogStream(Stream):
    """A log from `offset` on, followed until its attempt has ended."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        *,
        on_chunk: Callable[[bytes, int], None],
        on_end: Callable[[Failure | None], None],
        source: LogSource = "run",
        attempt: int = 0,
        offset: int = 0,
    ) -> None:
        super().__init__(machine, run)
        self._on_chunk = on_chunk
        self._on_end = on_end
        self._source: LogSource = source
        self._attempt = attempt
        self._offset = offset
        self._lock = threading.Lock()
        self._chunks: deque[LogChunk] = deque(maxlen=LOG_QUEUE_CHUNKS_MAX)
        self._bytes = 0
        self._room: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def _fill(self, fleet: Fleet) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        run = fleet.run_at(self.machine, self.run)
        chunks = run.follow(self._offset, attempt=self._attempt, source=self._source)
        async for chunk in chunks:
            while self._full():
                self._room.clear()
                if self._full():
                    await self._room.wait()
            with self._lock:
                self._chunks.append(chunk)
                self._bytes += len(chunk.data)

    def _full(self) -> bool:
        return self._bytes >= LOG_QUEUE_BYTES_MAX or len(self._chunks) >= LOG_QUEUE_CHUNKS_MAX

    def deliver(self) -> None:
        result = self._result
        given = 0
        while given < LOG_BYTES_PER_TICK and not self.closed:
            with self._lock:
                if not self._chunks:
                    break
                chunk = self._chunks.popleft()
                self._bytes -= len(chunk.data)
            given += len(chunk.data)
            self._on_chunk(chunk.data, chunk.offset)
        if given and self._loop is not None and self._room is not None:
            self._loop.call_soon_threadsafe(self._room.set)
        if result is not None and not self._chunks and not self.over:
            self.over = True
            self._on_end(result if isinstance(result, Failure) else None)


class OutputsStream(Stream):
    """The latest listing of a run's outputs."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        *,
        on_listing: Callable[[OutputsChanged], None],
        on_end: Callable[[Failure | None], None],
    ) -> None:
        super().__init__(machine, run)
        self._on_listing = on_listing
        self._on_end = on_end
        self._latest: deque[OutputsChanged] = deque(maxlen=1)

    async def _fill(self, fleet: Fleet) -> None:
        async for listing in fleet.run_at(self.machine, self.run).watch_outputs():
            self._latest.append(listing)

    def deliver(self) -> None:
        result = self._result
        if self._latest and not self.closed:
            self._on_listing(self._latest.popleft())
        if result is not None and not self._latest and not self.over:
            self.over = True
            self._on_end(result if isinstance(result, Failure) else None)
