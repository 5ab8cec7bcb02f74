"""What every page is given: the room, the door to the network, and the window's own signals."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Bridge, Job
from lanherd_desktop.platform.preferences import PreferencesFile
from lanherd_desktop.state.room import Room, RoomChange, RoomUpdate, RunKey
from lanherd_desktop.state.runs import RunRow, run_row
from lanherd_desktop.views.words import failure_line, preferences_problem_text
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import RunView

Result = TypeVar("Result")


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

    def __init__(self, bridge: Bridge, preferences: PreferencesFile) -> None:
        super().__init__()
        self.bridge = bridge
        self.preferences = preferences
        self.room = Room()
        self.failure: Failure | None = None
        self._rows: dict[RunKey, RunRow] = {}
        self._names: dict[DeviceId, str] = {}
        bridge.failed.connect(self._on_failed)
        preferences.tell = lambda problem: self.toast_wanted.emit(
            preferences_problem_text(problem), "danger"
        )
        bridge.room_updated.connect(self._on_update)

    def _on_update(self, update: RoomUpdate) -> None:
        change: RoomChange = self.room.apply(update)
        renamed = change.machines_came_or_went or any(
            self._names.get(machine) != self.machine_name(machine) for machine in change.machines
        )
        if renamed:
            self._names = {m: view.name for m, view in self.room.machines.items()}
            self._rows = {key: self._row(key, view) for key, view in self.room.runs.items()}
        for key in change.runs:
            view = self.room.runs.get(key)
            if view is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = self._row(key, view)
        self.room_changed.emit(change)

    def _row(self, key: RunKey, view: RunView) -> RunRow:
        return run_row(key[0], self.machine_name(key[0]), view)

    def _on_failed(self, failure: Failure) -> None:
        self.failure = failure
        self.room_failed.emit()

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
