"""A log's way into a file of this machine: continued where an earlier part of it ends.

Each byte is written at its own address, so that what is there after a cut is the log's beginning,
and the next call goes on behind it. What was given up for the log's cap is a hole in the file.
"""

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.fetching import check_free
from lanherd_client.files import blamed
from lanherd_client.log_reading import LogBytes, LogGap, LogsOfRun
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.log_messages import LogDescription, LogStream

CHECKED_BYTES = 64 * 1024
"""Of an existing part, at its beginning and at its end."""
ROOM = "Make room on this disk, then save it again: it goes on where it was."


@dataclass(frozen=True, slots=True)
class SavedLog:
    """A log in a file: `continued_at` is how much was there before, `gaps` are holes in it."""

    path: Path
    attempt: int
    size_bytes: int
    continued_at: int
    gaps: tuple[LogGap, ...]


async def save_log(
    run: LogsOfRun,
    to: Path,
    *,
    attempt: int = 0,
    stream: LogStream = "out",
    follow: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SavedLog:
    """Writes the log to the file `to`, or what it lacks of it; with `follow` as it is written.

    `progress` is told bytes done and bytes in all. Raises `ConflictError` when the file holds
    something other than the beginning of this log, can't be written or is no plain file, and
    `DISK_FULL`: what has arrived is kept then, as after any cut.
    """
    description = await run.describe_log(attempt=attempt, stream=stream)
    file = _File(to)
    try:
        begin = await asyncio.to_thread(file.open)
        await _check_part(run, file, begin, description, stream)
        offset, gaps = begin, list[LogGap]()
        chunks = run.logs(begin, attempt=description.attempt, stream=stream, follow=follow)
        async for chunk in chunks:
            if isinstance(chunk, LogGap):
                gaps.append(chunk)
                offset = chunk.to
            else:
                await asyncio.to_thread(file.write, chunk)
                offset = chunk.offset + len(chunk.data)
            if progress is not None:
                progress(offset, max(offset, description.size_bytes))
        await asyncio.to_thread(file.finish, offset)
    finally:
        file.close()
    return SavedLog(to, description.attempt, offset, begin, tuple(gaps))


async def _check_part(
    run: LogsOfRun, file: "_File", size: int, description: LogDescription, stream: LogStream
) -> None:
    """Raise CONFLICT unless what is there is the beginning of the log."""
    if size > description.size_bytes:
        raise _another(file.path, f"It has {size} bytes, the log {description.size_bytes}.")
    for begin in sorted({0, max(0, size - CHECKED_BYTES)}):
        length = min(CHECKED_BYTES, size - begin)
        chunks = run.logs(begin, length=length, attempt=description.attempt, stream=stream)
        async for chunk in chunks:
            if isinstance(chunk, LogBytes) and not await asyncio.to_thread(file.holds, chunk):
                raise _another(file.path, "What it holds is not how this log begins.")


def _another(path: Path, why: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"{path} is something else.",
        why,
        "Name another file, or remove it first.",
    )


class _File:
    """The file, written by address. Its methods block, and may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._closed = False
        # A write goes on in its thread when whoever waits for it is cancelled.
        self._lock = threading.Lock()

    def open(self) -> int:
        """How many bytes are there. Follows no link and waits for no reader of a pipe."""
        check_free(self.path, overwrite=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with self._lock, blamed(self.path, ROOM):
            if self._closed:
                raise OSError(errno.EBADF, "It was closed")
            self._descriptor = os.open(self.path, flags, 0o666)
            status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            # It was put there in the last moment.
            self.close()
            check_free(self.path, overwrite=True)
        return status.st_size

    def holds(self, chunk: LogBytes) -> bool:
        with self._held() as descriptor:
            return os.pread(descriptor, len(chunk.data), chunk.offset) == chunk.data

    def write(self, chunk: LogBytes) -> None:
        with self._held() as descriptor:
            view, at = memoryview(chunk.data), chunk.offset
            while view:
                count = os.pwrite(descriptor, view, at)
                view, at = view[count:], at + count

    def finish(self, size: int) -> None:
        """On the disk, and as long as the log even if that ends in a gap."""
        with self._held() as descriptor:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    @contextmanager
    def _held(self) -> Iterator[int]:
        with self._lock, blamed(self.path, ROOM):
            if self._descriptor is None:
                raise OSError(errno.EBADF, "It was closed")
            yield self._descriptor
