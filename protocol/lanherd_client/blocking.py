"""The fleet without `async`: for scripts, notebooks and tests.

    from pathlib import Path
    from lanherd_client import blocking

    with blocking.open() as fleet:
        print([machine.name for machine in fleet.machines()])
        run = fleet.submit(command=["python", "train.py"], project=Path("."), gpus=1, vram="2GB")
        for line in run.lines():
            print(line)
        print(run.wait().state.outcome)
        run.fetch("losses.csv", Path("."))

A private thread runs the event loop. Every call waits for its answer and may be interrupted with
Ctrl+C; runs go on when the script ends. The objects may be used from any thread.
"""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar, Unpack

from lanherd_client.blocking_machines import WaitingMachineCalls
from lanherd_client.blocking_push import WaitingPushCalls
from lanherd_client.choosing import MachineNames
from lanherd_client.discovery import Sighting
from lanherd_client.fleet import Fleet as AsyncFleet
from lanherd_client.fleet import closed_error
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_client.mirror import GpuPoint, MachineView, RunRecord
from lanherd_client.orders import Order, RunOptions, Seconds
from lanherd_client.run import Run as AsyncRun
from lanherd_client.submitting import EnvironmentChoice, Progress
from lanherd_client.sweeps.waiting import WaitingSweepCalls
from lanherd_client.wishes import GpuCount
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.log_messages import (
    LogDescription,
    LogMatches,
    LogSearched,
    LogSource,
    LogStream,
)
from lanherd_protocol.messages import OutputList, OutputsChanged
from lanherd_protocol.states import AttemptEnd, RunView

SETTLE_S = 5.0
AHEAD_ITEMS_MAX = 64
"""Items of a stream that are read before the script asks for them."""

Result = TypeVar("Result")
Item = TypeVar("Item")


@contextlib.contextmanager
def open(home: Path | None = None) -> "Iterator[Fleet]":
    """A connected fleet for the length of a `with` block; see `lanherd_client.fleet.Fleet.open`."""
    loop = _Loop()
    # A script may end without having left the block, such as in a notebook: behind this nobody
    # could wait for the thread any more.
    atexit.register(loop.close)
    try:
        with loop.fleet(home) as fleet:
            loop.do(fleet.settled(SETTLE_S))
            yield Fleet(fleet, loop)
    finally:
        loop.close()
        atexit.unregister(loop.close)


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="lanherd", daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, Result]) -> "Future[Result]":
        with self._closing:
            if self._closed:
                coroutine.close()
                raise closed_error()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def do(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        future = self.start(coroutine)
        try:
            return future.result()
        except BaseException:
            # Ctrl+C, or the coroutine's own failure, which a cancellation no longer touches.
            future.cancel()
            raise

    def read(self, look: Callable[[], Result]) -> Result:
        """Looks at the mirror between two events, never during one."""

        async def looked() -> Result:
            return look()

        return self.do(looked())

    @contextlib.contextmanager
    def fleet(self, home: Path | None) -> Iterator[AsyncFleet]:
        """Keeps a fleet open in one task, which enters and leaves it."""
        opened: Future[AsyncFleet] = Future()
        end = asyncio.Event()

        async def keep() -> None:
            try:
                async with AsyncFleet.open(home) as fleet:
                    opened.set_result(fleet)
                    await end.wait()
            except Exception as problem:
                if opened.done():
                    raise
                opened.set_exception(problem)

        kept = self.start(keep())
        try:
            yield opened.result()
        finally:
            if not self._closed:
                self._loop.call_soon_threadsafe(end.set)
                kept.result()

    def stream(self, items: AsyncIterator[Item]) -> Iterator[Item]:
        """An async iterator as a plain one; one task reads it, a little ahead."""
        queue: asyncio.Queue[Item | _End] = asyncio.Queue(AHEAD_ITEMS_MAX)

        async def pump() -> None:
            problem: BaseException | None = None
            try:
                async for item in items:
                    await queue.put(item)
            except Exception as caught:
                problem = caught
            await queue.put(_End(problem))

        pumping = self.start(pump())
        try:
            while not isinstance(item := self.do(queue.get()), _End):
                yield item
            if item.problem is not None:
                raise item.problem
        finally:
            pumping.cancel()

    def close(self) -> None:
        """Ends the loop once everything in it has ended: what is still asked is cancelled. Once."""
        if self._closed:
            return
        ended = self.start(self._end_everything())
        with self._closing:
            self._closed = True
        ended.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_everything(self) -> None:
        # What was started before the loop refused more is in the loop by the second round.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


class _End:
    def __init__(self, problem: BaseException | None) -> None:
        self.problem = problem


class Run:
    """A run; see `lanherd_client.run.Run` for each verb."""

    def __init__(self, run: AsyncRun, loop: _Loop) -> None:
        self._run = run
        self._loop = loop
        self.machine: DeviceId = run.machine
        self.id: RunId = run.id
        self.machine_name: str = run.machine_name

    def __repr__(self) -> str:
        return repr(self._run)

    @property
    def view(self) -> RunView | None:
        return self._loop.read(lambda: self._run.view)

    def refresh(self) -> RunView:
        return self._loop.do(self._run.refresh())

    def wait(self) -> RunView:
        return self._loop.do(self._run.wait())

    def wait_started(self) -> RunView:
        return self._loop.do(self._run.wait_started())

    def wait_attempt(self, attempt: int) -> RunView:
        return self._loop.do(self._run.wait_attempt(attempt))

    def attempts(self) -> tuple[AttemptEnd, ...]:
        return self._loop.do(self._run.attempts())

    def follow(
        self,
        offset: int = 0,
        *,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
    ) -> Iterator[LogBytes]:
        return self._loop.stream(
            self._run.follow(offset, attempt=attempt, source=source, stream=stream)
        )

    def logs(
        self,
        offset: int = 0,
        *,
        length: int | None = None,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
        follow: bool = False,
    ) -> Iterator[LogBytes | LogGap]:
        return self._loop.stream(
            self._run.logs(
                offset, length=length, attempt=attempt, source=source, stream=stream, follow=follow
            )
        )

    def lines(
        self, *, attempt: int = 0, source: LogSource = "run", stream: LogStream = "out"
    ) -> Iterator[str]:
        return self._loop.stream(self._run.lines(attempt=attempt, source=source, stream=stream))

    def read_log(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
    ) -> LogBytes:
        return self._loop.do(
            self._run.read_log(offset, length, attempt=attempt, source=source, stream=stream)
        )

    def describe_log(self, *, attempt: int = 0, stream: LogStream = "out") -> LogDescription:
        return self._loop.do(self._run.describe_log(attempt=attempt, stream=stream))

    def search_log(
        self,
        pattern: str,
        *,
        attempt: int = 0,
        stream: LogStream = "out",
        regex: bool = False,
        ignore_case: bool = False,
        offset: int = 0,
        matches_max: int = 1000,
    ) -> Iterator[LogMatches | LogSearched]:
        return self._loop.stream(
            self._run.search_log(
                pattern,
                attempt=attempt,
                stream=stream,
                regex=regex,
                ignore_case=ignore_case,
                offset=offset,
                matches_max=matches_max,
            )
        )

    def outputs(self, attempt: int = 0) -> OutputList:
        return self._loop.do(self._run.outputs(attempt))

    def watch_outputs(self) -> Iterator[OutputsChanged]:
        return self._loop.stream(self._run.watch_outputs())

    def read_output(
        self, path: str, offset: int = 0, length: int | None = None, *, attempt: int = 0
    ) -> bytes:
        return self._loop.do(self._run.read_output(path, offset, length, attempt=attempt))

    def fetch(
        self,
        path: str,
        to: Path,
        *,
        attempt: int = 0,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        return self._loop.do(
            self._run.fetch(path, to, attempt=attempt, overwrite=overwrite, progress=progress)
        )

    def stop(self, grace_s: Seconds | None = None, *, signal: str | None = None) -> RunView:
        return self._loop.do(self._run.stop(grace_s, signal=signal))

    def change(
        self,
        *,
        priority: int | None = None,
        held: bool | None = None,
        tags: Iterable[str] | None = None,
        notes: str | None = None,
        pinned: bool | None = None,
        before: RunId | None = None,
    ) -> RunView:
        changed = self._run.change(
            priority=priority, held=held, tags=tags, notes=notes, pinned=pinned, before=before
        )
        return self._loop.do(changed)

    def hold(self) -> RunView:
        return self._loop.do(self._run.hold())

    def release(self) -> RunView:
        return self._loop.do(self._run.release())

    def move_before(self, other: RunId) -> RunView:
        return self._loop.do(self._run.move_before(other))

    def set_priority(self, priority: int) -> RunView:
        return self._loop.do(self._run.set_priority(priority))

    def tag(self, *tags: str) -> RunView:
        return self._loop.do(self._run.tag(*tags))

    def untag(self, *tags: str) -> RunView:
        return self._loop.do(self._run.untag(*tags))

    def retag(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> RunView:
        return self._loop.do(self._run.retag(add, remove))

    def note(self, text: str) -> RunView:
        return self._loop.do(self._run.note(text))

    def pin(self) -> RunView:
        return self._loop.do(self._run.pin())

    def unpin(self) -> RunView:
        return self._loop.do(self._run.unpin())

    def restart(self, new_run: RunId | None = None) -> "Run":
        return Run(self._loop.do(self._run.restart(new_run)), self._loop)

    def remove_files(self) -> RunView:
        return self._loop.do(self._run.remove_files())


class Fleet(WaitingMachineCalls, WaitingSweepCalls, WaitingPushCalls):
    """All paired machines; see `lanherd_client.fleet.Fleet` for each verb."""

    def __init__(self, fleet: AsyncFleet, loop: _Loop) -> None:
        self._fleet: AsyncFleet = fleet
        self._loop: _Loop = loop
        self.home: Path = fleet.home
        self.device: DeviceId = fleet.device

    def settled(self, timeout_s: float = SETTLE_S) -> None:
        self._loop.do(self._fleet.settled(timeout_s))

    def machines(self) -> tuple[MachineView, ...]:
        return self._loop.read(self._fleet.machines)

    def machine(self, machine: DeviceId) -> MachineView | None:
        return self._loop.read(lambda: self._fleet.machine(machine))

    def history(self, machine: DeviceId, gpu: GpuUuid) -> tuple[GpuPoint, ...]:
        return self._loop.read(lambda: self._fleet.history(machine, gpu))

    def runs(self, machine: DeviceId | None = None) -> tuple[RunRecord, ...]:
        return self._loop.read(lambda: self._fleet.runs(machine))

    def run_at(self, machine: DeviceId, run: RunId) -> Run:
        return Run(self._loop.read(lambda: self._fleet.run_at(machine, run)), self._loop)

    def sightings(self, unpaired_only: bool = True) -> tuple[Sighting, ...]:
        return self._loop.read(lambda: self._fleet.sightings(unpaired_only))

    def reconnect(self, machine: DeviceId | None = None) -> None:
        self._loop.read(lambda: self._fleet.reconnect(machine))

    def run(self, text: str, *, sole: bool = False) -> Run:
        return Run(self._loop.do(self._fleet.run(text, sole=sole)), self._loop)

    def pair(self, sighting: Sighting) -> MachineView:
        return self._loop.do(self._fleet.pair(sighting))

    def pair_socket(self, socket: Path) -> MachineView:
        return self._loop.do(self._fleet.pair_socket(socket))

    def forget(self, machine: DeviceId) -> None:
        self._loop.do(self._fleet.forget(machine))

    def submit(
        self,
        *,
        command: Sequence[str],
        project: Path | str | None = None,
        gpus: GpuCount = 0,
        vram: int | str = 0,
        exclusive: bool = False,
        name: str = "",
        machine: MachineNames = None,
        variables: Mapping[str, str] | None = None,
        environment: EnvironmentChoice = "auto",
        progress: Callable[[Progress], None] | None = None,
        run: RunId | None = None,
        **options: Unpack[RunOptions],
    ) -> Run:
        taken = self._fleet.submit(
            command=command,
            project=project,
            gpus=gpus,
            vram=vram,
            exclusive=exclusive,
            name=name,
            machine=machine,
            variables=variables,
            environment=environment,
            progress=progress,
            run=run,
            **options,
        )
        return Run(self._loop.do(taken), self._loop)

    def submit_many(
        self,
        orders: Iterable[Order],
        *,
        project: Path | str | None = None,
        machine: MachineNames = None,
        environment: EnvironmentChoice = "auto",
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Run, ...]:
        taken = self._fleet.submit_many(
            orders, project=project, machine=machine, environment=environment, progress=progress
        )
        return tuple(Run(run, self._loop) for run in self._loop.do(taken))
