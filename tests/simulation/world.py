"""A seeded world around the core: machine, people, crashes and full disks, in one thread.

`World(seed)` takes the same turns as the shell does, against a store that fails now and then, and
between commit and effect as well as elsewhere the agent may die. After every event the invariants
hold, and what starts is held against what is true (`truth.py`); every request is sent again now and
then, and has the very same answer; at the end every acknowledged run has ended once, after the
attempts that its rule gives it, each with its true outcome.
"""

import hashlib
import random
from collections.abc import Callable

from msgspec import msgpack

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Starting, is_ready
from lanherd_agent.core.step import Kept
from lanherd_agent.persist.failing import Died, FailingStore, Fault
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.machine_messages import UncordonGpu
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import Ended
from tests.simulation.machine import Machine
from tests.simulation.making import command_id
from tests.simulation.people import People
from tests.simulation.truth import Truth

STEPS = 120
ALL = 1_000_000
OWNER = e.RulesChanged(rules=MachineRules(backfill=False, failures_max=0, failures_backoff_s=0.0))
"""Strictly one after the other, where they could use the same GPU; failures close none."""
FAULTS: tuple[Fault, ...] = ("disk_full", "die_before", "die_after")
REFUSALS = {ErrorCode.CONFLICT, ErrorCode.NOT_FOUND, ErrorCode.INVALID_REQUEST}


class World:
    """One machine, from its first run to its last."""

    def __init__(self, seed: int, steps: int = STEPS) -> None:
        self.random = random.Random(seed)
        self.steps = steps
        self.commands = 1_000_000
        self.truth = Truth()
        self.machine = Machine(self.random, self.truth)
        self.people = People(self.random, self.machine, self.truth)
        self.rules = Rules(
            runs_at_once_max=self.random.choice((1, 3, 64)),
            prepare_ahead_max=self.random.choice((1, 2, 8)),
            explained_max=3,
            ended_kept=self.random.choice((0, 2, 1000)),
        )
        self.store = FailingStore(MemoryStore())
        self.trace = hashlib.sha256()
        self.answered: list[tuple[e.Request, bytes]] = []
        self.unanswered: list[e.Request] = []
        self.facts: list[e.Fact] = []
        self.wanted: list[f.Acting] = []
        self.timers: dict[str, float] = {}
        """By the true time at which they fire."""
        self.disk: e.DiskRead | None = None
        self.disk_is_low = False
        self._start_agent()

    @property
    def simulated_s(self) -> float:
        return self.machine.true_s

    def run(self) -> str:
        """The whole life of the world; the trace's hash is the same for the same seed."""
        actions: tuple[Callable[[], object], ...] = (
            self._submit, self._submit, self._submit, self._send_again, self._send_again,
            self._stop, self._change, self._change, self._restart, self._remove_files, self._retain,
            self._act, self._act, self._act, self._act, self._act, self._act, self._act,
            self._exit, self._exit, self._exit, self._read_gpus, self._read_gpus, self._read_disk,
            self._open_gpus,
            self._tick, self._tick, self._fail_soon, self._crash, self._tell_late,
        )  # fmt: skip
        for _ in range(self.steps):
            self.machine.true_s += self.random.random() * 3
            self.random.choice(actions)()
            self._flush()
        self._settle()
        self._judge()
        return self.trace.hexdigest()

    # --- The agent -------------------------------------------------------------------------------

    def _start_agent(self) -> None:
        """As the shell does it: load, take up what was left undone, read GPUs and disk anew."""
        self.core = AgentCore(self._load(), self.rules)
        check(self.core)
        self.machine.forget_xids()
        self._set_timers()
        self.wanted = list(self.core.resume())
        self.facts = [OWNER, e.ReadingsTaken(gpus=tuple(self.machine.gpus))]
        self.disk, self.disk_is_low = None, False

    def _load(self) -> Kept:
        for record in self.store.load(ALL).kept.runs:
            if isinstance(record.state, Ended):
                self.truth.end(record.run, record.state)
        return self.store.load(self.rules.ended_kept).kept

    def _set_timers(self) -> None:
        now = self.machine.wall
        self.timers = {
            timer.timer: self.machine.true_s + max(0.0, timer.at - now)
            for timer in self.core.timers(now)
        }

    def _turn(self, *events: e.Event) -> bool:
        """One transaction; whether it was committed. A crash starts the agent anew."""
        turn = Turn(self.core, self.machine.wall)
        try:
            for event in events:
                self._take(turn, event)
            self.store.commit(turn.batch())
        except Died:
            self._die()
            return False
        except LanherdError as failure:
            if failure.code is not ErrorCode.DISK_FULL:
                raise
            self._on_full_disk([event for event in events if not isinstance(event, e.Request)])
            return False
        self._committed(turn)
        return True

    def _take(self, turn: Turn, event: e.Event) -> None:
        self.core.recall(self.store.find_runs(self.core.strangers(event)))
        before = self._starting()
        self.reply = turn.take(event)
        check(self.core)
        if isinstance(event, e.DiskRead):
            self._see_disk(event)
        started = self._starting() - before
        assert not (started and self.disk_is_low), "a run was started on a low disk"
        self._check_nobody_was_passed(started)

    def _on_full_disk(self, facts: list[e.Fact]) -> None:
        """The core is loaded anew; the agent lives, and so does what it is doing."""
        self.truth.full_disks += 1
        before, disk = self.core, self.disk
        self.core = AgentCore(self._load(), self.rules)
        check(self.core)
        self.core.inherit(before)
        self._set_timers()
        again: list[e.Fact] = [OWNER, e.ReadingsTaken(gpus=tuple(self.machine.gpus))]
        self.disk_is_low = False
        if disk is not None:
            again.append(disk)
        self.facts = [*again, *facts, *self.facts]

    def _committed(self, turn: Turn) -> None:
        for told in turn.told:
            self.trace.update(msgpack.encode(told.view))
            self.truth.see(told.view)
        self._forget()
        acting = turn.acting()
        newer = {effect.id for effect in acting}
        self.wanted = [one for one in self.wanted if one.id not in newer]
        self.wanted += acting
        for effect in turn.timing():
            if isinstance(effect, f.SetTimer):
                after_s = max(0.0, effect.at - turn.now)
                self.timers[effect.timer] = self.machine.true_s + after_s
            else:
                self.timers.pop(effect.timer, None)

    def _forget(self) -> None:
        """Ended runs are left to the store, the oldest first, but for as many as are kept."""
        if self.random.random() < 0.1:
            runs = self.core.books.runs.values()
            ended = sorted((run.ordinal, run.run) for run in runs if isinstance(run.state, Ended))
            count = max(0, len(ended) - self.rules.ended_kept)
            self.core.forget([run for _, run in ended[:count]])

    def _flush(self) -> None:
        """Tell the agent what has happened, some facts at a time."""
        facts, self.facts = self.facts, []
        while facts:
            count = self.random.randint(1, 3)
            some, facts = facts[:count], facts[count:]
            crashes = self.truth.crashes
            if not self._turn(*some):
                # After a crash nobody remembers the rest; a full disk only delays it.
                if self.truth.crashes == crashes:
                    self.facts += facts
                return

    # --- Requests --------------------------------------------------------------------------------

    def _ask(self, request: e.Request) -> None:
        """Send a request; whether it was taken isn't known if the agent dies meanwhile."""
        if isinstance(request, e.StopRequested):
            self.truth.stops.add(request.request.run)
        try:
            taken = self._turn(request)
        except LanherdError as refusal:
            if refusal.code not in REFUSALS:
                raise
            check(self.core)
            return
        if not taken:
            self.unanswered.append(request)
            return
        self.answered.append((request, msgpack.encode(self.reply)))
        if isinstance(request, e.StopRequested):
            self.truth.stopped_at[request.request.run] = self.reply[0].attempt
        if isinstance(request, e.RunsSubmitted):
            self.truth.acknowledged.update((one.run, one) for one in request.runs)

    def _send_again(self) -> None:
        if self.unanswered and self.random.random() < 0.5:
            self._ask(self.unanswered.pop(self.random.randrange(len(self.unanswered))))
        elif self.answered:
            request, reply = self.random.choice(self.answered)
            if self._turn(request):
                self.truth.answered_again += 1
                assert msgpack.encode(self.reply) == reply, "the same request, another answer"

    def _maybe_ask(self, request: e.Request | None) -> None:
        if request is not None:
            self._ask(request)

    def _submit(self) -> None:
        self._ask(self.people.submit())

    def _stop(self) -> None:
        self._maybe_ask(self.people.stop())

    def _change(self) -> None:
        self._maybe_ask(self.people.change())

    def _restart(self) -> None:
        self._maybe_ask(self.people.restart())

    def _remove_files(self) -> None:
        self._maybe_ask(self.people.remove_files())

    # --- What happens ----------------------------------------------------------------------------

    def _act(self) -> None:
        """The executor does one of the things that are wanted, and says how it ended."""
        if self.wanted:
            effect = self.wanted.pop(self.random.randrange(len(self.wanted)))
            self.facts += self.machine.do(effect)

    def _exit(self) -> None:
        self.facts += self.machine.end_one()

    def _tell_late(self) -> None:
        """An end that was told is told once more, after whatever came of it."""
        if self.machine.told:
            self.facts.append(self.random.choice(self.machine.told))

    def _retain(self) -> None:
        """Retention chooses: it may be wrong, but it takes nothing that is live or pinned."""
        known = list(self.truth.acknowledged)
        if known:
            self.facts.append(e.FilesRemovalDue(runs=tuple(self.random.sample(known, 1))))

    def _read_gpus(self) -> None:
        self.facts.append(self.machine.read_gpus())

    def _open_gpus(self) -> None:
        """A person has looked at what the driver reported."""
        for gpu in list(self.core.books.machine.cordons):
            self.commands += 1
            request = UncordonGpu(command=command_id(self.commands), gpu=gpu)
            self._turn(e.MachineRequested(by="ann", request=request))

    def _read_disk(self) -> None:
        self.facts.append(self.machine.read_disk())

    def _see_disk(self, read: e.DiskRead) -> None:
        self.disk = read
        factor = self.rules.low_disk_lifts_at if self.disk_is_low else 1
        self.disk_is_low = read.free_bytes < read.low_bytes * factor

    def _tick(self) -> None:
        due = [timer for timer, at in self.timers.items() if at <= self.machine.true_s]
        for timer in due:
            del self.timers[timer]
            self.facts.append(e.TimerFired(timer=timer))
        self.facts += self.machine.backstops()

    def _fail_soon(self) -> None:
        self.store.fail_next(self.random.choice(FAULTS))

    def _crash(self) -> None:
        """The agent is killed, or the whole machine goes down."""
        if self.random.random() < 0.4:
            self._die()

    def _die(self) -> None:
        """All that is not in the store or the run directories is gone. The machine goes on without
        the agent for a while, or is restarted."""
        self.truth.crashes += 1
        self.machine.true_s += self.random.choice((0, 1, 20))
        for _ in range(self.random.choice((0, 0, 1, 3))):
            self.machine.end_one()
        self.machine.backstops()
        if self.random.random() < 0.2:
            self.machine.reboot()
        if self.random.random() < 0.1:
            self.machine.set_clock()
        self._start_agent()

    # --- Judgement -------------------------------------------------------------------------------

    def _starting(self) -> set[RunId]:
        runs = self.core.books.runs.values()
        return {run.run for run in runs if isinstance(run.state, Starting)}

    def _check_nobody_was_passed(self, started: set[RunId]) -> None:
        """No run took a GPU that one which waits ahead of it could have used."""
        books = self.core.books
        for run in started:
            mine = books.runs[run]
            taken = {gpu.index for gpu in books.ledger.leases()[mine.holder].gpus}
            for other in books.waiting.values():
                wants = other.spec.gpus
                could = {
                    one.index
                    for one in books.readings or ()
                    if one.problem is None
                    and one.uuid not in books.machine.cordons
                    and one.total_bytes >= wants.vram_bytes
                }
                if other.place < mine.place and is_ready(other) and wants.count > 0:
                    assert len(could) < wants.count or not taken & could, "a run was passed"

    def _settle(self) -> None:
        """No more faults: everything that waits gets its turn, and ends."""
        self.store.faults.clear()
        self._flush()
        while self.unanswered:
            self._ask(self.unanswered.pop(0))
        self.facts += [self.machine.read_gpus(foreign=False), self.machine.read_disk(low=False)]
        for _ in range(10_000):
            if not (self.core.books.waiting or len(self.core.books.ledger) or self.facts
                    or self.wanted):  # fmt: skip
                return
            for run in list(self.core.books.waiting.values()):
                if run.settings.held:
                    self._ask(self.people.settle(run.run, held=False))
            self.machine.true_s += 20
            self._open_gpus()
            self._act()
            self._exit()
            self._tick()
            self._flush()
        raise AssertionError("runs wait for ever")

    def _judge(self) -> None:
        kept = {record.run: record for record in self.store.load(ALL).kept.runs}
        assert kept.keys() >= self.truth.acknowledged.keys(), "an acknowledged run is gone"
        assert not self.core.books.pending, "an effect never ended"
        assert not self.core.books.timers, "a timer outlived its run"
        for record in kept.values():
            self.truth.judge(record)
        for request, reply in self.answered:
            assert self._turn(request), "the store failed although it was told not to"
            assert msgpack.encode(self.reply) == reply, "the same request, another answer"
