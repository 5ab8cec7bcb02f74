"""What every page is given: the room, the door to the network, and the window's own signals."""

import gc
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Bridge, Job
from lanherd_desktop.platform.preferences import PreferencesFile
from lanherd_desktop.state import numbers
from lanherd_desktop.state.room import Room, RoomChange, RoomUpdate, RunKey, merged, parted
from lanherd_desktop.state.runs import RunRow, run_row
from lanherd_desktop.state.silence import silent_since
from lanherd_desktop.views.words import failure_line, preferences_problem_text
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import RunView

Result = TypeVar("Result")
RUNS_AT_ONCE = 500
"""So many runs are taken over in one turn of the window: what a person does comes between two."""


class WindowContext(QObject):
    """Applies what the bridge brings to the room, and tells the pages."""

    room_changed = Signal(object)
    """A RoomChange."""
    second_passed = Signal()
    """Durations and ages are a second older."""
    run_wanted = Signal(object, str)
    """Show a run (RunKey) at a tab of its detail ('' keeps the tab)."""
    submit_wanted = Signal(object)
    """Open the submit dialog with a SubmitForm."""
    room_failed = Signal()
    """The fleet could not be opened: `failure` says why, and the room stays empty."""
    toast_wanted = Signal(str, str)
    """Text and kind: info, ok or danger."""
    undo_offered = Signal(str, object)
    """Text of what was done, and what takes it back: a callable."""

    def __init__(self, bridge: Bridge, preferences: PreferencesFile) -> None:
        super().__init__()
        self.bridge = bridge
        self.preferences = preferences
        self.room = Room()
        self.failure: Failure | None = None
        self._rows: dict[RunKey, RunRow] = {}
        self._names: dict[DeviceId, str] = {}
        self._silent: dict[DeviceId, float | None] = {}
        self._rest: RoomUpdate | None = None
        """What has come and is not taken yet, since it is much."""
        self._next_turn = QTimer(self)
        self._next_turn.setSingleShot(True)
        self._next_turn.timeout.connect(lambda: self._on_update(RoomUpdate()))
        self.now = time.time()
        """The moment that durations on the screen are counted to: the same one everywhere."""
        # First of all who hear it: the others show what this has set.
        self.second_passed.connect(self._on_second)
        bridge.failed.connect(self._on_failed)
        preferences.tell = lambda problem: self.toast_wanted.emit(
            preferences_problem_text(problem), "danger"
        )
        bridge.room_updated.connect(self._on_update)

    def _on_update(self, update: RoomUpdate) -> None:
        was_much = self._rest is not None
        if self._rest is not None:
            update = merged(self._rest, update)
        now, self._rest = parted(update, self.room.runs, RUNS_AT_ONCE)
        change: RoomChange = self.room.apply(now)
        touched = change.runs | self._now(
            (self._of_names(change) | self._of_silence(change.machines)) - change.runs
        )
        for key in touched:
            view = self.room.runs.get(key)
            if view is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = self._row(key, view)
        if self._rest is not None:
            self._next_turn.start()
        self.room_changed.emit(replace(change, runs=touched))
        if was_much and self._rest is None:
            # They stay: each full collection would look at all of them, for longer than a frame.
            gc.collect(1)
            gc.freeze()

    @property
    def settled(self) -> bool:
        """Whether all that has come is taken over."""
        return self._rest is None

    def _now(self, older: set[RunKey]) -> set[RunKey]:
        """Runs that are not news, but whose machine is: all of them, or none before the next turn
        where they are many."""
        if len(older) <= RUNS_AT_ONCE:
            return older
        again = RoomUpdate(runs={key: self.room.runs[key] for key in older})
        self._rest = again if self._rest is None else merged(again, self._rest)
        return set()

    def _of_names(self, change: RoomChange) -> set[RunKey]:
        """The runs of machines that came, or have another name now."""
        names = {machine: view.name for machine, view in self.room.machines.items()}
        if names == self._names:
            return set()
        before, self._names = self._names, names
        return {key for key in self.room.runs if names.get(key[0]) != before.get(key[0])}

    def _of_silence(self, machines: Iterable[DeviceId]) -> set[RunKey]:
        """The runs that go on, on machines that fell silent or can be asked again."""
        found: set[RunKey] = set()
        for machine in machines:
            silent = silent_since(self.room.machines.get(machine))
            if silent != self._silent.get(machine):
                self._silent[machine] = silent
                found.update((machine, view.run) for view in self.room.open_runs_of(machine))
        return found

    def _on_second(self) -> None:
        self.now = time.time()

    def _row(self, key: RunKey, view: RunView) -> RunRow:
        source = self.room.machines.get(key[0])
        return run_row(key[0], self.machine_name(key[0]), view, source)

    def _on_failed(self, failure: Failure) -> None:
        self.failure = failure
        self.room_failed.emit()

    def run_trailing(self, row: RunRow) -> str:
        """How long a run has run; empty while it waits."""
        seconds = row.seconds(self.now)
        return numbers.duration(seconds) if seconds is not None else ""

    def machine_name(self, machine: DeviceId) -> str:
        view = self.room.machines.get(machine)
        return view.name if view is not None else machine[:12]

    def row(self, key: RunKey) -> RunRow | None:
        """A run as lists show it; None when it is gone."""
        return self._rows.get(key)

    def rows(self) -> Mapping[RunKey, RunRow]:
        """All runs as lists show them."""
        return self._rows

    def ask(
        self,
        question: Callable[[Fleet, Job[Result]], Coroutine[Any, Any, Result]],
        on_done: Callable[[Result], None],
        on_failed: Callable[[Failure], None] | None = None,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Job[Result]:
        """Ask the fleet; a failure that nobody else shows is a toast."""
        return self.bridge.ask(question, on_done, on_failed or self.tell_failure, on_progress)

    def tell_failure(self, failure: Failure) -> None:
        self.toast_wanted.emit(failure_line(failure), "danger")
