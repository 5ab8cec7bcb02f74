"""A real agent process for a benchmark, with everything of it in one folder that goes away."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02
READY_WITHIN_S = 30.0
END_WITHIN_S = 15.0

# linux/fs.h
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_TOPDIR_FL = 0x00020000
NO_SUCH_FLAG = errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL


@dataclass(frozen=True)
class BenchAgent:
    """A running agent and where its things are."""

    folder: Path
    pid: int

    @property
    def home(self) -> Path:
        return self.folder / "agent"

    @property
    def socket(self) -> Path:
        return self.home / "agent.sock"

    @property
    def controller(self) -> Path:
        """A controller's own home, for LANHERD_HOME."""
        return self.folder / "controller"


def environment_of(folder: Path) -> dict[str, str]:
    """Keeps adverts and a controller's state inside the folder."""
    runtime = folder / "run"
    return {
        **os.environ,
        "LANHERD_HOME": str(folder / "controller"),
        "LANHERD_RUNTIME_DIR": str(runtime),
    }


def wait_until_there(condition: Path, pattern: str, process: subprocess.Popen[bytes]) -> None:
    """Waits for a file in a folder. Raises RuntimeError when the process ends or is too slow."""
    pause = threading.Event()
    waited_s = 0.0
    while not any(condition.glob(pattern)):
        if process.poll() is not None:
            raise RuntimeError(f"the agent ended with exit status {process.returncode}")
        if waited_s > READY_WITHIN_S:
            raise RuntimeError(f"the agent was not ready within {READY_WITHIN_S:g} s")
        waited_s += POLL_S
        pause.wait(POLL_S)


@contextmanager
def running_agent(
    simulate_gpus: int, variables: Mapping[str, str] | None = None
) -> Iterator[BenchAgent]:
    """An agent of this checkout that is ready; ended, with what it started, on leaving.

    With no GPUs to simulate it reads this machine's own, or what `variables` make it see.
    """
    with disk_folder() as name:
        folder = Path(name)
        environment = environment_of(folder)
        os.environ.update(environment)
        command = [
            str(Path(sys.executable).with_name("lanherd-agent")), "serve",
            "--home", str(folder / "agent"),
            *(("--simulate-gpus", str(simulate_gpus)) if simulate_gpus else ()),
        ]  # fmt: skip
        environment.update(variables or {})
        with open(folder / "agent.log", "wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_until_there(folder / "run", "lanherd/agents/*.json", process)
            yield BenchAgent(folder, process.pid)
        except BaseException:
            print((folder / "agent.log").read_text(errors="replace")[-4000:], file=sys.stderr)
            raise
        finally:
            end(process)
            end_launcher(folder / "agent")


@contextmanager
def disk_folder() -> Iterator[str]:
    """A folder on a disk: /tmp is often in memory, where a durable commit costs nothing.

    What others deleted there shall not be measured: an ext4 without a journal looks at each inode
    that was freed in the last minutes before it gives one out, and so makes a folder 20 times as
    slowly after a test run, or after this bench. Inodes are given out by block group, near the
    parent's, or in one that a hash of the name leads to.
    """
    # The names are short, since a Unix socket's path has 107 bytes at most.
    with tempfile.TemporaryDirectory(
        prefix=".lh-bench-", dir=os.environ.get("SCRATCH", Path.home())
    ) as name:
        spread_folders(name)
        yield tempfile.mkdtemp(prefix="", dir=name)


def spread_folders(path: str) -> None:
    """Let each folder that is made in this one have a block group of its own, where there are such
    groups."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(4))
        flags = struct.unpack("I", found)[0] | FS_TOPDIR_FL
        fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("I", flags))
    except OSError as problem:
        if problem.errno not in NO_SUCH_FLAG:
            raise
    finally:
        os.close(descriptor)


def end(process: subprocess.Popen[bytes]) -> None:
    """Asks the process to end. Raises TimeoutExpired, and kills it, when it doesn't."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def end_launcher(home: Path) -> None:
    """The launcher outlives its agent for some seconds; the folder shall be free at once."""
    for pid in processes_of(home):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue  # it ended by itself meanwhile


def processes_of(home: Path) -> list[int]:
    """Processes whose command line names the home: the agent, its launcher, shims."""
    found = []
    needle = os.fsencode(home)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if needle in command:
            found.append(int(entry.name))
    return found


def with_descendants(roots: Sequence[int]) -> set[int]:
    """These processes and all below them."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            parents[int(entry.name)] = int(fields[1])
    family = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return family
