"""Why an attempt failed: the ends of its logs, and whether the kernel killed it for memory.

That is known where its own cgroup counts such kills, or where the kernel's log can be read and
names the pid of its command. Else the kernel's counts tell that somebody was killed: one of
Lanherd's runs, where a cgroup is delegated to them, or anybody on the machine.
"""

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from lanherd_agent.core.causes import TAIL_BYTES_MAX, Failed, OutOfMemory, Tail, cause_of
from lanherd_agent.core.events import AttemptExited
from lanherd_agent.core.stops import SIGKILL
from lanherd_agent.execution.kernel_log import kills_since
from lanherd_agent.runs import cgroups
from lanherd_agent.runs.rundir import (
    AttemptDir,
    RunDirError,
    log_paths,
    open_plain,
    read_stages,
    read_start,
)
from lanherd_protocol.values import Reason

LOOK_EVERY_S = 1.0
FRESH_S = 30.0
"""A kill of longer ago was not that of an attempt which ended now."""
VMSTAT = Path("/proc/vmstat")
_COUNTER = b"oom_kill "
_STREAMS: tuple[Literal["err", "out"], ...] = ("err", "out")
"""Where stderr is split, errors are there."""

log = logging.getLogger("lanherd.executor")


def is_failure(fact: AttemptExited) -> bool:
    """Whether the command failed by itself, so that its log may say why."""
    return fact.code != 0 and fact.stage == "command" and not fact.stopped and not fact.timed_out


def find_cause(
    directory: AttemptDir,
    code: int | None,
    signal: int | None,
    *,
    secrets: Iterable[str] = (),
    oom_kills: int = 0,
    out_of_memory: bool = False,
) -> Reason | None:
    """What the attempt's logs show, without the values of secrets. Blocks; reads 64 KiB of each.

    `oom_kills`: as its own cgroup counted them. `out_of_memory`: it was killed, and the kernel
    counted a kill for memory then.
    """
    words = [word.encode() for word in secrets]
    tails = [tail for stream in _STREAMS if (tail := _tail(directory, stream, words)) is not None]
    memory: OutOfMemory = "part" if oom_kills else ""
    if out_of_memory and not oom_kills:
        memory = _memory(directory, signal)
    return cause_of(Failed(code=code, signal=signal, out_of_memory=memory), tails)


def _memory(directory: AttemptDir, signal: int | None) -> OutOfMemory:
    """Whether it was this attempt that was killed for memory, as far as that can be told."""
    counted: OutOfMemory = "machine" if memory_events() is None else "runs"
    try:
        start, stages = read_start(directory), read_stages(directory)
    except RunDirError as problem:
        log.info("whether it was killed for memory is not known: %s", problem)
        return counted
    kills = None if start is None else kills_since(start.at)
    if start is None or kills is None:
        return counted
    if start.pid in kills.pids:
        return "run"
    # A shell tells as its own what killed another, and so do stages.
    itself = signal == SIGKILL and stages is None
    return "" if itself and kills.complete else counted


def memory_events() -> Path | None:
    """The counts of the cgroup that Lanherd's runs are in, where one is delegated to them."""
    setting = os.environ.get("LANHERD_CGROUP", "")
    try:
        folder = cgroups.own_cgroup() if setting == cgroups.DELEGATED else setting
    except OSError:
        return None
    events = Path(folder, "memory.events")
    return events if setting and events.exists() else None


def _tail(
    directory: AttemptDir, stream: Literal["out", "err"], secrets: list[bytes]
) -> Tail | None:
    try:
        descriptor = open_plain(log_paths(directory, stream).log)
        with open(descriptor, "rb") as file:
            offset = max(0, os.fstat(descriptor).st_size - TAIL_BYTES_MAX)
            content = os.pread(file.fileno(), TAIL_BYTES_MAX, offset)
    except FileNotFoundError:
        return None
    except (RunDirError, OSError) as problem:
        log.warning("why an attempt failed can't be read: %s", problem)
        return None
    for word in secrets:
        # As long as they were: what is said of places in the log stays true.
        content = content.replace(word, b"*" * len(word))
    return Tail(content, offset, stream)


class KernelKills:
    """When the kernel was last seen to have killed a process for memory: one of the cgroup of
    Lanherd's runs, or anybody's where none is delegated."""

    def __init__(self, counts: Path | None = None) -> None:
        self._counts = counts or memory_events() or VMSTAT
        self._count = self._read()
        self._looked_at = time.time()
        self._rose_at = float("-inf")

    def look(self) -> None:
        """To be called now and then, so that it is known from when a kill may be."""
        if not 0 <= time.time() - self._looked_at < LOOK_EVERY_S:
            self._look()

    def since(self, at: float) -> bool:
        """Whether there was one since then, a moment ago."""
        self._look()
        return self._rose_at >= max(at, self._looked_at - FRESH_S)

    def _look(self) -> None:
        self._looked_at = time.time()
        count = self._read()
        if count > self._count:
            self._rose_at = self._looked_at
        self._count = count

    def _read(self) -> int:
        """0 where this kernel doesn't count them."""
        try:
            for line in self._counts.read_bytes().splitlines():
                if line.startswith(_COUNTER):
                    return int(line[len(_COUNTER) :])
        except (OSError, ValueError) as problem:
            log.debug("the kernel's count of kills can't be read: %s", problem)
        return 0
