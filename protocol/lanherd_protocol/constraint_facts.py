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
    "memory": Fact("size", "memory of the machine, as it is sold"),
}


_CARDS_GB = (
    1, 2, 3, 4, 6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 64, 80, 94, 96, 128, 141, 144, 180, 192,
    256, 288,
)  # fmt: skip
_MEMORY_GB = tuple(size << power for power in range(13) for size in (2, 3))
_SOLD_SHARE = 0.92
"""The least of a card's size that its driver tells: 15 109 MiB of a T4's 16 GB. A card of 11 GB has
less of 12 than that."""


def card_bytes(vram_bytes: int) -> int:
    """The size as which a GPU of so much VRAM is sold: 24 GB of an RTX 4090, which has 23.99."""
    return _sold(vram_bytes, _CARDS_GB)


def instance_bytes(profile: str, vram_bytes: int) -> int:
    """The size in the name of a MIG instance (`1g.10gb`), which has a little less."""
    size, is_named, _ = profile.partition(".")[2].partition("gb")
    named = is_named and size.isascii() and size.isdigit()
    return _sold(vram_bytes, (int(size),)) if named else vram_bytes


def memory_bytes(total_bytes: int) -> int:
    """The size as which a machine of so much memory is sold: the kernel keeps a part of it."""
    return _sold(total_bytes, _MEMORY_GB)


def _sold(size_bytes: int, sizes_gb: tuple[int, ...]) -> int:
    for size_gb in sizes_gb:
        sold = size_gb << 30
        if sold >= size_bytes:
            return sold if size_bytes >= sold * _SOLD_SHARE else size_bytes
    return size_bytes


def machine_facts(machine: MachineFacts) -> dict[str, FactValue]:
    """The facts that all GPUs of a machine share."""
    return {
        "machine": machine.name,
        "cores": machine.cpu_count,
        "memory": memory_bytes(machine.memory_bytes),
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
        "vram": card_bytes(gpu.vram_bytes)
        if instance is None
        else instance_bytes(instance.profile, instance.vram_bytes),
        "sm": None if capability is None else capability[0] * 10 + capability[1],
        "name": gpu.name,
        "index": gpu.index,
        "uuid": gpu.uuid if instance is None else instance.uuid,
        "mig": None if instance is None else instance.profile,
    }
