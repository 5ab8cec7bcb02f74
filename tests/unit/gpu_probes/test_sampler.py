import asyncio
import os
from pathlib import Path

import pytest

from lanherd_agent.gpu.host import HostProbe
from lanherd_agent.gpu.probe import NO_GPUS, AttemptHold, ProbeFacts
from lanherd_agent.gpu.probe_process import ProbeTiming
from lanherd_agent.gpu.sampler import IDLE_INTERVAL_S, ProcessNames, Sampler, next_due
from lanherd_agent.gpu.telemetry import complete
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import (
    GpuFacts,
    GpuProcess,
    GpuReading,
    HostReading,
    LeasedGpu,
    Telemetry,
)

RUN = RunId("01890000-0000-7000-8000-000000000001")
GPU = GpuFacts(index=0, uuid=GpuUuid("GPU-0"), name="A GPU", vram_bytes=100)


class FakeHost(HostProbe):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.parents = {50: 40, 40: 7}

    def read(self) -> HostReading:
        return HostReading(cpu_percent=1.5)

    def process(self, pid: int) -> None:
        self.asked.append(("process", pid))

    def run_of(self, pid: int, roots: object) -> RunId | None:
        assert isinstance(roots, dict)
        self.asked.append(("run", pid))
        found: RunId | None = roots.get(self.parents.get(pid, pid))
        return found


class FakeProbe:
    """Answers with what the test puts there."""

    def __init__(self) -> None:
        self.answer = ProbeFacts(source="nvml", gpus=(GPU,))
        self.readings = (GpuReading(uuid=GPU.uuid, vram_used_bytes=60),)
        self.reads = 0

    async def facts(self) -> ProbeFacts:
        return self.answer

    async def read(self) -> tuple[GpuReading, ...]:
        self.reads += 1
        return self.readings

    async def close(self) -> None:
        return None


class Rig:
    """A sampler and what it gave out."""

    def __init__(self) -> None:
        self.probe = FakeProbe()
        self.host = FakeHost()
        self.holds: list[AttemptHold] = []
        self.samples: list[Telemetry] = []
        self.facts: list[ProbeFacts] = []
        self.now = 1000.0
        self.news = asyncio.Event()
        self.sampler = Sampler(
            self.probe,
            self.host,
            holds=lambda: self.holds,
            on_sample=self._on_sample,
            on_facts=self.facts.append,
            clock=lambda: self.now,
        )

    def _on_sample(self, sample: Telemetry) -> None:
        self.samples.append(sample)
        self.news.set()

    async def next_sample(self) -> None:
        self.news.clear()
        async with asyncio.timeout(20):
            await self.news.wait()


def hold(pid: int | None = 40, vram_bytes: int = 30) -> AttemptHold:
    share = LeasedGpu(index=0, uuid=GPU.uuid, vram_bytes=vram_bytes)
    return AttemptHold(run=RUN, attempt=1, gpus=(share,), root_pid=pid)


async def test_start_gives_facts_and_a_sample() -> None:
    rig = Rig()
    assert rig.sampler.facts == NO_GPUS
    before = rig.sampler.latest
    await rig.sampler.start()
    assert before is None
    assert rig.facts == [rig.probe.answer]
    assert rig.sampler.facts == rig.probe.answer
    assert rig.sampler.latest == rig.samples[0]
    assert rig.samples[0].at == 1000.0
    assert rig.samples[0].host.cpu_percent == 1.5


async def test_facts_are_told_again_only_when_they_change() -> None:
    rig = Rig()
    await rig.sampler.start()
    await rig.sampler.start()
    assert len(rig.facts) == 1
    rig.probe.answer = NO_GPUS
    await rig.sampler.start()
    assert rig.facts[-1] == NO_GPUS


async def test_ours_and_foreign_vram_are_told_apart() -> None:
    rig = Rig()
    rig.holds = [hold(), hold(pid=None, vram_bytes=5)]
    processes = (
        GpuProcess(pid=50, vram_bytes=20),
        GpuProcess(pid=40, vram_bytes=None),
        GpuProcess(pid=99, vram_bytes=40, user="ada", command="python"),
    )
    rig.probe.readings = (GpuReading(uuid=GPU.uuid, vram_used_bytes=60, processes=processes),)
    rig.host.parents = {50: 40}
    await rig.sampler.start()
    (reading,) = rig.samples[0].gpus
    assert [process.run for process in reading.processes] == [RUN, RUN, None]
    assert (reading.vram_ours_bytes, reading.vram_leased_bytes) == (20, 35)
    assert (reading.processes[2].user, reading.processes[2].command) == ("ada", "python")


async def test_recent_keeps_a_minute() -> None:
    rig = Rig()
    for _ in range(70):
        rig.now += 1.0
        await rig.sampler.start()
    assert len(rig.sampler.recent()) == 60
    assert [sample.at for sample in rig.sampler.recent(2.0)] == [1068.0, 1069.0, 1070.0]


@pytest.mark.parametrize("stir", ["wake", "watch"])
async def test_a_wake_or_a_watcher_brings_a_sample_at_once(stir: str) -> None:
    rig = Rig()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(rig.sampler.run())
        if stir == "wake":
            rig.sampler.wake()
            await rig.next_sample()
        else:
            with rig.sampler.watch():
                await rig.next_sample()
                await rig.next_sample()
        task.cancel()
    assert rig.probe.reads >= 1


async def test_a_burst_of_wakes_brings_few_samples() -> None:
    rig = Rig()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(rig.sampler.run())
        began = loop.time()
        while loop.time() - began < 0.5:
            rig.sampler.wake()
            await asyncio.sleep(0)
        task.cancel()
    assert 1 <= rig.probe.reads <= 4


async def test_live_runs_keep_the_fast_rate() -> None:
    rig = Rig()
    rig.holds = [hold()]
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(rig.sampler.run())
        await rig.next_sample()
        task.cancel()
    assert loop.time() - began < 3.0


@pytest.mark.parametrize(
    ("last", "now", "interval", "expected"),
    [
        (10.0, 10.2, 1.0, 11.0),
        (10.0, 11.0, 1.0, 11.0),
        (10.0, 15.3, 1.0, 16.0),
        (0.0, 9.0, 4.0, 12.0),
    ],
)
def test_the_grid_does_not_drift(last: float, now: float, interval: float, expected: float) -> None:
    assert next_due(last, now, interval) == pytest.approx(expected)


def test_a_hang_is_seen_within_ten_seconds_at_any_rate() -> None:
    assert IDLE_INTERVAL_S + ProbeTiming().deadline_s < 10.0


def test_names_are_looked_up_once_while_a_pid_stays() -> None:
    host = FakeHost()
    names = ProcessNames(host)
    readings = [GpuReading(uuid=GPU.uuid, processes=(GpuProcess(pid=50),))]
    for _ in range(3):
        names.turn(readings, [])
        complete(readings, [], names.name)
    assert host.asked == [("run", 50), ("process", 50)]
    names.turn(readings, [hold()])
    complete(readings, [hold()], names.name)
    assert host.asked[2:] == [("run", 50)]
    names.turn([], [hold()])
    names.turn(readings, [hold()])
    complete(readings, [hold()], names.name)
    assert host.asked[3:] == [("run", 50), ("process", 50)]


def test_the_host_names_this_process_and_its_tree(tmp_path: Path) -> None:
    own_pid = os.getpid()
    host = HostProbe(tmp_path)
    owner = host.process(own_pid)
    assert owner is not None
    assert "pytest" in owner.command or "python" in owner.command
    readings = [GpuReading(uuid=GPU.uuid, processes=(GpuProcess(pid=own_pid, vram_bytes=8),))]
    names = ProcessNames(host)
    names.turn(readings, [hold(pid=own_pid)])
    (reading,) = complete(readings, [hold(pid=own_pid)], names.name)
    assert reading.processes[0].user == owner.user
    assert reading.vram_ours_bytes == 8
