"""The line of runs that wait, by their place in it.

Sorted lists of places: appending is O(1), the rest a binary search and a memmove, which at
10,000 runs takes 4 µs. Ready runs are also grouped by what they want: if the first of a group finds
no room, no other of that group can, so a decision looks at one run per group, in the order of the
groups' first runs, and only as far as it gets.

Users stand in lines of their own: each is later by the penalty for what its user has had lately.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush, merge
from itertools import islice

from lanherd_agent.core.places import ordinal_of, shifted
from lanherd_agent.core.wants import Want
from lanherd_protocol.values import Reason


class Group:
    """The ready runs that want the same, by place."""

    __slots__ = ("places", "want")

    def __init__(self, want: Want) -> None:
        self.want = want
        self.places: list[int] = []


Head = tuple[int, Group]
"""The first of a group. No two have the same place, so groups are never compared."""


def _remove(places: list[int], place: int) -> None:
    at = bisect_left(places, place)
    if at == len(places) or places[at] != place:
        raise ValueError(f"place {place} is not in this line")
    del places[at]


class Queue:
    """Waiting runs: each is ready, unprepared, preparing, or parked until something else happens.

    While there is a `gate`, none is prepared or started, and it says why.
    """

    __slots__ = (
        "_by_ordinal",
        "_grouped",
        "gate",
        "groups",
        "heads",
        "notice",
        "parked",
        "penalties",
        "preparing",
        "ready",
        "unprepared",
    )

    def __init__(self) -> None:
        self.gate: Reason | None = None
        self.notice: Reason | None = None
        """What keeps all of them waiting, for whoever looks: the gate, or a rule or a person."""
        self.ready: dict[str, list[int]] = {}
        """By user."""
        self.groups: dict[Want, Group] = {}
        self.heads: dict[tuple[str, bool], list[Head]] = {}
        """By user, and whether the run wants a GPU."""
        self.penalties: Mapping[str, int] = {}
        """Nanoseconds by which the runs of a user stand further back."""
        self.unprepared: list[int] = []
        self.preparing: set[int] = set()
        self.parked: set[int] = set()
        self._grouped: dict[int, Group] = {}
        self._by_ordinal: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._grouped) + len(self.unprepared) + len(self.preparing) + len(self.parked)

    def add_ready(self, place: int, want: Want) -> None:
        group = self.groups.get(want)
        if group is None:
            group = self.groups[want] = Group(want)
        places = group.places
        if not places or place < places[0]:
            heads = self.heads.setdefault((want.owner, want.count > 0), [])
            if places:
                del heads[bisect_left(heads, (places[0],))]
            insort(heads, (place, group))
        insort(places, place)
        insort(self.ready.setdefault(want.owner, []), place)
        self._grouped[place] = group
        self._by_ordinal[ordinal_of(place)] = place

    def add_unprepared(self, place: int) -> None:
        insort(self.unprepared, place)
        self._by_ordinal[ordinal_of(place)] = place

    def begin_preparing(self) -> int:
        """The first that is not prepared; it now is being."""
        place = self.unprepared.pop(0)
        del self._by_ordinal[ordinal_of(place)]
        self.preparing.add(place)
        return place

    def remove(self, place: int) -> None:
        """Take a run out, wherever it waits."""
        group = self._grouped.pop(place, None)
        if group is not None:
            self._ungroup(place, group)
            del self._by_ordinal[ordinal_of(place)]
        elif place in self.preparing:
            self.preparing.remove(place)
        elif place in self.parked:
            self.parked.remove(place)
        else:
            _remove(self.unprepared, place)
            del self._by_ordinal[ordinal_of(place)]

    def _ungroup(self, place: int, group: Group) -> None:
        owner = group.want.owner
        mine = self.ready[owner]
        _remove(mine, place)
        if not mine:
            del self.ready[owner]
        places = group.places
        first = places[0] == place
        _remove(places, place)
        if not first:
            return
        kind = (owner, group.want.count > 0)
        heads = self.heads[kind]
        del heads[bisect_left(heads, (place,))]
        if places:
            insort(heads, (places[0], group))
            return
        del self.groups[group.want]
        if not heads:
            del self.heads[kind]

    def is_ready(self, place: int) -> bool:
        return place in self._grouped

    # --- The order -------------------------------------------------------------------------------

    def want(self, place: int) -> Want:
        """What the ready run at this place wants."""
        return self._grouped[place].want

    def turn(self, place: int, owner: str) -> int:
        """Whose turn comes first, over all users: the lowest."""
        penalty_ns = self.penalties.get(owner)
        return shifted(place, penalty_ns) if penalty_ns else place

    def first(self, count: int) -> list[int]:
        """The places of the first ready runs."""
        lines = (
            [(self.turn(place, owner), place) for place in places[:count]]
            for owner, places in self.ready.items()
        )
        return [place for _, place in islice(merge(*lines), count)]

    def is_among_first(self, place: int, count: int) -> bool:
        """Whether fewer than so many ready runs are ahead, whoever's they are."""
        ahead = 0
        for places in self.ready.values():
            ahead += bisect_left(places, place)
            if ahead >= count:
                return False
        return True

    def ready_rank(self, ordinal: int) -> int | None:
        """How many ready runs are ahead; None if it isn't ready."""
        place = self._by_ordinal.get(ordinal)
        group = self._grouped.get(place) if place is not None else None
        if place is None or group is None:
            return None
        penalties = self.penalties
        mine_ns = penalties.get(group.want.owner, 0)
        return sum(
            bisect_left(places, shifted(place, mine_ns - penalties.get(owner, 0)))
            for owner, places in self.ready.items()
        )

    def unprepared_rank(self, ordinal: int) -> int | None:
        """How many runs get their preparation before this one's begins; None if it has begun."""
        place = self._by_ordinal.get(ordinal)
        if place is None or place in self._grouped:
            return None
        return bisect_left(self.unprepared, place) + len(self.preparing)


class Turns:
    """The groups of a queue, one run at a time in the order of their turns, as a decision goes
    through them. The next of a group comes only if the one before it was `started`."""

    __slots__ = ("_last", "_queue", "_turns")

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._turns: list[_Turn] = []
        for (owner, _), heads in queue.heads.items():
            place, group = heads[0]
            self._turns.append((queue.turn(place, owner), place, group, 0, 0))
        heapify(self._turns)
        self._last: _Turn | None = None

    def __iter__(self) -> Iterator[tuple[int, Want]]:
        while self._turns:
            turn = self._last = heappop(self._turns)
            _, place, group, at, index = turn
            if at == 0:
                self._push_head(group.want, index + 1)
            yield place, group.want

    def started(self) -> None:
        """The run that came last starts: the next of its group may as well."""
        assert self._last is not None
        _, _, group, at, index = self._last
        if at + 1 < len(group.places):
            place = group.places[at + 1]
            turn = self._queue.turn(place, group.want.owner)
            heappush(self._turns, (turn, place, group, at + 1, index))

    def without_gpus(self) -> None:
        """No GPU can be had any more: go on with those that want none. A sorted rest is a heap."""
        self._turns = sorted(turn for turn in self._turns if turn[2].want.count == 0)

    def _push_head(self, want: Want, index: int) -> None:
        heads = self._queue.heads[(want.owner, want.count > 0)]
        if index < len(heads):
            place, group = heads[index]
            heappush(self._turns, (self._queue.turn(place, want.owner), place, group, 0, index))


_Turn = tuple[int, int, Group, int, int]
"""Its turn, its place, its group, its number in the group, and the group's among the heads."""
