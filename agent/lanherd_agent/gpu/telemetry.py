"""Puts one sample together: what the GPUs say, whose processes those are, what was promised."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from lanherd_agent.gpu.probe import AttemptHold
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuProcess, GpuReading

NameProcess = Callable[[GpuProcess], GpuProcess]
"""Adds owner, command and run to a process, as far as they are known."""


def leased_bytes(holds: Sequence[AttemptHold]) -> dict[GpuUuid, int]:
    """VRAM promised on each GPU or MIG instance."""
    promised: defaultdict[GpuUuid, int] = defaultdict(int)
    for hold in holds:
        for gpu in hold.gpus:
            promised[gpu.uuid] += gpu.vram_bytes
    return promised


def ours_bytes(
    processes: Sequence[GpuProcess], used: int | None, leased: int, reserved: int = 0
) -> int:
    """VRAM that processes of our live runs hold; `reserved` is the driver's own.

    Where the driver doesn't tell it for each of them, what no process explains is taken for theirs,
    up to what was promised them: else a run would be counted twice, by its lease and as foreign.
    """
    mine = [process for process in processes if process.run is not None and not process.orphan]
    known = sum(process.vram_bytes or 0 for process in mine)
    if used is None or all(process.vram_bytes is not None for process in mine):
        return known
    listed = sum(process.vram_bytes or 0 for process in processes)
    return known + min(max(used - reserved - listed, 0), max(leased - known, 0))


def complete(
    readings: Sequence[GpuReading], holds: Sequence[AttemptHold], name: NameProcess
) -> tuple[GpuReading, ...]:
    """Readings with processes named, and with our own and the promised VRAM filled in."""
    promised = leased_bytes(holds)
    return tuple(_completed(reading, promised, name) for reading in readings)


def _completed(
    reading: GpuReading, promised: Mapping[GpuUuid, int], name: NameProcess
) -> GpuReading:
    processes = tuple(name(process) for process in reading.processes)
    instances = tuple(_completed(each, promised, name) for each in reading.instances)
    inside = sum(instance.vram_leased_bytes for instance in instances)
    leased = promised.get(reading.uuid, 0) + inside
    return replace(
        reading,
        processes=processes,
        instances=instances,
        vram_ours_bytes=ours_bytes(
            processes, reading.vram_used_bytes, leased, reading.vram_reserved_bytes or 0
        ),
        vram_leased_bytes=leased,
    )
