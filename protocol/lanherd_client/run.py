"""One run on one machine: what it does now, its log, its outputs, and its end.

All of it goes on through cuts: a lost connection makes these calls slower, never different. The
caller owns the deadline (`asyncio.timeout`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lanherd_client.fetching import PartialFile, changed_while_fetched, target_of
from lanherd_client.mirror import Input, Mirror, Refused, RunSeen
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode, LanherdError, error, from_failure
from lanherd_protocol.ids import CommandId, DeviceId, RunId, short_id
from lanherd_protocol.messages import (
    GetRun,
    ListOutputs,
    LogEnd,
    LogSource,
    OutputEnd,
    OutputList,
    OutputsChanged,
    ReadLog,
    ReadOutput,
    StopRun,
    WatchOutputs,
)
from lanherd_protocol.methods import (
    FEED_OUTPUTS,
    LOGS_READ,
    OUTPUTS_LIST,
    OUTPUTS_READ,
    RUNS_GET,
    RUNS_STOP,
)
from lanherd_protocol.states import Ended, Running, RunView, Stopping
from lanherd_protocol.values import OutputEntry

LINE_BYTES_MAX = 1024 * 1024
"""A longer line is given in pieces of this size."""
QUIET_PAUSE_S = 1.0
FETCH_TRIES = 3

End = TypeVar("End")


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes of a log; the first one's address is (`attempt`, `offset`), for ever."""

    attempt: int
    offset: int
    data: bytes


class Run:
    """A handle on a run. It costs nothing to make one; `Fleet.run_at` does."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        session: Session,
        mirror: Mirror,
        take: Callable[[Input], None],
        new_id: Callable[[], str],
    ) -> None:
        self.machine = machine
        self.id = run
        self._session = session
        self._mirror = mirror
        self._take = take
        self._new_id = new_id

    def __repr__(self) -> str:
        return f"<Run {short_id(self.id)} on {self._session.name}>"

    @property
    def machine_name(self) -> str:
        return self._session.name

    @property
    def view(self) -> RunView | None:
        """The run as it is known now, without asking; None while nothing is known of it."""
        return self._mirror.run(self.machine, self.id)

    async def refresh(self) -> RunView:
        """The run as its machine knows it. Raises `NotFoundError`."""
        answer = await self._session.insist(RUNS_GET, GetRun(run=self.id))
        self._take(RunSeen(self.machine, answer.view))
        return answer.view

    async def wait(self) -> RunView:
        """Waits until the run has ended. Raises when it is unknown or the machine refuses us."""
        return await self._until(lambda view: isinstance(view.state, Ended))

    async def wait_started(self) -> RunView:
        """Waits until the command is alive, or the run is past that."""
        return await self._until(lambda view: isinstance(view.state, Running | Stopping | Ended))

    async def _until(self, reached: Callable[[RunView], bool]) -> RunView:
        with self._session.watching(self.id) as news:
            while True:
                news.clear()
                view = self.view or await self.refresh()
                if reached(view):
                    return view
                self._raise_if_refused()
                await news.wait()

    def _raise_if_refused(self) -> None:
        link = self._session.link
        if isinstance(link, Refused):
            raise from_failure(link.failure)

    async def stop(self, grace_s: float = 10.0) -> RunView:
        """Ends the run: SIGTERM, and SIGKILL after `grace_s` seconds; one that waits is cancelled.

        Returns once the machine has taken the wish, not when the run has ended.
        """
        request = StopRun(command=CommandId(self._new_id()), run=self.id, grace_s=grace_s)
        answer = await self._session.insist(RUNS_STOP, request)
        self._take(RunSeen(self.machine, answer.view))
        return answer.view

    # --- log ---------------------------------------------------------------------------------

    async def follow(
        self, offset: int = 0, *, attempt: int = 0, source: LogSource = "run"
    ) -> AsyncIterator[LogChunk]:
        """The log from `offset` on as it is written, until no more can come.

        `attempt` 0 is the latest. A run that has not started is waited for; one that ended without
        starting has no log.
        """
        if source == "run":
            view = await self.wait_started()
            if isinstance(view.state, Ended) and view.state.started_at is None:
                return
            attempt = attempt or view.attempt
        lost: Peer | None = None
        while True:
            peer = await self._session.reconnected(lost)
            request = ReadLog(
                run=self.id, attempt=attempt, source=source, offset=offset, follow=True
            )
            before = offset
            end: LogEnd | None = None
            try:
                async with peer.download(LOGS_READ, request) as download:
                    async for data in download:
                        yield LogChunk(attempt, offset, data)
                        offset += len(data)
                    end = download.response
            except LanherdError as problem:
                if problem.code not in LOST_CODES:
                    raise
                lost = peer
            if end is not None and end.complete:
                return
            if end is not None and offset == before:
                await self._pause()

    async def _pause(self) -> None:
        """Until the run changes, or a second has gone: nothing more is there to be read now."""
        with self._session.watching(self.id) as news:
            try:
                async with asyncio.timeout(QUIET_PAUSE_S):
                    await news.wait()
            except TimeoutError:
                pass  # The log may have grown without a change of the run.

    async def lines(self, *, attempt: int = 0, source: LogSource = "run") -> AsyncIterator[str]:
        """The log's lines as they are written, without their ends; what isn't UTF-8 is replaced."""
        waiting = b""
        async for chunk in self.follow(attempt=attempt, source=source):
            *whole, waiting = (waiting + chunk.data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
            while len(waiting) > LINE_BYTES_MAX:
                yield waiting[:LINE_BYTES_MAX].decode("utf-8", "replace")
                waiting = waiting[LINE_BYTES_MAX:]
        if waiting:
            yield waiting.decode("utf-8", "replace")

    async def read_log(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        attempt: int = 0,
        source: LogSource = "run",
    ) -> LogChunk:
        """What the log holds now, from `offset` on, at most `length` bytes."""
        parts: list[bytes] = []

        async def read(peer: Peer) -> LogEnd:
            done = sum(map(len, parts))
            rest = None if length is None else length - done
            request = ReadLog(
                run=self.id, attempt=attempt, source=source, offset=offset + done, length=rest
            )
            async with peer.download(LOGS_READ, request) as download:
                async for data in download:
                    parts.append(data)
                return download.response

        end = await self._through_cuts(read)
        return LogChunk(end.attempt, offset, b"".join(parts))

    # --- outputs -----------------------------------------------------------------------------

    async def outputs(self, attempt: int = 0) -> OutputList:
        """What the attempt has left so far; `attempt` 0 is the latest."""
        return await self._session.insist(OUTPUTS_LIST, ListOutputs(run=self.id, attempt=attempt))

    async def watch_outputs(self) -> AsyncIterator[OutputsChanged]:
        """The listing as it is now, and again after each change, until the agent ends the feed."""
        lost: Peer | None = None
        last: OutputsChanged | None = None
        while True:
            peer = await self._session.reconnected(lost)
            try:
                async with peer.subscribe(FEED_OUTPUTS, WatchOutputs(run=self.id)) as feed:
                    listing = await peer.call(OUTPUTS_LIST, ListOutputs(run=self.id))
                    now = OutputsChanged(
                        attempt=listing.attempt,
                        entries=listing.entries,
                        truncated=listing.truncated,
                    )
                    if now != last:
                        yield now
                        last = now
                    async for item in feed:
                        if isinstance(item, FeedEvent) and item.body != last:
                            yield item.body
                            last = item.body
                return
            except LanherdError as problem:
                if problem.code not in LOST_CODES:
                    raise
                lost = peer

    async def read_output(
        self, path: str, offset: int = 0, length: int | None = None, *, attempt: int = 0
    ) -> bytes:
        """Bytes of an output, for a preview. Raises `NotFoundError`."""
        parts: list[bytes] = []

        async def read(peer: Peer) -> OutputEnd:
            done = sum(map(len, parts))
            rest = None if length is None else length - done
            request = ReadOutput(
                run=self.id, path=path, attempt=attempt, offset=offset + done, length=rest
            )
            async with peer.download(OUTPUTS_READ, request) as download:
                async for data in download:
                    parts.append(data)
                return download.response

        await self._through_cuts(read)
        return b"".join(parts)

    async def fetch(
        self,
        path: str,
        to: Path,
        *,
        attempt: int = 0,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Brings an output to this machine: into the folder `to`, or to that file name.

        The file appears whole. `progress` is told bytes done and bytes in all. Raises
        `NotFoundError`, `ConflictError` when the run keeps writing the file or, without
        `overwrite`, when a file of that name is there, `DISK_FULL`, and `INVALID_REQUEST` when
        something other than a plain file has that name.
        """
        target = await asyncio.to_thread(target_of, Path(to), path, overwrite)
        for _ in range(FETCH_TRIES):
            attempt, entry = await self._find_output(path, attempt)
            partial = PartialFile.beside(target, overwrite, self.id, attempt, entry)
            end = await self._fetch_into(partial, attempt, entry, progress)
            unchanged = (end.size_bytes, end.modified_at) == (entry.size_bytes, entry.modified_at)
            if unchanged and partial.size_bytes == entry.size_bytes:
                return await asyncio.to_thread(partial.finish)
            await asyncio.to_thread(partial.discard)
        raise changed_while_fetched(path)

    async def _find_output(self, path: str, attempt: int) -> tuple[int, OutputEntry]:
        listing = await self.outputs(attempt)
        for entry in listing.entries:
            if entry.path == path and entry.kind in ("file", "executable"):
                return listing.attempt, entry
        link = any(entry.path == path and entry.kind == "link" for entry in listing.entries)
        if link:
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"'{path}' is a link.",
                "Only files are fetched.",
                "Fetch the file that it points to, if it is one of the run's outputs.",
                path=path,
            )
        folder = any(
            entry.path == path or entry.path.startswith(f"{path}/") for entry in listing.entries
        )
        raise error(
            ErrorCode.NOT_FOUND,
            f"'{path}' is a folder." if folder else f"The run has no output '{path}'.",
            "Single files are fetched." if folder else "",
            f"See 'lanherd outputs {short_id(self.id)}' for its files.",
            path=path,
        )

    async def _fetch_into(
        self,
        partial: PartialFile,
        attempt: int,
        entry: OutputEntry,
        progress: Callable[[int, int], None] | None,
    ) -> OutputEnd:
        if await asyncio.to_thread(partial.open) > entry.size_bytes:
            await asyncio.to_thread(partial.restart)

        async def read(peer: Peer) -> OutputEnd:
            request = ReadOutput(
                run=self.id, path=entry.path, attempt=attempt, offset=partial.size_bytes
            )
            async with peer.download(OUTPUTS_READ, request) as download:
                async for data in download:
                    await asyncio.to_thread(partial.write, data)
                    if progress is not None:
                        progress(partial.size_bytes, entry.size_bytes)
                return download.response

        try:
            return await self._through_cuts(read)
        except BaseException:
            partial.close()
            raise

    async def _through_cuts(self, read: Callable[[Peer], Awaitable[End]]) -> End:
        lost: Peer | None = None
        while True:
            peer = await self._session.reconnected(lost)
            try:
                async with self._session.turns:
                    return await read(peer)
            except LanherdError as problem:
                if problem.code not in LOST_CODES:
                    raise
                lost = peer
