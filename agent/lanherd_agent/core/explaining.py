"""Why each of the first runs in line waits: the verdict on it, and the GPU that comes nearest."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, assert_never

from msgspec.structs import replace

from lanherd_agent.core import machine_reasons, place_reasons, reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.place_reasons import Ours
from lanherd_agent.core.placement import Judge, gate_of, power_w
from lanherd_agent.core.reservation import Reservation
from lanherd_agent.core.room import Room
from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.slots import (
    PASSING,
    Closed,
    Slot,
    backs_off_until,
    closures,
    is_crowded,
    others_bytes,
    others_hinder,
)
from lanherd_agent.core.wants import Want
from lanherd_protocol.hours import minutes_until
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import Lease, Reason

NOBODY: Mapping[int, RunId] = MappingProxyType({})
SOME_TIME_S = 60.0
_PASSES = frozenset({"gpu_quiet", "gpu_hot", "gpu_backoff"})
"""Reasons that pass by themselves."""


def explain(
    scene: Scene, waiting: Iterable[tuple[int, Want]], runs: Mapping[int, RunId] = NOBODY
) -> list[Reason]:
    """Why each of these waits; they are the first in line, in the order of their turns, once
    `decide` has no more starts. `runs` are those at their places, to be named to others."""
    gate = gate_reason(scene)
    judge = Judge(scene)
    told: list[Reason] = []
    for place, want in waiting:
        if gate is not None:
            told.append(gate)
            continue
        reason = _why(judge, place, want, runs)
        first = judge.reservation
        if first is not None and first.place == place:
            reason = _with_turn(judge, first, reason)
        told.append(reason)
    return told


def _with_turn(judge: Judge, first: Reservation, reason: Reason) -> Reason:
    scene = judge.scene
    if str(reason.data.get("nearest", reason.code)) in _PASSES:
        # It says itself when.
        return place_reasons.with_turn(reason, first.at, scene.now)
    others = first.lends and "most_bytes" not in reason.data
    runs = [live.holder[0] for live in _in_its_way(judge.room, first.want)]
    return place_reasons.with_turn(reason, first.at, scene.now, endless=runs, others=others)


def _in_its_way(room: Room, want: Want) -> list[Live]:
    """The runs without a time limit that hold what it lacks once all others are over: GPUs on which
    it would find room without them, or a part of the machine. The oldest first."""
    later = room.copy()
    later.kept = set()
    live = sorted(room.scene.live(), key=lambda one: (one.since, one.holder))
    for one in live:
        if one.ends_at is not None:
            later.give(one)
    endless = [one for one in live if one.ends_at is None]
    lacking = later.lacks(want.host)
    full = {slot.uuid for slot in later.suited(want) if not later.fits(slot, want)}
    free = later.copy()
    for one in endless:
        free.give(one)
    full &= {slot.uuid for slot in free.suited(want) if free.fits(slot, want)}
    return [
        one
        for one in endless
        if any(gpu.uuid in full for gpu in one.lease.gpus)
        or (lacking and getattr(one.lease.host, lacking))
    ]


def gate_reason(scene: Scene) -> Reason | None:
    """What keeps every run from starting, in words; None: nothing does."""
    gate = gate_of(scene)
    if gate is None:
        return None
    if gate == "hours":
        minutes = minutes_until(scene.hours, scene.local_minute or 0)
        return place_reasons.out_of_hours(minutes, scene.now, scene.owner_rules.hours)
    if gate == "power":
        return place_reasons.power(power_w(scene), scene.owner_rules.power_w_max or 0.0)
    assert scene.machine.pause is not None
    return place_reasons.paused(scene.machine.pause)


class GpuNotes(NamedTuple):
    """What is to be said beside the readings of GPUs: when those that others have left will count
    as free of them, and why those that work take no run for a while."""

    quiet_at: Mapping[GpuUuid, float]
    rest: Mapping[GpuUuid, Reason]


def resting(scene: Scene) -> dict[GpuUuid, Reason]:
    """Why GPUs that work take no run for a while."""
    gpus = zip(scene.gpus or (), closures(scene), strict=True)
    return {gpu.uuid: _why_resting(gpu, why, scene) for gpu, why in gpus if why in PASSING}


def _why_resting(gpu: GpuCapacity, closed: Closed, scene: Scene) -> Reason:
    if closed == "hot":
        return place_reasons.too_hot(gpu, scene.owner_rules.temperature_c_max or 0.0)
    # Its own, or those of the whole GPU whose instance it is.
    uuids = [gpu.uuid, *_whole(gpu, scene)]
    uuid = max(uuids, key=lambda uuid: backs_off_until(uuid, scene))
    runs = len(scene.machine.failures[uuid].runs)
    reason = place_reasons.backing_off(gpu.index, runs, backs_off_until(uuid, scene), scene.now)
    return place_reasons.of_instance(reason, gpu) if uuid == gpu.uuid else reason


def _whole(gpu: GpuCapacity, scene: Scene) -> list[GpuUuid]:
    """The GPU of which it is an instance, where that is known."""
    gpus = scene.gpus or ()
    return [one.uuid for one in gpus if one.index == gpu.index and one.instance is None]


def _why(judge: Judge, place: int, want: Want, runs: Mapping[int, RunId]) -> Reason:
    scene = judge.scene
    verdict = judge.judge(place, want)
    match verdict:
        case Lease():
            return reasons.READY
        case "runs_at_once":
            return reasons.runs_at_once(len(scene.ledger))
        case "unread":
            return machine_reasons.unread(scene.gpu_problem)
        case "paused_tag":
            tag = next(tag for tag in want.tags if tag in scene.machine.paused_tags)
            return place_reasons.paused_tag(tag, scene.machine.paused_tags[tag])
        case "behind_share":
            name = next(name for name in judge.room.quotas.names(want) if name in judge.full)
            return place_reasons.behind_share(name)
        case "share_full":
            return _share_full(judge.room, want)
        case "would_delay":
            return _would_delay(judge, want, runs)
        case "impossible" | "no_room":
            # What is kept for it, or for others, is not what it lacks.
            kept, judge.room.kept = judge.room.kept, set()
            reason = _Nearest(judge.room, want).reason()
            judge.room.kept = kept
            return reason
        case _:
            assert_never(verdict)


def _share_full(room: Room, want: Want) -> Reason:
    tightest = min(room.quotas.capped(want), key=lambda bound: bound.left)
    assert tightest.name is not None
    held = len(tightest.exempt)
    return place_reasons.share_full(tightest.name, held, tightest.left + held, want.count)


def _would_delay(judge: Judge, want: Want, runs: Mapping[int, RunId]) -> Reason:
    room, first = judge.room, judge.reservation
    assert first is not None
    ahead = runs.get(first.place)
    # With one it might have what is kept for a run that has its time, or be lent it by one whose
    # way others bar.
    if want.ends_s is None and (
        first.at is not None or first.lease_for(replace(want, ends_s=SOME_TIME_S), room) is not None
    ):
        return place_reasons.needs_limit(ahead, bars=first.at is None)
    kept, room.kept = room.kept, set()
    lease = room.find(want)
    room.kept = kept
    ours = {gpu.index for gpu in lease.gpus} if lease is not None else set()
    slots = [slot for slot in room.slots if slot.index in ours & (kept | first.gpus)]
    if not slots:
        return place_reasons.kept_for_first(ahead)
    slot = min(slots, key=lambda slot: (-slot.free_bytes, slot.index))
    known = first.at is not None
    reason = place_reasons.kept_for_earlier(slot.index, slot.free_bytes, ahead, known=known)
    return place_reasons.of_instance(reason, slot.gpu)


class _Nearest:
    """What a run lacks: of the machine, of its GPUs, or at the GPU nearest to being free."""

    def __init__(self, room: Room, want: Want) -> None:
        self.room = room
        self.want = want
        self.scene = room.scene

    def reason(self) -> Reason:
        want, room = self.want, self.room
        lacking = room.lacks(want.host)
        if want.count == 0:
            return place_reasons.host(lacking, room.host_left[lacking], want)
        kind = [slot for slot in room.slots if self._is_of_kind(slot)]
        suited = [slot for slot in kind if slot.suits(want) and self._matches(slot)]
        if len(suited) < want.count:
            return self._too_few(kind)
        if lacking:
            return place_reasons.host(lacking, room.host_left[lacking], want)
        if not room.suited(want):
            return place_reasons.impossible(want.count)
        full = [slot for slot in suited if not room.fits(slot, want)]
        free = len(suited) - len(full)
        if free >= want.count:
            return self._forbidden()
        nearest = min(full, key=self._distance)
        if nearest.usable:
            reason = place_reasons.of_instance(self._why_full(nearest), nearest.gpu)
        else:
            reason = self._why_closed(nearest)
        return reason if want.count == 1 else reasons.too_few_free(free, want.count, reason)

    def _is_of_kind(self, slot: Slot) -> bool:
        if slot.closed == "mig":
            return False
        return slot.gpu.profile == self.want.mig if self.want.mig else slot.gpu.instance is None

    def _matches(self, slot: Slot) -> bool:
        where = self.want.where
        return not where or slot.uuid in self.scene.matching.matches(where)

    # --- Never, as things are --------------------------------------------------------------------

    def _too_few(self, kind: Sequence[Slot]) -> Reason:
        """Fewer GPUs could hold it than it needs."""
        want = self.want
        matching = [slot for slot in kind if self._matches(slot)]
        # Only what would hold it if it were open is told to be closed.
        large = [slot for slot in matching if slot.most_bytes >= want.vram_bytes]
        for closed in ("problem", "cordoned", "not_allowed") if len(large) >= want.count else ():
            slot = next((slot for slot in large if slot.closed == closed), None)
            if slot is not None:
                return self._why_closed(slot)
        if want.where and len(matching) < want.count:
            why = self.scene.matching.why_not(want.where, [slot.uuid for slot in kind])
            return place_reasons.no_match(want.where, len(matching), want.count, why)
        whole = [slot for slot in matching if slot.gpu.total_bytes >= want.vram_bytes]
        if len(whole) >= want.count:
            # The driver keeps a part of them.
            nearest = max(whole, key=lambda slot: (slot.working, slot.most_bytes, -slot.index))
            return place_reasons.of_instance(self._why_full(nearest), nearest.gpu)
        suited = sum(slot.suits(want) for slot in kind)
        if want.mig:
            return place_reasons.no_instance(want.mig, suited, want.count, want.vram_bytes)
        return reasons.gpu_missing((want.count, want.vram_bytes, want.exclusive), suited)

    def _why_closed(self, slot: Slot) -> Reason:
        scene, gpu = self.scene, slot.gpu
        match slot.closed:
            case "cordoned":
                cordons = scene.machine.cordons
                uuid = next(uuid for uuid in (gpu.uuid, *_whole(gpu, scene)) if uuid in cordons)
                reason = place_reasons.cordoned(gpu, cordons[uuid].reason)
                return place_reasons.of_instance(reason, gpu) if uuid == gpu.uuid else reason
            case "not_allowed":
                return place_reasons.of_instance(place_reasons.not_allowed(gpu.index), gpu)
            case "hot" | "backoff":
                return _why_resting(gpu, slot.closed, scene)
            case _:
                reason = reasons.gpu_unavailable(gpu.index, gpu.problem or "")
                return place_reasons.of_instance(reason, gpu)

    # --- Not now ---------------------------------------------------------------------------------

    def _forbidden(self) -> Reason:
        """There is room, but of GPUs that are to stay empty, or not enough places."""
        quotas = self.room.quotas
        keep_free, owed = quotas.owed(self.want)
        return place_reasons.kept_free(
            len(quotas.working.difference(quotas.in_use)), keep_free, owed
        )

    def _distance(self, slot: Slot) -> tuple[float, ...]:
        busy = self.want.alone and slot.holders > 0
        # What they have left a moment ago is nearer than what they still use.
        left = slot.is_left(self.want)
        others = 0 if left else 1 + others_hinder(slot.gpu, self.want, self.scene.rules)
        closed = not slot.usable
        return (closed, slot.exclusive, busy, others, -slot.free_bytes, slot.index)

    def _why_not_left(self, slot: Slot) -> Reason:
        want, gpu, scene = self.want, slot.gpu, self.scene
        if others_hinder(gpu, want, scene.rules):
            return place_reasons.used_by_others(gpu)
        seen = scene.quiet_from if want.waits and slot.others else scene.crowded_until
        at = seen[gpu.uuid] + scene.owner_rules.quiet_s
        return place_reasons.waits_for_quiet(gpu.index, at, scene.now)

    def _why_full(self, slot: Slot) -> Reason:
        want, gpu = self.want, slot.gpu
        if slot.exclusive:
            (holder,) = self.scene.ledger.shares(slot.uuid).holders
            return place_reasons.held_alone(gpu.index, holder[0])
        if want.exclusive and slot.holders:
            # What a display takes is no hindrance.
            others = others_bytes(gpu) if is_crowded(gpu, self.scene.rules) else 0
            return reasons.gpu_busy(gpu.index, slot.holders, others)
        if not slot.is_left(want):
            return self._why_not_left(slot)
        if want.vram_bytes == 0:
            return place_reasons.undeclared(gpu, slot.free_bytes, self._ours(slot))
        if slot.is_packed:
            promised = self._ours(slot, measured=False)
            share = self.scene.owner_rules.vram_share_max * 100
            return place_reasons.packed(gpu, slot.free_bytes, want.vram_bytes, share, promised)
        driver_bytes = self.scene.driver_bytes.get(gpu.uuid, 0)
        return place_reasons.vram(
            gpu, slot.free_bytes, want.vram_bytes, self._ours(slot), driver_bytes
        )

    def _ours(self, slot: Slot, *, measured: bool = True) -> Ours:
        uses = slot.uses if measured else {}
        holders = self.scene.ledger.shares(slot.uuid).holders
        held = [
            (holder[0], max(leased.vram_bytes, uses.get(holder[0], 0)))
            for holder, leased in holders.items()
        ]
        return Ours(
            runs=tuple(sorted(held, key=lambda one: (-one[1], one[0]))),
            all_bytes=slot.used_bytes if measured else slot.leased_bytes,
        )
