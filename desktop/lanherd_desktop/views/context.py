"""What every page is given: the room, the door to the network, and the window's own signals."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Bridge, Job
from lanherd_desktop.platform.preferences import PreferencesFile
from lanherd_desktop.state.room import Room, RoomChange, RoomUpdate, RunKey
from lanherd_desktop.state.runs import RunRow, run_row
from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId

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
    toast_wanted = Signal(str, str)
    """Text and kind: info, ok or danger."""

    def __init__(self, bridge: Bridge, preferences: PreferencesFile) -> None:
        super().__init__()
        self.bridge = bridge
        self.preferences = preferences
        self.room = Room()
        bridge.room_updated.connect(self._on_update)

    def _on_update(self, update: RoomUpdate) -> None:
        change: RoomChange = self.room.apply(update)
        self.room_changed.emit(change)

    def machine_name(self, machine: DeviceId) -> str:
        view = self.room.machines.get(machine)
        return view.name if view is not None else machine[:12]

    def row(self, key: RunKey) -> RunRow | None:
        """A run as lists show it; None when it is gone."""
        view = self.room.runs.get(key)
        return None if view is None else run_row(key[0], self.machine_name(key[0]), view)

    def rows(self) -> dict[RunKey, RunRow]:
        return {
            key: run_row(key[0], self.machine_name(key[0]), view)
            for key, view in self.room.runs.items()
        }

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
        self.toast_wanted.emit(" ".join(part for part in failure_texts(failure) if part), "danger")
