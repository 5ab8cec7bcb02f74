"""`./dev soak --kills N --seed S [--json]`: live runs, kills of everything at any moment, an audit.

A real agent with its launcher in a home of its own keeps 50 seeded runs alive, while agent,
launcher and shims are killed at named points and at random moments. Then everything that the
machine tells is held against what the jobs wrote down themselves. Exits 0 only if nothing is
lost, doubled, untrue or left; otherwise the home and a story stay to be read.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from unittest import mock

from tests.bench.report import Metric, Report, percentile
from tests.soak.audit import Audit, Auditor
from tests.soak.killer import Killer
from tests.soak.kinds import GPUS, Runs
from tests.soak.link import Link, passed
from tests.soak.load import FOLLOWERS, LIVE, LOOK_EVERY_S, Load
from tests.soak.machine import Machine, Story, send
from tests.support.cgroup import delegated_cgroup
from tests.support.isolation import isolated_environment
from tests.support.job_truth import processes_of
from tests.support.waiting import wait_until, wait_until_async

KILLS = 500
LIVE_WITHIN_S = 60.0
WIND_DOWN_S = 90.0
BY_THEMSELVES_S = 5.0
"""At the end runs get this long to end by themselves; the rest is stopped."""
GONE_WITHIN_S = 15.0
READOPT_P99_S_MAX = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="default: another one")
    parser.add_argument("--json", action="store_true", help="one JSON line for each figure")
    parser.add_argument(
        "--cgroup", action="store_true", help="with a cgroup for the runs, as under systemd; root"
    )
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    report = Report(as_json=arguments.json)
    return soak(report, arguments.kills, seed, in_cgroup=arguments.cgroup)


def soak(report: Report, kills: int, seed: int, *, in_cgroup: bool = False) -> int:
    again = f"./dev soak --kills {kills} --seed {seed}{' --cgroup' if in_cgroup else ''}"
    report.say(f"soak: {kills} kills, seed {seed} (again: {again})")
    # Not /tmp, which is often in memory; short, since a Unix socket's path has 107 bytes.
    parent = Path(os.environ.get("SCRATCH", Path.home()))
    folder = Path(tempfile.mkdtemp(prefix=".lh-soak-", dir=parent))
    with ExitStack() as ends:
        ends.enter_context(mock.patch.dict(os.environ, isolated_environment(folder)))
        variables: dict[str, str] = {}
        if in_cgroup:
            variables = ends.enter_context(delegated_cgroup(folder.name))
        machine = Machine(folder, GPUS, variables)
        try:
            done = asyncio.run(Soak(machine, seed).run(kills))
        except BaseException as problem:
            report.say(f"soak: broke with seed {seed}: {problem}; its home: {folder}")
            if isinstance(problem, Story):
                return 1
            raise
        finally:
            end_all(machine)
    tell(report, done, kills)
    audit = done.auditor.audit
    if audit.words:
        story = folder / "story.txt"
        story.write_text(f"seed {seed}, {kills} kills\n" + "\n".join(audit.words) + "\n")
        for text in audit.words[:20]:
            report.say(f"soak: {text[:400]}")
        report.say(f"soak: {len(audit.words)} faults with seed {seed}; their story: {story}")
    else:
        shutil.rmtree(folder)
    return report.finish(only_said=frozenset({"readopt_p99_s"}))


class Soak:
    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.began = time.monotonic()
        self.link = Link(machine)
        runs = Runs(seed, machine.truth)
        self.load = Load(machine, self.link, runs, random.Random(f"load of {seed}"))
        self.killer = Killer(machine, self.link, self.load, random.Random(f"kills of {seed}"))
        self.auditor = Auditor(machine, self.load, self.killer)
        self.points: dict[str, int] = {}

    async def run(self, kills: int) -> "Soak":
        self._end_early_when_told()
        await self.killer.start_again(armed=False)
        self.killer.readopted_s.clear()
        self.killer.live_at_starts.clear()
        async with self._under_load():
            await wait_until_async(lambda: self.load.live >= LIVE, LIVE_WITHIN_S)
            await self.killer.run(kills)
            await self._wind_down()
            views = await self.load.listed()
        self.points = self.killer.notes()
        self.auditor.check_runs(views)
        self.auditor.check_logs()
        await self._end_machine()
        self.auditor.check_secrets()
        self.auditor.check_records(self.machine.records(), views)
        return self

    def _end_early_when_told(self) -> None:
        """Ctrl+C, or SIGTERM, ends the killing, not the audit of what was done until then."""

        def end() -> None:
            self.killer.told_to_end = True

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)

    @asynccontextmanager
    async def _under_load(self) -> AsyncIterator[None]:
        """What any of its tasks meets that it doesn't expect ends the soak."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.load.fill()), group.create_task(self.load.disturb())]
            tasks += [group.create_task(self.load.follow()) for _ in range(FOLLOWERS)]
            yield
            for task in tasks:
                task.cancel()

    async def _wind_down(self) -> None:
        """No more kills; what is armed goes; every run comes to its end."""
        self.load.filling = False
        self.machine.signal_launcher(signal.SIGTERM)
        await self.machine.end()
        await self.killer.start_again(armed=False)
        await passed(BY_THEMSELVES_S)
        for run in sorted(self.load.open):
            await self.load.stop(run)
        end = time.monotonic() + WIND_DOWN_S
        while self.load.open and time.monotonic() < end:
            await passed(LOOK_EVERY_S)

    async def _end_machine(self) -> None:
        """Agent and launcher end, and with them the last shim; nothing is left then."""
        await self.machine.end()
        await self.link.disconnect()
        for pid in self.machine.own_processes():
            send(pid, signal.SIGTERM)

        def none_left() -> bool:
            return not (self.machine.own_processes() or processes_of(self.machine.truth))

        try:
            await wait_until_async(none_left, GONE_WITHIN_S)
        except TimeoutError:
            self.auditor.check_processes(GONE_WITHIN_S, self.machine.own_processes())


def tell(report: Report, done: Soak, kills: int) -> None:
    killer, audit = done.killer, done.auditor.audit
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(killer.by_kind.items()))
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(audit.outcomes.items()))
    points = ", ".join(f"{count} {name}" for name, count in sorted(done.points.items()))
    live = sorted(killer.live_at_starts) or [0]
    report.add(Metric("kills", killer.kills, "kills", at_least=kills, reference=kinds))
    report.add(Metric("fail_points", len(done.points), "points", reference=points))
    report.add(Metric("runs", len(done.load.sent), "runs", reference=outcomes))
    for name, unit in (
        ("lost", "runs"),
        ("doubled", "runs"),
        ("wrong_outcomes", "attempts"),
        ("log_bytes_lost", "bytes"),
        ("log_bytes_doubled", "bytes"),
        ("orphans", "processes"),
        ("broken", "faults"),
    ):
        report.add(Metric(name, getattr(audit, name), unit, at_most=0, reference=seen(audit, name)))
    readopted = killer.readopted_s or [0.0]
    report.add(
        Metric(
            "readopt_p99_s",
            percentile(readopted, 99),
            "s",
            at_most=READOPT_P99_S_MAX,
            reference=f"p50 {percentile(readopted, 50):.2f} s, {live[0]} to {live[-1]} live",
        )
    )
    report.add(Metric("took", time.monotonic() - done.began, "s"))


def seen(audit: Audit, name: str) -> str:
    match name:
        case "log_bytes_lost":
            return f"of {audit.log_bytes}; {audit.followed} logs were followed to their end"
        case _:
            return ""


def end_all(machine: Machine) -> None:
    """Nothing outlives a soak, however it went: what names its folders is its own."""

    def none_left() -> bool:
        # First who could start more of them.
        left = machine.own_processes() or processes_of(machine.truth)
        for pid in left:
            send(pid, signal.SIGKILL)
        return not left

    wait_until(none_left, GONE_WITHIN_S)


if __name__ == "__main__":
    sys.exit(main())
