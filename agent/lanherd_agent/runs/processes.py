"""Processes as the launcher and the shims see them: /proc, pidfds, marks and signals.

A process is told by its pid and its start time, and signalled by a pidfd, so that a pid which is
another process's by now is never hit. Whose a process is whose shim is gone, three things tell: its
session, its environment, and a mark in a limit that means nothing below the thousands of years that
it is set to. All are inherited, but a run may leave its session and clear its environment.

Stdlib only: the launcher and every shim carry this.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from collections.abc import Callable

    Table = dict[int, tuple[int, int, int]]

MARK = "LANHERD_ATTEMPT_DIR"  # in each command's environment
MARK_BIT, PID_BITS = 1 << 62, 22
HURRYING = os.SCHED_RR | os.SCHED_RESET_ON_FORK
LIMIT = b"Max realtime timeout"
STOPPING = int(signal.SIGUSR1)  # to a shim, before a stop; blocked there, hence pending
TERM, KILL = int(signal.SIGTERM), int(signal.SIGKILL)  # no enum: see `libc`
GRACE_MS_MAX = 2**31 - 1
TREE_KILL_S_MAX = 10.0
SWEEP_S = 0.02
STEP = 256  # processes, of a walk; the dead of a storm are reaped between two
SYS_PIDFD_SEND_SIGNAL, PIDFD_SIGNAL_PROCESS_GROUP = 424, 4

# `signal` with its enums touches 60 pages where this touches 5; made once, since making a ctypes
# function touches 40.
libc = ctypes.CDLL(None, use_errno=True)
c_prctl, c_sigprocmask, c_sigqueue = libc.prctl, libc.sigprocmask, libc.sigqueue
c_sigqueue.argtypes = ctypes.c_int, ctypes.c_int, ctypes.c_void_p
c_sigtimedwait, c_setrlimit = libc.sigtimedwait, libc.setrlimit
c_syscall = libc.syscall
PR_SET_CHILD_SUBREAPER, SIG_SETMASK = 36, 2
ALL_SIGNALS, NO_SIGNALS = b"\xff" * 128, bytes(128)
SI_QUEUE = -1


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


TIMEOUT = Timespec()
TIMEOUT_AT = ctypes.byref(TIMEOUT)
INFO = ctypes.create_string_buffer(128)
INFO_CODE = ctypes.c_int.from_buffer(INFO, 8)
INFO_VALUE = ctypes.c_uint64.from_buffer(INFO, 24)
RTTIME, UNLIMITED = int(resource.RLIMIT_RTTIME), 2**64 - 1
RTTIME_LIMIT = (ctypes.c_uint64 * 2)()  # soft and hard
libc.getrlimit(RTTIME, RTTIME_LIMIT)
AWAITED = sum(1 << n - 1 for n in (signal.SIGCHLD, signal.SIGTERM, STOPPING)).to_bytes(
    128, "little"
)


def become_subreaper() -> None:
    if c_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:  # not inherited by fork
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER was refused")


# Waiting


def wait_signal(timeout_s: float | None) -> int:
    """STOPPING, SIGTERM, SIGCHLD (in this order), or -1 when the time is over. All are blocked."""
    if timeout_s is None:
        return int(c_sigtimedwait(AWAITED, INFO, None))
    TIMEOUT.seconds = int(timeout_s)
    TIMEOUT.nanoseconds = int(timeout_s % 1 * 1e9)
    return int(c_sigtimedwait(AWAITED, INFO, TIMEOUT_AT))


def told_grace_s() -> float | None:
    """Which came with the STOPPING that was just waited for, if any did."""
    return INFO_VALUE.value / 1000 if INFO_CODE.value == SI_QUEUE else None


def tell_stopping(child: int, grace_s: float) -> None:
    """To a child of ours that is not reaped yet: that pid is nobody else's."""
    milliseconds = min(max(int(grace_s * 1000), 0), GRACE_MS_MAX)
    c_sigqueue(child, STOPPING, milliseconds)


def tell_stopping_to(pidfd: int, grace_s: float) -> None:
    """As above, to a shim that is another launcher's child. It may have ended."""
    info = ctypes.create_string_buffer(128)  # the agent's threads have this at once
    ctypes.c_int.from_buffer(info).value = STOPPING
    ctypes.c_int.from_buffer(info, 8).value = SI_QUEUE
    milliseconds = min(max(int(grace_s * 1000), 0), GRACE_MS_MAX)
    ctypes.c_uint64.from_buffer(info, 24).value = milliseconds
    c_syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, STOPPING, info, 0)


# Looking


def read_stat(pid: int) -> tuple[int, int, int] | None:
    """Parent, session and start time (clock ticks since boot); None once it is gone."""
    fields = read_fields(pid)
    return None if fields is None else (int(fields[1]), int(fields[3]), int(fields[19]))


def read_fields(pid: int) -> list[bytes] | None:
    """Of its /proc/PID/stat, from the state on."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            data = os.read(fd, 2048)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return data[data.rindex(b")") + 2 :].split(b" ", 20)


def lives(pid: int, started: int) -> bool:
    """Whether that very process is there, and has not ended."""
    fields = read_fields(pid) if pid > 0 else None
    return fields is not None and fields[0] != b"Z" and int(fields[19]) == started


def start_time(pid: int) -> int:
    """Of a process that can't have been reaped."""
    stat = read_stat(pid)
    if stat is None:
        raise ProcessLookupError(errno.ESRCH, f"/proc has no process {pid}")
    return stat[2]


def read_proc(pid: int, name: str) -> bytes:
    """Empty if it is gone, or another user's."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def children_now(pid: int) -> list[int]:
    """Those of its first thread, at once and hence without some of those that come and go; none
    from a kernel without CONFIG_PROC_CHILDREN."""
    return [int(child) for child in read_proc(pid, f"task/{pid}/children").split()]


def dead_child() -> int:
    """The pid of a child that has ended and was not waited for; 0 if there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found is not None else 0


def process_table(between: Callable[[], object] | None = None) -> Table:
    """Without those that have ended, but were not waited for. (One whose first thread alone has
    ended looks like that, too, but for its number of threads.) `between` is called now and then."""
    found = {}
    for number, name in enumerate(os.listdir("/proc"), 1):
        if between is not None and number % STEP == 0:
            between()
        if name.isdigit():
            fields = read_fields(int(name))
            if fields is not None and (fields[0] != b"Z" or fields[17] != b"1"):
                found[int(name)] = int(fields[1]), int(fields[3]), int(fields[19])
    return found


def descendants(roots: list[int], table: Table) -> dict[int, int]:
    """Start time, by pid, of each process below `roots`."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: dict[int, int] = {}
    todo = list(roots)
    while todo:
        below = children.get(todo.pop(), [])
        found.update((pid, table[pid][2]) for pid in below)
        todo.extend(below)
    return found


# Marks


def mark_of(shim_pid: int, shim_start_time: int) -> int:
    return MARK_BIT | shim_start_time << PID_BITS | shim_pid


def can_mark() -> bool:
    return RTTIME_LIMIT[1] == UNLIMITED


def put_mark(shim_pid: int, shim_start_time: int) -> None:
    """On this process and all that it will start: how long a realtime task may run at a stretch,
    in microseconds."""
    if can_mark():  # else the two other marks must do
        RTTIME_LIMIT[0] = mark_of(shim_pid, shim_start_time)
        c_setrlimit(RTTIME, RTTIME_LIMIT)


def read_mark(pid: int) -> int:
    _, _, after = read_proc(pid, "limits").partition(LIMIT)
    words = after.split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else 0


def of_attempt(pids: list[int], table: Table, directory: str, command: int, mark: int) -> list[int]:
    """Those that are the command, of its session, or marked as the attempt's; but those alone that
    bear no other one's mark."""
    variable = f"{MARK}={directory}".encode()
    found = []
    for pid in pids:
        its_mark = read_mark(pid)
        own = pid == command or its_mark == mark
        if not own and not its_mark & MARK_BIT:
            in_session = table[pid][1] == command
            own = in_session or variable in read_proc(pid, "environ").split(b"\0")
        if own:
            found.append(pid)
    return found


# Signals


def signal_all(processes: dict[int, int], signo: int) -> int:
    return sum(send_signal(pid, started, signo) for pid, started in processes.items())


def send_signal(pid: int, started: int, signo: int) -> bool:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        stat = read_stat(pid)
        if stat is None or stat[2] != started:
            return False  # the pid is another process's by now
        signal.pidfd_send_signal(fd, signo)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(fd)
    return True


def kill_child(pid: int) -> bool:
    """Of one that only this process can reap, and has not: that pid is nobody else's. It takes a
    tenth of send_signal's time: what forks faster than it is looked at has to be caught so."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(fd)
    return True


def kill_group(pidfd: int) -> None:
    """All at once of the process group that it leads, or led: none leaves it by a fork meanwhile.
    Nothing happens before Linux 6.9."""
    c_syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, KILL, None, PIDFD_SIGNAL_PROCESS_GROUP)


def hurry(first: bool) -> bool:
    """Before all that a storm has made; only root may. Whether it is so. What is forked meanwhile
    does not hurry."""
    policy, priority = (HURRYING, 1) if first else (os.SCHED_OTHER, 0)
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return first


def say(text: str) -> None:
    """Into the launcher's log, if its disk has room."""
    try:
        os.write(2, text.encode(errors="replace") + b"\n")
    except OSError:
        return
