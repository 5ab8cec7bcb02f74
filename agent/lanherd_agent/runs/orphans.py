"""Attempts whose shim was killed: the launcher, their commands' parent since, is a second witness.

It carries their stops and time limits out, ends their trees, writes their exit.json, and keeps
their logs. What it can't know it doesn't guess: an exit that went with the shim, or a command that
the shim may or may not have started, is told as unknown, and never as a success.

If their launcher is dead, too, the next one is told of them. They are no children of its, so it
learns no more than that the command is gone: such an attempt is a stranger here.

Stdlib only: the launcher carries this.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lanherd_agent.runs import cgroups, processes, shim
    from lanherd_agent.runs.launcher_socket import Connection
    from lanherd_agent.runs.log_keeper import LogKeeper
    from lanherd_agent.runs.shim import Record
    from lanherd_agent.runs.watch import LIMIT_SLACK_S, NO_RECORD, Usage

    # When (monotonic), start time, status, usage.
    Reaped = tuple[float, int, int, Usage]
    OrphanEnd = tuple[float, int | None, Usage | None, Record | None]  # at, status, ...
else:
    import cgroups
    import processes
    import shim
    from watch import LIMIT_SLACK_S, NO_RECORD

REAPED_KEPT_S = 10.0
REAPED_MAX = 4096
QUICK_KILLS_MAX = 20
NEVER = float("inf")
UNKNOWN = "its shim was killed, and took the command's exit with it"
UNKNOWN_START = "its shim was killed as it started it: how far it came can't be known"


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
        # Of an orphan; its shim has these otherwise.
        self.keepers: list[LogKeeper] = []
        self.limit_at = NEVER
        self.stop_signal, self.stop_grace_s = int(signal.SIGTERM), 0.0
        self.timed_out = False
        # Of a stranger.
        self.stranger, self.pidfd = False, -1
        self.parent = 0, 0
        """Its command's, if that is a launcher of this home, which is a better witness."""
        self.known: dict[int, int] = {}


class Orphans:
    def __init__(
        self,
        shims: dict[int, Attempt],
        end: Callable[[Attempt, Record | None], None],
        poll: select.poll,
        kin: bytes,
    ) -> None:
        """`poll` is woken by the end of a stranger's command; `kin` is in the command lines of this
        home's launchers and shims."""
        self.shims, self.end, self.poll, self.kin = shims, end, poll, kin
        self.by_command: dict[int, Attempt] = {}  # by a number below 0 if the pid isn't a child's
        self.strangers = 0
        self.reaped: dict[int, Reaped] = {}  # by pid, of late, of those that no shim reaped
        self.unwritten: dict[str, bytes] = {}  # exit.json by directory: the disk is full
        self.retry_at = 0.0

    def __bool__(self) -> bool:
        return bool(self.by_command or self.unwritten)

    def next_time(self) -> float:
        times, now = [], time.monotonic()
        for orphan in self.by_command.values():
            times += [keeper.next_at for keeper in orphan.keepers]
            times.append(orphan.limit_at)
            if orphan.orphan_end is not None:
                times.append(now + processes.SWEEP_S)
            elif orphan.stranger:
                times.append(now + shim.RETRY_S)
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
        stat = processes.read_stat(command) if command else None
        self.by_command[command or -attempt.shim_pid] = attempt
        self.take_over(attempt, start)
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
        return self.fill_in(attempt, start, *found[0])

    def find_strangers(self, attempt: Attempt, start: Record) -> tuple[int, int]:
        """The eldest that leads a session, which its shim has given to the command. Should that be
        gone, it is what the command has left alive: no exit of it is ever known, so it can't be
        told as a success. Where none is found, nothing can be said of what is left."""
        attempt.start, table = start, processes.process_table()
        told = self.marked(attempt, list(table), table, -1)
        found = [(table[pid][2], pid) for pid in told if table[pid][1] == pid]
        if not found:
            return 0, 0
        since, pid = min(found)
        return self.fill_in(attempt, start, pid, since)

    def fill_in(self, attempt: Attempt, start: Record, pid: int, since: int) -> tuple[int, int]:
        start["pid"], start["start_time"] = pid, since
        shim.fill_start(attempt.directory, start)
        return pid, since

    def take_over(self, attempt: Attempt, start: Record) -> None:
        """Its logs, and its time limit."""
        try:
            spec, attempt.keepers = shim.take_over(attempt.directory)
        except (OSError, ValueError) as error:
            processes.say(f"{attempt.directory}: its log is not kept: {error}")
            return
        attempt.stop_signal, attempt.stop_grace_s = int(spec["stop_signal"]), spec["stop_grace_s"]
        if spec["time_limit_s"] is not None and start["pid"]:  # else nobody knows when it began
            began_at = start["start_time"] / os.sysconf("SC_CLK_TCK")
            ran_s = time.clock_gettime(time.CLOCK_BOOTTIME) - began_at
            left_s = spec["time_limit_s"] + LIMIT_SLACK_S - max(0.0, ran_s)
            attempt.limit_at = time.monotonic() + left_s

    def adopt_stranger(self, attempt: Attempt, start: Record) -> None:
        """One whose shim and launcher are both gone. They may have been killed before they wrote
        down which process its command is: it lives on all the same, as long as it can be found."""
        attempt.start, attempt.stranger = start, True
        command, since = start["pid"], start["start_time"]
        if not command:
            command, since = self.find_strangers(attempt, start)
        stat = processes.read_stat(command) if command else None
        if stat is not None and stat[2] == since:
            parent = processes.read_stat(stat[0])
            is_kin = self.kin in processes.read_proc(stat[0], "cmdline").split(b"\0")
            attempt.parent = stat[0], parent[2] if parent is not None and is_kin else -1
        self.tree(attempt)  # who is who is told best while the command lives
        self.strangers += 1
        self.by_command[-(1 << processes.PID_BITS) - self.strangers] = attempt
        self.take_over(attempt, start)
        try:
            if command:
                attempt.pidfd = os.pidfd_open(command)
                self.poll.register(attempt.pidfd, select.POLLIN)
        except OSError:
            pass  # it has ended, or there are too many files open: it is looked for each second

    def look_for(self, attempt: Attempt) -> None:
        """Whether a stranger's command is gone."""
        assert attempt.start is not None
        if processes.lives(attempt.start["pid"], attempt.start["start_time"]):
            return
        self.close_pidfd(attempt)
        if not processes.lives(*attempt.parent):  # else that one ends its tree and writes its exit
            text = NO_RECORD if attempt.start["pid"] else UNKNOWN_START
            self.on_ended(attempt, None, None, shim.failure("unknown", text))
        elif shim.read_start_and_end(attempt.directory)[1]:
            self.finish(attempt, None)

    def close_pidfd(self, attempt: Attempt) -> None:
        if attempt.pidfd >= 0:
            self.poll.unregister(attempt.pidfd)
            os.close(attempt.pidfd)
            attempt.pidfd = -1

    def own_fds(self) -> list[int]:
        return [orphan.pidfd for orphan in self.by_command.values() if orphan.pidfd >= 0]

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

    def look_after(self, attempt: Attempt) -> None:
        now = time.monotonic()
        for keeper in attempt.keepers:
            if keeper.next_at <= now:
                keeper.look(now)
        if attempt.limit_at <= now:
            self.on_limit(attempt, now)
        if attempt.stranger and attempt.orphan_end is None:
            self.look_for(attempt)
        if attempt.orphan_end is not None:
            self.sweep(attempt, attempt.orphan_end)

    def write_again(self) -> None:
        now = time.monotonic()
        if self.unwritten and self.retry_at <= now:
            self.retry_at = now + shim.RETRY_S
            for directory, record in list(self.unwritten.items()):
                self.write(directory, record)

    def on_limit(self, attempt: Attempt, now: float) -> None:
        """As its shim would have done."""
        attempt.limit_at = NEVER
        if attempt.orphan_end is None and not attempt.stopped:
            attempt.timed_out = True
            attempt.kill_at = min(now + attempt.stop_grace_s, attempt.kill_at or NEVER)
            processes.signal_all(self.tree(attempt), attempt.stop_signal)

    def tree(self, attempt: Attempt) -> dict[int, int]:
        """Start time, by pid, of each process of the attempt."""
        table = processes.process_table()
        if attempt.stranger:
            return self.tree_of_stranger(attempt, table)
        children = [orphan for orphan in self.by_command.values() if not orphan.stranger]
        alone = len(children) == 1 and not processes.dead_child()
        own = os.getpid()
        ours = [p for p, (parent, *_) in table.items() if parent == own and p not in self.shims]
        assert attempt.start is not None
        roots = self.marked(attempt, ours, table, attempt.start["pid"])
        if alone:  # one without any mark can only be its own
            roots += [pid for pid in ours if not processes.read_mark(pid) & processes.MARK_BIT]
        inside = cgroups.members(attempt.folder) if attempt.folder else {}
        found = {pid: table[pid][2] for pid in roots} | processes.descendants(roots, table)
        return inside | found

    def tree_of_stranger(self, attempt: Attempt, table: processes.Table) -> dict[int, int]:
        """By its marks, and what was seen to be below it before. Its session tells only as long as
        the command lives: the number may be another one's since."""
        assert attempt.start is not None
        command, since = attempt.start["pid"], attempt.start["start_time"]
        if command not in table or table[command][2] != since:
            command = -1
        roots = self.marked(attempt, list(table), table, command)
        roots += [pid for pid, at in attempt.known.items() if pid in table and table[pid][2] == at]
        inside = cgroups.members(attempt.folder) if attempt.folder else {}
        found = {pid: table[pid][2] for pid in roots} | processes.descendants(roots, table)
        attempt.known = inside | found
        return attempt.known

    def marked(
        self, attempt: Attempt, pids: list[int], table: processes.Table, command: int
    ) -> list[int]:
        assert attempt.start is not None
        mark = processes.mark_of(attempt.start["shim_pid"], attempt.start["shim_start_time"])
        return processes.of_attempt(pids, table, attempt.directory, command, mark)

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
        oom_kills = 0
        if attempt.folder:
            oom_kills = cgroups.oom_kills(attempt.folder)
            left = max(left, cgroups.remove(attempt.folder))
        keepers = [*attempt.keepers]
        self.close_logs(attempt)
        if attempt.stranger and shim.read_start_and_end(attempt.directory)[1]:
            return self.finish(attempt, None)
        record = shim.exit_record(
            b"launcher",
            *ended,
            left,
            timed_out=attempt.timed_out,
            stopped=attempt.stopped,
            oom_kills=oom_kills,
            disk_full=any(keeper.full for keeper in keepers),
        )
        self.write(attempt.directory, record)
        self.finish(attempt, json.loads(record))

    def finish(self, attempt: Attempt, exit_: Record | None) -> None:
        self.close_logs(attempt)
        self.by_command = {
            pid: other for pid, other in self.by_command.items() if other is not attempt
        }
        self.end(attempt, exit_)

    def close_logs(self, attempt: Attempt) -> None:
        for keeper in attempt.keepers:
            keeper.close()
        if attempt.keepers:
            os.close(attempt.keepers[0].dir_fd)
            attempt.keepers.clear()

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
            processes.say(f"{directory}: no exit.json: {error}")
        except OSError:
            self.unwritten[directory] = record
            self.retry_at = time.monotonic() + shim.RETRY_S
