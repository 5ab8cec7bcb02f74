"""A seeded world around the core: machines' GPUs, processes, crashes and full disks, in one thread.

`World(seed)` takes the same turns as the shell does, against a store that fails now and then, and
plays the launcher, the environment builder and other people's GPU processes. What it knows to be
true (which processes live, what was acknowledged) is what the core is held against: after every
event the invariants, and at the end that every acknowledged run ended once, with the true outcome.
"""

import hashlib
import random
from dataclasses import dataclass, field

from msgspec import msgpack

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Starting, is_ready
from lanherd_agent.persist.failing import Died, FailingStore, Fault
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended, Outcome
from lanherd_protocol.values import Lease, RunSpec
from tests.simulation.making import GB, NOW, PLAIN, PROJECT, gpu, gpu_spec, new, stop

STEPS = 120
FAULTS: tuple[Fault, ...] = ("disk_full", "die_before", "die_after")
Attempt = tuple[RunId, int]


@dataclass
class Process:
    """What the run directory of an attempt holds: it was started once, and how it ended."""

    pid: int
    lease: Lease
    started_at: float
    code: int | None = None
    signal: int | None = None
    told_exit: bool = False
    ignores_sigterm: bool = False

    @property
    def alive(self) -> bool:
        return self.code is None and self.signal is None


@dataclass
class Truth:
    """What happened, whatever the agent remembers."""

    acknowledged: dict[RunId, RunSpec] = field(default_factory=dict)
    processes: dict[Attempt, Process] = field(default_factory=dict)
    refused_start: set[Attempt] = field(default_factory=set)
    outcomes: dict[RunId, Outcome] = field(default_factory=dict)
    crashes: int = 0
    full_disks: int = 0


class World:
    """One machine, from its first run to its last."""

    def __init__(self, seed: int, steps: int = STEPS) -> None:
        self.random = random.Random(seed)
        self.now = NOW
        self.steps = steps
        self.truth = Truth()
        self.rules = Rules(
            runs_at_once_max=self.random.choice((1, 3, 64)),
            prepare_ahead_max=self.random.choice((1, 2, 8)),
            explained_max=3,
            ended_kept=self.random.choice((0, 2, 1000)),
        )
        sizes = [self.random.choice((12, 24, 80)) for _ in range(self.random.randint(0, 4))]
        self.gpus = [gpu(index, size) for index, size in enumerate(sizes)]
        self.store = FailingStore(MemoryStore())
        self.trace = hashlib.sha256()
        self.facts: list[e.Fact] = []
        self.wanted: list[f.Acting] = []
        self.timers: dict[str, float] = {}
        self.numbers = 0
        self.commands = 0
        self.sent: list[NewRun] = []
        self._start_agent()

    def run(self) -> str:
        """The whole life of the world; the trace's hash is the same for the same seed."""
        for _ in range(self.steps):
            self.now += self.random.random() * 3
            self.random.choice(
                (
                    self._submit, self._submit, self._send_again, self._stop,
                    self._act, self._act, self._act, self._act,
                    self._exit, self._exit, self._read_gpus, self._tick, self._fail_soon,
                    self._crash, self._lose,
                )
            )()  # fmt: skip
            self._flush()
        self._settle()
        self._judge()
        return self.trace.hexdigest()

    # --- The agent -------------------------------------------------------------------------------

    def _start_agent(self) -> None:
        """As the shell does it: load, take up what was left undone, read the GPUs anew."""
        self.core = AgentCore(self.store.load(self.rules.ended_kept).kept, self.rules)
        check(self.core)
        self.wanted = list(self.core.resume())
        self.timers = {timer.timer: timer.at for timer in self.core.timers(self.now)}
        self.facts = [e.ReadingsTaken(gpus=tuple(self.gpus))]

    def _turn(self, *events: e.Event) -> bool:
        """One transaction; whether it was committed. A crash starts the agent anew."""
        turn = Turn(self.core, self.now)
        try:
            for event in events:
                self.core.recall(self.store.find_runs(self.core.strangers(event)))
                before = self._starting()
                turn.take(event)
                check(self.core)
                self._check_nobody_was_passed(self._starting() - before)
            self.store.commit(turn.batch())
        except Died:
            self.truth.crashes += 1
            self._start_agent()
            return False
        except LanherdError as failure:
            if failure.code is not ErrorCode.DISK_FULL:
                raise
            self.truth.full_disks += 1
            facts = [event for event in events if not isinstance(event, e.Request)]
            wanted, later = self.wanted, self.facts
            self._start_agent()
            self.wanted = wanted
            self.facts = [*self.facts, *facts, *later]
            return False
        self._committed(turn)
        return True

    def _committed(self, turn: Turn) -> None:
        for told in turn.told:
            view = told.view
            self.trace.update(msgpack.encode(view))
            if isinstance(view.state, Ended):
                assert view.run not in self.truth.outcomes, "a run ended twice"
                self.truth.outcomes[view.run] = view.state.outcome
        self.wanted += turn.acting()
        for effect in turn.timing():
            if isinstance(effect, f.SetTimer):
                self.timers[effect.timer] = effect.at
            else:
                self.timers.pop(effect.timer, None)

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

    # --- What people do --------------------------------------------------------------------------

    def _spec(self) -> RunSpec:
        largest = max((gpu.total_bytes for gpu in self.gpus), default=0) / GB
        if not largest or self.random.random() < 0.3:
            return self.random.choice((PLAIN, PROJECT))
        return gpu_spec(
            self.random.choice((0, 2, 6, 12, largest)),
            exclusive=self.random.random() < 0.2,
            prepared=self.random.random() < 0.3,
        )

    def _submit(self) -> None:
        runs = []
        for _ in range(self.random.choice((1, 1, 1, 5))):
            self.numbers += 1
            runs.append(new(self.numbers, self._spec()))
        self.sent += runs
        self._send(tuple(runs))

    def _send_again(self) -> None:
        if self.sent:
            self._send((self.random.choice(self.sent),))

    def _send(self, runs: tuple[NewRun, ...]) -> None:
        if self._turn(e.RunsSubmitted(owner="ann", runs=runs)):
            self.truth.acknowledged.update((one.run, one.spec) for one in runs)

    def _stop(self) -> None:
        known = list(self.truth.acknowledged)
        if known:
            self.commands += 1
            request = stop(1, self.commands, self.random.choice((0.0, 5.0)))
            request = type(request)(
                command=request.command, run=self.random.choice(known), grace_s=request.grace_s
            )
            self._turn(e.StopRequested(owner=None, request=request))

    # --- What the machine does -------------------------------------------------------------------

    def _act(self) -> None:
        """The executor does one of the things that are wanted, and says how it ended."""
        if self.wanted:
            effect = self.wanted.pop(self.random.randrange(len(self.wanted)))
            self.facts += self._do(effect)

    def _do(self, effect: f.Acting) -> list[e.Fact]:
        run, attempt = effect.run, effect.attempt
        match effect:
            case f.PrepareRun():
                return self._prepare(run, attempt)
            case f.CancelPreparation():
                return [e.PreparationCancelled(run=run, attempt=attempt)]
            case f.StartAttempt():
                return self._start(effect)
            case f.SignalAttempt(signal=signal):
                return self._signal(run, attempt, signal)
            case f.AdoptAttempt():
                process = self.truth.processes[run, attempt]
                if process.alive:
                    return [e.AttemptAdopted(run=run, attempt=attempt)]
                return [self._exit_of((run, attempt), process)]

    def _prepare(self, run: RunId, attempt: int) -> list[e.Fact]:
        if self.random.random() < 0.1:
            failure = Failure(code=ErrorCode.ENVIRONMENT_FAILED, title="No such wheel.")
            return [e.PreparationFailed(run=run, attempt=attempt, failure=failure)]
        progress = e.PreparationProgressed(run=run, attempt=attempt, step="environment")
        return [progress, e.PreparationFinished(run=run, attempt=attempt)]

    def _start(self, effect: f.StartAttempt) -> list[e.Fact]:
        key = (effect.run, effect.attempt)
        process = self.truth.processes.get(key)
        if process is None:
            if key in self.truth.refused_start or self.random.random() < 0.05:
                self.truth.refused_start.add(key)
                failure = Failure(code=ErrorCode.COMMAND_NOT_FOUND, title="No such command.")
                return [e.AttemptStartFailed(run=key[0], attempt=key[1], failure=failure)]
            pid = len(self.truth.processes) + 100
            process = Process(
                pid, effect.lease, self.now, ignores_sigterm=self.random.random() < 0.3
            )
            self.truth.processes[key] = process
            self._check_promises()
        started = e.AttemptStarted(
            run=key[0], attempt=key[1], pid=process.pid, at=process.started_at
        )
        if process.alive:
            return [started]
        both: list[e.Fact] = [started, self._exit_of(key, process)]
        self.random.shuffle(both)
        return both

    def _signal(self, run: RunId, attempt: int, signal: int) -> list[e.Fact]:
        signalled = e.AttemptSignalled(run=run, attempt=attempt, signal=signal)
        process = self.truth.processes[run, attempt]
        if not process.alive or (signal == 15 and process.ignores_sigterm):
            return [signalled]
        process.signal = signal
        both: list[e.Fact] = [signalled, self._exit_of((run, attempt), process)]
        self.random.shuffle(both)
        return both

    def _exit_of(self, key: Attempt, process: Process) -> e.AttemptExited:
        return e.AttemptExited(
            run=key[0],
            attempt=key[1],
            at=self.now,
            code=process.code,
            signal=process.signal,
            started_at=process.started_at,
        )

    def _exit(self) -> None:
        alive = [key for key, process in self.truth.processes.items() if process.alive]
        if alive:
            key = self.random.choice(alive)
            process = self.truth.processes[key]
            process.code = self.random.choice((0, 0, 0, 1))
            self.facts += [self._exit_of(key, process)] * self.random.choice((1, 1, 2))

    def _lose(self) -> None:
        """News about something that nobody knows, or that is long over."""
        over = list(self.truth.outcomes)
        if over:
            run = self.random.choice(over)
            self.facts.append(e.AttemptLost(run=run, attempt=1, at=self.now, why="A ghost."))
            self.facts.append(e.AttemptExited(run=run, attempt=0, at=self.now, code=1))

    def _read_gpus(self) -> None:
        """Other people's processes come and go."""
        self.gpus = [
            gpu(one.index, one.total_bytes / GB, foreign_gb=self.random.choice((0, 0, 0, 1, 8)))
            for one in self.gpus
        ]
        self.facts.append(e.ReadingsTaken(gpus=tuple(self.gpus)))

    def _tick(self) -> None:
        due = [timer for timer, at in self.timers.items() if at <= self.now]
        for timer in due:
            del self.timers[timer]
            self.facts.append(e.TimerFired(timer=timer))

    def _fail_soon(self) -> None:
        self.store.fail_next(self.random.choice(FAULTS))

    def _crash(self) -> None:
        """The agent is killed: all that is not in the store or the run directories is gone."""
        if self.random.random() < 0.3:
            self.truth.crashes += 1
            self._start_agent()

    # --- Judgement -------------------------------------------------------------------------------

    def _check_promises(self) -> None:
        """No GPU is promised to living processes beyond what it has."""
        for one in self.gpus:
            shares = [
                share
                for process in self.truth.processes.values()
                if process.alive
                for share in process.lease.gpus
                if share.uuid == one.uuid
            ]
            assert sum(share.vram_bytes for share in shares) <= one.total_bytes
            assert len(shares) <= 1 or not any(share.exclusive for share in shares)

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
                    if one.problem is None and one.total_bytes >= wants.vram_bytes
                }
                if other.ordinal < mine.ordinal and is_ready(other) and wants.count > 0:
                    assert len(could) < wants.count or not taken & could, "a run was passed"

    def _settle(self) -> None:
        """No more faults: everything that waits gets its turn, and ends."""
        self.store.faults.clear()
        self.gpus = [gpu(one.index, one.total_bytes / GB) for one in self.gpus]
        self.facts.append(e.ReadingsTaken(gpus=tuple(self.gpus)))
        for _ in range(100_000):
            if not (self.core.books.waiting or len(self.core.books.ledger) or self.facts
                    or self.wanted):  # fmt: skip
                return
            self.now += 20
            self._act()
            self._exit()
            self._tick()
            self._flush()
        raise AssertionError("runs wait for ever")

    def _judge(self) -> None:
        kept = {record.run: record for record in self.store.load(1_000_000).kept.runs}
        assert kept.keys() >= self.truth.acknowledged.keys(), "an acknowledged run is gone"
        assert not self.core.books.pending, "an effect never ended"
        for run, record in kept.items():
            assert isinstance(record.state, Ended), "a run never ended"
            process = self.truth.processes.get((run, record.attempt))
            outcome = record.state.outcome
            if process is None:
                assert outcome in ("failed", "cancelled"), "a run that never ran succeeded"
            elif process.code is not None:
                honest: Outcome = "succeeded" if process.code == 0 else "failed"
                assert outcome in (honest, "cancelled"), "an outcome is not true"
            else:
                assert outcome == "cancelled", "a killed run was not stopped"
