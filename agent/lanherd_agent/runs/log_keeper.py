"""Keeps an attempt's log within its cap, and notes when which byte was written.

The command writes to its file itself, so this only looks at the file's size now and then. Above the
cap, a hole is punched between the head and the tail, so that each byte keeps its address; what is
gone is told beforehand in `<log>.gap` ({"from", "to"}), which grows at `to` only. While the log is
written that is not synced, which would wait for all that its writer has in flight: a power cut then
may leave a hole that is not told, and reads as zeros. It is synced once the log is whole, before
the end of its attempt is told.

`<log>.times` holds records (u64 offset, f64 Unix time), little-endian: what is before the offset
was written before that time, and what is behind it after. There is at most one per second, and
only while the log grows; after every 4096 the time between two doubles.

It looks as rarely as it may: after the first second, so that short commands pay nothing; seldom
while the log is quiet and far from its cap; and near it so often that a writer of 500 MB/s is
caught within a few times SLACK_BYTES. A small cap may be passed by less, and a log that is over is
within its cap.

Stdlib only: the launcher and every shim carry this.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING or __package__:
    from lanherd_agent.runs import processes
else:
    import processes

SLACK_BYTES = 16 * 1024 * 1024
RATE_BYTES_MAX = 500e6  # per second, of the writer that is reckoned with
FIRST_S, PAUSE_S, PAUSE_S_MAX = 1.0, 1.0, 5.0
NEAR_S_MIN, NEAR_S_MAX = 0.03, 0.1  # near the cap, while it grows and while it is quiet
BACKOFF = 1.5
INDEX_S, RECORDS_PER_INTERVAL = 1.0, 4096
BLOCK = 4096
RECORD = struct.Struct("<Qd")
GAP = b'{"from": %d, "to": %d}'
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
TIMES_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
KEEP_SIZE_AND_PUNCH_HOLE = 1 | 2
FAR = 1 << 30
FULL = errno.ENOSPC, errno.EDQUOT

c_fallocate = processes.libc.fallocate64
c_fallocate.argtypes = ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64


class LogKeeper:
    """Owns `fd`, the log opened for writing; `dir_fd` stays the caller's."""

    def __init__(self, dir_fd: int, name: str, fd: int, bytes_max: int | None) -> None:
        self.dir_fd, self.name, self.fd, self.bytes_max = dir_fd, name, fd, bytes_max
        self.times_fd, self.records, self.record_at, self.recorded = -1, 0, 0.0, 0
        self.slack = SLACK_BYTES if bytes_max is None else min(SLACK_BYTES, bytes_max // 4)
        self.size, self.gap_from, self.gap_to = 0, 0, 0
        self.full = False  # the disk was, at some time
        self.punches = False  # whether the file system does is tried before the first gap
        self.pause_s = PAUSE_S
        self.next_at = time.monotonic() + FIRST_S

    def look(self, now: float) -> None:
        """An OSError (a full disk, a deleted directory) leaves it to the next look."""
        grown = 0
        try:
            size = os.fstat(self.fd).st_size
            grown, self.size = size - self.size, size
            if self.excess() > self.slack:
                self.punch()
            if size > self.recorded and now >= self.record_at:
                self.record(now)
        except OSError as error:
            self.full = self.full or error.errno in FULL
            self.next_at = now + PAUSE_S
        else:
            self.next_at = now + self.until_next(grown > 0)

    def until_next(self, grows: bool) -> float:
        self.pause_s = PAUSE_S if grows else min(self.pause_s * BACKOFF, PAUSE_S_MAX)
        if self.bytes_max is None:
            return self.pause_s
        near_s = (self.slack - self.excess()) / RATE_BYTES_MAX
        least_s = NEAR_S_MIN if grows else NEAR_S_MAX
        return min(self.pause_s, max(near_s, least_s))

    def excess(self) -> int:
        """Bytes on the disk above the cap; below 0 there is room."""
        if self.bytes_max is None:
            return -FAR
        return self.size - (self.gap_to - self.gap_from) - self.bytes_max

    def punch(self) -> None:
        assert self.bytes_max is not None
        head = self.bytes_max // 4
        start = self.gap_from or -(-head // BLOCK) * BLOCK
        done = self.gap_to or start
        end = (self.size - (self.bytes_max - head)) // BLOCK * BLOCK
        if end <= done:
            return
        if not self.punches:
            self.try_punching()
        self.write_gap(GAP % (start, end))
        self.fallocate(done, end - done)
        self.gap_from, self.gap_to = start, end

    def try_punching(self) -> None:
        """Behind the end, where it changes nothing."""
        try:
            self.fallocate(self.size + FAR, BLOCK)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
                text = "The log can't be capped: this file system punches no holes."
                self.write_gap(json.dumps({"from": 0, "to": 0, "problem": text}).encode())
                self.bytes_max = None
            raise
        self.punches = True

    def fallocate(self, offset: int, length: int) -> None:
        if c_fallocate(self.fd, KEEP_SIZE_AND_PUNCH_HOLE, offset, length) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def write_gap(self, data: bytes) -> None:
        name = f"{self.name}.gap"
        temp = f"{name}.{os.getpid()}"
        fd = os.open(temp, FLAGS, 0o600, dir_fd=self.dir_fd)
        try:
            if os.write(fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)
        os.rename(temp, name, src_dir_fd=self.dir_fd, dst_dir_fd=self.dir_fd)

    def sync_gap(self) -> None:
        try:
            fd = os.open(f"{self.name}.gap", os.O_WRONLY | os.O_NOFOLLOW, dir_fd=self.dir_fd)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError:
            return  # its directory was deleted, or the disk fails: the end's own sync says so

    def record(self, now: float) -> None:
        if self.times_fd < 0:
            name = f"{self.name}.times"
            self.times_fd = os.open(name, TIMES_FLAGS, 0o600, dir_fd=self.dir_fd)
            self.records = os.fstat(self.times_fd).st_size // RECORD.size
        data = RECORD.pack(self.size, time.time())
        if os.pwrite(self.times_fd, data, self.records * RECORD.size) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.records += 1
        self.recorded = self.size
        self.record_at = now + INDEX_S * 2 ** (self.records // RECORDS_PER_INTERVAL)

    def resume(self, gap: dict[str, object] | None) -> None:
        """After another one that kept this log was killed; `gap` is what that one has told."""
        start, end = (gap or {}).get("from"), (gap or {}).get("to")
        if isinstance(start, int) and isinstance(end, int) and 0 < start < end:
            self.gap_from, self.gap_to = start, end

    def close(self) -> None:
        """The last look: at the cap, and at the time if there was an earlier one."""
        if self.size == 0:
            self.record_at = float("inf")  # nothing of it was ever seen to grow: a short one
        self.slack = 0
        self.look(time.monotonic())
        self.full = self.full or not room_left(self.fd)
        if self.gap_to:
            self.sync_gap()
        os.close(self.fd)
        if self.times_fd >= 0:
            os.close(self.times_fd)


def room_left(fd: int) -> int:
    """Blocks of its disk that this user could still have."""
    try:
        disk = os.fstatvfs(fd)
    except OSError:
        return 1  # nobody knows
    if disk.f_blocks == 0:
        return 1  # some file systems don't count them
    return disk.f_bavail if os.geteuid() else disk.f_bfree
