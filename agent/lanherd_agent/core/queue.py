"""The line of runs that wait, in the order in which the machine took them.

Sorted lists of ordinals: appending is O(1), the rest a binary search and a memmove, which at
10,000 runs takes 4 µs. Ready runs are also grouped by what they ask for: if the first of a group
finds no room, no other of that group can, so a decision looks at one run per group.
"""

from bisect import bisect_left, insort

from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.values import GpuRequest

Shape = tuple[int, int, bool]
"""GPU count, VRAM on each in bytes, exclusive."""


def shape_of(gpus: GpuRequest) -> Shape:
    return (gpus.count, gpus.vram_bytes, gpus.exclusive)


def place_of(priority: int, ordinal: int) -> int:
    """The place in the line: lower ones come first, and each run has its own."""
    return (PRIORITY_MAX - priority) << 48 | ordinal


def _remove(ordinals: list[int], ordinal: int) -> None:
    at = bisect_left(ordinals, ordinal)
    if at == len(ordinals) or ordinals[at] != ordinal:
        raise ValueError(f"run number {ordinal} is not in this line")
    del ordinals[at]


class Queue:
    """Waiting runs: each is ready, unprepared or preparing."""

    __slots__ = ("_shapes", "preparing", "ready", "ready_by_shape", "unprepared")

    def __init__(self) -> None:
        self.ready: list[int] = []
        self.ready_by_shape: dict[Shape, list[int]] = {}
        self.unprepared: list[int] = []
        self.preparing: set[int] = set()
        self._shapes: dict[int, Shape] = {}

    def __len__(self) -> int:
        return len(self.ready) + len(self.unprepared) + len(self.preparing)

    def add_ready(self, ordinal: int, shape: Shape) -> None:
        insort(self.ready, ordinal)
        insort(self.ready_by_shape.setdefault(shape, []), ordinal)
        self._shapes[ordinal] = shape

    def add_unprepared(self, ordinal: int) -> None:
        insort(self.unprepared, ordinal)

    def begin_preparing(self) -> int:
        """The first that is not prepared; it now is being."""
        ordinal = self.unprepared.pop(0)
        self.preparing.add(ordinal)
        return ordinal

    def remove(self, ordinal: int) -> None:
        """Take a run out, wherever it waits."""
        shape = self._shapes.pop(ordinal, None)
        if shape is not None:
            _remove(self.ready, ordinal)
            group = self.ready_by_shape[shape]
            _remove(group, ordinal)
            if not group:
                del self.ready_by_shape[shape]
        elif ordinal in self.preparing:
            self.preparing.remove(ordinal)
        else:
            _remove(self.unprepared, ordinal)

    def ready_rank(self, ordinal: int) -> int:
        """How many ready runs are ahead."""
        return bisect_left(self.ready, ordinal)

    def unprepared_rank(self, ordinal: int) -> int:
        """How many runs get their preparation before this one's begins."""
        return bisect_left(self.unprepared, ordinal) + len(self.preparing)
