"""Does what the core wants done: prepares, starts, adopts and signals attempts, removes files.

Every effect is idempotent and ends as exactly one posted event. What could not be asked is not
answered: a launcher that is away is asked again until it says what became of the attempt. An error
that nobody expected is the affair of its run alone: it is logged with the run's story, and the
agent serves the others.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar, assert_never

from lanherd_agent.core import effects as f
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs.environments import Environments
from lanherd_agent.execution.adopting import Following
from lanherd_agent.execution.layout import Surroundings, inherited
from lanherd_agent.execution.preparing import Preparing
from lanherd_agent.execution.removing import Removing
from lanherd_agent.execution.starting import Starting
from lanherd_agent.execution.telling import Telling
from lanherd_agent.home import AgentHome
from lanherd_agent.problems import Problems
from lanherd_agent.runs.launcher_client import LauncherClient, LinkDown, LinkUp
from lanherd_agent.runs.launcher_process import LauncherProcess
from lanherd_agent.secrets import Secrets
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import RunId

log = logging.getLogger("lanherd.executor")

Wanted = TypeVar("Wanted", bound=f.Acting)
Work = Callable[[Wanted], Coroutine[None, None, None]]


class Executor:
    """One per agent. `begin` never waits; the work is done in tasks of the agent."""

    def __init__(
        self,
        home: AgentHome,
        shell: Shell,
        snapshots: SnapshotStore,
        environments: Environments,
        secrets: Secrets,
        problems: Problems,
        *,
        machine: str = "",
        rules: Rules | None = None,
    ) -> None:
        around = Surroundings(machine, inherited(os.environ), rules or Rules())
        self._telling = Telling(shell, secrets.redact, secrets.redactor.words)
        self._preparing = Preparing(self._telling, snapshots, environments)
        self._following = Following(home, self._telling, problems)
        on_exited = self._following.on_exited
        self.launcher = LauncherClient(LauncherProcess(home.root), on_exited, _on_link)
        self._starting = Starting(
            home,
            self._telling,
            snapshots,
            self._preparing,
            self.launcher,
            secrets,
            around,
            self._following.alive_since,
            problems,
        )
        self._removing = Removing(home, self._telling)
        self._tasks: TaskOwner | None = None

    async def open(self, tasks: TaskOwner) -> None:
        """Begin to keep the launcher's connection and the trash empty, in tasks of `tasks`."""
        self._tasks = tasks
        self._following.open(tasks)
        tasks.spawn(self.launcher.run(), "launcher")
        self._removing.open(tasks)

    def begin(self, effects: tuple[f.Acting, ...]) -> None:
        for effect in effects:
            self._begin(effect)

    def alive_since(self, run: RunId, attempt: int) -> float | None:
        """When the attempt's command was started, as a Unix time; None if it is not alive."""
        return self._following.alive_since.get((run, attempt))

    def _begin(self, effect: f.Acting) -> None:
        match effect:
            case f.PrepareRun():
                task = self._spawn(self._preparing.prepare, effect, "prepare")
                self._preparing.note_task(effect, task)
            case f.CancelPreparation():
                self._spawn(self._preparing.cancel, effect, "cancel the preparation of")
            case f.StartAttempt():
                self._following.kernel_kills.look()
                self._spawn(self._starting.start, effect, "start")
            case f.AdoptAttempt():
                adopt = partial(self._following.adopt, launcher=self.launcher)
                self._spawn(adopt, effect, "adopt")
            case f.SignalAttempt():
                signal = partial(self._following.signal, launcher=self.launcher)
                self._spawn(signal, effect, "signal")
            case f.RemoveFiles():
                self._spawn(self._removing.remove, effect, "remove the files of")
            case f.NoteSettings():
                self._spawn(self._starting.note_settings, effect, "note the settings of")
            case _:
                assert_never(effect)

    def _spawn(self, work: Work[Wanted], effect: Wanted, what: str) -> asyncio.Task[None]:
        async def contained() -> None:
            try:
                await work(effect)
            except Exception:
                # Whether it was done isn't known, so nothing is told: the next start takes it up.
                story = self._telling.story(effect.run)
                log.exception("could not %s run %s: %s", what, effect.run, story)

        assert self._tasks is not None, "effects come after open()"
        return self._tasks.spawn(contained(), f"{what} {effect.run}")


def _on_link(link: LinkUp | LinkDown) -> None:
    if isinstance(link, LinkDown):
        log.warning("the launcher is away: %s", link.reason)
