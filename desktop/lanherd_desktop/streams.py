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
from dataclasses import dataclass

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogBytes
from lanherd_client.run import Run
from lanherd_desktop.state.log_buffer import GapKind
from lanherd_desktop.state.remote_search import MATCHES_SHOWN_MAX, SearchQuery
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.log_messages import LogMatches, LogSource
from lanherd_protocol.log_messages import LogStream as LogStreamName
from lanherd_protocol.messages import OutputsChanged

_LOG = logging.getLogger(__name__)
LOG_QUEUE_BYTES_MAX = 4 * 1024 * 1024
LOG_QUEUE_CHUNKS_MAX = 4096
LOG_BYTES_PER_TICK = 1024 * 1024
LOG_WHOLE_BYTES_MAX = 96 * 1024 * 1024
"""A log up to this is loaded whole; of a longer one its end, and other parts when asked for."""
LOG_TAIL_BYTES = 16 * 1024 * 1024


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


@dataclass(frozen=True, slots=True)
class LogPart:
    """Which part of which log. `tail_bytes`: of a log that is longer than LOG_WHOLE_BYTES_MAX only
    so much of its end; `length` None goes on as the log grows."""

    attempt: int = 0
    source: LogSource = "run"
    stream: LogStreamName = "out"
    offset: int = 0
    length: int | None = None
    tail_bytes: int | None = None


class LogStream(Stream):
    """A log from an offset on, followed until its attempt has ended."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        *,
        on_chunk: Callable[[bytes, int], None],
        on_end: Callable[[Failure | None], None],
        on_gap: Callable[[int, GapKind], None],
        part: LogPart,
    ) -> None:
        super().__init__(machine, run)
        self._on_chunk = on_chunk
        self._on_end = on_end
        self._on_gap = on_gap
        self.part = part
        self._lock = threading.Lock()
        self._items: deque[LogBytes | tuple[int, GapKind]] = deque(maxlen=LOG_QUEUE_CHUNKS_MAX)
        self._bytes = 0
        self._room: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def _fill(self, fleet: Fleet) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        part = self.part
        run = fleet.run_at(self.machine, self.run)
        offset = part.offset or await self._tail_of(run)
        if offset:
            await self._put((offset, GapKind.NOT_LOADED))
        items = run.logs(
            offset,
            length=part.length,
            attempt=part.attempt,
            source=part.source,
            stream=part.stream,
            follow=part.length is None,
        )
        async for item in items:
            await self._put(item if isinstance(item, LogBytes) else (item.to, GapKind.CAPPED))

    async def _tail_of(self, run: Run) -> int:
        """Where to begin with a log of which nobody wants to wait for all."""
        part = self.part
        if part.tail_bytes is None or part.source != "run":
            return 0
        try:
            known = await run.describe_log(attempt=part.attempt, stream=part.stream)
        except LanherdError as problem:
            if problem.code is not ErrorCode.NOT_FOUND:
                raise
            return 0  # It has not begun: it is read from its beginning when it does.
        if known.stored_bytes <= LOG_WHOLE_BYTES_MAX:
            return 0
        return known.size_bytes - part.tail_bytes

    async def _put(self, item: LogBytes | tuple[int, GapKind]) -> None:
        room = self._room
        while self._full() and room is not None:
            room.clear()
            if self._full():
                await room.wait()
        with self._lock:
            self._items.append(item)
            self._bytes += len(item.data) if isinstance(item, LogBytes) else 0

    def _full(self) -> bool:
        return self._bytes >= LOG_QUEUE_BYTES_MAX or len(self._items) >= LOG_QUEUE_CHUNKS_MAX

    def deliver(self) -> None:
        result = self._result
        given = taken = 0
        while given < LOG_BYTES_PER_TICK and not self.closed:
            with self._lock:
                if not self._items:
                    break
                item = self._items.popleft()
                self._bytes -= len(item.data) if isinstance(item, LogBytes) else 0
            taken += 1
            if isinstance(item, LogBytes):
                given += len(item.data)
                self._on_chunk(item.data, item.offset)
            else:
                self._on_gap(*item)
        if taken and self._loop is not None and self._room is not None:
            self._loop.call_soon_threadsafe(self._room.set)
        if result is not None and not self._items and not self.over:
            self.over = True
            self._on_end(result if isinstance(result, Failure) else None)


class SearchStream(Stream):
    """A search of a log on its machine: what it found and how far it is."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        *,
        query: SearchQuery,
        part: LogPart,
        on_found: Callable[[LogMatches], None],
        on_end: Callable[[Failure | None], None],
    ) -> None:
        super().__init__(machine, run)
        self._query = query
        self._part = part
        self._on_found = on_found
        self._on_end = on_end
        # At most one for each of the matches that are listed, and the latest progress.
        self._found: deque[LogMatches] = deque(maxlen=2 * MATCHES_SHOWN_MAX)
        self._progress: LogMatches | None = None

    async def _fill(self, fleet: Fleet) -> None:
        parts = fleet.run_at(self.machine, self.run).search_log(
            self._query.text,
            attempt=self._part.attempt,
            stream=self._part.stream,
            regex=self._query.regex,
            ignore_case=self._query.ignore_case,
            matches_max=MATCHES_SHOWN_MAX,
        )
        async for part in parts:
            if isinstance(part, LogMatches):
                if part.matches:
                    self._found.append(part)
                else:
                    self._progress = part

    def deliver(self) -> None:
        result = self._result
        while self._found and not self.closed:
            self._on_found(self._found.popleft())
        progress, self._progress = self._progress, None
        if progress is not None and not self.closed:
            self._on_found(progress)
        if result is not None and not self._found and not self.over:
            self.over = True
            self._on_end(result if isinstance(result, Failure) else None)


class OutputsStream(Stream):
    """The latest listing of a run's outputs; of an earlier attempt the only one."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        *,
        on_listing: Callable[[OutputsChanged], None],
        on_end: Callable[[Failure | None], None],
        attempt: int = 0,
    ) -> None:
        super().__init__(machine, run)
        self._attempt = attempt
        self._on_listing = on_listing
        self._on_end = on_end
        self._latest: deque[OutputsChanged] = deque(maxlen=1)

    async def _fill(self, fleet: Fleet) -> None:
        run = fleet.run_at(self.machine, self.run)
        if self._attempt:
            # What an earlier attempt left changes no more.
            there = await run.outputs(self._attempt)
            self._latest.append(
                OutputsChanged(
                    attempt=there.attempt,
                    entries=there.entries,
                    truncated=there.truncated,
                    unlisted=there.unlisted,
                )
            )
            return
        async for listing in run.watch_outputs():
            self._latest.append(listing)

    def deliver(self) -> None:
        result = self._result
        if self._latest and not self.closed:
            self._on_listing(self._latest.popleft())
        if result is not None and not self._latest and not self.over:
            self.over = True
            self._on_end(result if isinstance(result, Failure) else None)
