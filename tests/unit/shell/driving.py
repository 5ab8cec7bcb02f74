"""A shell under test: its executor keeps what it is given, its clock stands until it is moved, and
its store waits at a gate when told to."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.rules import Rules
from lanherd_agent.persist.failing import Died, FailingStore
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.persist.store import Batch, Store
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import RunView, StateName, state_name
from tests.simulation.making import NOW

PATIENCE_S = 10.0


class HandAlarm:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandClock:
    """Moves by hand only."""

    def __init__(self) -> None:
        self.time = NOW
        self.alarms: list[HandAlarm] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> HandAlarm:
        alarm = HandAlarm(self.time + delay_s, callback)
        self.alarms.append(alarm)
        return alarm

    def waiting(self) -> list[float]:
        return [alarm.at - self.time for alarm in self.alarms if not alarm.cancelled]

    def set_by(self, seconds: float) -> None:
        """Somebody sets the hour: no time passes by that."""
        self.time += seconds
        for alarm in self.alarms:
            alarm.at += seconds

    def move(self, seconds: float) -> None:
        self.time += seconds
        due = [alarm for alarm in self.alarms if alarm.at <= self.time]
        self.alarms = [alarm for alarm in self.alarms if alarm.at > self.time]
        for alarm in due:
            if not alarm.cancelled:
                alarm.callback()


class GatedStore(FailingStore):
    """Commits wait for the gate, in the writer thread."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[Batch] = []
        self.arrived = 0

    def shut(self) -> None:
        """Let the next commit wait; `arrived` then says whether it does."""
        self.arrived = 0
        self.gate.clear()

    def commit(self, batch: Batch, *, urgent: bool = False) -> bool:
        self.arrived += 1
        if not self.gate.wait(PATIENCE_S):
            raise TimeoutError("the gate was never opened")
        used_reserve = super().commit(batch, urgent=urgent)
        self.batches.append(batch)
        return used_reserve


class KeepingExecutor:
    """Does nothing; a test does it, by posting events."""

    def __init__(self) -> None:
        self.wanted: list[f.Acting] = []

    def begin(self, effects: tuple[f.Acting, ...]) -> None:
        self.wanted += effects

    def take(self) -> list[f.Acting]:
        wanted, self.wanted = self.wanted, []
        return wanted


class Driven:
    """A shell that serves, and what it published."""

    def __init__(self, shell: Shell, clock: HandClock, executor: KeepingExecutor) -> None:
        self.shell = shell
        self.clock = clock
        self.executor = executor
        self.published: list[RunView] = []
        self._moved = asyncio.Event()
        shell.on_published(self._on_published)

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        self.published += views
        self._moved.set()

    async def wait_state(self, run: RunId, name: StateName) -> RunView:
        """Until the run was published in this state."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for view in self.published:
                    if view.run == run and state_name(view.state) == name:
                        return view
                self._moved.clear()
                await self._moved.wait()

    def started(self, run: RunId, pid: int = 7) -> None:
        self.shell.post(e.AttemptStarted(run=run, attempt=1, pid=pid, at=self.clock.now()))

    def exited(self, run: RunId, code: int = 0) -> None:
        self.shell.post(e.AttemptExited(run=run, attempt=1, at=self.clock.now(), code=code))


@asynccontextmanager
async def serving(
    store: Store | None = None, rules: Rules | None = None, clock: HandClock | None = None
) -> AsyncIterator[Driven]:
    """A shell that serves until the end of the block. That it dies on purpose is no error."""
    clock = clock or HandClock()
    shell = await Shell.open(store or MemoryStore(), clock=clock, rules=rules)
    driven = Driven(shell, clock, KeepingExecutor())

    async def serve() -> None:
        with suppress(Died, LanherdError):
            await shell.serve(driven.executor)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve())
        await until(lambda: not shell._idle.is_set())
        try:
            yield driven
        finally:
            await shell.close()


async def until(condition: Callable[[], bool]) -> None:
    """Until the condition holds, asking it each time the loop has gone round."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.to_thread(lambda: None)
