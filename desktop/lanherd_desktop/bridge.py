"""The only door between the window and the network.

One asyncio thread holds the fleet. What happens there is collected, latest value per machine and
per run, and the GUI thread takes it once a tick (100 ms): two hundred machines at 1 Hz are ten
updates a second, not two hundred signals. Questions go the other way as jobs; their answers come
back in the same tick, and what is asked before the fleet is open waits for it. Logs flow through
bounded queues: when the window does not keep up, the reader on the other side waits, and the
machine keeps the bytes.
"""

import asyncio
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from lanherd_client.changes import (
    Change,
    MachineChanged,
    RunChanged,
    RunsChanged,
    SightingsChanged,
    TelemetryChanged,
)
from lanherd_client.fleet import Fleet
from lanherd_client.mirror import MachineView, RunRecord
from lanherd_desktop.state.room import RoomUpdate, RunKey, merged
from lanherd_desktop.streams import LogStream, OutputsStream, SearchStream, Stream, bug
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import RunView
from lanherd_protocol.values import GpuFacts

_LOG = logging.getLogger(__name__)
Result = TypeVar("Result")
Item = TypeVar("Item")
CLOSING = Failure(code=ErrorCode.SHUTTING_DOWN, title="The window is closing.")
TICK_MS = 100
QUESTIONS_MAX = 10_000
"""Questions and streams open at once; one more is a bug of the window."""
SWITCH_INTERVAL_S = 0.001
"""PySide6 holds the GIL inside long Qt calls; shorter turns halve the other thread's tail."""


class Job(Generic[Result]):
    """A question on its way. Exactly one of the callbacks is called, in the GUI thread."""

    def __init__(
        self,
        on_done: Callable[[Result], None],
        on_failed: Callable[[Failure], None],
        on_progress: Callable[[Any], None] | None,
    ) -> None:
        self._on_done = on_done
        self._on_failed = on_failed
        self._on_progress = on_progress
        self._progress: Any = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self.heard = True
        """Whether anybody still waits for the answer."""

    def forget(self) -> None:
        """It goes on, but nobody is there to hear: no callback is called any more."""
        self.heard = False

    def cancel(self) -> None:
        """No longer wanted: it ends, and no callback is called any more."""
        self._cancelled = True
        self.heard = False
        task = self._task
        if task is not None and not task.done():
            task.get_loop().call_soon_threadsafe(task.cancel)

    def progress(self, value: object) -> None:
        """Called on the asyncio thread; the GUI thread sees the latest value of each tick."""
        self._progress = value

    def started(self, task: asyncio.Task[None]) -> None:
        self._task = task
        if self._cancelled:
            task.cancel()

    def deliver_progress(self) -> None:
        value, self._progress = self._progress, None
        if value is not None and self._on_progress is not None:
            self._on_progress(value)

    def deliver(self, result: Result | Failure) -> None:
        if not self.heard:
            return
        if isinstance(result, Failure):
            self._on_failed(result)
        else:
            self._on_done(result)


Question = Callable[[Fleet, Job[Result]], Coroutine[Any, Any, Result]]


class _Collected:
    """What changed since the last tick; touched by both threads, hence the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.machines: set[DeviceId] = set()
        self.telemetry: set[DeviceId] = set()
        self.runs: set[RunKey] = set()
        self.replaced: set[DeviceId] = set()
        self.sightings = False

    def add(self, change: Change) -> None:
        match change:
            case MachineChanged(machine=machine):
                self.machines.add(machine)
            case TelemetryChanged(machine=machine):
                self.telemetry.add(machine)
            case RunChanged(machine=machine, run=run):
                self.runs.add((machine, run))
            case RunsChanged(machine=machine):
                self.replaced.add(machine)
            case SightingsChanged():
                self.sightings = True

    def empty(self) -> bool:
        return not (self.machines or self.telemetry or self.runs or self.replaced or self.sightings)


class Bridge(QObject):
    """Starts the asyncio thread, ticks, and emits what is new."""

    room_updated = Signal(object)
    """A RoomUpdate."""
    failed = Signal(object)
    """A Failure that belongs to no question: the fleet itself could not be opened."""

    def __init__(self, home: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._home = home
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fleet: Fleet | None = None
        self._stop: asyncio.Event | None = None
        self._tasks: TaskOwner | None = None
        self._ready = threading.Event()
        self._update: RoomUpdate | None = None
        self._update_lock = threading.Lock()
        self._answers: deque[tuple[Job[Any], Any]] = deque(maxlen=QUESTIONS_MAX)
        self._jobs: set[Job[Any]] = set()
        self._early: deque[Callable[[], object]] = deque(maxlen=QUESTIONS_MAX)
        self._streams: set[Stream] = set()
        self._start_failure: Failure | None = None
        self._failure_told = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="lanherd-io", daemon=True)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    # --- GUI thread ------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the fleet in its thread; returns when jobs can be given. Nothing once closed."""
        if self._closed:
            return
        self._thread.start()
        self._ready.wait()
        while self._early:
            self._early.popleft()()
        self._timer.start()

    def close(self) -> None:
        """Cancel everything, close the fleet and end the thread."""
        self._closed = True
        self._timer.stop()
        for stream in tuple(self._streams):
            stream.close()
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join()

    def ask(
        self,
        question: Question[Result],
        on_done: Callable[[Result], None],
        on_failed: Callable[[Failure], None],
        on_progress: Callable[[Any], None] | None = None,
    ) -> Job[Result]:
        """Run `question` on the asyncio thread; its answer comes with a later tick."""
        job = Job(on_done, on_failed, on_progress)
        if len(self._jobs) >= QUESTIONS_MAX:
            raise RuntimeError(f"{QUESTIONS_MAX} questions are open: the window leaks them.")
        self._jobs.add(job)
        if self._thread.ident is None:
            self._early.append(lambda: self._begin_job(job, question))
        else:
            self._begin_job(job, question)
        return job

    def forget_questions(self) -> None:
        """Those who asked are gone; what they began goes on."""
        for job in self._jobs:
            job.forget()

    def open_log(self, stream: LogStream) -> LogStream:
        """Begin to fill a log stream; it delivers in ticks until it is closed."""
        self._open(stream)
        return stream

    def search_log(self, stream: SearchStream) -> SearchStream:
        """Begin to search a log on its machine; what is found comes with ticks."""
        self._open(stream)
        return stream

    def watch_outputs(self, stream: OutputsStream) -> OutputsStream:
        """Begin to watch a run's outputs; the latest listing comes with a tick."""
        self._open(stream)
        return stream

    def tick(self) -> None:
        """Take what has come and hand it to the window."""
        if self._start_failure is not None and not self._failure_told:
            self._failure_told = True
            self.failed.emit(self._start_failure)
        with self._update_lock:
            update, self._update = self._update, None
        if update is not None:
            self.room_updated.emit(update)
        while self._answers:
            job, result = self._answers.popleft()
            self._jobs.discard(job)
            job.deliver(result)
        for job in tuple(self._jobs):
            if job.heard:
                job.deliver_progress()
            else:
                self._jobs.discard(job)
        for stream in tuple(self._streams):
            stream.deliver()
            if stream.over:
                self._streams.discard(stream)

    def _open(self, stream: Stream) -> None:
        self._streams.add(stream)
        if self._thread.ident is None:
            self._early.append(lambda: self._hand_over(self._spawn_stream, stream))
        else:
            self._hand_over(self._spawn_stream, stream)

    def _begin_job(self, job: Job[Any], question: Question[Any]) -> None:
        if not self._hand_over(self._spawn_job, job, question):
            self._answers.append((job, self._start_failure or CLOSING))

    def _hand_over(self, work: Callable[..., None], *arguments: object) -> bool:
        """Let the asyncio thread do it; False when it does nothing any more."""
        if self._loop is None or self._fleet is None:
            return False
        try:
            self._loop.call_soon_threadsafe(work, *arguments)
        except RuntimeError:  # the loop was closed meanwhile
            return False
        return True

    # --- asyncio thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            async with TaskOwner("desktop") as tasks, Fleet.open(self._home) as fleet:
                self._tasks = tasks
                self._fleet = fleet
                self._ready.set()
                tasks.spawn(self._follow(fleet), "follow the fleet")
                await self._stop.wait()
                self._fleet = None
                await tasks.close()
        except LanherdError as problem:
            self._start_failure = problem.failure
            self._ready.set()

    async def _follow(self, fleet: Fleet) -> None:
        with fleet.changes() as changes:
            while batch := await changes.batch():
                collected = _Collected()
                for change in batch:
                    collected.add(change)
                fresh = _update_of(fleet, collected)
                with self._update_lock:
                    self._update = fresh if self._update is None else merged(self._update, fresh)

    def _spawn_job(self, job: Job[Result], question: Question[Result]) -> None:
        if self._tasks is None or self._fleet is None:
            self._answers.append((job, CLOSING))
            return
        job.started(self._tasks.spawn(self._answer(self._fleet, job, question), "a question"))

    async def _answer(self, fleet: Fleet, job: Job[Result], question: Question[Result]) -> None:
        try:
            result: Result | Failure = await question(fleet, job)
        except LanherdError as problem:
            result = problem.failure
        except Exception as problem:
            _LOG.exception("a question of the window failed")
            result = bug(problem)
        self._answers.append((job, result))

    def _spawn_stream(self, stream: Stream) -> None:
        if self._tasks is not None and self._fleet is not None and not stream.closed:
            stream.begin(self._tasks.spawn(stream.fill(self._fleet), "a stream"))


async def in_thread(work: Callable[[], Result]) -> Result:
    """For questions that read the disk: neither the window nor the network waits."""
    return await asyncio.to_thread(work)


def _gpus_of(view: MachineView) -> tuple[GpuFacts, ...]:
    return () if view.facts is None else view.facts.gpus


def _update_of(fleet: Fleet, collected: _Collected) -> RoomUpdate:
    """Read the fleet's latest values of everything that changed."""
    machines = {
        machine: fleet.machine(machine) for machine in collected.machines | collected.telemetry
    }
    # One that was forgotten and paired again since the last look is only seen to have changed: its
    # history says that it began anew, with none.
    histories = {
        machine: {gpu.uuid: fleet.history(machine, gpu.uuid) for gpu in _gpus_of(view)}
        for machine, view in machines.items()
        if view is not None
    }
    replaced: dict[DeviceId, tuple[RunRecord, ...]] = {
        machine: fleet.runs(machine) for machine in collected.replaced
    }
    runs: dict[RunKey, RunView | None] = {
        key: fleet.run_view(*key) for key in collected.runs if key[0] not in replaced
    }
    return RoomUpdate(
        machines=machines,
        histories=histories,
        runs=runs,
        runs_replaced=replaced,
        # A machine that is paired or forgotten is no news to its finder, but leaves or joins these.
        sightings=fleet.sightings() if collected.sightings or collected.machines else None,
    )


async def some_at_a_time(
    those: Iterable[Item], work: Callable[[Item], Coroutine[Any, Any, None]], at_once: int
) -> None:
    """Do the work of each, so many of them beside each other; it takes its failures itself."""
    left = iter(those)

    async def one_by_one() -> None:
        for item in left:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_by_one())
