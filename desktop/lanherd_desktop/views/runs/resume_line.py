"""Where a run waits for nothing but a pause: the button that ends it, as the machine's panel has
it."""

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_client.mirror import Online
from lanherd_desktop.bridge import Job
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_3
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.words import failure_line
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_messages import MachineControls
from lanherd_protocol.values import Reason

PAUSES = frozenset({"paused", "paused_tag"})
_MAY_RESUME = frozenset({"operator", "admin"})


class ResumeLine(QWidget):
    """Of one run's reason at a time; hidden where that is no pause."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._place: tuple[DeviceId, Reason] | None = None
        self._answered: tuple[DeviceId, Reason] | None = None
        self._asking: Job[MachineControls] | None = None
        self.button = GhostButton(self.tr("Resume the line"))
        self.button.clicked.connect(self.resume)
        self.note = Label("", "secondary", wrap=True)
        self.problem = Label("", "danger", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_3)
        row.addWidget(self.button)
        row.addWidget(self.note, 1)
        row.addWidget(self.problem, 1)
        row.addStretch(0)
        self.hide()

    def show_reason(self, machine: DeviceId, reason: Reason) -> None:
        """Why the shown run waits now."""
        place = (machine, reason)
        if place != self._place:
            self._forget()
            self._place = place
            self.problem.set_text("")
            self._name(str(reason.data.get("tag", "")))
        self._refresh()

    def resume(self) -> None:
        """Let runs start again, or those with the tag."""
        if self._place is None or self._asking is not None:
            return
        machine, reason = self._place
        tag = str(reason.data.get("tag", ""))

        async def ask(fleet: Fleet, job: Job[MachineControls]) -> MachineControls:
            return await fleet.resume_queue(machine, tag)

        self.problem.set_text("")
        self._asking = self._context.ask(ask, partial(self._on_done, self._place), self._on_failed)
        self._refresh()

    def _on_done(self, place: tuple[DeviceId, Reason], controls: MachineControls) -> None:
        self._asking = None
        # The run's own reason follows a moment later: until then there is nothing more to ask.
        self._answered = place
        self._refresh()

    def _on_failed(self, failure: Failure) -> None:
        self._asking = None
        self.problem.set_text(failure_line(failure))
        self._refresh()

    def _forget(self) -> None:
        """What was asked goes on; what comes of it is seen in the run."""
        if self._asking is not None:
            self._asking.forget()
            self._asking = None

    def _name(self, tag: str) -> None:
        if tag:
            self.button.setText(self.tr("Resume the tag"))
            self.button.setAccessibleName(self.tr("Resume the tag {tag}").format(tag=tag))
        else:
            self.button.setText(self.tr("Resume the line"))
            self.button.setAccessibleName(self.button.text())

    def _refresh(self) -> None:
        if self._place is None:
            return
        machine, reason = self._place
        source = self._context.room.machines.get(machine)
        link = source.link if source is not None else None
        online = isinstance(link, Online)
        may = isinstance(link, Online) and link.role in _MAY_RESUME
        self.button.setVisible(may)
        resumed = self._place == self._answered
        self.button.setEnabled(self._asking is None and not resumed)
        note = ""
        if resumed:
            note = self.tr("Resumed; it waits its turn again in a moment.")
        elif online and not may:
            note = self.tr("Ask an operator of the machine.")
        self.note.set_text(note)
        self.note.setVisible(bool(note))
        self.problem.setVisible(bool(self.problem.text()))
        self.setVisible(reason.code in PAUSES and (online or bool(self.problem.text())))
