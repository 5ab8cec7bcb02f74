"""How well and how fast runs are placed: beside first-fit FIFO, beside what is possible at all, and
with a long line.

The real core, without its shell: each start is answered at once, each end comes when it is due.
"""

import heapq
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.step import Kept, Step
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import GpuRequest, RunSettings, RunSpec
from tests.bench.report import Metric, Report
from tests.bench.workloads import Job, Workload, all_workloads
from tests.simulation.making import GB, NOW, gpu, new, readings, run_id

BOUND_MAX = 1.15
DECISION_MS_MAX = 10.0
WAITING = 10_000
LINES = (1_000, 10_000, 100_000)
LOOKS = 21
MANY = 100_000
GPUS = 10
HELD = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds: from the first submit to the last end, and what a run waited on average."""

    makespan_s: float
    mean_wait_s: float


def measure(report: Report) -> None:
    for workload in all_workloads():
        _compare(report, workload)
    _time_decisions(report)
    _time_different(report)


def _compare(report: Report, workload: Workload) -> None:
    began = time.perf_counter()
    ours, plain, least = by_core(workload), by_fifo(workload), bound_s(workload)
    spent_s = time.perf_counter() - began
    report.say(f"{workload.name}: {workload.about}; {spent_s:.1f} s for the comparison")
    name = f"placement_{workload.name}"
    report.add(
        Metric(
            f"{name}_makespan_by_bound",
            ours.makespan_s / least,
            "x",
            at_most=BOUND_MAX if workload.tight else None,
            reference=f"first-fit FIFO {plain.makespan_s / least:.3f}",
        )
    )
    report.add(
        Metric(
            f"{name}_makespan_by_fifo",
            ours.makespan_s / plain.makespan_s,
            "x",
            at_most=1.0,
            reference=f"FIFO {plain.makespan_s / 3600:.1f} h",
        )
    )
    report.add(
        Metric(
            f"{name}_mean_wait_by_fifo",
            ours.mean_wait_s / plain.mean_wait_s,
            "x",
            at_most=1.0,
            reference=f"{ours.mean_wait_s / 60:.1f} min, FIFO {plain.mean_wait_s / 60:.1f} min",
        )
    )


# --- What is possible at all ---------------------------------------------------------------------


def bound_s(workload: Workload) -> float:
    """No plan ends earlier: for each size of GPU, what needs at least that much has to be done by
    those that have it, and what comes late can't begin before."""
    least = max(job.arrives_s + job.takes_s for job in workload.jobs)
    for size_gb in {0, *(job.vram_gb for job in workload.jobs)}:
        fit_gb = sum(gb for gb in workload.gpus_gb if gb >= size_gb)
        jobs = [job for job in workload.jobs if job.vram_gb >= size_gb]
        jobs.sort(key=lambda job: job.arrives_s, reverse=True)
        work = 0.0
        for job in jobs:
            work += job.takes_s * job.gpus * (job.vram_gb or _whole_gb(workload))
            least = max(least, job.arrives_s + work / fit_gb)
    return least


def _whole_gb(workload: Workload) -> int:
    """What a run that takes a whole GPU uses up of it at the least."""
    return min(workload.gpus_gb)


# --- First-fit FIFO ------------------------------------------------------------------------------


def by_fifo(workload: Workload) -> Outcome:
    """The first in line starts on the first GPUs with room; while it finds none, all wait."""
    free = [float(gb) for gb in workload.gpus_gb]
    holders = [0] * len(free)
    waiting = list(reversed(workload.jobs))
    ends: list[tuple[float, int, tuple[int, ...], Job]] = []
    now, waited, number = 0.0, 0.0, 0
    while waiting:
        job = waiting[-1]
        now = max(now, job.arrives_s)
        while ends and ends[0][0] <= now:
            _give_back(heapq.heappop(ends), free, holders)
        places = _first_fit(job, workload.gpus_gb, free, holders)
        if places is None:
            now = ends[0][0]
            continue
        waiting.pop()
        waited += now - job.arrives_s
        number += 1
        for place in places:
            free[place] -= job.vram_gb or free[place]
            holders[place] += 1
        heapq.heappush(ends, (now + job.takes_s, number, places, job))
    return Outcome(max(end[0] for end in _all_ends(ends, now)), waited / len(workload.jobs))


def _all_ends(
    ends: Sequence[tuple[float, int, tuple[int, ...], Job]], now: float
) -> Iterable[tuple[float, int, tuple[int, ...], Job]]:
    return ends or [(now, 0, (), Job(0, 0, None, 0, 0, False, ""))]


def _give_back(
    end: tuple[float, int, tuple[int, ...], Job], free: list[float], holders: list[int]
) -> None:
    _, _, places, job = end
    for place in places:
        holders[place] -= 1
        free[place] += job.vram_gb


def _first_fit(
    job: Job, sizes: Sequence[int], free: list[float], holders: Sequence[int]
) -> tuple[int, ...] | None:
    found = []
    for place, size in enumerate(sizes):
        if holders[place] == 0:
            free[place] = float(size)
        fits = holders[place] == 0 if job.exclusive else free[place] >= job.vram_gb
        if fits:
            found.append(place)
        if len(found) == job.gpus:
            return tuple(found)
    return None


# --- The core ------------------------------------------------------------------------------------


class Driver:
    """Lets a core live through a workload."""

    def __init__(self, workload: Workload) -> None:
        self.core = AgentCore(Kept(), Rules())
        self.jobs = {run_id(number): job for number, job in enumerate(workload.jobs, 1)}
        self.due: list[tuple[float, int, e.Event]] = []
        self.timers: dict[str, int] = {}
        self.number = 0
        self.waited_s = 0.0
        self.started = 0
        self.last_end = 0.0
        self._take(e.RulesChanged(rules=MachineRules(runs_at_once_max=MANY)), 0.0)
        sizes = [gpu(index, gb) for index, gb in enumerate(workload.gpus_gb)]
        self._take(readings(*sizes), 0.0)
        for run, job in self.jobs.items():
            self._expect(job.arrives_s, e.RunsSubmitted(owner=job.user, runs=(_new(run, job),)))

    def run(self) -> Outcome:
        while self.due:
            at, number, event = heapq.heappop(self.due)
            if isinstance(event, e.TimerFired) and self.timers.get(event.timer) != number:
                continue
            self._take(event, at)
        if self.started != len(self.jobs):
            raise AssertionError(f"{len(self.jobs) - self.started} runs never started")
        return Outcome(self.last_end, self.waited_s / len(self.jobs))

    def _expect(self, at: float, event: e.Event) -> int:
        self.number += 1
        heapq.heappush(self.due, (at, self.number, event))
        return self.number

    def _take(self, event: e.Event, at: float) -> None:
        step = self.core.handle(event, NOW + at)
        self._do(step, at)

    def _do(self, step: Step, at: float) -> None:
        for effect in step.effects:
            match effect:
                case f.StartAttempt():
                    self._start(effect, at)
                case f.SetTimer():
                    when = max(at, effect.at - NOW)
                    fired = e.TimerFired(timer=effect.timer)
                    self.timers[effect.timer] = self._expect(when, fired)
                case f.CancelTimer():
                    self.timers.pop(effect.timer, None)
                case _:
                    raise AssertionError(f"nobody asked for {effect}")

    def _start(self, effect: f.StartAttempt, at: float) -> None:
        job = self.jobs[effect.run]
        self.started += 1
        self.waited_s += at - job.arrives_s
        self.last_end = max(self.last_end, at + job.takes_s)
        started = e.AttemptStarted(run=effect.run, attempt=1, pid=self.started + 1, at=NOW + at)
        self._expect(at, started)
        ended = at + job.takes_s
        self._expect(ended, e.AttemptExited(run=effect.run, attempt=1, at=NOW + ended, code=0))


def by_core(workload: Workload) -> Outcome:
    return Driver(workload).run()


def _new(run: RunId, job: Job) -> NewRun:
    request = GpuRequest(count=job.gpus, vram_bytes=job.vram_gb * GB, exclusive=job.exclusive)
    spec = RunSpec(command=("true",), gpus=request, time_limit_s=job.limit_s)
    return NewRun(run=run, spec=spec)


# --- How long a decision takes -------------------------------------------------------------------


def _time_decisions(report: Report) -> None:
    took: dict[int, float] = {}
    for count in LINES:
        full, reserved = decision_ms(count, held=0), decision_ms(count, held=HELD)
        took[count] = max(full, reserved)
        report.add(
            Metric(
                f"placement_decision_{count}_waiting",
                took[count],
                "ms",
                at_most=DECISION_MS_MAX if count == WAITING else None,
                reference=f"all GPUs full {full:.2f}, some kept for the first {reserved:.2f}; "
                f"10 GPUs, 40 shapes, 5 users",
            )
        )
    few, many = LINES[0], LINES[-1]
    report.add(
        Metric(
            "placement_decision_growth",
            took[many] / took[few],
            "x",
            at_most=n_log_n(many) / n_log_n(few),
            reference=f"{many:,} waiting beside {few:,}",
        )
    )


def _time_different(report: Report) -> None:
    """Where no two that wait want the same, each is looked at all the same."""
    took = {count: decision_ms(count, HELD, _different) for count in LINES[:2]}
    few, many = took
    report.add(
        Metric(
            "placement_decision_all_different_growth",
            took[many] / took[few],
            "x",
            at_most=n_log_n(many) / n_log_n(few),
            reference=f"{many:,} waiting {took[many]:.1f} ms, {few:,} waiting {took[few]:.1f} ms, "
            "no two of which want the same",
        )
    )


def n_log_n(count: int) -> float:
    return count * count.bit_length()


def decision_ms(count: int, held: int, waiting: Callable[[int], NewRun] | None = None) -> float:
    """The median of some looks at a line of so many, each after a reading that changed.

    None held: others fill every GPU. Else so many GPUs are held by runs of ours for hours, and the
    rest is kept for the first in line, so that each wish behind it is weighed against that.
    """
    core = AgentCore(Kept(), Rules())
    core.handle(e.RulesChanged(rules=MachineRules(runs_at_once_max=MANY)), NOW)
    core.handle(_changed(0, held), NOW)
    if held:
        _hold(core, held)
    sent = 0
    while sent < count:
        some = range(sent + 1, min(sent + 10_000, count) + 1)
        for user in range(5):
            mine = tuple((waiting or _waiting)(number) for number in some if number % 5 == user)
            core.handle(e.RunsSubmitted(owner=f"user{user}", runs=mine), NOW)
        sent = some[-1]
    times = []
    for look in range(LOOKS):
        event = _changed(look + 1, held)
        began = time.perf_counter()
        step = core.handle(event, NOW + 10 * look)
        times.append(time.perf_counter() - began)
        if any(isinstance(effect, f.StartAttempt) for effect in step.effects):
            raise AssertionError("a run was started, so that the next look is another's")
    return statistics.median(times) * 1000


def _hold(core: AgentCore, held: int) -> None:
    """Runs of ours on so many GPUs, and one that waits for all but one of the machine's."""
    for number in range(MANY + 1, MANY + held + 1):
        whole = GpuRequest(count=1, exclusive=True)
        spec = RunSpec(command=("true",), gpus=whole, time_limit_s=36_000.0)
        core.handle(e.RunsSubmitted(owner="first", runs=(new(number, spec),)), NOW)
    most = RunSpec(command=("true",), gpus=GpuRequest(count=GPUS - 1, exclusive=True))
    settings = RunSettings(priority=PRIORITY_MAX)
    number = MANY + held + 1
    core.handle(e.RunsSubmitted(owner="first", runs=(new(number, most, settings),)), NOW)


def _waiting(number: int) -> NewRun:
    count, vram_gb = 1 + number % 4, (0, 8, 12, 16, 20)[number // 4 % 5]
    limit_s = None if number // 20 % 2 else 40_000.0 * (1 + number % 3)
    request = GpuRequest(count=count, vram_bytes=vram_gb * GB, exclusive=vram_gb == 0)
    return new(number, RunSpec(command=("true",), gpus=request, time_limit_s=limit_s))


def _different(number: int) -> NewRun:
    request = GpuRequest(count=1, vram_bytes=20 * GB - number * 1000)
    return new(number, RunSpec(command=("true",), gpus=request, time_limit_s=40_000.0))


def _changed(look: int, held: int) -> e.ReadingsTaken:
    """Others fill every GPU but a little, or use a little of each; another amount each time."""
    foreign_gb = 0.1 + look % 2 / 10 if held else 21 + look % 2
    return readings(*(gpu(index, 24, foreign_gb=foreign_gb) for index in range(GPUS)))
