"""An agent's home directory: where everything of one agent lives, and the lock that makes it one.

agent.lock  agent.sqlite  agent.sock  launcher.sock
identity/  runs/  blobs/  snapshots/  envs/  cache/
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from lanherd_protocol.errors import ErrorCode, error

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

    Raises HOME_UNUSABLE when the directory can't be used, HOME_IN_USE when another agent has it.
    """
    _prepare(home)
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(home, os.pread(descriptor, 32, 0)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _prepare(home: AgentHome) -> None:
    root = home.root
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise PermissionError(f"it belongs to user id {status.st_uid}")
        root.chmod(0o700)
        home.runs.mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise error(
            ErrorCode.HOME_UNUSABLE,
            f"The agent can't use {root} as its home.",
            f"{problem.strerror or problem}.",
            "Choose a directory of your own with --home.",
            home=str(root),
        ) from problem
    if len(os.fsencode(home.launcher_socket)) > UNIX_SOCKET_PATH_BYTES_MAX:
        raise error(
            ErrorCode.HOME_UNUSABLE,
            "The path of the agent's home is too long.",
            f"Its Unix socket {home.launcher_socket} would be longer than "
            f"{UNIX_SOCKET_PATH_BYTES_MAX} bytes, which Linux does not take.",
            "Choose a shorter path with --home.",
            home=str(root),
        )


def _in_use(home: AgentHome, content: bytes) -> Exception:
    pid = content.strip().decode("ascii", "replace")
    return error(
        ErrorCode.HOME_IN_USE,
        f"Another agent already uses {home.root}.",
        f"It runs as process {pid}." if pid.isdigit() else "It is just starting.",
        "Stop that one first, or give this one a home of its own with --home.",
        home=str(home.root),
        pid=int(pid) if pid.isdigit() else 0,
    )
