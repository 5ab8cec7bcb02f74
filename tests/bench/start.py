"""How long from starting the desktop to its window, and to the first live gauge in it.

A cold process, on Qt's offscreen platform, against a running agent that the controller has been
paired with. The desktop itself writes the moments (LANHERD_TIMING_FILE); the clock is
CLOCK_MONOTONIC, which all processes share. The median of some starts is told; the first of them
also finds the files of Qt outside the page cache, where the machine has not used them before.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from lanherd_client.fleet import Fleet
from tests.bench.agent import BenchAgent, end, environment_of, running_agent
from tests.bench.report import Metric, Report

STARTS = 5
WINDOW_S_MAX = 1.0
GAUGE_S_MAX = 2.0
GIVE_UP_S = 30.0
POLL_S = 0.01
MARKS = ("window_shown", "first_gauge")


def measure(report: Report) -> None:
    with running_agent(simulate_gpus=2) as agent:
        asyncio.run(pair(agent))
        starts = [start_desktop(agent, number) for number in range(STARTS)]
    bars = {"window_shown": WINDOW_S_MAX, "first_gauge": GAUGE_S_MAX}
    for mark in MARKS:
        values = [start[mark] for start in starts]
        seen = f"of {STARTS} starts, {min(values):.2f} to {max(values):.2f} s"
        median = statistics.median(values)
        report.add(Metric(mark, median, "s", at_most=bars[mark], reference=seen))


async def pair(agent: BenchAgent) -> None:
    async with Fleet.open(agent.controller) as fleet:
        await fleet.pair_socket(agent.socket)


def start_desktop(agent: BenchAgent, number: int) -> dict[str, float]:
    """Seconds from the start of the process to each mark."""
    marks_file = agent.folder / f"marks-{number}"
    environment = {
        **environment_of(agent.folder),
        "QT_QPA_PLATFORM": "offscreen",
        "LANHERD_TIMING_FILE": str(marks_file),
    }
    began_ns = time.monotonic_ns()
    process = subprocess.Popen([sys.executable, "-m", "lanherd_desktop"], env=environment)
    try:
        marks = wait_for_marks(marks_file, process)
    finally:
        end(process)
    return {mark: (at_ns - began_ns) / 1e9 for mark, at_ns in marks.items()}


def wait_for_marks(path: Path, process: subprocess.Popen[bytes]) -> dict[str, int]:
    pause = threading.Event()
    end = time.monotonic() + GIVE_UP_S
    while time.monotonic() < end:
        marks = read_marks(path)
        if all(mark in marks for mark in MARKS):
            return marks
        if process.poll() is not None:
            raise RuntimeError(f"the desktop ended with exit status {process.returncode}")
        pause.wait(POLL_S)
    raise RuntimeError(
        f"after {GIVE_UP_S:g} s the desktop had only told of {sorted(read_marks(path))}"
    )


def read_marks(path: Path) -> dict[str, int]:
    if not os.path.exists(path):
        return {}
    whole_lines = path.read_text().rpartition("\n")[0].splitlines()
    marks: dict[str, int] = {}
    for line in whole_lines:
        told = json.loads(line)
        marks.setdefault(told["mark"], told["at_ns"])
    return marks
