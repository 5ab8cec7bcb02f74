"""The machine that is soaked: one agent with its launcher in a home of its own, to be killed."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import Loaded
from lanherd_agent.runs import rundir
from tests.support.waiting import wait_until_async

READY_WITHIN_S = 30.0
END_WITHIN_S = 30.0
ASK_S = 2.0
DATAGRAM_BYTES = 256 * 1024
ALL = 1 << 30


class Story(Exception):
    """The soak can't go on; says why."""


@dataclass(frozen=True)
class LiveAttempt:
    run: str
    attempt: int
    start: rundir.Start


class Machine:
    def __init__(self, folder: Path, gpus: int, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.home = folder / "agent"
        self.truth = folder / "truth"
        self.truth.mkdir()
        self.log = folder / "agent.log"
        self.spawned_at = 0.0
        self.port = 0
        self._gpus = gpus
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    # --- The agent ---------------------------------------------------------------------------

    async def start(self, armed: str = "") -> None:
        """Starts the agent with these fail points, and returns when it serves, or has died."""
        self._spawn(armed)
        await wait_until_async(lambda: self.serves() or self.dead, READY_WITHIN_S)
        if self.dead and self.process.returncode != -signal.SIGKILL:
            raise Story(f"the agent did not begin: exit {self.process.returncode}")

    def _spawn(self, armed: str) -> None:
        command = [
            *(sys.executable, "-m", "lanherd_agent.cli", "serve"),
            *("--home", str(self.home), "--name", "soaked"),
            *("--port", "0", "--simulate-gpus", str(self._gpus)),
        ]
        points = {"LANHERD_FAIL_POINTS": armed} if armed else {}
        self.spawned_at = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._variables, **points},
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise Story("the agent was never started")
        return self._process

    @property
    def dead(self) -> bool:
        return self.process.poll() is not None

    def serves(self) -> bool:
        """Whether this very process has told its port."""
        for path in (self.folder / "run" / "lanherd" / "agents").glob("*.json"):
            try:
                advert = msgspec.json.decode(path.read_bytes())
            except (FileNotFoundError, msgspec.DecodeError):
                continue
            if advert["pid"] == self.process.pid:
                self.port = int(advert["port"])
                return True
        return False

    def kill(self) -> None:
        """SIGKILL; a death at a fail point is one too."""
        self.process.kill()
        code = self.process.wait()
        if code != -signal.SIGKILL:
            raise Story(f"the agent ended by itself, with {code}")

    async def end(self) -> None:
        """As systemd ends it."""
        self.process.terminate()
        await wait_until_async(lambda: self.dead, END_WITHIN_S)
        if self.process.returncode not in (0, -signal.SIGKILL):
            raise Story(f"told to end, the agent ended with {self.process.returncode}")

    # --- Launcher and shims ------------------------------------------------------------------

    def launcher(self) -> int | None:
        """The process that listens on launcher.sock, by its own word."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with sock:
            sock.settimeout(ASK_S)
            try:
                sock.connect(str(self.home / "launcher.sock"))
                sock.send(b'{"id": 1, "verb": "hello", "version": 1}')
                while data := sock.recv(DATAGRAM_BYTES):
                    for message in json.loads(data):
                        if message.get("id") == 1:
                            return int(message["pid"])
            except OSError:
                return None
        return None

    def signal_launcher(self, number: int) -> bool:
        pid = self.launcher()
        return pid is not None and send(pid, number)

    def live_attempts(self) -> list[LiveAttempt]:
        """What the run directories call alive, whoever knows of it."""
        found = []
        for scanned in rundir.scan(self.home):
            start = scanned.start
            if isinstance(start, rundir.Start) and scanned.exit is None:
                directory = scanned.directory
                found.append(LiveAttempt(directory.run_id, directory.attempt, start))
        return found

    def kill_shim(self, attempt: LiveAttempt) -> bool:
        """That very process and no other; False if it has ended."""
        fd = rundir.open_process(attempt.start.shim_pid, attempt.start.shim_start_time)
        if fd is None:
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        select.select([fd], [], [], ASK_S)
        os.close(fd)
        return True

    def exited(self) -> set[tuple[str, int]]:
        """Attempts whose exit is on the disk."""
        paths = (self.home / "runs").glob("*/*/exit.json")
        return {(path.parent.parent.name, int(path.parent.name)) for path in paths}

    def own_processes(self) -> list[int]:
        """The agent, launchers and shims: their command lines name the home."""
        mark = os.fsencode(self.home)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            if mark in words and int(process.name) != os.getpid():
                found.append(int(process.name))
        return found

    # --- Its records -------------------------------------------------------------------------

    def records(self) -> Loaded:
        """Everything that its store holds; the agent must have ended."""
        store = SqliteStore(self.home / "agent.sqlite")
        try:
            loaded = store.load(ALL)
            kept = msgspec.structs.replace(loaded.kept, runs=tuple(loaded.kept.runs))
            return msgspec.structs.replace(loaded, kept=kept)
        finally:
            store.close()


def send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
