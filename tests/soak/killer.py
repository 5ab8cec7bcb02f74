"""Who dies, and when: at named points that are armed at a start, and at any moment."""

import asyncio
import random
import re
import signal
import sys
import time
from dataclasses import dataclass, field

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from tests.soak.link import Link, passed
from tests.soak.load import OPEN_STATES, PAGE, Load
from tests.soak.machine import Machine
from tests.support.waiting import wait_until_async

AGENT_POINTS = (
    "shell.before_commit",
    "shell.committed",
    "shell.settled",
    "executor.before_start",
    "executor.started",
    "executor.before_signal",
    "executor.exited",
    "adopt.begin",
    "launcher_client.sent",
)
LAUNCHER_POINTS = (
    "launcher.forked",
    "launcher.placed",
    "launcher.before_reply",
    "launcher.reaped",
    "shim.claimed",
    "shim.spawned",
    "shim.told",
    "shim.waited",
    "shim.before_exit",
    "shim.exit_written",
)
PASSAGES_MAX = 25
ALIVE_S = 1.1
DOWN_S = 0.4
TAKEN_UP_S = 20.0
LOOK_S = 0.01
FAULTS = {"agent": 9, "launcher": 4, "both": 2, "shim": 4, "drain": 1, "restart": 1}
NOTE = re.compile(r"killed at the fail point ([\w.]+)(?:: pid (\d+))?")


@dataclass
class Killer:
    """Kills, starts again, and measures how long the agent takes to know everything again."""

    machine: Machine
    link: Link
    load: Load
    chance: random.Random
    kills: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    shims_killed: set[tuple[str, int]] = field(default_factory=set)
    readopted_s: list[float] = field(default_factory=list)
    live_at_starts: list[int] = field(default_factory=list)
    told_to_end: bool = False
    shims_armed: bool = False
    told_at: float = 0.0
    shims_at_points: set[int] = field(default_factory=set)
    """Pids of shims that died at one, once `notes` was asked."""

    async def run(self, kills: int) -> None:
        while self.kills < kills and not self.told_to_end:
            await self._once()
            if time.monotonic() > self.told_at + 10:
                self.told_at = time.monotonic()
                told = f"soak: {self.kills} kills, {len(self.load.sent)} runs"
                print(told, file=sys.stderr, flush=True)

    async def _once(self) -> None:
        if await self._dies_by_itself(self.chance.uniform(0.05, ALIVE_S)):
            self._count("agent at a point")
            await self.start_again()
            return
        (fault,) = self.chance.choices(list(FAULTS), list(FAULTS.values()))
        if fault == "launcher":
            self._count(fault, await self._kill_launcher(signal.SIGKILL))
        elif fault == "drain":
            await self._kill_launcher(signal.SIGTERM)
        elif fault == "shim":
            self._count(fault, self._kill_shim())
        elif fault == "restart":
            await self.machine.end()
            await self.start_again()
        else:
            if fault == "both":
                self._count(fault, await self._kill_launcher(signal.SIGKILL))
            self.machine.kill()
            self._count("agent")
            await self.start_again()

    def _count(self, kind: str, happened: bool = True) -> None:
        self.kills += happened
        self.by_kind[kind] = self.by_kind.get(kind, 0) + happened

    async def _dies_by_itself(self, within_s: float) -> bool:
        try:
            await wait_until_async(lambda: self.machine.dead, within_s)
        except TimeoutError:
            return False
        self.machine.kill()  # it has ended; says so if that was no SIGKILL
        return True

    async def _kill_launcher(self, number: int) -> bool:
        return await asyncio.to_thread(self.machine.signal_launcher, number)

    def _kill_shim(self) -> bool:
        live = self.machine.live_attempts()
        if not live:
            return False
        victim = self.chance.choice(live)
        self.shims_killed.add((victim.run, victim.attempt))
        return self.machine.kill_shim(victim)

    # --- Starting again ----------------------------------------------------------------------

    async def start_again(self, *, armed: bool = True) -> None:
        """Until one serves and has taken everything up; one that dies of a point is a kill more."""
        while True:
            await self.link.disconnect()
            await passed(self.chance.uniform(0, DOWN_S))
            ended, live = self.machine.exited(), len(self.machine.live_attempts())
            await self.machine.start(self._points() if armed else "")
            if not self.machine.dead:
                await self.link.connect()
                if await self._taken_up(ended):
                    self.readopted_s.append(time.monotonic() - self.machine.spawned_at)
                    self.live_at_starts.append(live)
                    return
            self.machine.kill()
            self._count("agent at a point")

    def _points(self) -> str:
        points = []
        if self.chance.random() < 0.6:
            points.append(self.chance.choice(AGENT_POINTS))
        if self.chance.random() < 0.4:
            points.append(self.chance.choice(LAUNCHER_POINTS))
            self.shims_armed |= points[-1].startswith("shim.")
        return ",".join(f"{point}@{self.chance.randint(1, PASSAGES_MAX)}" for point in points)

    async def _taken_up(self, ended: set[tuple[str, int]]) -> bool:
        """It answers, and knows of every attempt that ended before it began; False if it died."""
        deadline = time.monotonic() + TAKEN_UP_S
        request = m.ListRuns(states=OPEN_STATES, limit=PAGE)
        while not self.machine.dead:
            page = await self.link.once(methods.RUNS_LIST, request)
            if page is None:
                await self.link.connect()
            else:
                unknown = [v.run for v in page.runs if (v.run, v.attempt) in ended]
                if not unknown:
                    return True
                if time.monotonic() > deadline:
                    self.load.faults.append(f"{unknown}: their ends are on the disk, not known")
                    return True
            await passed(LOOK_S)
        return False

    def notes(self) -> dict[str, int]:
        """How often each point killed, and whose shims they were."""
        counts: dict[str, int] = {}
        for path in (self.machine.log, self.machine.home / "launcher.log"):
            for point, pid in NOTE.findall(path.read_text(errors="replace")):
                counts[point] = counts.get(point, 0) + 1
                if point.startswith("shim."):
                    self.shims_at_points.add(int(pid or 0))
        return counts
