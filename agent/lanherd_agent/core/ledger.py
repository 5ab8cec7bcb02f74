"""Who holds which share of which GPU, and of the machine beside them.

Always equal to the sum of what its holders hold.
"""

from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import HostRequest, Lease, LeasedGpu

Holder = tuple[RunId, int]


class Shares:
    """What is leased of one GPU."""

    __slots__ = ("exclusive", "holders", "leased_bytes")

    def __init__(self) -> None:
        self.holders: dict[Holder, LeasedGpu] = {}
        self.leased_bytes = 0
        self.exclusive = False


NOTHING_LEASED = Shares()
NO_HOST = HostRequest()


class Ledger:
    """Leases by holder, and shares by GPU."""

    __slots__ = ("_gpus", "_host", "_leases")

    def __init__(self) -> None:
        self._host: dict[Holder, HostRequest] = {}
        self._leases: dict[Holder, Lease] = {}
        self._gpus: dict[GpuUuid, Shares] = {}

    def take(self, holder: Holder, lease: Lease) -> None:
        """Give the lease to an attempt. What is held already is never given again."""
        if holder in self._leases:
            raise _broken(f"Run {holder[0]} already holds a lease.")
        for gpu in lease.gpus:
            shares = self.shares(gpu.uuid)
            if shares.exclusive or (gpu.exclusive and shares.holders):
                raise _broken(f"GPU {gpu.index} is leased exclusively and would be shared.")
        self._leases[holder] = lease
        if lease.host != NO_HOST:
            self._host[holder] = lease.host
        for gpu in lease.gpus:
            shares = self._gpus.setdefault(gpu.uuid, Shares())
            shares.holders[holder] = gpu
            shares.leased_bytes += gpu.vram_bytes
            shares.exclusive = gpu.exclusive

    def release(self, holder: Holder) -> None:
        """Take the attempt's lease back."""
        lease = self._leases.pop(holder, None)
        if lease is None:
            raise _broken(f"Run {holder[0]} holds no lease.")
        self._host.pop(holder, None)
        for gpu in lease.gpus:
            shares = self._gpus[gpu.uuid]
            del shares.holders[holder]
            shares.leased_bytes -= gpu.vram_bytes
            shares.exclusive = False
            if not shares.holders:
                del self._gpus[gpu.uuid]

    def shares(self, uuid: GpuUuid) -> Shares:
        return self._gpus.get(uuid, NOTHING_LEASED)

    def leased_bytes(self) -> dict[GpuUuid, int]:
        return {uuid: shares.leased_bytes for uuid, shares in self._gpus.items()}

    @property
    def host(self) -> HostRequest:
        """What is promised of the machine beside its GPUs."""
        if not self._host:
            return NO_HOST
        promised = self._host.values()
        return HostRequest(
            cpu_cores=sum(one.cpu_cores for one in promised),
            memory_bytes=sum(one.memory_bytes for one in promised),
            disk_bytes=sum(one.disk_bytes for one in promised),
        )

    def leases(self) -> dict[Holder, Lease]:
        return dict(self._leases)

    def __len__(self) -> int:
        return len(self._leases)


def _broken(text: str) -> Exception:
    return error(ErrorCode.INTERNAL, "The ledger of GPU leases would be wrong.", text)
