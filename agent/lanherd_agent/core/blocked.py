"""Wishes that found no room, so that a decision need not weigh those that are answered alike.

Between two starts the same room is left. Then a wish of the same kind finds none either if each GPU
has room for both or for neither, and if it is over no sooner. That makes a look at one more group
cheap where very many of them wait, and lets all be looked at.
"""

from bisect import bisect_left
from collections.abc import Hashable

from lanherd_agent.core.reservation import Reservation
from lanherd_agent.core.room import Room
from lanherd_agent.core.wants import NO_HOST, Want

OVER_IN_TIME, LIMITED, UNLIMITED = range(3)
"""How long a run holds what it gets, as the first in line sees it: what has no room for a shorter
time has none for a longer one."""
_Kind = tuple[Hashable, ...]


class Blocked:
    """The wishes of one decision that found no room, since the last start."""

    __slots__ = ("_first", "_room", "_starts", "_steps", "_terms")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._first: Reservation | None = None
        self._starts = -1
        self._steps: list[int] = []
        """Between two of them it makes no difference how much VRAM is wanted."""
        self._terms: dict[_Kind, int] = {}
        """For how long what was wanted, at the least."""

    def add(self, want: Want, first: Reservation | None, starts: int) -> None:
        """It found no room, after so many starts."""
        if not self._is_of(first, starts):
            self._first, self._starts = first, starts
            self._steps = sorted(_steps(self._room, first))
            self._terms = {}
        kind = self._kind(want)
        self._terms[kind] = min(self._terms.get(kind, UNLIMITED), self._term(want))

    def covers(self, want: Want, first: Reservation | None, starts: int) -> bool:
        """Whether one like it found no room."""
        if not self._is_of(first, starts):
            return False
        term = self._terms.get(self._kind(want))
        return term is not None and term <= self._term(want)

    def _is_of(self, first: Reservation | None, starts: int) -> bool:
        return self._starts == starts and self._first is first

    def _kind(self, want: Want) -> _Kind:
        """All that matters of it, but for how long."""
        scene, quotas = self._room.scene, self._room.quotas
        vram_bytes = want.vram_bytes
        return (
            # One that declares none is like no other.
            bisect_left(self._steps, vram_bytes) if vram_bytes else -1,
            want.count,
            want.most,
            want.exclusive,
            want.waits,
            want.linked,
            want.mig,
            frozenset(scene.matching.matches(want.where)) if want.where else None,
            want.tags,
            tuple(quotas.names(want)) if quotas.counted else (),
            None if want.host == NO_HOST else want.host,
        )

    def _term(self, want: Want) -> int:
        if want.ends_s is None:
            return UNLIMITED
        at = None if self._first is None else self._first.at
        in_time = at is not None and self._room.scene.now + want.ends_s <= at
        return OVER_IN_TIME if in_time else LIMITED


def _steps(room: Room, first: Reservation | None) -> set[int]:
    """The sizes above which a GPU has no room: ever, now, or beside the first in line later."""
    steps = {size for slot in room.slots for size in (slot.most_bytes, slot.free_bytes)}
    if first is None or first.later is None:
        return steps
    undeclared = room.scene.rules.undeclared_free_share
    for slot in first.later.slots:
        needs = first.want.vram_bytes or int(slot.gpu.total_bytes * undeclared)
        steps.add(max(0, slot.gpu.total_bytes - slot.used_bytes - slot.foreign_bytes - needs))
        steps.add(max(0, slot.promised_max - slot.leased_bytes - needs))
    return steps
