"""What a shim does between a command's start and the end of all that it left.

Stdlib only: the launcher and every shim carry this.
"""

from __future__ import annotations

import os
import resource
import signal
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from typing import Any

if TYPE_CHECKING or __package__:
    from lanherd_agent.runs import cgroups, processes
    from lanherd_agent.runs.log_keeper import LogKeeper
else:
    import cgroups
    import processes

Usage = resource.struct_rusage  # imported here, once: os.wait4 would import it in each fork
REFUSED_S_MAX = 1.0  # of killing, if none that is left takes the signal
SWEEP_S_MAX = 1.0
REAPED_PER_TURN = 1024
STORM = 32  # new processes since the last look
SHUTDOWN_S_MAX = 120.0  # systemd waits for 90 s
LIMIT_SLACK_S = 5.0  # the agent carries a time limit out itself, if it is there
NEVER = float("inf")
NO_RECORD = (  # of an end: what there is to say then
    "its shim and its launcher were killed before they could record it, or the record was removed"
)


class Watch:
    """A command that runs, until it and all that it left are gone.

    What the command left is killed at once; in a stop (a shell that died of it, a training that
    saves its state), only after the grace. A time limit is the agent's to carry out; if it did not,
    this does. What forks while it is killed is caught as a child of this subreaper, the newest
    first, again and again: its parents are gone, and a walk over /proc would come late to it.
    """

    def __init__(
        self, spec: dict[str, Any], command: int, folder: str, keepers: list[LogKeeper]
    ) -> None:
        self.spec, self.command, self.folder, self.keepers = spec, command, folder, keepers
        limit_s = spec["time_limit_s"]
        self.limit_at = NEVER if limit_s is None else time.monotonic() + limit_s + LIMIT_SLACK_S
        self.ended: tuple[float, int, Usage] | None = None
        self.stopping = self.stopped = self.timed_out = self.more_to_reap = False
        self.kill_at = self.give_up_at = self.refused_at = NEVER
        self.sweep_at, self.sweep_s = 0.0, processes.SWEEP_S
        self.killed: set[int] = set()
        self.hurries = False
        self.left = 0
        self.terminated_at = -NEVER
        try:
            self.pidfd = os.pidfd_open(command)  # before it can be reaped
        except OSError:  # there are too many files open
            self.pidfd = -1

    def wait(self) -> None:
        timeout_s: float | None = self.keepers[0].next_at - time.monotonic()
        if self.limit_at < NEVER:
            timeout_s = 0.0
        while True:
            self.on_signal(processes.wait_signal(timeout_s))
            if not self.reap():
                return
            now = time.monotonic()
            for keeper in self.keepers:
                if keeper.next_at <= now:
                    keeper.look(now)
            if self.limit_at <= now and not self.stopping:
                self.on_limit(now)
            pause_s = self.kill(now) if self.kill_at <= now else NEVER
            if self.left:
                return
            timeout_s = 0.0 if self.more_to_reap else min(pause_s, self.next_time() - now)
            timeout_s = None if timeout_s == NEVER else max(0.0, timeout_s)

    def next_time(self) -> float:
        limit_at = NEVER if self.stopping else self.limit_at
        kill_at = self.kill_at if self.kill_at > time.monotonic() else NEVER
        return min(limit_at, kill_at, *(keeper.next_at for keeper in self.keepers))

    def reap(self) -> bool:
        """Whether there are any left. Not all at once: in a storm there are always more."""
        self.more_to_reap = False
        try:
            for _ in range(REAPED_PER_TURN):
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.command:
                    self.ended = time.time(), status, usage
                    if not self.stopping:
                        self.kill_at = 0.0
        except ChildProcessError:
            return False
        self.more_to_reap = True
        return True

    def on_signal(self, signo: int) -> None:
        if signo == processes.STOPPING:
            self.on_stop(processes.told_grace_s())
        elif signo == processes.TERM:
            self.terminated_at = time.monotonic()

    def close(self) -> None:
        for keeper in self.keepers:
            keeper.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
        if self.hurries:
            processes.hurry(False)

    def is_shut_down(self) -> bool:
        """Whether a signal ended it in a shutdown of the machine: nobody but who sends SIGTERM to
        all there is sends one to a shim."""
        if (
            self.stopped
            or self.timed_out
            or self.ended is None
            or not os.WIFSIGNALED(self.ended[1])
        ):
            return False
        while (signo := processes.wait_signal(0.0)) > 0:
            self.on_signal(signo)
        return time.monotonic() - self.terminated_at <= SHUTDOWN_S_MAX

    def on_stop(self, grace_s: float | None) -> None:
        if self.ended is None:
            self.stopped = True
        self.stop_within(self.spec["stop_grace_s"] if grace_s is None else grace_s)

    def stop_within(self, grace_s: float) -> None:
        self.stopping = True
        if not self.hurries:  # what it has made may leave it no processor by then
            self.hurries = processes.hurry(True)
        self.kill_at = min(self.kill_at, time.monotonic() + grace_s)

    def on_limit(self, now: float) -> None:
        self.timed_out = self.ended is None
        self.stop_within(self.spec["stop_grace_s"])
        processes.signal_all(self.tree(), self.spec["stop_signal"])

    def tree(self) -> dict[int, int]:
        inside = cgroups.members(self.folder) if self.folder else {}
        return inside | processes.descendants([os.getpid()], processes.process_table(self.reap))

    def kill(self, now: float) -> float:
        """Until when it may wait for what it has killed."""
        if self.folder and now >= self.sweep_at:
            cgroups.kill(self.folder)
        processes.kill_group(self.pidfd)
        children = processes.children_now(os.getpid())
        new = [pid for pid in reversed(children) if pid not in self.killed]
        for pid in new:
            processes.kill_child(pid)
        self.killed = set(children)
        if new:
            if len(new) > STORM and not self.hurries:
                self.hurries = processes.hurry(True)
            return 0.0  # theirs are ours in a moment
        if now < self.sweep_at:
            return self.sweep_at - now
        tree = self.tree()
        taken = processes.signal_all(tree, signal.SIGKILL)
        self.refused_at = NEVER if taken else min(self.refused_at, now)
        if self.ended is not None:
            self.give_up_at = min(self.give_up_at, now + processes.TREE_KILL_S_MAX)
            if now >= min(self.give_up_at, self.refused_at + REFUSED_S_MAX):
                self.left = len(tree)
        self.sweep_s = min(self.sweep_s * 1.2, SWEEP_S_MAX)
        self.sweep_at = now + self.sweep_s
        return self.sweep_s
