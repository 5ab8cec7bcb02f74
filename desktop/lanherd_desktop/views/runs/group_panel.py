"""One sweep beside the list: how far it is, why its runs wait or failed, and what can be done with
all of them."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.groups import GroupProgress, GroupReason
from lanherd_desktop.state.room import RoomChange
from lanherd_desktop.state.run_commands import RunCommand
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton, MenuButton
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.progress_bar import ProgressBar
from lanherd_desktop.views.words import reason_text


class GroupPanel(QWidget):
    command_wanted = Signal(object)
    """A RunCommand for all that are chosen."""
    open_wanted = Signal(str, bool)
    """The sweep, and whether its runs are to be shown."""

    def __init__(self, context: WindowContext, model: RunListModel) -> None:
        """`model` tells of a sweep at once, however many runs it has."""
        super().__init__()
        self._model = model
        self._stale = False
        self._open = False
        self.name = ""
        self._title = ElidedLabel("", "title")
        self.open_button = GhostButton("")
        self.open_button.clicked.connect(lambda: self.open_wanted.emit(self.name, not self._open))
        self.hold_button = GhostButton(self.tr("Hold back"))
        self.release_button = GhostButton(self.tr("Release"))
        self.stop_button = DangerButton(self.tr("Stop all"))
        self.more_button = MenuButton(self.tr("More"))
        self._buttons = {
            RunCommand.HOLD: self.hold_button,
            RunCommand.RELEASE: self.release_button,
            RunCommand.STOP: self.stop_button,
        }
        for command, button in self._buttons.items():
            button.clicked.connect(lambda _=False, one=command: self.command_wanted.emit(one))
        self.confirm = ConfirmBar()
        self.numbers = NumbersLine()
        self._bar = ProgressBar()
        self._why = Label(self.tr("Why they wait or failed"), "card")
        self.reasons: list[tuple[ChipKind, int, str]] = []
        self._reasons = QFormLayout()
        self._lay()
        context.second_passed.connect(self._on_second)

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_2)
        head.addWidget(self._title, 1)
        for button in (self.open_button, *self._buttons.values(), self.more_button):
            head.addWidget(button)
        self._reasons.setHorizontalSpacing(SPACE_4)
        self._reasons.setVerticalSpacing(SPACE_3)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, SPACE_3, SPACE_3, 0)
        column.setSpacing(SPACE_3)
        column.addWidget(self._why)
        column.addLayout(self._reasons)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self.confirm)
        layout.addWidget(self.numbers)
        layout.addWidget(self._bar)
        layout.addWidget(area, 1)

    def show_group(self, name: str, *, is_open: bool) -> None:
        """Show a sweep; '' is none."""
        if name != self.name:
            self.confirm.close_bar()
        self.name = name
        self._open = is_open
        self.open_button.setText(self.tr("Fold its runs") if is_open else self.tr("Show its runs"))
        self.refresh()

    def set_offered(self, offered: frozenset[RunCommand]) -> None:
        """What can be done with at least one of its runs now."""
        for command, button in self._buttons.items():
            if command is RunCommand.STOP:
                button.setEnabled(command in offered)
            else:
                button.setVisible(command in offered)

    def refresh(self) -> None:
        if not self.name:
            return
        self._title.setText(self.name)
        self._show_progress()
        self._stale = False
        self._show_reasons([_said(one) for one in self._model.reasons_of(self.name)])

    def _show_progress(self) -> None:
        progress = self._model.progress_of(self.name)
        self.numbers.set_numbers(self._numbers(progress))
        self._bar.show_progress(progress)

    def _numbers(self, progress: GroupProgress) -> list[Number]:
        counts = [
            (progress.total, self.tr("runs")),
            (progress.waiting, self.tr("waiting")),
            (progress.running, self.tr("running")),
            (progress.succeeded, self.tr("succeeded")),
            (progress.failed, self.tr("failed")),
            (progress.cancelled, self.tr("cancelled")),
        ]
        # Rare, and last: nothing jumps where the first one comes.
        rare = ((progress.timed_out, self.tr("timed out")), (progress.lost, self.tr("lost")))
        counts += [(count, label) for count, label in rare if count]
        return [Number(numbers.count(count), label) for count, label in counts]

    def _show_reasons(self, reasons: list[tuple[ChipKind, int, str]]) -> None:
        self._why.setVisible(bool(reasons))
        if reasons == self.reasons:
            return
        self.reasons = reasons
        while self._reasons.rowCount():
            self._reasons.removeRow(0)
        for kind, count, text in reasons:
            chip = Chip(kind)
            line = Label(f"{numbers.count(count)} × {text}", "base", wrap=True, selectable=True)
            self._reasons.addRow(chip, line)

    def on_room_changed(self, change: RoomChange) -> None:
        """Once the list knows it, of which the numbers are."""
        if self.name and (change.runs or change.runs_came_or_went):
            self._show_progress()
            # Sentences that change faster than they are read: once a second is enough.
            self._stale = True

    def _on_second(self) -> None:
        if self._stale and self.isVisible():
            self.refresh()


def _said(one: GroupReason) -> tuple[ChipKind, int, str]:
    return one.kind, one.count, reason_text(one.reason)
