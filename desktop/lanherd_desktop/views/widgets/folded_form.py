"""Fields that most people never need: folded until somebody wants them, and what is wrong with one
stands below it."""

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.field_rows import FieldRows
from lanherd_desktop.views.widgets.labels import Label

WIDE = (QLineEdit, QComboBox, FieldRows)
"""What takes the room that is left in its row."""


class FoldedForm(QWidget):
    """`toggled` when it is folded or unfolded: who shows it makes room."""

    edited = Signal()
    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._problems: dict[str, Label] = {}
        self.names: dict[str, str] = {}
        """What the label beside each field says."""
        self._when_folded = ""
        self.toggle_button = GhostButton("", IconName.CHEVRON_RIGHT)
        self.toggle_button.setCheckable(True)
        self.toggle_button.toggled.connect(self._on_toggled)
        self.summary = Label("", "secondary")
        self.body = QWidget()
        self.rows = QFormLayout(self.body)
        self.rows.setContentsMargins(0, SPACE_2, 0, 0)
        self.rows.setHorizontalSpacing(SPACE_5)
        self.rows.setVerticalSpacing(SPACE_3)
        self.rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        head = QHBoxLayout()
        head.setSpacing(SPACE_3)
        head.addWidget(self.toggle_button)
        head.addWidget(self.summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.body)
        self._on_toggled(False)

    def name_it(self, title: str, when_folded: str) -> None:
        """Its title, and what is said beside it of what is folded away."""
        self.toggle_button.setText(title)
        self._when_folded = when_folded
        self._on_toggled(self.toggle_button.isChecked())

    def add_field(
        self, field: str, text: str, *widgets: QWidget, below: QWidget | None = None
    ) -> None:
        """A row: its widgets, and under them what is wrong with them."""
        row = QHBoxLayout()
        row.setSpacing(SPACE_3)
        for widget in widgets:
            row.addWidget(widget, 1 if isinstance(widget, WIDE) else 0)
        if not any(isinstance(widget, WIDE) for widget in widgets):
            row.addStretch(1)
        problem = Label("", "danger", wrap=True)
        problem.hide()
        self._problems[field] = problem
        self.names[field] = text
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

    def show_texts(self, problems: Mapping[str, str]) -> None:
        """What is wrong with a field, below it; with the others nothing is."""
        for field, label in self._problems.items():
            text = problems.get(field, "")
            label.set_text(text)
            label.setVisible(bool(text))

    def _on_toggled(self, shown: bool) -> None:
        name = IconName.CHEVRON_DOWN if shown else IconName.CHEVRON_RIGHT
        self.toggle_button.set_icon_name(name)
        self.body.setVisible(shown)
        self.summary.set_text("" if shown else self._when_folded)
        self.toggled.emit(shown)
