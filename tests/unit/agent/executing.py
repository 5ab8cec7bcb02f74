"""The executor's parts, with a launcher that answers as told and a shell that keeps the facts."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from lanherd_agent.core import effects as f
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.environments import Environments
from lanherd_agent.execution.adopting import Following
from lanherd_agent.execution.layout import Surroundings
from lanherd_agent.execution.preparing import Preparing
from lanherd_agent.execution.starting import Starting
from lanherd_agent.execution.telling import Telling
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.problems import Problems
from lanherd_agent.runs import rundir
from lanherd_agent.runs.launcher_client import (
    LauncherClient,
    Started,
    StartFailedError,
    StartFailure,
)
from lanherd_agent.runs.launcher_process import LauncherProcess
from lanherd_agent.runs.rundir import AttemptDir, Exit, Start
from lanherd_agent.secrets import Secrets
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease, RunSpec
from tests.support.doors import new_run_id

Answer = Exception | Callable[[Path], Started] | None


class Scripted(LauncherClient):
    """A launcher that answers as told: one answer to each call, then yes to all."""

    def __init__(self, home: Path, *answers: Answer) -> None:
        super().__init__(LauncherProcess(home), lambda exited: None, lambda link: None)
        self._answers = list(answers)
        self.asked: list[tuple[object, ...]] = []
        self.lives = False

    async def start(self, directory: Path) -> Started:
        self.asked.append(("start",))
        match self._next():
            case None:
                return started(directory)
            case answer:
                return answer(directory)

    async def signal(
        self, directory: Path, signo: int, *, kill_after_s: float | None = None
    ) -> int:
        self.asked.append(("signal", signo, kill_after_s))
        self._next()
        return 1

    async def finds(self, directory: Path) -> bool:
        self.asked.append(("finds",))
        self._next()
        return self.lives

    async def watch(self, directory: Path) -> None:
        self.asked.append(("watch",))
        self._next()

    def _next(self) -> Callable[[Path], Started] | None:
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def started(directory: Path, *, existing: bool = False) -> Started:
    return Started(directory, 7, 70, "boot", 5.0, existing=existing)


class Room:
    def __init__(
        self, home: AgentHome, shell: Shell, snapshots: SnapshotStore, builder: EnvironmentBuilder
    ) -> None:
        self.home, self.shell = home, shell
        self.telling = Telling(shell, lambda text: text.replace("hush", "***"), lambda: ("hush",))
        self.problems = Problems()
        self.following = Following(home, self.telling, self.problems)
        self.tasks = TaskOwner("room")
        self.following.open(self.tasks)
        self._preparing = Preparing(self.telling, snapshots, Environments(builder, snapshots))
        self._snapshots = snapshots
        self.run = RunId(new_run_id())
        self.directory = AttemptDir.of(home.root, self.run, 1)

    def starting(self, launcher: LauncherClient) -> Starting:
        return Starting(
            self.home,
            self.telling,
            self._snapshots,
            self._preparing,
            launcher,
            Secrets(self.home, self.shell),
            Surroundings("box", {}, Rules()),
            self.following.alive_since,
            self.problems,
        )

    async def start(self, *answers: Answer) -> tuple[list[object], Scripted]:
        launcher = Scripted(self.home.root, *answers)
        effect = f.StartAttempt(
            run=self.run, attempt=1, spec=RunSpec(command=("train",)), lease=Lease()
        )
        await self.starting(launcher).start(effect)
        return self.told(), launcher

    async def adopt(self, *answers: Answer, lives: bool = False) -> tuple[list[object], Scripted]:
        launcher = Scripted(self.home.root, *answers)
        launcher.lives = lives
        effect = f.AdoptAttempt(
            run=self.run, attempt=1, spec=RunSpec(command=("x",)), lease=Lease(), pid=7
        )
        await self.following.adopt(effect, launcher)
        return self.told(), launcher

    def told(self) -> list[object]:
        """The facts since the last look."""
        return list(self.shell._inbox.drain())

    def write(self, record: Start | Exit) -> None:
        self.directory.path.mkdir(parents=True, exist_ok=True)
        path = self.directory.start if isinstance(record, Start) else self.directory.exit
        path.write_bytes(msgspec.json.encode(record))


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    home = AgentHome(Path(os.environ["HOME"]) / "agent")
    home.runs.mkdir(parents=True)
    shell = await Shell.open(MemoryStore())
    snapshots = await SnapshotStore.open(home.root)
    made = Room(home, shell, snapshots, await EnvironmentBuilder.open(home.root))
    async with made.tasks:
        yield made
    await shell.close()


def start_record(boot: str | None = None, at: float = 100.0) -> Start:
    return Start(
        boot_id=boot or rundir.boot_id(),
        pid=2**22 - 1,
        start_time=1,
        shim_pid=2**22 - 2,
        shim_start_time=1,
        at=at,
    )


def never_ran(kind: StartFailure, text: str = "why") -> StartFailedError:
    return StartFailedError(kind, 0, text, None)
