"""A log of a run, read by address: through cuts, over gaps, from a moment or from its last lines.

An offset is a byte's address for ever, so whatever was cut goes on where it was. What a log's cap
has given up is told as a `LogGap`, once, and what comes after it follows.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.log_messages import DescribeLog, LogDescription, LogSource, LogStream, ReadLog
from lanherd_protocol.messages import GetRun
from lanherd_protocol.methods import LOGS_DESCRIBE, LOGS_READ, RUNS_GET
from lanherd_protocol.states import Ended, Preparing, Queued

QUIET_PAUSE_S = 1.0
TAIL_BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class LogBytes:
    """Bytes of a log; the first one's address is (`attempt`, `offset`), for ever."""

    attempt: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogGap:
    """The bytes from `offset` up to `to` were given up for the log's cap; nobody can read them."""

    attempt: int
    offset: int
    to: int


async def latest_attempt(session: Session, run: RunId) -> int:
    """The number of the run's latest attempt that was started; of its first, if none was yet.

    Raises `NotFoundError`.
    """
    view = (await session.insist(RUNS_GET, GetRun(run=run))).view
    waits = isinstance(view.state, Queued | Preparing)
    never = isinstance(view.state, Ended) and view.state.started_at is None
    return view.earlier[-1].attempt if view.earlier and (waits or never) else view.attempt


async def log_chunks(
    session: Session,
    run: RunId,
    *,
    attempt: int = 0,
    source: LogSource = "run",
    stream: LogStream = "out",
    offset: int = 0,
    length: int | None = None,
    follow: bool = False,
) -> AsyncGenerator[LogBytes | LogGap, None]:
    """The log from `offset` on: to where it ends now, or with `follow` until no more can come.

    `attempt` 0 is the latest that was started when the reading begins. `length` counts addresses,
    those in a gap too. A lost connection makes the reading slower, never different. Raises
    `NotFoundError` when the run is unknown, has no such log, or its files were removed.
    """
    attempt = attempt or await latest_attempt(session, run)
    stop = None if length is None else offset + length
    lost = None
    while stop is None or offset < stop:
        peer = await session.reconnected(lost)
        request = ReadLog(
            run=run,
            attempt=attempt,
            source=source,
            stream=stream,
            offset=offset,
            length=None if stop is None else stop - offset,
            follow=follow,
        )
        before = offset
        try:
            async with peer.download(LOGS_READ, request) as download:
                async for data in download:
                    yield LogBytes(attempt, offset, data)
                    offset += len(data)
                end = download.response
        except LanherdError as problem:
            if problem.code not in LOST_CODES:
                raise
            lost = peer
            continue
        if end.gap_to is not None and end.gap_to > offset:
            yield LogGap(attempt, offset, end.gap_to)
            offset = end.gap_to
        elif end.complete or not follow:
            return
        elif offset == before:
            await _pause(session, run)


async def _pause(session: Session, run: RunId) -> None:
    """Until the run changes, or a second has gone: nothing more is there to be read now."""
    with session.watching(run) as news:
        try:
            async with asyncio.timeout(QUIET_PAUSE_S):
                await news.wait()
        except TimeoutError:
            pass  # The log may have grown without a change of the run.


async def describe_log(
    session: Session, run: RunId, *, attempt: int = 0, stream: LogStream = "out"
) -> LogDescription:
    """The log as it is now: its size, what of it is kept, and when it grew. Raises as reading."""
    attempt = attempt or await latest_attempt(session, run)
    return await session.insist(LOGS_DESCRIBE, DescribeLog(run=run, attempt=attempt, stream=stream))


def offset_at(times: Sequence[tuple[int, float]], at: float) -> int:
    """The offset of which a time index knows that all that was written since `at` (Unix seconds)
    comes behind it; a little that is older may come too."""
    known = bisect_right(times, at, key=lambda point: point[1])
    return times[known - 1][0] if known else 0


def given_up_bytes(description: LogDescription, begin: int, end: int) -> int:
    """How many of the addresses from `begin` up to `end` nobody can read any more."""
    return max(0, min(end, description.gap_to) - max(begin, description.gap_from))


class LogsOfRun(Protocol):
    """A run, as far as its logs are read here: `lanherd_client.run.Run` is one."""

    def logs(
        self,
        offset: int = 0,
        *,
        length: int | None = None,
        attempt: int = 0,
        stream: LogStream = "out",
        follow: bool = False,
    ) -> AsyncIterator[LogBytes | LogGap]: ...

    async def describe_log(
        self, *, attempt: int = 0, stream: LogStream = "out"
    ) -> LogDescription: ...


async def line_offset_at(
    run: LogsOfRun, description: LogDescription, at: float, stream: LogStream = "out"
) -> int:
    """Where the first whole line begins of those that were written since `at`, by the index of
    that description."""
    offset = offset_at(description.times, at)
    if offset == 0:
        return 0
    # From one byte before: a line that ended there has no rest to be passed over.
    chunks = run.logs(
        offset - 1, length=TAIL_BLOCK_BYTES, attempt=description.attempt, stream=stream
    )
    async for chunk in chunks:
        if isinstance(chunk, LogGap):
            return offset
        found = chunk.data.find(b"\n")
        if found >= 0:
            return chunk.offset + found + 1
    return offset


async def tail_offset(
    run: LogsOfRun, description: LogDescription, lines: int, stream: LogStream = "out"
) -> int:
    """Where the last `lines` lines of the log begin, as it was when it was described.

    Only its end is read, backwards; what lies behind a gap is never looked for before it.
    """
    if lines <= 0:
        return description.size_bytes
    end = description.size_bytes
    left = lines
    while end > 0:
        begin = max(0, end - TAIL_BLOCK_BYTES)
        start, data = await _block(run, description.attempt, stream, begin, end)
        if end == description.size_bytes and data.endswith(b"\n"):
            left += 1  # The end of the last line begins no other.
        breaks = data.count(b"\n")
        if breaks >= left:
            return start + _after_break(data, breaks - left)
        left -= breaks
        if start > begin:
            return start
        end = begin
    return 0


async def _block(
    run: LogsOfRun, attempt: int, stream: LogStream, begin: int, end: int
) -> tuple[int, bytes]:
    """What is kept of a range behind its last gap, and where that begins."""
    start, parts = begin, list[bytes]()
    async for chunk in run.logs(begin, length=end - begin, attempt=attempt, stream=stream):
        if isinstance(chunk, LogGap):
            start, parts = min(chunk.to, end), []
        else:
            parts.append(chunk.data)
    return start, b"".join(parts)


def _after_break(data: bytes, skipped: int) -> int:
    """The place behind the line end that comes after `skipped` others."""
    at = 0
    for _ in range(skipped + 1):
        at = data.index(b"\n", at) + 1
    return at
