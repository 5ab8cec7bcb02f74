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

from tests.support import agent_forks
from tests.support.agent_forks import ForkedAgent

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
        """Lets its launcher end with its last run, instead of a minute later.

        It is told from others by its own argument, the socket in this agent's home.
        """
        socket = os.fsencode(self.home / "launcher.sock")
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if socket in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGTERM)

    def restart(self) -> None:
        """Ends it, and starts another on the same home."""
        self.end()
        self.start()

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
    executed: bool = False,
) -> Iterator[AgentProcess]:
    """A running agent for the length of a block; what it said is shown when the block fails."""
    agent = AgentProcess(home, gpus=gpus, name=name, arguments=arguments, executed=executed)
    agent.start()
    try:
        yield agent
    except BaseException as problem:
        problem.add_note(f"The agent said:\n{agent.log}")
        raise
    finally:
        if agent._running().poll() is None:
            agent.end()
        agent.end_launcher()
