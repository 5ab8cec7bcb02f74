"""The runs that a new one waits for: as many rows as there are, and a button for one more."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QSignalBlocker
from PySide6.QtWidgets import QComboBox

from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.submit_options import AfterField
from lanherd_desktop.views.widgets.field_rows import FieldRow, FieldRows
from lanherd_desktop.views.widgets.labels import plain_tooltip
from lanherd_protocol.values import DependencyKind

KINDS: tuple[DependencyKind, ...] = ("after_ok", "after_any", "after")
Namer = Callable[[RunKey], str]


class AfterRow(FieldRow):
    def __init__(self, after: AfterField) -> None:
        super().__init__()
        # Beside the box and not in it: it has no equal of a pair of texts.
        self._keys: list[RunKey | None] = [after.key]
        self.run = QComboBox()
        self.run.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.run.setAccessibleName(self.tr("Run to wait for"))
        self.kind = QComboBox()
        for kind in KINDS:
            self.kind.addItem(_kind_text(kind), kind)
        self.kind.setCurrentIndex(KINDS.index(after.kind))
        self.kind.setAccessibleName(self.tr("What is waited for"))
        self.lay(self.tr("Wait for this run no longer"), (self.run, 1), (self.kind, 0))
        self.run.currentIndexChanged.connect(self._tell)
        self.run.currentIndexChanged.connect(self.edited)
        self.kind.currentIndexChanged.connect(self.edited)

    def offer(self, keys: Sequence[RunKey], name: Namer) -> None:
        """The runs to choose from. The chosen one stays, wherever it is: nothing is unsaid."""
        chosen = self.key()
        kept = [] if chosen is None or chosen in keys else [chosen]
        self._keys = [None, *kept, *keys]
        with QSignalBlocker(self.run):
            self.run.clear()
            self.run.addItem(self.tr("choose a run"))
            self.run.addItems([name(key) for key in (*kept, *keys)])
            self.run.setCurrentIndex(self._keys.index(chosen))
        self._tell()

    def _tell(self) -> None:
        """Names are longer than the box."""
        self.run.setToolTip(plain_tooltip(self.run.currentText()))

    def choose(self, key: RunKey) -> None:
        self.run.setCurrentIndex(self._keys.index(key))

    def key(self) -> RunKey | None:
        return self._keys[max(0, self.run.currentIndex())]

    def after(self) -> AfterField:
        return AfterField(self.key(), self.kind.currentData())


class AfterFields(FieldRows[AfterRow]):
    def __init__(self, name: Namer) -> None:
        super().__init__(lambda: self._row(AfterField()))
        self.add_button.setText(self.tr("Wait for a run"))
        self._name = name
        self._keys: Sequence[RunKey] = ()

    def fill(self, afters: Sequence[AfterField]) -> None:
        self.clear()
        for after in afters:
            self.add(self._row(after))

    def offer(self, keys: Sequence[RunKey]) -> None:
        """The runs to choose from, in each row."""
        self._keys = keys
        for row in self.rows:
            row.offer(keys, self._name)

    def afters(self) -> tuple[AfterField, ...]:
        return tuple(row.after() for row in self.rows)

    def _row(self, after: AfterField) -> AfterRow:
        row = AfterRow(after)
        row.offer(self._keys, self._name)
        return row


def _kind_text(kind: DependencyKind) -> str:
    texts: dict[DependencyKind, str] = {
        "after_ok": QCoreApplication.translate("OptionsSection", "to succeed"),
        "after_any": QCoreApplication.translate("OptionsSection", "to end"),
        "after": QCoreApplication.translate("OptionsSection", "to be started"),
    }
    return texts[kind]
