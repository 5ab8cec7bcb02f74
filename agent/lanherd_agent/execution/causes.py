"""Why an attempt failed: the ends of its logs, and whether the kernel was killing for memory."""

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from lanherd_agent.core.causes import TAIL_BYTES_MAX, Failed, Tail, cause_of
from lanherd_agent.core.events import AttemptExited
from lanherd_agent.runs.rundir import AttemptDir, RunDirError, log_paths, open_plain
from lanherd_protocol.values import Reason

LOOK_EVERY_S = 1.0
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
    out_of_memory: bool = False,
) -> Reason | None:
    """What the attempt's logs show, without the values of secrets. Blocks; reads 64 KiB of each."""
    words = [word.encode() for word in secrets]
    tails = [tail for stream in _STREAMS if (tail := _tail(directory, stream, words)) is not None]
    return cause_of(Failed(code=code, signal=signal, out_of_memory=out_of_memory), tails)


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
    """When the kernel was last seen to have killed a process for memory, whoever's it was."""

    def __init__(self, vmstat: Path = VMSTAT) -> None:
        self._vmstat = vmstat
        self._count = self._read()
        self._looked_at = time.time()
        self._rose_at = float("-inf")

    def look(self) -> None:
        """To be called now and then, so that it is known from when a kill may be."""
        if not 0 <= time.time() - self._looked_at < LOOK_EVERY_S:
            self._look()

    def since(self, at: float) -> bool:
        """Whether there was one since then."""
        self._look()
        return self._rose_at >= at

    def _look(self) -> None:
        self._looked_at = time.time()
        count = self._read()
        if count > self._count:
            self._rose_at = self._looked_at
        self._count = count

    def _read(self) -> int:
        """0 where this kernel doesn't count them."""
        try:
            for line in self._vmstat.read_bytes().splitlines():
                if line.startswith(_COUNTER):
                    return int(line[len(_COUNTER) :])
        except (OSError, ValueError) as problem:
            log.debug("the kernel's count of kills can't be read: %s", problem)
        return 0
