"""Whom the kernel killed for memory, as its log tells it.

Not everybody may read the log: many systems keep it to root. It names processes as the first
namespace of pids does, so an agent in another one can't tell its own among them.
"""

import errno
import os
import re
import time
from pathlib import Path

from msgspec import Struct

KMSG = Path("/dev/kmsg")
NAMESPACE = Path("/proc/self/ns/pid")
FIRST_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO of the kernel."""
RECORD_BYTES_MAX = 8192
RECORDS_MAX = 200_000
SLACK_S = 2.0
"""The log's clock is not quite the monotonic one."""
KERNEL_PRIORITY_MAX = 7
"""Above it are lines that programs have written into the log."""

_RECORD = re.compile(rb"^(\d{1,6}),(\d{1,20}),(\d{1,20}),[^;\n]*;(.*)$", re.MULTILINE)
_KILLED = re.compile(rb"Killed process (\d{1,10}) |^oom-kill:.*,pid=(\d{1,10}),")


class Kills(Struct, frozen=True):
    """The pids that were killed for memory. `complete`: nothing of that time is missing."""

    pids: frozenset[int]
    complete: bool


def kills_since(at: float, kmsg: Path = KMSG, namespace: Path = NAMESPACE) -> Kills | None:
    """Those since a Unix time; None where the log can't be read, or names others' pids. Blocks."""
    try:
        if os.stat(namespace).st_ino != FIRST_NAMESPACE:
            return None
        records, whole = _read(kmsg)
    except OSError:
        return None
    # The log counts from the machine's start, by a clock that nobody sets.
    since_us = (time.monotonic() - (time.time() - at) - SLACK_S) * 1e6
    return find_kills(records, since_us, whole=whole)


def find_kills(records: bytes, since_us: float, *, whole: bool = True) -> Kills:
    """`whole`: no record got lost while they were read."""
    pids: set[int] = set()
    complete = None
    for record in _RECORD.finditer(records):
        priority, number, at_us, text = record.groups()
        if complete is None:
            complete = whole and (int(number) == 0 or int(at_us) <= since_us)
        if int(priority) > KERNEL_PRIORITY_MAX or int(at_us) < since_us:
            continue
        killed = _KILLED.search(text)
        if killed is not None:
            pids.add(int(killed[1] or killed[2]))
    return Kills(frozenset(pids), complete or False)


def _read(kmsg: Path) -> tuple[bytes, bool]:
    """All records that are there, and whether none was overwritten meanwhile."""
    found: list[bytes] = []
    whole = True
    descriptor = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while len(found) < RECORDS_MAX:
            try:
                record = os.read(descriptor, RECORD_BYTES_MAX)
            except BlockingIOError:
                break
            except OSError as problem:
                if problem.errno != errno.EPIPE:
                    raise
                whole = False
                continue
            if not record:
                break
            found.append(record)
    finally:
        os.close(descriptor)
    return b"".join(found), whole and len(found) < RECORDS_MAX
