"""What a machine keeps of ended runs: its rules, what they would remove, and removing it now."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.retention_form import (
    RetentionField,
    RetentionForm,
    RetentionProblem,
    check_retention,
    form_of_rules,
)
from lanherd_desktop.state.runs import chip_kind, run_title
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton, PrimaryButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.run_line import RUN_LINE_HEIGHT, RunLine
from lanherd_desktop.views.words import failure_texts, reason_text, sentences
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import DeviceId, short_id
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.values import Removal, RetentionRules

LINES_MAX = 20
Result = TypeVar("Result")


class RetentionSection(QWidget):
    """Of one machine at a time; asks for its rules when it is shown."""

    answered = Signal()
    """Below its fields stands now what somebody asked for."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._machine: DeviceId | None = None
        self._form = RetentionForm()
        self._saved: RetentionRules | None = None
        self._held = Label("", "secondary", wrap=True)
        self.fields: dict[RetentionField, QLineEdit] = {}
        self._problems: dict[RetentionField, Label] = {}
        self._grid = QFormLayout()
        self.plan_button = GhostButton(self.tr("Show what would go"))
        self.save_button = PrimaryButton(self.tr("Save the rules"))
        self.apply_button = DangerButton(self.tr("Remove now…"))
        self.confirm = ConfirmBar()
        self._error = ErrorPanel()
        self._error.hide()
        self._error.retried.connect(self._on_again)
        self._again: Callable[[], None] = self._load
        self.plan_text = Label("", "base", wrap=True)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)
        self._lay()
        self.plan_button.clicked.connect(self.ask_plan)
        self.save_button.clicked.connect(self.save)
        self.apply_button.clicked.connect(self._on_apply)

    def _lay(self) -> None:
        self._grid.setHorizontalSpacing(SPACE_5)
        self._grid.setVerticalSpacing(SPACE_2)
        self._grid.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._grid.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[RetentionField, str, str], ...] = (
            ("age", self.tr("Keep files for"), self.tr("for ever, or such as 30d")),
            ("count", self.tr("Keep the newest"), self.tr("all runs, or such as 500")),
            ("size", self.tr("Keep at most"), self.tr("any size, or such as 200GB")),
            ("free", self.tr("Leave free"), self.tr("nothing, or such as 50GB")),
            ("low_disk", self.tr("No new run below"), self.tr("such as 2GB")),
        )
        for field, text, placeholder in rows:
            line = QLineEdit()
            line.setPlaceholderText(placeholder)
            line.setAccessibleName(text)
            line.textChanged.connect(self._on_edited)
            problem = Label("", "danger", wrap=True)
            problem.hide()
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(line)
            column.addWidget(problem)
            self.fields[field] = line
            self._problems[field] = problem
            self._grid.addRow(Label(text, "muted"), column)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE_2)
        buttons.addWidget(self.plan_button)
        buttons.addStretch(1)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addWidget(self._held)
        layout.addLayout(self._grid)
        layout.addWidget(self._error)
        layout.addLayout(buttons)
        layout.addWidget(self.plan_text)
        layout.addLayout(self._lines)
        layout.addWidget(self.confirm)
        layout.addWidget(self.apply_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._forget_plan()

    def show_machine(self, machine: DeviceId | None) -> None:
        """Of another machine nothing is known until it answers."""
        if machine == self._machine:
            return
        self._machine = machine
        self._saved = None
        self._held.set_text("")
        self._forget_plan()
        self._error.hide()
        for line in self.fields.values():
            line.clear()
            line.setEnabled(False)
        self._load()

    def _load(self) -> None:
        self._error.hide()
        if self._machine is not None:
            self._ask(lambda fleet, machine: fleet.retention(machine), self._on_loaded, self._load)

    def _on_loaded(self, state: RetentionState) -> None:
        if self._saved is None or self.rules() == self._saved:
            self.show_state(state)
            return
        # Somebody is writing other rules meanwhile: those stay.
        self._saved = state.rules
        self._tell_held(state)
        self._on_edited()

    def show_state(self, state: RetentionState) -> None:
        """The machine's rules, and what ended runs hold there."""
        self._saved = state.rules
        self._form = form_of_rules(state.rules)
        for field, line in self.fields.items():
            line.setEnabled(True)
            line.setText(getattr(self._form, field))
        self._tell_held(state)
        self._on_edited()

    def _tell_held(self, state: RetentionState) -> None:
        held = self.tr("{count} ended runs hold {size}.").format(
            count=numbers.count(state.runs), size=numbers.size(state.size_bytes)
        )
        free = self.tr("{free} of the disk are free.").format(free=numbers.size(state.free_bytes))
        self._held.set_text(sentences(held, free) if state.free_bytes is not None else held)

    def rules(self) -> RetentionRules | tuple[RetentionProblem, ...]:
        """What the fields say."""
        texts = {field: line.text() for field, line in self.fields.items()}
        form = RetentionForm(**texts, projects=self._form.projects)
        return check_retention(form, self._disk_bytes())

    def _disk_bytes(self) -> int:
        view = self._context.room.machines.get(self._machine or DeviceId(""))
        return view.facts.disk_bytes if view is not None and view.facts is not None else 0

    def _on_edited(self) -> None:
        """What was refused may be mended now, and what would go is another thing."""
        self._error.hide()
        checked = self.rules()
        wrong = checked if isinstance(checked, tuple) else ()
        known = self._saved is not None
        said = {problem.field: problem for problem in wrong} if known else {}
        for field, label in self._problems.items():
            problem = said.get(field)
            label.set_text(_problem_text(problem) if problem is not None else "")
            label.setVisible(problem is not None)
        self.plan_button.setEnabled(known and not wrong)
        self.save_button.setEnabled(known and not wrong and checked != self._saved)
        self._forget_plan()

    # --- asking ----------------------------------------------------------------------------------

    def _ask(
        self,
        question: Callable[[Fleet, DeviceId], Coroutine[Any, Any, Result]],
        then: Callable[[Result], None],
        again: Callable[[], None],
    ) -> None:
        """`again` asks the same once more, when it failed and somebody wants that."""
        machine = self._machine
        if machine is None:
            return

        async def ask(fleet: Fleet, job: Job[Result]) -> Result:
            return await question(fleet, machine)

        def on_done(result: Result) -> None:
            if machine == self._machine:
                then(result)

        def on_failed(failure: Failure) -> None:
            if machine == self._machine:
                self._again = again
                self._show_failure(failure)

        self._context.ask(ask, on_done, on_failed)

    def _on_again(self) -> None:
        self._again()

    def _show_failure(self, failure: Failure) -> None:
        """Beside what was asked for, which stays: it is mended there."""
        title, reason, remedy = failure_texts(failure)
        mended_first = failure.code is ErrorCode.INVALID_REQUEST
        retry = "" if mended_first else self.tr("Try again")
        details = f"{failure.code}: {failure.title} {failure.message}"
        self._error.set_error(title, reason, remedy, details, retry)
        self._error.show()
        self.answered.emit()

    def save(self) -> None:
        """Give the machine the rules of the form. It applies them at once, so what they would
        remove is asked about before."""
        checked = self.rules()
        if not isinstance(checked, RetentionRules):
            return

        def on_plan(plan: RetentionPlan) -> None:
            if self.rules() != checked:
                return
            self.show_plan(plan)
            if not plan.runs:
                self._put(checked)
                return
            self.confirm.ask(
                self.tr("Save these rules and remove these files?"),
                self.tr(
                    "The machine applies rules at once. Logs, outputs and working files go; the "
                    "runs themselves stay in the list."
                ),
                self.tr("Save and remove"),
                lambda: self._put(checked),
            )
            self.answered.emit()

        self._error.hide()
        self._ask(lambda fleet, machine: fleet.plan_retention(machine, checked), on_plan, self.save)

    def _put(self, rules: RetentionRules) -> None:
        def on_saved(state: RetentionState) -> None:
            self.show_state(state)
            self._context.toast_wanted.emit(self.tr("The machine keeps to these rules now."), "ok")

        self._error.hide()
        self._ask(
            lambda fleet, machine: fleet.set_retention(machine, rules),
            on_saved,
            lambda: self._put(rules),
        )

    def ask_plan(self) -> None:
        """What would go by the rules of the form; nothing is removed."""
        checked = self.rules()
        if isinstance(checked, RetentionRules):
            self._error.hide()
            self._ask(
                lambda fleet, machine: fleet.plan_retention(machine, checked),
                self.show_plan,
                self.ask_plan,
            )

    def show_plan(self, plan: RetentionPlan) -> None:
        """List what would go, the oldest first."""
        self._forget_plan()
        if not plan.runs:
            self.plan_text.set_text(self.tr("Nothing would go."))
        else:
            self.plan_text.set_text(
                self.tr("The files of {count} runs would go: {size}.").format(
                    count=numbers.count(plan.runs), size=numbers.size(plan.size_bytes)
                )
            )
        self.plan_text.show()
        for removal in plan.removals[:LINES_MAX]:
            self._lines.addWidget(self._line(removal))
        more = plan.runs - min(len(plan.removals), LINES_MAX)
        if more > 0:
            text = self.tr("and {count} more").format(count=numbers.count(more))
            self._lines.addWidget(Label(text, "secondary"))
        # Only the machine's own rules are applied: others must be saved before.
        self.apply_button.setVisible(bool(plan.runs) and self.rules() == self._saved)
        self.answered.emit()

    def _line(self, removal: Removal) -> QWidget:
        key = (self._machine or DeviceId(""), removal.run)
        view = self._context.room.runs.get(key)
        why = reason_text(removal.reason)
        if view is None:
            return _unknown_line(short_id(removal.run), why, numbers.size(removal.size_bytes))
        line = RunLine(chip_kind(view), run_title(view), numbers.size(removal.size_bytes), why)
        line.activated.connect(lambda: self._context.run_wanted.emit(key, ""))
        return line

    def _forget_plan(self) -> None:
        self.plan_text.hide()
        self.apply_button.hide()
        self.confirm.close_bar()
        while (item := self._lines.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _on_apply(self) -> None:
        self.confirm.ask(
            self.tr("Remove these files now?"),
            self.tr("Logs, outputs and working files go; the runs themselves stay in the list."),
            self.tr("Remove the files"),
            self._apply,
        )
        self.answered.emit()

    def _apply(self) -> None:
        self._error.hide()
        self._ask(
            lambda fleet, machine: fleet.apply_retention(machine), self._on_applied, self._apply
        )

    def _on_applied(self, plan: RetentionPlan) -> None:
        text = self.tr("Removing the files of {count} runs: {size}.").format(
            count=numbers.count(plan.runs), size=numbers.size(plan.size_bytes)
        )
        self._context.toast_wanted.emit(text, "ok")
        self._forget_plan()
        self._load()


def _problem_text(problem: RetentionProblem) -> str:
    texts = {
        "duration": QCoreApplication.translate(
            "RetentionSection", "A time is a number and a unit, such as 30d."
        ),
        "count": QCoreApplication.translate("RetentionSection", "Write a whole number."),
        "size": QCoreApplication.translate(
            "RetentionSection", "A size is a number and a unit, such as 200GB."
        ),
        "nothing": QCoreApplication.translate(
            "RetentionSection", "Write a bound above zero, or leave it empty."
        ),
        "low_disk_first": QCoreApplication.translate(
            "RetentionSection",
            "No run is started below the last line: runs would wait before a file is removed. "
            "Let more stay free, or let runs start with less.",
        ),
        "disk_smaller": QCoreApplication.translate(
            "RetentionSection", "The machine's disk has {disk} in all. Ask for less."
        ),
        "low_disk_empty": QCoreApplication.translate(
            "RetentionSection", "Say below how much free disk no run is started."
        ),
    }
    return texts[problem.code].format(disk=numbers.amount(problem.bytes_max))


def _unknown_line(run: str, why: str, size: str) -> QWidget:
    """As the lines beside it, of a run of which only its id is known here."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(SPACE_2)
    line.setMinimumHeight(RUN_LINE_HEIGHT)
    row.addWidget(Label(run, "mono"))
    row.addWidget(ElidedLabel(why, "secondary"), 1)
    row.addWidget(Label(size, "small"))
    return line
