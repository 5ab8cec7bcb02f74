"""Which of the GPUs with room a run gets: the owner's strategy, and how well GPUs are linked."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from math import comb

from lanherd_agent.core.slots import Slot
from lanherd_agent.core.wants import Want
from lanherd_protocol.machine_rules import Strategy
from lanherd_protocol.values import GpuLink, LinkKind

KINDS: tuple[LinkKind, ...] = (
    "nvlink", "same_board", "pcie_switch", "pcie_switches", "host_bridge", "numa_node", "system",
)  # fmt: skip
"""From the best way between two GPUs to the worst."""
SETS_MAX = 2_000
"""More sets than this are not all looked at: each choice then adds the GPU that goes best with
those chosen. 10 GPUs have 252 sets of 5."""

Order = Callable[[Slot], tuple[float, ...]]
Score = tuple[int, int, int]


def _fullest(slot: Slot) -> tuple[float, ...]:
    return (slot.free_bytes, slot.index, slot.gpu.instance or 0)


def _emptiest(slot: Slot) -> tuple[float, ...]:
    return (-slot.free_bytes, slot.index, slot.gpu.instance or 0)


def _least_used(slot: Slot) -> tuple[float, ...]:
    return (slot.holders, *_emptiest(slot))


def _coolest(slot: Slot) -> tuple[float, ...]:
    degrees = slot.gpu.temperature_c
    return (float("inf") if degrees is None else degrees, *_least_used(slot))


_ORDERS: dict[Strategy, Order] = {
    "pack": _fullest,
    "spread": _least_used,
    "coolest": _coolest,
    "most_free": _emptiest,
}


def ordered(slots: Iterable[Slot], want: Want, strategy: Strategy) -> list[Slot]:
    """The best first. A run that declares no VRAM uses what there is, so it gets the emptiest."""
    order = _ORDERS[strategy]
    if order is _fullest and want.vram_bytes == 0:
        order = _emptiest
    return sorted(slots, key=order)


class Links:
    """How well GPUs reach each other."""

    def __init__(self, links: Sequence[GpuLink]) -> None:
        self._ways = {
            (min(link.first, link.second), max(link.first, link.second)): (
                KINDS.index(link.kind),
                link.nvlinks,
            )
            for link in links
        }

    def score(self, indexes: Sequence[int]) -> Score:
        """Lower is better: the worst way between two of them, then the most NVLinks in all, then
        all ways together. What is not known counts as the worst."""
        worst = nvlinks = together = 0
        for pair in combinations(sorted(indexes), 2):
            kind, count = self._ways.get(pair, (len(KINDS), 0))
            worst = max(worst, kind)
            nvlinks += count
            together += kind
        return (worst, -nvlinks, together)


def best_linked(
    slots: Sequence[Slot], count: int, links: Links, allowed: Callable[[Sequence[Slot]], bool]
) -> list[Slot]:
    """`count` of the slots, which are in order of preference; of equal sets the preferred one.
    Empty if none is allowed."""
    if comb(len(slots), count) > SETS_MAX:
        return _grown(slots, count, links, allowed)
    best: tuple[Score, tuple[Slot, ...]] | None = None
    for some in combinations(slots, count):
        score = links.score([slot.index for slot in some])
        if (best is None or score < best[0]) and allowed(some):
            best = (score, some)
    return [] if best is None else list(best[1])


def _grown(
    slots: Sequence[Slot], count: int, links: Links, allowed: Callable[[Sequence[Slot]], bool]
) -> list[Slot]:
    best: tuple[Score, list[Slot]] | None = None
    for first in slots:
        some = [first]
        while len(some) < count:
            rest = (slot for slot in slots if slot not in some and allowed([*some, slot]))
            indexes = [slot.index for slot in some]
            more = min(rest, key=lambda slot: links.score([*indexes, slot.index]), default=None)
            if more is None:
                break
            some.append(more)
        score = links.score([slot.index for slot in some])
        if len(some) == count and (best is None or score < best[0]):
            best = (score, some)
    return [] if best is None else best[1]
