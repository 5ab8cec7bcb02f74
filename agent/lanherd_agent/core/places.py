"""Where a run stands in the line: one number for each, the lowest first.

    key   = since when it stands there - its priority * what one step of it is worth
    place = key, then the number in which the machine took the run

Waiting adds to all keys alike, so the order among runs never changes by itself: ageing needs no
sorting, and whatever comes later than what its priority is worth stands behind. Nothing starves.
Times are whole nanoseconds, so that a run can always be put between two others.
"""

from collections.abc import Iterable

ORDINAL_BITS = 44
_ORDINAL = (1 << ORDINAL_BITS) - 1
NS = 1_000_000_000
STEP_NS = 100_000
"""Runs that come together stand this far apart, with room for others between them."""


def to_ns(at_s: float) -> int:
    return round(at_s * NS)


def place_of(line_ns: int, priority: int, ordinal: int, ageing_s: float) -> int:
    """The place in the line: lower ones come first, and each run has its own."""
    return (line_ns - priority * to_ns(ageing_s)) << ORDINAL_BITS | ordinal


def ordinal_of(place: int) -> int:
    return place & _ORDINAL


def key_of(place: int) -> int:
    return place >> ORDINAL_BITS


def shifted(place: int, by_ns: int) -> int:
    """The place that is later by so much."""
    return place + (by_ns << ORDINAL_BITS)


def key_before(behind: int, ahead: Iterable[int]) -> int:
    """A key right before `behind`; `ahead` are those before it, the nearest first.

    Nearer to the one ahead than to `behind`, so that many can be put in front of the same run one
    after another. Where there is no room between two, it goes before both.
    """
    for key in ahead:
        gap = behind - key
        if gap > 1:
            return key + max(1, gap // 8)
        behind = key
    return behind - STEP_NS
