"""The options of a new run: folded until somebody wants them; what is wrong stands beside it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit

from lanherd_client.durations import format_duration
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_settings import SettingsProblem
from lanherd_desktop.state.runs import run_title
from lanherd_desktop.state.submit_options import (
    NICENESS_MAX,
    USUAL_GRACE_S,
    OptionProblem,
    OptionsForm,
)
from lanherd_desktop.views.after_fields import AfterFields
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.runs.run_texts import cause_text
from lanherd_desktop.views.runs.settings_editor import settings_problem_text
from lanherd_desktop.views.secret_fields import SecretFields
from lanherd_desktop.views.widgets.folded_form import FoldedForm
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_protocol.ids import DeviceId, short_id
from lanherd_protocol.limits import ATTEMPTS_PER_RUN_MAX, PRIORITY_MAX
from lanherd_protocol.values import RetryCause, StopSignal

CAUSES: tuple[RetryCause, ...] = ("failed", "lost", "timed_out")
SIGNALS: tuple[StopSignal, ...] = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")
AFTER_MAX = 200
"""So many runs are offered to wait for: those that have not ended, newest first."""


class OptionsSection(FoldedForm):
    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._kept = OptionsForm()
        self._machine: DeviceId | None = None
        self._make_fields()
        self._lay()
        self._connect()
        self.name_it(self.tr("Options"), self.tr("time limit, retries, secrets and more"))

    # --- building --------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.time_limit = _line(self.tr("none, or such as 2h30m"))
        self.stop_signal = QComboBox()
        for signal in SIGNALS:
            self.stop_signal.addItem(f"SIG{signal}", signal)
        self.grace = _line(format_duration(USUAL_GRACE_S))
        self.attempts = NumberField(1, ATTEMPTS_PER_RUN_MAX)
        self.causes = {cause: QCheckBox(cause_text(cause)) for cause in CAUSES}
        self.held = QCheckBox(self.tr("hold it back until it is released"))
        self.priority = NumberField(-PRIORITY_MAX, PRIORITY_MAX)
        self.niceness = NumberField(0, NICENESS_MAX)
        self.tags = _line(self.tr("such as: sweep, baseline"))
        self.after = AfterFields(self._run_name)
        self.directory = _line(self.tr("the project's root, if empty"))
        self.pre = _line(self.tr("must succeed before the command begins"))
        self.post = _line(self.tr("comes after the command in any case"))
        self.variables = _line("SEED=0 OMP_NUM_THREADS=8")
        self.secrets = SecretFields()
        self.log_cap = _line(self.tr("the machine's own, or such as 2GB"))
        self.log_split = QCheckBox(self.tr("errors in a log of their own"))

    def _lay(self) -> None:
        priority = (self.priority, Label(self.tr("Niceness"), "muted"), self.niceness)
        self.add_field("time_limit", self.tr("Time limit"), self.time_limit)
        grace = (Label(self.tr("and SIGKILL after"), "muted"), self.grace)
        self.add_field("stop", self.tr("Stop with"), self.stop_signal, *grace)
        again = (self.attempts, Label(self.tr("if"), "muted"), *self.causes.values())
        self.add_field("attempts", self.tr("Attempts"), *again)
        self.add_field("priority", self.tr("Priority"), *priority, self.held)
        self.add_field("after", self.tr("Wait for"), self.after)
        self.add_field("tags", self.tr("Tags"), self.tags)
        self.add_field("directory", self.tr("Begins in"), self.directory)
        self.add_field("pre", self.tr("Before it"), self.pre)
        self.add_field("post", self.tr("After it"), self.post)
        self.add_field("variables", self.tr("Variables"), self.variables)
        self.add_field("secrets", self.tr("Secrets"), self.secrets)
        self.add_field("log_cap", self.tr("Log's cap"), self.log_cap, self.log_split)
        self.niceness.setAccessibleName(self.tr("Niceness"))
        self.grace.setAccessibleName(self.tr("Time before SIGKILL"))

    def align_labels(self, *above: QFormLayout) -> None:
        """Let its labels be as wide as those of the forms above it: one column for the eye."""
        forms = (*above, self.rows)
        items = [
            form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            for form in forms
            for row in range(form.rowCount())
        ]
        labels = [item.widget() for item in items if item is not None]
        shown = [label for label in labels if label is not None]
        width = max(label.sizeHint().width() for label in shown)
        for label in shown:
            label.setMinimumWidth(width)

    def _connect(self) -> None:
        for line in (
            self.time_limit, self.grace, self.tags, self.directory, self.pre, self.post,
            self.variables, self.log_cap,
        ):  # fmt: skip
            line.textChanged.connect(self.edited)
        for number in (self.attempts, self.priority, self.niceness):
            number.valueChanged.connect(self.edited)
        for box in (*self.causes.values(), self.held, self.log_split):
            box.toggled.connect(self.edited)
        self.stop_signal.currentIndexChanged.connect(self.edited)
        self.after.edited.connect(self.edited)
        self.secrets.edited.connect(self.edited)
        self.edited.connect(self._on_edited)

    # --- the form --------------------------------------------------------------------------------

    def fill(self, form: OptionsForm, machine: DeviceId | None) -> None:
        """Show a form; unfolded where it says something."""
        self._kept = form
        self.time_limit.setText(form.time_limit)
        self.stop_signal.setCurrentIndex(SIGNALS.index(form.stop_signal))
        self.grace.setText(form.grace)
        self.attempts.setValue(form.attempts)
        for cause, box in self.causes.items():
            box.setChecked(cause in form.retry_on)
        self.held.setChecked(form.held)
        self.priority.setValue(form.priority)
        self.niceness.setValue(form.niceness)
        self.tags.setText(form.tags)
        self.set_machine(machine)
        self.after.fill(form.after)
        self.directory.setText(form.directory)
        self.pre.setText(form.pre)
        self.post.setText(form.post)
        self.variables.setText(form.variables)
        self.secrets.fill(form.secrets)
        self.log_cap.setText(form.log_cap)
        self.log_split.setChecked(form.log_split)
        self.toggle_button.setChecked(form != OptionsForm())
        self._on_edited()

    def form(self) -> OptionsForm:
        """The fields as they stand."""
        return OptionsForm(
            time_limit=self.time_limit.text(),
            attempts=self.attempts.value(),
            retry_on=frozenset(cause for cause, box in self.causes.items() if box.isChecked()),
            held=self.held.isChecked(),
            priority=self.priority.value(),
            niceness=self.niceness.value(),
            tags=self.tags.text(),
            after=self.after.afters(),
            directory=self.directory.text(),
            pre=self.pre.text(),
            post=self.post.text(),
            variables=self.variables.text(),
            secrets=self.secrets.secrets(),
            log_cap=self.log_cap.text(),
            log_split=self.log_split.isChecked(),
            notes=self._kept.notes,
            stop_signal=self.stop_signal.currentData(),
            grace=self.grace.text(),
            retry=self._kept.retry,
        )

    def set_machine(self, machine: DeviceId | None) -> None:
        """Offer the runs of a machine to wait for; those of all while none is chosen."""
        self._machine = machine
        self.after.offer(self._open_runs(machine))

    def _run_name(self, key: RunKey) -> str:
        """A run to wait for, with its machine where that isn't the one of the form."""
        view = self._context.room.runs.get(key)
        title = f"{run_title(view)} ({short_id(key[1])})" if view is not None else short_id(key[1])
        if key[0] == self._machine:
            return title
        return f"{title} · {self._context.machine_name(key[0])}"

    def _open_runs(self, machine: DeviceId | None) -> list[RunKey]:
        room = self._context.room
        machines = room.machines if machine is None else (machine,)
        keys = [(one, view.run) for one in machines for view in room.open_runs_of(one)]
        return sorted(keys, key=lambda key: key[1], reverse=True)[:AFTER_MAX]

    def show_problems(self, problems: Sequence[OptionProblem]) -> None:
        """What is wrong, beside its fields; the first of each."""
        said = {problem.field: problem for problem in reversed(problems)}
        self.show_texts({field: problem_text(problem) for field, problem in said.items()})

    def problem_line(self, problem: OptionProblem) -> str:
        """Where to look for what is wrong; while that is folded away, what it is."""
        if self.toggle_button.isChecked():
            return self.tr("One of the options can't be sent as it is: see beside it.")
        return self.tr("Options, {name}: {problem}").format(
            name=self.names[problem.field],
            problem=problem_text(problem),
        )

    def _on_edited(self) -> None:
        several = self.attempts.value() > 1
        for box in self.causes.values():
            box.setEnabled(several)


def _line(placeholder: str) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(placeholder)
    return line


_SETTINGS: dict[str, SettingsProblem] = {
    "tags_many": "tags_many", "tag_long": "tag_long", "notes_long": "notes_long",
}  # fmt: skip


def problem_text(problem: OptionProblem) -> str:
    """What is wrong with an option, and what would be right."""
    settings = _SETTINGS.get(problem.code)
    if settings is not None:
        return settings_problem_text(settings)
    texts = {
        "time_limit": QCoreApplication.translate(
            "OptionsSection", "A time is a number and a unit, such as 90min or 2h30m."
        ),
        "time_limit_range": QCoreApplication.translate(
            "OptionsSection", "A time limit is more than nothing and at most ten years."
        ),
        "grace": QCoreApplication.translate(
            "OptionsSection", "A time is a number and a unit, such as 30s or 2min."
        ),
        "grace_range": QCoreApplication.translate(
            "OptionsSection", "A machine waits at most a day before SIGKILL."
        ),
        "retry_never": QCoreApplication.translate(
            "OptionsSection", "Say after which end it is tried again."
        ),
        "after_elsewhere": QCoreApplication.translate(
            "OptionsSection", "That run is on another machine. Choose its machine, or any."
        ),
        "after_apart": QCoreApplication.translate(
            "OptionsSection", "These runs are on several machines. Wait for runs of one of them."
        ),
        "after_twice": QCoreApplication.translate(
            "OptionsSection", "The same run is there twice. Leave one of them out."
        ),
        "after_many": QCoreApplication.translate(
            "OptionsSection", "A run waits for at most 256 others."
        ),
        "quotes": QCoreApplication.translate("OptionsSection", "A quote isn't closed."),
        "variable_form": QCoreApplication.translate(
            "OptionsSection", "'{name}' is no variable: write NAME=value."
        ),
        "secret_name": QCoreApplication.translate(
            "OptionsSection", "'{name}' can't name a secret: letters, digits and _ can."
        ),
        "secret_twice": QCoreApplication.translate("OptionsSection", "'{name}' is there twice."),
        "secret_empty": QCoreApplication.translate("OptionsSection", "'{name}' has no value."),
        "secret_large": QCoreApplication.translate(
            "OptionsSection", "The value of '{name}' is larger than 64 KB."
        ),
        "secrets_many": QCoreApplication.translate(
            "OptionsSection", "A run has at most 64 secrets."
        ),
        "size": QCoreApplication.translate(
            "OptionsSection", "A size is a number and a unit, such as 2GB."
        ),
        "log_cap_small": QCoreApplication.translate(
            "OptionsSection", "A log's cap is at least 1 MB."
        ),
        "directory_up": QCoreApplication.translate(
            "OptionsSection", "It begins inside the project, or at a whole path: without '..'."
        ),
    }
    return texts[problem.code].format(name=problem.name)
