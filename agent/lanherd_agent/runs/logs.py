"""Logs by (attempt, offset): the file is the log, and an offset in it is its byte's address.

A capped log has a gap: the shim writes `<log>.gap` first and then gives the bytes back to the
disk, where they read as zeros from then on. So the gap is looked at after each read, and what it
covers by then is told as a gap and never sent, also to a reader whom the gap has overtaken.

Following polls the file's size: one fstat per 20 ms while bytes come, slowing down to one per
200 ms while none do (5 us each, so that twenty quiet followers cost 0.1% of a core), and the end of
the attempt wakes it at once. inotify would save that, at the price of a limited number of watches
per user, which desktops and editors use up, and hence of a second way for when there is none.
"""

import asyncio
import errno
import math
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lanherd_agent.runs import rundir
from lanherd_protocol.limits import LOG_TIMES_MAX

CHUNK_BYTES_MAX = 256 * 1024
POLL_S_MIN = 0.02
POLL_S_MAX = 0.2
GAP_BYTES_MAX = 4096
TIMES_BYTES_MAX = 4 * 1024 * 1024
"""More than an index ever has, whose points come half as often after each 4096 of them."""
_POINT = struct.Struct("<Qd")


@dataclass(frozen=True)
class LogChunk:
    offset: int
    data: bytes


@dataclass(frozen=True)
class LogGap:
    """The bytes from `offset` up to `to` were given up."""

    offset: int
    to: int


class GapRecord(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """`<log>.gap`: what was given up, and why the cap can't be kept where it can't."""

    from_: int = 0
    to: int = 0
    problem: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.from_ <= self.to:
            raise ValueError(f"no gap goes from {self.from_} to {self.to}")

    def kept(self, offset: int, length: int) -> int:
        """How many bytes from `offset` on come before the gap, `length` at most."""
        if not self.from_ < self.to or offset >= self.to:
            return length
        return max(0, min(length, self.from_ - offset))


NO_GAP = GapRecord()


@dataclass(frozen=True)
class LogFacts:
    """A log as it is now; the fields mean what they mean in LogDescription."""

    size_bytes: int
    stored_bytes: int
    gap: GapRecord
    times: tuple[tuple[int, float], ...]


def size(path: Path) -> int:
    """Bytes of the log; 0 if there is none yet. Raises rundir.RunDirError if it is not plain."""
    try:
        fd = rundir.open_plain(path)
    except FileNotFoundError:
        return 0
    try:
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def read_gap(path: Path) -> GapRecord:
    """The gap of the log at `path`. Raises rundir.RunDirError for a record that is none."""
    gap = _gap_path(path)
    data = rundir.read_plain(gap, GAP_BYTES_MAX)
    if data is None:
        return NO_GAP
    try:
        return msgspec.json.decode(data, type=GapRecord)
    except msgspec.ValidationError as error:
        raise rundir.RunDirError(gap, rundir.Flaw.INVALID, str(error)) from error
    except msgspec.DecodeError as error:
        raise rundir.RunDirError(gap, rundir.Flaw.TORN, str(error)) from error


def describe(path: Path) -> LogFacts:
    """The log as it is now. Blocks. Raises rundir.RunDirError for what can't be trusted."""
    try:
        fd = rundir.open_plain(path)
    except FileNotFoundError:
        return LogFacts(0, 0, NO_GAP, ())
    try:
        status = os.fstat(fd)
    finally:
        os.close(fd)
    times = _read_times(path.with_name(f"{path.name}.times"), status.st_size)
    return LogFacts(status.st_size, status.st_blocks * 512, read_gap(path), times)


def _gap_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.gap")


def _read_times(path: Path, log_bytes: int) -> tuple[tuple[int, float], ...]:
    """The time index, thinned, in the order of both its columns.

    A clock that was set back makes all that follows as late as what came before: whoever looks for
    a moment then gets more than was written since, and never less.
    """
    data = rundir.read_plain(path, TIMES_BYTES_MAX) or b""
    points: list[tuple[int, float]] = []
    begin, latest = 0, -math.inf
    # The last point may be half written.
    for offset, at in _POINT.iter_unpack(data[: len(data) - len(data) % _POINT.size]):
        if math.isfinite(at) and begin <= offset <= log_bytes:
            begin, latest = offset, max(latest, at)
            points.append((offset, latest))
    if len(points) <= LOG_TIMES_MAX:
        return tuple(points)
    last = len(points) - 1
    return tuple(points[n * last // (LOG_TIMES_MAX - 1)] for n in range(LOG_TIMES_MAX))


async def read(path: Path, offset: int, length: int = CHUNK_BYTES_MAX) -> LogChunk | LogGap:
    """At most `length` bytes (and a chunk) from `offset`; empty at or behind the end.

    Raises rundir.RunDirError if the log is no plain file of our own.
    """
    try:
        fd = rundir.open_plain(path)
    except FileNotFoundError:
        return LogChunk(offset, b"")
    try:
        data = await _read_at(fd, offset, min(length, CHUNK_BYTES_MAX))
        return _without_gap(offset, data, read_gap(path))
    finally:
        os.close(fd)


async def follow(
    path: Path, offset: int, ended: asyncio.Event, *, chunk_bytes_max: int = CHUNK_BYTES_MAX
) -> AsyncIterator[LogChunk | LogGap]:
    """Every byte from `offset`, in order and once, as it is written, and gaps where they are.

    Ends when `ended` is set (the attempt's whole process tree is gone, so nobody writes) and all
    bytes were yielded. Holds one chunk at a time: a slow reader slows only itself.
    """
    chunk_bytes = min(chunk_bytes_max, CHUNK_BYTES_MAX)
    fd = await _opened(path, ended)
    if fd is None:
        return
    try:
        gaps = _GapWatch(path)
        delay_s = POLL_S_MIN
        while True:
            last = ended.is_set()  # before the read: what is then read is all there will be
            data = await _read_at(fd, offset, chunk_bytes)
            if data:
                part = _without_gap(offset, data, gaps.look())
                yield part
                delay_s = POLL_S_MIN
                if isinstance(part, LogGap):
                    offset = part.to
                    continue
                offset += len(part.data)
                if len(data) == chunk_bytes or last:
                    continue
            elif last:
                return
            await _wait(ended, delay_s)
            delay_s = min(delay_s * 1.5, POLL_S_MAX)
    finally:
        os.close(fd)


def _without_gap(offset: int, data: bytes, gap: GapRecord) -> LogChunk | LogGap:
    """`gap` was looked at after the data was read."""
    kept = gap.kept(offset, len(data))
    if data and not kept:
        return LogGap(offset, gap.to)
    return LogChunk(offset, data if kept == len(data) else data[:kept])


class _GapWatch:
    """The gap's record, read anew only when there is another one: it comes by a rename."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record = _gap_path(path)
        self._seen: tuple[int, int, int] | None = None
        self._gap = NO_GAP

    def look(self) -> GapRecord:
        try:
            status = os.lstat(self._record)
        except FileNotFoundError:
            return self._gap
        seen = status.st_ino, status.st_mtime_ns, status.st_size
        if seen != self._seen:
            self._gap = read_gap(self._path)
            self._seen = seen
        return self._gap


async def _opened(path: Path, ended: asyncio.Event) -> int | None:
    delay_s = POLL_S_MIN
    while True:
        last = ended.is_set()
        try:
            return rundir.open_plain(path)
        except FileNotFoundError:
            if last:
                return None  # it never ran: there is no log
        await _wait(ended, delay_s)
        delay_s = min(delay_s * 1.5, POLL_S_MAX)


async def _wait(ended: asyncio.Event, delay_s: float) -> None:
    try:
        async with asyncio.timeout(delay_s):
            await ended.wait()
    except TimeoutError:
        pass  # time for another look


async def _read_at(fd: int, offset: int, length: int) -> bytes:
    """From the page cache at once; what would have to wait for the disk is read in a thread."""
    buffer = bytearray(length)
    try:
        count = os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP):
            raise
        return await asyncio.to_thread(os.pread, fd, length, offset)
    return bytes(memoryview(buffer)[:count])
