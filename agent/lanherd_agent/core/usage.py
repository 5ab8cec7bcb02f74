"""Fair share: who has had how much of the machine's GPUs lately, and what that puts them back.

Use is counted in GPU-seconds, a part of a GPU as that part, and counts half after the owner's half
life. A user stands back by the time in which the machine, split evenly among those who wait, would
have given as much: who has had twice their share of two hours stands behind one who comes then.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.machine_state import MachineState, Usage
from lanherd_agent.core.places import to_ns
from lanherd_agent.core.scene import Live
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import LeasedGpu

FORGOTTEN_GPU_S = 1.0
"""Use below this is forgotten."""
SETTLE_EVERY_S = 60.0
"""How often what live runs use is added while they go on."""


def settled(
    machine: MachineState,
    live: Iterable[Live],
    totals: Mapping[GpuUuid, int],
    half_life_s: float,
    now: float,
) -> MachineState:
    """The machine's state with all use up to now. `totals`: the VRAM of each GPU."""
    since = settled_at(machine)
    used: dict[str, float] = {}
    for user, had in machine.usage.items():
        used[user] = had.gpu_s * 0.5 ** (max(0.0, now - had.at) / half_life_s)
    for one in live:
        held_s = now - max(one.since, since)
        if held_s > 0 and one.lease.gpus:
            gpus = sum(_part(gpu, totals) for gpu in one.lease.gpus)
            used[one.owner] = used.get(one.owner, 0.0) + gpus * held_s
    usage = {
        user: Usage(gpu_s=gpu_s, at=now) for user, gpu_s in used.items() if gpu_s >= FORGOTTEN_GPU_S
    }
    return machine if usage == machine.usage else replace(machine, usage=usage)


def settled_at(machine: MachineState) -> float:
    """Up to when use is counted; all of it is counted at once."""
    return max((usage.at for usage in machine.usage.values()), default=0.0)


def _part(gpu: LeasedGpu, totals: Mapping[GpuUuid, int]) -> float:
    total = totals.get(gpu.uuid, 0)
    return 1.0 if gpu.exclusive or total <= 0 else min(1.0, gpu.vram_bytes / total)


def penalties(
    usage: Mapping[str, Usage], users: Sequence[str], gpus: Sequence[GpuCapacity]
) -> dict[str, int]:
    """Nanoseconds by which each of the users that wait stands back."""
    if len(users) < 2 or not usage:
        return {}
    count = len({gpu.index for gpu in gpus}) or 1
    return {user: to_ns(usage[user].gpu_s / count * len(users)) for user in users if user in usage}
