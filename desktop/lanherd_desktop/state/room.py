"""What the window knows of the room: one picture, changed by one update a tick.

The bridge collects what happened since the last tick and hands it over as a `RoomUpdate`: the
latest value per machine and per run, never a list of everything in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lanherd_client.discovery import Sighting
from lanherd_client.mirror import GpuPoint, MachineView, RunRecord
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import Ended, Preparing, Queued, RunView, is_live

RunKey = tuple[DeviceId, RunId]
Histories = Mapping[GpuUuid, tuple[GpuPoint, ...]]


@dataclass(frozen=True, slots=True)
class RoomUpdate:
    """What is new since the last one. A machine or a run that is None is gone."""

    machines: Mapping[DeviceId, MachineView | None] = field(default_factory=dict)
    histories: Mapping[DeviceId, Histories] = field(default_factory=dict)
    runs: Mapping[RunKey, RunView | None] = field(default_factory=dict)
    runs_replaced: Mapping[DeviceId, tuple[RunRecord, ...]] = field(default_factory=dict)
    sightings: tuple[Sighting, ...] | None = None


@dataclass(frozen=True, slots=True)
class RoomChange:
    """What an update changed, for those who show it."""

    machines: frozenset[DeviceId]
    machines_came_or_went: bool
    runs: frozenset[RunKey]
    runs_came_or_went: bool
    sightings: bool


class Room:
    """Machines by id, runs by machine and id, and found machines that are not paired."""

    def __init__(self) -> None:
        self.machines: dict[DeviceId, MachineView] = {}
        self.histories: dict[DeviceId, Histories] = {}
        self.runs: dict[RunKey, RunView] = {}
        self.sightings: tuple[Sighting, ...] = ()

    def apply(self, update: RoomUpdate) -> RoomChange:
        """Take the update over; returns what it changed."""
        machines_before = self.machines.keys() | set()
        runs_before = len(self.runs)
        touched_runs: set[RunKey] = set()
        went = False
        for machine, view in update.machines.items():
            if view is None:
                self.machines.pop(machine, None)
                self.histories.pop(machine, None)
                went = self._forget_runs(machine, touched_runs) or went
            else:
                self.machines[machine] = view
        self.histories.update(
            (machine, history)
            for machine, history in update.histories.items()
            if machine in self.machines
        )
        for machine, records in update.runs_replaced.items():
            went = self._forget_runs(machine, touched_runs) or went
            for record in records:
                self.runs[machine, record.view.run] = record.view
                touched_runs.add((machine, record.view.run))
        for key, run in update.runs.items():
            touched_runs.add(key)
            if run is None:
                went = self.runs.pop(key, None) is not None or went
            else:
                self.runs[key] = run
        sightings_changed = update.sightings is not None and update.sightings != self.sightings
        if update.sightings is not None:
            self.sightings = update.sightings
        return RoomChange(
            machines=frozenset(update.machines) | frozenset(update.histories),
            machines_came_or_went=machines_before != self.machines.keys(),
            runs=frozenset(touched_runs),
            runs_came_or_went=went or len(self.runs) != runs_before,
            sightings=sightings_changed,
        )

    def _forget_runs(self, machine: DeviceId, touched: set[RunKey]) -> bool:
        gone = [key for key in self.runs if key[0] == machine]
        touched.update(gone)
        for key in gone:
            del self.runs[key]
        return bool(gone)

    def machines_by_name(self) -> list[MachineView]:
        """Machines in the order of their names, then ids."""
        return sorted(self.machines.values(), key=lambda m: (m.name.casefold(), m.machine))

    def runs_of(self, machine: DeviceId) -> list[RunView]:
        """A machine's runs: running ones first, then waiting ones, then the newest ended ones."""
        mine = [view for key, view in self.runs.items() if key[0] == machine]
        mine.sort(key=lambda view: view.run, reverse=True)
        mine.sort(key=_rank)
        return mine


def _rank(view: RunView) -> int:
    if is_live(view.state):
        return 0
    return 1 if isinstance(view.state, Queued | Preparing) else 2


def is_ended(view: RunView) -> bool:
    """Whether nothing about the run changes any more."""
    return isinstance(view.state, Ended)
