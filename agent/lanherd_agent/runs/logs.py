"""Logs by (attempt, offset): the file is the log, and an offset in it is its byte's address.

Following polls the file's size: one fstat per 20 ms while bytes come, slowing down to one per
200 ms while none do (5 us each, so that twenty quiet followers cost 0.1% of a core), and the end of
the attempt wakes it at once. inotify would save that, at the price of a limited number of watches
per user, which desktops and editors use up, and hence of a second way for when there is none.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.runs import rundir

CHUNK_BYTES_MAX = 256 * 1024
POLL_S_MIN = 0.02
POLL_S_MAX = 0.2


@dataclass(frozen=True)
class LogChunk:
    offset: int
    data: bytes


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


async def read(path: Path, offset: int, length: int = CHUNK_BYTES_MAX) -> LogChunk:
    """At most `length` bytes (and a chunk) from `offset`; empty at or behind the end.

    Raises rundir.RunDirError if the log is no plain file of our own.
    """
    try:
        fd = rundir.open_plain(path)
    except FileNotFoundError:
        return LogChunk(offset, b"")
    try:
        return LogChunk(offset, await _read_at(fd, offset, min(length, CHUNK_BYTES_MAX)))
    finally:
        os.close(fd)


async def follow(
    path: Path, offset: int, ended: asyncio.Event, *, chunk_bytes_max: int = CHUNK_BYTES_MAX
) -> AsyncIterator[LogChunk]:
    """Every byte from `offset`, in order and once, as it is written.

    Ends when `ended` is set (the attempt's whole process tree is gone, so nobody writes) and all
    bytes were yielded. Holds one chunk at a time: a slow reader slows only itself.
    """
    chunk_bytes = min(chunk_bytes_max, CHUNK_BYTES_MAX)
    fd = await _opened(path, ended)
    if fd is None:
        return
    try:
        delay_s = POLL_S_MIN
        while True:
            last = ended.is_set()  # before the read: what is then read is all there will be
            data = await _read_at(fd, offset, chunk_bytes)
            if data:
                yield LogChunk(offset, data)
                offset += len(data)
                delay_s = POLL_S_MIN
                if len(data) == chunk_bytes or last:
                    continue
            elif last:
                return
            await _wait(ended, delay_s)
            delay_s = min(delay_s * 1.5, POLL_S_MAX)
    finally:
        os.close(fd)


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
