"""Placement: which of the ready runs get which GPUs now, and why the others wait. Pure functions.

First in, first out, with one way to pass: a run that finds no room keeps every GPU that it could
ever use (of those that work now) for itself, and a later run may only take what no run ahead of it
keeps. So nothing that starts can delay a run ahead of it, and the first in line is never starved.
A run that the GPUs which work now could not hold even if they were empty keeps nothing: it waits
for a repair, not for room.

Room on a GPU is its VRAM less what is promised or measured of ours, whichever is more, less what
processes of others hold. Among the GPUs with room the fullest is taken (best fit), then the lowest
index; a run that declares no VRAM takes the emptiest, and is promised all that is free.
"""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush

from msgspec import Struct

from lanherd_agent.core import reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.queue import Queue, Shape
from lanherd_agent.core.rules import Rules
from lanherd_protocol.values import Lease, LeasedGpu, Reason


class Start(Struct, frozen=True):
    """The run at this place of the line starts now, with this lease."""

    place: int
    lease: Lease


class Slot:
    """One GPU while a decision is made."""

    __slots__ = ("exclusive", "foreign_bytes", "free_bytes", "gpu", "holders", "usable")

    def __init__(self, gpu: GpuCapacity, ledger: Ledger) -> None:
        shares = ledger.shares(gpu.uuid)
        ours = max(shares.leased_bytes, gpu.ours_bytes)
        self.gpu = gpu
        self.usable = gpu.problem is None
        self.holders = len(shares.holders)
        self.exclusive = shares.exclusive
        self.foreign_bytes = gpu.foreign_bytes
        self.free_bytes = max(0, gpu.total_bytes - ours - gpu.foreign_bytes)


class Room:
    """All GPUs while a decision is made: what is left of each."""

    __slots__ = ("kept", "rules", "slots")

    def __init__(self, gpus: Iterable[GpuCapacity], ledger: Ledger, rules: Rules) -> None:
        self.slots = [Slot(gpu, ledger) for gpu in gpus]
        self.rules = rules
        self.kept: set[int] = set()

    def find(self, shape: Shape) -> Lease | None:
        """The lease that a run of this shape would get, or None if it has to wait."""
        return self._lease(shape, [slot for slot in self._open() if self.fits(slot, shape)])

    def has_room(self, shape: Shape) -> bool:
        """Whether it would start if nothing were kept for runs ahead."""
        return sum(self.fits(slot, shape) for slot in self.slots) >= shape[0]

    def take(self, lease: Lease) -> None:
        taken = {gpu.uuid: gpu for gpu in lease.gpus}
        for slot in self.slots:
            gpu = taken.get(slot.gpu.uuid)
            if gpu is not None:
                slot.holders += 1
                slot.exclusive = gpu.exclusive
                slot.free_bytes -= gpu.vram_bytes

    def keep(self, shape: Shape) -> None:
        """Keep for a run that found no room every GPU that it could use."""
        suited = self.suited(shape)
        if len(suited) >= shape[0]:
            self.kept.update(slot.gpu.index for slot in suited)

    @property
    def closed(self) -> bool:
        """Whether every GPU that works is kept, so that no later run can take any."""
        return all(slot.gpu.index in self.kept for slot in self.slots if slot.usable)

    def suited(self, shape: Shape) -> list[Slot]:
        """The working GPUs that would hold a run of this shape if they were empty."""
        return [s for s in self.slots if s.usable and s.gpu.total_bytes >= shape[1]]

    def fits(self, slot: Slot, shape: Shape) -> bool:
        _, vram_bytes, exclusive = shape
        if not slot.usable or slot.exclusive or slot.free_bytes < vram_bytes:
            return False
        if (exclusive or vram_bytes == 0) and slot.holders:
            return False
        if exclusive:
            return slot.foreign_bytes <= self.rules.exclusive_foreign_bytes_max
        return vram_bytes > 0 or self._mostly_free(slot)

    def _mostly_free(self, slot: Slot) -> bool:
        return slot.free_bytes >= slot.gpu.total_bytes * self.rules.undeclared_free_share

    def _open(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.gpu.index not in self.kept]

    @staticmethod
    def _lease(shape: Shape, fitting: list[Slot]) -> Lease | None:
        count, vram_bytes, exclusive = shape
        if len(fitting) < count:
            return None
        emptiest_first = -1 if vram_bytes == 0 else 1
        fitting.sort(key=lambda slot: (emptiest_first * slot.free_bytes, slot.gpu.index))
        chosen = sorted(fitting[:count], key=lambda slot: slot.gpu.index)
        return Lease(
            gpus=tuple(
                LeasedGpu(
                    index=slot.gpu.index,
                    uuid=slot.gpu.uuid,
                    vram_bytes=vram_bytes or slot.free_bytes,
                    exclusive=exclusive,
                )
                for slot in chosen
            )
        )


NO_LEASE = Lease()


def decide(
    queue: Queue,
    ledger: Ledger,
    readings: Sequence[GpuCapacity] | None,
    rules: Rules,
) -> list[Start]:
    """The runs that start now. `readings` None: the GPUs have not been read yet.

    Looks at one run per shape and at every start, never at the whole line.
    """
    places = rules.runs_at_once_max - len(ledger)
    if places <= 0 or not queue.ready:
        return []
    groups = queue.ready_by_shape
    room = Room(readings or (), ledger, rules)
    heads = [(group[0], shape, 0) for shape, group in groups.items()]
    heapify(heads)
    heads = _open_heads(heads, room)
    starts: list[Start] = []
    while heads and len(starts) < places:
        place, shape, at = heappop(heads)
        lease = room.find(shape) if shape[0] else NO_LEASE
        if lease is None:
            room.keep(shape)
            heads = _open_heads(heads, room)
            continue
        room.take(lease)
        starts.append(Start(place, lease))
        group = groups[shape]
        if at + 1 < len(group):
            heappush(heads, (group[at + 1], shape, at + 1))
    return starts


Head = tuple[int, Shape, int]
"""The first of a group that was not looked at: its place in line, its shape, its place there."""


def _open_heads(heads: list[Head], room: Room) -> list[Head]:
    """Without those that want a GPU, once none can be had; a sorted rest is a heap as well."""
    if not room.closed:
        return heads
    return sorted(head for head in heads if head[1][0] == 0)


def explain(
    waiting: Iterable[Shape],
    ledger: Ledger,
    readings: Sequence[GpuCapacity] | None,
    rules: Rules,
) -> list[Reason]:
    """Why each of the first runs in line waits, in line order, once `decide` has no more starts."""
    live = len(ledger)
    room = Room(readings or (), ledger, rules)
    told: list[Reason] = []
    for shape in waiting:
        if live >= rules.runs_at_once_max:
            told.append(reasons.runs_at_once(live))
        elif shape[0] and readings is None:
            told.append(reasons.NO_READINGS)
        else:
            told.append(_explain(room, shape))
            room.keep(shape)
    return told


def _explain(room: Room, shape: Shape) -> Reason:
    count = shape[0]
    suited = room.suited(shape)
    if len(suited) < count:
        broken = [slot for slot in room.slots if slot.gpu.problem is not None]
        if broken:
            return reasons.gpu_unavailable(broken[0].gpu.index, broken[0].gpu.problem or "")
        return reasons.gpu_missing(shape, len(suited))
    if room.has_room(shape):
        kept = [s for s in suited if s.gpu.index in room.kept and room.fits(s, shape)]
        if not kept:
            return reasons.READY
        slot = min(kept, key=lambda slot: (-slot.free_bytes, slot.gpu.index))
        return reasons.kept_for_earlier(slot.gpu.index, slot.free_bytes)
    full = [slot for slot in suited if not room.fits(slot, shape)]
    alone = shape[2] or shape[1] == 0
    nearest = min(
        full,
        key=lambda s: (s.exclusive, alone and s.holders > 0, -s.free_bytes, s.gpu.index),
    )
    reason = _why_full(nearest, shape, room)
    if count == 1:
        return reason
    return reasons.too_few_free(len(suited) - len(full), count, reason)


def _why_full(slot: Slot, shape: Shape, room: Room) -> Reason:
    _, vram_bytes, exclusive = shape
    gpu = slot.gpu
    if slot.exclusive:
        return reasons.gpu_exclusive(gpu.index)
    if exclusive and (slot.holders or slot.foreign_bytes > room.rules.exclusive_foreign_bytes_max):
        return reasons.gpu_busy(gpu.index, slot.holders, slot.foreign_bytes)
    if vram_bytes == 0:
        return reasons.gpu_undeclared(gpu.index, slot.free_bytes, gpu.total_bytes, slot.holders)
    return reasons.gpu_vram(
        gpu.index, slot.free_bytes, gpu.total_bytes, vram_bytes, slot.foreign_bytes
    )
