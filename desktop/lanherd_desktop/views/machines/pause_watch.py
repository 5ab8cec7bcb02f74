"""What is paused on the machines of the room. No machine tells it by itself: each is asked now and
then, while somebody looks."""

from PySide6.QtCore import QObject, QTimer, Signal

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.views.context import WindowContext
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_messages import MachineControls, PauseView

ASK_MS = 15_000
"""So old what the cards show may be; an open panel asks its machine more often."""


class PauseWatch(QObject):
    changed = Signal(object)
    """The DeviceId of a machine of which something else is paused now."""

    def __init__(self, context: WindowContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._known: dict[DeviceId, tuple[PauseView, ...]] = {}
        self._asking: dict[DeviceId, Job[MachineControls]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self.ask)

    def of(self, machine: DeviceId) -> tuple[PauseView, ...]:
        """What was paused there when it was asked last."""
        return self._known.get(machine, ())

    def start(self) -> None:
        self._timer.start()
        self.ask()

    def stop(self) -> None:
        self._timer.stop()
        for job in self._asking.values():
            job.cancel()
        self._asking.clear()

    def ask(self) -> None:
        """All machines that can be asked."""
        for machine, view in self._context.room.machines.items():
            if view.online and machine not in self._asking:
                self._ask(machine)

    def take(self, machine: DeviceId, controls: MachineControls) -> None:
        """What a machine told, whoever asked it."""
        if controls.pauses != self.of(machine):
            self._known[machine] = controls.pauses
            self.changed.emit(machine)

    def _ask(self, machine: DeviceId) -> None:
        async def question(fleet: Fleet, _job: Job[MachineControls]) -> MachineControls:
            return await fleet.controls(machine)

        def on_done(controls: MachineControls) -> None:
            self._asking.pop(machine, None)
            self.take(machine, controls)

        def on_failed(_failure: Failure) -> None:
            # Its link says already that it can't be asked; the next time is soon.
            self._asking.pop(machine, None)

        self._asking[machine] = self._context.ask(question, on_done, on_failed)
