"""The line of runs that wait, by their place in it.

Sorted lists of places: appending is O(1), the rest a binary search and a memmove, which at
10,000 runs takes 4 µs. Ready runs are also grouped by what they ask for: if the first of a group
finds no room, no other of that group can, so a decision looks at one run per group.
"""

from bisect import bisect_left, insort

from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.values import GpuRequest, Reason

Shape = tuple[int, int, bool]
"""GPU count, VRAM on each in bytes, exclusive."""


def shape_of(gpus: GpuRequest) -> Shape:
    return (gpus.count, gpus.vram_bytes, gpus.exclusive)


def place_of(priority: int, ordinal: int) -> int:
    """The place in the line: lower ones come first, and each run has its own."""
    return (PRIORITY_MAX - priority) << 48 | ordinal


def _remove(places: list[int], place: int) -> None:
    at = bisect_left(places, place)
    if at == len(places) or places[at] != place:
        raise ValueError(f"place {place} is not in this line")
    del places[at]


class Queue:
    """Waiting runs: each is ready, unprepared, preparing, or parked until something else happens.

    While there is a `gate`, none is prepared or started, and it says why.
    """

    __slots__ = ("_shapes", "gate", "parked", "preparing", "ready", "ready_by_shape", "unprepared")

    def __init__(self) -> None:
        self.gate: Reason | None = None
        self.ready: list[int] = []
        self.ready_by_shape: dict[Shape, list[int]] = {}
        self.unprepared: list[int] = []
        self.preparing: set[int] = set()
        self.parked: set[int] = set()
        self._shapes: dict[int, Shape] = {}

    def __len__(self) -> int:
        return len(self.ready) + len(self.unprepared) + len(self.preparing) + len(self.parked)

    def add_ready(self, place: int, shape: Shape) -> None:
        insort(self.ready, place)
        insort(self.ready_by_shape.setdefault(shape, []), place)
        self._shapes[place] = shape

    def add_unprepared(self, place: int) -> None:
        insort(self.unprepared, place)

    def begin_preparing(self) -> int:
        """The first that is not prepared; it now is being."""
        place = self.unprepared.pop(0)
        self.preparing.add(place)
        return place

    def remove(self, place: int) -> None:
        """Take a run out, wherever it waits."""
        shape = self._shapes.pop(place, None)
        if shape is not None:
            _remove(self.ready, place)
            group = self.ready_by_shape[shape]
            _remove(group, place)
            if not group:
                del self.ready_by_shape[shape]
        elif place in self.preparing:
            self.preparing.remove(place)
        elif place in self.parked:
            self.parked.remove(place)
        else:
            _remove(self.unprepared, place)

    def ready_rank(self, place: int) -> int:
        """How many ready runs are ahead."""
        return bisect_left(self.ready, place)

    def unprepared_rank(self, place: int) -> int:
        """How many runs get their preparation before this one's begins."""
        return bisect_left(self.unprepared, place) + len(self.preparing)
