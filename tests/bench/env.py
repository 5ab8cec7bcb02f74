"""How long the sample project's environment takes: cold beside bare `uv sync`, from a warm cache,
and for another project with the same lock.

A real agent, over TLS, through `lanherd_client`; a cold one has nothing but its Python, and `uv
sync` beside it an empty cache and no environment either. Both get the same lock from the same
index. Where none can be reached, both get packages that are made here, from a folder of wheels.
What is timed of Lanherd is the whole call: the project is pushed, the environment is built, and it
is told what is in it.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uv

from lanherd_client.environment_calls import EnvironmentCalls
from lanherd_client.fleet import Fleet
from lanherd_client.mirror import Online
from lanherd_protocol.environment_messages import EnvironmentBuilt
from lanherd_protocol.states import Ended
from tests.bench.agent import BenchAgent, disk_folder, running_agent
from tests.bench.report import Metric, Report
from tests.integration.wheels import make_wheel

DEMO = Path(__file__).parents[2] / "resources" / "demo"
ROUNDS = 5
SECOND_PROJECTS = 7
COLD_RATIO_MAX = 1.15
WARM_S_MAX = 1.0
SECOND_MS_MAX = 50.0
SECOND_MB_MAX = 1.0
MADE_PACKAGES = 40
MADE_BYTES = 512 * 1024
LOCK_WITHIN_S = 60.0
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_SAMPLE = '[project]\nname = "sample"\nversion = "1.0"\nrequires-python = ">=3.11"\n'


@dataclass
class Timings:
    """Seconds, but for the second projects' milliseconds."""

    sync_s: list[float] = field(default_factory=list)
    cold_s: list[float] = field(default_factory=list)
    warm_s: list[float] = field(default_factory=list)
    second_ms: list[float] = field(default_factory=list)
    pushed_ms: list[float] = field(default_factory=list)
    second_builds: int = 0
    second_mb: float = 0.0


@dataclass(frozen=True)
class Sample:
    """A project with a lock, and what uv needs to know to get its packages."""

    folder: Path
    variables: Mapping[str, str]
    module: str
    where_from: str

    def copy(self, to: Path) -> Path:
        return shutil.copytree(self.folder, to, ignore=shutil.ignore_patterns(".venv"))


def measure(report: Report) -> None:
    timings = Timings()
    with disk_folder() as name:
        folder = Path(name)
        sample = sample_of(folder, report)
        # Whatever stands between here and the index has seen the packages once.
        sync(sample, folder / "first")
        for number in range(ROUNDS):
            last = number == ROUNDS - 1
            # In turns, so that neither is always the one that finds the machine warm.
            if number % 2:
                lanherd(sample, timings, last=last)
            timings.sync_s.append(sync(sample, folder / f"sync-{number}"))
            if not number % 2:
                lanherd(sample, timings, last=last)
    tell(report, sample, timings)


def tell(report: Report, sample: Sample, timings: Timings) -> None:
    # The best of each: most of it is the way to the index, which is now fast and now slow.
    cold, bare = min(timings.cold_s), min(timings.sync_s)
    beside = (
        f"uv sync {bare:.2f} s ({spread(timings.sync_s)}), Lanherd {cold:.2f} s"
        f" ({spread(timings.cold_s)}), from {sample.where_from}"
    )
    report.add(
        Metric("cold_of_uv_sync", cold / bare, "times", at_most=COLD_RATIO_MAX, reference=beside)
    )
    report.add(
        Metric(
            "warm_cache",
            statistics.median(timings.warm_s),
            "s",
            at_most=WARM_S_MAX,
            reference=f"of {ROUNDS}, {spread(timings.warm_s)} s",
        )
    )
    seen = f"of {SECOND_PROJECTS} projects, {spread(timings.second_ms)} ms"
    report.add(
        Metric(
            "second_project",
            statistics.median(timings.second_ms),
            "ms",
            at_most=SECOND_MS_MAX,
            reference=f"its push takes {statistics.median(timings.pushed_ms):.0f} ms more; {seen}",
        )
    )
    report.add(Metric("second_project_builds", timings.second_builds, "builds", at_most=0))
    report.add(
        Metric(
            "second_project_disk",
            timings.second_mb,
            "MB",
            at_most=SECOND_MB_MAX,
            reference="all files of the agent, with the project's snapshot",
        )
    )


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


# --- The sample ----------------------------------------------------------------------------------


def sample_of(folder: Path, report: Report) -> Sample:
    """The sample project, locked from the index; else one of packages that are made here."""
    project = shutil.copytree(DEMO, folder / "sample")
    if locked(project, {}):
        return Sample(project, {}, "numpy", "the index")
    report.say("No index can be reached: packages are made here instead.")
    wheels = folder / "wheels"
    names = [f"made{number:02}" for number in range(MADE_PACKAGES)]
    for name in names:
        make_wheel(wheels, name, filler=os.urandom(MADE_BYTES))
    listed = ", ".join(f'"{name}"' for name in names)
    (project / "pyproject.toml").write_text(f"{_SAMPLE}dependencies = [{listed}]\n")
    variables = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    if not locked(project, variables):
        raise RuntimeError("uv can't lock the packages that were made")
    return Sample(project, variables, names[0], "a folder of wheels")


def locked(project: Path, variables: Mapping[str, str]) -> bool:
    command = [uv.find_uv_bin(), "lock", "--quiet", "--python", PYTHON]
    environment = {**os.environ, **variables}
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env=environment,
            capture_output=True,
            timeout=LOCK_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


# --- uv alone ------------------------------------------------------------------------------------


def sync(sample: Sample, place: Path) -> float:
    """Seconds of a bare `uv sync`, with a cache and an environment of its own."""
    project = sample.copy(place)
    environment = {
        **os.environ,
        **sample.variables,
        "UV_CACHE_DIR": str(place / ".cache"),
        "UV_PROJECT_ENVIRONMENT": str(place / ".venv"),
        "UV_LINK_MODE": "hardlink",
    }
    environment.pop("VIRTUAL_ENV", None)
    command = [uv.find_uv_bin(), "sync", "--python", PYTHON]
    began = time.monotonic()
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    taken = time.monotonic() - began
    shutil.rmtree(place)
    return taken


# --- Lanherd -------------------------------------------------------------------------------------


def lanherd(sample: Sample, timings: Timings, *, last: bool) -> None:
    """One agent that has nothing yet; the last one sees the other projects too."""
    with running_agent(simulate_gpus=0, variables=sample.variables) as agent:
        asyncio.run(Round(agent, sample, timings).run(last=last))


class Round:
    def __init__(self, agent: BenchAgent, sample: Sample, timings: Timings) -> None:
        self._agent = agent
        self._sample = sample
        self._timings = timings

    async def run(self, *, last: bool) -> None:
        async with Fleet.open(self._agent.controller) as fleet:
            machine = (await fleet.pair_socket(self._agent.socket)).machine
            await fleet.settled()
            view = fleet.machine(machine)
            if view is None or not isinstance(view.link, Online):
                raise RuntimeError("the agent can't be reached over TLS")
            if view.link.address.startswith("/"):
                raise RuntimeError("the agent is reached through its socket, not over TLS")
            project = self._sample.copy(self._agent.folder / "project")
            seconds, built = await self._timed(fleet, machine, project)
            self._timings.cold_s.append(seconds)
            await self._warm(fleet, machine, project, built)
            if last:
                await self._second(fleet, machine)

    async def _timed(
        self, fleet: EnvironmentCalls, machine: str, project: Path
    ) -> tuple[float, EnvironmentBuilt]:
        began = time.monotonic()
        built = await fleet.build_environment(machine, project=project, python=PYTHON)
        return time.monotonic() - began, built

    async def _warm(
        self, fleet: Fleet, machine: str, project: Path, built: EnvironmentBuilt
    ) -> None:
        await fleet.remove_environment(machine, built.environment.view.environment)
        seconds, again = await self._timed(fleet, machine, project)
        if not (built.built and again.built):
            raise RuntimeError("an environment that was to be built was there already")
        self._timings.warm_s.append(seconds)
        await self._check(fleet, machine, project)

    async def _check(self, fleet: Fleet, machine: str, project: Path) -> None:
        """What was timed is an environment that a run can use."""
        run = await fleet.submit(
            command=["python", "-c", f"import {self._sample.module}"],
            project=project,
            machine=machine,
            python=PYTHON,
        )
        state = (await run.wait()).state
        if not isinstance(state, Ended) or state.outcome != "succeeded":
            raise RuntimeError("a run in the environment didn't succeed")

    async def _second(self, fleet: Fleet, machine: str) -> None:
        before = disk_bytes(self._agent.home)
        for project in self._others():
            began = time.monotonic()
            (pushed,) = await fleet.push(project, machine)
            if pushed.problem is not None:
                raise pushed.problem
            self._timings.pushed_ms.append((time.monotonic() - began) * 1000)
            seconds, done = await self._timed(fleet, machine, project)
            self._timings.second_ms.append(seconds * 1000)
            self._timings.second_builds += done.built
        more = disk_bytes(self._agent.home) - before
        self._timings.second_mb = more / SECOND_PROJECTS / 2**20

    def _others(self) -> Iterator[Path]:
        """Projects with the same lock and another program."""
        for number in range(SECOND_PROJECTS):
            project = self._sample.copy(self._agent.folder / f"other-{number}")
            (project / "other.py").write_text(f"print({number})\n")
            yield project


def disk_bytes(folder: Path) -> int:
    """What the files below take on the disk, each once."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, files in os.walk(folder):
        for name in files:
            found = os.lstat(os.path.join(place, name))
            seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())
