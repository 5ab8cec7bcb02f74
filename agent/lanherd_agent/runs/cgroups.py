"""A cgroup (v2) for each attempt, where one is delegated: nothing can leave it by forking.

The command is born inside (clone3 with CLONE_INTO_CGROUP), so that there is no moment at which a
child of its could be outside, and the kernel kills all inside at once. Where that can't be had, a
run's processes are found by a walk over /proc, which may come late to one that forks and exits on
and on, and can't kill what has become another user's.

LANHERD_CGROUP says where: `delegated` is this process's own cgroup, an absolute path any other.

Stdlib only: the launcher and every shim carry this.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from typing import NoReturn

if TYPE_CHECKING or __package__:
    from lanherd_agent.runs import processes
else:
    import processes

DELEGATED = "delegated"
RUNS = "lanherd-runs"
ABANDONED_S = 60.0
KILL_S_MAX = 1.0
SYS_CLONE3, CLONE_INTO_CGROUP = 435, 0x2_0000_0000
FLAGS, EXIT_SIGNAL, CGROUP = 0, 4, 10  # their places in clone3's arguments
SIG_DFL = None
CANNOT_EXECUTE = 127
# A library handle that keeps the GIL: nothing of Python may run between the clone and its child.
c_syscall = ctypes.PyDLL(None, use_errno=True).syscall
c_syscall.restype = ctypes.c_long
c_signal = processes.libc.signal
c_signal.argtypes = ctypes.c_int, ctypes.c_void_p
c_signal.restype = ctypes.c_void_p
CLONE_ARGUMENTS = (ctypes.c_uint64 * 11)()
CLONE_ARGUMENTS[FLAGS], CLONE_ARGUMENTS[EXIT_SIGNAL] = CLONE_INTO_CGROUP, signal.SIGCHLD


def own_cgroup() -> str:
    """The folder of this process's own cgroup, in a unified hierarchy or beside version 1's."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        paths = [line[3:].rstrip("\n") for line in file if line.startswith("0::")]
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    for fields in mounts:
        if paths and fields[fields.index("-") + 1] == "cgroup2":
            root, point = fields[3].rstrip("/"), unescaped(fields[4])
            if (paths[0] + "/").startswith(root + "/"):
                return (point + paths[0][len(root) :]).rstrip("/")
    raise FileNotFoundError(errno.ENOENT, "this process has no cgroup of version 2 that is mounted")


def unescaped(path: str) -> str:
    """As mountinfo writes it: a space is \\040."""
    return path.encode().decode("unicode_escape").encode("latin-1").decode()


def prepare(setting: str) -> str:
    """The folder for the attempts' cgroups. Raises OSError with the reason why there is none."""
    if not setting:
        raise OSError(errno.ENOENT, "no cgroup is delegated to it (LANHERD_CGROUP is not set)")
    root = f"{setting if setting.startswith('/') else own_cgroup()}/{RUNS}"
    os.makedirs(root, 0o755, exist_ok=True)
    for name in os.listdir(root):
        forget_abandoned(f"{root}/{name}")
    count_memory(root)
    folder = make(root, f"/probe/{os.getpid()}")
    try:
        if not os.path.exists(f"{folder}/cgroup.kill"):
            raise OSError(errno.ENOSYS, "this kernel's cgroups have no cgroup.kill (Linux 5.14)")
        os.waitpid(clone_into(folder) or leave(), 0)
    finally:
        os.rmdir(folder)
    return root


def leave() -> NoReturn:
    os._exit(0)


def forget_abandoned(folder: str) -> None:
    """Its shim was killed before it could: one that is empty, and was not made a moment ago."""
    try:
        if time.time() - os.stat(folder).st_ctime > ABANDONED_S:
            os.rmdir(folder)
    except OSError:
        return  # no cgroup, or in use


def folder_of(root: str, directory: str) -> str:
    run, attempt = directory.rsplit("/", 2)[1:]
    return f"{root}/{run}.{attempt}"


def make(root: str, directory: str) -> str:
    folder = folder_of(root, directory)
    try:
        os.mkdir(folder, 0o755)
    except FileExistsError:
        return folder  # of a try at this attempt at which nothing ran
    return folder


def clone_into(folder: str) -> int:
    """As fork, but that the child is in the cgroup, and knows nothing of it in Python's own books:
    it may only execute something, or leave."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        CLONE_ARGUMENTS[CGROUP] = fd
        pid = c_syscall(SYS_CLONE3, CLONE_ARGUMENTS, ctypes.sizeof(CLONE_ARGUMENTS))
        if pid < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"clone3 into a cgroup: {os.strerror(number)}")
        return int(pid)
    finally:
        os.close(fd)


def spawn(
    folder: str,
    path: str,
    argv: list[str],
    env: dict[str, str],
    fds: tuple[int, int],
    to_reset: list[int],
    niceness: int = 0,
) -> int:
    """As posix_spawn with a session of its own, in the cgroup `folder` if that is not empty.
    `fds` become its stdout and stderr."""
    reading, writing = os.pipe()
    try:
        pid = clone_into(folder) if folder else os.fork()
        if pid == 0:
            execute(path, argv, env, fds, to_reset, niceness, writing)
        os.close(writing)
        writing = -1
        failed = os.read(reading, 4)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    if failed:
        os.waitpid(pid, 0)
        number = int.from_bytes(failed, "little")
        raise OSError(number, os.strerror(number), path)
    return pid


def execute(
    path: str,
    argv: list[str],
    env: dict[str, str],
    fds: tuple[int, int],
    to_reset: list[int],
    niceness: int,
    report: int,
) -> NoReturn:
    try:
        os.setsid()
        os.dup2(fds[0], 1)
        os.dup2(fds[1], 2)
        if niceness > os.getpriority(os.PRIO_PROCESS, 0):  # the other way, it may not
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
        for signo in to_reset:
            c_signal(signo, SIG_DFL)
        processes.c_sigprocmask(processes.SIG_SETMASK, processes.NO_SIGNALS, None)
        os.execve(path, argv, env)
    except OSError as error:
        os.write(report, (error.errno or errno.EIO).to_bytes(4, "little"))
    except ValueError:  # a NUL, or an empty name
        os.write(report, errno.EINVAL.to_bytes(4, "little"))
    finally:
        os._exit(CANNOT_EXECUTE)


def folders_below(folder: str) -> list[str]:
    """With itself; the innermost first: a run may have made some of its own."""
    return [path for path, _, _ in os.walk(folder, topdown=False)]


def members(folder: str) -> dict[int, int]:
    """Start time, by pid, of each process inside."""
    found = {}
    for path in folders_below(folder):
        try:
            with open(f"{path}/cgroup.procs", encoding="ascii") as file:
                pids = [int(line) for line in file]
        except OSError:
            continue  # gone meanwhile
        stats = ((pid, processes.read_stat(pid)) for pid in pids if pid > 0)
        found.update({pid: stat[2] for pid, stat in stats if stat is not None})
    return found


def kill(folder: str) -> None:
    try:
        fd = os.open(f"{folder}/cgroup.kill", os.O_WRONLY)
    except FileNotFoundError:
        return  # it is gone, and hence empty
    try:
        os.write(fd, b"1")
    finally:
        os.close(fd)


def remove(folder: str) -> int:
    """Kills what is inside, and removes it; how many processes were still in it after a while."""
    if removed(folder):
        return 0
    kill(folder)
    give_up_at = time.monotonic() + KILL_S_MAX
    while not removed(folder):
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            return len(members(folder))
        wait_for_change(folder, left_s)
    return 0


def oom_kills(folder: str) -> int:
    """How many processes inside the kernel killed for want of memory, so far; 0 too where nobody
    counts: the memory controller is not on for it."""
    try:
        with open(f"{folder}/memory.events", encoding="ascii") as file:
            counts = dict(line.split() for line in file)
        return int(counts.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


def count_memory(root: str) -> None:
    """Turns the memory controller on for the attempts' cgroups, for their counts of such kills.
    The kernel refuses that below a cgroup which holds processes itself, and so it is of no use
    where the agent's own is delegated."""
    try:
        for folder in (os.path.dirname(root), root):
            with open(f"{folder}/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write("+memory")
    except OSError:
        return


def removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:  # in use, or it has some below it
        for path in folders_below(folder):
            try:
                os.rmdir(path)
            except OSError:
                return False
    return True


def wait_for_change(folder: str, timeout_s: float) -> None:
    """Until its cgroup.events say another thing, if they say now that it has processes."""
    try:
        fd = os.open(f"{folder}/cgroup.events", os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        if b"populated 1" in os.read(fd, 256):
            poll = select.poll()
            poll.register(fd, select.POLLPRI)
            poll.poll(timeout_s * 1000)
    finally:
        os.close(fd)
