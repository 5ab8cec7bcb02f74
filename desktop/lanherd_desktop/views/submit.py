"""Start a run: what, with which folder, on how much GPU. Says at once where it would go."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDialog,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLayoutItem,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.choosing import Choice
from lanherd_client.fleet import Fleet
from lanherd_client.run import Run
from lanherd_client.submitting import Progress
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.obstacle import Obstacle, obstacle
from lanherd_desktop.state.room import RoomChange
from lanherd_desktop.state.submit_form import (
    AnyProblem,
    ProblemCode,
    SubmitForm,
    SubmitRequest,
    check,
)
from lanherd_desktop.state.submit_options import OptionProblem
from lanherd_desktop.state.submit_wishes import WishProblem
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.submit_obstacle import obstacle_text
from lanherd_desktop.views.submit_options import OptionsSection
from lanherd_desktop.views.submit_sending import gpu_request, send
from lanherd_desktop.views.submit_wishes import WishesSection
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, PrimaryButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_desktop.views.words import failure_line, failure_texts
from lanherd_protocol.errors import Failure
from lanherd_protocol.limits import GPUS_PER_RUN_MAX

WIDTH = 680
SCROLL_LEAST = 300
ROOM_AROUND = 240
"""What of the screen's height is left to all that isn't a field."""
ASK_AFTER_MS = 150


class SubmitDialog(QDialog):
    """Keeps what was typed when a submit fails, so that it can be mended and sent again."""

    submitted = Signal(object)
    """The RunKey of the new run."""

    def __init__(self, context: WindowContext, form: SubmitForm, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._job: Job[Run] | None = None
        self._preview_job: Job[Choice] | None = None
        self._obstacle: Obstacle | None = None
        self._focused: QWidget | None = None
        self.setWindowTitle(self.tr("New run"))
        self.setMinimumWidth(WIDTH)
        self._make_fields()
        self._where = Label("", "secondary", wrap=True)
        self._where.setAccessibleName(self.tr("Where it would run"))
        self._stage = Label("", "secondary")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("Progress"))
        self._error = ErrorPanel()
        self._error.setVisible(False)
        self.run_button = PrimaryButton(self.tr("Run"))
        self.run_button.setDefault(True)
        self.cancel_button = GhostButton(self.tr("Cancel"))
        self._make_layout()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_AFTER_MS)
        self._timer.timeout.connect(self._ask_where)
        self.run_button.clicked.connect(self.submit)
        self.cancel_button.clicked.connect(self.reject)
        self._fill(form)
        self._connect_fields()
        self._set_busy(False)
        self._on_edited()
        self._fit()
        context.room_changed.connect(self._on_room_changed)

    # --- building --------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.project = QComboBox()
        self.project.setSizePolicy(
            self.project.sizePolicy().Policy.Expanding, self.project.sizePolicy().Policy.Fixed
        )
        self.project.addItem(self.tr("No project"), "")
        self.command = QLineEdit()
        self.command.setPlaceholderText("python train.py --lr 3e-4")
        self.command.setProperty("mono", True)
        completer = QCompleter(list(self._context.preferences.value.commands), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.command.setCompleter(completer)
        self.gpus = NumberField(0, GPUS_PER_RUN_MAX)
        self.vram = QLineEdit()
        self.vram.setPlaceholderText(self.tr("such as 18GB"))
        self.exclusive = QCheckBox(self.tr("share its GPUs with nobody"))
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("the command, if empty"))
        self.machine = QComboBox()
        self.machine.addItem(self.tr("Any machine that fits"), None)
        for view in self._context.room.machines_by_name():
            self.machine.addItem(view.name, view.machine)
        self.environment = QComboBox()
        self.environment.addItem(self.tr("From the project's lock"), "auto")
        self.environment.addItem(self.tr("The machine's own"), "none")
        self.wishes = WishesSection()
        self.options = OptionsSection(self._context)

    def _make_layout(self) -> None:
        self.browse = GhostButton(self.tr("Browse…"))
        self.browse.clicked.connect(self._on_browse)
        project_row = QHBoxLayout()
        project_row.setSpacing(SPACE_2)
        project_row.addWidget(self.project, 1)
        project_row.addWidget(self.browse)
        gpu_row = QHBoxLayout()
        gpu_row.setSpacing(SPACE_3)
        gpu_row.addWidget(self.gpus)
        gpu_row.addWidget(Label(self.tr("VRAM each"), "muted"))
        gpu_row.addWidget(self.vram, 1)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(SPACE_5)
        self._form.setVerticalSpacing(SPACE_3)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[str, QWidget | QHBoxLayout, QWidget], ...] = (
            (self.tr("Project"), project_row, self.project),
            (self.tr("Command"), self.command, self.command),
            (self.tr("GPUs"), gpu_row, self.gpus),
            ("", self.exclusive, self.exclusive),
            (self.tr("Machine"), self.machine, self.machine),
            (self.tr("Environment"), self.environment, self.environment),
            (self.tr("Name"), self.name, self.name),
        )
        for text, field, widget in rows:
            label = Label(text, "muted")
            label.setBuddy(widget)
            widget.setAccessibleName(text or self.exclusive.text())
            self._form.addRow(label, field)
        self.vram.setAccessibleName(self.tr("VRAM each"))
        buttons = QHBoxLayout()
        buttons.addWidget(self._stage)
        buttons.addWidget(self._progress, 1)
        buttons.addStretch(0)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.run_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_5, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_4)
        layout.addWidget(self._scrolled(), 1)
        layout.addWidget(self._where)
        layout.addWidget(self._error)
        layout.addLayout(buttons)

    def _scrolled(self) -> QScrollArea:
        """All fields; with the options unfolded they are more than a small screen has room for."""
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, SPACE_2, 0)
        column.setSpacing(SPACE_3)
        column.addLayout(self._form)
        column.addWidget(self.wishes)
        column.addWidget(self.options)
        column.addStretch(1)
        self._fields = inner
        self.options.align_labels(self._form, self.wishes.rows)
        self._area = QScrollArea()
        self._area.setWidget(inner)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return self._area

    def _fit(self) -> None:
        """As tall as its fields, as far as the screen lets it be."""
        for part in (self.wishes, self.options, self._fields):
            layout = part.layout()
            if layout is not None:
                # What was folded a moment ago is counted until then.
                layout.invalidate()
                layout.activate()
        screen = self.screen().availableGeometry().height()
        wanted = self._fields.sizeHint().height() + 2
        self._area.setMinimumHeight(min(wanted, max(SCROLL_LEAST, screen - ROOM_AROUND)))
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalSizeHint().height())

    def _fill(self, form: SubmitForm) -> None:
        for folder in self._context.preferences.value.projects:
            self._add_folder(folder)
        if form.folder:
            self._choose_folder(form.folder)
        elif not form.command and self.project.count() > 1:
            self.project.setCurrentIndex(1)
        self.command.setText(form.command)
        self.gpus.setValue(form.gpus)
        self.vram.setText(form.vram)
        self.exclusive.setChecked(form.exclusive)
        self.name.setText(form.name)
        self.machine.setCurrentIndex(max(0, self.machine.findData(form.machine)))
        self.environment.setCurrentIndex(max(0, self.environment.findData(form.environment)))
        self.wishes.fill(form.wishes)
        self.options.fill(form.options, form.machine)

    def _connect_fields(self) -> None:
        for line in (self.command, self.vram, self.name):
            line.textChanged.connect(self._on_edited)
        for box in (self.project, self.machine, self.environment):
            box.currentIndexChanged.connect(self._on_edited)
        self.gpus.valueChanged.connect(self._on_edited)
        self.exclusive.toggled.connect(self._on_edited)
        self.machine.currentIndexChanged.connect(
            lambda: self.options.set_machine(self.machine.currentData())
        )
        for section in (self.wishes, self.options):
            section.edited.connect(self._on_edited)
            section.toggled.connect(self._on_toggled)

    # --- the form --------------------------------------------------------------------------------

    def form(self) -> SubmitForm:
        """The fields as they stand."""
        return SubmitForm(
            folder=self.project.currentData() or "",
            command=self.command.text(),
            gpus=self.gpus.value(),
            vram=self.vram.text(),
            exclusive=self.exclusive.isChecked(),
            name=self.name.text(),
            machine=self.machine.currentData(),
            environment=self.environment.currentData(),
            options=self.options.form(),
            wishes=self.wishes.form(),
        )

    def _add_folder(self, folder: str) -> None:
        self.project.addItem(Path(folder).name, folder)
        self.project.setItemData(
            self.project.count() - 1, folder, Qt.ItemDataRole.ToolTipRole.value
        )

    def _choose_folder(self, folder: str) -> None:
        if self.project.findData(folder) < 0:
            self._add_folder(folder)
        self.project.setCurrentIndex(self.project.findData(folder))

    def _on_browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose the project's folder"))
        if folder:
            self._choose_folder(folder)

    def _on_edited(self) -> None:
        self._hide_error()
        checked = check(self.form())
        if isinstance(checked, SubmitRequest):
            self.options.show_problems(())
            self.wishes.show_problems(())
            self._judge(checked, edited=True)
            return
        self.options.show_problems([p for p in checked if isinstance(p, OptionProblem)])
        self.wishes.show_problems([p for p in checked if isinstance(p, WishProblem)])
        self._obstacle = None
        self.run_button.setEnabled(False)
        self._say_problem(checked)

    def _say_problem(self, checked: tuple[AnyProblem, ...]) -> None:
        untouched = not self.command.text() and all(p.field == "command" for p in checked)
        self._say_where("" if untouched else self._problem_text(checked[0]), danger=not untouched)

    def _on_toggled(self) -> None:
        """What was beside an option is out of sight now, or in sight."""
        checked = check(self.form())
        if not isinstance(checked, SubmitRequest):
            self._say_problem(checked)
        self._fit()

    def _judge(self, request: SubmitRequest, *, edited: bool) -> None:
        """Whether any machine could ever take it; where it would go is asked when one could."""
        found = obstacle(
            gpu_request(request), self._context.room.machines_by_name(), request.machine
        )
        if not edited and found == self._obstacle:
            return
        self._obstacle = found
        self.run_button.setEnabled(found is None)
        if found is not None:
            self._end_preview()
            self._say_where(obstacle_text(found), danger=True)
            return
        if self._where.property("role") == "danger":
            self._say_where("", danger=False)
        self._timer.start()

    def _on_room_changed(self, change: RoomChange) -> None:
        checked = check(self.form())
        if change.machines and self._job is None and isinstance(checked, SubmitRequest):
            self._judge(checked, edited=False)

    def _hide_error(self) -> None:
        """The dialog is as tall again as it was without it."""
        self._where.setVisible(True)
        if not self._error.isHidden():
            self._error.setVisible(False)
            self._fit()

    def _problem_text(self, problem: AnyProblem) -> str:
        if isinstance(problem, OptionProblem):
            return self.options.problem_line(problem)
        if isinstance(problem, WishProblem):
            return self.wishes.problem_line(problem)
        texts: dict[ProblemCode, str] = {
            "command_missing": self.tr("Say which command to run."),
            "command_quotes": self.tr("A quote in the command isn't closed."),
            "vram_size": self.tr("VRAM is a number and a unit, such as 18GB."),
            "vram_without_gpu": self.tr("VRAM is asked for, but no GPU. Ask for one GPU or more."),
            "gpus_range": self.tr("That many GPUs can't be asked for."),
            "name_long": self.tr("The name is too long."),
        }
        return texts[problem.code]

    def where_text(self) -> str:
        """Where it would run, or what is wrong with the form."""
        return self._where.text()

    def _say_where(self, text: str, danger: bool) -> None:
        self._where.set_role("danger" if danger else "secondary")
        self._where.setText(text)

    def _ask_where(self) -> None:
        checked = check(self.form())
        if not isinstance(checked, SubmitRequest):
            return
        self._end_preview()
        request = gpu_request(checked)
        machine, host = checked.machine, checked.wishes.host

        async def choose(fleet: Fleet, job: Job[Choice]) -> Choice:
            return fleet.choose(request, machine, host=host)

        self._preview_job = self._context.ask(choose, self._on_where, self._on_nowhere)

    def _on_where(self, choice: Choice) -> None:
        self._say_where(
            self.tr("Goes to {machine}.").format(machine=choice.machine.name), danger=False
        )

    def _on_nowhere(self, failure: Failure) -> None:
        self._say_where(failure_line(failure), danger=True)

    # --- sending ---------------------------------------------------------------------------------

    def submit(self) -> None:
        """Push what the machine lacks and submit; progress is shown, and it can be cancelled."""
        checked = check(self.form())
        if not isinstance(checked, SubmitRequest) or self._job is not None:
            return
        self._focused = self.focusWidget()
        self._set_busy(True)
        self._job = self._context.ask(
            lambda fleet, job: send(fleet, checked, job),
            self._on_submitted,
            self.show_failure,
            self._on_progress,
        )

    def _on_submitted(self, run: Run) -> None:
        self._job = None
        self._end_preview()
        self.options.secrets.clear()
        preferences = self._context.preferences
        preferences.remember_command(self.command.text())
        if self.project.currentData():
            preferences.remember_project(self.project.currentData())
        self.submitted.emit((run.machine, run.id))
        self.accept()

    def show_failure(self, failure: Failure) -> None:
        """The submit failed: say so, and keep the form."""
        self._job = None
        self._set_busy(False)
        title, reason, remedy = failure_texts(failure)
        details = f"{failure.code}: {failure.title} {failure.message}"
        self._error.set_error(title, reason, remedy, details)
        # Where it would have gone is no news beside what became of it.
        self._end_preview()
        self._where.setVisible(False)
        self._error.setVisible(True)
        if self._focused is not None:
            self._focused.setFocus()

    def _on_progress(self, progress: Progress) -> None:
        stages = {
            "scan": self.tr("Reading the project"),
            "compare": self.tr("Comparing with the machine"),
            "upload": self.tr("Sending what is missing"),
            "submit": self.tr("Submitting"),
        }
        text = stages[progress.stage]
        if progress.total_bytes:
            text += f" · {numbers.size(progress.done_bytes)} / {numbers.size(progress.total_bytes)}"
        self._stage.setText(text)
        self._progress.setRange(0, 1000 if progress.total_bytes else 0)
        if progress.total_bytes:
            self._progress.setValue(1000 * progress.done_bytes // progress.total_bytes)

    def _set_busy(self, busy: bool) -> None:
        self._hide_error()
        self._stage.setVisible(busy)
        self._progress.setVisible(busy)
        self._progress.setRange(0, 0)
        self.run_button.setEnabled(not busy)
        for row in range(self._form.rowCount()):
            _enable(self._form.itemAt(row, QFormLayout.ItemRole.FieldRole), not busy)
        self.options.setEnabled(not busy)
        self.wishes.setEnabled(not busy)

    def reject(self) -> None:
        """Cancel or Esc: the first stops a submit that is under way, the next one closes."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self._set_busy(False)
            self._on_edited()
            return
        self._end_preview()
        self.options.secrets.clear()
        super().reject()

    def _end_preview(self) -> None:
        self._timer.stop()
        if self._preview_job is not None:
            self._preview_job.cancel()
            self._preview_job = None


def _enable(item: QLayoutItem | None, enabled: bool) -> None:
    """A field, or each widget of a row that is one."""
    widget = item.widget() if item is not None else None
    if widget is not None:
        widget.setEnabled(enabled)
    elif isinstance(item, QHBoxLayout):
        for place in range(item.count()):
            _enable(item.itemAt(place), enabled)
