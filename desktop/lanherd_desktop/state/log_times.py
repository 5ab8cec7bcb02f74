"""When the lines of a log were printed, as far as its machine noted it."""

from bisect import bisect_right
from collections.abc import Sequence


class LogTimes:
    """Pairs of an offset and the Unix time at which the log had grown to it, in order."""

    def __init__(self, pairs: Sequence[tuple[int, float]] = ()) -> None:
        self._offsets = [offset for offset, _ in pairs]
        self._times = [at for _, at in pairs]

    def __bool__(self) -> bool:
        return bool(self._offsets)

    @property
    def known_to(self) -> int:
        """The offset up to which times are known."""
        return self._offsets[-1] if self._offsets else 0

    def at(self, offset: int) -> float | None:
        """When the byte at `offset` had been printed at the latest; None where nobody knows."""
        place = bisect_right(self._offsets, offset)
        return self._times[place] if place < len(self._times) else None
