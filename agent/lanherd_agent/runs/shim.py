"""A shim: the parent of an attempt's command, forked (never exec'ed) by the launcher.

The run directory is the protocol:

    start.json  claimed by O_EXCL and fsynced before the command may run. So: one claim = one start,
                and no or a torn start.json = the command never ran. The command's pid is filled in
                as soon as there is one (0 until then).
    exit.json   temp + fsync + rename, after the run's whole process tree is gone.

The directory itself is not fsynced. ext4, xfs and btrfs keep a new file's entry by the file's own
fsync, and without the directory's parents, which nobody syncs, more would prove nothing. A power
cut may undo the rename of exit.json: then the boot id tells that the attempt is over, and the
agent's database, which is synced, knows the outcome that was told.

A shim serves one attempt at a time. When that is wholly over, it waits for the launcher's next one
(shim_pool.py), and takes nothing along but its pid.

The shim is a child subreaper: no descendant can leave its tree, so that "no children left" proves
that the tree is gone. Signals go by pidfd, with a check of the start time.

Stdlib only, and little of that: every shim and the launcher share these pages, and each page that
a fork writes to (a mere reference to an object does) is copied, at 3 us each.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import json
import os
import resource
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Record = dict[str, Any]
    Table = dict[int, tuple[int, int, int]]

# Formatting touches a third of the pages that json.dumps does.
START = (  # of one length with and without the command's pid, since that comes by one overwrite
    b'{"boot_id": "%b", "pid": %10d, "start_time": %20d,'
    b' "shim_pid": %d, "shim_start_time": %d, "at": %.6f}'
)
EXIT = (
    b'{"code": %b, "signal": %b, "at": %.6f, "error": %b, "rusage": %b, "left": %d,'
    b' "witness": "%b"}'
)
START_INTEGERS = ("pid", "start_time", "shim_pid", "shim_start_time")
BOOT_ID_CHARS = 36
RUSAGE = b'{"user_s": %.6f, "system_s": %.6f, "rss_max_bytes": %d}'

Usage = resource.struct_rusage  # imported here, once: os.wait4 would import it in each fork
RECORD_BYTES_MAX = 4 * 1024 * 1024
TEXT_CHARS_MAX = 400  # a shim's news stays below PIPE_BUF, so that its write is atomic
TREE_KILL_S_MAX = 10.0
RETRY_S = 1.0
SWEEP_S = 0.02
ATTEMPTS_MAX = 500  # per shim: there is no garbage collection here
CHANNEL_BYTES_MAX = 8192
UMASK = 0o077
MARK = "LANHERD_ATTEMPT_DIR"  # in each command's environment: tells whose child an orphan is
STOPPING = signal.SIGUSR1  # from the launcher, before a stop; blocked here, hence pending
LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
CLAIM_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
EXIT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
ACTIONS = (os.POSIX_SPAWN_DUP2, 1), (os.POSIX_SPAWN_DUP2, 2)

# What the command must get back: what Python or an ancestor ignores, and the launcher handles.
IGNORED = [int(n) for n in range(1, signal.NSIG) if signal.getsignal(n) is signal.SIG_IGN]
TO_RESET = [*IGNORED, *map(int, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD))]

# `signal` with its enums touches 60 pages where this touches 5; made once, since making a ctypes
# function touches 40.
libc = ctypes.CDLL(None, use_errno=True)
c_prctl, c_sigprocmask = libc.prctl, libc.sigprocmask
PR_SET_CHILD_SUBREAPER, SIG_SETMASK = 36, 2
ALL_SIGNALS = b"\xff" * 128


def become_subreaper() -> None:
    if c_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:  # not inherited by fork
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER was refused")


def failure(kind: str, cause: BaseException | str) -> Record:
    number, text = getattr(cause, "errno", None) or 0, (str(cause) or repr(cause))[:TEXT_CHARS_MAX]
    return {"kind": kind, "errno": number, "text": text}


# Processes


def read_stat(pid: int) -> tuple[int, int, int] | None:
    """Parent, session and start time (clock ticks since boot); None once it is gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            data = os.read(fd, 2048)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = data[data.rindex(b")") + 2 :].split(b" ", 20)
    return int(fields[1]), int(fields[3]), int(fields[19])


def read_environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []  # it is gone, or another user's


def start_time(pid: int) -> int:
    """Of a process that can't have been reaped."""
    stat = read_stat(pid)
    if stat is None:
        raise ProcessLookupError(errno.ESRCH, f"/proc has no process {pid}")
    return stat[2]


def dead_child_waits() -> bool:
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def process_table() -> Table:
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {pid: stat for pid in pids if (stat := read_stat(pid)) is not None}


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


def children(table: Table) -> list[int]:
    return [pid for pid, (parent, _, _) in table.items() if parent == os.getpid()]


def of_attempt(pids: list[int], table: Table, directory: str, command: int) -> list[int]:
    """Those that are the command, of its session, or marked by their environment."""
    mark = f"{MARK}={directory}".encode()
    own = (pid for pid in pids if command in (pid, table[pid][1]))
    return list({*own, *(pid for pid in pids if mark in read_environment(pid))})


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


# The run directory


def open_directory(path: str) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise PermissionError(errno.EPERM, "the run directory belongs to another user")
    return fd


def read_record(dir_fd: int, name: str) -> Record | None:
    """None if the file is missing, torn, or holds no object."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
        try:
            size = min(os.fstat(fd).st_size, RECORD_BYTES_MAX)
            record = json.loads(os.read(fd, size).decode())
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def read_start(dir_fd: int) -> Record | None:
    """None if it is missing, torn, or not as a shim writes it: the run itself can write here."""
    record = read_record(dir_fd, "start.json") or {}
    start = {name: record.get(name) for name in (*START_INTEGERS, "boot_id", "at")}
    integers = all(type(start[name]) is int for name in START_INTEGERS)
    boot_id, at = start["boot_id"], start["at"]
    usual = isinstance(boot_id, str) and len(boot_id) <= BOOT_ID_CHARS and isinstance(at, float)
    return start if integers and usual else None


def read_start_and_end(directory: str) -> tuple[Record | None, bool]:
    """start.json, and whether there is an exit.json."""
    try:
        dir_fd = open_directory(directory)
    except OSError:
        return None, False
    found = read_start(dir_fd), read_record(dir_fd, "exit.json") is not None
    os.close(dir_fd)
    return found


def write_all(fd: int, data: bytes) -> None:
    if os.pwrite(fd, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(fd)


def write_exit(dir_fd: int, record: bytes) -> None:
    name = f"exit.json.{os.getpid()}"
    fd = os.open(name, EXIT_FLAGS, 0o600, dir_fd=dir_fd)
    try:
        write_all(fd, record)
    finally:
        os.close(fd)
    os.rename(name, "exit.json", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def exit_record(
    witness: bytes,
    at: float,
    status: int | None,
    usage: Usage | None,
    error: Record | None,
    left: int = 0,
) -> bytes:
    """`left` counts the processes of the tree that could not be killed."""
    code = signo = rusage = b"null"
    if status is not None and os.WIFSIGNALED(status):
        signo = b"%d" % os.WTERMSIG(status)
    elif status is not None:
        code = b"%d" % os.WEXITSTATUS(status)
    if usage is not None:
        rusage = RUSAGE % (usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)
    text = b"null" if error is None else json.dumps(error).encode()
    return EXIT % (code, signo, at, text, rusage, left, witness)


def read_spec(dir_fd: int) -> Record:
    spec = read_record(dir_fd, "spec.json")
    if spec is None:
        raise ValueError("spec.json is missing, torn or not an object")
    argv, env = spec.get("argv"), spec.get("env")
    if not argv or not isinstance(argv, list) or not isinstance(env, dict):
        raise ValueError("spec.json needs argv (a list that is not empty) and env (an object)")
    for text in (*argv, *env, *env.values(), spec.get("cwd"), spec.setdefault("log", "log")):
        if not isinstance(text, str) or "\0" in text:
            raise ValueError("spec.json: argv, env, cwd and log must be strings without NUL")
    if spec["log"] in ("", ".", "..") or "/" in spec["log"]:
        raise ValueError("spec.json: log must be a plain file name")
    if not isinstance(spec.setdefault("umask", 0o022), int):
        raise ValueError("spec.json: umask must be an integer")
    if not isinstance(spec.setdefault("stop_grace_s", 0.0), int | float):
        raise ValueError("spec.json: stop_grace_s must be a number")
    return spec


# The shim


def spawn(spec: Record, log_fd: int, directory: str) -> int:
    """By posix_spawn (a vfork): a fork would copy 300 more pages, a third of a run's whole cost.

    The search in PATH is done here, since posix_spawnp would search our own.
    """
    name, env = spec["argv"][0], spec["env"] | {MARK: directory}
    folders = [""] if "/" in name else [f"{d or '.'}/" for d in search_path(env)]
    why: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    for folder in folders:
        try:
            return os.posix_spawn(
                folder + name,
                spec["argv"],
                env,
                file_actions=[(action, log_fd, target) for action, target in ACTIONS],
                setsid=True,
                setsigmask=(),
                setsigdef=TO_RESET,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            if not folder:
                raise
            if os.path.lexists(folder + name):
                why = error  # it is there, but its interpreter isn't
        except OSError as error:
            why = error  # as execvp does: told if no later folder has it
    raise why


def search_path(env: dict[str, str]) -> list[str]:
    return env.get("PATH", os.defpath).split(":")


class Shim:
    def __init__(self, news_fd: int, channel: int, boot_id: bytes) -> None:
        self.news_fd, self.channel, self.boot_id = news_fd, channel, boot_id
        self.pid, self.start_time = os.getpid(), start_time(os.getpid())
        self.attempts_left = ATTEMPTS_MAX if channel >= 0 else 1
        self.idle = False

    def serve(self, directory: str) -> None:
        while directory:
            self.directory, self.idle = directory, False
            self.attempts_left -= 1
            self.main()
            directory = self.next_directory() if self.idle else ""

    def next_directory(self) -> str:
        """Empty when the launcher wants no more of this shim, or is gone."""
        directory = os.fsdecode(os.read(self.channel, CHANNEL_BYTES_MAX))
        while STOPPING in signal.sigpending():  # meant for the attempt before
            signal.sigtimedwait({STOPPING}, 0)
        return directory

    def tell(self, key: bytes, value: bytes) -> None:
        idle = b"true" if self.idle else b"false"
        news = b'{"shim": %d, "idle": %b, "%b": %b}\n' % (self.pid, idle, key, value)
        try:
            os.write(self.news_fd, news)
        except BrokenPipeError:
            return  # the launcher is gone; the run directory has it all

    def refuse(self, kind: str, error: Exception) -> None:
        self.tell(b"refused", json.dumps(failure(kind, error)).encode())

    def main(self) -> None:
        kind = "io"
        try:
            dir_fd = open_directory(self.directory)
            kind = "spec"
            spec = read_spec(dir_fd)
            kind = "io"
            log_fd = os.open(spec["log"], LOG_FLAGS, 0o600, dir_fd=dir_fd)
            claim = os.open("start.json", CLAIM_FLAGS, 0o600, dir_fd=dir_fd)
        except FileExistsError:
            self.tell(b"existing", json.dumps(read_start(dir_fd) or {}).encode())
        except (OSError, ValueError) as error:
            self.refuse(kind, error)
        else:
            self.attempt(dir_fd, claim, spec, log_fd)

    def attempt(self, dir_fd: int, claim: int, spec: Record, log_fd: int) -> None:
        try:
            own = self.pid, self.start_time, time.time()
            write_all(claim, START % (self.boot_id, 0, 0, *own))
        except OSError as error:
            os.unlink("start.json", dir_fd=dir_fd)  # nothing ran: it may be tried again
            self.refuse("io", error)
            return
        kind = "cwd"
        try:
            os.chdir(spec["cwd"])
            kind = "exec"
            os.umask(spec["umask"])
            command = spawn(spec, log_fd, self.directory)
        except (OSError, ValueError) as error:
            at, why = time.time(), failure(kind, error)
            self.record_exit(dir_fd, exit_record(b"shim", at, None, None, why), at_end=True)
            return
        finally:
            os.umask(UMASK)
            os.chdir("/")
        start = START % (self.boot_id, command, start_time(command), *own)
        os.pwrite(claim, start, 0)  # not fsynced: after a power cut, the boot id says enough
        os.close(claim)
        os.close(log_fd)
        self.tell(b"started", start)
        self.wait(dir_fd, spec, command)
        os.close(dir_fd)

    def wait(self, dir_fd: int, spec: Record, command: int) -> None:
        pid = 0
        while pid != command:
            pid, status, usage = os.wait4(-1, 0)
        at = time.time()
        left = self.end_tree(spec["stop_grace_s"])
        record = exit_record(b"shim", at, status, usage, None, left)
        self.record_exit(dir_fd, record, at_end=left > 0 or self.attempts_left == 0)

    def end_tree(self, stop_grace_s: float) -> int:
        """Kills what the command left; in a stop (a shell that died of it, a training that saves
        its state), only after the grace."""
        kill_at = 0.0
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return 0
            now = time.monotonic()
            if not kill_at:
                kill_at = now + stop_grace_s if STOPPING in signal.sigpending() else now
            if now >= kill_at:
                left = descendants([os.getpid()], process_table())
                signal_all(left, signal.SIGKILL)
                if now > kill_at + TREE_KILL_S_MAX:
                    return len(left)
            signal.sigtimedwait({signal.SIGCHLD}, SWEEP_S)

    def record_exit(self, dir_fd: int, record: bytes, *, at_end: bool) -> None:
        """Its news says, too, whether all is over and this shim free for the next attempt."""
        written = told = False
        while not written:
            try:
                write_exit(dir_fd, record)
                written = True
            except FileNotFoundError:
                written = True  # the run directory was deleted: no place for it any more
            except OSError:  # a full disk: the agent hears of it now, the disk when it has room
                signal.sigtimedwait({signal.SIGCHLD}, RETRY_S if told else 0)
            if not told:
                self.idle = written and not at_end
                self.tell(b"exit", record)
                told = True


def run_shim(
    directory: str, news_fd: int, channel: int, boot_id: str, to_close: list[int]
) -> NoReturn:
    """`channel`: where it reads the directory of each further attempt, if it may serve more."""
    try:
        gc.disable()
        c_sigprocmask(SIG_SETMASK, ALL_SIGNALS, None)
        for fd in to_close:
            os.close(fd)
        os.setsid()
        become_subreaper()
        Shim(news_fd, channel, boot_id.encode()).serve(directory)
    except BaseException:  # nothing may return into the launcher's loop in a forked child
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)
