"""What stands between a run and the GPUs of its machine: GPU by GPU, who holds what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_desktop.state.runs import run_title
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.states import RunView, lease_of
from lanherd_protocol.values import GpuFacts, GpuProcess, GpuReading, GpuRequest, Reason


@dataclass(frozen=True, slots=True)
class Holder:
    """A live run of ours (`run`), or a process that isn't ours (`pid`); VRAM is None where the
    driver doesn't tell it, and of a run what it was promised."""

    title: str
    vram_bytes: int | None
    run: RunId | None = None
    exclusive: bool = False
    pid: int = 0
    user: str = ""
    container: str = ""
    orphan: bool = False


@dataclass(frozen=True, slots=True)
class GpuEvidence:
    """One GPU, or one MIG instance, and what a run needs of it.

    `free_bytes` is what is neither promised to ours nor held by others; None where it wasn't read.
    """

    number: str
    name: str
    total_bytes: int
    needs_bytes: int
    free_bytes: int | None = None
    ours_bytes: int = 0
    foreign_bytes: int = 0
    problem: str = ""
    cordon: Reason | None = None
    quiet_at: float | None = None
    holders: tuple[Holder, ...] = ()

    @property
    def too_small(self) -> bool:
        return self.total_bytes < self.needs_bytes

    @property
    def has_room(self) -> bool:
        """As far as the last sample knows; the machine has the last word."""
        open_now = self.cordon is None and not self.problem and self.quiet_at is None
        return open_now and self.free_bytes is not None and self.free_bytes >= self.needs_bytes

    def fractions(self) -> tuple[float, float]:
        """(ours, not ours) of the whole, each 0..1, together never above 1."""
        total = max(1, self.total_bytes)
        ours = min(1.0, self.ours_bytes / total)
        return ours, min(1.0 - ours, self.foreign_bytes / total)


def gpu_evidence(
    machine: MachineView, request: GpuRequest, open_runs: Sequence[RunView]
) -> tuple[GpuEvidence, ...]:
    """In the order of the GPUs; nothing for a run that wants none."""
    if machine.facts is None or not request.count:
        return ()
    readings = machine.telemetry.gpus if machine.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    return tuple(
        found
        for gpu in machine.facts.gpus
        for found in _of_gpu(gpu, by_uuid.get(gpu.uuid), request, open_runs)
    )


def _of_gpu(
    gpu: GpuFacts, reading: GpuReading | None, request: GpuRequest, runs: Sequence[RunView]
) -> Iterator[GpuEvidence]:
    cordon = reading.cordon if reading is not None else None
    if not request.mig:
        # With MIG on, only its instances take runs.
        if not gpu.instances and not gpu.mig:
            place = _Place(gpu_number(gpu.index, None), gpu.name, gpu.uuid, gpu.vram_bytes, cordon)
            yield _evidence(place, reading, request, runs)
        return
    inner = {one.uuid: one for one in reading.instances} if reading is not None else {}
    for instance in gpu.instances:
        if instance.profile.lower() == request.mig.lower():
            part = inner.get(instance.uuid)
            closed = part.cordon if part is not None and part.cordon is not None else cordon
            number = gpu_number(gpu.index, instance.index)
            place = _Place(number, instance.profile, instance.uuid, instance.vram_bytes, closed)
            yield _evidence(place, part, request, runs)


@dataclass(frozen=True, slots=True)
class _Place:
    number: str
    name: str
    uuid: GpuUuid
    vram_bytes: int
    cordon: Reason | None


def _evidence(
    place: _Place, reading: GpuReading | None, request: GpuRequest, runs: Sequence[RunView]
) -> GpuEvidence:
    total = place.vram_bytes
    # It declares nothing, and so takes a GPU that is mostly free.
    needs = request.vram_bytes or total // 2
    plain = GpuEvidence(place.number, place.name, total, needs, cordon=place.cordon)
    if reading is None:
        return plain
    ours = max(reading.vram_ours_bytes, reading.vram_leased_bytes)
    found = replace(plain, problem=reading.problem or "", quiet_at=reading.quiet_at)
    found = replace(found, holders=holders(place.uuid, reading.processes, runs))
    if reading.vram_used_bytes is None:
        return replace(found, ours_bytes=ours)
    foreign = max(0, reading.vram_used_bytes - reading.vram_ours_bytes)
    free = max(0, total - ours - foreign)
    return replace(found, ours_bytes=ours, foreign_bytes=foreign, free_bytes=free)


def holders(
    gpu: GpuUuid, processes: Sequence[GpuProcess], runs: Sequence[RunView]
) -> tuple[Holder, ...]:
    """The runs that were promised a part of a GPU, then the processes that aren't theirs."""
    ours = [
        Holder(run_title(view), lent.vram_bytes, view.run, lent.exclusive)
        for view in runs
        for lent in lease_of(view.state).gpus
        if lent.uuid == gpu
    ]
    live = {view.run for view in runs}
    others = [
        Holder(
            process.command or "",
            process.vram_bytes,
            pid=process.pid,
            user=process.user or "",
            container=process.container or "",
            orphan=process.orphan,
        )
        for process in processes
        if process.orphan or process.run not in live
    ]
    return (*ours, *others)
