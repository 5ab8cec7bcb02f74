"""How long from a submit to a live process, and how many no-op runs a second.

A real agent, over TLS, through `lanherd_client`, with the store as durable as it always is. The
started program itself writes the moment at which it is alive, so that nobody's polling is measured.
Beside it, in the same run, the floor of this machine: posix_spawn of the same programs. Where the
time goes is told too: the way to the durable reply, from there to the live process, and the
processor time that a no-op run takes in the agent, in what it starts, and in the client.
"""

import asyncio
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_client.mirror import Online
from lanherd_client.run import Run
from lanherd_protocol.states import RunView
from tests.bench.agent import (
    BenchAgent,
    disk_folder,
    processes_of,
    running_agent,
    with_descendants,
)
from tests.bench.report import Metric, Report, percentile

LATENCY_RUNS = 60
WARM_UP_RUNS = 5
NO_OP_RUNS = 400
NO_OP = "/bin/true"
P50_MS_MAX = 6.0
RUNS_PER_SECOND_MIN = 500.0


def measure(report: Report) -> None:
    with disk_folder() as name:
        stamps = Stamps(Path(name))
        spawn_ms = [stamps.spawn() for _ in range(LATENCY_RUNS)]
        spawn_rate = spawn_no_ops()
        fsync_ms = [stamps.fsync() for _ in range(LATENCY_RUNS)]
        mkdir_ms = [stamps.mkdir() for _ in range(LATENCY_RUNS)]
        with running_agent(simulate_gpus=2) as agent:
            timings, batch = asyncio.run(dispatch(agent, stamps))
    alive_ms = [timing.alive_ms for timing in timings]
    floor = f"posix_spawn p50 {percentile(spawn_ms, 50):.2f} ms, p95 {percentile(spawn_ms, 95):.2f}"
    for percent, most in ((50, P50_MS_MAX), (95, None)):
        value = percentile(alive_ms, percent)
        report.add(
            Metric(f"submit_to_alive_p{percent}", value, "ms", at_most=most, reference=floor)
        )
    # Where the time goes: up to the durable reply, and what one fsync of this disk costs.
    taken_ms = [timing.taken_ms for timing in timings]
    floor = f"append and fsync p50 {percentile(fsync_ms, 50):.2f} ms"
    report.add(Metric("submit_to_reply_p50", percentile(taken_ms, 50), "ms", reference=floor))
    later_ms = [timing.alive_ms - timing.taken_ms for timing in timings]
    report.add(Metric("reply_to_alive_p50", percentile(later_ms, 50), "ms"))
    mkdir = f"mkdir p50 {percentile(mkdir_ms, 50) * 1000:.0f} us"
    floor = f"posix_spawn {spawn_rate:.0f} runs/s, {mkdir}"
    report.add(
        Metric("no_op_runs", batch.rate, "runs/s", at_least=RUNS_PER_SECOND_MIN, reference=floor)
    )
    of = f"per run of {NO_OP_RUNS} no-op runs"
    spent = {
        "agent": batch.spent.agent_s,
        "commands": batch.spent.started_s,
        "client": batch.spent.client_s,
    }
    for who, seconds in spent.items():
        each_ms = seconds * 1000 / NO_OP_RUNS
        also = "launcher and shims with the commands, " if who == "commands" else ""
        report.add(Metric(f"no_op_cpu_{who}", each_ms, "ms of CPU", reference=also + of))


@dataclass(frozen=True)
class Timing:
    """One run, in milliseconds since its submit began."""

    taken_ms: float
    alive_ms: float


@dataclass(frozen=True)
class Spent:
    """Processor time so far, user and system, in seconds."""

    agent_s: float
    started_s: float
    """Of the launcher, the shims and the commands, with those that have ended."""
    client_s: float

    def since(self, before: "Spent") -> "Spent":
        return Spent(
            self.agent_s - before.agent_s,
            self.started_s - before.started_s,
            self.client_s - before.client_s,
        )


@dataclass(frozen=True)
class Batch:
    """Many no-op runs at once: runs a second, and what they cost."""

    rate: float
    spent: Spent


class Stamps:
    """Programs that say when they are alive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.program = str(folder / "stamp")
        source = Path(__file__).with_name("stamp.c")
        subprocess.run(["gcc", "-O2", "-o", self.program, str(source)], check=True)

    def fresh(self) -> Path:
        self._count += 1
        return self._folder / f"{self._count}.ns"

    def spawn(self) -> float:
        """Milliseconds from posix_spawn to a live process."""
        path = self.fresh()
        began = time.monotonic_ns()
        pid = os.posix_spawn(self.program, [self.program, str(path)], os.environ)
        os.waitpid(pid, 0)
        return read_ms_since(path, began)

    def fsync(self) -> float:
        """Milliseconds of one small durable append."""
        with open(self._folder / "journal", "ab") as journal:
            began = time.monotonic_ns()
            os.write(journal.fileno(), bytes(512))
            os.fsync(journal.fileno())
            return (time.monotonic_ns() - began) / 1e6

    def mkdir(self) -> float:
        """Milliseconds of one new folder: a run has four."""
        path = self.fresh()
        began = time.monotonic_ns()
        path.mkdir()
        return (time.monotonic_ns() - began) / 1e6


def read_ms_since(path: Path, began_ns: int) -> float:
    return (int(path.read_text()) - began_ns) / 1e6


def spawn_no_ops() -> float:
    began = time.monotonic()
    for _ in range(NO_OP_RUNS):
        os.waitpid(os.posix_spawn(NO_OP, [NO_OP], os.environ), 0)
    return NO_OP_RUNS / (time.monotonic() - began)


async def dispatch(agent: BenchAgent, stamps: Stamps) -> tuple[list[Timing], Batch]:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        (machine,) = fleet.machines()
        if not isinstance(machine.link, Online) or machine.link.address.startswith("/"):
            raise RuntimeError(f"the agent isn't reached over TLS: {machine.link}")
        timings = [await time_one(fleet, stamps) for _ in range(WARM_UP_RUNS + LATENCY_RUNS)]
        before = spent(agent)
        rate = await no_ops(fleet)
        return timings[WARM_UP_RUNS:], Batch(rate, spent(agent).since(before))


async def time_one(fleet: Fleet, stamps: Stamps) -> Timing:
    path = stamps.fresh()
    began = time.monotonic_ns()
    run = await fleet.submit(command=[stamps.program, str(path)])
    taken_ms = (time.monotonic_ns() - began) / 1e6
    check_succeeded(await run.wait())
    return Timing(taken_ms, read_ms_since(path, began))


async def no_ops(fleet: Fleet) -> float:
    """Runs a second, from the first submit to the end of the last."""
    began = time.monotonic()
    runs: list[Run] = await asyncio.gather(
        *(fleet.submit(command=[NO_OP]) for _ in range(NO_OP_RUNS))
    )
    for view in await asyncio.gather(*(run.wait() for run in runs)):
        check_succeeded(view)
    return NO_OP_RUNS / (time.monotonic() - began)


def check_succeeded(view: RunView) -> None:
    outcome = getattr(view.state, "outcome", None)
    if outcome != "succeeded":
        raise RuntimeError(f"run {view.run} did not succeed: {view.state}")


def spent(agent: BenchAgent) -> Spent:
    """What an ended process took is in its parent's account of children, once it was waited for."""
    ticks = dict.fromkeys(("agent", "started"), 0)
    for pid in with_descendants([agent.pid, *processes_of(agent.home)]):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile: its parent's account has it
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        ticks["agent" if pid == agent.pid else "started"] += own
        ticks["started"] += ended
    a_second = os.sysconf("SC_CLK_TCK")
    return Spent(ticks["agent"] / a_second, ticks["started"] / a_second, time.process_time())
