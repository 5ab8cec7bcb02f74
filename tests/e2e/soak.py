"""A short `./dev soak`: 60 kills of agent, launcher and shims under 50 live runs, and its audit."""

import time

from tests.bench.report import Report
from tests.e2e.tools import expect
from tests.soak.__main__ import soak

KILLS = 60


def main(arguments: list[str]) -> None:
    expect(len(arguments) <= 1, "soak takes a seed, or nothing")
    seed = int(arguments[0]) if arguments else time.time_ns() % 1_000_000
    report = Report(as_json=True)
    expect(soak(report, KILLS, seed) == 0, f"the soak with seed {seed} failed; its words are above")
