"""Finds the home's live launcher, or starts one: the agent's side of the launch.

Two can't come up: a launcher holds a lock on `launcher.lock` for its life, and the one that finds
it taken ends at once, after which the socket of the first is tried again.
"""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
SPAWN_S_MAX = 10.0
CONNECT_TRIES = 40
RETRY_S = 0.05
EXIT_LOCKED = 3
STDERR_CHARS_MAX = 2000
CGROUP = "LANHERD_CGROUP"
FAIL_POINTS, AGENT_FAIL_POINTS = "LANHERD_LAUNCHER_FAIL_POINTS", "LANHERD_FAIL_POINTS"


class LauncherUnavailableError(Exception):
    """The launcher can't be started or doesn't answer; live runs are not touched by that."""


class LauncherProcess:
    def __init__(self, home: Path, *, idle_s: float = 60.0) -> None:
        self._socket = home.absolute() / "launcher.sock"
        self._lock = home.absolute() / "launcher.lock"
        self._log = home.absolute() / "launcher.log"
        self._idle_s = idle_s

    async def connect(self) -> socket.socket:
        """A non-blocking connection to the live launcher; starts one if there is none."""
        for _ in range(CONNECT_TRIES):
            sock = self._try_connect()
            if sock is not None:
                return sock
            if not await asyncio.to_thread(self._spawn):
                await asyncio.sleep(RETRY_S)  # another one is coming up, or going
        raise LauncherUnavailableError(
            f"{self._lock} is held, but nothing listens on {self._socket}: "
            "a launcher hangs; its runs go on. End that process and try again."
        )

    def _try_connect(self) -> socket.socket | None:
        try:
            folder = os.open(self._socket.parent, os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise LauncherUnavailableError(f"the home can't be opened: {error}") from error
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.setblocking(False)
        try:
            # By way of the folder's descriptor: a socket's path has 107 bytes at most.
            sock.connect(f"/proc/self/fd/{folder}/{self._socket.name}")
            self._check_peer(sock)
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            sock.close()
            return None
        except BaseException:
            sock.close()
            raise
        finally:
            os.close(folder)
        return sock

    def _check_peer(self, sock: socket.socket) -> None:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        uid = int.from_bytes(credentials[4:8], sys.byteorder)
        if uid != os.geteuid():
            raise LauncherUnavailableError(f"{self._socket} is held by another user (uid {uid})")

    def _spawn(self) -> bool:
        """Whether a launcher now listens; False if another one holds the lock."""
        options = {"--socket": self._socket, "--lock": self._lock, "--log": self._log}
        command = [sys.executable, "-I", "-S", "-X", "utf8", str(LAUNCHER)]
        command += [str(part) for option in options.items() for part in option]
        try:
            done = subprocess.run(
                [*command, "--idle-s", str(self._idle_s)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(),
                cwd="/",
                start_new_session=True,
                timeout=SPAWN_S_MAX,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LauncherUnavailableError(f"the launcher can't be started: {error}") from error
        if done.returncode not in (0, EXIT_LOCKED):
            words = done.stderr.decode(errors="replace")[-STDERR_CHARS_MAX:].strip()
            raise LauncherUnavailableError(
                f"the launcher ended with status {done.returncode}: {words}"
            )
        return done.returncode == 0


def _environment() -> dict[str, str]:
    """Of the agent's own no more than what is meant for the launcher: a run's comes whole from its
    spec."""
    variables = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    if CGROUP in os.environ:
        variables[CGROUP] = os.environ[CGROUP]
    fail_points = os.environ.get(FAIL_POINTS) or os.environ.get(AGENT_FAIL_POINTS)
    if fail_points:
        variables[FAIL_POINTS] = fail_points
    return variables
