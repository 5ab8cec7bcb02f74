"""What the driver itself keeps of each GPU: VRAM that no run can ever have.

Newer drivers tell it. Of the others it is the least that was ever in use while no process was on
the GPU, as long as that is little; and of equal GPUs that of the one with the least, since the
driver keeps about as much of each. In any doubt nothing counts as the driver's: a process of others
that can't be seen may hold it, and end.
"""

from collections.abc import Iterable

from msgspec import Struct

from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.rules import Rules
from lanherd_protocol.ids import GpuUuid

SEEN_S = 60.0
"""For so long it was looked at."""
PART_MAX = 16
"""The driver keeps no more than this part of a GPU: one 16th."""


class _Seen(Struct):
    least: int
    since: float
    until: float


class DriverShare:
    """Learns from samples."""

    __slots__ = ("_seen", "known", "sure")

    def __init__(self) -> None:
        self._seen: dict[GpuUuid, _Seen] = {}
        self.known: dict[GpuUuid, int] = {}
        """Bytes that the driver keeps, of the GPUs of which that is known."""
        self.sure: dict[GpuUuid, int] = {}
        """Those of them that the driver tells, or that several equal GPUs agree on: what a single
        one shows may be a process of others that sits idle, and ends."""

    def see(self, gpus: Iterable[GpuCapacity], rules: Rules, now: float) -> None:
        """Take a sample of all GPUs."""
        equal: dict[tuple[str, int, str], list[GpuUuid]] = {}
        seen, self._seen = self._seen, {}
        self.known, self.sure = {}, {}
        for gpu in gpus:
            if gpu.reserved_bytes is not None:
                self.known[gpu.uuid] = self.sure[gpu.uuid] = gpu.reserved_bytes
                continue
            before = seen.get(gpu.uuid)
            after = _after(before, gpu.foreign_bytes, now) if _is_idle(gpu, rules) else before
            if after is not None:
                self._seen[gpu.uuid] = after
            equal.setdefault((gpu.name, gpu.total_bytes, gpu.profile), []).append(gpu.uuid)
        for uuids in equal.values():
            there = {uuid: self._seen[uuid] for uuid in uuids if uuid in self._seen}
            least = min((one.least for one in there.values()), default=0)
            long = [uuid for uuid, one in there.items() if one.until - one.since >= SEEN_S]
            found = dict.fromkeys(long, least) if least else {}
            self.known |= found
            if len(found) > 1:
                self.sure |= found


def _is_idle(gpu: GpuCapacity, rules: Rules) -> bool:
    """Whether nobody is seen on it, but some VRAM is in use, and little enough."""
    most = min(rules.exclusive_foreign_bytes_max, gpu.total_bytes // PART_MAX)
    return (
        gpu.problem is None
        and not (gpu.foreign or gpu.uses or gpu.ours_bytes or gpu.utilisation_percent)
        and gpu.foreign_bytes <= most
    )


def _after(seen: _Seen | None, held_bytes: int, now: float) -> _Seen:
    if seen is None:
        return _Seen(held_bytes, now, now)
    least = min(seen.least, held_bytes)
    # A clock that was set back begins anew.
    return _Seen(least, seen.since if now >= seen.until else now, now)
