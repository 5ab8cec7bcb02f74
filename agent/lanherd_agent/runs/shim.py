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

import errno
import fcntl
import gc
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Record = dict[str, Any]

if TYPE_CHECKING or __package__:
    from lanherd_agent.runs import cgroups, processes
    from lanherd_agent.runs.log_keeper import LogKeeper
    from lanherd_agent.runs.spawning import spawn
    from lanherd_agent.runs.watch import Usage, Watch
else:
    import cgroups
    import processes
    from log_keeper import LogKeeper
    from spawning import spawn
    from watch import Usage, Watch

NUMBERS = {  # of a spec: default, least and most
    "umask": (0o022, 0, 0o777),
    "niceness": (0, 0, 19),
    "log_bytes_max": (None, 1, 2**62),
    "time_limit_s": (None, 0, 2**31),
    "stop_signal": (int(signal.SIGTERM), 1, signal.NSIG - 1),
    "stop_grace_s": (0.0, 0, 2**31),
}

# Formatting touches a third of the pages that json.dumps does.
START = (  # of one length with and without the command's pid, since that comes by one overwrite
    b'{"boot_id": "%b", "pid": %10d, "start_time": %20d,'
    b' "shim_pid": %d, "shim_start_time": %d, "at": %.6f}'
)
EXIT = (
    b'{"code": %b, "signal": %b, "at": %.6f, "error": %b, "rusage": %b, "left": %d,'
    b' "witness": "%b", "timed_out": %b, "stopped": %b, "shutdown": %b, "oom_kills": %d,'
    b' "disk_full": %b}'
)
BOOLEAN = b"false", b"true"
START_INTEGERS = ("pid", "start_time", "shim_pid", "shim_start_time")
BOOT_ID_CHARS = 36
RUSAGE = b'{"user_s": %.6f, "system_s": %.6f, "rss_max_bytes": %d}'

RECORD_BYTES_MAX = 4 * 1024 * 1024
TEXT_CHARS_MAX = 400  # a shim's news stays below PIPE_BUF, so that its write is atomic
RETRY_S = 1.0
LACKING = errno.EMFILE, errno.ENFILE, errno.ENOMEM
ATTEMPTS_MAX = 500  # per shim: there is no garbage collection here
CHANNEL_BYTES_MAX = 8192
UMASK = 0o077
LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
CLAIM_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
EXIT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW

# Named places where a shim or the launcher can be made to die, as in lanherd_agent.fail_points.
FAIL_POINTS = {
    name: int(count or 1)
    for word in os.environ.get("LANHERD_LAUNCHER_FAIL_POINTS", "").split(",")
    for name, _, count in (word.strip().partition("@"),)
    if name and (count or "1").isdecimal()
}


def hit(name: str) -> None:
    FAIL_POINTS[name] = left = FAIL_POINTS.get(name, 0) - 1
    if left == 0:
        processes.say(f"killed at the fail point {name}: pid {os.getpid()}")
        os.kill(os.getpid(), signal.SIGKILL)


def failure(kind: str, cause: BaseException | str) -> Record:
    """People read the text: without the number, which stands beside it."""
    number, text = 0, str(cause) or repr(cause)
    if isinstance(cause, OSError):
        number, name = cause.errno or 0, cause.filename
        text = f"{cause.strerror or text}{f': {name!r}' if isinstance(name, str) else ''}"
    return {"kind": kind, "errno": number, "text": text[:TEXT_CHARS_MAX]}


# The run directory


def open_directory(path: str) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise PermissionError(errno.EPERM, "the run directory belongs to another user")
    return fd


def read_record(dir_fd: int, name: str) -> Record | None:
    """None if the file is missing, torn, or holds no object. Raises OSError only if this process
    lacks what it takes to look."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
        try:
            size = min(os.fstat(fd).st_size, RECORD_BYTES_MAX)
            record = json.loads(os.read(fd, size).decode())
        finally:
            os.close(fd)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno in LACKING:
            raise
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
    except OSError as error:
        if error.errno in LACKING:
            raise
        return None, False
    try:
        return read_start(dir_fd), read_record(dir_fd, "exit.json") is not None
    finally:
        os.close(dir_fd)


def claim(dir_fd: int) -> int:
    """start.json, locked until it is filled in. Raises FileExistsError if it is another one's."""
    fd = os.open("start.json", CLAIM_FLAGS, 0o600, dir_fd=dir_fd)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.fstat(fd).st_nlink == 0:
        raise OSError(errno.EAGAIN, "start.json was taken away while it was claimed")
    return fd


def unclaim(directory: str) -> bool:
    """Whether nothing can have run, once the shim that may have claimed it was killed. It has not
    if it filled nothing in: whoever would do so yet holds the lock, or finds it taken away."""
    fds: list[int] = []
    try:
        fds.append(open_directory(directory))
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
        fds.append(os.open("start.json", flags, dir_fd=fds[0]))
        fcntl.flock(fds[1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        empty = os.fstat(fds[1]).st_size == 0
        if empty:
            os.unlink("start.json", dir_fd=fds[0])
        return empty
    except FileNotFoundError:
        return True
    except OSError:
        return False
    finally:
        for fd in fds:
            os.close(fd)


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
    *,
    timed_out: bool = False,
    stopped: bool = False,
    shutdown: bool = False,
    oom_kills: int = 0,
    disk_full: bool = False,
) -> bytes:
    """`left` counts the processes of the tree that could not be killed, `oom_kills` those that the
    kernel killed for want of memory."""
    code = signo = rusage = b"null"
    if status is not None and os.WIFSIGNALED(status):
        signo = b"%d" % os.WTERMSIG(status)
    elif status is not None:
        code = b"%d" % os.WEXITSTATUS(status)
    if usage is not None:
        rusage = RUSAGE % (usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)
    text = b"null" if error is None else json.dumps(error).encode()
    flags = BOOLEAN[timed_out], BOOLEAN[stopped], BOOLEAN[shutdown]
    full = BOOLEAN[disk_full]
    return EXIT % (code, signo, at, text, rusage, left, witness, *flags, oom_kills, full)


def read_spec(dir_fd: int) -> Record:
    spec = read_record(dir_fd, "spec.json")
    if spec is None:
        raise ValueError("spec.json is missing, torn or not an object")
    argv, env = spec.get("argv"), spec.get("env")
    if not argv or not isinstance(argv, list) or not isinstance(env, dict):
        raise ValueError("spec.json needs argv (a list that is not empty) and env (an object)")
    logs = [spec.setdefault("log", "log")]
    if spec.setdefault("err", None) is not None:
        logs.append(spec["err"])
    for text in (*argv, *env, *env.values(), spec.get("cwd"), *logs):
        if not isinstance(text, str) or "\0" in text:
            raise ValueError("spec.json: argv, env, cwd and logs must be strings without NUL")
    for name in logs:
        if name in ("", ".", "..") or "/" in name:
            raise ValueError("spec.json: log and err must be plain file names")
    for name, (default, least, most) in NUMBERS.items():
        value = spec.setdefault(name, default)
        if value != default and not (isinstance(value, int | float) and least <= value <= most):
            raise ValueError(f"spec.json: {name} must be from {least} to {most}")
    return spec


def open_spec_logs(dir_fd: int, spec: Record) -> list[LogKeeper]:
    """Of stdout, and of stderr if that has one of its own."""
    keepers = []
    for name in (spec["log"], spec["err"]):
        if name is not None:
            fd = os.open(name, LOG_FLAGS, 0o600, dir_fd=dir_fd)
            keepers.append(LogKeeper(dir_fd, name, fd, spec["log_bytes_max"]))
    return keepers


def take_over(directory: str) -> tuple[Record, list[LogKeeper]]:
    """The spec and the logs of an attempt whose shim had them until it was killed."""
    dir_fd = open_directory(directory)
    try:
        spec = read_spec(dir_fd)
        keepers = open_spec_logs(dir_fd, spec)
        for keeper in keepers:
            keeper.resume(read_record(dir_fd, f"{keeper.name}.gap"))
    except (OSError, ValueError):
        os.close(dir_fd)
        raise
    return spec, keepers


def fill_start(directory: str, start: Record) -> None:
    """With the command's pid, which its shim could not fill in any more."""
    dir_fd = open_directory(directory)
    fd = os.open("start.json", os.O_WRONLY | os.O_NOFOLLOW, dir_fd=dir_fd)
    values = [start[name] for name in (*START_INTEGERS, "at")]
    os.pwrite(fd, START % (start["boot_id"].encode(), *values), 0)
    os.close(fd)
    os.close(dir_fd)


# The shim


class CannotRunError(Exception):
    """With what failure() made of its cause."""


class Shim:
    def __init__(self, news_fd: int, channel: int, boot_id: bytes, cgroup_root: str) -> None:
        self.news_fd, self.channel, self.boot_id = news_fd, channel, boot_id
        self.cgroup_root = cgroup_root
        self.pid, self.start_time = os.getpid(), processes.start_time(os.getpid())
        processes.put_mark(self.pid, self.start_time)
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
        while processes.wait_signal(0.0) > 0:  # meant for the attempt before
            pass
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
            keepers = open_spec_logs(dir_fd, spec)
            start_fd = claim(dir_fd)
        except FileExistsError:
            self.tell(b"existing", json.dumps(read_start(dir_fd) or {}).encode())
        except (OSError, ValueError) as error:
            self.refuse(kind, error)
        else:
            self.attempt(dir_fd, start_fd, spec, keepers)

    def attempt(self, dir_fd: int, start_fd: int, spec: Record, keepers: list[LogKeeper]) -> None:
        folder = ""
        try:
            own = self.pid, self.start_time, time.time()
            write_all(start_fd, START % (self.boot_id, 0, 0, *own))
            if self.cgroup_root:
                folder = cgroups.make(self.cgroup_root, self.directory)
        except OSError as error:
            os.unlink("start.json", dir_fd=dir_fd)  # nothing ran: it may be tried again
            self.refuse("io", error)
            return
        if FAIL_POINTS:
            hit("shim.claimed")
        try:
            command = self.spawn(spec, keepers, folder)
        except CannotRunError as error:
            record = exit_record(b"shim", time.time(), None, None, error.args[0])
            self.record_exit(dir_fd, record, at_end=True)
            return
        if FAIL_POINTS:
            hit("shim.spawned")
        start = START % (self.boot_id, command, processes.start_time(command), *own)
        os.pwrite(start_fd, start, 0)  # not fsynced: after a power cut, the boot id says enough
        os.close(start_fd)
        self.tell(b"started", start)
        if FAIL_POINTS:
            hit("shim.told")
        self.wait(dir_fd, Watch(spec, command, folder, keepers))
        os.close(dir_fd)

    def spawn(self, spec: Record, keepers: list[LogKeeper], folder: str) -> int:
        kind = "cwd"
        try:
            os.chdir(spec["cwd"])
            kind = "exec"
            os.umask(spec["umask"])
            return spawn(spec, (keepers[0].fd, keepers[-1].fd), self.directory, folder)
        except (OSError, ValueError) as error:
            raise CannotRunError(failure(kind, error)) from error
        finally:
            os.umask(UMASK)
            os.chdir("/")

    def wait(self, dir_fd: int, watch: Watch) -> None:
        watch.wait()
        if FAIL_POINTS:
            hit("shim.waited")
        left, oom_kills = watch.left, 0
        if watch.folder:
            oom_kills = cgroups.oom_kills(watch.folder)
            left = max(left, cgroups.remove(watch.folder))
        watch.close()
        assert watch.ended is not None
        record = exit_record(
            b"shim",
            *watch.ended,
            None,
            left,
            timed_out=watch.timed_out,
            stopped=watch.stopped,
            shutdown=watch.is_shut_down(),
            oom_kills=oom_kills,
            disk_full=any(keeper.full for keeper in watch.keepers),
        )
        if FAIL_POINTS:
            hit("shim.before_exit")
        self.record_exit(dir_fd, record, at_end=left > 0 or self.attempts_left == 0)

    def record_exit(self, dir_fd: int, record: bytes, *, at_end: bool) -> None:
        """Its news says, too, whether all is over and this shim free for the next attempt."""
        written = told = False
        while not written:
            try:
                write_exit(dir_fd, record)
                written = True
                if FAIL_POINTS:
                    hit("shim.exit_written")
            except FileNotFoundError:
                written = True  # the run directory was deleted: no place for it any more
            except OSError:  # a full disk: the agent hears of it now, the disk when it has room
                processes.wait_signal(RETRY_S if told else 0.0)
            if not told:
                self.idle = written and not at_end
                self.tell(b"exit", record)
                told = True


def run_shim(
    directory: str,
    news_fd: int,
    channel: int,
    boot_id: str,
    cgroup_root: str,
    to_close: list[int],
) -> NoReturn:
    """`channel`: where it reads the directory of each further attempt, if it may serve more;
    `cgroup_root`: where each gets a cgroup, if not empty."""
    try:
        gc.disable()
        processes.c_sigprocmask(processes.SIG_SETMASK, processes.ALL_SIGNALS, None)
        for fd in to_close:
            os.close(fd)
        os.setsid()
        processes.become_subreaper()
        Shim(news_fd, channel, boot_id.encode(), cgroup_root).serve(directory)
    except BaseException:  # nothing may return into the launcher's loop in a forked child
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)
