"""Machines that are seen: hints where an agent may be, never a reason to trust it.

A source reports the whole set that it sees whenever that changes. The address and port of a
sighting are tried; whoever answers must still prove to be the paired machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lanherd_protocol.ids import DeviceId


@dataclass(frozen=True, slots=True)
class Sighting:
    """An agent as it advertises itself. `socket` is its Unix socket, where it is on this machine.

    `source` names the kind of sighting: 'local' for the adverts of this machine.
    """

    machine: DeviceId
    name: str
    version: str
    addresses: tuple[str, ...]
    port: int
    source: str
    socket: str | None = None
    simulated: bool = False


Report = Callable[[tuple[Sighting, ...]], None]


class Source(Protocol):
    """One way of seeing agents."""

    @property
    def name(self) -> str: ...

    async def watch(self, report: Report) -> None:
        """Reports what is seen, first at once and then at every change, until cancelled."""


def merge(seen: dict[str, tuple[Sighting, ...]]) -> tuple[Sighting, ...]:
    """What all sources see together, one per machine and source, by name."""
    every = {
        (sighting.machine, sighting.source): sighting
        for sightings in seen.values()
        for sighting in sightings
    }
    return tuple(sorted(every.values(), key=lambda s: (s.name.casefold(), s.machine, s.source)))
