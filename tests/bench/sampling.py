"""What it costs to read 8 GPUs with 50 processes every second, and what a driver that hangs costs.

A real agent with its NVML probe child, which reads a library that stands in for NVIDIA's; the 50
processes are real, so that their owners, trees and cgroups are read as on a real machine. A watcher
is connected over TLS, as a window is: without it the agent would sample more slowly. The processor
time is that of the agent and all that it runs for itself, whatever they do besides sampling.

Then every call into the driver hangs for a minute, while another connection goes on calling the
agent: its calls may not take longer than before, and the GPUs must be unknown soon.
"""

import asyncio
import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.handshake import local_hello
from tests.bench.agent import BenchAgent, disk_folder, running_agent
from tests.bench.idle import SETTLE_S, count_samples, family_of, kind_of, passed
from tests.bench.report import Metric, Report, percentile
from tests.support.fake_nvml import GIB, FakeGpu, FakeNvml, build_library, fake_gpus

GPUS = 8
PROCESSES = 50
MEASURE_S = 60.0
SAMPLES_MIN = 0.9 * MEASURE_S
CPU_PERCENT_MAX = 1.0
WELL_S = 15.0
HANG_S = 60.0
CALL_EVERY_S = 0.05
ADDED_MS_MAX = 100.0
UNKNOWN_S_MAX = 10.0
BACK_S_MAX = 90.0
DASK = "Dask worker 4.5% (DESIGN.md)"


def measure(report: Report) -> None:
    with disk_folder() as name, processes(PROCESSES) as pids:
        nvml = FakeNvml(build_library(Path(name) / "nvml"), Path(name) / "script")
        machine = Machine(nvml, busy_gpus(pids))
        machine.be_well()
        with running_agent(0, nvml.environment) as agent:
            asyncio.run(measure_agent(agent, machine, report))


@dataclass(frozen=True)
class Machine:
    """The driver of the machine under test."""

    nvml: FakeNvml
    gpus: tuple[FakeGpu, ...]

    def be_well(self) -> None:
        self.nvml.become(self.gpus)

    def hang(self) -> None:
        self.nvml.become(self.gpus, hang=["*"])


@contextmanager
def processes(count: int) -> Iterator[list[int]]:
    """Live processes that do nothing."""
    started = [subprocess.Popen(["sleep", "infinity"]) for _ in range(count)]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def busy_gpus(pids: list[int]) -> tuple[FakeGpu, ...]:
    """The processes dealt out to the GPUs in turn."""
    held: list[dict[int, int | None]] = [{} for _ in range(GPUS)]
    for pid, gpu in zip(pids, itertools.cycle(held), strict=False):
        gpu[pid] = GIB
    return tuple(
        replace(gpu, compute=mine, used=(1 + len(mine)) * GIB, ecc=True, ecc_errors=0)
        for gpu, mine in zip(fake_gpus(GPUS), held, strict=True)
    )


async def measure_agent(agent: BenchAgent, machine: Machine, report: Report) -> None:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        await passed(SETTLE_S)
        report.say(f"{GPUS} GPUs with {PROCESSES} processes at 1 Hz for {MEASURE_S:g} s")
        await measure_cost(agent, fleet, report)
        peer = await connect_unix(agent.socket, local_hello("bench"))
        try:
            await measure_hang(fleet, peer, machine, report)
        finally:
            await peer.close()


async def measure_cost(agent: BenchAgent, fleet: Fleet, report: Report) -> None:
    family = family_of(agent)
    before = {pid: cpu_s(pid) for pid in family}
    loop = asyncio.get_running_loop()
    began = loop.time()
    samples = await count_samples(fleet, MEASURE_S)
    took_s = loop.time() - began
    (view,) = fleet.machines()
    assert view.telemetry is not None
    listed = sum(len(gpu.processes) for gpu in view.telemetry.gpus)
    if listed != PROCESSES:
        raise RuntimeError(f"{listed} processes are told of, not {PROCESSES}")
    costs: dict[str, float] = {}
    for pid in family:
        spent_s = cpu_s(pid) - before[pid]
        kind = kind_of(agent, pid)
        costs[kind] = costs.get(kind, 0.0) + 100.0 * spent_s / took_s
    whole = sum(costs.values())
    report.add(
        Metric("sampling_cpu", whole, "% of a core", at_most=CPU_PERCENT_MAX, reference=DASK)
    )
    for kind, percent in sorted(costs.items()):
        report.add(Metric(f"sampling_cpu_{kind}", percent, "% of a core"))
    report.add(Metric("sampling_samples", samples, "samples", at_least=SAMPLES_MIN))


def cpu_s(pid: int) -> float:
    """Processor time of a process with all its threads, to the nanosecond."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


async def measure_hang(fleet: Fleet, peer: Peer, machine: Machine, report: Report) -> None:
    report.say(f"calls for {WELL_S:g} s, then for {HANG_S:g} s with a driver that hangs")
    well_ms = await call_for(peer, WELL_S)
    async with asyncio.TaskGroup() as group:
        machine.hang()
        unknown = group.create_task(wait_until(fleet, are_known=False, within_s=HANG_S))
        hung_ms = await call_for(peer, HANG_S)
    machine.be_well()
    back_s = await wait_until(fleet, are_known=True, within_s=BACK_S_MAX)
    for percent in (50, 99, 100):
        well, hung = percentile(well_ms, percent), percentile(hung_ms, percent)
        name = "max" if percent == 100 else f"p{percent}"
        said = f"{hung:.1f} ms while it hangs, {well:.1f} ms before; {len(hung_ms)} calls"
        report.add(
            Metric(f"hang_added_{name}", hung - well, "ms", at_most=ADDED_MS_MAX, reference=said)
        )
    report.add(Metric("hang_unknown_after", unknown.result(), "s", at_most=UNKNOWN_S_MAX))
    report.add(Metric("hang_known_again_after", back_s, "s"))


async def call_for(peer: Peer, seconds: float) -> list[float]:
    """Milliseconds of each call, of three kinds in turn."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    took_ms = []
    for kind in itertools.cycle(range(3)):
        began = loop.time()
        if began >= end:
            break
        if kind == 0:
            await peer.call(methods.AGENT_STATUS, m.Empty())
        elif kind == 1:
            await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())
        else:
            await peer.call(methods.RUNS_LIST, m.ListRuns())
        took_ms.append((loop.time() - began) * 1000)
        await passed(CALL_EVERY_S)
    return took_ms


async def wait_until(fleet: Fleet, *, are_known: bool, within_s: float) -> float:
    """Seconds until the telemetry of all GPUs is as wanted, as a watcher sees it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with fleet.changes() as changes:
        async with asyncio.timeout(within_s):
            while True:
                (view,) = fleet.machines()
                if view.telemetry is not None and all(
                    (gpu.problem is None) is are_known for gpu in view.telemetry.gpus
                ):
                    return loop.time() - began
                await changes.batch()
