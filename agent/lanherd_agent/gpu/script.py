"""The script of simulated GPUs: what they are, who is on them, and what goes wrong with them.

A JSON file; every part may be left out. Times are seconds after the probe began, `until_s` may be
left out, sizes are bytes, GPUs are numbered as the agent shows them.

    {"driver_version": "550.54.15", "cuda_version": "12.4",
     "gpus": [
       {"name": "A100 40 GB", "vram_bytes": 42949672960, "compute_capability": [8, 0],
        "power_limit_w": 400, "ecc": true, "numa_node": 0,
        "instances": [{"profile": "3g.20gb", "vram_bytes": 21474836480}]}],
     "links": [{"first": 0, "second": 1, "kind": "nvlink", "nvlinks": 4}],
     "foreign": [
       {"gpu": 0, "pid": 4242, "vram_bytes": 1073741824, "user": "ada",
        "command": "python other.py", "container": "0123456789ab", "instance": 0,
        "from_s": 0, "until_s": 60}],
     "faults": [
       {"gpu": 0, "kind": "lost", "from_s": 10, "until_s": 40},
       {"gpu": 1, "kind": "xid", "value": 79, "from_s": 5}]}

`gpus` describes the first of them, the rest are of the usual kind; a name is always shown with
'Simulated' before it. One with `instances` has MIG on, and a foreign process on it names one of
them. A foreign process with `orphan` is one that should not be there: left by the ended run that
`run` names, or, without a `run`, one whose pid is gone.

Kinds of faults: `lost` (the GPU can't be reached), `hung` (the driver doesn't answer for any GPU;
`gpu` is not looked at), `hot` (`value` is its temperature), `xid` (`value` is reported, and stays
the last one), `ecc` (`value` uncorrected errors are added, and stay).
"""

import math
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import GpuLink

GIB = 1024**3
SIMULATED_VRAM_BYTES = 24 * GIB
POWER_LIMIT_W = 350.0

FaultKind = Literal["lost", "hung", "hot", "xid", "ecc"]


class ScriptedInstance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MIG instance."""

    profile: str
    vram_bytes: int


class ScriptedGpu(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a GPU is."""

    name: str = "GPU 24 GB"
    vram_bytes: int = SIMULATED_VRAM_BYTES
    compute_capability: tuple[int, int] = (8, 9)
    power_limit_w: float = POWER_LIMIT_W
    ecc: bool | None = None
    numa_node: int | None = None
    instances: tuple[ScriptedInstance, ...] = ()


class ScriptedProcess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A process that no live run answers for."""

    gpu: int
    pid: int
    vram_bytes: int
    user: str = ""
    command: str = ""
    container: str = ""
    instance: int | None = None
    orphan: bool = False
    run: RunId | None = None
    from_s: float = 0.0
    until_s: float = math.inf


class ScriptedFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong."""

    kind: FaultKind
    gpu: int = 0
    value: float = 0.0
    from_s: float = 0.0
    until_s: float = math.inf


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a script file holds."""

    driver_version: str | None = None
    cuda_version: str | None = None
    gpus: tuple[ScriptedGpu, ...] = ()
    links: tuple[GpuLink, ...] = ()
    foreign: tuple[ScriptedProcess, ...] = ()
    faults: tuple[ScriptedFault, ...] = ()

    def gpu(self, index: int) -> ScriptedGpu:
        return self.gpus[index] if index < len(self.gpus) else ScriptedGpu()


def is_on(part: ScriptedProcess | ScriptedFault, elapsed_s: float) -> bool:
    """Whether its time has come and is not over."""
    return part.from_s <= elapsed_s < part.until_s


def mistake_in(script: Script, count: int) -> str | None:
    """What names a GPU or an instance that isn't there."""
    if len(script.gpus) > count:
        return f"it describes {len(script.gpus)} GPUs, and {count} are simulated"
    indices = [process.gpu for process in script.foreign] + [fault.gpu for fault in script.faults]
    indices += [index for link in script.links for index in (link.first, link.second)]
    for index in indices:
        if not 0 <= index < count:
            return f"it names GPU {index}, and {count} are simulated, from 0"
    for process in script.foreign:
        instances = len(script.gpu(process.gpu).instances)
        if instances and process.instance not in range(instances):
            return f"process {process.pid} names none of the {instances} instances of its GPU"
        if not instances and process.instance is not None:
            return f"process {process.pid} names an instance, and its GPU has none"
    return None


class ScriptFile:
    """A script on disk, read again when its file was replaced or changed."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count
        self._seen = self._mark()
        self._script = self._load()

    def current(self) -> Script:
        """Raises a LanherdError while the file can't be used."""
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
            script = msgspec.json.decode(self._path.read_bytes(), type=Script)
        except (OSError, msgspec.DecodeError) as problem:
            raise self._unusable(str(problem)) from problem
        mistake = mistake_in(script, self._count)
        if mistake is not None:
            raise self._unusable(mistake)
        return script

    def _unusable(self, why: str) -> LanherdError:
        return error(
            ErrorCode.INVALID_REQUEST,
            "The script of simulated GPUs can't be used.",
            f"{self._path.name}: {why}.",
            "Correct the file, or start the agent without it.",
            refusal="bad_script",
            file=self._path.name,
            why=why,
        )
