"""The runs that a new one waits for: as many rows as there are, and a button for one more."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.submit_options import AfterField
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton
from lanherd_desktop.views.widgets.labels import plain_tooltip
from lanherd_protocol.values import DependencyKind

KINDS: tuple[DependencyKind, ...] = ("after_ok", "after_any", "after")
Namer = Callable[[RunKey], str]


class AfterRow(QWidget):
    edited = Signal()
    removed = Signal()

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
        remove = IconButton(IconName.X, self.tr("Wait for this run no longer"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_2)
        row.addWidget(self.run, 1)
        row.addWidget(self.kind)
        row.addWidget(remove)
        self.run.currentIndexChanged.connect(self._tell)
        self.run.currentIndexChanged.connect(self.edited)
        self.kind.currentIndexChanged.connect(self.edited)
        remove.clicked.connect(self.removed)

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


class AfterFields(QWidget):
    edited = Signal()

    def __init__(self, name: Namer) -> None:
        super().__init__()
        self._name = name
        self._keys: Sequence[RunKey] = ()
        self.rows: list[AfterRow] = []
        self._box = QVBoxLayout()
        self._box.setSpacing(SPACE_2)
        self.add_button = GhostButton(self.tr("Wait for a run"), IconName.PLUS)
        self.add_button.clicked.connect(self._on_add)
        foot = QHBoxLayout()
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_2)
        layout.addLayout(self._box)
        layout.addLayout(foot)

    def fill(self, afters: Sequence[AfterField]) -> None:
        while self.rows:
            self._drop(self.rows[-1])
        for after in afters:
            self._add(after)

    def offer(self, keys: Sequence[RunKey]) -> None:
        """The runs to choose from, in each row."""
        self._keys = keys
        for row in self.rows:
            row.offer(keys, self._name)

    def afters(self) -> tuple[AfterField, ...]:
        return tuple(row.after() for row in self.rows)

    def _on_add(self) -> None:
        self._add(AfterField()).run.setFocus()
        self.edited.emit()

    def _add(self, after: AfterField) -> AfterRow:
        row = AfterRow(after)
        row.offer(self._keys, self._name)
        row.edited.connect(self.edited)
        row.removed.connect(lambda: self._on_removed(row))
        self.rows.append(row)
        self._box.addWidget(row)
        return row

    def _on_removed(self, row: AfterRow) -> None:
        self._drop(row)
        self.add_button.setFocus()
        self.edited.emit()

    def _drop(self, row: AfterRow) -> None:
        self.rows.remove(row)
        self._box.removeWidget(row)
        row.hide()
        row.deleteLater()


def _kind_text(kind: DependencyKind) -> str:
    texts: dict[DependencyKind, str] = {
        "after_ok": QCoreApplication.translate("OptionsSection", "to succeed"),
        "after_any": QCoreApplication.translate("OptionsSection", "to end"),
        "after": QCoreApplication.translate("OptionsSection", "to be started"),
    }
    return texts[kind]
