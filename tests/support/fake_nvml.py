"""The fake NVML library as Python sees it: built once with gcc, scripted by renaming files."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
LIBRARY = "libnvidia-ml.so.1"
GIB = 1024**3

NOT_SUPPORTED = 3
DRIVER_NOT_LOADED = 9
GPU_IS_LOST = 15
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
class FakeGpu:
    """One GPU of the script; a value of None is 'not supported'."""

    uuid: str = "GPU-00000000-0000-0000-0000-000000000000"
    name: str | None = "NVIDIA Fake 24GB"
    pci: str | None = "00000000:01:00.0"
    cc: str | None = "8.6"
    total: int | None = 24 * GIB
    used: int | None = 2 * GIB
    util: int | None = 35
    temp: int | None = 51
    power: int | None = 123_400
    limit: int | None = 300_000
    compute: Mapping[int, int | None] = field(default_factory=dict)
    graphics: Mapping[int, int | None] = field(default_factory=dict)
    code: int | None = None

    def line(self) -> str:
        simple = ("uuid", "name", "pci", "cc", "total", "used", "util", "temp", "power", "limit")
        values = {key: getattr(self, key) for key in (*simple, "code")}
        values |= {key: _processes(getattr(self, key)) for key in ("compute", "graphics")}
        return "gpu " + ";".join(
            f"{key}={value}" for key, value in values.items() if value is not None
        )


def _processes(held: Mapping[int, int | None]) -> str:
    return ",".join(f"{pid}:{'-' if used is None else used}" for pid, used in held.items())


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
        fail: Mapping[str, int] | None = None,
        hang: Sequence[str] = (),
    ) -> None:
        """The machine is this from now on."""
        lines = [f"driver {driver}"]
        lines += [f"fail {function} {code}" for function, code in (fail or {}).items()]
        lines += [f"hang {function}" for function in hang]
        lines += [gpu.line() for gpu in gpus]
        fresh = self.script.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        os.replace(fresh, self.script)
