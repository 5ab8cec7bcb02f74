"""The owner's shares of a machine: GPUs that stay free, that are kept for users or tags, and the
most that each may hold.

GPUs are counted by index: a GPU counts once for a user, however many runs share it, and one that is
cut into MIG instances counts as one.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.slots import Slot
from lanherd_agent.core.wants import Want
from lanherd_protocol.machine_rules import ShareRule

Name = tuple[str, str]
"""`user` or `tag`, and which."""


class Bound(NamedTuple):
    """At most `left` GPUs that are not in `exempt`. `name` None: so many must stay empty."""

    name: Name | None
    exempt: Collection[int]
    left: int


class Quotas:
    """Who holds which GPUs, for the rules that count them; empty where there is no such rule."""

    __slots__ = ("_keep_free", "_rules", "held", "in_use", "working")

    def __init__(self, scene: Scene, slots: Iterable[Slot]) -> None:
        rules = scene.owner_rules
        self._keep_free = rules.keep_free
        self._rules: dict[Name, ShareRule] = {
            ("user", who): one for who, one in rules.users.items()
        }
        self._rules |= {("tag", tag): one for tag, one in rules.tags.items()}
        self.held: dict[Name, dict[int, int]] = {name: {} for name in self._rules}
        self.in_use: dict[int, int] = {}
        """Leases on each GPU that has any."""
        self.working: set[int] = set()
        if not self.counted:
            return
        some = [slot for slot in slots if slot.closed != "mig"]
        # A GPU of which a part is broken is nothing that one would call free.
        broken = {slot.index for slot in some if not slot.working}
        self.working = {slot.index for slot in some} - broken
        for live in scene.live():
            self.take(live)

    @property
    def counted(self) -> bool:
        """Whether there is any such rule."""
        return bool(self._keep_free or self._rules)

    def copy(self) -> "Quotas":
        copy = Quotas.__new__(Quotas)
        copy._keep_free, copy._rules, copy.working = self._keep_free, self._rules, self.working
        copy.in_use = dict(self.in_use)
        copy.held = {name: dict(held) for name, held in self.held.items()}
        return copy

    def take(self, live: Live) -> None:
        for counts in self._counts(live.owner, live.tags):
            for gpu in live.lease.gpus:
                counts[gpu.index] = counts.get(gpu.index, 0) + 1

    def give(self, live: Live) -> None:
        for counts in self._counts(live.owner, live.tags):
            for gpu in live.lease.gpus:
                counts[gpu.index] -= 1
                if not counts[gpu.index]:
                    del counts[gpu.index]

    def _counts(self, owner: str, tags: Sequence[str]) -> list[dict[int, int]]:
        mine = [self.held[name] for name in _names(owner, tags) if name in self.held]
        return [self.in_use, *mine]

    # --- What a run may take ---------------------------------------------------------------------

    def bounds(self, want: Want) -> list[Bound]:
        """Of a run that starts now."""
        if not self.counted:
            return []
        empty = len(self.working.difference(self.in_use))
        mine = set(_names(want.owner, want.tags))
        owed = sum(
            max(0, rule.gpus_min - len(self.held[name]))
            for name, rule in self._rules.items()
            if name not in mine
        )
        bounds = [Bound(None, self.in_use, empty - self._keep_free - owed)]
        for name in mine.intersection(self._rules):
            most = self._rules[name].gpus_max
            if most is not None:
                held = self.held[name]
                bounds.append(Bound(name, held, most - len(held)))
        return bounds

    def bounds_if_empty(self, want: Want) -> list[Bound]:
        """Of a run that starts when no other is live."""
        if not self.counted:
            return []
        empty = self.copy()
        empty.in_use = {}
        empty.held = {name: {} for name in self._rules}
        return empty.bounds(want)

    def capped(self, want: Want) -> list[Bound]:
        """The shares of the run's user and tags that have a most, and what is left of each."""
        return [bound for bound in self.bounds(want) if bound.name is not None]

    def owed(self, want: Want) -> tuple[int, int]:
        """GPUs that stay free for the owner, and for the users and tags of other runs."""
        left = self.bounds(want)[0].left
        empty = len(self.working.difference(self.in_use))
        return self._keep_free, empty - self._keep_free - left

    def names(self, want: Want) -> list[Name]:
        """The rules that the run's user and tags have."""
        return [name for name in _names(want.owner, want.tags) if name in self._rules]


def _names(owner: str, tags: Iterable[str]) -> list[Name]:
    return [("user", owner), *(("tag", tag) for tag in tags)]


def picked(order: Sequence[Slot], most: int, bounds: Sequence[Bound]) -> list[Slot]:
    """Up to `most` of the slots, those that come first and that the bounds let it have."""
    if not bounds:
        return list(order[:most])
    chosen: list[Slot] = []
    seen: set[int] = set()
    left = [bound.left for bound in bounds]
    for slot in order:
        if len(chosen) == most:
            break
        if slot.index not in seen:
            taken = [at for at, bound in enumerate(bounds) if slot.index not in bound.exempt]
            if any(left[at] <= 0 for at in taken):
                continue
            for at in taken:
                left[at] -= 1
            seen.add(slot.index)
        chosen.append(slot)
    return chosen


def are_allowed(slots: Sequence[Slot], bounds: Sequence[Bound]) -> bool:
    """Whether the bounds let a run have all of these."""
    return len(picked(slots, len(slots), bounds)) == len(slots)


def cheapest_first(order: Iterable[Slot], bounds: Sequence[Bound]) -> list[Slot]:
    """Those first that use up the fewest bounds, so that a run which finds room anywhere does."""
    return sorted(order, key=lambda slot: sum(slot.index not in bound.exempt for bound in bounds))
