"""The agent of `./dev demo`: a real `lanherd-agent serve` of this user, ended with the demo.

A demo that is killed leaves its agent behind, which holds the home. The next demo on that home ends
it; a lock of the demo's own tells such a leftover from the agent of a demo that is still alive.
"""

import asyncio
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.messages import Empty
from lanherd_protocol.methods import AGENT_STATUS

ANSWER_TIMEOUT_S = 5.0
END_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.1
PROBE_TIMEOUT_S = 30.0
SIMULATED_GPUS = 2
LOCK = "demo.lock"
OTHER_HOME = "Give the demo another home with --home."


class DemoError(RuntimeError):
    """The demo can't begin; the text says what happened, why, and what to do."""


@contextmanager
def held_home(home: Path) -> Iterator[None]:
    """The demo's home, made and locked for a `with` block, with no agent in it.

    Raises DemoError when it can't be used, when a demo runs there, or when an agent holds it that
    can't be ended.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        used_before = (home / LOCK).exists()
        descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise DemoError(
            f"The demo can't use {home} as its home. {problem.strerror or problem}. "
            "Give it a folder of your own with --home."
        ) from problem
    try:
        _take_lock(home, descriptor)
        _end_leftover(home / "agent", used_before)
        yield
    finally:
        os.close(descriptor)


def check_folder(folder: Path) -> None:
    """Makes the folder for pictures. Raises DemoError when nothing can be written there."""
    probe = folder / f".lanherd-demo-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise DemoError(
            f"The demo can't save pictures in {folder}. {problem.strerror or problem}. "
            "Name a folder of your own with --shots."
        ) from problem


def _take_lock(home: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        pid = _holder(home / LOCK)
        where = f"as process {pid}" if pid else "and is just starting"
        raise DemoError(
            f"The demo is already running {where}. Its home is {home}. "
            "Close its window, or give this one a home of its own with --home."
        ) from problem
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)


def _holder(lock: Path) -> int:
    """The process that a lock file names; 0 while none has written itself there."""
    text = lock.read_text(encoding="ascii", errors="replace").strip()
    return int(text) if text.isdigit() else 0


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as problem:
        why = problem.strerror or problem
        raise DemoError(f"The demo can't read {lock}. {why}. {OTHER_HOME}") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _end_leftover(home: Path, used_before: bool) -> None:
    """Ends the agent that an earlier demo left on its home."""
    lock = home / "agent.lock"
    # It may still be starting, and not answer yet.
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while _is_held(lock):
        pid = _holder(lock)
        if not used_before:
            raise _not_ours(home, pid, "No demo has used this home before, so it stays.")
        if pid and _end_agent(home, pid):
            return
        if time.monotonic() > deadline:
            raise _not_ours(home, pid, "It doesn't answer as the agent of this home, so it stays.")
        time.sleep(LOOK_EVERY_S)


def _not_ours(home: Path, pid: int, why: str) -> DemoError:
    who = f"process {pid}" if pid else "another process"
    return DemoError(f"The agent's home {home} is in use by {who}. {why} {OTHER_HOME}")


def _end_agent(home: Path, pid: int) -> bool:
    """Ends the process if it is the agent of that home; False when that can't be seen."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False  # it ended meanwhile
    try:
        # The handle was taken first and its process still lives after the answer: it is the one
        # that has this number, and no other can be hit.
        if _answering(home / "agent.sock") != pid or _has_ended(handle, 0):
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not _has_ended(handle, END_TIMEOUT_S):
            raise DemoError(
                f"The agent of an earlier demo does not end. Process {pid} was asked to "
                f"{END_TIMEOUT_S:.0f} s ago. End it with 'kill -KILL {pid}', then start the demo "
                "again."
            )
        return True
    finally:
        os.close(handle)


def _has_ended(handle: int, within_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def _answering(socket: Path) -> int:
    """The process of the agent behind the socket; 0 when none answers."""

    async def ask() -> int:
        peer = await connect_unix(socket, local_hello("lanherd demo"), ANSWER_TIMEOUT_S)
        try:
            status = await peer.call(AGENT_STATUS, Empty(), timeout_s=ANSWER_TIMEOUT_S)
        finally:
            await peer.close()
        return status.pid

    try:
        return asyncio.run(ask())
    except LanherdError:
        return 0  # what is told is that the home's holder doesn't answer


class DemoAgent:
    """One agent process; its words go to a log file."""

    def __init__(self, home: Path, runtime: Path) -> None:
        self._home = home
        self._environment = {**os.environ, "LANHERD_RUNTIME_DIR": str(runtime)}
        self._log = home.parent / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self._home / "agent.sock"

    @property
    def pid(self) -> int | None:
        """Its process; None before it was started."""
        return self._process.pid if self._process is not None else None

    def start(self) -> bool:
        """Start it with the machine's GPUs, else with simulated ones; returns whether simulated.

        Raises DemoError when the GPUs can't be asked for, or the process can't be started.
        """
        simulated = not self._gpus()
        command = [sys.executable, "-m", "lanherd_agent.cli", "serve", "--home", str(self._home)]
        command += ["--name", "this machine"]
        if simulated:
            command += ["--simulate-gpus", str(SIMULATED_GPUS)]
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    start_new_session=True,
                )
        except OSError as problem:
            raise DemoError(
                f"The demo's agent can't be started. {problem}. {OTHER_HOME}"
            ) from problem
        return simulated

    def problem(self) -> str:
        """Why it ended, in its own words; empty while it is alive."""
        if self._process is None or self._process.poll() is None:
            return ""
        words = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f"The agent ended with code {self._process.returncode}. {words[-2000:]}"

    def stop(self) -> None:
        """End it as systemd would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _gpus(self) -> int:
        """How many GPUs NVML sees here."""
        try:
            answer = subprocess.run(
                [sys.executable, "-m", "lanherd_agent.cli", "probe", "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=PROBE_TIMEOUT_S,
                env=self._environment,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise DemoError(
                f"This machine's GPUs can't be read. {problem}. See whether nvidia-smi answers."
            ) from problem
        if answer.returncode != 0:
            raise DemoError(answer.stderr.decode("utf-8", "replace").strip())
        return len(json.loads(answer.stdout)["gpus"])
