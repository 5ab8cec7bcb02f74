"""Simulated GPUs for a machine that has none: `--simulate-gpus N`.

Their motion is a function of the clock and of the attempts that hold them, with no random in it:
when an attempt's process is alive on a GPU, utilisation rises, the VRAM of its lease fills in over
some seconds, power follows utilisation at once and temperature follows power slowly. Every fact
and reading says that it is simulated.

A script file (`script.py` says what it holds) makes other models of them, with MIG and links, adds
processes that Lanherd did not start, and lets things go wrong. The file is read again when it
changes; one that can't be read stops the agent at its start, and makes the GPUs unknown later.
"""

import hashlib
import math
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.gpu.probe import (
    AttemptHold,
    Clock,
    Holds,
    ProbeFacts,
    unknown_reading,
    unknown_readings,
)
from lanherd_agent.gpu.script import (
    GIB,
    Script,
    ScriptedFault,
    ScriptedProcess,
    ScriptFile,
    is_on,
)
from lanherd_agent.gpu.xids import XIDS_KEPT
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts, GpuInstance, GpuProcess, GpuReading

POWER_IDLE_W = 28.0
TEMPERATURE_IDLE_C = 34.0
TEMPERATURE_RISE_C = 42.0
"""How far a GPU at full load ends above an idle one."""
TEMPERATURE_LAG_S = 25.0
DRIVER_VRAM_BYTES = 420 * 1024**2
"""What a driver keeps for itself on a real GPU of this size."""
RAMP_S = 2.0
FILL_S = 6.0
FILL_SHARE = 0.9
"""The share of its promise that an attempt really takes."""
UNDECLARED_VRAM_BYTES = 3 * GIB
"""What an attempt takes that declared nothing."""
SM_CLOCK_IDLE_MHZ, SM_CLOCK_RISE_MHZ = 210, 1500
MEMORY_CLOCK_MHZ = 9501
FAN_IDLE_PERCENT = 30.0

LOST = (
    "The GPU is lost: it fell off the bus or can't be reached any more (simulated). Restart the"
    " machine; if it happens again, check its power and its seat."
)
HUNG = (
    "The simulated driver stopped answering. It is being asked again; if it stays so, restart the"
    " machine."
)


def simulated_uuid(index: int, instance: int | None = None) -> GpuUuid:
    """The same for the same index on every machine and after every restart."""
    inside = "" if instance is None else f" instance {instance}"
    digest = hashlib.sha256(f"lanherd simulated gpu {index}{inside}".encode()).hexdigest()
    groups = (digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])
    return GpuUuid(("SIM-" if instance is None else "SIM-MIG-") + "-".join(groups))


def simulated_facts(count: int, script: Script | None = None) -> ProbeFacts:
    """Facts of the first `count` simulated GPUs."""
    script = script or Script()
    return ProbeFacts(
        source="simulated",
        driver_version=script.driver_version,
        cuda_version=script.cuda_version,
        gpus=tuple(_gpu_facts(index, script) for index in range(count)),
        links=script.links,
    )


def _gpu_facts(index: int, script: Script) -> GpuFacts:
    model = script.gpu(index)
    instances = tuple(
        GpuInstance(
            index=place,
            uuid=simulated_uuid(index, place),
            profile=instance.profile,
            vram_bytes=instance.vram_bytes,
        )
        for place, instance in enumerate(model.instances)
    )
    return GpuFacts(
        index=index,
        uuid=simulated_uuid(index),
        name=f"Simulated {model.name.removeprefix('Simulated ')}",
        vram_bytes=model.vram_bytes,
        pci_address=f"00000000:{index + 1:02X}:00.0",
        compute_capability=model.compute_capability,
        power_limit_w=model.power_limit_w,
        simulated=True,
        power_limit_max_w=model.power_limit_w,
        ecc=model.ecc,
        mig=True if instances else None,
        instances=instances,
        numa_node=model.numa_node,
    )


def utilisation(index: int, alive_s: float) -> float:
    """Percent that one attempt asks of its GPU, this long after its process was alive."""
    ramp = 1.0 - math.exp(-max(alive_s, 0.0) / RAMP_S)
    # Two waves that don't share a period look like epochs and batches, not like a machine's sine.
    wave = 4.0 * math.sin(alive_s / 1.7 + index) + 3.0 * math.sin(alive_s / 0.61 + 2 * index)
    return ramp * (86.0 + wave)


def vram_taken(promised_bytes: int, alive_s: float) -> int:
    """VRAM that one attempt has allocated, this long after its process was alive."""
    aim = FILL_SHARE * promised_bytes if promised_bytes else UNDECLARED_VRAM_BYTES
    return int(aim * min(max(alive_s, 0.0) / FILL_S, 1.0))


def relax(value: float, aim: float, passed_s: float, lag_s: float) -> float:
    """Where a quantity is that follows its aim with a lag."""
    return aim + (value - aim) * math.exp(-max(passed_s, 0.0) / lag_s)


class _Use(Struct, frozen=True):
    """Who is on a GPU or an instance, and how much they ask of it."""

    processes: tuple[GpuProcess, ...]
    load: float

    @property
    def vram_bytes(self) -> int:
        return sum(process.vram_bytes or 0 for process in self.processes)


def _use_of(
    gpu: GpuFacts,
    uuid: GpuUuid,
    now: float,
    holds: Sequence[AttemptHold],
    foreign: Sequence[ScriptedProcess],
) -> _Use:
    load = 0.0
    processes = []
    for hold in holds:
        alive = hold.alive_since
        for share in hold.gpus:
            if share.uuid != uuid or alive is None or hold.root_pid is None:
                continue
            load += utilisation(gpu.index, now - alive)
            taken = vram_taken(share.vram_bytes, now - alive)
            processes.append(GpuProcess(pid=hold.root_pid, vram_bytes=taken))
    for other in foreign:
        load += 55.0 + 5.0 * math.sin(now / 2.3 + gpu.index)
        processes.append(
            GpuProcess(
                pid=other.pid,
                vram_bytes=other.vram_bytes,
                user=other.user or None,
                command=other.command or None,
                container=other.container or None,
                run=other.run,
                orphan=other.orphan,
            )
        )
    return _Use(tuple(processes), load)


def gpu_reading(
    gpu: GpuFacts,
    now: float,
    holds: Sequence[AttemptHold],
    foreign: Sequence[ScriptedProcess],
    temperature_c: float,
) -> GpuReading:
    """One GPU at one moment."""
    uses = [_use_of(gpu, gpu.uuid, now, holds, [other for other in foreign if not gpu.instances])]
    instances = []
    for instance in gpu.instances:
        inside = [other for other in foreign if other.instance == instance.index]
        use = _use_of(gpu, instance.uuid, now, holds, inside)
        uses.append(use)
        instances.append(
            GpuReading(
                uuid=instance.uuid,
                vram_used_bytes=min(use.vram_bytes, instance.vram_bytes),
                processes=use.processes,
            )
        )
    load = min(sum(use.load for use in uses), 100.0)
    used = DRIVER_VRAM_BYTES + sum(use.vram_bytes for use in uses)
    idle_w = POWER_IDLE_W + 1.5 * math.sin(now / 5.0 + gpu.index)
    limit_w = gpu.power_limit_w or 0.0
    return GpuReading(
        uuid=gpu.uuid,
        utilisation_percent=float(round(load)),
        vram_used_bytes=min(used, gpu.vram_bytes),
        temperature_c=float(round(temperature_c)),
        power_w=round(idle_w + (limit_w * 0.85 - POWER_IDLE_W) * load / 100.0, 1),
        processes=tuple(process for use in uses for process in use.processes),
        power_limit_w=gpu.power_limit_w,
        memory_utilisation_percent=float(round(0.6 * load)),
        sm_clock_mhz=round(SM_CLOCK_IDLE_MHZ + SM_CLOCK_RISE_MHZ * load / 100.0),
        memory_clock_mhz=MEMORY_CLOCK_MHZ,
        fan_percent=float(round(FAN_IDLE_PERCENT + max(temperature_c - TEMPERATURE_IDLE_C, 0.0))),
        ecc_errors=0 if gpu.ecc else None,
        instances=tuple(instances),
    )


def with_faults(
    gpu: GpuFacts,
    reading: GpuReading,
    faults: Sequence[ScriptedFault],
    elapsed_s: float,
    xids: Sequence[int] = (),
) -> GpuReading:
    """The same GPU with what has gone wrong with it, and with the Xids that it had."""
    reading = with_xids(reading, xids)
    begun = sorted(
        (fault for fault in faults if fault.gpu == gpu.index and fault.from_s <= elapsed_s),
        key=lambda fault: fault.from_s,
    )
    for fault in begun:
        if fault.kind == "ecc":
            reading = replace(reading, ecc_errors=(reading.ecc_errors or 0) + int(fault.value))
        elif fault.kind == "hot" and is_on(fault, elapsed_s):
            reading = replace(reading, temperature_c=fault.value)
    if any(fault.kind == "lost" and is_on(fault, elapsed_s) for fault in begun):
        return with_xids(unknown_reading(gpu, LOST), xids)
    return reading


def with_xids(reading: GpuReading, xids: Sequence[int]) -> GpuReading:
    return replace(
        reading,
        xid=xids[-1] if xids else None,
        xids=tuple(xids[-XIDS_KEPT:]),
        xids_total=len(xids),
    )


class ScriptedProbe:
    """`count` simulated GPUs that live by the clock and by the attempts that hold them."""

    def __init__(
        self, count: int, *, holds: Holds, clock: Clock = time.time, script: Path | None = None
    ) -> None:
        self._count = count
        self._holds = holds
        self._clock = clock
        self._began = clock()
        self._script_file = None if script is None else ScriptFile(script, count)
        self._script = Script() if self._script_file is None else self._script_file.current()
        self._facts = simulated_facts(count, self._script)
        self._temperatures_c = [TEMPERATURE_IDLE_C + index % 4 for index in range(count)]
        self._loads = [0.0] * count
        self._read_at = self._began
        self._had: dict[tuple[int, int, float], None] = {}
        """Xids that happened, by GPU, code and time: a script that is changed takes none back."""

    async def facts(self) -> ProbeFacts:
        return self._facts

    async def read(self) -> tuple[GpuReading, ...]:
        now = self._clock()
        passed_s, self._read_at = now - self._read_at, now
        elapsed_s = now - self._began
        try:
            self._follow_script()
        except LanherdError as unusable:
            return self._unknown(str(unusable))
        faults = self._script.faults
        self._note_xids(elapsed_s)
        if any(fault.kind == "hung" and is_on(fault, elapsed_s) for fault in faults):
            return self._unknown(HUNG)
        holds = self._holds()
        foreign = [process for process in self._script.foreign if is_on(process, elapsed_s)]
        readings = []
        for gpu in self._facts.gpus:
            place = gpu.index
            aim = TEMPERATURE_IDLE_C + place % 4 + TEMPERATURE_RISE_C * self._loads[place] / 100.0
            heat = relax(self._temperatures_c[place], aim, passed_s, TEMPERATURE_LAG_S)
            here = [process for process in foreign if process.gpu == place]
            reading = gpu_reading(gpu, now, holds, here, heat)
            self._temperatures_c[place] = heat
            self._loads[place] = reading.utilisation_percent or 0.0
            readings.append(with_faults(gpu, reading, faults, elapsed_s, self._xids_of(place)))
        return tuple(readings)

    async def close(self) -> None:
        return None

    def _unknown(self, problem: str) -> tuple[GpuReading, ...]:
        unknown = unknown_readings(self._facts, problem)
        return tuple(
            with_xids(reading, self._xids_of(gpu.index))
            for gpu, reading in zip(self._facts.gpus, unknown, strict=True)
        )

    def _note_xids(self, elapsed_s: float) -> None:
        begun = [
            fault
            for fault in self._script.faults
            if fault.kind == "xid" and fault.from_s <= elapsed_s
        ]
        for fault in sorted(begun, key=lambda fault: fault.from_s):
            self._had.setdefault((fault.gpu, int(fault.value), fault.from_s))

    def _xids_of(self, index: int) -> list[int]:
        return [code for gpu, code, _ in self._had if gpu == index]

    def _follow_script(self) -> None:
        if self._script_file is None:
            return
        script = self._script_file.current()
        if script is not self._script:
            self._script = script
            self._facts = simulated_facts(self._count, script)
