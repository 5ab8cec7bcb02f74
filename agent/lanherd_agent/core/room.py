"""What is left of a machine while a decision is made: its GPUs, its shares, cores, memory, disk and
the number of runs that may be live."""

from collections.abc import Collection, Iterable, Sequence

from lanherd_agent.core.choosing import Links, best_linked, ordered
from lanherd_agent.core.ledger import Holder
from lanherd_agent.core.quotas import Quotas, are_allowed, cheapest_first, picked
from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.slots import Slot, closures
from lanherd_agent.core.wants import NO_HOST, Want
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import HostRequest, Lease, LeasedGpu

NO_LEASE = Lease()
CORES_SLACK = 1e-6
"""What sums of parts of cores may be off by."""
NOBODY: frozenset[int] = frozenset()


class Room:
    """What is left, and what would fit."""

    __slots__ = ("_fresh", "host_left", "kept", "lent", "places", "quotas", "scene", "slots")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        ledger = scene.ledger
        self.slots = [
            Slot(gpu, ledger.shares(gpu.uuid), scene, closed)
            for gpu, closed in zip(scene.gpus or (), closures(scene), strict=True)
        ]
        self.quotas = Quotas(scene, self.slots)
        self.places = scene.runs_at_once_max - len(ledger)
        self.host_left = _host_left(scene)
        self.kept: set[int] = set()
        """GPUs that are kept for a run ahead, by index."""
        self.lent: set[GpuUuid] = set()
        """Those of them that runs with a time limit may have meanwhile."""
        self._fresh: set[Holder] = set()

    def copy(self) -> "Room":
        copy = Room.__new__(Room)
        copy.scene = self.scene
        copy.slots = [slot.copy() for slot in self.slots]
        copy.quotas = self.quotas.copy()
        copy.places = self.places
        copy.host_left = dict(self.host_left)
        copy.kept = set(self.kept)
        copy.lent = set(self.lent)
        copy._fresh = set(self._fresh)
        return copy

    # --- What fits -------------------------------------------------------------------------------

    def find(
        self, want: Want, last: Collection[int] = NOBODY, without: Collection[int] = NOBODY
    ) -> Lease | None:
        """The lease that a run would get now, or None if it has to wait. It gets GPUs of `last`
        only where there are no others, and none of `without`."""
        chosen = self._choose(want, last, without)
        if chosen is None:
            return None
        return Lease(gpus=tuple(_leased(slot, want) for slot in chosen), host=want.host)

    def holds(self, want: Want) -> bool:
        """Whether a run would fit now."""
        if want.linked:
            # Which of the sets is best makes no difference to that.
            fitting = self._fitting(want, NOBODY)
            return self._has_rest(want) and len(self._some(fitting, want)) >= want.count
        return self._choose(want, NOBODY, NOBODY) is not None

    def _choose(
        self, want: Want, last: Collection[int], without: Collection[int]
    ) -> Sequence[Slot] | None:
        if not self._has_rest(want):
            return None
        if want.count == 0:
            return ()
        fitting = self._fitting(want, without)
        if len(fitting) < want.count:
            return None
        order = ordered(fitting, want, self.scene.owner_rules.strategy)
        if last:
            order.sort(key=lambda slot: slot.index in last)
        chosen = self._some(order, want)
        if want.linked and len(chosen) > 1:
            chosen = self._linked(order, want, len(chosen))
        if len(chosen) < want.count:
            return None
        return sorted(chosen, key=lambda slot: (slot.index, slot.gpu.instance or 0))

    def _fitting(self, want: Want, without: Collection[int]) -> list[Slot]:
        matching = self.scene.matching.matches(want.where) if want.where else None
        return [
            slot
            for slot in self.slots
            if self.fits(slot, want)
            and slot.index not in without
            and (matching is None or slot.uuid in matching)
        ]

    def _some(self, order: Sequence[Slot], want: Want) -> list[Slot]:
        bounds = self.quotas.bounds(want)
        chosen = picked(order, want.most, bounds)
        if len(chosen) < want.count and bounds:
            chosen = picked(cheapest_first(order, bounds), want.most, bounds)
        return chosen

    def _linked(self, order: Sequence[Slot], want: Want, count: int) -> list[Slot]:
        bounds = self.quotas.bounds(want)
        links = Links(self.scene.links)
        return best_linked(order, count, links, lambda some: are_allowed(some, bounds))

    def fits(self, slot: Slot, want: Want) -> bool:
        """Whether this one GPU has room, whatever constraint there is."""
        if not slot.usable or slot.exclusive or slot.free_bytes < want.vram_bytes:
            return False
        if slot.index in self.kept and (want.ends_s is None or slot.uuid not in self.lent):
            return False
        if not slot.suits(want):
            return False
        if want.alone and slot.holders:
            return False
        if not slot.is_left(want):
            return False
        return want.exclusive or want.vram_bytes > 0 or self._mostly_free(slot)

    def _mostly_free(self, slot: Slot) -> bool:
        return slot.free_bytes >= slot.gpu.total_bytes * self.scene.rules.undeclared_free_share

    def _has_rest(self, want: Want) -> bool:
        return self.places > 0 and not self.lacks(want.host)

    def lacks(self, host: HostRequest) -> str:
        """The first of `cpu_cores`, `memory_bytes` and `disk_bytes` of which too little is left."""
        if host == NO_HOST:
            return ""
        return next(
            (what for what, left in self.host_left.items() if getattr(host, what) > left), ""
        )

    @property
    def closed(self) -> bool:
        """Whether no run can take any GPU any more."""
        return not any(
            slot.usable
            and not slot.exclusive
            and slot.free_bytes
            and (slot.index not in self.kept or slot.uuid in self.lent)
            for slot in self.slots
        )

    # --- What is taken ---------------------------------------------------------------------------

    def take(self, live: Live) -> None:
        """Start the run."""
        self._fresh.add(live.holder)
        self.places -= 1
        self._move_host(live.lease.host, -1)
        taken = {gpu.uuid: gpu for gpu in live.lease.gpus}
        if not taken:
            return
        for slot in self.slots:
            gpu = taken.get(slot.uuid)
            if gpu is not None:
                slot.take(gpu)
        if self.quotas.counted:
            self.quotas.take(live)

    def give(self, live: Live) -> None:
        """As it will be once the run is over; or as if it had not been taken."""
        fresh = live.holder in self._fresh
        self.places += 1
        self._move_host(live.lease.host, 1)
        given = {gpu.uuid: gpu for gpu in live.lease.gpus}
        if not given:
            return
        for slot in self.slots:
            gpu = given.get(slot.uuid)
            if gpu is not None and fresh:
                slot.untake(gpu)
            elif gpu is not None:
                slot.give(live.holder, gpu)
        if self.quotas.counted:
            self.quotas.give(live)

    def _move_host(self, host: HostRequest, sign: int) -> None:
        if host != NO_HOST:
            for what in self.host_left:
                self.host_left[what] += sign * getattr(host, what)

    # --- What could ever fit ---------------------------------------------------------------------

    def suited(self, want: Want) -> list[Slot]:
        """The working GPUs that would hold such a run if no other run, and no process of others,
        were on the machine; empty where that would not be enough, or for a run without GPUs."""
        matching = self.scene.matching.matches(want.where) if want.where else None
        found = [
            slot
            for slot in self.slots
            if slot.suits(want) and (matching is None or slot.uuid in matching)
        ]
        allowed = picked(found, want.count, self.quotas.bounds_if_empty(want))
        return found if len(allowed) >= want.count else []

    def keep(self, want: Want) -> None:
        """Keep for a run that found no room every GPU that it could use."""
        self.kept.update(slot.index for slot in self.suited(want))

    def lend(self, want: Want) -> bool:
        """Of what is kept for a run, let runs with a time limit have what is of no use to it while
        others are there; whether that is all, since it can't start before some of them leave."""
        suited = self.suited(want)
        barred = [slot for slot in suited if slot.is_barred(want, self.scene.rules)]
        left = [slot for slot in suited if slot not in barred]
        allowed = picked(left, want.count, self.quotas.bounds_if_empty(want))
        waits = len(allowed) < want.count
        self.lent.update(slot.uuid for slot in (suited if waits else barred))
        return waits


def _host_left(scene: Scene) -> dict[str, float]:
    """What was not promised yet, of that which is known."""
    host, promised = scene.host, scene.ledger.host
    known = {
        "cpu_cores": float(host.cpu_cores),
        "memory_bytes": host.memory_bytes,
        "disk_bytes": host.disk_free_bytes,
    }
    left = {what: all_ - getattr(promised, what) for what, all_ in known.items() if all_ > 0}
    if "cpu_cores" in left:
        left["cpu_cores"] += CORES_SLACK
    return left


def _leased(slot: Slot, want: Want) -> LeasedGpu:
    return LeasedGpu(
        index=slot.index,
        uuid=slot.uuid,
        vram_bytes=want.vram_bytes or slot.free_bytes,
        exclusive=want.exclusive,
        instance=slot.gpu.instance,
    )


def indexes(gpus: Iterable[LeasedGpu]) -> frozenset[int]:
    return frozenset(gpu.index for gpu in gpus)
