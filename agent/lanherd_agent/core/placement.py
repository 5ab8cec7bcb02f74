"""Placement: which of the ready runs start now, and on which GPUs. A pure function of its scene.

Runs are looked at in their turn: by how long they wait, their priority, and what their user has had
lately (`places.py`, `queue.py`). The first that finds no room has a reservation, and whoever comes
after it may start only if that can't delay it (`reservation.py`). So the first in line is never
passed on what it needs, every run is the first one day, and none is starved.

A run keeps nothing for itself while it waits for something else than room: while the GPUs that work
could not hold it even if they were empty, while its tag is paused, or while its user or tag has as
many GPUs as the owner's rules allow. In the last case those behind it that would take of the same
share wait as well: else they could keep it waiting for ever.
"""

from typing import Literal

from msgspec import Struct

from lanherd_agent.core.blocked import Blocked
from lanherd_agent.core.queue import Turns
from lanherd_agent.core.quotas import Name
from lanherd_agent.core.reservation import Reservation
from lanherd_agent.core.room import NO_LEASE, Room
from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.slots import backs_off_until, is_crowded, is_used_by_others
from lanherd_agent.core.wants import NO_HOST, Want
from lanherd_protocol.hours import minutes_until
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Lease

LOOKS_MAX = 256
"""Groups that find no room, after which a decision weighs no more that want as much as another."""

Gate = Literal["paused", "hours", "power"]
Verdict = Literal[
    "paused_tag", "runs_at_once", "unread", "share_full", "behind_share", "impossible", "no_room",
    "would_delay",
]  # fmt: skip
"""Why a run does not start."""


class Start(Struct, frozen=True):
    """The run at this place of the line starts now, with this lease."""

    place: int
    lease: Lease
    passes: bool = False
    """Another that found no room is ahead of it."""


class Judge:
    """Goes through runs in their turn, and remembers what those before left for those behind."""

    __slots__ = ("_room", "full", "live", "places", "reservation", "scene")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.places = scene.runs_at_once_max - len(scene.ledger)
        self.reservation: Reservation | None = None
        self.full: set[Name] = set()
        """Shares of which a run that waits would take more than there is."""
        self.live: list[Live] = []
        """The runs that start now."""
        self._room: Room | None = None

    @property
    def room(self) -> Room:
        """Made when it is first needed: a run that wants nothing in particular needs none."""
        if self._room is None:
            self._room = Room(self.scene)
            for live in self.live:
                self._room.take(live)
        return self._room

    def judge(self, place: int, want: Want) -> Lease | Verdict:
        """What a run gets now, or why it waits. Call `start` if it does start."""
        if want.tags and not self.scene.machine.paused_tags.keys().isdisjoint(want.tags):
            return "paused_tag"
        if self.places <= 0:
            return "runs_at_once"
        if want.count and self.scene.gpus is None:
            return "unread"
        if self.reservation is None and want.count == 0 and want.host == NO_HOST:
            return NO_LEASE
        if want.count and self.full and not self.full.isdisjoint(self.room.quotas.names(want)):
            return "behind_share"
        if self.reservation is not None:
            return self._behind(self.reservation, want)
        lease = self.room.find(want)
        return lease if lease is not None else self._first(place, want)

    def start(self, place: int, want: Want, lease: Lease) -> None:
        ends_at = None if want.ends_s is None else self.scene.now + want.ends_s
        live = Live(
            holder=(RunId(""), -1 - len(self.live)),
            lease=lease,
            owner=want.owner,
            tags=want.tags,
            ends_at=ends_at,
        )
        self.places -= 1
        self.live.append(live)
        if self._room is not None:
            self._room.take(live)
        if self.reservation is not None:
            self.reservation.take(live)

    def _first(self, place: int, want: Want) -> Verdict:
        """It finds no room, and none before it waits for some."""
        if not self._could(want):
            return "impossible"
        if self._fill(want):
            return "share_full"
        live = [*self.scene.live(), *self.live] if self.scene.owner_rules.backfill else ()
        self.reservation = Reservation(place, want, self.room, live)
        if self.reservation.at is None:
            self.room.keep(want)
            if self.scene.owner_rules.backfill:
                self.reservation.lends = self.room.lend(want)
        return "no_room"

    def _behind(self, first: Reservation, want: Want) -> Lease | Verdict:
        lease = first.lease_for(want, self.room)
        if lease is not None:
            return lease
        if not self._could(want):
            return "impossible"
        if self._fill(want):
            return "share_full"
        found = self.room.find(want) is not None or self._finds_kept(want)
        if not self.scene.owner_rules.backfill:
            self.room.keep(want)
        return "would_delay" if found else "no_room"

    def _finds_kept(self, want: Want) -> bool:
        """Whether there is room, but kept."""
        kept, self.room.kept = self.room.kept, set()
        found = bool(kept) and self.room.find(want) is not None
        self.room.kept = kept
        return found

    def _fill(self, want: Want) -> bool:
        """Whether its user or tag has too many GPUs for it; those behind it then wait as well."""
        quotas = self.room.quotas
        if not (want.count and quotas.counted):
            return False
        # Instances may all be on one GPU.
        least = 1 if want.mig else want.count
        full = {bound.name for bound in quotas.capped(want) if bound.left < least}
        self.full.update(name for name in full if name is not None)
        return bool(full)

    def _could(self, want: Want) -> bool:
        if want.count and not self.room.suited(want):
            return False
        host = self.scene.host
        return want.host.cpu_cores <= (host.cpu_cores or want.host.cpu_cores) and (
            want.host.memory_bytes <= (host.memory_bytes or want.host.memory_bytes)
        )


def decide(scene: Scene) -> list[Start]:
    """The runs that start now, in the order of their turns.

    Looks at one run per group and at every start, never at the whole line; and where very many
    groups find no room, not closely at those that want no less.
    """
    judge = Judge(scene)
    if not scene.queue.heads or judge.places <= 0 or gate_of(scene) is not None:
        return []
    turns = Turns(scene.queue)
    starts: list[Start] = []
    looks = 0
    blocked: Blocked | None = None
    for place, want in turns:
        first = judge.reservation
        if blocked is not None and want.count and blocked.covers(want, first, len(starts)):
            continue
        found = judge.judge(place, want)
        if isinstance(found, Lease):
            judge.start(place, want, found)
            starts.append(Start(place, found, judge.reservation is not None))
            if judge.places <= 0:
                break
            turns.started()
        elif want.count:
            looks += 1
            if scene.gpus is None or judge.room.closed:
                turns.without_gpus()
            elif looks > LOOKS_MAX:
                blocked = blocked or Blocked(judge.room)
                blocked.add(want, judge.reservation, len(starts))
    return starts


def gate_of(scene: Scene) -> Gate | None:
    """What keeps every run from starting, if anything does."""
    rules = scene.owner_rules
    if scene.machine.pause is not None:
        return "paused"
    if scene.local_minute is not None and minutes_until(scene.hours, scene.local_minute):
        return "hours"
    if rules.power_w_max is not None and power_w(scene) > rules.power_w_max:
        return "power"
    return None


def power_w(scene: Scene) -> float:
    """What all GPUs together draw, as far as they tell."""
    drawn: dict[int, float] = {}
    for gpu in scene.gpus or ():
        if gpu.power_w is not None:
            drawn[gpu.index] = max(gpu.power_w, drawn.get(gpu.index, 0.0))
    return sum(drawn.values())


def looks_again_at(scene: Scene) -> float | None:
    """When time alone may let a run start: a GPU was quiet for long enough, or its backoff ends."""
    quiet_s = scene.owner_rules.quiet_s
    ends: list[float] = []
    for gpu in scene.gpus or ():
        if not is_used_by_others(gpu, scene.rules) and gpu.uuid in scene.quiet_from:
            ends.append(scene.quiet_from[gpu.uuid] + quiet_s)
        if not is_crowded(gpu, scene.rules) and gpu.uuid in scene.crowded_until:
            ends.append(scene.crowded_until[gpu.uuid] + quiet_s)
    ends += [backs_off_until(uuid, scene) for uuid in scene.machine.failures]
    return min((at for at in ends if at > scene.now), default=None)
