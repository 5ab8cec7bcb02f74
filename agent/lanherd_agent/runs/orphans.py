"""Attempts whose shim was killed: the launcher, their commands' parent since, is a second witness.

It ends their trees, writes their exit.json, and keeps their logs. What it can't know it doesn't
guess: an exit that went with the shim, or a command that the shim may or may not have started, is
told as unknown, and never as a success.

Stdlib only: the launcher carries this.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lanherd_agent.runs import cgroups, processes, shim
    from lanherd_agent.runs.launcher_socket import Connection
    from lanherd_agent.runs.log_keeper import LogKeeper
    from lanherd_agent.runs.shim import Record
    from lanherd_agent.runs.watch import Usage

    # When (monotonic), start time, status, usage.
    Reaped = tuple[float, int, int, Usage]
    OrphanEnd = tuple[float, int | None, Usage | None, Record | None]  # at, status, ...
else:
    import cgroups
    import processes
    import shim
    from log_keeper import LogKeeper

REAPED_KEPT_S = 10.0
REAPED_MAX = 4096
QUICK_KILLS_MAX = 20
UNKNOWN = "its shim was killed, and took the command's exit with it"
UNKNOWN_START = "its shim was killed in the act of starting it: whether it ran can't be known"


class Attempt:
    def __init__(self, directory: str, cgroup_root: str) -> None:
        self.directory, self.shim_pid, self.placed = directory, 0, 0
        self.folder = cgroups.folder_of(cgroup_root, directory) if cgroup_root else ""
        self.start: Record | None = None
        self.waiting: list[tuple[Connection, Any]] = []
        self.ended = self.stopped = False
        self.kill_at: float | None = None
        self.orphan_end: OrphanEnd | None = None  # known, but the tree is not gone yet
        self.give_up_at = 0.0
        self.keepers: list[LogKeeper] = []  # of an orphan: its shim has them otherwise


class Orphans:
    def __init__(
        self, shims: dict[int, Attempt], end: Callable[[Attempt, Record | None], None]
    ) -> None:
        self.shims, self.end = shims, end
        self.by_command: dict[int, Attempt] = {}
        self.reaped: dict[int, Reaped] = {}  # by pid, of late, of those that no shim reaped
        self.unwritten: dict[str, bytes] = {}  # exit.json by directory: the disk is full
        self.retry_at = 0.0

    def __bool__(self) -> bool:
        return bool(self.by_command or self.unwritten)

    def next_time(self) -> float:
        times = [keeper.next_at for orphan in self.by_command.values() for keeper in orphan.keepers]
        if any(orphan.orphan_end is not None for orphan in self.by_command.values()):
            times.append(time.monotonic() + processes.SWEEP_S)
        if self.unwritten:
            times.append(self.retry_at)
        return min(times, default=float("inf"))

    def note(self, pid: int, started: int, status: int, usage: Usage) -> None:
        """A child has ended that is no shim."""
        now = time.monotonic()
        while self.reaped:
            oldest = next(iter(self.reaped))
            if self.reaped[oldest][0] >= now - REAPED_KEPT_S and len(self.reaped) < REAPED_MAX:
                break
            del self.reaped[oldest]
        self.reaped[pid] = now, started, status, usage

    def adopt(self, attempt: Attempt, start: Record) -> None:
        """An attempt whose shim was killed after it claimed it, and before it ended it."""
        command, since = start["pid"], start["start_time"]
        if not command:
            command, since = self.find_command(attempt, start)
        self.by_command[command or -attempt.shim_pid] = attempt
        self.keep_logs(attempt)
        stat = processes.read_stat(command) if command else None
        reaped = self.reaped.get(command)
        if reaped is not None and reaped[1] == since:
            self.on_ended(attempt, reaped[2], reaped[3], None)
        elif stat is None or (stat[0], stat[2]) != (os.getpid(), since):
            text = UNKNOWN if command else UNKNOWN_START
            self.on_ended(attempt, None, None, shim.failure("unknown", text))

    def find_command(self, attempt: Attempt, start: Record) -> tuple[int, int]:
        """Its pid and start time, if it surely is this one, which is told to start.json then."""
        if self.reaped:
            return 0, 0  # one of these may have been it: what is left is then no more than its own
        mark = processes.mark_of(start["shim_pid"], start["shim_start_time"])
        found = []
        for pid, (parent, session, since) in processes.process_table().items():
            if (parent, session) == (os.getpid(), pid) and processes.read_mark(pid) == mark:
                found.append((pid, since))
        if len(found) != 1 or processes.dead_child():
            return 0, 0
        start["pid"], start["start_time"] = found[0]
        shim.fill_start(attempt.directory, start)
        return found[0]

    def keep_logs(self, attempt: Attempt) -> None:
        try:
            attempt.keepers = shim.open_logs(attempt.directory)
        except (OSError, ValueError) as error:
            self.say(attempt.directory, f"its log is not kept: {error}")

    def on_children_ended(self) -> None:
        for pid, attempt in list(self.by_command.items()):
            if attempt.orphan_end is None and pid in self.reaped:
                _, _, status, usage = self.reaped[pid]
                self.on_ended(attempt, status, usage, None)

    def on_ended(
        self, attempt: Attempt, status: int | None, usage: Usage | None, error: Record | None
    ) -> None:
        attempt.orphan_end = time.time(), status, usage, error
        attempt.give_up_at = (attempt.kill_at or time.monotonic()) + processes.TREE_KILL_S_MAX

    def on_time(self) -> None:
        now = time.monotonic()
        for attempt in list(self.by_command.values()):
            for keeper in attempt.keepers:
                if keeper.next_at <= now:
                    keeper.look(now)
            if attempt.orphan_end is not None:
                self.sweep(attempt, attempt.orphan_end)
        if self.unwritten and self.retry_at <= now:
            self.retry_at = now + shim.RETRY_S
            for directory, record in list(self.unwritten.items()):
                self.write(directory, record)

    def tree(self, attempt: Attempt) -> dict[int, int]:
        """Start time, by pid, of each process of the attempt."""
        table = processes.process_table()
        alone = len(self.by_command) == 1 and not processes.dead_child()
        own = os.getpid()
        ours = [p for p, (parent, *_) in table.items() if parent == own and p not in self.shims]
        roots = self.marked(attempt, ours, table)
        if alone:  # one without any mark can only be its own
            roots += [pid for pid in ours if not processes.read_mark(pid) & processes.MARK_BIT]
        inside = cgroups.members(attempt.folder) if attempt.folder else {}
        found = {pid: table[pid][2] for pid in roots} | processes.descendants(roots, table)
        return inside | found

    def marked(self, attempt: Attempt, pids: list[int], table: processes.Table) -> list[int]:
        assert attempt.start is not None
        start = attempt.start
        mark = processes.mark_of(start["shim_pid"], start["shim_start_time"])
        return processes.of_attempt(pids, table, attempt.directory, start["pid"], mark)

    def kill(self, attempt: Attempt) -> int:
        """How many there were, of whom some may not have taken it."""
        if attempt.folder:
            cgroups.kill(attempt.folder)
        tree = self.tree(attempt)
        processes.signal_all(tree, signal.SIGKILL)
        assert attempt.start is not None
        mark = processes.mark_of(attempt.start["shim_pid"], attempt.start["shim_start_time"])
        seen = set(tree)
        for _ in range(QUICK_KILLS_MAX):  # what forks on and on becomes our child again and again
            new = set(processes.children_now(os.getpid())) - seen - self.shims.keys()
            if not new:
                break
            seen |= new
            for pid in new:
                if processes.read_mark(pid) == mark:
                    processes.kill_child(pid)
        return len(tree)

    def sweep(self, attempt: Attempt, ended: OrphanEnd) -> None:
        """Ends an orphan's tree, then writes its exit down."""
        now = time.monotonic()
        left = len(self.tree(attempt))
        if not processes.can_mark() and processes.dead_child():
            return  # it may be a shim: whose children these are is known after the next reap
        if left and not (attempt.kill_at and attempt.kill_at > now):
            self.kill(attempt)
        if left and now < attempt.give_up_at:
            return
        if attempt.folder:
            left = max(left, cgroups.remove(attempt.folder))
        for keeper in attempt.keepers:
            keeper.close()
        record = shim.exit_record(b"launcher", *ended, left, stopped=attempt.stopped)
        self.write(attempt.directory, record)
        self.by_command = {
            pid: other for pid, other in self.by_command.items() if other is not attempt
        }
        self.end(attempt, json.loads(record))

    def write(self, directory: str, record: bytes) -> None:
        """Later, if it can't be now; the agent hears of it in any case."""
        self.unwritten.pop(directory, None)
        try:
            dir_fd = shim.open_directory(directory)
            try:
                shim.write_exit(dir_fd, record)
            finally:
                os.close(dir_fd)
        except (FileNotFoundError, PermissionError) as error:
            self.say(directory, f"no exit.json: {error}")
        except OSError:
            self.unwritten[directory] = record
            self.retry_at = time.monotonic() + shim.RETRY_S

    def say(self, directory: str, text: str) -> None:
        print(f"{directory}: {text}", file=sys.stderr, flush=True)
