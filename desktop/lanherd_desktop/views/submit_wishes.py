"""What a new run wishes of its GPUs and its machine: folded until somebody wants it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.state.submit_wishes import WishesForm, WishField, WishProblem
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_desktop.views.words import english, sentences
from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.limits import GPUS_PER_RUN_MAX
from lanherd_protocol.values import BesideOthers


class WishesSection(QWidget):
    """`toggled` when it is folded or unfolded: the dialog makes room."""

    edited = Signal()
    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._problems: dict[WishField, Label] = {}
        self._names: dict[WishField, str] = {}
        self.toggle_button = GhostButton(self.tr("Which GPUs"), IconName.CHEVRON_RIGHT)
        self.toggle_button.setCheckable(True)
        self.summary = Label("", "secondary")
        self.gpus_max = NumberField(0, GPUS_PER_RUN_MAX)
        self.gpus_max.setSpecialValueText(self.tr("no more"))
        self.where = QLineEdit()
        self.where.setPlaceholderText('vram >= 20GB and sm >= 80 and name ~ "A100"')
        self.where.setProperty("mono", True)
        self.where.setToolTip(self.tr("Facts: {facts}.").format(facts=", ".join(FACTS)))
        self.caret = Label("", "mono")
        self.mig = QLineEdit()
        self.mig.setPlaceholderText(self.tr("whole GPUs, or such as 1g.10gb"))
        self.linked = QCheckBox(self.tr("those that reach each other best"))
        self.shared = QCheckBox(self.tr("others may share them"))
        self.beside = QComboBox()
        kinds: tuple[tuple[BesideOthers, str], ...] = (
            ("rule", self.tr("as the machine's rules say")),
            ("wait", self.tr("wait until they are gone")),
            ("share", self.tr("take what they leave")),
        )
        for kind, text in kinds:
            self.beside.addItem(text, kind)
        self.cpus = QLineEdit()
        self.memory = QLineEdit()
        self.disk = QLineEdit()
        self.cpus.setPlaceholderText(self.tr("cores, such as 4"))
        self.memory.setPlaceholderText(self.tr("such as 32GB"))
        self.disk.setPlaceholderText(self.tr("such as 100GB"))
        self.body = QWidget()
        self._lay()
        self._connect()
        self._on_toggled(False)

    def _lay(self) -> None:
        self.rows = QFormLayout(self.body)
        self.rows.setContentsMargins(0, SPACE_2, 0, 0)
        self.rows.setHorizontalSpacing(SPACE_5)
        self.rows.setVerticalSpacing(SPACE_3)
        self.rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._add("gpus_max", self.tr("Up to"), self.gpus_max, self.linked)
        self._add("where", self.tr("Only with"), self.where, below=self.caret)
        self._add("mig", self.tr("MIG slices"), self.mig)
        self._add("share", self.tr("Others"), self.beside, self.shared)
        self._add("cpus", self.tr("CPU"), self.cpus)
        self._add("memory", self.tr("Memory"), self.memory)
        self._add("disk", self.tr("Disk"), self.disk)
        head = QHBoxLayout()
        head.setSpacing(SPACE_3)
        head.addWidget(self.toggle_button)
        head.addWidget(self.summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.body)

    def _add(
        self, field: WishField, text: str, *widgets: QWidget, below: QWidget | None = None
    ) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACE_3)
        for widget in widgets:
            row.addWidget(widget, 1 if isinstance(widget, QLineEdit | QComboBox) else 0)
        if not isinstance(widgets[0], QLineEdit | QComboBox):
            row.addStretch(1)
        problem = Label("", "danger", wrap=True)
        problem.hide()
        self._problems[field] = problem
        self._names[field] = text
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(row)
        if below is not None:
            column.addWidget(below)
            below.hide()
        column.addWidget(problem)
        label = Label(text, "muted")
        label.setBuddy(widgets[0])
        widgets[0].setAccessibleName(text)
        self.rows.addRow(label, column)

    def _connect(self) -> None:
        for line in (self.where, self.mig, self.cpus, self.memory, self.disk):
            line.textChanged.connect(self.edited)
        for box in (self.linked, self.shared):
            box.toggled.connect(self.edited)
        self.gpus_max.valueChanged.connect(self.edited)
        self.beside.currentIndexChanged.connect(self.edited)
        self.toggle_button.toggled.connect(self._on_toggled)

    # --- the form --------------------------------------------------------------------------------

    def fill(self, form: WishesForm) -> None:
        """Show a form; unfolded where it says something."""
        self.gpus_max.setValue(form.gpus_max)
        self.where.setText(form.where)
        self.linked.setChecked(form.linked)
        self.mig.setText(form.mig)
        self.shared.setChecked(form.shared)
        self.beside.setCurrentIndex(self.beside.findData(form.beside))
        self.cpus.setText(form.cpus)
        self.memory.setText(form.memory)
        self.disk.setText(form.disk)
        self.toggle_button.setChecked(form != WishesForm())

    def form(self) -> WishesForm:
        """The fields as they stand."""
        return WishesForm(
            gpus_max=self.gpus_max.value(),
            where=self.where.text(),
            linked=self.linked.isChecked(),
            mig=self.mig.text(),
            shared=self.shared.isChecked(),
            beside=self.beside.currentData(),
            cpus=self.cpus.text(),
            memory=self.memory.text(),
            disk=self.disk.text(),
        )

    def show_problems(self, problems: Sequence[WishProblem]) -> None:
        """What is wrong, beside its fields; under a constraint a caret shows where."""
        said = {problem.field: problem for problem in reversed(problems)}
        for field, label in self._problems.items():
            problem = said.get(field)
            label.set_text(wish_problem_text(problem) if problem is not None else "")
            label.setVisible(problem is not None)
        wrong = said.get("where")
        column = wrong.column if wrong is not None else 0
        shown = f"{self.where.text()}\n{' ' * (column - 1)}^" if column else ""
        self.caret.set_text(shown)
        self.caret.setVisible(bool(shown))

    def problem_line(self, problem: WishProblem) -> str:
        """Where to look for what is wrong; while that is folded away, what it is."""
        if self.toggle_button.isChecked():
            return self.tr("One of the wishes can't be sent as it is: see beside it.")
        return self.tr("Which GPUs, {name}: {problem}").format(
            name=self._names[problem.field], problem=wish_problem_text(problem)
        )

    def _on_toggled(self, shown: bool) -> None:
        name = IconName.CHEVRON_DOWN if shown else IconName.CHEVRON_RIGHT
        self.toggle_button.set_icon_name(name)
        self.body.setVisible(shown)
        self.summary.set_text("" if shown else self.tr("how many, constraints, slices, CPU"))
        self.toggled.emit(shown)


def wish_problem_text(problem: WishProblem) -> str:
    """What is wrong with a wish, and what would be right."""
    if problem.code == "constraint":
        return _constraint_text(problem)
    texts = {
        "fewer": QCoreApplication.translate(
            "WishesSection", "These are fewer than it asks for at least. Write more, or none."
        ),
        "no_gpu": QCoreApplication.translate(
            "WishesSection", "GPUs are wished for, but none is asked for. Ask for one or more."
        ),
        "profile": QCoreApplication.translate(
            "WishesSection", "A MIG profile is written as 1g.10gb or 3g.40gb."
        ),
        "alone": QCoreApplication.translate(
            "WishesSection", "It can't share its GPUs and have them for itself. Choose one."
        ),
        "cpus": QCoreApplication.translate("WishesSection", "CPU cores are a number, such as 4."),
        "size": QCoreApplication.translate(
            "WishesSection", "A size is a number and a unit, such as 32GB."
        ),
    }
    return texts[problem.code]


def _constraint_text(problem: WishProblem) -> str:
    if english():
        return sentences(problem.text, problem.remedy)
    text = QCoreApplication.translate(
        "WishesSection", "The constraint can't be read at character {column}."
    ).format(column=problem.column)
    if problem.nearest:
        nearest = QCoreApplication.translate("WishesSection", "Did you mean {fact}?")
        return sentences(text, nearest.format(fact=problem.nearest))
    known = QCoreApplication.translate("WishesSection", "Facts: {facts}.")
    return sentences(text, known.format(facts=", ".join(FACTS)))
