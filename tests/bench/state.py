"""What the records of runs cost: their size, a long history's weight, a long line, and their loss.

In one process, without runs: the executor here answers each start with its end. The store is the
one of a real agent, on the disk of the home.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import AuditEntry, Batch
from lanherd_agent.rebuild import rebuild
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.ids import EnvironmentId, GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import ListRuns, NewRun
from lanherd_protocol.states import AttemptEnd, Ended
from lanherd_protocol.values import (
    GpuRequest,
    Lease,
    LeasedGpu,
    RetryRule,
    RunSettings,
    RunSpec,
)
from tests.bench.report import Metric, Report
from tests.simulation.making import LOCKED, NOW, SNAPSHOT, gpu, readings, run_id
from tests.unit.shell.run_folders import exited, lay_out, started

FINISHED_BYTES_MAX = 4096
SLOWER_MAX = 1.10
QUEUED_S_MAX = 2.0
LISTING_MS_MAX = 50.0
REBUILD_S_MAX = 5.0
HISTORY = 100_000
QUEUED = 10_000
DIRECTORIES = 10_000
FINISHED = 4_000
ROUNDS = 7
DISPATCHED = 1_500
AT_ONCE = 25
LOOKS = 15
WAIT_S = 120.0

SPEC = RunSpec(
    command=("python", "train.py", "--config", "configs/resnet50.yaml", "--lr", "0.001"),
    name="resnet50-lr-0.001",
    project="imagenet-baselines",
    snapshot=SNAPSHOT,
    environment=LOCKED,
    gpus=GpuRequest(count=1, vram_bytes=23 * 1024**3),
    variables={"WANDB_MODE": "offline", "OMP_NUM_THREADS": "8", "DATA": "/data/imagenet"},
    time_limit_s=86_400.0,
    retry=RetryRule(attempts_max=3, backoff_s=0.0, jitter=0.0),
)
SETTINGS = RunSettings(priority=5, tags=("resnet", "sweep-3"), notes="Compare it to last week's.")
LEASE = Lease(gpus=(LeasedGpu(index=0, uuid=GpuUuid("GPU-" + "a" * 36), vram_bytes=23 * 1024**3),))


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="lanherd-state-", dir=Path.home()) as folder:
        asyncio.run(_measure(Path(folder), report))


async def _measure(folder: Path, report: Report) -> None:
    size = await finished_run_bytes(folder / "finished.sqlite")
    report.add(Metric("finished_run_bytes", size, "B", at_most=FINISHED_BYTES_MAX,
                      reference="3 attempts, with all events and the audit"))  # fmt: skip
    await queue(folder / "queue.sqlite", report)
    await history(folder, report)
    seconds = await asyncio.to_thread(rebuild_s, folder / "home")
    report.add(Metric("rebuild_s", seconds, "s", at_most=REBUILD_S_MAX,
                      reference=f"{DIRECTORIES} directories of runs"))  # fmt: skip


class Ending:
    """Answers each start with an end, of which the last attempt's is a success."""

    def __init__(self) -> None:
        self.shell: Shell | None = None

    def begin(self, effects: tuple[f.Acting, ...]) -> None:
        assert self.shell is not None
        for effect in effects:
            match effect:
                case f.PrepareRun(run=run, attempt=attempt):
                    prepared = e.Prepared(environment=EnvironmentId("e" * 64))
                    fact = e.PreparationFinished(run=run, attempt=attempt, prepared=prepared)
                    self.shell.post(fact)
                case f.StartAttempt(run=run, attempt=attempt, spec=spec):
                    code = int(attempt < spec.retry.attempts_max)
                    at = time.time()
                    self.shell.post(e.AttemptStarted(run=run, attempt=attempt, pid=7, at=at))
                    self.shell.post(e.AttemptExited(run=run, attempt=attempt, at=at, code=code))
                case _:
                    pass


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Shell]:
    executor = Ending()
    shell = executor.shell = await Shell.open(SqliteStore(path))
    async with TaskOwner("bench") as tasks:
        tasks.spawn(shell.serve(executor), "shell")
        try:
            yield shell
        finally:
            await shell.close()


async def dispatch(shell: Shell, first: int, count: int, spec: RunSpec) -> None:
    """So many runs, a few at once, until each has ended."""
    over = asyncio.Event()
    left = count

    def on_published(views: tuple[object, ...]) -> None:
        nonlocal left
        left -= sum(isinstance(getattr(view, "state", None), Ended) for view in views)
        if left <= 0:
            over.set()

    done = shell.on_published(on_published)
    for begin in range(first, first + count, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, first + count))
        await asyncio.gather(*(submit(shell, number, spec) for number in numbers))
    async with asyncio.timeout(WAIT_S):
        await over.wait()
    done()


async def submit(shell: Shell, number: int, spec: RunSpec) -> None:
    line = AuditEntry(at=NOW, who="ann (laptop)", action="runs.submit", target=run_id(number))
    new = NewRun(run=run_id(number), spec=spec, settings=SETTINGS)
    await shell.submit("ann", (new,), line)


async def finished_run_bytes(path: Path) -> float:
    async with opened(path) as shell:
        # The first attempts fail on purpose: no GPU is to be closed for it.
        shell.post(e.RulesChanged(rules=MachineRules(failures_max=0)))
        shell.post(readings(*(gpu(index) for index in range(8))))
        await dispatch(shell, 1, FINISHED, SPEC)
    return await asyncio.to_thread(os.path.getsize, path) / FINISHED


# --- A long line ---------------------------------------------------------------------------------


async def queue(path: Path, report: Report) -> None:
    runs = tuple(
        NewRun(run=run_id(n), spec=SPEC, settings=replace(SETTINGS, priority=n % 7))
        for n in range(1, QUEUED + 1)
    )
    async with opened(path) as shell:
        began = time.perf_counter()
        await shell.submit("ann", runs)
        took = time.perf_counter() - began
        report.add(Metric("submit_10k_s", took, "s", at_most=QUEUED_S_MAX))
        pages = {
            "list_ms": ListRuns(limit=1000),
            "list_queued_ms": ListRuns(limit=1000, states=("queued",)),
            "list_running_ms": ListRuns(limit=1000, states=("running",)),
            "list_last_page_ms": ListRuns(limit=1000, before=run_id(1000)),
            # Of a filter that lets few through the whole line is looked at.
            "list_tag_ms": ListRuns(limit=1000, tags=("resnet", "sweep-3")),
            "list_other_tag_ms": ListRuns(limit=1000, tags=("resnet", "sweep-4")),
            "list_sweep_ms": ListRuns(limit=1000, group="lr"),
            "list_project_ms": ListRuns(limit=1000, project="imagenet-baselines"),
            "list_other_project_ms": ListRuns(limit=1000, project="cifar"),
            "list_owner_ms": ListRuns(limit=1000, owner="bob"),
            "list_name_ms": ListRuns(limit=1000, name_prefix="resnet50-lr-0.002"),
            "list_all_filters_ms": ListRuns(
                limit=1000,
                states=("queued", "preparing"),
                owner="ann",
                project="imagenet-baselines",
                tags=("resnet",),
                name_prefix="resnet51",
            ),
        }
        for name, request in pages.items():
            times = []
            for _ in range(LOOKS):
                began = time.perf_counter()
                await shell.list_runs(request)
                times.append((time.perf_counter() - began) * 1000)
            median, worst = statistics.median(times), f"at worst {max(times):.1f}"
            report.add(Metric(name, median, "ms", at_most=LISTING_MS_MAX, reference=worst))


# --- A long history ------------------------------------------------------------------------------


async def history(folder: Path, report: Report) -> None:
    """The processor's time for each run, in turns with a store that is new."""
    long = folder / "long.sqlite"
    await asyncio.to_thread(fill, long)
    spec = RunSpec(command=("true",))
    new_s, long_s = [], []
    for number in range(ROUNDS):
        first = HISTORY + 1 + number * DISPATCHED
        new_s.append(await dispatch_s(folder / f"new{number}.sqlite", first, spec))
        long_s.append(await dispatch_s(long, first, spec))
    plain, after = statistics.median(new_s), statistics.median(long_s)
    # What a run costs as a whole: its process alone takes ten times what its records do.
    report.add(Metric("records_cpu_us", plain * 1e6, "us"))
    report.add(Metric("records_cpu_us_after_100k", after * 1e6, "us"))
    whole_s = 1 / 500
    report.add(Metric("dispatch_slower", (whole_s - plain + after) / whole_s, "times",
                      at_most=SLOWER_MAX,
                      reference=f"{HISTORY} ended runs; against 2 ms for a whole run"))  # fmt: skip


async def dispatch_s(path: Path, first: int, spec: RunSpec) -> float:
    async with opened(path) as shell:
        began = time.process_time()
        await dispatch(shell, first, DISPATCHED, spec)
        return (time.process_time() - began) / DISPATCHED


def fill(path: Path) -> None:
    earlier = tuple(
        AttemptEnd(attempt=n, at=NOW, outcome="failed", reason=reasons.exit_code(1), exit_code=1)
        for n in (1, 2)
    )
    ended = Ended(at=NOW, outcome="succeeded", reason=reasons.SUCCEEDED, exit_code=0, lease=LEASE)
    store = SqliteStore(path)
    for begin in range(1, HISTORY + 1, 5000):
        numbers = range(begin, begin + 5000)
        store.commit(Batch(runs=tuple(
            RunRecord(n, run_id(n), SPEC, "ann", NOW, ended, n, 3, SETTINGS, SETTINGS, earlier)
            for n in numbers
        )))  # fmt: skip
        store.tidy()
    store.close()


# --- Lost records --------------------------------------------------------------------------------


def rebuild_s(home: Path) -> float:
    (home / "runs").mkdir(parents=True)
    for number in range(1, DIRECTORIES + 1):
        lay_out(home, number, spec=SPEC, settings=SETTINGS, start=started(), exit_=exited(0))
    began = time.perf_counter()
    found = rebuild(home, NOW, 0)
    took = time.perf_counter() - began
    assert len(found.runs) == DIRECTORIES and not found.flawed
    return took
