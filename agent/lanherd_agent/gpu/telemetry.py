"""Puts one sample together: what the GPUs say, whose processes those are, what was promised."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from lanherd_agent.gpu.probe import AttemptHold
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import GpuProcess, GpuReading

NameProcess = Callable[[GpuProcess], GpuProcess]
"""Adds owner, command and run to a process, as far as they are known."""


def roots_of(holds: Sequence[AttemptHold]) -> dict[int, RunId]:
    """The tops of our own process trees."""
    return {hold.root_pid: hold.run for hold in holds if hold.root_pid is not None}


def leased_bytes(holds: Sequence[AttemptHold]) -> dict[GpuUuid, int]:
    """VRAM promised on each GPU."""
    promised: defaultdict[GpuUuid, int] = defaultdict(int)
    for hold in holds:
        for gpu in hold.gpus:
            promised[gpu.uuid] += gpu.vram_bytes
    return promised


def complete(
    readings: Sequence[GpuReading], holds: Sequence[AttemptHold], name: NameProcess
) -> tuple[GpuReading, ...]:
    """Readings with processes named, and with our own and the promised VRAM filled in."""
    promised = leased_bytes(holds)
    done = []
    for reading in readings:
        processes = tuple(name(process) for process in reading.processes)
        ours = sum(process.vram_bytes or 0 for process in processes if process.run is not None)
        done.append(
            replace(
                reading,
                processes=processes,
                vram_ours_bytes=ours,
                vram_leased_bytes=promised.get(reading.uuid, 0),
            )
        )
    return tuple(done)
