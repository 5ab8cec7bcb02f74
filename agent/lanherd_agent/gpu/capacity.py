"""What the placement is told of a sample: each GPU or MIG instance, who is on it, and the host.

Pure. Whatever is used and is not held by a live run of ours counts as foreign, whether or not a
process is listed for it: the driver's own reserve and processes of other namespaces hold VRAM too.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from lanherd_agent.core.events import (
    ForeignProcess,
    GpuCapacity,
    HostCapacity,
    ReadingsTaken,
    RunUse,
)
from lanherd_agent.gpu.probe import ProbeFacts
from lanherd_protocol.constraint_facts import machine_facts
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import GpuFacts, GpuProcess, GpuReading, MachineFacts, Telemetry

NOT_READ = "its VRAM can't be read"


def readings_taken(
    sample: Telemetry, gpus: ProbeFacts, machine: MachineFacts, at: time.struct_time | None = None
) -> ReadingsTaken:
    """The fact for the core; `at` is the local time of the sample."""
    facts = {gpu.uuid: gpu for gpu in gpus.gpus}
    capacities = (
        capacity
        for reading in sample.gpus
        # One that was lost while it was read is gone from the facts already.
        if reading.uuid in facts
        for capacity in capacities_of(facts[reading.uuid], reading)
    )
    return ReadingsTaken(
        gpus=tuple(capacities),
        links=gpus.links,
        host=HostCapacity(
            cpu_cores=machine.cpu_count,
            memory_bytes=machine.memory_bytes,
            disk_free_bytes=sample.host.disk_free_bytes or 0,
            disk_bytes=machine.disk_bytes,
        ),
        local_minute=None if at is None else minute_of_week(at),
        facts=machine_facts(machine),
        problem=None if gpus.gpus else gpus.problem,
    )


def minute_of_week(at: time.struct_time) -> int:
    """Minutes since Monday 0:00, on the machine's own clock."""
    return (at.tm_wday * 24 + at.tm_hour) * 60 + at.tm_min


def capacities_of(gpu: GpuFacts, reading: GpuReading) -> Iterator[GpuCapacity]:
    """The GPU, or the MIG instances that are given out in its place: none, if it has none."""
    if not gpu.mig:
        yield _capacity(gpu, reading, gpu.uuid, gpu.vram_bytes)
        return
    found = {instance.uuid: instance for instance in reading.instances}
    for instance in gpu.instances:
        inside = found.get(instance.uuid) or GpuReading(
            uuid=instance.uuid, problem=reading.problem or NOT_READ
        )
        yield _capacity(
            gpu,
            inside,
            instance.uuid,
            instance.vram_bytes,
            instance=instance.index,
            profile=instance.profile,
            whole=reading,
        )


def _capacity(
    gpu: GpuFacts,
    reading: GpuReading,
    uuid: GpuUuid,
    total_bytes: int,
    *,
    instance: int | None = None,
    profile: str = "",
    whole: GpuReading | None = None,
) -> GpuCapacity:
    """`whole` is the reading of the instance's GPU: heat, power and errors are the whole GPU's."""
    whole = whole or reading
    used = reading.vram_used_bytes
    ours = min(reading.vram_ours_bytes, used or 0)
    foreign = tuple(_foreign(process) for process in reading.processes if is_foreign(process))
    listed = sum(process.vram_bytes or 0 for process in foreign)
    held = listed + (reading.vram_reserved_bytes or 0)
    problem = reading.problem or whole.problem
    if used is None and problem is None:
        problem = NOT_READ
    return GpuCapacity(
        index=gpu.index,
        uuid=uuid,
        total_bytes=total_bytes,
        foreign_bytes=max((used or 0) - ours, min(held, total_bytes)),
        ours_bytes=ours,
        problem=problem,
        name=gpu.name,
        compute_capability=gpu.compute_capability,
        instance=instance,
        profile=profile,
        foreign=foreign,
        uses=uses_of(reading.processes),
        utilisation_percent=reading.utilisation_percent,
        temperature_c=whole.temperature_c,
        power_w=whole.power_w,
        xids=reading.xids,
        xids_total=reading.xids_total,
        ecc_errors=whole.ecc_errors,
        reserved_bytes=reading.vram_reserved_bytes,
    )


def is_foreign(process: GpuProcess) -> bool:
    """Whether no live run of ours answers for it."""
    return process.run is None or process.orphan


def _foreign(process: GpuProcess) -> ForeignProcess:
    return ForeignProcess(
        pid=process.pid,
        vram_bytes=process.vram_bytes,
        user=process.user,
        command=process.command,
        orphan_of=process.run if process.orphan else None,
        gone=process.orphan and process.run is None,
    )


def uses_of(processes: Iterable[GpuProcess]) -> tuple[RunUse, ...]:
    """VRAM of each live run, as far as the driver tells it."""
    held: defaultdict[RunId, int] = defaultdict(int)
    for process in processes:
        if process.run is not None and not process.orphan and process.vram_bytes is not None:
            held[process.run] += process.vram_bytes
    return tuple(RunUse(run=run, vram_bytes=vram_bytes) for run, vram_bytes in held.items())
