"""What NVML can be asked of a device, in which forms, and what its refusals mean.

A part of `nvml.py`, which is told first of what differs between drivers.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import pynvml

from lanherd_agent.gpu.pci import has_nvidia_gpu

Handle = Any
Question = Callable[[Handle], Any]

NOT_SUPPORTED = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    }
)
ABSENT_VALUE = NOT_SUPPORTED | {
    pynvml.NVML_ERROR_NO_DATA,
    pynvml.NVML_ERROR_NOT_FOUND,
    pynvml.NVML_ERROR_NO_PERMISSION,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
    # Processes came between asking how many there are and asking for them.
    pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
}
"""The driver answers, and its answer is that it doesn't have this value."""

DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)
"""Nothing that this process asks will work again: it has to load the library afresh."""

SICK = DRIVER_GONE | {pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED}
"""Whatever was asked, the GPU can't be used."""

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


NO_GPU = "The NVIDIA driver is loaded but sees no GPU."


def in_words(failure: Exception) -> str:
    """A sentence about what NVML said."""
    code = getattr(failure, "value", None)
    if isinstance(code, int) and code in _WORDS:
        return _WORDS[code]
    return f"The NVIDIA driver answered: {failure}."


def why_no_nvml(failure: Exception, has_gpu: Callable[[], bool] = has_nvidia_gpu) -> str | None:
    """Why there are no GPUs; None on a machine that has no NVIDIA GPU."""
    code = getattr(failure, "value", None)
    if code in (pynvml.NVML_ERROR_NOT_FOUND, pynvml.NVML_ERROR_GPU_NOT_FOUND):
        return NO_GPU
    if code != pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return in_words(failure)
    if not has_gpu():
        return None
    return (
        "This machine has an NVIDIA GPU, but no NVIDIA driver. Install the driver with its library"
        " libnvidia-ml.so.1."
    )


def text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def address_of(handle: Handle) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value


def known(ask: Callable[..., Any], *arguments: Any) -> Any:
    """The driver's answer, or None where it has none. Raises NVMLError for a GPU that is sick."""
    try:
        return ask(*arguments)
    except pynvml.NVMLError as failure:
        if failure.value in SICK:
            raise
        return None


def quietly(ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer or None: what is wrong with a GPU its readings tell."""
    try:
        return ask(*arguments)
    except pynvml.NVMLError:
        return None


LIBRARY = "libnvidia-ml.so.1"


@cache
def has_wide_lists() -> bool:
    """Whether the third forms of process lists write longer records than pynvml makes room for.

    Drivers 530 to 535.86 do: they have what came with the longer record, but not yet the function
    of its own that it was moved to.
    """
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return hasattr(library, "nvmlDeviceGetConfComputeMemSizeInfo") and not hasattr(
        library, "nvmlDeviceGetRunningProcessDetailList"
    )


def _narrow(ask: Question) -> Question:
    def form(handle: Handle) -> Any:
        if has_wide_lists():
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return ask(handle)

    return form


# Every question about a device, by its name: its forms, newest first. The second form of memory
# tells the driver's own reserve apart from 'used'; the second form of temperature came when the
# first was deprecated. Clients of MPS are no processes of the device's own. Older drivers lack the
# newer forms.
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "memory": (
        lambda handle: pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2),
        pynvml.nvmlDeviceGetMemoryInfo,
    ),
    "utilisation": (pynvml.nvmlDeviceGetUtilizationRates,),
    "temperature": (
        lambda handle: pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU),
        lambda handle: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
    ),
    "power": (pynvml.nvmlDeviceGetPowerUsage,),
    "compute": (
        _narrow(pynvml.nvmlDeviceGetComputeRunningProcesses_v3),
        pynvml.nvmlDeviceGetComputeRunningProcesses_v2,
    ),
    "graphics": (
        _narrow(pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3),
        pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2,
    ),
    "mps": (
        _narrow(pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v3),
        pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v2,
    ),
    "power_limit": (pynvml.nvmlDeviceGetEnforcedPowerLimit,),
    "sm_clock": (lambda handle: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),),
    "memory_clock": (lambda handle: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM),),
    "fan": (pynvml.nvmlDeviceGetFanSpeed,),
    "ecc_errors": (
        lambda handle: pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
        ),
    ),
}
VITAL = "memory"
"""A device that fails here, whatever the failure, can't be used: nobody knows what is free."""
