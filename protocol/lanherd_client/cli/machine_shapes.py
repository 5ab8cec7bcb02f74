"""What `machines`, `gpus` and `status` print as JSON; see `shapes`."""

from collections.abc import Sequence

from lanherd_client.cli.shapes import Json, Object, failure_shape, full_reason_shape
from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import Connecting, MachineView, Online
from lanherd_client.suiting import free_bytes
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.messages import AgentStatus
from lanherd_protocol.values import (
    GpuFacts,
    GpuInstance,
    GpuLink,
    GpuProcess,
    GpuReading,
    HostReading,
    MachineFacts,
)


def machine_shape(view: MachineView, pauses: Sequence[PauseView] | None = None) -> Object:
    """A machine with its GPUs; `link` is online, connecting, unreachable or refused. `pauses` is
    None where it isn't known whether there are any."""
    link = view.link
    online = link if isinstance(link, Online) else None
    problem = None if isinstance(link, Online | Connecting) else link.failure
    facts = view.facts
    host = view.telemetry.host if view.telemetry is not None else HostReading()
    return {
        "machine": view.machine,
        "name": view.name,
        "link": type(link).__name__.lower(),
        "since": link.since,
        "problem": failure_shape(problem),
        "role": online.role if online else None,
        "address": online.address if online else None,
        "version": facts.version if facts else None,
        "os": facts.os if facts else None,
        "driver_version": facts.driver_version if facts else None,
        "cuda_version": facts.cuda_version if facts else None,
        "gpu_source": facts.gpu_source if facts else None,
        "gpu_problem": facts.gpu_problem if facts else None,
        "simulated": view.simulated,
        "gpus": [*gpu_shapes(view)],
        "cpu_count": facts.cpu_count if facts else None,
        "cpu_percent": host.cpu_percent,
        "load_1m": host.load_1m,
        "memory_bytes": facts.memory_bytes if facts else None,
        "memory_used_bytes": host.memory_used_bytes,
        "disk_bytes": facts.disk_bytes if facts else None,
        "disk_free_bytes": host.disk_free_bytes,
        "runs_live": view.runs_live,
        "runs_waiting": view.runs_waiting,
        "runs_total": view.runs_total,
        "problems": [full_reason_shape(problem) for problem in view.problems],
        "pauses": _pause_shapes(pauses),
        "shared_uid": facts.shared_uid if facts else None,
        "weak_kill": facts.weak_kill if facts else None,
    }


def _pause_shapes(pauses: Sequence[PauseView] | None) -> Json:
    return None if pauses is None else [*map(pause_shape, pauses)]


def pause_shape(pause: PauseView) -> Object:
    return {"since": pause.since, "tag": pause.tag, "by": pause.by, "note": pause.note}


def is_allowed(rules: MachineRules, index: int, uuid: GpuUuid) -> bool:
    """Whether the machine's rules let runs have a GPU, or a MIG instance by its own UUID."""
    return rules.gpus is None or index in rules.gpus or uuid in rules.gpus


def gpu_shapes(view: MachineView, rules: MachineRules | None = None) -> list[Object]:
    """The GPUs of a machine, in nvidia-smi's order; `allowed` is not known without its rules."""
    facts = view.facts
    if facts is None:
        return []
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    return [_gpu_shape(view, facts, gpu, by_uuid.get(gpu.uuid), rules) for gpu in facts.gpus]


def _gpu_shape(
    view: MachineView,
    facts: MachineFacts,
    gpu: GpuFacts,
    reading: GpuReading | None,
    rules: MachineRules | None,
) -> Object:
    read = reading if reading is not None else GpuReading(uuid=gpu.uuid)
    inner = {one.uuid: one for one in read.instances}
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "index": gpu.index,
        "number": gpu_number(gpu.index),
        "uuid": gpu.uuid,
        "name": gpu.name,
        "simulated": gpu.simulated or view.simulated,
        "vram_bytes": gpu.vram_bytes,
        "power_limit_w": gpu.power_limit_w,
        "power_limit_max_w": gpu.power_limit_max_w,
        "power_limit_now_w": read.power_limit_w,
        "compute_capability": ".".join(map(str, gpu.compute_capability or ())) or None,
        "pci_address": gpu.pci_address,
        "persistence": gpu.persistence,
        "ecc": gpu.ecc,
        "mig": gpu.mig,
        "numa_node": gpu.numa_node,
        "driver_version": facts.driver_version,
        "cuda_version": facts.cuda_version,
        "memory_utilisation_percent": read.memory_utilisation_percent,
        "sm_clock_mhz": read.sm_clock_mhz,
        "memory_clock_mhz": read.memory_clock_mhz,
        "fan_percent": read.fan_percent,
        "temperature_c": read.temperature_c,
        "power_w": read.power_w,
        "ecc_errors": read.ecc_errors,
        "xid": read.xid,
        "xids": list(read.xids),
        "xids_total": read.xids_total,
        **_use_shape(reading, gpu.vram_bytes),
        "allowed": None if rules is None else is_allowed(rules, gpu.index, gpu.uuid),
        "links": [*map(_link_shape, links_of(facts, gpu.index))],
        "instances": [
            _instance_shape(gpu, one, inner.get(one.uuid), rules) for one in gpu.instances
        ],
    }


def _instance_shape(
    gpu: GpuFacts, one: GpuInstance, reading: GpuReading | None, rules: MachineRules | None
) -> Object:
    return {
        "index": one.index,
        "number": gpu_number(gpu.index, one.index),
        "uuid": one.uuid,
        "profile": one.profile,
        "vram_bytes": one.vram_bytes,
        **_use_shape(reading, one.vram_bytes),
        "allowed": None if rules is None else is_allowed(rules, gpu.index, one.uuid),
    }


def _use_shape(reading: GpuReading | None, vram_bytes: int) -> Object:
    """What is read of a GPU and of a MIG instance alike."""
    processes: list[Json] = []
    if reading is None:
        reading, known = GpuReading(uuid=GpuUuid("")), False
    else:
        known, processes = True, [*map(_process_shape, reading.processes)]
    return {
        "vram_free_bytes": free_bytes(reading, vram_bytes),
        "vram_used_bytes": reading.vram_used_bytes,
        "vram_reserved_bytes": reading.vram_reserved_bytes,
        "vram_ours_bytes": reading.vram_ours_bytes if known else None,
        "vram_leased_bytes": reading.vram_leased_bytes if known else None,
        "utilisation_percent": reading.utilisation_percent,
        "problem": reading.problem,
        "cordon": None if reading.cordon is None else reading.cordon.text,
        "rest": None if reading.rest is None else full_reason_shape(reading.rest),
        "quiet_at": reading.quiet_at,
        "processes": processes,
    }


def _process_shape(process: GpuProcess) -> Object:
    return {
        "pid": process.pid,
        "vram_bytes": process.vram_bytes,
        "user": process.user,
        "command": process.command,
        "run": process.run,
        "container": process.container,
        "orphan": process.orphan,
    }


def links_of(facts: MachineFacts, index: int) -> list[GpuLink]:
    """How a GPU reaches each other one, which is `second`."""
    ours = [link for link in facts.links if index in (link.first, link.second)]
    return [
        GpuLink(
            first=index,
            second=link.second if link.first == index else link.first,
            kind=link.kind,
            nvlinks=link.nvlinks,
        )
        for link in ours
    ]


def _link_shape(link: GpuLink) -> Object:
    return {"gpu": link.second, "kind": link.kind, "nvlinks": link.nvlinks}


def status_shape(
    view: MachineView,
    status: AgentStatus | None,
    problem: Failure | None,
    pauses: Sequence[PauseView] | None = None,
) -> Object:
    """An agent's own account of itself, or why there is none; `pauses` as in `machine_shape`."""
    shape: Object = {
        "machine": view.machine,
        "name": view.name,
        "link": type(view.link).__name__.lower(),
        "simulated": view.simulated,
        "problem": failure_shape(problem),
        "pauses": _pause_shapes(pauses),
    }
    if status is not None:
        shape |= {
            "version": status.version,
            "pid": status.pid,
            "port": status.port,
            "addresses": list(status.addresses),
            "started_at": status.started_at,
            "live_runs": status.live_runs,
            "queued_runs": status.queued_runs,
            "problems": [full_reason_shape(problem) for problem in status.problems],
        }
    return shape
