"""Whether anything of a run outlives its end: hostile ones, by the hundred, in both ways to kill.

A real launcher with real commands (tests/support/fake_job.py). Each is stopped with a short grace,
or ends by itself and leaves others behind. From when the grace is over (or the command has ended)
until the launcher tells the end is the delay; and when it is told, nothing of the run may be alive
any more, by the mark that all its processes bear, and by the words that the job leaves with them.
"""

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_agent.runs import cgroups, launcher_process, processes, rundir
from tests.bench.agent import disk_folder
from tests.bench.report import Metric, Report
from tests.support import fake_job
from tests.support.job_truth import processes_of
from tests.support.launched import PATH, Launched, launched, lives
from tests.support.waiting import wait_until_async

ENDINGS = 1000
"""In each way to kill."""
AT_ONCE = 8
GRACE_S = 0.2
LATE_S_MAX = 1.0
WAIT_S = 60.0
STORM = 200
NEVER = float("inf")

LIVES = ("--seconds", "120", "--left-for", "120")
STOPPED_ENDINGS = {
    "ignores SIGTERM": (*LIVES, "--on-term", "ignore", "--leave", "deaf:2"),
    "setsid": (*LIVES, "--leave", "session:2"),
    "double fork": (*LIVES, "--on-term", "ignore", "--leave", "double:2"),
    "stopped": (*LIVES, "--leave", "stopped:2", "--stop-self"),
    "cleared environment": (*LIVES, "--on-term", "ignore", "--leave", "clean:2"),
}
OWN_ENDINGS = {
    "leaves others": ("--left-for", "120", "--leave", "deaf,session,double,stopped,clean"),
}
STORMS = {
    "fork storm": (*LIVES, "--on-term", "ignore", "--storm", str(STORM), "--storm-for", "120"),
}
STORMS_IN = 20
"""One of so many endings is a storm: it alone keeps the whole machine busy."""


@dataclass
class Tally:
    endings: int = 0
    survivors: int = 0
    left: int = 0
    delays_s: dict[str, list[float]] = field(default_factory=dict)

    def worst_s(self) -> float:
        return max(max(delays) for delays in self.delays_s.values())

    def spread(self) -> str:
        parts = []
        for kind, delays in self.delays_s.items():
            middle, most = statistics.median(delays), max(delays)
            parts.append(f"{kind} {len(delays)}: {middle * 1000:.0f}/{most * 1000:.0f}")
        return "ms p50/max: " + ", ".join(parts)


def measure(report: Report, *, endings: int = ENDINGS) -> None:
    for way in ("walk", "cgroup"):
        with way_to_kill(way) as reason:
            if reason:
                report.say(f"No endings by {way}: {reason}")
                continue
            with disk_folder() as name:
                tally = asyncio.run(end_many(Path(name), way, endings))
        report.add(Metric(f"endings_{way}", tally.endings, "endings", at_least=endings))
        survivors = tally.survivors + tally.left
        report.add(Metric(f"survivors_{way}", survivors, "processes", at_most=0))
        report.add(
            Metric(
                f"worst_delay_{way}",
                tally.worst_s(),
                "s beyond the grace",
                at_most=LATE_S_MAX,
                reference=tally.spread(),
            )
        )


@contextmanager
def way_to_kill(way: str) -> Iterator[str]:
    """The launcher's environment is set for it; with the reason, if it can't be had here."""
    before = os.environ.pop(launcher_process.CGROUP, None)
    folder, reason = "", ""
    try:
        if way == "cgroup":
            try:
                folder = tempfile.mkdtemp(prefix="lanherd-endings-", dir=cgroups.own_cgroup())
                cgroups.prepare(folder)
                os.environ[launcher_process.CGROUP] = folder
            except OSError as error:
                reason = str(error)
        yield reason
    finally:
        os.environ.pop(launcher_process.CGROUP, None)
        if before is not None:
            os.environ[launcher_process.CGROUP] = before
        if folder:
            cgroups.remove(folder)


async def end_many(home: Path, way: str, endings: int) -> Tally:
    tally, kinds = Tally(), list((STOPPED_ENDINGS | OWN_ENDINGS).items())
    storms = endings // STORMS_IN
    async with launched(home) as rig:
        await rig.up()
        if rig.client.kill != way:
            raise RuntimeError(f"the launcher kills by {rig.client.kill}: {rig.client.why_walk}")
        todo = iter([kinds[number % len(kinds)] for number in range(endings - storms)])
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(end_each(rig, todo, tally))
        storm = next(iter(STORMS.items()))
        await end_each(rig, iter([storm] * storms), tally)
    return tally


async def end_each(
    rig: Launched, todo: Iterator[tuple[str, tuple[str, ...]]], tally: Tally
) -> None:
    for kind, options in todo:
        directory = rig.make()
        ready = directory.path / "ready"
        command = fake_job.command(*options, "--ready", str(ready), "--truth", "")
        # Which tells its processes from those of the next attempt, whatever becomes of them.
        rig.write(directory, *command, env={"PATH": PATH, "FAKE_JOB_TRUTH": str(directory.path)})
        await rig.start(directory)
        if kind in OWN_ENDINGS:
            ended = await rig.ended(directory, WAIT_S)
            due = ended.at
        else:
            await wait_until_async(ready.exists, WAIT_S)
            due = time.time() + GRACE_S
            await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=GRACE_S)
            ended = await rig.ended(directory, WAIT_S)
        told_at = rig.told_at[directory.path]
        before = NEVER if kind in STORMS else ended.at  # nothing else runs beside a storm
        tally.endings += 1
        tally.delays_s.setdefault(kind, []).append(max(0.0, told_at - due))
        tally.left += ended.left
        tally.survivors += len(alive_of(directory, before))


def alive_of(directory: rundir.AttemptDir, before: float) -> list[int]:
    """What lives of it: by the words that the job leaves with all that it starts, and by its shim's
    mark. The shim may serve another attempt by now, of which nothing began before that Unix time;
    the kernel tells a beginning in ticks, rounded down."""
    start = rundir.read_start(directory)
    if start is None:
        raise RuntimeError(f"{directory.path}: it was started, and says nothing of that")
    mark = processes.mark_of(start.shim_pid, start.shim_start_time)
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    marked = [
        pid
        for pid, (_, _, since) in processes.process_table().items()
        if pid != start.shim_pid
        and processes.read_mark(pid) == mark
        and (since + 1) / rundir.TICKS_PER_S + booted < before
        and lives(pid, since)
    ]
    return sorted({*marked, *processes_of(directory.path)})
