"""The events in which the driver tells of Xids, as far as it does. A part of `nvml.py`.

With MIG an unprivileged user is told only of what concerns the whole GPU.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import pynvml

from lanherd_agent.gpu.nvml_questions import Handle, address_of, quietly, text

EVENTS_MAX = 64
"""Events that are taken up in one reading; a GPU that falls over reports many."""
ANEW_S = 10.0
"""How long a new set of events is given, before another takes the place of one that fails."""
XID = pynvml.nvmlEventTypeXidCriticalError


class Told(Protocol):
    """A GPU that is told of its Xids."""

    uuid: str
    handle: Handle

    def on_xid(self, code: int, gpu_instance: int) -> None: ...


class XidEvents:
    """The Xids of some GPUs since this was made."""

    def __init__(self, gpus: Iterable[Told], now: float) -> None:
        self._gpus = tuple(gpus)
        self._set: Any = None
        self._anew_at = now
        self._open()

    def take(self, now: float) -> None:
        """Notes the events that came since, without waiting for any."""
        for _ in range(EVENTS_MAX if self._set is not None else 0):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._set, 0)
            except pynvml.NVMLError as failure:
                if failure.value != pynvml.NVML_ERROR_TIMEOUT and now >= self._anew_at:
                    # One GPU that is lost fails the whole set: a new one does without it.
                    self._anew_at = now + ANEW_S
                    self.close()
                    self._open()
                return
            gpu = self._by_address.get(address_of(event.device)) or self._named(event.device)
            if gpu is not None and event.eventType == XID:
                gpu.on_xid(event.eventData, event.gpuInstanceId)

    def close(self) -> None:
        if self._set is not None:
            quietly(pynvml.nvmlEventSetFree, self._set)
            self._set = None

    def _open(self) -> None:
        self._by_address = {address_of(gpu.handle): gpu for gpu in self._gpus}
        self._set = quietly(pynvml.nvmlEventSetCreate)
        for gpu in self._gpus if self._set is not None else ():
            kinds = quietly(pynvml.nvmlDeviceGetSupportedEventTypes, gpu.handle) or 0
            if kinds & XID:
                quietly(pynvml.nvmlDeviceRegisterEvents, gpu.handle, XID, self._set)

    def _named(self, handle: Handle) -> Told | None:
        """Nothing says that the driver tells of a device by the very handle that it gave."""
        uuid = quietly(pynvml.nvmlDeviceGetUUID, handle)
        return next((gpu for gpu in self._gpus if uuid and gpu.uuid == text(uuid)), None)
