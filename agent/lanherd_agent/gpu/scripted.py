"""Simulated GPUs for a machine that has none: `--simulate-gpus N`.

Their motion is a function of the clock and of the attempts that hold them, with no random in it:
when an attempt's process is alive on a GPU, utilisation rises, the VRAM of its lease fills in over
some seconds, power follows utilisation at once and temperature follows power slowly. Every fact
and reading says that it is simulated.

A script file can add foreign processes, so that what Lanherd did not start can be tried too:

    {"foreign": [{"gpu": 0, "pid": 4242, "vram_bytes": 1073741824, "user": "ada",
                  "command": "python other.py", "from_s": 0, "until_s": 60}]}

with times in seconds after the probe began; `until_s` may be left out. The file is read again when
it changes; one that can't be read stops the agent at its start, and makes the GPUs unknown later.
"""

import hashlib
import math
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from lanherd_agent.gpu.probe import AttemptHold, Clock, Holds, ProbeFacts, unknown_readings
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuFacts, GpuProcess, GpuReading

GIB = 1024**3
SIMULATED_VRAM_BYTES = 24 * GIB
POWER_LIMIT_W = 350.0
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


class ForeignProcess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A process of the script that Lanherd did not start; times count from the probe's start."""

    gpu: int
    pid: int
    vram_bytes: int
    user: str = ""
    command: str = ""
    from_s: float = 0.0
    until_s: float = math.inf


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a script file holds."""

    foreign: tuple[ForeignProcess, ...] = ()


def simulated_uuid(index: int) -> GpuUuid:
    """The same for the same index on every machine and after every restart."""
    digest = hashlib.sha256(f"lanherd simulated gpu {index}".encode()).hexdigest()
    groups = (digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])
    return GpuUuid("SIM-" + "-".join(groups))


def simulated_facts(count: int) -> ProbeFacts:
    """Facts of the first `count` simulated GPUs."""
    gpus = tuple(
        GpuFacts(
            index=index,
            uuid=simulated_uuid(index),
            name="Simulated GPU 24 GB",
            vram_bytes=SIMULATED_VRAM_BYTES,
            pci_address=f"00000000:{index + 1:02X}:00.0",
            compute_capability=(8, 9),
            power_limit_w=POWER_LIMIT_W,
            simulated=True,
        )
        for index in range(count)
    )
    return ProbeFacts(source="simulated", gpus=gpus)


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


def gpu_reading(
    gpu: GpuFacts,
    now: float,
    holds: Sequence[AttemptHold],
    foreign: Sequence[ForeignProcess],
    temperature_c: float,
) -> GpuReading:
    """One GPU at one moment."""
    load = 0.0
    processes = []
    for hold in holds:
        alive = hold.alive_since
        for share in hold.gpus:
            if share.uuid != gpu.uuid or alive is None or hold.root_pid is None:
                continue
            load += utilisation(gpu.index, now - alive)
            taken = vram_taken(share.vram_bytes, now - alive)
            processes.append(GpuProcess(pid=hold.root_pid, vram_bytes=taken))
    for other in foreign:
        load += 55.0 + 5.0 * math.sin(now / 2.3 + gpu.index)
        user, command = other.user or None, other.command or None
        processes.append(
            GpuProcess(pid=other.pid, vram_bytes=other.vram_bytes, user=user, command=command)
        )
    load = min(load, 100.0)
    used = DRIVER_VRAM_BYTES + sum(process.vram_bytes or 0 for process in processes)
    idle_w = POWER_IDLE_W + 1.5 * math.sin(now / 5.0 + gpu.index)
    return GpuReading(
        uuid=gpu.uuid,
        utilisation_percent=float(round(load)),
        vram_used_bytes=min(used, gpu.vram_bytes),
        temperature_c=float(round(temperature_c)),
        power_w=round(idle_w + (POWER_LIMIT_W * 0.85 - POWER_IDLE_W) * load / 100.0, 1),
        processes=tuple(processes),
    )


class ScriptedProbe:
    """`count` simulated GPUs that live by the clock and by the attempts that hold them."""

    def __init__(
        self, count: int, *, holds: Holds, clock: Clock = time.time, script: Path | None = None
    ) -> None:
        self._facts = simulated_facts(count)
        self._holds = holds
        self._clock = clock
        self._began = clock()
        self._script_file = None if script is None else ScriptFile(script)
        self._temperatures_c = [TEMPERATURE_IDLE_C + gpu.index % 4 for gpu in self._facts.gpus]
        self._loads = [0.0] * count
        self._read_at = self._began

    async def facts(self) -> ProbeFacts:
        return self._facts

    async def read(self) -> tuple[GpuReading, ...]:
        now = self._clock()
        passed_s, self._read_at = now - self._read_at, now
        holds = self._holds()
        try:
            foreign = self._foreign_at(now - self._began)
        except LanherdError as unusable:
            return unknown_readings(self._facts, str(unusable))
        readings = []
        for gpu in self._facts.gpus:
            place = gpu.index
            aim = TEMPERATURE_IDLE_C + place % 4 + TEMPERATURE_RISE_C * self._loads[place] / 100.0
            heat = relax(self._temperatures_c[place], aim, passed_s, TEMPERATURE_LAG_S)
            here = [process for process in foreign if process.gpu == place]
            reading = gpu_reading(gpu, now, holds, here, heat)
            self._temperatures_c[place] = heat
            self._loads[place] = reading.utilisation_percent or 0.0
            readings.append(reading)
        return tuple(readings)

    async def close(self) -> None:
        return None

    def _foreign_at(self, elapsed_s: float) -> list[ForeignProcess]:
        if self._script_file is None:
            return []
        return [
            process
            for process in self._script_file.current().foreign
            if process.from_s <= elapsed_s < process.until_s
        ]


class ScriptFile:
    """A script on disk, read again when its file was replaced or changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._mark()
        self._script = self._load()

    def current(self) -> Script:
        mark = self._mark()
        if mark != self._seen:
            self._script = self._load()
            self._seen = mark
        return self._script

    def _mark(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError as problem:
            raise self._unusable(str(problem)) from problem
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self) -> Script:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Script)
        except (OSError, msgspec.DecodeError) as problem:
            raise self._unusable(str(problem)) from problem

    def _unusable(self, why: str) -> LanherdError:
        return error(
            ErrorCode.INVALID_REQUEST,
            "The script of simulated GPUs can't be used.",
            f"{self._path.name}: {why}.",
            "Correct the file, or start the agent without it.",
        )
