"""NVML as plain values: the only place that knows `pynvml`.

It runs inside the probe child and imports nothing of Lanherd, so that the child stays small: it
speaks dictionaries whose keys are the fields of `GpuFacts`, `GpuReading` and `ProbeFacts`, which
the parent decodes. 'Not supported' and 'N/A' are None. A GPU that fails has a `problem`.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

T = TypeVar("T")
Values = dict[str, Any]
Handle = Any

NVIDIA_PCI_VENDOR = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")
"""PCI classes of GPUs: VGA controller and 3D controller (pci.ids)."""
PID_MAX = 1 << 22
"""Linux's largest pid (PID_MAX_LIMIT); NVML gives others for processes of another namespace."""

_ABSENT_VALUE = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        # Processes came between asking how many there are and asking for them.
        pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
    }
)
"""The driver answers, and its answer is that it doesn't have this value."""

_DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)
"""Nothing that this process asks will work again: it has to load the library afresh."""

_WORDS = {
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "The NVIDIA driver is installed but not loaded. Load it (sudo modprobe nvidia) or restart"
        " the machine."
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "The NVIDIA driver was updated while the old one is still loaded. Restart the machine."
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "This user may not talk to the NVIDIA driver. Give it access to /dev/nvidiactl and to the"
        " /dev/nvidia devices."
    ),
    pynvml.NVML_ERROR_GPU_IS_LOST: (
        "The GPU is lost: it fell off the bus or can't be reached any more. Restart the machine; if"
        " it happens again, check its power and its seat."
    ),
    pynvml.NVML_ERROR_RESET_REQUIRED: (
        "The GPU needs a reset before it can be used again (nvidia-smi --gpu-reset)."
    ),
    pynvml.NVML_ERROR_UNINITIALIZED: "The NVIDIA driver was restarted. It is being asked again.",
}


def in_words(failure: Exception) -> str:
    """A sentence about what NVML said."""
    code = getattr(failure, "value", None)
    if isinstance(code, int) and code in _WORDS:
        return _WORDS[code]
    return f"The NVIDIA driver answered: {failure}."


def is_driver_gone(failure: Exception) -> bool:
    return getattr(failure, "value", None) in _DRIVER_GONE


def has_nvidia_gpu(devices: str = "/sys/bus/pci/devices") -> bool:
    """Whether an NVIDIA GPU sits on the PCI bus, with or without a driver."""
    try:
        names = os.listdir(devices)
    except FileNotFoundError:
        return False
    for name in names:
        if _first_line(f"{devices}/{name}/vendor") != NVIDIA_PCI_VENDOR:
            continue
        if _first_line(f"{devices}/{name}/class").startswith(DISPLAY_CLASSES):
            return True
    return False


def _first_line(path: str) -> str:
    # A device can leave the bus between the listing and the reading.
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except FileNotFoundError:
        return ""


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _known(ask: Callable[..., T], *arguments: Any) -> T | None:
    """The driver's answer, or None where it has none."""
    try:
        return ask(*arguments)
    except pynvml.NVMLError as failure:
        if failure.value in _ABSENT_VALUE:
            return None
        raise


def _first_known(asks: tuple[Callable[..., T], ...], handle: Handle) -> T | None:
    """The answer of the first form of a question that this driver knows: newest form first."""
    for ask in asks:
        answer = _known(ask, handle)
        if answer is not None:
            return answer
    return None


def _memory_v2(handle: Handle) -> Any:
    return pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2)


def _temperature(handle: Handle) -> Any:
    return pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)


def _temperature_v(handle: Handle) -> Any:
    return pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU)


# The second form of memory leaves the driver's own reserve out of 'used', as nvidia-smi does; the
# second form of temperature came when the first was deprecated. Older drivers lack the newer ones.
_MEMORY = (_memory_v2, pynvml.nvmlDeviceGetMemoryInfo)
_TEMPERATURE = (_temperature_v, _temperature)
_PROCESSES = (
    (
        pynvml.nvmlDeviceGetComputeRunningProcesses_v3,
        pynvml.nvmlDeviceGetComputeRunningProcesses_v2,
    ),
    (
        pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3,
        pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2,
    ),
)


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000.0


def gpu_facts(index: int, handle: Handle) -> Values:
    """What does not change about one GPU; raises NVMLError when it can't be asked."""
    memory = _first_known(_MEMORY, handle)
    pci = _known(pynvml.nvmlDeviceGetPciInfo, handle)
    return {
        "index": index,
        "uuid": _text(pynvml.nvmlDeviceGetUUID(handle)),
        "name": _text(_known(pynvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
        "vram_bytes": 0 if memory is None else memory.total,
        "pci_address": None if pci is None else _text(pci.busId),
        "compute_capability": _known(pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        "power_limit_w": _watts(_known(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
    }


def gpu_processes(handle: Handle, vram_bytes: int) -> list[Values]:
    """Processes that hold VRAM; one that computes and draws is listed once."""
    held: dict[int, int | None] = {}
    for forms in _PROCESSES:
        for process in _first_known(forms, handle) or ():
            if not 0 < process.pid <= PID_MAX:
                continue
            used = process.usedGpuMemory
            # Some drivers fill this field with garbage where they have no number.
            if used is not None and used > vram_bytes:
                used = None
            before = held.get(process.pid)
            held[process.pid] = used if before is None else max(before, used or 0)
    return [{"pid": pid, "vram_bytes": used} for pid, used in sorted(held.items())]


def gpu_reading(handle: Handle) -> Values:
    """One sample of one GPU, without its UUID; raises NVMLError when it can't be asked."""
    rates = _known(pynvml.nvmlDeviceGetUtilizationRates, handle)
    memory = _first_known(_MEMORY, handle)
    temperature = _first_known(_TEMPERATURE, handle)
    return {
        "utilisation_percent": None if rates is None else float(rates.gpu),
        "vram_used_bytes": None if memory is None else memory.used,
        "temperature_c": None if temperature is None else float(temperature),
        "power_w": _watts(_known(pynvml.nvmlDeviceGetPowerUsage, handle)),
        "processes": gpu_processes(handle, PID_MAX**3 if memory is None else memory.total),
    }


class Nvml:
    """The library once it is loaded; `driver_gone` means that it must be loaded afresh."""

    def __init__(self) -> None:
        self.driver_gone = False
        self._handles: list[tuple[str, Handle]] = []

    def facts(self) -> Values:
        """The fields of ProbeFacts; a source of 'none' means that there is nothing to read."""
        try:
            pynvml.nvmlInit()
            driver = _known(pynvml.nvmlSystemGetDriverVersion)
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as failure:
            self.driver_gone = True
            return {"source": "none", "problem": why_no_nvml(failure)}
        gpus, problems = self._list_gpus(count)
        if not gpus:
            problems = problems or ["The NVIDIA driver is loaded but sees no GPU."]
        return {
            "source": "nvml" if gpus else "none",
            "driver_version": None if driver is None else _text(driver),
            "gpus": gpus,
            "problem": " ".join(problems) or None,
        }

    def read(self) -> list[Values]:
        """The fields of a GpuReading for each GPU of the facts, in their order."""
        readings = []
        for uuid, handle in self._handles:
            try:
                reading = gpu_reading(handle)
            except pynvml.NVMLError as failure:
                reading = {"problem": in_words(failure)}
                self.driver_gone = self.driver_gone or is_driver_gone(failure)
            readings.append({"uuid": uuid, **reading})
        return readings

    def _list_gpus(self, count: int) -> tuple[list[Values], list[str]]:
        gpus: list[Values] = []
        problems: list[str] = []
        self._handles = []
        for index in range(count):
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                found = gpu_facts(index, handle)
            except pynvml.NVMLError as failure:
                problems.append(f"GPU {index} can't be used. {in_words(failure)}")
                continue
            if not found["vram_bytes"]:
                problems.append(f"GPU {index} doesn't say how much VRAM it has.")
            gpus.append(found)
            self._handles.append((found["uuid"], handle))
        return gpus, problems


def why_no_nvml(failure: Exception, has_gpu: Callable[[], bool] = has_nvidia_gpu) -> str | None:
    """Why there are no GPUs; None on a machine that has no NVIDIA GPU."""
    if getattr(failure, "value", None) != pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return in_words(failure)
    if not has_gpu():
        return None
    return (
        "This machine has an NVIDIA GPU, but no NVIDIA driver. Install the driver with its library"
        " libnvidia-ml.so.1."
    )
