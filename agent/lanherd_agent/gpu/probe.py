"""What the agent asks of its GPUs, whatever stands behind: NVML in a child, or a script.

A sick GPU is a value here, not an exception: its reading carries a problem in words, so that one
lost GPU never hides the other seven, and a hung driver never stops a call of the agent.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from lanherd_protocol.ids import RunId
from lanherd_protocol.values import GpuFacts, GpuLink, GpuReading, GpuSource, LeasedGpu

Clock = Callable[[], float]
"""Unix time in seconds."""


class AttemptHold(Struct, frozen=True, kw_only=True):
    """One live attempt and what it holds.

    `root_pid` is the top of its process tree; `alive_since` is the Unix time at which its process
    was alive, None while there is only the lease.
    """

    run: RunId
    attempt: int
    gpus: tuple[LeasedGpu, ...] = ()
    root_pid: int | None = None
    alive_since: float | None = None


Holds = Callable[[], Sequence[AttemptHold]]


class ProbeFacts(Struct, frozen=True, kw_only=True):
    """What a probe found; no GPUs and no problem means a machine without NVIDIA hardware."""

    source: GpuSource
    driver_version: str | None = None
    gpus: tuple[GpuFacts, ...] = ()
    problem: str | None = None
    links: tuple[GpuLink, ...] = ()
    cuda_version: str | None = None


NO_GPUS = ProbeFacts(source="none")


class GpuProbe(Protocol):
    """Where facts and readings of GPUs come from."""

    async def facts(self) -> ProbeFacts:
        """The GPUs as they are now; never raises for a sick driver."""

    async def read(self) -> tuple[GpuReading, ...]:
        """One reading per GPU of the latest facts, in their order; never raises for a sick GPU."""

    async def close(self) -> None:
        """Lets go of what the probe holds; nothing is asked of it afterwards."""


def unknown_reading(gpu: GpuFacts, problem: str) -> GpuReading:
    """A reading that says why nothing is known about a GPU and its MIG instances."""
    instances = tuple(GpuReading(uuid=each.uuid, problem=problem) for each in gpu.instances)
    return GpuReading(uuid=gpu.uuid, problem=problem, instances=instances)


def unknown_readings(facts: ProbeFacts, problem: str) -> tuple[GpuReading, ...]:
    """Readings that say why nothing is known about any GPU."""
    return tuple(unknown_reading(gpu, problem) for gpu in facts.gpus)
