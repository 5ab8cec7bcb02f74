"""The machine around a simulated agent: run directories, processes, GPUs, disk, and its clock.

Processes live on while the agent is dead. It does what the executor, the launcher and the shims
do, and each thing that it does ends as the events that those tell.
"""

import random

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.health import XIDS
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import GpuUuid, RunId
from tests.simulation.making import GB, NOW, gpu
from tests.simulation.truth import Attempt, Process, Truth

LIMIT_SLACK_S = 5.0
"""How long after its time limit a shim ends its command by itself."""
LOW_GB = 10
SIGKILL = 9


class Machine:
    """`true_s` runs evenly; `wall` is what the clock says, which may be set."""

    def __init__(self, chance: random.Random, truth: Truth) -> None:
        self.random = chance
        self.truth = truth
        self.true_s = 0.0
        self.skew_s = NOW
        sizes = [chance.choice((12, 24, 80)) for _ in range(chance.randint(0, 4))]
        self.gpus = [gpu(index, size) for index, size in enumerate(sizes)]
        self.xids: dict[GpuUuid, tuple[int, ...]] = {}
        self.told: list[e.AttemptExited | e.AttemptLost] = []

    @property
    def wall(self) -> float:
        return self.true_s + self.skew_s

    # --- What the agent wants --------------------------------------------------------------------

    def do(self, effect: f.Acting) -> list[e.Fact]:
        match effect:
            case f.PrepareRun():
                return self._prepare(effect.run, effect.attempt)
            case f.CancelPreparation():
                return [e.PreparationCancelled(run=effect.run, attempt=effect.attempt)]
            case f.StartAttempt():
                return self._start(effect)
            case f.SignalAttempt():
                return self._signal(effect)
            case f.AdoptAttempt():
                return self._adopt(effect)
            case f.RemoveFiles(run=run):
                return [self._remove(run)]
            case f.NoteSettings(run=run, settings=settings, cancelled_at=at):
                self.truth.noted[run] = settings
                return [e.SettingsNoted(run=run, settings=settings, cancelled_at=at)]

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
            self.truth.check_start(effect, self.true_s)
            process = Process(
                pid=len(self.truth.processes) + 100,
                spec=effect.spec,
                lease=effect.lease,
                started_at=self.wall,
                began=self.true_s,
                ignores_signals=self.random.random() < 0.3,
            )
            self.truth.processes[key] = process
            self.check_promises()
        started = e.AttemptStarted(
            run=key[0], attempt=key[1], pid=process.pid, at=process.started_at
        )
        return [started] if process.alive else self._shuffled(started, self.end_of(key))

    def _signal(self, effect: f.SignalAttempt) -> list[e.Fact]:
        key = (effect.run, effect.attempt)
        process = self.truth.processes[key]
        signalled = e.AttemptSignalled(run=key[0], attempt=key[1], signal=effect.signal)
        if not process.alive:
            return [signalled]
        if effect.kill_after_s is not None:
            process.kill_at = self.true_s + effect.kill_after_s
        if effect.signal != SIGKILL and process.ignores_signals:
            return [signalled]
        process.by_us = True
        process.end(self.true_s, self.wall, signal=effect.signal)
        return self._shuffled(signalled, self.end_of(key))

    def _adopt(self, effect: f.AdoptAttempt) -> list[e.Fact]:
        key = (effect.run, effect.attempt)
        process = self.truth.processes[key]
        if not process.alive:
            return [self.end_of(key)]
        elapsed_s = self.true_s - process.began
        return [e.AttemptAdopted(run=key[0], attempt=key[1], elapsed_s=elapsed_s)]

    def _remove(self, run: RunId) -> e.FilesRemoved:
        assert run in self.truth.ended, "files were removed under a run"
        if self.random.random() < 0.1 and run not in self.truth.removed:
            return e.FilesRemoved(run=run, at=self.wall, problem="It is busy.")
        self.truth.removed.add(run)
        return e.FilesRemoved(run=run, at=self.wall)

    def end_of(self, key: Attempt) -> e.AttemptExited | e.AttemptLost:
        """How the attempt's end is told, whenever somebody asks."""
        process = self.truth.processes[key]
        at = process.ended_at
        fact: e.AttemptExited | e.AttemptLost
        if process.gone:
            cause: e.LostCause = "reboot" if process.gone == "reboot" else "unknown"
            fact = e.AttemptLost(
                run=key[0],
                attempt=key[1],
                at=at,
                why="",
                cause=cause,
                started_at=process.started_at,
            )
        else:
            fact = e.AttemptExited(
                run=key[0],
                attempt=key[1],
                at=at,
                code=process.code,
                signal=process.signal,
                started_at=process.started_at,
                timed_out=process.timed_out,
                stopped=process.stopped,
                stage="pre" if process.in_pre else "command",
                left=process.left,
                post_failed=process.post_failed,
            )
        self.told.append(fact)
        return fact

    def _shuffled(self, *facts: e.Fact) -> list[e.Fact]:
        both = list(facts)
        self.random.shuffle(both)
        return both

    # --- What happens by itself ------------------------------------------------------------------

    def alive(self) -> list[Attempt]:
        return [key for key, process in self.truth.processes.items() if process.alive]

    def end_one(self) -> list[e.Fact]:
        """A command ends, or its shim is killed and takes the news with it."""
        alive = self.alive()
        if not alive:
            return []
        key = self.random.choice(alive)
        process = self.truth.processes[key]
        process.in_pre = bool(process.spec.pre_command) and self.random.random() < 0.5
        process.post_failed = bool(process.spec.post_command) and self.random.random() < 0.5
        process.left = self.random.choice((0, 0, 0, 2))
        how = self.random.choice((0, 0, 0, 1, 75, -9, None))
        if how is None:
            process.gone = "shim"
            process.end(self.true_s, self.wall)
        elif how < 0:
            process.end(self.true_s, self.wall, signal=-how)
        else:
            process.end(self.true_s, self.wall, code=max(how, int(process.in_pre)))
        facts: list[e.Fact] = [self.end_of(key)] * self.random.choice((1, 1, 2))
        if process.lease.gpus and how in (1, -9) and self.random.random() < 0.5:
            # It has died of its GPU, and the driver says so a moment later.
            self._report_xid(process.lease.gpus[0].uuid)
            facts.append(self.read_gpus(foreign=False))
        return facts

    def backstops(self) -> list[e.Fact]:
        """What shims and launcher do where the agent is late: limits, and kills after a grace."""
        facts: list[e.Fact] = []
        for key in self.alive():
            process = self.truth.processes[key]
            limit_s = process.spec.time_limit_s
            if process.kill_at is not None and self.true_s >= process.kill_at:
                process.stopped = process.by_us = True
            elif limit_s is not None and self.true_s >= process.began + limit_s + LIMIT_SLACK_S:
                process.timed_out = process.by_us = True
            else:
                continue
            process.end(self.true_s, self.wall, signal=SIGKILL)
            facts.append(self.end_of(key))
        return facts

    def reboot(self) -> None:
        """All processes are gone, and nobody saw them go."""
        self.truth.reboots += 1
        for key in self.alive():
            process = self.truth.processes[key]
            process.gone = "reboot"
            process.end(self.true_s, self.wall)

    def set_clock(self) -> None:
        self.truth.clock_was_set = True
        self.skew_s += self.random.choice((-365 * 86_400, -100, 100, 365 * 86_400))

    def read_gpus(self, *, foreign: bool = True) -> e.ReadingsTaken:
        """Other people's processes come and go."""
        held = (0, 0, 0, 1, 8) if foreign else (0,)
        if foreign and self.gpus and self.random.random() < 0.1:
            self._report_xid(self.random.choice(self.gpus).uuid)
        self.gpus = [self._with_xids(_held(one, self.random.choice(held))) for one in self.gpus]
        return e.ReadingsTaken(gpus=tuple(self.gpus))

    def forget_xids(self) -> None:
        """A driver tells an agent of no Xid that was before it."""
        self.xids.clear()
        self.gpus = [self._with_xids(one) for one in self.gpus]

    def _report_xid(self, uuid: GpuUuid) -> None:
        code = self.random.choice((31, 48, 79))
        self.xids[uuid] = (*self.xids.get(uuid, ()), code)
        if code in XIDS:
            self.truth.faulty.add(uuid)

    def _with_xids(self, one: e.GpuCapacity) -> e.GpuCapacity:
        xids = self.xids.get(one.uuid, ())
        return replace(one, xids=xids, xids_total=len(xids))

    def read_disk(self, *, low: bool = True) -> e.DiskRead:
        free_gb = self.random.choice((2, 9.9, 10.5, 11, 50, 50)) if low else 100
        return e.DiskRead(free_bytes=int(free_gb * GB), low_bytes=LOW_GB * GB)

    def check_promises(self) -> None:
        """No GPU is promised to living processes beyond what it has."""
        living = [process for process in self.truth.processes.values() if process.alive]
        for one in self.gpus:
            shares = [
                share
                for process in living
                for share in process.lease.gpus
                if share.uuid == one.uuid
            ]
            assert sum(share.vram_bytes for share in shares) <= one.total_bytes
            assert len(shares) <= 1 or not any(share.exclusive for share in shares)


def _held(one: e.GpuCapacity, foreign_gb: int) -> e.GpuCapacity:
    """The GPU with a process of others that holds so much, as a driver tells of it."""
    held = gpu(one.index, one.total_bytes / GB, foreign_gb=foreign_gb)
    process = e.ForeignProcess(pid=9000 + one.index, vram_bytes=held.foreign_bytes)
    return replace(held, foreign=(process,) if foreign_gb else ())
