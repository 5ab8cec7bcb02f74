"""Whether runs start on a machine: what is paused and by whom, pausing it and going on."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_2
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.words import failure_line, moment
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_messages import MachineControls, PauseView

ASK_MS = 5_000
"""So old what is shown may be: others pause too."""


class LineSection(QWidget):
    """Of one machine at a time; asks it while it is seen."""

    form_opened = Signal()
    """It is higher than before."""

    told = Signal(object, object)
    """A DeviceId and its MachineControls."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._machine: DeviceId | None = None
        self._asking: Job[MachineControls] | None = None
        self._controls: MachineControls | None = None
        self._whole: PauseView | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self.ask)
        self.text = Label("", "secondary", wrap=True)
        self.problem = Label("", "danger", wrap=True)
        self.problem.hide()
        self.pause_button = GhostButton(self.tr("Pause…"))
        self.resume_button = GhostButton(self.tr("Resume"))
        self.what = QComboBox()
        self.what.setEditable(True)
        self.what.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.what.setAccessibleName(self.tr("What to pause: the whole line, or a tag"))
        edit = self.what.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(self.tr("The whole line, or a tag"))
            edit.returnPressed.connect(self._on_pause)
        self.what.currentTextChanged.connect(self._on_what)
        self.note = QLineEdit()
        self.note.setPlaceholderText(self.tr("Why, for others to read"))
        self.note.setAccessibleName(self.tr("Why the line is paused"))
        self.confirm_button = GhostButton(self.tr("Pause the line"))
        self.cancel_button = GhostButton(self.tr("Cancel"))
        self._form = QWidget()
        self._tags = QVBoxLayout()
        self.tag_buttons: list[GhostButton] = []
        self._lay()
        self.pause_button.clicked.connect(lambda: self._open_form(True))
        self.cancel_button.clicked.connect(lambda: self._open_form(False))
        self.confirm_button.clicked.connect(self._on_pause)
        self.note.returnPressed.connect(self._on_pause)
        self.resume_button.clicked.connect(lambda: self.resume(""))

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_2)
        head.addWidget(Label(self.tr("The line"), "card"), 1)
        head.addWidget(self.resume_button)
        head.addWidget(self.pause_button)
        form = QVBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(SPACE_2)
        form.addWidget(self.what)
        form.addWidget(self.note)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE_2)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.confirm_button)
        form.addLayout(buttons)
        self._form.hide()
        self.resume_button.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_2)
        layout.addLayout(head)
        layout.addWidget(self._form)
        layout.addWidget(self.text)
        layout.addLayout(self._tags)
        layout.addWidget(self.problem)

    def show_machine(self, machine: DeviceId | None) -> None:
        """Of another machine nothing is known until it answers."""
        if machine == self._machine:
            return
        self._machine = machine
        self._forget()
        self._controls = None
        self._whole = None
        self._open_form(False)
        self.problem.hide()
        self.text.set_text("")
        self.pause_button.setEnabled(False)
        if self.isVisible():
            self.ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._forget()

    def ask(self) -> None:
        """What is paused now."""
        if self._asking is None:
            self._asking = self._ask(lambda fleet, machine: fleet.controls(machine))

    def _forget(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def resume(self, tag: str) -> None:
        """Let runs start again, or those with a tag."""
        self._ask(lambda fleet, machine: fleet.resume_queue(machine, tag))

    def begin(self) -> None:
        """Ask what to pause, and why."""
        self._open_form(True)

    def focus_resume(self) -> None:
        """Where the line can be resumed, or its first tag; else where it can be paused."""
        if not self.resume_button.isHidden():
            self.resume_button.setFocus()
        elif self.tag_buttons:
            self.tag_buttons[0].setFocus()
        else:
            self.pause_button.setFocus()

    def _on_pause(self) -> None:
        note, tag = self.note.text().strip(), self._tag()
        nothing_left = tag == "" and self._whole is not None
        # An editable box hands Enter to its line a second time.
        if nothing_left or self._form.isHidden():
            return
        self._open_form(False)
        self._ask(lambda fleet, machine: fleet.pause_queue(machine, tag, note))

    def _tag(self) -> str:
        said = self.what.currentText().strip()
        return "" if said == self.tr("The whole line") else said

    def _on_what(self) -> None:
        """The button says what it pauses."""
        tag = self._tag()
        text = self.tr("Pause the tag {tag}").format(tag=tag) if tag else self.tr("Pause the line")
        self.confirm_button.setText(text)
        self.confirm_button.setEnabled(bool(tag) or self._whole is None)

    def _open_form(self, wanted: bool) -> None:
        self._form.setVisible(wanted)
        if not wanted:
            return
        self.what.clear()
        if self._whole is None:
            self.what.addItem(self.tr("The whole line"))
        paused = {pause.tag for pause in self._controls.pauses} if self._controls else set()
        self.what.addItems([tag for tag in self._known_tags() if tag not in paused])
        self.what.setCurrentIndex(0 if self._whole is None else -1)
        self._on_what()
        self.note.clear()
        (self.note if self._whole is None else self.what).setFocus()
        self.form_opened.emit()

    def _known_tags(self) -> list[str]:
        """Of the runs of this machine that are not over: one may write others."""
        if self._machine is None:
            return []
        runs = self._context.room.open_runs_of(self._machine)
        return sorted({tag for view in runs for tag in view.settings.tags})

    def _ask(
        self, question: Callable[[Fleet, DeviceId], Coroutine[Any, Any, MachineControls]]
    ) -> Job[MachineControls] | None:
        machine = self._machine
        if machine is None:
            return None

        async def ask(fleet: Fleet, job: Job[MachineControls]) -> MachineControls:
            return await question(fleet, machine)

        def on_done(controls: MachineControls) -> None:
            self._asking = None
            if machine == self._machine:
                self.show_controls(controls)

        def on_failed(failure: Failure) -> None:
            self._asking = None
            if machine == self._machine:
                self.problem.set_text(failure_line(failure))
                self.problem.show()

        return self._context.ask(ask, on_done, on_failed)

    def show_controls(self, controls: MachineControls) -> None:
        """What a machine told of its pauses."""
        self.problem.hide()
        self.pause_button.setEnabled(True)
        if controls == self._controls:
            return
        self._controls = controls
        if self._machine is not None:
            self.told.emit(self._machine, controls)
        before, whole = self._whole, _whole_of(controls)
        self._whole = whole
        self.resume_button.setVisible(whole is not None)
        if before != whole:
            # What the form would pause is paused, or may be again.
            self._open_form(False)
        if whole is not None:
            told = self.tr("No run starts here now. {pause}").format(pause=self._pause_text(whole))
            self.text.set_text(told)
        else:
            self.text.set_text(self.tr("Runs start as their turns come."))
        self._show_tags([pause for pause in controls.pauses if pause.tag])

    def _pause_text(self, pause: PauseView) -> str:
        template = self.tr("Paused by {who} at {when}.") if pause.by else self.tr("Paused {when}.")
        text = template.format(who=pause.by, when=moment(pause.since))
        return f"{text} {pause.note}".strip()

    def _show_tags(self, pauses: list[PauseView]) -> None:
        while (item := self._tags.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.tag_buttons = []
        for pause in pauses:
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            told = self.tr("No run with the tag {tag} starts. {pause}")
            text = told.format(tag=pause.tag, pause=self._pause_text(pause))
            row.addWidget(Label(text, "secondary", wrap=True), 1)
            button = GhostButton(self.tr("Resume"))
            button.setAccessibleName(self.tr("Resume the tag {tag}").format(tag=pause.tag))
            button.clicked.connect(lambda checked=False, tag=pause.tag: self.resume(tag))
            row.addWidget(button)
            self.tag_buttons.append(button)
            self._tags.addWidget(line)


def _whole_of(controls: MachineControls) -> PauseView | None:
    return next((pause for pause in controls.pauses if not pause.tag), None)
