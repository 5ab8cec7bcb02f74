"""The fake NVML library as Python sees it: built once with gcc, scripted by renaming files."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("fake_nvml.c")
LIBRARY = "libnvidia-ml.so.1"
GIB = 1024**3

NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
GPU_IS_LOST = 15
RESET_REQUIRED = 16
VERSION_MISMATCH = 18


def build_library(folder: Path, *defines: str) -> Path:
    """Compiles the library into a folder of its own, for LD_LIBRARY_PATH."""
    folder.mkdir(parents=True)
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{LIBRARY}"]
    command += [f"-D{define}" for define in defines]
    command += ["-o", str(folder / LIBRARY), str(SOURCE)]
    subprocess.run(command, check=True)
    return folder


@dataclass(frozen=True, kw_only=True)
class FakeDevice:
    """What a GPU and a MIG instance have in common; a value of None is 'not supported'."""

    uuid: str = "GPU-00000000-0000-0000-0000-000000000000"
    name: str | None = "NVIDIA Fake 24GB"
    total: int | None = 24 * GIB
    used: int | None = 2 * GIB
    compute: Mapping[int, int | None] = field(default_factory=dict)
    graphics: Mapping[int, int | None] = field(default_factory=dict)
    mps: Mapping[int, int | None] = field(default_factory=dict)
    reserved: int | None = None
    code: int | None = None

    def values(self) -> str:
        """Its keys and values, as the script wants them."""
        found: list[str] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Mapping):
                value = _processes(value)
            elif isinstance(value, tuple):
                value = ",".join(value) or None
            elif isinstance(value, bool):
                value = int(value)
            if value is not None:
                found.append(f"{each.name}={value}")
        return ";".join(found)


@dataclass(frozen=True, kw_only=True)
class FakeInstance(FakeDevice):
    """One MIG instance; `slices` are those of its GPU instance and of its compute instance."""

    uuid: str = "MIG-00000000-0000-0000-0000-000000000000"
    name: str | None = "NVIDIA Fake 24GB MIG 1g.6gb"
    total: int | None = 6 * GIB
    used: int | None = 0
    gi: int | None = 7
    slices: str | None = "1/1"


@dataclass(frozen=True, kw_only=True)
class FakeGpu(FakeDevice):
    """One GPU of the script, healthy and without MIG unless told otherwise."""

    pci: str | None = "00000000:01:00.0"
    cc: str | None = "8.6"
    util: int | None = 35
    memutil: int | None = 12
    temp: int | None = 51
    power: int | None = 123_400
    limit: int | None = 300_000
    limit_min: int | None = 100_000
    limit_max: int | None = 350_000
    fan: int | None = 42
    sm_clock: int | None = 1695
    memory_clock: int | None = 9501
    persistence: bool | None = True
    ecc: bool | None = None
    ecc_errors: int | None = None
    numa: int | None = 0
    nvlinks: tuple[str, ...] = ()
    """Where each link ends: a GPU's PCI address, `switch`, `-` when it is down, `?` when it is
    not supported."""
    mig: bool | None = None
    mig_max: int | None = None


@dataclass(frozen=True, kw_only=True)
class FakeXid:
    """An Xid event; numbers grow."""

    number: int
    gpu: int
    code: int
    instance: int = -1


def _processes(held: Mapping[int, int | None]) -> str:
    return ",".join(f"{pid}:{'-' if used is None else used}" for pid, used in held.items())


def bare_gpu() -> FakeGpu:
    """A GPU that has an identity and supports nothing."""
    kept = ("uuid", "compute", "graphics", "mps", "nvlinks")
    absent: dict[str, Any] = {each.name: None for each in fields(FakeGpu)}
    return FakeGpu(**{name: value for name, value in absent.items() if name not in kept})


def fake_gpus(count: int) -> tuple[FakeGpu, ...]:
    """Healthy GPUs that can be told apart."""
    return tuple(
        FakeGpu(
            uuid=f"GPU-{index:08x}-0000-0000-0000-000000000000", pci=f"00000000:0{index + 1}:00.0"
        )
        for index in range(count)
    )


@dataclass(frozen=True)
class FakeNvml:
    """A machine with scripted GPUs; `environment` makes a process see it."""

    library: Path
    script: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self.library), "FAKE_NVML_SCRIPT": str(self.script)}

    def become(
        self,
        gpus: Sequence[FakeGpu] = (),
        *,
        driver: str = "550.54.15",
        cuda: int | None = 12040,
        instances: Mapping[int, Sequence[FakeInstance]] | None = None,
        near: Mapping[tuple[int, int], int] | None = None,
        xids: Sequence[FakeXid] = (),
        fail: Mapping[str, int] | None = None,
        hang: Sequence[str] = (),
    ) -> None:
        """The machine is this from now on; `instances` by the index of their GPU."""
        lines = [f"driver {driver}"]
        lines += [] if cuda is None else [f"cuda {cuda}"]
        lines += [f"fail {function} {code}" for function, code in (fail or {}).items()]
        lines += [f"hang {function}" for function in hang]
        lines += [f"gpu {gpu.values()}" for gpu in gpus]
        for gpu, found in (instances or {}).items():
            lines += [f"mig {gpu} {instance.values()}" for instance in found]
        lines += [f"near {one} {other} {level}" for (one, other), level in (near or {}).items()]
        lines += [f"xid {xid.number} {xid.gpu} {xid.code} {xid.instance}" for xid in xids]
        fresh = self.script.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        os.replace(fresh, self.script)
