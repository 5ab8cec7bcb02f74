"""`lanherd gpus`."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import machine_shapes, shapes, talk
from lanherd_client.cli.machine_shapes import is_allowed, links_of
from lanherd_client.cli.options import json_option, machine_option
from lanherd_client.cli.picking import chosen_machines, say_none_paired
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.terminal import plain
from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size, format_vram
from lanherd_protocol.ids import GpuUuid, short_id
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import is_live, lease_of
from lanherd_protocol.values import GpuFacts, GpuInstance, GpuLink, GpuProcess, GpuReading

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("GPU", right=True),
    talk.Column("NAME"),
    talk.Column("USE", right=True),
    talk.Column("VRAM", right=True),
    talk.Column("PROMISED", right=True),
    talk.Column("NOT OURS", right=True),
    talk.Column("HELD BY"),
    talk.Column("TEMP", right=True),
    talk.Column("POWER", right=True),
    talk.Column("NOTE"),
)
_PROCESS_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("GPU", right=True),
    talk.Column("PID", right=True),
    talk.Column("USER"),
    talk.Column("VRAM", right=True),
    talk.Column("COMMAND"),
    talk.Column("WHAT IT IS"),
)
_FOREIGN = "not started by Lanherd: runs take what it leaves, or wait, as the machine's rules say"
_GONE = "its process is gone: the driver lets go of the VRAM by itself, or with a reset of the GPU"
_LEFT_OUT = "the machine's rules leave it out"
_UNCUT = "MIG is on, and it has no instances: it takes no run"
_LINKS = {
    "nvlink": "NVLink",
    "same_board": "the same board",
    "pcie_switch": "one PCIe switch",
    "pcie_switches": "several PCIe switches",
    "host_bridge": "the PCIe host bridge",
    "numa_node": "its NUMA node",
    "system": "the link between NUMA nodes",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A GPU, or one of its MIG instances, with what is read of it and the runs that hold it."""

    view: MachineView
    gpu: GpuFacts
    instance: GpuInstance | None
    reading: GpuReading
    holders: tuple[str, ...]
    rules: MachineRules

    @property
    def number(self) -> str:
        return gpu_number(self.gpu.index, None if self.instance is None else self.instance.index)

    @property
    def name(self) -> str:
        simulated = " (simulated)" if self.gpu.simulated or self.view.simulated else ""
        name = self.gpu.name if self.instance is None else f"MIG {self.instance.profile}"
        return f"{name}{simulated}"

    @property
    def vram_bytes(self) -> int:
        return self.gpu.vram_bytes if self.instance is None else self.instance.vram_bytes

    @property
    def cut(self) -> bool:
        """A GPU whose instances take the runs."""
        return self.instance is None and bool(self.gpu.instances)

    @property
    def left_out(self) -> bool:
        uuid = self.gpu.uuid if self.instance is None else self.instance.uuid
        return not self.cut and not is_allowed(self.rules, self.gpu.index, uuid)

    @property
    def note(self) -> str:
        """Why it takes no run now, as far as that is the GPU's own matter."""
        read = self.reading
        told = (
            "" if read.cordon is None else f"takes no run: {read.cordon.text}",
            _LEFT_OUT if self.left_out else "",
            "" if read.rest is None else read.rest.text,
            _UNCUT if self.gpu.mig and not self.gpu.instances else "",
            # What closed it says the same, once.
            (read.problem or "") if read.cordon is None else "",
        )
        return "; ".join(filter(None, told))

    @property
    def foreign_bytes(self) -> int | None:
        used = self.reading.vram_used_bytes
        return None if used is None else max(used - self.reading.vram_ours_bytes, 0)


@click.command("gpus")
@machine_option
@click.option("--all", "-a", "whole", is_flag=True, help="Show all that is known of each GPU.")
@json_option
@click.pass_context
def gpus_command(context: click.Context, machine: str | None, whole: bool, as_json: bool) -> None:
    """List GPUs with their use, VRAM, temperature and power.

    And who holds them: runs, and processes that Lanherd did not start or that were left over.
    Below a GPU that is cut are its MIG instances: 3:0 is the first of GPU 3. PROMISED is the VRAM
    that runs were promised, used or not. --all adds PCI address, clocks, limits, ECC, links and so
    on; --json always has them.
    """
    complete(_gpus(context, machine, whole, as_json))


async def _gpus(context: click.Context, machine: str | None, whole: bool, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        every = await asyncio.gather(*(answered(fleet.rules(view.machine)) for view in views))
        both = [(view, state.rules) for view, state in zip(views, every, strict=True)]
        if as_json:
            told: list[shapes.Json] = [
                gpu for view, rules in both for gpu in machine_shapes.gpu_shapes(view, rules)
            ]
            talk.put_json(told)
            return
        if not fleet.machines():
            say_none_paired(fleet)
            return
        places = [place for view, rules in both for place in _places(fleet, view, rules)]
        if not places:
            talk.say("No GPUs.")
        elif whole:
            _put_whole(places)
        else:
            talk.put_table(_COLUMNS, map(row_of, places))
        _put_processes(places)
        for view in views:
            if view.facts is not None and view.facts.gpu_problem:
                talk.say(f"{view.name}: {plain(view.facts.gpu_problem)}")


def _places(fleet: "Fleet", view: MachineView, rules: MachineRules) -> Iterator[Place]:
    """Each GPU, and below it its MIG instances."""
    holders: dict[GpuUuid, tuple[str, ...]] = {}
    for record in fleet.runs(view.machine):
        if is_live(record.view.state):
            for uuid in dict.fromkeys(gpu.uuid for gpu in lease_of(record.view.state).gpus):
                holders[uuid] = (*holders.get(uuid, ()), short_id(record.view.run))
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    for gpu in view.facts.gpus if view.facts is not None else ():
        reading = by_uuid.get(gpu.uuid, GpuReading(uuid=gpu.uuid))
        yield Place(view, gpu, None, reading, holders.get(gpu.uuid, ()), rules)
        inner: Mapping[GpuUuid, GpuReading] = {one.uuid: one for one in reading.instances}
        for one in gpu.instances:
            read = inner.get(one.uuid, GpuReading(uuid=one.uuid))
            yield Place(view, gpu, one, read, holders.get(one.uuid, ()), rules)


def row_of(place: Place) -> Sequence[str]:
    read = place.reading
    used, foreign = read.vram_used_bytes, place.foreign_bytes
    return (
        place.view.name,
        place.number,
        place.name,
        _unit(read.utilisation_percent, "%"),
        format_size(place.vram_bytes) if used is None else format_vram(used, place.vram_bytes),
        format_size(read.vram_leased_bytes) if read.vram_leased_bytes else "",
        "" if foreign is None else format_size(foreign),
        " ".join(place.holders),
        _unit(read.temperature_c, "°C"),
        _unit(read.power_w, "W"),
        place.note,
    )


def _put_processes(places: Sequence[Place]) -> None:
    """The processes that no live run answers for; those of a MIG instance stand there alone."""
    inside = {
        (place.gpu.uuid, process.pid)
        for place in places
        if place.instance is not None
        for process in place.reading.processes
    }
    rows = [
        (
            place.view.name,
            place.number,
            str(process.pid),
            process.user or "",
            "" if process.vram_bytes is None else format_size(process.vram_bytes),
            process.command or "",
            _what_it_is(process),
        )
        for place in places
        for process in place.reading.processes
        if process.run is None or process.orphan
        if place.instance is not None or (place.gpu.uuid, process.pid) not in inside
    ]
    if rows:
        talk.put_line("")
        talk.put_table(_PROCESS_COLUMNS, rows)


def _what_it_is(process: GpuProcess) -> str:
    """And what one can do about it."""
    if process.orphan and process.run is None:
        return _GONE
    if process.orphan and process.run is not None:
        return f"left by run {short_id(process.run)}, which is over: end it with 'kill'"
    inside = f" (container {process.container})" if process.container else ""
    return f"{_FOREIGN}{inside}"


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.0f} {unit}"


# --- All that is known ----------------------------------------------------------------------------


def _put_whole(places: Sequence[Place]) -> None:
    for place in places:
        talk.put_line(f"{place.view.name}  GPU {place.number}  {place.name}")
        fields = _instance_fields(place) if place.instance is not None else _gpu_fields(place)
        talk.put_fields((*_use_fields(place), *fields))


def _use_fields(place: Place) -> Iterator[tuple[str, str]]:
    read = place.reading
    used, foreign = read.vram_used_bytes, place.foreign_bytes
    total = format_size(place.vram_bytes)
    yield "note", place.note
    yield "held by", " ".join(place.holders)
    yield "VRAM", total if used is None else format_vram(used, place.vram_bytes)
    yield "promised", format_size(read.vram_leased_bytes)
    yield "not ours", "" if foreign is None else format_size(foreign)
    kept = read.vram_reserved_bytes
    yield "driver's own", "" if kept is None else format_size(kept)
    yield "in use", _unit(read.utilisation_percent, "%")


def _instance_fields(place: Place) -> Iterator[tuple[str, str]]:
    if place.instance is not None:
        yield "UUID", place.instance.uuid


def _gpu_fields(place: Place) -> Iterator[tuple[str, str]]:
    gpu, read, facts = place.gpu, place.reading, place.view.facts
    yield "memory in use", _unit(read.memory_utilisation_percent, "%")
    yield "temperature", _unit(read.temperature_c, "°C")
    yield "fan", _unit(read.fan_percent, "%")
    yield "power", _unit(read.power_w, "W")
    yield "power limit", _limit(gpu, read)
    yield "clocks", _clocks(read)
    yield "ECC", _ecc(gpu, read)
    yield "Xids", xids_of(read)
    yield "persistence", _switch(gpu.persistence)
    yield "MIG", _switch(gpu.mig)
    yield "compute capability", ".".join(map(str, gpu.compute_capability or ()))
    yield "PCI address", gpu.pci_address or ""
    yield "NUMA node", "" if gpu.numa_node is None else str(gpu.numa_node)
    yield "UUID", gpu.uuid
    if facts is not None:
        yield "links", "\n".join(map(_link, links_of(facts, gpu.index)))
        cuda = "" if facts.cuda_version is None else f", CUDA up to {facts.cuda_version}"
        yield "driver", "" if facts.driver_version is None else f"{facts.driver_version}{cuda}"


def _limit(gpu: GpuFacts, read: GpuReading) -> str:
    limit = read.power_limit_w if read.power_limit_w is not None else gpu.power_limit_w
    most = gpu.power_limit_max_w
    told = _unit(limit, "W")
    return f"{told}, {_unit(most, 'W')} at most" if told and most is not None else told


def _clocks(read: GpuReading) -> str:
    told = (
        _unit(read.sm_clock_mhz, "MHz"),
        "" if read.memory_clock_mhz is None else f"memory {read.memory_clock_mhz} MHz",
    )
    return ", ".join(filter(None, told))


def _ecc(gpu: GpuFacts, read: GpuReading) -> str:
    if gpu.ecc is None:
        return ""
    errors = "" if read.ecc_errors is None else f", {read.ecc_errors} uncorrected errors"
    return f"{_switch(gpu.ecc)}{errors}"


def xids_of(read: GpuReading) -> str:
    """Since the agent was started."""
    if read.xid is None:
        return "none"
    latest = ", ".join(map(str, read.xids or (read.xid,)))
    more = read.xids_total - len(read.xids)
    return f"{latest}, and {more} before" if read.xids and more > 0 else latest


def _switch(value: bool | None) -> str:
    return "" if value is None else "on" if value else "off"


def _link(link: GpuLink) -> str:
    several = f" ({link.nvlinks} of them)" if link.nvlinks > 1 else ""
    return f"GPU {link.second} by {_LINKS[link.kind]}{several}"
