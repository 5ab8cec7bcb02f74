import asyncio
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from lanherd_agent.gpu.host import HostProbe
from lanherd_agent.gpu.probe import NO_GPUS, AttemptHold, ProbeFacts
from lanherd_agent.gpu.probe_process import ProbeTiming
from lanherd_agent.gpu.sampler import IDLE_INTERVAL_S, Sampler, next_due
from lanherd_protocol.errors import ErrorCode, error
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
    """A machine whose processes have no names."""

    def __init__(self) -> None:
        return None

    def read(self) -> HostReading:
        return HostReading(cpu_percent=1.5)

    def process(self, pid: int) -> None:
        return None


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

    def __init__(self, finds: set[RunId] | None = None) -> None:
        self.finds = finds
        self.asked: list[Collection[RunId]] = []
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
            find_runs=self._find_runs,
            clock=lambda: self.now,
        )

    async def _find_runs(self, runs: Collection[RunId]) -> set[RunId]:
        self.asked.append(runs)
        if self.finds is None:
            raise error(ErrorCode.STORE_FAILED, "Nothing can be looked up now.")
        return self.finds

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
    own_pid, parent_pid = os.getpid(), os.getppid()
    rig.holds = [hold(own_pid), hold(pid=None, vram_bytes=5)]
    processes = (
        GpuProcess(pid=own_pid, vram_bytes=20),
        GpuProcess(pid=parent_pid, vram_bytes=40, user="ada", command="python"),
    )
    rig.probe.readings = (GpuReading(uuid=GPU.uuid, vram_used_bytes=60, processes=processes),)
    await rig.sampler.start()
    (reading,) = rig.samples[0].gpus
    assert [process.run for process in reading.processes] == [RUN, None]
    assert (reading.vram_ours_bytes, reading.vram_leased_bytes) == (20, 35)
    assert (reading.processes[1].user, reading.processes[1].command) == ("ada", "python")


async def test_a_run_that_a_process_names_is_looked_up_once() -> None:
    rig = Rig(finds={RUN})
    with started(LANHERD_RUN_ID=RUN) as pid:
        rig.probe.readings = (GpuReading(uuid=GPU.uuid, processes=(GpuProcess(pid=pid),)),)
        await rig.sampler.start()
        await rig.sampler.start()
    assert rig.asked == [{RUN}]
    (process,) = rig.samples[0].gpus[0].processes
    assert (process.run, process.orphan) == (RUN, True)


async def test_a_store_that_can_not_say_is_asked_again() -> None:
    rig = Rig(finds=None)
    with started(LANHERD_RUN_ID=RUN) as pid:
        rig.probe.readings = (GpuReading(uuid=GPU.uuid, processes=(GpuProcess(pid=pid),)),)
        await rig.sampler.start()
        rig.finds = {RUN}
        await rig.sampler.start()
    first, second = (sample.gpus[0].processes[0] for sample in rig.samples)
    assert (first.run, first.orphan) == (None, False)
    assert (second.run, second.orphan) == (RUN, True)


@contextmanager
def started(**variables: str) -> Iterator[int]:
    """A process with these variables that waits until it is let go."""
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.communicate(b"\n")


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
