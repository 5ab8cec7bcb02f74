"""What is kept for the first run in line that finds no room, so that no other delays it.

If the time limits of live runs say when it will find room at the latest, it has a reservation: a
run behind it may start if it is over by then, or if the first would still find room beside it. If
nobody knows when (a run without a time limit is in its way, or processes of others are), all GPUs
that it could use are kept, and whatever else it needs.

Others may stay for ever: a process that hangs, VRAM that only a reset frees. So what is of no use
to the first while they are there is lent to runs with a time limit. Once the others leave it is
kept again, and the first waits for the limits of those runs at the most.
"""

from collections.abc import Iterable, Sequence

from lanherd_agent.core.room import NOBODY, Room, indexes
from lanherd_agent.core.scene import Live
from lanherd_agent.core.wants import Want
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease


class Reservation:
    """Of the run at `place`. `at` None: nobody knows when it will find room.

    `gpus` are those that it would get then, by index. `later` is the room as it will be. `lends`:
    it can't start before others leave, whatever our runs do.
    """

    __slots__ = ("at", "gpus", "later", "lends", "place", "want")

    def __init__(self, place: int, want: Want, room: Room, live: Iterable[Live]) -> None:
        self.place = place
        self.want = want
        self.at: float | None = None
        self.gpus: frozenset[int] = NOBODY
        self.later: Room | None = None
        self.lends = False
        found = _earliest(room, want, live)
        if found is not None:
            self.at, self.later = found
            lease = self.later.find(want)
            assert lease is not None
            self.gpus = indexes(lease.gpus)

    def lease_for(self, want: Want, room: Room) -> Lease | None:
        """What a run behind it gets now: nothing that the first will need."""
        if self.later is None:
            if self.lends and want.ends_s is not None:
                return room.find(want)
            return None if self._is_in_its_way(want, room) else room.find(want)
        assert self.at is not None
        if want.ends_s is not None and room.scene.now + want.ends_s <= self.at:
            return room.find(want)
        lease = room.find(want, last=self.gpus)
        if lease is not None and not self._still_fits(want, lease):
            lease = room.find(want, without=self.gpus)
            if lease is not None and not self._still_fits(want, lease):
                lease = None
        return lease

    def take(self, live: Live) -> None:
        """The run starts: what it still holds when the first is to start is gone."""
        if self.later is not None and (live.ends_at is None or live.ends_at > (self.at or 0.0)):
            self.later.take(live)

    def _still_fits(self, want: Want, lease: Lease) -> bool:
        assert self.later is not None
        trial = Live(holder=_TRIAL, lease=lease, owner=want.owner, tags=want.tags)
        self.later.take(trial)
        fits = self.later.holds(self.want)
        self.later.give(trial)
        return fits

    def _is_in_its_way(self, want: Want, room: Room) -> bool:
        """Beside GPUs, which are kept: a place among the live, what it needs of the machine, and
        what the owner's rules let it have."""
        first = self.want
        if room.places < 2:
            return True
        if any(getattr(first.host, what) and getattr(want.host, what) for what in room.host_left):
            return True
        if not (first.count and want.count):
            return False
        mine, its = room.quotas.bounds(want), room.quotas.bounds(first)
        return bool(
            {bound.name for bound in mine if bound.name is not None}
            & {bound.name for bound in its if bound.name is not None}
        ) or (room.quotas.counted and any(room.quotas.owed(first)) and _takes_empty(want, room))


_TRIAL = (RunId(""), 0)


def _takes_empty(want: Want, room: Room) -> bool:
    """Whether it would take a GPU that has no run."""
    lease = room.find(want, last=room.quotas.working.difference(room.quotas.in_use))
    return lease is not None and not indexes(lease.gpus) <= set(room.quotas.in_use)


def _earliest(room: Room, want: Want, live: Iterable[Live]) -> tuple[float, Room] | None:
    """When the run finds room if live ones end at their limits, and the room as it then is."""
    now = room.scene.now
    ends: Sequence[tuple[float, Live]] = sorted(
        ((max(now, one.ends_at), one) for one in live if one.ends_at is not None),
        key=lambda end: (end[0], end[1].holder),
    )
    if not ends:
        return None
    later = room.copy()
    for number, (at, one) in enumerate(ends):
        later.give(one)
        together = number + 1 < len(ends) and ends[number + 1][0] == at
        if not together and later.holds(want):
            return at, later
    return None
