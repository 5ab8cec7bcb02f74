"""What a new run wishes of its GPUs and its machine: folded until somebody wants it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from lanherd_desktop.state.submit_wishes import WishesForm, WishProblem
from lanherd_desktop.views.widgets.folded_form import FoldedForm
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_desktop.views.words import failure_texts, sentences
from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.limits import GPUS_PER_RUN_MAX
from lanherd_protocol.values import BesideOthers


class WishesSection(FoldedForm):
    def __init__(self) -> None:
        super().__init__()
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
        self._lay()
        self._connect()
        self.name_it(self.tr("Which GPUs"), self.tr("how many, constraints, slices, CPU"))

    def _lay(self) -> None:
        self.add_field("gpus_max", self.tr("Up to"), self.gpus_max, self.linked)
        self.add_field("where", self.tr("Only with"), self.where, below=self.caret)
        self.add_field("mig", self.tr("MIG slices"), self.mig)
        self.add_field("share", self.tr("Others"), self.beside, self.shared)
        self.add_field("cpus", self.tr("CPU"), self.cpus)
        self.add_field("memory", self.tr("Memory"), self.memory)
        self.add_field("disk", self.tr("Disk"), self.disk)

    def _connect(self) -> None:
        for line in (self.where, self.mig, self.cpus, self.memory, self.disk):
            line.textChanged.connect(self.edited)
        for box in (self.linked, self.shared):
            box.toggled.connect(self.edited)
        self.gpus_max.valueChanged.connect(self.edited)
        self.beside.currentIndexChanged.connect(self.edited)

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
        self.show_texts({field: wish_problem_text(problem) for field, problem in said.items()})
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
            name=self.names[problem.field], problem=wish_problem_text(problem)
        )


def wish_problem_text(problem: WishProblem) -> str:
    """What is wrong with a wish, and what would be right."""
    if problem.failure is not None:
        _, why, what_next = failure_texts(problem.failure)
        # The text and the caret of the other lines stand in the form already.
        return sentences(why.partition("\n")[0], what_next)
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
