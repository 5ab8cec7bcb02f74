"""NVML as plain values: the only place that knows `pynvml`.

It runs inside the probe child and imports nothing of Lanherd's protocol, so that the child stays
small: it speaks dictionaries whose keys are the fields of `GpuFacts`, `GpuReading` and
`ProbeFacts`, which the parent decodes. 'Not supported' and 'N/A' are None. A GPU that fails has a
`problem`.

Facts are asked once. Of a reading, what moves is asked each time, the rest every SLOW_S seconds;
MIG instances, which an administrator makes and removes while the driver runs, are looked at every
LOOK_S seconds, and when they changed the facts are told anew.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import pynvml

from lanherd_agent.gpu.mig import profile_in, profile_of, with_instances
from lanherd_agent.gpu.pci import has_nvidia_gpu
from lanherd_agent.gpu.topology import SWITCH, links, normal_address
from lanherd_agent.gpu.xids import Xids

Values = dict[str, Any]
Handle = Any
Clock = Callable[[], float]
Question = Callable[[Handle], Any]

SLOW_S = 5.0
LOOK_S = 10.0
REFUSED_S = 60.0
"""How long a question that isn't supported is not put again: turning MIG on or off changes it."""
EVENTS_MAX = 64
"""Events that are taken up in one reading; a GPU that falls over reports many."""
NODE_WORDS = 4
"""Room for 256 NUMA nodes."""
WHOLE_GPU = 0xFFFFFFFF
"""The instance of an Xid that is not of one: it is of them all."""
PID_MAX = 1 << 22
"""Linux's largest pid (PID_MAX_LIMIT); NVML gives others for processes of another namespace."""

_NOT_SUPPORTED = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    }
)
_ABSENT_VALUE = _NOT_SUPPORTED | {
    pynvml.NVML_ERROR_NO_DATA,
    pynvml.NVML_ERROR_NOT_FOUND,
    pynvml.NVML_ERROR_NO_PERMISSION,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
    # Processes came between asking how many there are and asking for them.
    pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
}
"""The driver answers, and its answer is that it doesn't have this value."""

_DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)
"""Nothing that this process asks will work again: it has to load the library afresh."""

_SICK = _DRIVER_GONE | {pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED}
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


def in_words(failure: Exception) -> str:
    """A sentence about what NVML said."""
    code = getattr(failure, "value", None)
    if isinstance(code, int) and code in _WORDS:
        return _WORDS[code]
    return f"The NVIDIA driver answered: {failure}."


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


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _address_of(handle: Handle) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value


def _known(ask: Callable[..., Any], *arguments: Any) -> Any:
    """The driver's answer, or None where it has none. Raises NVMLError for a GPU that is sick."""
    try:
        return ask(*arguments)
    except pynvml.NVMLError as failure:
        if failure.value in _SICK:
            raise
        return None


# Every question about a device, by its name: its forms, newest first. The second form of memory
# leaves the driver's own reserve out of 'used', as nvidia-smi does; the second form of temperature
# came when the first was deprecated. Older drivers lack the newer ones.
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
        pynvml.nvmlDeviceGetComputeRunningProcesses_v3,
        pynvml.nvmlDeviceGetComputeRunningProcesses_v2,
    ),
    "graphics": (
        pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3,
        pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2,
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
_VITAL = "memory"
"""A device that fails here, whatever the failure, can't be used: nobody knows what is free."""


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000.0


def _switch(mode: Any) -> bool | None:
    """What is in force of a mode that has a current and a pending state."""
    return None if mode is None else bool(mode[0])


class Device:
    """A GPU or a MIG instance, and the questions that it doesn't answer."""

    def __init__(self, uuid: str, handle: Handle) -> None:
        self.uuid = uuid
        self.handle = handle
        self.xids = Xids()
        self._refused: dict[str, float] = {}

    def ask(self, name: str, now: float) -> Any:
        """The answer, or None where there is none. Raises NVMLError for a device that is sick."""
        if now < self._refused.get(name, now):
            return None
        supported = False
        for form in QUESTIONS[name]:
            try:
                return form(self.handle)
            except pynvml.NVMLError as failure:
                code = failure.value
                if code in _SICK or (name == _VITAL and code not in _ABSENT_VALUE):
                    raise
                supported = supported or code not in _NOT_SUPPORTED
        if not supported:
            self._refused[name] = now + REFUSED_S
        return None

    def processes(self, vram_bytes: int, now: float) -> list[Values]:
        """Processes that hold VRAM; one that computes and draws is listed once."""
        held: dict[int, int | None] = {}
        for kind in ("compute", "graphics"):
            for process in self.ask(kind, now) or ():
                if not 0 < process.pid <= PID_MAX:
                    continue
                used = process.usedGpuMemory
                # Some drivers fill this field with garbage where they have no number.
                if used is not None and used > vram_bytes:
                    used = None
                before = held.get(process.pid)
                held[process.pid] = used if before is None else max(before, used or 0)
        return [{"pid": pid, "vram_bytes": used} for pid, used in sorted(held.items())]

    def holding(self, now: float) -> Values:
        """VRAM, who has it, and the Xids."""
        memory = self.ask(_VITAL, now)
        return {
            "uuid": self.uuid,
            "vram_used_bytes": None if memory is None else memory.used,
            "processes": self.processes(PID_MAX**3 if memory is None else memory.total, now),
            **self.xids.values(),
        }


class _Instance(Device):
    """One MIG instance."""

    def __init__(self, uuid: str, handle: Handle, index: int) -> None:
        super().__init__(uuid, handle)
        self.index = index
        self.gpu_instance = _known(pynvml.nvmlDeviceGetGpuInstanceId, handle)

    def facts(self, now: float) -> Values:
        memory = self.ask(_VITAL, now)
        vram_bytes = 0 if memory is None else memory.total
        return {
            "index": self.index,
            "uuid": self.uuid,
            "profile": self._profile(vram_bytes),
            "vram_bytes": vram_bytes,
        }

    def _profile(self, vram_bytes: int) -> str:
        name = _known(pynvml.nvmlDeviceGetName, self.handle)
        profile = profile_in(_text(name or ""))
        # The first drivers with MIG don't name the instance.
        slices = None if profile else _known(pynvml.nvmlDeviceGetAttributes_v2, self.handle)
        if slices is None:
            return profile
        return profile_of(
            slices.gpuInstanceSliceCount, slices.computeInstanceSliceCount, vram_bytes
        )

    def reading(self, now: float) -> Values:
        try:
            return self.holding(now)
        except pynvml.NVMLError as failure:
            return {"uuid": self.uuid, "problem": in_words(failure)}


class _Gpu(Device):
    """One GPU with its MIG instances."""

    def __init__(self, index: int, handle: Handle, now: float) -> None:
        super().__init__(_text(pynvml.nvmlDeviceGetUUID(handle)), handle)
        self.index = index
        self.mig = _switch(_known(pynvml.nvmlDeviceGetMigMode, handle))
        self.instances = self._find_instances() if self.mig else []
        self.look_at = now + LOOK_S
        self._slow: Values = {}
        self._slow_at = now

    def facts(self, now: float) -> Values:
        """What does not change; raises NVMLError when it can't be asked."""
        handle = self.handle
        memory = self.ask(_VITAL, now)
        pci = _known(pynvml.nvmlDeviceGetPciInfo, handle)
        limits = _known(pynvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
        persistence = _known(pynvml.nvmlDeviceGetPersistenceMode, handle)
        return {
            "index": self.index,
            "uuid": self.uuid,
            "name": _text(_known(pynvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
            "vram_bytes": 0 if memory is None else memory.total,
            "pci_address": None if pci is None else _text(pci.busId),
            "compute_capability": _known(pynvml.nvmlDeviceGetCudaComputeCapability, handle),
            "power_limit_w": _watts(self.ask("power_limit", now)),
            "power_limit_max_w": _watts(None if limits is None else limits[1]),
            "persistence": None if persistence is None else bool(persistence),
            "ecc": _switch(_known(pynvml.nvmlDeviceGetEccMode, handle)),
            "mig": self.mig,
            "instances": [instance.facts(now) for instance in self.instances],
            "numa_node": self._numa_node(),
        }

    def reading(self, now: float) -> Values:
        """One sample; raises NVMLError when the GPU can't be asked, or is not the one it was."""
        uuid = _known(pynvml.nvmlDeviceGetUUID, self.handle)
        if uuid is not None and _text(uuid) != self.uuid:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        rates = self.ask("utilisation", now)
        temperature = self.ask("temperature", now)
        if now >= self._slow_at:
            self._slow_at = now + SLOW_S
            self._slow = self._read_slow(now)
        reading = {
            **self.holding(now),
            **self._slow,
            "utilisation_percent": None if rates is None else float(rates.gpu),
            "memory_utilisation_percent": None if rates is None else float(rates.memory),
            "temperature_c": None if temperature is None else float(temperature),
            "power_w": _watts(self.ask("power", now)),
            "instances": [instance.reading(now) for instance in self.instances],
        }
        return with_instances(reading) if self.instances else reading

    def has_other_instances(self) -> bool:
        """Whether MIG or its instances are others than when this was made."""
        mig = _switch(_known(pynvml.nvmlDeviceGetMigMode, self.handle))
        found = [instance.uuid for instance in self._find_instances()] if mig else []
        return mig != self.mig or found != [instance.uuid for instance in self.instances]

    def on_xid(self, code: int, gpu_instance: int) -> None:
        self.xids.add(code)
        for instance in self.instances:
            if gpu_instance in (instance.gpu_instance, WHOLE_GPU):
                instance.xids.add(code)

    def nvlink_ends(self) -> list[str]:
        """Where the NVLinks that are up end: addresses of GPUs, or SWITCH."""
        ends = []
        for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
            active = _known(pynvml.nvmlDeviceGetNvLinkState, self.handle, link)
            if active is None:
                break
            if not active:
                continue
            kind = _known(pynvml.nvmlDeviceGetNvLinkRemoteDeviceType, self.handle, link)
            if kind == pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH:
                ends.append(SWITCH)
                continue
            far = _known(pynvml.nvmlDeviceGetNvLinkRemotePciInfo, self.handle, link)
            if far is not None:
                ends.append(normal_address(_text(far.busId)))
        return ends

    def _read_slow(self, now: float) -> Values:
        fan = self.ask("fan", now)
        return {
            "power_limit_w": _watts(self.ask("power_limit", now)),
            "sm_clock_mhz": self.ask("sm_clock", now),
            "memory_clock_mhz": self.ask("memory_clock", now),
            "fan_percent": None if fan is None else float(fan),
            "ecc_errors": self.ask("ecc_errors", now),
        }

    def _find_instances(self) -> list[_Instance]:
        found = []
        for index in range(_known(pynvml.nvmlDeviceGetMaxMigDeviceCount, self.handle) or 0):
            handle = _known(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, self.handle, index)
            uuid = None if handle is None else _known(pynvml.nvmlDeviceGetUUID, handle)
            if uuid is not None:
                found.append(_Instance(_text(uuid), handle, index))
        return found

    def _numa_node(self) -> int | None:
        scope = pynvml.NVML_AFFINITY_SCOPE_NODE
        nodes = _known(pynvml.nvmlDeviceGetMemoryAffinity, self.handle, NODE_WORDS, scope)
        mask = sum(int(word) << 64 * place for place, word in enumerate(nodes or ()))
        return (mask & -mask).bit_length() - 1 if mask else None


class _Xids:
    """The events in which the driver tells of Xids, as far as it does."""

    def __init__(self, gpus: list[_Gpu]) -> None:
        self._by_address = {_address_of(gpu.handle): gpu for gpu in gpus}
        self._set = _quietly(pynvml.nvmlEventSetCreate)
        for gpu in gpus if self._set is not None else ():
            kinds = _quietly(pynvml.nvmlDeviceGetSupportedEventTypes, gpu.handle) or 0
            if kinds & pynvml.nvmlEventTypeXidCriticalError:
                xid = pynvml.nvmlEventTypeXidCriticalError
                _quietly(pynvml.nvmlDeviceRegisterEvents, gpu.handle, xid, self._set)

    def take(self) -> None:
        """Notes the events that came since, without waiting for any."""
        for _ in range(EVENTS_MAX if self._set is not None else 0):
            event = _quietly(pynvml.nvmlEventSetWait_v2, self._set, 0)
            if event is None:
                return
            gpu = self._by_address.get(_address_of(event.device))
            if gpu is not None and event.eventType == pynvml.nvmlEventTypeXidCriticalError:
                gpu.on_xid(event.eventData, event.gpuInstanceId)

    def close(self) -> None:
        if self._set is not None:
            _quietly(pynvml.nvmlEventSetFree, self._set)


def _quietly(ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer or None: what is wrong with a GPU its readings tell, event or not."""
    try:
        return ask(*arguments)
    except pynvml.NVMLError:
        return None


class Nvml:
    """The library once it is loaded; `driver_gone` means that it must be loaded afresh."""

    def __init__(self, clock: Clock) -> None:
        self.driver_gone = False
        self.facts_changed = False
        self._clock = clock
        self._gpus: list[_Gpu] = []
        self._xids: _Xids | None = None
        self._xids_of: dict[str, Xids] = {}

    def facts(self) -> Values:
        """The fields of ProbeFacts; a source of 'none' means that there is nothing to read."""
        self.facts_changed = False
        try:
            pynvml.nvmlInit()
            driver = _known(pynvml.nvmlSystemGetDriverVersion)
            cuda = _known(pynvml.nvmlSystemGetCudaDriverVersion_v2)
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
            "cuda_version": None if not cuda else f"{cuda // 1000}.{cuda % 1000 // 10}",
            "gpus": gpus,
            "links": self._links({gpu["index"]: gpu["pci_address"] for gpu in gpus}),
            "problem": " ".join(problems) or None,
        }

    def read(self) -> list[Values]:
        """The fields of a GpuReading for each GPU of the facts, in their order."""
        if self._xids is not None:
            self._xids.take()
        now = self._clock()
        return [self._read_one(gpu, now) for gpu in self._gpus]

    def _read_one(self, gpu: _Gpu, now: float) -> Values:
        try:
            reading = gpu.reading(now)
            stale = any("problem" in instance for instance in reading["instances"])
            if gpu.mig is not None and (stale or now >= gpu.look_at):
                gpu.look_at = now + LOOK_S
                self.facts_changed = self.facts_changed or gpu.has_other_instances()
        except pynvml.NVMLError as failure:
            self.driver_gone = self.driver_gone or failure.value in _DRIVER_GONE
            return {"uuid": gpu.uuid, "problem": in_words(failure), **gpu.xids.values()}
        return reading

    def _list_gpus(self, count: int) -> tuple[list[Values], list[str]]:
        found: list[Values] = []
        problems: list[str] = []
        self._gpus = []
        now = self._clock()
        for index in range(count):
            try:
                gpu = _Gpu(index, pynvml.nvmlDeviceGetHandleByIndex(index), now)
                facts = gpu.facts(now)
            except pynvml.NVMLError as failure:
                problems.append(f"GPU {index} can't be used. {in_words(failure)}")
                continue
            if not facts["vram_bytes"]:
                problems.append(f"GPU {index} doesn't say how much VRAM it has.")
            for device in (gpu, *gpu.instances):
                device.xids = self._xids_of.setdefault(device.uuid, device.xids)
            found.append(facts)
            self._gpus.append(gpu)
        if self._xids is not None:
            self._xids.close()
        self._xids = _Xids(self._gpus)
        return found, problems

    def _links(self, addresses: dict[int, str | None]) -> list[Values]:
        levels = {}
        ends = {}
        for place, gpu in enumerate(self._gpus):
            ends[gpu.index] = _quietly(gpu.nvlink_ends) or []
            for other in self._gpus[place + 1 :]:
                ask = pynvml.nvmlDeviceGetTopologyCommonAncestor
                level = _quietly(ask, gpu.handle, other.handle)
                if level is not None:
                    levels[gpu.index, other.index] = level
        known = {index: normal_address(text) for index, text in addresses.items() if text}
        return links(known, ends, levels)
