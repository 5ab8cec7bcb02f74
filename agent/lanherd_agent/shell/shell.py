"""The shell around the core: it is the only one that waits, writes and tells.

Everything that happens comes through one inbox. A turn drains it, runs the core, commits all that
changed in one transaction in the writer thread, and only then answers, tells and acts; meanwhile
the inbox fills for the next turn (group commit). If a commit fails, its callers are told so, the
core is loaded again from what the store holds, and the facts of that turn come again: a full disk
delays what is known, and loses none of it. Stops come again too, at once and without the others,
since the store holds some space back for them. A store that fails for good ends `serve`, also when
it was somebody's look at an old run that found it out.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.explaining import GpuNotes
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import RunRecord, view
from lanherd_agent.fail_points import ARMED, hit
from lanherd_agent.persist.store import (
    COMMANDS_KEPT,
    EVENTS_KEPT,
    AuditEntry,
    Device,
    Loaded,
    Store,
)
from lanherd_agent.shell.clock import Alarm, Clock, SystemClock
from lanherd_agent.shell.executor import EffectExecutor
from lanherd_agent.shell.inbox import (
    Asked,
    Entry,
    Inbox,
    are_urgent,
    event_of,
    is_stop,
    run_entry,
    shutting_down,
)
from lanherd_agent.shell.paging import line_of, page_of, unknown_run
from lanherd_agent.shell.reading import LiveAttempt, Reading, RunsSnapshot
from lanherd_agent.shell.timers import Timers
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId, RunId, short_id
from lanherd_protocol.messages import (
    ChangeRun,
    ListRuns,
    NewRun,
    RemoveRunFiles,
    RestartRun,
    RunList,
    StopRun,
)
from lanherd_protocol.states import RunView

RETRY_S = 1.0
"""How long nothing is tried after a commit found the disk full."""
OF_MACHINE = (e.RulesChanged, e.DiskRead, e.ReadingsTaken)
"""Facts of which only the newest counts, and which are not kept. Told in this order: GPUs that are
free would start what a low disk, or the owner, forbids."""

Answer = TypeVar("Answer")
OnPublished = Callable[[tuple[RunView, ...]], None]
_LOG = logging.getLogger(__name__)


class Shell:
    """One agent's core, store and inbox. Made by `open`; works while `serve` runs."""

    def __init__(
        self, store: Store, writer: ThreadPoolExecutor, loaded: Loaded, clock: Clock, rules: Rules
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._rules = rules
        kept, total = loaded.kept, loaded.runs_total
        self._core = AgentCore(kept, rules)
        self._reading = Reading(
            kept.runs, seq=kept.seq, ordinal=kept.ordinal, total=total, ended_kept=rules.ended_kept
        )
        self._devices = {device.device: device for device in loaded.devices}
        self._meta = dict(loaded.meta)
        self.machine = kept.machine
        self._machine: dict[type, e.Fact] = {}
        self._inbox = Inbox()
        self._timers = Timers(clock, lambda timer: self.post(e.TimerFired(timer=timer)))
        self._listeners: list[OnPublished] = []
        self._in_turn: list[Entry] = []
        self._problem: LanherdError | None = None
        self._refusal: LanherdError | None = None
        self._fatal: LanherdError | None = None
        self._rest: Alarm | None = None
        self._rested = asyncio.Event()
        self._rested.set()
        self._closing = self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(
        cls, store: Store, *, clock: Clock | None = None, rules: Rules | None = None
    ) -> "Shell":
        """Load what the store holds. Raises STORE_FAILED; the store is then closed."""
        rules = rules or Rules(commands_kept=COMMANDS_KEPT)
        writer = ThreadPoolExecutor(1, thread_name_prefix="lanherd-store")
        loop = asyncio.get_running_loop()
        try:
            loaded = await loop.run_in_executor(writer, store.load, rules.ended_kept)
        except BaseException:
            await loop.run_in_executor(writer, store.close)
            writer.shutdown()
            raise
        return cls(store, writer, loaded, clock or SystemClock(), rules)

    async def serve(self, executor: EffectExecutor) -> None:
        """Take turns until `close`. First hands out the effects that a crash left undone.

        Raises STORE_FAILED when the store can't be used any more; nothing is acknowledged then.
        """
        self._idle.clear()
        try:
            now = self._clock.now()
            self._timers.obey(self._core.timers(now), now)
            undone = tuple(self._core.resume())
            if undone:
                executor.begin(undone)
            while await self._wait_for_work():
                await self._take_turn(executor)
        except LanherdError as failure:
            self._problem = self._refusal = failure
            raise
        finally:
            self._end()

    async def close(self) -> None:
        """Take no more requests, commit what was handed in, and close the store. Twice is once."""
        self._closing = True
        self._inbox.wake()
        self._rested.set()
        await self._idle.wait()
        self._end()
        if not self._closed:
            self._closed = True
            await self._in_writer(self._store.close)
            self._writer.shutdown()

    # --- Requests --------------------------------------------------------------------------------

    async def submit(
        self, owner: str, runs: tuple[NewRun, ...], audit: AuditEntry | None = None
    ) -> tuple[RunView, ...]:
        """Take all of the runs, or none; returns once they are durable."""
        return await self.request(e.RunsSubmitted(owner=owner, runs=runs), audit)

    async def stop(
        self, owner: str | None, request: StopRun, audit: AuditEntry | None = None
    ) -> RunView:
        """End a run or cancel it in the line; the answer is the run as it then is."""
        return (await self.request(e.StopRequested(owner=owner, request=request), audit))[0]

    async def change(
        self, owner: str | None, request: ChangeRun, audit: AuditEntry | None = None
    ) -> RunView:
        """Change a run's settings; the answer is the run as it then is."""
        return (await self.request(e.ChangeRequested(owner=owner, request=request), audit))[0]

    async def restart(
        self,
        owner: str | None,
        caller: str,
        request: RestartRun,
        audit: AuditEntry | None = None,
    ) -> RunView:
        """Submit a run's spec once more, as a run of the caller's; the answer is the new run."""
        event = e.RestartRequested(owner=owner, caller=caller, request=request)
        return (await self.request(event, audit))[0]

    async def remove_files(
        self, owner: str | None, request: RemoveRunFiles, audit: AuditEntry | None = None
    ) -> RunView:
        """Have the files of an ended run removed; the answer comes before they are gone."""
        event = e.FilesRemovalRequested(owner=owner, request=request)
        return (await self.request(event, audit))[0]

    async def put_meta(self, key: str, value: str, audit: AuditEntry | None = None) -> None:
        """Keep a value under a key, for `meta`."""
        await self._ask(lambda turn: _audited(turn, turn.meta.update({key: value}), audit))

    async def add_device(self, device: Device, audit: AuditEntry | None = None) -> Device:
        """Pair a controller, or change one that is paired; lifts an earlier revocation."""
        return await self._ask(lambda turn: self._put_device(turn, device, audit))

    async def revoke_device(self, device: DeviceId, audit: AuditEntry | None = None) -> Device:
        """Let a controller in no more. It stays known. Raises NOT_FOUND."""

        def apply(turn: Turn) -> Device:
            known = next((d for d in reversed(turn.devices) if d.device == device), None)
            known = known or self._devices.get(device)
            if known is None:
                raise error(
                    ErrorCode.NOT_FOUND,
                    f"No device {short_id(device)} is paired with this machine.",
                    remedy="Look at the list of paired devices.",
                    device=device,
                )
            return self._put_device(turn, replace(known, revoked_at=turn.now), audit)

        return await self._ask(apply)

    async def record(self, entry: AuditEntry) -> None:
        """Append an audit entry that belongs to no other change."""
        await self._ask(lambda turn: turn.audit.append(entry))

    def post(self, event: e.Fact) -> None:
        """Say what has happened. On the loop's thread."""
        self._inbox.post(event)

    def _put_device(self, turn: Turn, device: Device, audit: AuditEntry | None) -> Device:
        turn.devices.append(device)
        return _audited(turn, device, audit)

    async def request(self, event: e.Request, audit: AuditEntry | None) -> tuple[RunView, ...]:
        return await self._ask(lambda turn: _audited(turn, turn.take(event), audit), event)

    async def _ask(self, apply: Callable[[Turn], Answer], event: e.Request | None = None) -> Answer:
        stop = isinstance(event, e.StopRequested)
        if self._refusal is not None and not (stop and self._rest is not None):
            raise self._refusal
        if self._closing:
            raise shutting_down()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._inbox.ask(Asked(apply, future, event))
        if stop:
            self._rested.set()
        return await future

    # --- Reading ---------------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        """The number of the last committed change."""
        return self._reading.seq

    @property
    def live_runs(self) -> int:
        return self._reading.live_runs

    @property
    def queued_runs(self) -> int:
        return self._reading.waiting_runs

    async def view(self, run: RunId) -> RunView:
        """The run as it was committed last. Raises NOT_FOUND."""
        found = self._reading.find(run, self._core.books.queue)
        return found if found is not None else view(await self._find_in_store(run))

    async def list_runs(self, request: ListRuns) -> RunList:
        """A page of runs, newest first. Raises NOT_FOUND for an unknown `before`."""
        ended_before = partial(self._look_up, self._store.ended_before)
        queue = self._core.books.queue
        return await page_of(request, self._reading, queue, self._find_in_store, ended_before)

    async def find(self, runs: Iterable[RunId]) -> dict[RunId, RunRecord]:
        """Those of the runs that are known, as they were committed last."""
        records = await self._look_up(self._store.find_runs, tuple(runs))
        return {record.run: record for record in records}

    def meta(self, key: str) -> str | None:
        """What was kept under the key."""
        return self._meta.get(key)

    def line(self, limit: int) -> tuple[RunView, ...]:
        """The first runs that wait, in the order of their turns."""
        return line_of(self._core.books, self._reading, limit)

    def snapshot(self, ended_max: int = 100, waiting_max: int = 1000) -> RunsSnapshot:
        """The live runs, the first that wait, and the newest that ended."""
        return self._reading.snapshot(ended_max, waiting_max, self._core.books.queue)

    async def events_since(self, number: int) -> tuple[RunView, ...] | None:
        """The changes after `number`, in order; None if some are not kept any more."""
        if number > self.seq:
            return None
        if (recent := self._reading.recent_since(number)) is not None:
            return recent
        return await self._look_up(self._store.events_since, number, EVENTS_KEPT * 2)

    def on_published(self, callback: OnPublished) -> Callable[[], None]:
        """Call back with the changes of each turn, once committed. Returns how to end that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def before_turns(self, read: Callable[[], e.Fact | None]) -> None:
        """Before each turn, tell the core what `read` finds. It must not wait for anything."""
        self._inbox.read = read

    @property
    def problem(self) -> LanherdError | None:
        """Why nothing can be kept now: the disk is full, or the store has failed."""
        return self._problem

    def device(self, device: DeviceId) -> Device | None:
        return self._devices.get(device)

    def devices(self) -> tuple[Device, ...]:
        return tuple(self._devices.values())

    def live_attempts(self) -> tuple[LiveAttempt, ...]:
        return self._reading.live_attempts()

    def gpu_notes(self, now: float) -> GpuNotes:
        return self._core.books.gpu_notes(now)

    def story(self, run: RunId) -> str:
        """What happened lately to a run that is not over, for error logs."""
        return self._core.books.stories.tell(run)

    async def _find_in_store(self, run: RunId) -> RunRecord:
        found = await self._look_up(self._store.find_runs, (run,))
        if not found:
            raise unknown_run(run)
        return found[0]

    # --- Turns -----------------------------------------------------------------------------------

    async def _wait_for_work(self) -> bool:
        """Whether there is a turn to take; waits until there is, or `close` was called."""
        while len(self._inbox) or not self._closing:
            await self._inbox.wait_filled()
            await self._rested.wait()
            if self._fatal is not None:
                raise self._fatal
            if len(self._inbox):
                return True
        return False

    async def _take_turn(self, executor: EffectExecutor) -> None:
        self._in_turn = entries = self._inbox.drain()
        urgent = are_urgent(entries)
        self._machine.update((type(fact), fact) for fact in entries if isinstance(fact, OF_MACHINE))
        try:
            recalled = await self._recall(entries)
            turn = Turn(self._core, self._clock.now())
            for entry in entries:
                run_entry(entry, turn)
            batch = turn.batch()
            if batch:
                if ARMED:
                    hit("shell.before_commit")
                commit = partial(self._store.commit, batch, urgent=urgent)
                if not await self._in_writer(commit):
                    self._say_recovered()
                if ARMED:
                    hit("shell.committed")
        except LanherdError as failure:
            await self._on_not_committed(entries, failure, urgent)
        else:
            self._settle(turn, entries, recalled, executor)
            if ARMED and batch:
                hit("shell.settled")
        self._in_turn = []
        if self._store.untidy:
            await self._in_writer(self._store.tidy)

    async def _recall(self, entries: Iterable[Entry]) -> list[RunId]:
        """Let the core know again the ended runs that these are about."""
        events = (event_of(entry) for entry in entries)
        strangers = [
            run for event in events if event is not None for run in self._core.strangers(event)
        ]
        if not strangers:
            return []
        records = await self._in_writer(self._store.find_runs, strangers)
        self._core.recall(records)
        return [record.run for record in records]

    def _settle(
        self, turn: Turn, entries: list[Entry], recalled: list[RunId], executor: EffectExecutor
    ) -> None:
        """The turn is durable: answer, tell, act."""
        evicted = self._reading.apply(turn.told)
        self._core.forget(evicted)
        self._core.forget(recalled)
        self._devices.update((device.device, device) for device in turn.devices)
        self._meta.update(turn.meta)
        self.machine = turn.machine or self.machine
        for entry in entries:
            if isinstance(entry, Asked):
                entry.settle()
        if turn.told:
            self._publish(tuple(told.view for told in turn.told))
        self._timers.obey(turn.timing(), turn.now)
        acting = turn.acting()
        if acting:
            executor.begin(acting)

    def _publish(self, views: tuple[RunView, ...]) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(views)
            except Exception:
                _LOG.exception("A listener to the changes of runs failed.")

    # --- When the store can't --------------------------------------------------------------------

    async def _on_not_committed(
        self, entries: list[Entry], failure: LanherdError, urgent: bool
    ) -> None:
        """Nothing of the turn is kept: say so, and let its facts and its stops come again."""
        again: list[Entry] = [entry for entry in entries if not isinstance(entry, Asked)]
        if failure.code is ErrorCode.DISK_FULL and not urgent and not self._closing:
            again += filter(is_stop, entries)
            entries = [entry for entry in entries if not is_stop(entry)]
        self._fail(entries, failure)
        if failure.code is not ErrorCode.DISK_FULL:
            raise failure
        if self._closing:
            # What the facts say is found again at the next start: the effects are still pending.
            self._inbox.fail_requests(failure)
            self._inbox.clear()
            return
        if self._problem is None:
            _LOG.warning("%s Nothing is taken until there is space again.", failure)
        self._problem = self._refusal = failure
        self._inbox.fail_requests(failure, but_stops=True)
        self._in_turn = again
        loaded = await self._in_writer(self._store.load, self._rules.ended_kept)
        core = AgentCore(loaded.kept, self._rules)
        core.inherit(self._core)
        self._core = core
        self._timers.clear()
        now = self._clock.now()
        self._timers.obey(self._core.timers(now), now)
        # What the machine was like is not kept, and the new core has not heard of it.
        again = [fact for fact in again if not isinstance(fact, OF_MACHINE)]
        told = [self._machine[kind] for kind in OF_MACHINE if kind in self._machine]
        self._inbox.put_back([*told, *again])
        if self._rest is not None:
            self._rest.cancel()
        if not self._inbox.has_stops:
            self._rested.clear()
        self._rest = self._clock.call_later(RETRY_S, self._on_rested)

    def _on_rested(self) -> None:
        """Try again: with the facts that were not kept, and with the next request."""
        self._rest = None
        self._refusal = None
        self._rested.set()

    def _say_recovered(self) -> None:
        if self._problem is not None:
            self._problem = self._refusal = None
            _LOG.info("The disk has space again; runs are taken as before.")

    def _end(self) -> None:
        """Nobody serves any more: whoever waits is told so, and whoever asks from now on."""
        self._timers.clear()
        if self._rest is not None:
            self._rest.cancel()
            self._on_rested()
        self._refusal = self._refusal or shutting_down()
        self._fail(self._in_turn, self._refusal)
        self._inbox.fail_requests(self._refusal)
        self._idle.set()

    @staticmethod
    def _fail(entries: list[Entry], failure: LanherdError) -> None:
        for entry in entries:
            if isinstance(entry, Asked):
                entry.fail(failure)

    async def _look_up(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """Read in the store, for somebody who asks."""
        try:
            return await self._in_writer(work, *arguments)
        except LanherdError as failure:
            if failure.code is ErrorCode.STORE_FAILED and self._fatal is None:
                self._fatal = failure
                self._rested.set()
                self._inbox.wake()
            raise

    async def _in_writer(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, work, *arguments)


def _audited(turn: Turn, answer: Answer, audit: AuditEntry | None) -> Answer:
    if audit is not None:
        turn.audit.append(audit)
    return answer
