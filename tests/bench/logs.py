"""A run that prints 100 MB/s for a minute into a log with a cap of 1 GB, and is followed meanwhile.

A real agent and launcher; the follower is a process of its own, over TLS, as are the calls whose
waiting is measured here: `runs.get` and `machine.snapshot`, fifty a second. When the run has ended,
all that is left of its log is read and held against what was printed, and then searched.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogGap
from lanherd_client.mirror import Online
from lanherd_client.run import Run
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.log_messages import LogDescription, LogSearched
from tests.bench.agent import BenchAgent, running_agent
from tests.bench.log_job import Checker
from tests.bench.report import Metric, Report, percentile

RATE, SECONDS = 100_000_000, 60
CAP = 1 << 30
RSS_GROWTH_MIB_MAX = 32
CALL_P99_MS_MAX = 100
OVER_CAP_MIB_MAX = 64
RATE_MB_MIN = 95
CALL_EVERY_S = 0.02
LOOK_EVERY_S = 0.05
MIB = 1 << 20
DISK_BLOCK_BYTES = 4096
SEARCHES = (
    ("search_text", "block number 0000000777", False),
    ("search_regex", r"step=\d+ loss=(nan|inf)", True),
)


@dataclass
class Seen:
    """What was looked at while the run printed."""

    rss_bytes: int = 0
    stored_bytes: int = 0
    calls_ms: list[float] = field(default_factory=list)


def measure(report: Report) -> None:
    with running_agent(simulate_gpus=2) as agent:
        asyncio.run(bench(agent, report))


async def bench(agent: BenchAgent, report: Report) -> None:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)
        await fleet.settled()
        (machine,) = fleet.machines()
        if not isinstance(machine.link, Online) or machine.link.address.startswith("/"):
            raise RuntimeError(f"the agent isn't reached over TLS: {machine.link}")
        await warm_up(fleet, agent)
        rss_bytes, cpu_s = rss_of(agent.pid), cpu_of(agent.pid)
        job = str(Path(__file__).with_name("log_job.py"))
        command = [sys.executable, "-I", "-S", job, str(RATE), str(SECONDS)]
        run = await fleet.submit(command=command, log_cap=CAP)
        began = time.monotonic()
        seen = Seen()
        with follower(agent, run) as following:
            async with TaskOwner("looking") as tasks:
                tasks.spawn(look(agent, run, seen), "at the agent and the disk")
                tasks.spawn(ask(fleet, run, seen), "calls")
                await run.wait()
                took_s = time.monotonic() - began
                heard = json.loads(await asyncio.to_thread(said_by, following))
        cpu_s = cpu_of(agent.pid) - cpu_s
        described = await run.describe_log()
        tell_load(report, seen, described, seen.rss_bytes - rss_bytes, took_s)
        tell_follower(report, heard, cpu_s / took_s)
        await read_and_search(report, run, described)


async def warm_up(fleet: Fleet, agent: BenchAgent) -> None:
    """A short run that is followed, so that what is loaded once is loaded."""
    job = str(Path(__file__).with_name("log_job.py"))
    run = await fleet.submit(command=[sys.executable, "-I", "-S", job, str(RATE), "1"])
    with follower(agent, run) as following:
        await asyncio.to_thread(said_by, following)
    await run.wait()


def follower(agent: BenchAgent, run: Run) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.bench.log_follower", str(agent.controller), run.id]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def said_by(following: "subprocess.Popen[bytes]") -> bytes:
    said, _ = following.communicate()
    if following.returncode != 0:
        raise RuntimeError(f"the follower ended with exit status {following.returncode}")
    return said


async def look(agent: BenchAgent, run: Run, seen: Seen) -> None:
    log = agent.home / "runs" / run.id / "1" / "log"
    while True:
        seen.rss_bytes = max(seen.rss_bytes, rss_of(agent.pid))
        if await asyncio.to_thread(log.exists):
            stored_bytes = os.stat(log).st_blocks * 512
            seen.stored_bytes = max(seen.stored_bytes, stored_bytes)
        await pause(LOOK_EVERY_S)


async def ask(fleet: Fleet, run: Run, seen: Seen) -> None:
    """How long others wait for an answer meanwhile."""
    while True:
        for question in (run.refresh, lambda: fleet.status(run.machine)):
            began = time.monotonic()
            await question()
            seen.calls_ms.append((time.monotonic() - began) * 1000)
            await pause(CALL_EVERY_S)


async def pause(seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
    except TimeoutError:
        pass  # the next look


def rss_of(pid: int) -> int:
    resident_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return resident_pages * os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tell_load(
    report: Report, seen: Seen, described: LogDescription, grown_bytes: int, took_s: float
) -> None:
    printed_mb = described.size_bytes / 1e6 / took_s
    report.add(Metric("log_printed", printed_mb, "MB/s", at_least=RATE_MB_MIN))
    grown = grown_bytes / MIB
    report.add(Metric("log_agent_rss_growth", grown, "MiB", at_most=RSS_GROWTH_MIB_MAX))
    p99_ms = percentile(seen.calls_ms, 99)
    calls = f"{len(seen.calls_ms)} calls, p50 {percentile(seen.calls_ms, 50):.1f} ms"
    report.add(Metric("log_call_p99", p99_ms, "ms", at_most=CALL_P99_MS_MAX, reference=calls))
    over = (seen.stored_bytes - CAP) / MIB
    report.add(Metric("log_disk_over_cap", over, "MiB", at_most=OVER_CAP_MIB_MAX))


def tell_follower(report: Report, heard: dict[str, float], agent_share: float) -> None:
    seconds = heard["seconds"]
    of = f"{heard['missed_bytes'] / 1e6:.0f} MB were given up before it had read them"
    report.add(Metric("log_followed", heard["heard_bytes"] / 1e6 / seconds, "MB/s", reference=of))
    report.add(Metric("log_followed_wrong", heard["wrong_bytes"], "bytes", at_most=0))
    report.add(Metric("log_agent_cpu", agent_share * 100, "% of a core"))
    report.add(Metric("log_follower_cpu", heard["cpu_s"] / seconds * 100, "% of a core"))


async def read_and_search(report: Report, run: Run, described: LogDescription) -> None:
    """Every byte of the head and the tail, and nothing else."""
    checker, gaps, read_bytes = Checker(), list[LogGap](), 0
    began = time.monotonic()
    async for item in run.logs():
        if isinstance(item, LogGap):
            gaps.append(item)
        else:
            checker.check(item.offset, item.data)
            read_bytes += len(item.data)
    read_mb = read_bytes / 1e6 / (time.monotonic() - began)
    report.add(Metric("log_read_back", read_mb, "MB/s"))
    gone = sum(gap.to - gap.offset for gap in gaps)
    unread = described.size_bytes - gone - read_bytes
    report.add(Metric("log_read_back_wrong", checker.wrong_bytes + unread, "bytes", at_most=0))
    head = min((gap.offset for gap in gaps), default=described.size_bytes)
    tail = described.size_bytes - max((gap.to for gap in gaps), default=0)
    # The gap is made of whole blocks of the disk.
    lacking = max(0, CAP // 4 - head, CAP - CAP // 4 - tail)
    report.add(Metric("log_kept_too_little", lacking, "bytes", at_most=DISK_BLOCK_BYTES))
    for name, pattern, regex in SEARCHES:
        began = time.monotonic()
        done = [item async for item in run.search_log(pattern, regex=regex)][-1]
        if not isinstance(done, LogSearched) or not done.complete:
            raise RuntimeError(f"the search ended early: {done}")
        report.add(Metric(name, read_bytes / 1e6 / (time.monotonic() - began), "MB/s"))
