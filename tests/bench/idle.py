"""What an idle agent costs with 8 GPUs, sampled at 1 Hz because one client watches them.

Two agents in the same minute: `idle_…` has scripted GPUs and so no probe, `idle_nvml_…` reads its
GPUs as a real machine does, by its NVML probe child, from a library that stands in for NVIDIA's.
The watcher is this process: paired, connected over TLS, subscribed to telemetry as a window is.
Without it the agents would sample more slowly. Memory is the sum of PSS of an agent and everything
that it runs for itself (launcher, probe child); processor time is theirs too, from /proc.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.fleet import Fleet
from tests.bench.agent import (
    BenchAgent,
    disk_folder,
    processes_of,
    running_agent,
    with_descendants,
)
from tests.bench.report import Metric, Report
from tests.support.fake_nvml import FakeNvml, build_library, fake_gpus

GPUS = 8
SETTLE_S = 3.0
MEASURE_S = 60.0
PSS_MB_MAX = 70.0
CPU_PERCENT_MAX = 1.0
SAMPLES_MIN = 0.9 * MEASURE_S
DASK = "Dask worker 110 MB, 4.5% (DESIGN.md)"


@dataclass(frozen=True)
class Idle:
    """What one agent cost."""

    cpu_percent: float
    samples: int
    memory: dict[str, tuple[float, float]]
    """PSS and RSS in MB, by kind of process."""


def measure(report: Report) -> None:
    with disk_folder() as name:
        nvml = FakeNvml(build_library(Path(name) / "nvml"), Path(name) / "script")
        nvml.become(fake_gpus(GPUS))
        with running_agent(GPUS) as scripted, running_agent(0, nvml.environment) as real:
            report.say(f"watching 2 agents with {GPUS} GPUs each over TLS for {MEASURE_S:g} s")
            costs = asyncio.run(watch_both(scripted, real))
    for prefix, cost in zip(("idle", "idle_nvml"), costs, strict=True):
        tell(report, prefix, cost)


async def watch_both(scripted: BenchAgent, real: BenchAgent) -> tuple[Idle, Idle]:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(watch(scripted, {"agent"}))
        second = group.create_task(watch(real, {"agent", "probe"}))
    return first.result(), second.result()


async def watch(agent: BenchAgent, expected: set[str]) -> Idle:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        await passed(SETTLE_S)
        family = family_of(agent)
        loop = asyncio.get_running_loop()
        ticks, began = ticks_of(family), loop.time()
        samples = await count_samples(fleet, MEASURE_S)
        ticks, took_s = ticks_of(family) - ticks, loop.time() - began
        if family_of(agent) != family:
            raise RuntimeError("the agent's processes changed while it was idle")
        memory = memory_mb(agent, family)
    if not expected <= set(memory):
        raise RuntimeError(f"the agent runs {sorted(memory)}, not {sorted(expected)}")
    return Idle(100.0 * ticks / os.sysconf("SC_CLK_TCK") / took_s, samples, memory)


def tell(report: Report, prefix: str, cost: Idle) -> None:
    pss = sum(shared for shared, _ in cost.memory.values())
    report.add(Metric(f"{prefix}_pss", pss, "MB", at_most=PSS_MB_MAX, reference=DASK))
    for name, (shared, _) in sorted(cost.memory.items()):
        report.add(Metric(f"{prefix}_pss_{name}", shared, "MB"))
    # The most that it can be: this watcher and other Pythons share pages with the agent.
    resident = sum(whole for _, whole in cost.memory.values())
    report.add(Metric(f"{prefix}_rss", resident, "MB", reference="shared pages counted in full"))
    report.add(
        Metric(
            f"{prefix}_cpu",
            cost.cpu_percent,
            "% of a core",
            at_most=CPU_PERCENT_MAX,
            reference=DASK,
        )
    )
    report.add(Metric(f"{prefix}_samples", cost.samples, "samples", at_least=SAMPLES_MIN))


def passed(seconds: float) -> asyncio.Future[None]:
    """Done when this time has passed: what is measured here is time itself."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    return done


async def count_samples(fleet: Fleet, seconds: float) -> int:
    """Samples of all GPUs that arrived at the watcher within this time."""
    times = set()
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with fleet.changes() as changes:
        while (left_s := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await changes.batch()
            except TimeoutError:
                break
            (machine,) = fleet.machines()
            if machine.telemetry is not None and len(machine.telemetry.gpus) == GPUS:
                times.add(machine.telemetry.at)
    return len(times)


def family_of(agent: BenchAgent) -> set[int]:
    return with_descendants([agent.pid, *processes_of(agent.home)])


def ticks_of(pids: Iterable[int]) -> int:
    """Processor time of these processes with all their threads, user and system."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


def memory_mb(agent: BenchAgent, pids: Iterable[int]) -> dict[str, tuple[float, float]]:
    """PSS and RSS by kind of process."""
    sums: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        sizes = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
        kind = kind_of(agent, pid)
        pss, rss = sums[kind]
        sums[kind] = (pss + sizes["Pss:"], rss + sizes["Rss:"])
    return sums


def kind_of(agent: BenchAgent, pid: int) -> str:
    if pid == agent.pid:
        return "agent"
    words = Path(f"/proc/{pid}/cmdline").read_text()
    kinds = (("launcher", "launcher"), ("probe_child", "probe"))
    return next((kind for word, kind in kinds if word in words), "other")
