"""Reading files so that each is as it was at one moment, and hashing them.

A file's stamp (kind, size, times, inode) before and after the reading must agree, otherwise it is
read again, and after some tries it is named. Small files are read by the thread that walks: two
threads that open files only stand in each other's way. Large ones are cut into ranges that several
threads hash, which they can at the same time.
"""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from lanherd_client.projects.problems import CancelledHere, changed, refused_by_system
from lanherd_client.projects.scan_cache import Stamp
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, KIB, MIB

READ_TRIES = 3
"""After the first look at a small file, which hopes that nothing has changed since its listing."""
TOLD_BYTES_MAX = 64 * KIB
"""Files up to this are told of with their bytes."""
TOLD_FILES_MAX = 256
TOLD_TOGETHER_BYTES_MAX = 4 * MIB
RANGE_BYTES = 16 * MIB
THREADS_MAX = 4

_READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
# A fifo put in place of a file after the listing must not hold the scan up.
_READ_FLAGS |= getattr(os, "O_NONBLOCK", 0)


class Source(NamedTuple):
    """Where a blob's bytes are on this machine's disk."""

    path: str
    offset: int
    length: int


class Found(NamedTuple):
    """A blob that was read. `data` are the bytes that were hashed, for small files alone: what is
    kept of them needn't be read again."""

    blob: BlobHash
    source: Source
    data: bytes | None


OnFound = Callable[[Sequence[Found]], None]


class Content(NamedTuple):
    """A file as it was during the whole reading; `data` of small ones."""

    stamp: Stamp
    blobs: tuple[BlobHash, ...]
    data: bytes | None = None


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells a file from the same one after a change."""
    return (
        status.st_mode,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def sources_of(
    place: str, size_bytes: int, blobs: Sequence[BlobHash]
) -> Iterator[tuple[BlobHash, Source]]:
    """Where each blob of a file of this size is."""
    for index, blob in enumerate(blobs):
        offset = index * BLOB_BYTES_MAX
        yield blob, Source(place, offset, min(BLOB_BYTES_MAX, size_bytes - offset))


def read_file(place: str, stamp: Stamp, cancelled: threading.Event) -> Content | None:
    """The file, which had this stamp when it was listed; None where there is no such file any more.

    Raises PROJECT_CHANGED for one that doesn't hold still, PROJECT_UNREADABLE for one that can't be
    read.
    """
    try:
        content = _read_small(place, stamp) if stamp[2] <= TOLD_BYTES_MAX else None
        tries = 1
        while content is None and tries <= READ_TRIES:
            content = _read_once(place, cancelled)
            tries += 1
    except (_OtherKindError, FileNotFoundError, NotADirectoryError):
        return None
    except OSError as refused:
        if refused.errno == errno.ELOOP:
            return None
        raise refused_by_system(place, refused) from refused
    if content is None:
        raise changed(place)
    return content


class _OtherKindError(Exception):
    """Something else is there now, such as a folder."""


def _read_small(place: str, stamp: Stamp) -> Content | None:
    """The file in one go; None where it isn't what was listed."""
    size = stamp[2]
    descriptor = os.open(place, _READ_FLAGS)
    try:
        # One byte more than its size is asked for, to see that it grew.
        data = os.pread(descriptor, size + 1, 0)
        after = os.fstat(descriptor)
    except OSError:
        # No file, or one that can't be read: the other way of reading tells which.
        return None
    finally:
        os.close(descriptor)
    if len(data) != size or stamp_of(after) != stamp:
        return None
    return Content(stamp, (_hash(data),) if data else (), data)


def _read_once(place: str, cancelled: threading.Event) -> Content | None:
    """The file in blobs; None where it changed meanwhile."""
    descriptor = os.open(place, _READ_FLAGS)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise _OtherKindError
        blobs = _hash_range(descriptor, 0, before.st_size, cancelled)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    stamp = stamp_of(before)
    return None if blobs is None or stamp != stamp_of(after) else Content(stamp, tuple(blobs))


def _hash_range(
    descriptor: int, start: int, end: int, cancelled: threading.Event
) -> list[BlobHash] | None:
    """The hashes of the blobs from `start` to `end`; None where the file ends before."""
    blobs: list[BlobHash] = []
    for offset in range(start, end, BLOB_BYTES_MAX):
        if cancelled.is_set():
            raise CancelledHere
        wanted = min(BLOB_BYTES_MAX, end - offset)
        data = os.pread(descriptor, wanted, offset)
        while 0 < len(data) < wanted:
            more = os.pread(descriptor, wanted - len(data), offset + len(data))
            if not more:
                break
            data += more
        if len(data) != wanted:
            return None
        blobs.append(_hash(data))
    return blobs


def _hash(data: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(data).hexdigest())


class LargeFiles:
    """Large files that several threads read while the walk goes on. To be closed."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._stopped = threading.Event()
        self._threads: ThreadPoolExecutor | None = None

    def begin(self, place: str, stamp: Stamp) -> "LargeFile":
        """Begins to read a file that had this stamp when it was listed."""
        if self._threads is None:
            count = min(THREADS_MAX, os.cpu_count() or 1)
            self._threads = ThreadPoolExecutor(count, thread_name_prefix="lanherd-hash")
        size = stamp[2]
        ranges = [
            self._threads.submit(self._read_range, place, stamp, start)
            for start in range(0, size, RANGE_BYTES)
        ]
        return LargeFile(place, stamp, ranges, self._cancelled)

    def close(self) -> None:
        """Ends the reading; returns when no thread is at it any more."""
        self._stopped.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def _read_range(self, place: str, stamp: Stamp, start: int) -> list[BlobHash] | None:
        """None where the file isn't what was listed, or can't be read: asked for again by itself,
        it tells why."""
        if self._stopped.is_set():
            return None
        try:
            descriptor = os.open(place, _READ_FLAGS)
        except OSError:
            return None
        try:
            end = min(start + RANGE_BYTES, stamp[2])
            blobs = _hash_range(descriptor, start, end, self._cancelled)
            return blobs if stamp_of(os.fstat(descriptor)) == stamp else None
        except OSError:
            return None
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class LargeFile:
    """A file that is being read."""

    place: str
    stamp: Stamp
    ranges: list["Future[list[BlobHash] | None]"]
    cancelled: threading.Event

    def content(self) -> Content | None:
        """Waits for it; as `read_file`."""
        blobs: list[BlobHash] = []
        for one in self.ranges:
            part = one.result()
            if part is None:
                return read_file(self.place, self.stamp, self.cancelled)
            blobs += part
        return Content(self.stamp, tuple(blobs))
