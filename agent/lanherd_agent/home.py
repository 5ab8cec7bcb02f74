"""An agent's home directory: where everything of one agent lives, and the lock that makes it one.

agent.lock  agent.sqlite  agent.sock  launcher.sock  gpus.json
identity/  history/  runs/  secrets/  blobs/  snapshots/  envs/  cache/

Records that were found damaged are kept as agent.sqlite.corrupt-<UTC> (see recovery.py).
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from lanherd_protocol.errors import ErrorCode, LanherdError, error

UNIX_SOCKET_PATH_BYTES_MAX = 107
"""sun_path of Linux holds 108 bytes with its final NUL."""


@dataclass(frozen=True, slots=True)
class AgentHome:
    """The paths below one home."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "agent.lock"

    @property
    def database(self) -> Path:
        return self.root / "agent.sqlite"

    @property
    def socket(self) -> Path:
        return self.root / "agent.sock"

    @property
    def launcher_socket(self) -> Path:
        return self.root / "launcher.sock"

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    @property
    def gpus(self) -> Path:
        """The GPUs that the machine had last: a driver that is sick at a start tells of none."""
        return self.root / "gpus.json"

    @property
    def history(self) -> Path:
        return self.root / "history"

    @property
    def runs(self) -> Path:
        return self.root / "runs"


def agent_home(home: Path | None) -> AgentHome:
    """The home asked for, else systemd's StateDirectory, else in the user's data directory."""
    if home is not None:
        return AgentHome(home.expanduser().absolute())
    state_directory = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state_directory:
        return AgentHome(Path(state_directory))
    return AgentHome(user_data_path("lanherd-agent", appauthor=False))


@contextmanager
def locked(home: AgentHome) -> Iterator[None]:
    """Make the home and hold it; a second agent on the same home is refused and told of the first.

    Raises HOME_UNUSABLE when the directory can't be used, DISK_FULL when there is no room for the
    lock, HOME_IN_USE when another agent has it.
    """
    try:
        _prepare(home)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(home.lock, flags, 0o600)
    except OSError as problem:
        raise _unusable(home, problem) from problem
    try:
        _take(home, descriptor)
        yield
    finally:
        os.close(descriptor)


def _prepare(home: AgentHome) -> None:
    if len(os.fsencode(home.launcher_socket)) > UNIX_SOCKET_PATH_BYTES_MAX:
        raise error(
            ErrorCode.HOME_UNUSABLE,
            "The path of the agent's home is too long.",
            f"Its Unix socket {home.launcher_socket} would be longer than "
            f"{UNIX_SOCKET_PATH_BYTES_MAX} bytes, which Linux does not take.",
            "Choose a shorter path with --home.",
            home=str(home.root),
        )
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = home.root.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"It belongs to user id {status.st_uid}")
    if status.st_mode & 0o077:
        _keep_others_out(home)
    home.runs.mkdir(mode=0o700, exist_ok=True)


def _keep_others_out(home: AgentHome) -> None:
    """Close the home to others, unless it is somebody's folder for something else."""
    names = os.listdir(home.root)
    if names and home.lock.name not in names:
        raise FileExistsError(
            errno.EEXIST, "Others can read it, and it holds files that are no agent's"
        )
    home.root.chmod(0o700)


def _take(home: AgentHome, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = f"{os.getpid()}\n".encode()
        # Over what is there, and not after emptying it: a full disk still has that block.
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    except BlockingIOError:
        raise _in_use(home, os.pread(descriptor, 32, 0)) from None
    except OSError as problem:
        raise _unusable(home, problem) from problem


def _unusable(home: AgentHome, problem: OSError) -> LanherdError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return error(
            ErrorCode.DISK_FULL,
            "The disk of the agent's home is full.",
            f"{home.root}: {problem.strerror}.",
            "Make room there and start the agent again.",
            home=str(home.root),
        )
    return error(
        ErrorCode.HOME_UNUSABLE,
        f"The agent can't use {home.root} as its home.",
        f"{problem.strerror or problem}.",
        "Choose a directory of your own with --home.",
        home=str(home.root),
    )


def _in_use(home: AgentHome, content: bytes) -> LanherdError:
    text = content.strip().decode("ascii", "replace")
    # The file may still name the last holder, in the moment before the new one writes.
    pid = int(text) if text.isdigit() and Path("/proc", text).exists() else 0
    return error(
        ErrorCode.HOME_IN_USE,
        f"Another agent already uses {home.root}.",
        f"It runs as process {pid}." if pid else "It is just starting.",
        "Stop that one first, or give this one a home of its own with --home.",
        home=str(home.root),
        pid=pid,
    )
