"""What a constraint can ask of a GPU and its machine: the facts, their kinds, and where they come
from.

A fact never changes while the agent runs; what changes (free VRAM, temperature) is placement's
business and has options and rules of its own.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from lanherd_protocol.values import GpuFacts, GpuInstance, MachineFacts

FactKind = Literal["size", "whole", "version", "text"]
FactValue = str | int | float | None
Facts = Mapping[str, FactValue]
"""The facts of one GPU and of its machine by their names; None or absent: not known."""


class Fact(NamedTuple):
    """`kind` decides which operators and values go with it; `meaning` is for people."""

    kind: FactKind
    meaning: str


FACTS: dict[str, Fact] = {
    "vram": Fact("size", "VRAM of the GPU, or of the MIG instance, as it is sold"),
    "sm": Fact("whole", "compute capability: 80 or 8.0"),
    "name": Fact("text", "model of the GPU"),
    "index": Fact("whole", "number of the GPU, as nvidia-smi counts"),
    "uuid": Fact("text", "UUID of the GPU, or of the MIG instance"),
    "mig": Fact("text", "profile of the MIG instance, such as 1g.10gb; a whole GPU has none"),
    "driver": Fact("version", "version of the NVIDIA driver"),
    "cuda": Fact("version", "newest CUDA version that the driver supports"),
    "machine": Fact("text", "name of the machine"),
    "cores": Fact("whole", "CPU cores of the machine"),
    "memory": Fact("size", "memory of the machine"),
}


def machine_facts(machine: MachineFacts) -> dict[str, FactValue]:
    """The facts that all GPUs of a machine share."""
    return {
        "machine": machine.name,
        "cores": machine.cpu_count,
        "memory": machine.memory_bytes,
        "driver": machine.driver_version,
        "cuda": machine.cuda_version,
    }


def gpu_facts(
    machine: MachineFacts, gpu: GpuFacts, instance: GpuInstance | None = None
) -> dict[str, FactValue]:
    """All facts of one GPU, or of one of its MIG instances, by the names of `FACTS`."""
    capability = gpu.compute_capability
    return {
        **machine_facts(machine),
        "vram": gpu.vram_bytes if instance is None else instance.vram_bytes,
        "sm": None if capability is None else capability[0] * 10 + capability[1],
        "name": gpu.name,
        "index": gpu.index,
        "uuid": gpu.uuid if instance is None else instance.uuid,
        "mig": None if instance is None else instance.profile,
    }
