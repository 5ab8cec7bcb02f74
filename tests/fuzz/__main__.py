"""`./dev fuzz [manifests|blobs] [--count N] [--seed S] [--json]`: hostile manifests, damaged blobs.

Exits 0 only if nothing was written outside a tree, nothing crashed, and every damage was refused or
found. The place is in memory where the machine offers that (/dev/shm), else on its disk.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.report import Metric, Report
from tests.fuzz import blobs, manifests

COUNTS = {"manifests": 100_000, "blobs": 10_000}
MEMORY = Path("/dev/shm")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*COUNTS, []], help="default: both")
    parser.add_argument("--count", type=int, default=None, metavar="N")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="default: another one")
    parser.add_argument("--folder", type=Path, default=None, help="where the store is made")
    parser.add_argument("--json", action="store_true", help="one JSON line for each figure")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else time.time_ns() % 1_000_000
    report = Report(as_json=asked.json)
    for what in asked.what or COUNTS:
        _fuzz(report, what, asked.count or COUNTS[what], seed, asked.folder)
    return report.finish()


def _fuzz(report: Report, what: str, count: int, seed: int, folder: Path | None) -> None:
    again = f"./dev fuzz {what} --count {count} --seed {seed}"
    report.say(f"{what}: {count}, seed {seed} (again: {again})")
    place = Path(tempfile.mkdtemp(prefix="lanherd-fuzz-", dir=folder or _memory()))
    began = time.perf_counter()
    crashed = 0
    try:
        if what == "manifests":
            _manifests(report, place, count, seed)
        else:
            _blobs(report, place, count, seed)
    except manifests.Broken as broken:
        report.say(f"BROKEN: {broken}")
        crashed = 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    report.add(Metric(f"{what}: broken", crashed, "", at_most=0))
    report.add(Metric(f"{what}: time", time.perf_counter() - began, "s"))


def _manifests(report: Report, place: Path, count: int, seed: int) -> None:
    outcome = manifests.run(place, count, seed)
    for why, times in outcome.refused.most_common():
        report.say(f"  refused {times} times: {why}")
    report.add(Metric("manifests: tried", outcome.tried, ""))
    report.add(Metric("manifests: accepted and built", outcome.accepted, ""))
    report.add(Metric("manifests: files built", outcome.built_files, ""))


def _blobs(report: Report, place: Path, count: int, seed: int) -> None:
    outcome = blobs.run(place, count, seed)
    for kind, times in sorted(outcome.kinds.items()):
        report.say(f"  {kind}: {times}")
    report.add(Metric("blobs: damaged on the way", outcome.in_packs, ""))
    report.add(Metric("blobs: of these without a loss", outcome.harmless, ""))
    report.add(Metric("blobs: damaged on the disk", outcome.on_disk, ""))


def _memory() -> Path | None:
    return MEMORY if os.access(MEMORY, os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main())
