"""A shim: the parent of one attempt's command, forked (never exec'ed) by the launcher.

The run directory is the protocol:

    start.json  claimed by O_EXCL, then complete and fsynced before the command may run. So: one
                claim = one start, and no or a torn start.json = the command never ran.
    exit.json   temp + fsync + rename, after the run's whole process tree is gone.

The command waits at a pipe until start.json is durable; a failed exec comes back through another,
close-on-exec pipe. The shim is a child subreaper: no descendant can leave its tree, so that "no
children left" proves that the tree is gone. Signals go by pidfd, with a check of the start time.

Stdlib only, and little of that: every shim and the launcher share these pages.
"""

from __future__ import annotations

import ctypes
import errno
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
    Table = dict[int, tuple[int, int, int]]

RECORD_BYTES_MAX = 4 * 1024 * 1024
TEXT_CHARS_MAX = 400  # a shim's news stays below PIPE_BUF, so that its write is atomic
TREE_KILL_S_MAX = 10.0
RETRY_S = 1.0
SWEEP_S = 0.02
NEVER_RAN = 127
MARK = "LANHERD_ATTEMPT_DIR"  # in each command's environment: tells whose child an orphan is
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IGNORED_AT_START = [n for n in range(1, signal.NSIG) if signal.getsignal(n) is signal.SIG_IGN]
libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    if libc.prctl(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER; not inherited by fork
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER was refused")


def failure(kind: str, cause: BaseException | str) -> Record:
    number = getattr(cause, "errno", None) or 0
    return {"kind": kind, "errno": number, "text": (str(cause) or repr(cause))[:TEXT_CHARS_MAX]}


def read_stat(pid: int) -> tuple[int, int, int] | None:
    """Parent, session and start time (clock ticks since boot); None once it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            data = file.read(2048) or b""
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = data[data.rindex(b")") + 2 :].split()
    return int(fields[1]), int(fields[3]), int(fields[19])


def read_environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []  # it is gone, or another user's


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
    while roots:
        below = children.get(roots.pop(), [])
        found.update((pid, table[pid][2]) for pid in below)
        roots.extend(below)
    return found


def signal_all(processes: dict[int, int], signo: int) -> int:
    return sum(send_signal(pid, start_time, signo) for pid, start_time in processes.items())


def send_signal(pid: int, start_time: int, signo: int) -> bool:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        stat = read_stat(pid)
        if stat is None or stat[2] != start_time:
            return False  # the pid is another process's by now
        signal.pidfd_send_signal(fd, signo)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(fd)
    return True


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
        with open(fd, "rb") as file:
            record = json.loads(file.read(RECORD_BYTES_MAX))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def read_records(directory: str) -> tuple[Record | None, Record | None]:
    """start.json and exit.json."""
    try:
        dir_fd = open_directory(directory)
    except OSError:
        return None, None
    records = read_record(dir_fd, "start.json"), read_record(dir_fd, "exit.json")
    os.close(dir_fd)
    return records


def write_exit(dir_fd: int, record: Record) -> None:
    name, flags = f"exit.json.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    fd = os.open(name, flags, 0o600, dir_fd=dir_fd)
    try:
        os.write(fd, json.dumps(record).encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(name, "exit.json", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    os.fsync(dir_fd)


def exit_record(witness: str, status: int | None, usage: Any, error: Record | None) -> Record:
    result = None if status is None else os.waitstatus_to_exitcode(status)
    return {
        "code": result if result is not None and result >= 0 else None,
        "signal": -result if result is not None and result < 0 else None,
        "at": time.time(),
        "error": error,
        "rusage": usage
        and {"user_s": usage[0], "system_s": usage[1], "rss_max_bytes": usage[2] * 1024},
        "left": 0,  # processes of the tree that could not be killed
        "witness": witness,
    }


class Shim:
    def __init__(self, directory: str, news_fd: int, boot_id: str) -> None:
        self.directory, self.news_fd, self.boot_id = directory, news_fd, boot_id

    def tell(self, key: str, value: Record) -> None:
        line = json.dumps({"shim": os.getpid(), key: value}).encode() + b"\n"
        try:
            os.write(self.news_fd, line)
        except BrokenPipeError:
            return  # the launcher is gone; the run directory has it all

    def main(self) -> None:
        kind = "io"
        try:
            dir_fd = open_directory(self.directory)
            kind = "spec"
            spec = self.read_spec(dir_fd)
            kind = "io"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            log_fd = os.open(spec["log"], flags, 0o600, dir_fd=dir_fd)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            claim = os.open("start.json", flags, 0o600, dir_fd=dir_fd)
        except FileExistsError:
            self.tell("existing", read_record(dir_fd, "start.json") or {})
        except (OSError, ValueError) as error:
            self.tell("refused", failure(kind, error))
        else:
            self.attempt(dir_fd, spec, log_fd, claim)

    def read_spec(self, dir_fd: int) -> Record:
        spec = read_record(dir_fd, "spec.json")
        if spec is None:
            raise ValueError("spec.json is missing, torn or not an object")
        argv, env = spec.get("argv"), spec.get("env")
        if not argv or not isinstance(argv, list) or not isinstance(env, dict):
            raise ValueError("spec.json needs argv (a list that is not empty) and env (an object)")
        texts = [*argv, *env, *env.values(), spec.get("cwd"), spec.setdefault("log", "log")]
        if not all(isinstance(text, str) and "\0" not in text for text in texts):
            raise ValueError("spec.json: argv, env, cwd and log must be strings without NUL")
        if spec["log"] in ("", ".", "..") or "/" in spec["log"]:
            raise ValueError("spec.json: log must be a plain file name")
        if not isinstance(spec.setdefault("umask", 0o022), int):
            raise ValueError("spec.json: umask must be an integer")
        return spec

    def attempt(self, dir_fd: int, spec: Record, log_fd: int, claim: int) -> None:
        go_read, go_write = os.pipe()
        failed_read, failed_write = os.pipe()
        command = os.fork()
        if command == 0:
            os.close(go_write)
            self.become_command(spec, log_fd, go_read, failed_write)
        for fd in (log_fd, go_read, failed_write):
            os.close(fd)
        try:
            start = self.record_start(dir_fd, claim, command)
        except OSError as error:
            os.close(go_write)
            os.waitpid(command, 0)
            os.unlink("start.json", dir_fd=dir_fd)  # ours, and nothing ran: it may be tried again
            self.tell("refused", failure("io", error))
            return
        try:
            os.write(go_write, b"g")
        except BrokenPipeError:
            pass  # it failed before the gate, and says why below
        os.close(go_write)
        failed = os.read(failed_read, 4096)
        os.close(failed_read)
        if failed:
            os.waitpid(command, 0)
            self.record_exit(dir_fd, exit_record("shim", None, None, json.loads(failed)))
            return
        self.tell("started", start)
        self.wait(dir_fd, command)

    def record_start(self, dir_fd: int, claim: int, command: int) -> Record:
        mine, its = read_stat(os.getpid()), read_stat(command)
        assert mine is not None  # neither can have been reaped
        assert its is not None
        start = {"boot_id": self.boot_id, "pid": command, "start_time": its[2]}
        start |= {"shim_pid": os.getpid(), "shim_start_time": mine[2], "at": time.time()}
        os.write(claim, json.dumps(start).encode())
        os.fsync(claim)
        os.close(claim)
        os.fsync(dir_fd)
        return start

    def become_command(self, spec: Record, log_fd: int, go: int, failed: int) -> NoReturn:
        kind = "exec"
        try:
            os.setsid()
            os.dup2(log_fd, 1)
            os.dup2(log_fd, 2)
            os.umask(spec["umask"])
            for signo in (*IGNORED_AT_START, *IGNORED):
                signal.signal(signo, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            kind = "cwd"
            os.chdir(spec["cwd"])
            kind = "exec"
            if os.read(go, 1):
                os.execvpe(spec["argv"][0], spec["argv"], spec["env"] | {MARK: self.directory})
        except (OSError, ValueError) as error:
            os.write(failed, json.dumps(failure(kind, error)).encode())
        finally:
            os._exit(NEVER_RAN)

    def wait(self, dir_fd: int, command: int) -> None:
        pid = 0
        while pid != command:
            pid, status, usage = os.wait4(-1, 0)
        record = exit_record("shim", status, usage, None)
        record["left"] = self.end_tree()
        self.record_exit(dir_fd, record)

    def end_tree(self) -> int:
        deadline = time.monotonic() + TREE_KILL_S_MAX
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return 0
            left = descendants([os.getpid()], process_table())
            signal_all(left, signal.SIGKILL)
            if time.monotonic() > deadline:
                return len(left)
            signal.sigtimedwait({signal.SIGCHLD}, SWEEP_S)

    def record_exit(self, dir_fd: int, record: Record) -> None:
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
                self.tell("exit", record)
                told = True


def run_shim(directory: str, news_fd: int, boot_id: str, to_close: list[int]) -> NoReturn:
    try:
        gc.disable()
        signal.set_wakeup_fd(-1)
        for signo in IGNORED:
            signal.signal(signo, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        for fd in to_close:
            os.close(fd)
        os.setsid()
        become_subreaper()
        Shim(directory, news_fd, boot_id).main()
    except BaseException:  # nothing may return into the launcher's loop in a forked child
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)
