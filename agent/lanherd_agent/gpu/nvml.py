"""NVML as plain values: the only place that knows `pynvml`.

It runs inside the probe child and imports nothing of Lanherd's protocol, so that the child stays
small: it speaks dictionaries whose keys are the fields of `GpuFacts`, `GpuReading` and
`ProbeFacts`, which the parent decodes. 'Not supported' and 'N/A' are None. A GPU that fails has a
`problem`.

Facts are asked once. Of a reading, what moves is asked each time, the rest every SLOW_S seconds;
MIG instances, which an administrator makes and removes while the driver runs, are looked at every
LOOK_S seconds, and when they changed the facts are told anew.
"""

from collections.abc import Callable
from typing import Any

import pynvml

from lanherd_agent.gpu.mig import profile_in, profile_of, with_instances
from lanherd_agent.gpu.nvml_events import XidEvents
from lanherd_agent.gpu.nvml_questions import (
    ABSENT_VALUE,
    DRIVER_GONE,
    NO_GPU,
    NOT_SUPPORTED,
    QUESTIONS,
    SICK,
    VITAL,
    Handle,
    in_words,
    known,
    quietly,
    text,
    why_no_nvml,
)
from lanherd_agent.gpu.topology import SWITCH, links, normal_address
from lanherd_agent.gpu.xids import Xids

Values = dict[str, Any]
Clock = Callable[[], float]

SLOW_S = 5.0
LOOK_S = 10.0
REFUSED_S = 60.0
"""How long a question that isn't supported is not put again: turning MIG on or off changes it."""
NODE_WORDS = 4
"""Room for 256 NUMA nodes."""
WHOLE_GPU = 0xFFFFFFFF
"""The instance of an Xid that is not of one: it is of them all."""
PID_MAX = 1 << 22
"""Linux's largest pid (PID_MAX_LIMIT); NVML gives others for processes of another namespace."""


def _in_use(memory: Any) -> Values:
    """With what the driver keeps for itself, which no run can have. Its first form of the answer
    counts that as used, and so do drivers that tell of nothing that is reserved."""
    if memory is None:
        return {"vram_used_bytes": None}
    reserved = int(getattr(memory, "reserved", 0))
    return {
        "vram_used_bytes": int(memory.used) + reserved,
        "vram_reserved_bytes": reserved or None,
    }


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
                if code in SICK or (name == VITAL and code not in ABSENT_VALUE):
                    raise
                supported = supported or code not in NOT_SUPPORTED
        if not supported:
            self._refused[name] = now + REFUSED_S
        return None

    def processes(self, vram_bytes: int, now: float) -> list[Values]:
        """Processes that hold VRAM; one that computes and draws is listed once."""
        held: dict[int, int | None] = {}
        for kind in ("compute", "graphics", "mps"):
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
        memory = self.ask(VITAL, now)
        return {
            "uuid": self.uuid,
            **_in_use(memory),
            "processes": self.processes(PID_MAX**3 if memory is None else memory.total, now),
            **self.xids.values(),
        }


class _Instance(Device):
    """One MIG instance."""

    def __init__(self, uuid: str, handle: Handle, index: int) -> None:
        super().__init__(uuid, handle)
        self.index = index
        self.gpu_instance = known(pynvml.nvmlDeviceGetGpuInstanceId, handle)

    def facts(self, now: float) -> Values:
        memory = self.ask(VITAL, now)
        vram_bytes = 0 if memory is None else memory.total
        return {
            "index": self.index,
            "uuid": self.uuid,
            "profile": self._profile(vram_bytes),
            "vram_bytes": vram_bytes,
        }

    def _profile(self, vram_bytes: int) -> str:
        name = known(pynvml.nvmlDeviceGetName, self.handle)
        profile = profile_in(text(name or ""))
        # The first drivers with MIG don't name the instance.
        slices = None if profile else known(pynvml.nvmlDeviceGetAttributes_v2, self.handle)
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
        super().__init__(text(pynvml.nvmlDeviceGetUUID(handle)), handle)
        self.index = index
        self.mig = _switch(known(pynvml.nvmlDeviceGetMigMode, handle))
        self.instances = self._find_instances() if self.mig else []
        self.look_at = now + LOOK_S
        self._slow: Values = {}
        self._slow_at = now

    def facts(self, now: float) -> Values:
        """What does not change; raises NVMLError when it can't be asked."""
        handle = self.handle
        memory = self.ask(VITAL, now)
        pci = known(pynvml.nvmlDeviceGetPciInfo, handle)
        limits = known(pynvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
        persistence = known(pynvml.nvmlDeviceGetPersistenceMode, handle)
        instances = [instance.facts(now) for instance in self.instances]
        # With MIG the whole is told to root alone.
        parts = sum(instance["vram_bytes"] for instance in instances)
        return {
            "index": self.index,
            "uuid": self.uuid,
            "name": text(known(pynvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
            "vram_bytes": parts if memory is None else memory.total,
            "pci_address": None if pci is None else text(pci.busId),
            "compute_capability": known(pynvml.nvmlDeviceGetCudaComputeCapability, handle),
            "power_limit_w": _watts(self.ask("power_limit", now)),
            "power_limit_max_w": _watts(None if limits is None else limits[1]),
            "persistence": None if persistence is None else bool(persistence),
            "ecc": _switch(known(pynvml.nvmlDeviceGetEccMode, handle)),
            "mig": self.mig,
            "instances": instances,
            "numa_node": self._numa_node(),
        }

    def reading(self, now: float) -> Values:
        """One sample; raises NVMLError when the GPU can't be asked, or is not the one it was."""
        uuid = known(pynvml.nvmlDeviceGetUUID, self.handle)
        if uuid is not None and text(uuid) != self.uuid:
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
        mig = _switch(known(pynvml.nvmlDeviceGetMigMode, self.handle))
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
            active = known(pynvml.nvmlDeviceGetNvLinkState, self.handle, link)
            if not active:
                continue
            kind = known(pynvml.nvmlDeviceGetNvLinkRemoteDeviceType, self.handle, link)
            if kind == pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH:
                ends.append(SWITCH)
                continue
            far = known(pynvml.nvmlDeviceGetNvLinkRemotePciInfo, self.handle, link)
            if far is not None:
                ends.append(normal_address(text(far.busId)))
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
        for index in range(known(pynvml.nvmlDeviceGetMaxMigDeviceCount, self.handle) or 0):
            handle = known(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, self.handle, index)
            uuid = None if handle is None else known(pynvml.nvmlDeviceGetUUID, handle)
            if uuid is not None:
                found.append(_Instance(text(uuid), handle, index))
        return found

    def _numa_node(self) -> int | None:
        scope = pynvml.NVML_AFFINITY_SCOPE_NODE
        nodes = known(pynvml.nvmlDeviceGetMemoryAffinity, self.handle, NODE_WORDS, scope)
        mask = sum(int(word) << 64 * place for place, word in enumerate(nodes or ()))
        return (mask & -mask).bit_length() - 1 if mask else None


class Nvml:
    """The library once it is loaded; `driver_gone` means that it must be loaded afresh."""

    def __init__(self, clock: Clock) -> None:
        self.driver_gone = False
        self.facts_changed = False
        self._clock = clock
        self._gpus: list[_Gpu] = []
        self._xids: XidEvents | None = None
        self._xids_of: dict[str, Xids] = {}

    def facts(self) -> Values:
        """The fields of ProbeFacts; a source of 'none' means that there is nothing to read."""
        self.facts_changed = False
        try:
            pynvml.nvmlInit()
            driver = known(pynvml.nvmlSystemGetDriverVersion)
            cuda = known(pynvml.nvmlSystemGetCudaDriverVersion_v2)
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as failure:
            self.driver_gone = True
            return {"source": "none", "problem": why_no_nvml(failure)}
        gpus, problems = self._list_gpus(count)
        if not gpus:
            problems = problems or [NO_GPU]
        return {
            "source": "nvml" if gpus else "none",
            "driver_version": None if driver is None else text(driver),
            "cuda_version": None if not cuda else f"{cuda // 1000}.{cuda % 1000 // 10}",
            "gpus": gpus,
            "links": self._links({gpu["index"]: gpu["pci_address"] for gpu in gpus}),
            "problem": " ".join(problems) or None,
        }

    def read(self) -> list[Values]:
        """The fields of a GpuReading for each GPU of the facts, in their order."""
        now = self._clock()
        if self._xids is not None:
            self._xids.take(now)
        return [self._read_one(gpu, now) for gpu in self._gpus]

    def _read_one(self, gpu: _Gpu, now: float) -> Values:
        try:
            reading = gpu.reading(now)
            stale = any("problem" in instance for instance in reading["instances"])
            if gpu.mig is not None and (stale or now >= gpu.look_at):
                gpu.look_at = now + LOOK_S
                self.facts_changed = self.facts_changed or gpu.has_other_instances()
        except pynvml.NVMLError as failure:
            self.driver_gone = self.driver_gone or failure.value in DRIVER_GONE
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
            if not facts["vram_bytes"] and not gpu.mig:
                problems.append(f"GPU {index} doesn't say how much VRAM it has.")
            for device in (gpu, *gpu.instances):
                device.xids = self._xids_of.setdefault(device.uuid, device.xids)
            found.append(facts)
            self._gpus.append(gpu)
        if self._xids is not None:
            self._xids.close()
        self._xids = XidEvents(self._gpus, now)
        return found, problems

    def _links(self, addresses: dict[int, str | None]) -> list[Values]:
        levels = {}
        ends = {}
        for place, gpu in enumerate(self._gpus):
            ends[gpu.index] = quietly(gpu.nvlink_ends) or []
            for other in self._gpus[place + 1 :]:
                ask = pynvml.nvmlDeviceGetTopologyCommonAncestor
                level = quietly(ask, gpu.handle, other.handle)
                if level is not None:
                    levels[gpu.index, other.index] = level
        places = {index: normal_address(place) for index, place in addresses.items() if place}
        return links(places, ends, levels)
