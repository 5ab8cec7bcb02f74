"""What MIG instances are called, and what a GPU owes to them. Pure.

It is part of the probe child, which imports nothing of Lanherd's protocol: plain values with the
names of `GpuReading`.
"""

from collections.abc import Iterable
from typing import Any

Values = dict[str, Any]

GIB = 1024**3


def profile_in(name: str) -> str:
    """NVIDIA's name of the slice in the instance's own name, `NVIDIA A100-SXM4-40GB MIG 1g.5gb`."""
    _, found, profile = name.rpartition(" MIG ")
    return profile.split()[0] if found and profile.strip() else ""


def profile_of(gpu_slices: int, compute_slices: int, vram_bytes: int) -> str:
    """The same from its slices: `1c.3g.20gb` computes with one slice of three."""
    part = "" if compute_slices == gpu_slices else f"{compute_slices}c."
    return f"{part}{gpu_slices}g.{round(vram_bytes / GIB)}gb"


def with_instances(reading: Values) -> Values:
    """A GPU's reading with what only its instances tell: some drivers tell it to root alone."""
    instances = reading["instances"]
    used = [instance.get("vram_used_bytes") for instance in instances]
    if reading["vram_used_bytes"] is None and None not in used:
        reading["vram_used_bytes"] = sum(used)
    if not reading["processes"]:
        listed = (process for instance in instances for process in instance.get("processes", ()))
        reading["processes"] = once_each(listed)
    return reading


def once_each(processes: Iterable[Values]) -> list[Values]:
    """A process that holds VRAM of several instances, once with the sum of what is known."""
    held: dict[int, int | None] = {}
    for process in processes:
        pid, used = process["pid"], process["vram_bytes"]
        before = held.get(pid)
        held[pid] = used if before is None else before + (used or 0)
    return [{"pid": pid, "vram_bytes": used} for pid, used in sorted(held.items())]
