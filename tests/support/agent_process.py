"""A real agent in a process of its own: its own home, its own runtime folder, simulated GPUs.

It is forked, loaded, where `agent_forks` has it so and its environment may be forked's; else, and
when asked for, it is executed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lanherd_agent.runs import processes
from tests.support import agent_forks, left_alive
from tests.support.agent_forks import ForkedAgent
from tests.support.left_alive import launchers

READY_WITHIN_S = 30.0
ENDED_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02


class AgentProcess:
    """`lanherd-agent serve` on a free port of loopback. Not started until `start`.

    `home` must have a short path: its sockets' names are limited to 107 bytes.
    """

    def __init__(
        self,
        home: Path,
        *,
        gpus: int = 2,
        name: str = "box",
        arguments: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        executed: bool = False,
    ) -> None:
        self.home = home
        self.name = name
        self.log_path = home.with_name(f"{home.name}.log")
        self._arguments = [
            *("--home", str(home), "--name", name),
            *("--listen", "127.0.0.1", "--port", "0"),
            *(("--simulate-gpus", str(gpus)) if gpus else ()),
            *arguments,
        ]
        self._variables = dict(variables or {})
        self._executed = executed
        self._process: subprocess.Popen[bytes] | ForkedAgent | None = None

    @property
    def socket(self) -> Path:
        return self.home / "agent.sock"

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def log(self) -> str:
        """What it has said on stderr so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> None:
        """Starts it and waits until it advertises itself."""
        left_alive.note_agent(self)
        self._process = self._begun()
        deadline = time.monotonic() + READY_WITHIN_S
        while self.advert() is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                code = self.end()
                raise AssertionError(f"the agent did not begin (exit {code}):\n{self.log}")
            time.sleep(LOOK_EVERY_S)

    def _begun(self) -> "subprocess.Popen[bytes] | ForkedAgent":
        forks = agent_forks.forks()
        environment = {**os.environ, **self._variables}
        arguments = ["serve", *self._arguments]
        with self.log_path.open("ab") as log:
            if forks is not None and not self._executed and forks.suits(environment):
                return forks.start(arguments, environment, log.fileno())
            return subprocess.Popen(
                [sys.executable, "-m", "lanherd_agent.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def advert(self) -> dict[str, object] | None:
        """What this very process advertises now."""
        folder = Path(os.environ["LANHERD_RUNTIME_DIR"]) / "lanherd" / "agents"
        for path in folder.glob("*.json"):
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                advert = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
                if advert.get("pid") == self._running().pid:
                    return advert
        return None

    def end(self) -> int:
        """Asks it to end, and makes it when it doesn't; its exit code."""
        process = self._running()
        process.terminate()
        try:
            return process.wait(ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the agent did not end when told to:\n{self.log}") from None

    def kill(self) -> None:
        """SIGKILL: no goodbye, its advert stays behind, its runs go on."""
        process = self._running()
        process.kill()
        process.wait()

    def end_launcher(self) -> None:
        """Lets its launcher end with its last run, instead of a minute later."""
        table = processes.process_table()
        found = {pid: table[pid][2] for pid in launchers(self.home) if pid in table}
        processes.signal_all(found, signal.SIGTERM)

    @property
    def launcher_pid(self) -> int:
        """Of the one that is there now, and of none of its shims."""
        found = launchers(self.home)
        for pid in found:
            stat = processes.read_stat(pid)
            if stat is not None and stat[0] not in found:
                return pid
        raise AssertionError("there is no launcher")

    def end_at_once(self) -> None:
        """If it is there at all."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def restart(self) -> None:
        """Ends it, and starts another on the same home."""
        self.end()
        self.start()

    @contextmanager
    def running(self) -> Iterator[None]:
        """From its start to its end. What its launcher goes on with then is ended with the test."""
        self.start()
        try:
            yield
        except BaseException as problem:
            problem.add_note(f"The agent said:\n{self.log}")
            raise
        finally:
            try:
                if self._running().poll() is None:
                    self.end()
            finally:
                self.end_launcher()

    def _running(self) -> "subprocess.Popen[bytes] | ForkedAgent":
        if self._process is None:
            raise AssertionError("the agent was not started")
        return self._process


@contextmanager
def agent_process(
    home: Path,
    *,
    gpus: int = 2,
    name: str = "box",
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    executed: bool = False,
) -> Iterator[AgentProcess]:
    """A running agent for the length of a block; what it said is shown when the block fails."""
    agent = AgentProcess(
        home, gpus=gpus, name=name, arguments=arguments, variables=variables, executed=executed
    )
    with agent.running():
        yield agent
