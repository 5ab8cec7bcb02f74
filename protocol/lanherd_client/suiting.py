"""Whether a machine could ever run something, whether it could now, and why not: pure.

The agent has the last word: it knows its rules, and what came in between.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.constraint_facts import gpu_facts
from lanherd_protocol.constraints import Constraint, parse
from lanherd_protocol.values import (
    GpuFacts,
    GpuInstance,
    GpuReading,
    GpuRequest,
    HostRequest,
    MachineFacts,
)

REASONS_SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class Needs:
    """A request whose constraint was read."""

    gpus: GpuRequest
    host: HostRequest
    where: Constraint | None

    @property
    def most(self) -> int:
        """The GPUs that it takes if they are free."""
        return max(self.gpus.count, self.gpus.count_max)


@dataclass(frozen=True, slots=True)
class _Place:
    """A GPU, or a MIG instance of one, that a run could get."""

    gpu: GpuFacts
    instance: GpuInstance | None
    reading: GpuReading | None
    """Of the instance, if it is one."""
    cordoned: bool

    @property
    def number(self) -> str:
        return gpu_number(self.gpu.index, None if self.instance is None else self.instance.index)

    @property
    def vram_bytes(self) -> int:
        return self.gpu.vram_bytes if self.instance is None else self.instance.vram_bytes


def needs_of(request: GpuRequest, host: HostRequest) -> Needs:
    """Raises `MisuseError` for a constraint that can't be read."""
    return Needs(request, host, parse(request.where) if request.where else None)


def unsuited(machine: MachineView, needs: Needs) -> str | None:
    """Why the machine could never run it, as a phrase such as 'has 8 CPU cores, 16 are needed';
    None if it could."""
    facts = machine.facts
    if facts is None:
        return "has not said yet what it has"
    short = _short_of_host(facts, needs.host)
    if short is not None or not needs.gpus.count:
        return short
    places = list(_places(machine, facts, needs))
    if not places:
        return _no_places(facts, needs)
    by_reason: dict[str | None, list[str]] = {}
    for place in places:
        by_reason.setdefault(_why_not(facts, place, needs), []).append(place.number)
    fit = len(by_reason.pop(None, ()))
    if fit >= needs.gpus.count:
        return None
    has = f"has {len(places)} × {needs.gpus.mig}" if needs.gpus.mig else f"has {_counted(facts)}"
    if not by_reason:
        whole = "whole GPUs " if _has_slices(facts) and not needs.gpus.mig else ""
        return f"{has}; {needs.gpus.count} {whole}are needed"
    suit = "none suits" if not fit else f"{fit} of {needs.gpus.count} that are needed suit"
    told = [f"GPU {', '.join(numbers)}: {why}" for why, numbers in by_reason.items()]
    more = len(told) - REASONS_SHOWN_MAX
    shown = "; ".join(told[:REASONS_SHOWN_MAX]) + (f"; and {more} more" if more > 0 else "")
    return f"{has}; {suit}. {shown}"


def asks_of(needs: Needs) -> str:
    """What is asked for, as figures that need no language, such as 'GPU 2, VRAM 24.0 GB'."""
    gpus, host = needs.gpus, needs.host
    sizes = (("memory", host.memory_bytes), ("disk", host.disk_bytes))
    return ", ".join(
        part
        for part in (
            f"GPU {gpus.count}" if gpus.count else "",
            f"VRAM {format_size(gpus.vram_bytes)}" if gpus.vram_bytes else "",
            f"MIG {gpus.mig}" if gpus.mig else "",
            gpus.where,
            f"CPU {host.cpu_cores:g}" if host.cpu_cores else "",
            *(f"{what} {format_size(size)}" for what, size in sizes if size),
        )
        if part
    )


def has_of(machine: MachineView) -> str:
    """What a machine has, in the same way; its name alone if it has not said so yet."""
    facts = machine.facts
    if facts is None:
        return machine.name
    cards = Counter(format_size(gpu.vram_bytes) for gpu in facts.gpus if not gpu.instances)
    slices = Counter(f"MIG {one.profile}" for gpu in facts.gpus for one in gpu.instances)
    told = [f"GPU {len(facts.gpus)}"]
    told += [f"{count} × {what}" for what, count in (cards + slices).items()]
    told += [f"CPU {facts.cpu_count}", f"memory {format_size(facts.memory_bytes)}"]
    return f"{machine.name} ({', '.join(told)}, disk {format_size(facts.disk_bytes)})"


def free_places(machine: MachineView, needs: Needs) -> tuple[int, ...]:
    """VRAM free on each GPU that the run could take now, most first."""
    facts = machine.facts
    if facts is None:
        return ()
    free = (
        _free_bytes(place, needs)
        for place in _places(machine, facts, needs)
        if _why_not(facts, place, needs) is None
    )
    return tuple(sorted((size for size in free if size is not None), reverse=True))


def _short_of_host(facts: MachineFacts, host: HostRequest) -> str | None:
    if host.cpu_cores > facts.cpu_count:
        return f"has {facts.cpu_count} CPU cores, {host.cpu_cores:g} are needed"
    for what, has, wanted in (
        ("memory", facts.memory_bytes, host.memory_bytes),
        ("disk", facts.disk_bytes, host.disk_bytes),
    ):
        if wanted > has:
            return f"has {format_size(has)} of {what}, {format_size(wanted)} are needed"
    return None


def _places(machine: MachineView, facts: MachineFacts, needs: Needs) -> Iterator[_Place]:
    readings = machine.telemetry.gpus if machine.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    for gpu in facts.gpus:
        reading = by_uuid.get(gpu.uuid)
        cordoned = reading is not None and reading.cordon is not None
        if not needs.gpus.mig:
            # With MIG on, only its instances take runs.
            if not gpu.instances and not gpu.mig:
                yield _Place(gpu, None, reading, cordoned)
            continue
        inner = {} if reading is None else {one.uuid: one for one in reading.instances}
        for instance in gpu.instances:
            if instance.profile.lower() == needs.gpus.mig.lower():
                yield _Place(gpu, instance, inner.get(instance.uuid), cordoned)


def _no_places(facts: MachineFacts, needs: Needs) -> str:
    if not facts.gpus:
        return "has no GPU"
    profiles = sorted({one.profile for gpu in facts.gpus for one in gpu.instances})
    if needs.gpus.mig:
        has = f"only {', '.join(profiles)}" if profiles else "no MIG instances"
        return f"has {has}, {needs.gpus.mig} is needed"
    return f"gives its GPUs as MIG instances only ({', '.join(profiles) or 'none yet'})"


def _has_slices(facts: MachineFacts) -> bool:
    return any(gpu.mig or gpu.instances for gpu in facts.gpus)


def _counted(facts: MachineFacts) -> str:
    """All GPUs, by size, and the MIG instances of those that are cut, by profile."""
    sizes = Counter(gpu.vram_bytes for gpu in facts.gpus if not gpu.instances and not gpu.mig)
    profiles = Counter(one.profile for gpu in facts.gpus for one in gpu.instances)
    uncut = sum(1 for gpu in facts.gpus if gpu.mig and not gpu.instances)
    told = [f"{sizes[size]} × {format_size(size)}" for size in sorted(sizes, reverse=True)]
    told += [f"{profiles[name]} × {name} (MIG)" for name in sorted(profiles)]
    if uncut:
        told.append(f"{uncut} in MIG mode without instances")
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]


def _why_not(facts: MachineFacts, place: _Place, needs: Needs) -> str | None:
    if place.vram_bytes < needs.gpus.vram_bytes:
        has, wanted = format_size(place.vram_bytes), format_size(needs.gpus.vram_bytes)
        return f"vram is {has}, needs {wanted}"
    if needs.where is None:
        return None
    misses = needs.where.misses(gpu_facts(facts, place.gpu, place.instance))
    return ", ".join(map(str, misses)) or None


def _free_bytes(place: _Place, needs: Needs) -> int | None:
    """What is free there for this run; None if it can't start there now, as far as is known."""
    reading = place.reading
    free = free_bytes(reading, place.vram_bytes)
    if reading is None or free is None or place.cordoned:
        return None
    if needs.gpus.exclusive and (reading.vram_ours_bytes or reading.vram_leased_bytes):
        return None
    if needs.gpus.beside == "wait" and any(process.run is None for process in reading.processes):
        return None
    return free if free >= max(needs.gpus.vram_bytes, 1) else None


def free_bytes(reading: GpuReading | None, vram_bytes: int) -> int | None:
    """What is free of a GPU's VRAM: foreign memory and leases are taken off; None: not known.

    A lease counts fully, whether or not its run holds the memory yet.
    """
    if reading is None or reading.vram_used_bytes is None or reading.problem is not None:
        return None
    foreign = max(reading.vram_used_bytes - reading.vram_ours_bytes, 0)
    ours = max(reading.vram_ours_bytes, reading.vram_leased_bytes)
    return max(vram_bytes - foreign - ours, 0)
