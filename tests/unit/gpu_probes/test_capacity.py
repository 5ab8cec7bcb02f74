"""What the placement is told of a sample."""

import time
from typing import Any

from msgspec.structs import replace

from lanherd_agent.core.events import ForeignProcess, HostCapacity, RunUse
from lanherd_agent.gpu.capacity import NOT_READ, capacities_of, minute_of_week, readings_taken
from lanherd_agent.gpu.probe import ProbeFacts
from lanherd_agent.gpu.telemetry import ours_bytes
from lanherd_protocol.constraint_facts import machine_facts
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.values import (
    GpuFacts,
    GpuInstance,
    GpuLink,
    GpuProcess,
    GpuReading,
    HostReading,
    MachineFacts,
    Telemetry,
)

RUN, ENDED = RunId("live"), RunId("ended")
GPU = GpuFacts(
    index=1, uuid=GpuUuid("GPU-1"), name="A100", vram_bytes=100, compute_capability=(8, 0)
)
SLICED = GpuFacts(
    index=0,
    uuid=GpuUuid("GPU-0"),
    name="A100",
    vram_bytes=100,
    mig=True,
    instances=tuple(
        GpuInstance(index=place, uuid=GpuUuid(f"MIG-{place}"), profile="1g.5gb", vram_bytes=5)
        for place in (0, 1)
    ),
)
MACHINE = MachineFacts(
    machine=DeviceId("d"), name="m", version="1", os="Linux", cpu_count=16, memory_bytes=64,
    disk_bytes=900, gpu_source="nvml",
)  # fmt: skip


def reading(**values: Any) -> GpuReading:
    return replace(GpuReading(uuid=GPU.uuid, vram_used_bytes=60), **values)


def test_a_sample_becomes_what_the_placement_sees() -> None:
    link = GpuLink(first=0, second=1, kind="nvlink", nvlinks=4)
    vanished = GpuReading(uuid=GpuUuid("GPU-9"))
    sample = Telemetry(at=0.0, gpus=(reading(), vanished), host=HostReading(disk_free_bytes=500))
    facts = ProbeFacts(source="nvml", gpus=(GPU,), links=(link,))
    monday = time.strptime("2024-01-01 00:10", "%Y-%m-%d %H:%M")
    taken = readings_taken(sample, facts, MACHINE, monday)
    assert [gpu.uuid for gpu in taken.gpus] == [GPU.uuid]
    assert taken.links == (link,)
    assert taken.host == HostCapacity(
        cpu_cores=16, memory_bytes=64, disk_free_bytes=500, disk_bytes=MACHINE.disk_bytes
    )
    assert taken.facts == machine_facts(MACHINE)
    assert taken.local_minute == 10
    nothing = readings_taken(Telemetry(at=0.0), facts, MACHINE)
    assert (nothing.local_minute, nothing.host.disk_free_bytes) == (None, 0)


def test_minutes_count_from_monday() -> None:
    sunday = time.strptime("2024-01-07 23:59", "%Y-%m-%d %H:%M")
    assert minute_of_week(sunday) == 7 * 24 * 60 - 1


def test_what_no_live_run_holds_is_foreign() -> None:
    processes = (
        GpuProcess(pid=1, vram_bytes=10, run=RUN),
        GpuProcess(pid=2, vram_bytes=5, run=RUN),
        GpuProcess(pid=3, run=RUN),
        GpuProcess(pid=4, vram_bytes=7, run=ENDED, orphan=True),
        GpuProcess(pid=5, vram_bytes=8, user="ada", command="python"),
        GpuProcess(pid=6, vram_bytes=9, orphan=True),
    )
    (capacity,) = capacities_of(
        GPU,
        reading(
            processes=processes,
            vram_ours_bytes=15,
            xids=(13, 31),
            xids_total=3,
            temperature_c=70.0,
        ),
    )
    # 60 are used: 24 by others that are listed, 15 by ours, and 21 by nobody that is listed.
    assert (capacity.foreign_bytes, capacity.ours_bytes) == (45, 15)
    assert capacity.uses == (RunUse(run=RUN, vram_bytes=15),)
    assert capacity.foreign == (
        ForeignProcess(pid=4, vram_bytes=7, orphan_of=ENDED),
        ForeignProcess(pid=5, vram_bytes=8, user="ada", command="python"),
        ForeignProcess(pid=6, vram_bytes=9, gone=True),
    )
    assert (capacity.name, capacity.compute_capability) == ("A100", (8, 0))
    assert (capacity.temperature_c, capacity.problem) == (70.0, None)
    assert (capacity.xids, capacity.xids_total) == ((13, 31), 3)


def test_more_than_is_used_may_be_listed_and_ours_never_exceeds_what_is_used() -> None:
    stranger = GpuProcess(pid=5, vram_bytes=90)
    (capacity,) = capacities_of(GPU, reading(processes=(stranger,)))
    assert capacity.foreign_bytes == 90
    (capacity,) = capacities_of(GPU, reading(vram_ours_bytes=70))
    assert (capacity.foreign_bytes, capacity.ours_bytes) == (0, 60)


def test_what_the_driver_keeps_is_told_and_is_not_taken_for_a_runs() -> None:
    stranger = GpuProcess(pid=5, vram_bytes=90)
    (capacity,) = capacities_of(GPU, reading(processes=(stranger,), vram_reserved_bytes=7))
    assert (capacity.foreign_bytes, capacity.reserved_bytes) == (97, 7)
    unmeasured = GpuProcess(pid=1, run=RUN)
    assert ours_bytes([unmeasured], 60, 80) == 60
    assert ours_bytes([unmeasured], 60, 80, 7) == 53


def test_a_gpu_that_can_not_be_read_says_why() -> None:
    (lost,) = capacities_of(GPU, reading(vram_used_bytes=None, problem="The GPU is lost."))
    (unread,) = capacities_of(GPU, reading(vram_used_bytes=None))
    assert (lost.problem, unread.problem) == ("The GPU is lost.", NOT_READ)


def test_instances_stand_in_for_their_gpu() -> None:
    inside = GpuReading(uuid=GpuUuid("MIG-1"), vram_used_bytes=3, vram_ours_bytes=2)
    whole = reading(
        uuid=SLICED.uuid, instances=(inside,), temperature_c=60.0, power_w=90.0, ecc_errors=1
    )
    first, second = capacities_of(SLICED, whole)
    assert (first.index, first.instance, first.profile) == (0, 0, "1g.5gb")
    assert (first.total_bytes, first.problem) == (5, NOT_READ)
    assert (second.uuid, second.foreign_bytes, second.ours_bytes) == ("MIG-1", 1, 2)
    assert (second.temperature_c, second.power_w, second.ecc_errors) == (60.0, 90.0, 1)
    assert second.problem is None


def test_a_lost_gpu_takes_its_instances_along_and_one_without_any_gives_nothing() -> None:
    lost = GpuReading(uuid=SLICED.uuid, problem="lost")
    assert [capacity.problem for capacity in capacities_of(SLICED, lost)] == ["lost", "lost"]
    bare = GpuFacts(index=0, uuid=SLICED.uuid, name="n", vram_bytes=1, mig=True)
    assert list(capacities_of(bare, lost)) == []
