"""What an idle agent costs: 8 scripted GPUs, sampled at 1 Hz because one client watches them.

The watcher is this process: paired, connected over TLS, subscribed to telemetry as a window is.
Without it the agent would sample more slowly. Memory is the sum of PSS of the agent and everything
that it runs for itself (launcher, probe child); processor time is theirs too, from /proc.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from lanherd_client.fleet import Fleet
from tests.bench.agent import BenchAgent, processes_of, running_agent, with_descendants
from tests.bench.report import Metric, Report

GPUS = 8
SETTLE_S = 3.0
MEASURE_S = 60.0
PSS_MB_MAX = 70.0
CPU_PERCENT_MAX = 1.0
SAMPLES_MIN = 0.9 * MEASURE_S
DASK = "Dask worker 110 MB, 4.5% (DESIGN.md)"


def measure(report: Report) -> None:
    with running_agent(simulate_gpus=GPUS) as agent:
        asyncio.run(watch(agent, report))


async def watch(agent: BenchAgent, report: Report) -> None:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        report.say(f"watching {GPUS} scripted GPUs over TLS for {MEASURE_S:g} s")
        await passed(SETTLE_S)
        family = family_of(agent)
        loop = asyncio.get_running_loop()
        ticks, began = ticks_of(family), loop.time()
        samples = await count_samples(fleet, MEASURE_S)
        ticks, took_s = ticks_of(family) - ticks, loop.time() - began
        if family_of(agent) != family:
            raise RuntimeError("the agent's processes changed while it was idle")
        memory = memory_mb(agent, family)
    cpu_percent = 100.0 * ticks / os.sysconf("SC_CLK_TCK") / took_s
    pss = sum(shared for shared, _ in memory.values())
    report.add(Metric("idle_pss", pss, "MB", at_most=PSS_MB_MAX, reference=DASK))
    for name, (shared, _) in sorted(memory.items()):
        report.add(Metric(f"idle_pss_{name}", shared, "MB"))
    # The most that it can be: this watcher and other Pythons share pages with the agent.
    resident = sum(whole for _, whole in memory.values())
    report.add(Metric("idle_rss", resident, "MB", reference="shared pages counted in full"))
    report.add(
        Metric("idle_cpu", cpu_percent, "% of a core", at_most=CPU_PERCENT_MAX, reference=DASK)
    )
    report.add(Metric("telemetry_samples", samples, "samples", at_least=SAMPLES_MIN))


def passed(seconds: float) -> asyncio.Future[None]:
    """Done when this time has passed: what is measured here is time itself."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    return done


async def count_samples(fleet: Fleet, seconds: float) -> int:
    """Samples that arrived at the watcher within this time."""
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
            if machine.telemetry is not None:
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
