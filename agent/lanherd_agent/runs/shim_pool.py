"""The launcher's shims: forked, or used again.

A forked Python costs three times what the command's own start does (copied pages, and their end),
so a shim whose attempt is wholly over waits on a pipe of its own for the next one. The pool closes
the pipes of those that are too many or wait too long, and the end of the launcher closes them all:
a shim without one ends after its attempt.

In a burst, a start waits a while for a shim that is likely to be free soon (most short commands
end within it), rather than add one more fork to those that fight for the processor already. How
long is learnt from the attempts: on a busy machine short commands take longer, and it is the forks
that make it busier yet; behind long commands it is of no use to wait.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    # The attempt's directory, the channel (-1: it serves no other attempt), what to close.
    RunShim = Callable[[str, int, list[int]], NoReturn]

IDLE_MAX = 8
IDLE_S_MAX = 10.0
YOUNG_MAX = 4  # attempts that began so lately that their shims may be free soon
WAIT_S, WAIT_S_MAX = 0.01, 0.05
WAIT_FACTOR = 2.0  # of what an attempt takes
LEARNT = 0.125  # from each attempt
CHANNELS_MAX = 256  # one descriptor each; the shims of more attempts at once serve one only


class ShimPool:
    def __init__(self, run_shim: RunShim, idle_s: float) -> None:
        self.run_shim, self.idle_s = run_shim, min(idle_s, IDLE_S_MAX)
        self.channels: dict[int, int] = {}  # by pid, of each shim that can be used again
        self.idle: dict[int, float] = {}  # since when, by pid; the last has the warmest caches
        self.busy: dict[int, float] = {}  # since when, by pid; the last one since the latest
        self.wait_s = WAIT_S

    def room_at(self) -> float:
        """When the next attempt may be placed; 0.0 if at once."""
        if self.idle or len(self.busy) < YOUNG_MAX:
            return 0.0
        latest = reversed(self.busy.values())
        at = [next(latest) for _ in range(YOUNG_MAX)][-1] + self.wait_s
        return at if at > time.monotonic() else 0.0

    def place(self, directory: str, own_fds: Callable[[], list[int]]) -> tuple[int, bool]:
        """The pid of the shim that serves this attempt, and whether that was forked for it."""
        used = self.hand_over(directory)
        pid = used or self.fork(directory, own_fds())
        self.busy[pid] = time.monotonic()
        return pid, used is None

    def hand_over(self, directory: str) -> int | None:
        """The pid of the idle shim that serves this attempt from now on, if there is one."""
        data = os.fsencode(directory)
        while self.idle:
            pid, _ = self.idle.popitem()
            try:
                os.write(self.channels[pid], data)
            except BrokenPipeError:
                self.close(pid)  # it was killed; the launcher reaps it in this turn
            else:
                return pid
        return None

    def fork(self, directory: str, to_close: list[int]) -> int:
        if len(self.busy) >= YOUNG_MAX:
            self.learn(WAIT_S)  # it waited in vain
        reading = writing = -1
        if len(self.channels) < CHANNELS_MAX:
            reading, writing = os.pipe()
            to_close = [*to_close, writing, *self.channels.values()]
        try:
            pid = os.fork()
            if pid == 0:
                self.run_shim(directory, reading, to_close)
            if writing >= 0:
                self.channels[pid] = writing
                writing = -1
            return pid
        finally:
            for fd in (reading, writing):
                if fd >= 0:
                    os.close(fd)

    def learn(self, wait_s: float) -> None:
        self.wait_s += (min(max(wait_s, WAIT_S), WAIT_S_MAX) - self.wait_s) * LEARNT

    def on_idle(self, pid: int) -> None:
        now = time.monotonic()
        took_s = now - self.busy.pop(pid, 0.0)
        if took_s <= WAIT_S_MAX:
            self.learn(took_s * WAIT_FACTOR)
        if pid in self.channels:
            self.idle[pid] = now
        if len(self.idle) > IDLE_MAX:
            self.close(next(iter(self.idle)))

    def close(self, pid: int) -> None:
        """Ends it, now if it is idle, or once it would be; one that has ended is forgotten."""
        self.idle.pop(pid, None)
        self.busy.pop(pid, None)
        channel = self.channels.pop(pid, None)
        if channel is not None:
            os.close(channel)

    def close_idle(self, *, at_once: bool) -> None:
        oldest = time.monotonic() - (0.0 if at_once else self.idle_s)
        for pid in [pid for pid, since in self.idle.items() if since <= oldest]:
            self.close(pid)

    def next_end(self) -> float | None:
        return next(iter(self.idle.values())) + self.idle_s if self.idle else None
