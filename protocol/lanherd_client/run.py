"""One run on one machine: what it does now, its logs, its outputs, and its end.

All of it goes on through cuts: a lost connection makes these calls slower, never different. The
caller owns the deadline (`asyncio.timeout`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from lanherd_client.fetching import PartialFile, changed_while_fetched, target_of
from lanherd_client.log_reading import LogBytes
from lanherd_client.run_logs import RunLogs
from lanherd_client.session import LOST_CODES
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.messages import (
    ListOutputs,
    OutputEnd,
    OutputList,
    OutputsChanged,
    ReadOutput,
    WatchOutputs,
)
from lanherd_protocol.methods import (
    FEED_OUTPUTS,
    OUTPUTS_LIST,
    OUTPUTS_READ,
)
from lanherd_protocol.values import OutputEntry

FETCH_TRIES = 3

End = TypeVar("End")


LogChunk = LogBytes
"""The same under its older name."""


class Run(RunLogs):
    """A handle on a run: what is known of it, what may be changed, its logs and its outputs. It
    costs nothing to make one; `Fleet.run_at` does."""

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
                        unlisted=listing.unlisted,
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
        `NotFoundError`, `ConflictError` when the run keeps writing the output, when the file can't
        be written or is no plain one, or when it is there without `overwrite`, `DISK_FULL`, and
        `INVALID_REQUEST` for an output that is a link or a folder.
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
            ErrorCode.INVALID_REQUEST if folder else ErrorCode.NOT_FOUND,
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
