"""What the window knows of the room: one picture, changed by one update a tick.

The bridge collects what happened since the last tick and hands it over as a `RoomUpdate`: the
latest value per machine and per run, never a list of everything in between.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as with_values

from lanherd_client.discovery import Sighting
from lanherd_client.mirror import GpuPoint, MachineView, RunRecord
from lanherd_desktop.state.run_commands import is_in_line
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import Ended, RunView, is_live

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


def merged(earlier: RoomUpdate, later: RoomUpdate) -> RoomUpdate:
    """One update that says what both say, one after the other."""
    gone = {machine for machine, view in later.machines.items() if view is None}
    anew = gone | later.runs_replaced.keys()
    replaced = {m: runs for m, runs in earlier.runs_replaced.items() if m not in gone}
    histories = {m: lines for m, lines in earlier.histories.items() if m not in gone}
    for machine, view in earlier.machines.items():
        if view is None and later.machines.get(machine) is not None:
            # Gone and back within a tick: nothing of what was known of it before may stay.
            replaced[machine] = ()
            histories[machine] = {}
    return RoomUpdate(
        machines={**earlier.machines, **later.machines},
        histories={**histories, **later.histories},
        runs={**{k: run for k, run in earlier.runs.items() if k[0] not in anew}, **later.runs},
        runs_replaced={**replaced, **later.runs_replaced},
        sightings=later.sightings if later.sightings is not None else earlier.sightings,
    )


def parted(
    update: RoomUpdate, known: Iterable[RunKey], runs_max: int
) -> tuple[RoomUpdate, RoomUpdate | None]:
    """What of an update is taken now, and what is left: ten thousand runs at once are too many for
    one turn of a window. Those that are gone go first, then the newest come.

    `known` are the runs before it: of a machine all of whose runs are replaced, those that are not
    named again go, and the others stay while the rest is on its way.
    """
    count = len(update.runs) + sum(map(len, update.runs_replaced.values()))
    if count <= runs_max:
        return update, None
    runs: dict[RunKey, RunView | None] = {
        key: None for key in known if key[0] in update.runs_replaced
    }
    for machine, records in update.runs_replaced.items():
        runs.update(((machine, record.view.run), record.view) for record in records)
    runs.update(update.runs)

    def age(key: RunKey) -> float:
        view = runs[key]
        return -view.submitted_at if view is not None else -math.inf

    order = sorted(runs, key=age)
    now, later = order[:runs_max], order[runs_max:]
    return (
        with_values(update, runs={key: runs[key] for key in now}, runs_replaced={}),
        RoomUpdate(runs={key: runs[key] for key in later}) if later else None,
    )


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
        self.heard = False
        """Whether anything has come yet: before that an empty room means nothing."""
        self._live: dict[DeviceId, dict[RunId, RunView]] = {}
        self._waiting: dict[DeviceId, dict[RunId, RunView]] = {}

    def apply(self, update: RoomUpdate) -> RoomChange:
        """Take the update over; returns what it changed."""
        self.heard = True
        machines_before = set(self.machines)
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
                self._put((machine, record.view.run), record.view)
                touched_runs.add((machine, record.view.run))
        for key, run in update.runs.items():
            touched_runs.add(key)
            if run is None:
                went = self._drop(key) or went
            else:
                self._put(key, run)
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
            self._drop(key)
        return bool(gone)

    def _put(self, key: RunKey, view: RunView) -> None:
        machine, run = key
        self._close(key)
        self.runs[key] = view
        if not isinstance(view.state, Ended):
            some = self._live if is_live(view.state) else self._waiting
            some.setdefault(machine, {})[run] = view

    def _drop(self, key: RunKey) -> bool:
        self._close(key)
        return self.runs.pop(key, None) is not None

    def _close(self, key: RunKey) -> None:
        machine, run = key
        for some in (self._live, self._waiting):
            if machine in some:
                some[machine].pop(run, None)

    def machines_by_name(self) -> list[MachineView]:
        """Machines in the order of their names, then ids."""
        return sorted(self.machines.values(), key=lambda m: (m.name.casefold(), m.machine))

    def open_runs_of(self, machine: DeviceId) -> list[RunView]:
        """A machine's runs that have not ended: live ones first, of each kind the newest first."""
        found: list[RunView] = []
        for some in (self._live.get(machine, {}), self._waiting.get(machine, {})):
            found += [some[run] for run in sorted(some, reverse=True)]
        return found

    def others_in_line(self, key: RunKey) -> bool:
        """Whether other runs wait for their turn on the same machine."""
        machine, run = key
        mine = self._waiting.get(machine, {}).values()
        return any(is_in_line(view) for view in mine if view.run != run)

    def found(self) -> list[Sighting]:
        """Machines that are seen and not paired, by name."""
        unpaired = (one for one in self.sightings if one.machine not in self.machines)
        return sorted(unpaired, key=lambda one: (one.name.casefold(), one.machine))


def is_ended(view: RunView) -> bool:
    """Whether nothing about the run changes any more."""
    return isinstance(view.state, Ended)
