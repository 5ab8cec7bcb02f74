"""A machine's rules: a form beside the text that it edits. What is wrong stands at its line, and
nothing is sent while anything is."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state.rules_form import Share, changed, is_toml, said_of, without_share
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.machines.rule_texts import edit_problem_text, finding_texts
from lanherd_desktop.views.machines.rules_fields import RulesFields
from lanherd_desktop.views.machines.rules_text import RulesText
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton, PrimaryButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.frame import Frame
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.notice import Notice
from lanherd_desktop.views.words import failure_texts, moment, sentences
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.rules_check import check_rules
from lanherd_protocol.rules_messages import RuleFinding, RulesState

CHECK_MS = 200
FINDINGS_SHOWN = 8


class RulesEditor(QWidget):
    """Of one machine at a time. Esc and its arrow lead back; what isn't saved is asked about."""

    left = Signal()

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.machine: DeviceId | None = None
        self.state: RulesState | None = None
        self.findings: tuple[RuleFinding, ...] = ()
        self._title = ElidedLabel("", "title")
        self.status = Label("", "secondary", wrap=True)
        self.restore_button = GhostButton(self.tr("Bring back the last good ones"))
        self.save_button = PrimaryButton(self.tr("Save the rules"))
        self.confirm = ConfirmBar()
        self.conflict = ErrorPanel()
        self.overwrite_button = GhostButton(self.tr("Overwrite it with mine"))
        self.error = ErrorPanel()
        self.fields = RulesFields()
        self.text = RulesText()
        self._unread = Label(
            self.tr("The fields are back as soon as the text can be read."), "secondary", wrap=True
        )
        self._found = QVBoxLayout()
        self._lines: list[FindingLine] = []
        self._again: Callable[[], None] = self._load
        self._checking = QTimer(self)
        self._checking.setSingleShot(True)
        self._checking.setInterval(CHECK_MS)
        self._lay()
        self._checking.timeout.connect(self.check)
        self.text.textChanged.connect(self._checking.start)
        self.fields.rule_changed.connect(self.change_rule)
        self.fields.share_removed.connect(self._on_share_removed)
        self.save_button.clicked.connect(self.save)
        self.restore_button.clicked.connect(self._on_restore)
        self.conflict.retried.connect(self._load)
        self.overwrite_button.clicked.connect(lambda: self._put(None))
        self.error.retried.connect(self._on_again)

    def _lay(self) -> None:
        back = IconButton(IconName.CHEVRON_LEFT, self.tr("Back to the machines"))
        back.clicked.connect(self.leave)
        head = QHBoxLayout()
        head.setSpacing(SPACE_2)
        head.addWidget(back)
        head.addWidget(self._title, 1)
        head.addWidget(self.restore_button)
        head.addWidget(self.save_button)
        self.conflict.buttons.insertWidget(1, self.overwrite_button)
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._unread)
        column.addWidget(self.fields, 1)
        area = QScrollArea()
        area.setWidget(form)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = QWidget()
        text = QVBoxLayout(right)
        text.setContentsMargins(0, 0, 0, 0)
        text.setSpacing(SPACE_3)
        sheet = Frame()
        sheet.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        sheet.body.setContentsMargins(2, SPACE_2, 2, SPACE_2)
        sheet.body.addWidget(self.text)
        text.addWidget(sheet, 1)
        self._found.setSpacing(2)
        text.addLayout(self._found)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setProperty("kind", "gap")
        split.addWidget(area)
        split.addWidget(right)
        split.setSizes([560, 560])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self.status)
        for widget in (self.confirm, self.conflict, self.error):
            layout.addWidget(widget)
        layout.addWidget(split, 1)
        self._split = split
        self.conflict.hide()
        self.error.hide()

    # --- what is there ---------------------------------------------------------------------------

    def open_machine(self, machine: DeviceId) -> None:
        """Ask a machine for its rules; until they are there nothing can be written."""
        self.machine = machine
        self.state = None
        self._title.setText(
            self.tr("Rules of {machine}").format(machine=self._context.machine_name(machine))
        )
        self.confirm.close_bar()
        self.status.set_text(self.tr("Asking the machine for its rules."))
        self._split.setEnabled(False)
        self.text.setPlainText("")
        self._load()

    def _load(self) -> None:
        self.conflict.hide()
        self._ask(lambda fleet, machine: fleet.rules(machine), self.show_state, self._load)

    def show_state(self, state: RulesState) -> None:
        """The file of the machine as it is now; what was written here can be undone to."""
        first = self.state is None
        self.state = state
        self._split.setEnabled(True)
        if first:
            self.text.setPlainText(state.text)
        else:
            self.text.put_text(state.text)
        self.check()

    @property
    def edited(self) -> bool:
        """Whether there is something to be saved."""
        return self.state is not None and self.text.toPlainText() != self.state.text

    def check(self) -> None:
        """Look at the text as the machine will, and show what is wrong where it is."""
        self._checking.stop()
        state = self.state
        if state is None:
            self.save_button.setEnabled(False)
            self.restore_button.hide()
            return
        text = self.text.toPlainText()
        view = self._context.room.machines.get(self.machine or DeviceId(""))
        facts = view.facts if view is not None else None
        gpus = {gpu.index: str(gpu.uuid) for gpu in facts.gpus} if facts is not None else None
        checked = check_rules(text, gpus, state.rules.gpus or ())
        self.findings = checked.findings
        readable = is_toml(text)
        self.fields.setVisible(readable)
        self._unread.setVisible(not readable)
        if readable:
            self.fields.show_text(text)
        self.fields.show_problems(
            {one.key: sentences(*finding_texts(one)) for one in reversed(checked.findings)}
        )
        self.text.mark(one.line for one in checked.findings)
        self._show_findings()
        self.save_button.setEnabled(self.edited and not checked.findings)
        good = state.last_good
        self.restore_button.setVisible(good is not None and good != text)
        self._show_status(state)

    def _show_findings(self) -> None:
        while (item := self._found.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._lines = [FindingLine(one) for one in self.findings[:FINDINGS_SHOWN]]
        for line in self._lines:
            line.clicked.connect(lambda line=line: self.text.go_to(line.line))
            self._found.addWidget(line)
        more = len(self.findings) - len(self._lines)
        if more:
            self._found.addWidget(Label(self.tr("and {count} more").format(count=more), "small"))

    def _show_status(self, state: RulesState) -> None:
        since = moment(state.in_force_since)
        if state.findings:
            kept = self.tr("The machine's file is kept out; the last good rules hold since {when}.")
            text = kept.format(when=since)
        else:
            text = self.tr("They hold since {when}.").format(when=since)
        unsaved = self.tr("What you changed is not saved yet.") if self.edited else ""
        self.status.set_text(sentences(text, unsaved))

    # --- changing --------------------------------------------------------------------------------

    def change_rule(self, key: str, said: str) -> None:
        """A field changes its rule in the text, and nothing else there."""
        text = self.text.toPlainText()
        try:
            if said.strip() == said_of(text, key):
                return
            edited = changed(text, key, said)
        except ValueError as problem:
            self.fields.show_problems({key: edit_problem_text(problem)})
            return
        self.text.put_text(edited)
        self.check()

    def _on_share_removed(self, share: Share) -> None:
        try:
            edited = without_share(self.text.toPlainText(), share)
        except ValueError as problem:
            self._context.toast_wanted.emit(edit_problem_text(problem), "danger")
            return
        self.text.put_text(edited)
        self.check()

    def _on_restore(self) -> None:
        if self.state is not None and self.state.last_good is not None:
            self.text.put_text(self.state.last_good)
            self.check()

    def save(self) -> None:
        """Send the text, if all is well with it and nobody else has changed the file."""
        self.check()
        if self.state is not None and self.edited and not self.findings:
            self._put(self.state.text_hash)

    def _put(self, expected_hash: str | None) -> None:
        text = self.text.toPlainText()

        def on_saved(state: RulesState) -> None:
            self.conflict.hide()
            self.show_state(state)
            self._context.toast_wanted.emit(self.tr("These rules hold now."), "ok")

        self.save_button.setEnabled(False)
        self._ask(
            lambda fleet, machine: fleet.put_rules(machine, text, expected_hash),
            on_saved,
            lambda: self._put(expected_hash),
        )

    # --- asking ----------------------------------------------------------------------------------

    def _ask(
        self,
        question: Callable[[Fleet, DeviceId], Coroutine[Any, Any, RulesState]],
        then: Callable[[RulesState], None],
        again: Callable[[], None],
    ) -> None:
        machine = self.machine
        if machine is None:
            return
        self.error.hide()

        async def ask(fleet: Fleet, job: Job[RulesState]) -> RulesState:
            return await question(fleet, machine)

        def on_done(state: RulesState) -> None:
            if machine == self.machine:
                then(state)

        def on_failed(failure: Failure) -> None:
            if machine == self.machine:
                self._again = again
                self._show_failure(failure)

        self._context.ask(ask, on_done, on_failed)

    def _show_failure(self, failure: Failure) -> None:
        self.check()
        if failure.code is ErrorCode.CONFLICT:
            self.conflict.set_error(
                self.tr("Somebody else has changed the rules meanwhile."),
                self.tr("Yours were not sent, so that nothing of theirs is lost."),
                self.tr("Load theirs: yours can be had back by undoing. Or overwrite theirs."),
                str(failure),
                self.tr("Load theirs"),
            )
            self.conflict.show()
            return
        title, why, what_next = failure_texts(failure)
        mended_first = failure.code is ErrorCode.INVALID_REQUEST
        retry = "" if mended_first else self.tr("Try again")
        self.error.set_error(title, why, what_next, str(failure), retry)
        self.error.show()

    def _on_again(self) -> None:
        self._again()

    # --- leaving ---------------------------------------------------------------------------------

    def leave(self) -> None:
        """Back to the machines; what isn't saved is asked about."""
        if not self.edited:
            self._leave()
            return
        self.confirm.ask(
            self.tr("Leave without saving?"),
            self.tr("What you changed in these rules would be lost."),
            self.tr("Leave"),
            self._leave,
        )

    def _leave(self) -> None:
        self.machine = None
        self.state = None
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)


class FindingLine(Notice):
    """One thing that is wrong, and what to write instead; it leads to its line."""

    clicked = Signal()

    def __init__(self, finding: RuleFinding) -> None:
        super().__init__()
        self.line = finding.line
        text, remedy = finding_texts(finding)
        line = self.tr("Line {line}:").format(line=finding.line)
        self.set_notice(f"{line} {text}", remedy)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)
