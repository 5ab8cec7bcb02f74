"""The fields of a machine's rules: each changes its rule in the text, and shows what that says."""

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.state.rules_form import (
    FIELDS,
    GroupName,
    RuleField,
    Share,
    ShareTable,
    default_of,
    said_of,
    share_key,
    shares_of,
)
from lanherd_desktop.views.machines.hours_field import HoursField
from lanherd_desktop.views.machines.rule_texts import (
    choice_text,
    default_text,
    group_text,
    rule_text,
)
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label

HOURS = "hours"
_BOUND_WIDTH = 72
_NAME_WIDTH = 230


class RulesFields(QWidget):
    rule_changed = Signal(str, str)
    """A dotted key, and what its field says now."""
    share_removed = Signal(object)
    """A Share."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self._problems: dict[str, Label] = {}
        self._shares: tuple[Share, ...] = ()
        self.share_rows: list[ShareRow] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, SPACE_3, SPACE_4)
        layout.setSpacing(SPACE_3)
        group: GroupName | None = None
        form = QFormLayout()
        for field in FIELDS:
            if field.group != group:
                group = field.group
                layout.addWidget(Label(group_text(group), "card"))
                form = self._form()
                layout.addLayout(form)
            if field.key == HOURS:
                layout.addWidget(self._hours())
                continue
            name = Label(rule_text(field.key), "muted", wrap=True)
            # As wide in each group: the fields stand below each other.
            name.setFixedWidth(_NAME_WIDTH)
            form.addRow(name, self._field(field))
        layout.addWidget(Label(self.tr("Users and tags"), "card"))
        self._share_box = QVBoxLayout()
        self._share_box.setSpacing(SPACE_2)
        layout.addLayout(self._share_box)
        layout.addLayout(self._adder())
        layout.addStretch(1)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE_5)
        form.setVerticalSpacing(SPACE_2)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        return form

    def _field(self, field: RuleField) -> QVBoxLayout:
        widget: QLineEdit | QComboBox
        if field.choices:
            widget = QComboBox()
            usual = self.tr("{value} (usual)").format(value=choice_text(default_of(field.key)))
            widget.addItem(usual, "")
            for choice in field.choices:
                widget.addItem(choice_text(choice), choice)
            widget.activated.connect(lambda _, key=field.key: self._on_chosen(key))
        else:
            widget = QLineEdit()
            widget.setPlaceholderText(default_text(field.key))
            widget.editingFinished.connect(lambda key=field.key: self._on_written(key))
        widget.setAccessibleName(rule_text(field.key))
        widget.setToolTip(field.key)
        problem = Label("", "danger", wrap=True)
        problem.hide()
        self.fields[field.key] = widget
        self._problems[field.key] = problem
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(widget)
        column.addWidget(problem)
        return column

    def _hours(self) -> QWidget:
        """As wide as the form: a row of days and times has no room beside a name."""
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_2)
        self.hours = HoursField()
        self.hours.said.connect(lambda said: self.rule_changed.emit(HOURS, said))
        problem = Label("", "danger", wrap=True)
        problem.hide()
        self._problems[HOURS] = problem
        column.addWidget(Label(rule_text(HOURS), "muted"))
        column.addWidget(self.hours)
        column.addWidget(problem)
        return box

    def _adder(self) -> QHBoxLayout:
        self.table = QComboBox()
        self.table.addItem(self.tr("user"), "users")
        self.table.addItem(self.tr("tag"), "tags")
        self.table.setAccessibleName(self.tr("A user or a tag"))
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("name"))
        self.name.setAccessibleName(self.tr("Name of the user or tag"))
        self.name.returnPressed.connect(self._on_added)
        self.add_button = GhostButton(self.tr("Add a bound"), IconName.PLUS)
        self.add_button.clicked.connect(self._on_added)
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(self.table)
        row.addWidget(self.name, 1)
        row.addWidget(self.add_button)
        return row

    def show_text(self, text: str) -> None:
        """What a text says that is TOML."""
        for key, widget in self.fields.items():
            said = said_of(text, key)
            with QSignalBlocker(widget):
                if isinstance(widget, QComboBox):
                    widget.setCurrentIndex(max(0, widget.findData(said)))
                elif not widget.hasFocus() or widget.text() != said:
                    widget.setText(said)
                    widget.setCursorPosition(0)
        self.hours.show_text(text)
        shares = shares_of(text)
        if shares != self._shares:
            self._shares = shares
            self._lay_shares()

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Beside each field what is wrong with it, by its key."""
        for key, label in self._problems.items():
            told = key == HOURS and self.hours.tells_problem
            text = "" if told else problems.get(key, "")
            label.set_text(text)
            label.setVisible(bool(text))

    def _lay_shares(self) -> None:
        for row in self.share_rows:
            self._share_box.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.share_rows = []
        for share in self._shares:
            row = ShareRow(share)
            row.bound_changed.connect(self.rule_changed)
            row.removed.connect(self.share_removed)
            self.share_rows.append(row)
            self._share_box.addWidget(row)

    def _on_chosen(self, key: str) -> None:
        widget = self.fields[key]
        if isinstance(widget, QComboBox):
            self.rule_changed.emit(key, widget.currentData())

    def _on_written(self, key: str) -> None:
        widget = self.fields[key]
        if isinstance(widget, QLineEdit):
            self.rule_changed.emit(key, widget.text())

    def _on_added(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.name.setFocus()
            return
        self.name.clear()
        table: ShareTable = "users" if self.table.currentData() == "users" else "tags"
        self.rule_changed.emit(f"{share_key(table, name)}.gpus_max", "1")


class ShareRow(QWidget):
    """Of one user or tag: GPUs that are kept for them, and the most that they may have."""

    bound_changed = Signal(str, str)
    removed = Signal(object)

    def __init__(self, share: Share) -> None:
        super().__init__()
        kind = self.tr("user {name}") if share.table == "users" else self.tr("tag {name}")
        name = kind.format(name=share.name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_2)
        row.addWidget(ElidedLabel(name), 1)
        self.least = self._bound(name, self.tr("at least"), share.least, share.key("gpus_min"))
        self.most = self._bound(name, self.tr("at most"), share.most, share.key("gpus_max"))
        for text, widget in ((self.tr("at least"), self.least), (self.tr("at most"), self.most)):
            row.addWidget(Label(text, "muted"))
            row.addWidget(widget)
        self.remove_button = IconButton(
            IconName.X, self.tr("No bound for {name}").format(name=name)
        )
        self.remove_button.clicked.connect(lambda: self.removed.emit(share))
        row.addWidget(self.remove_button)

    def _bound(self, name: str, text: str, said: str, key: str) -> QLineEdit:
        line = QLineEdit(said)
        line.setFixedWidth(_BOUND_WIDTH)
        line.setPlaceholderText("–")
        line.setAccessibleName(f"{name}: {text}")
        line.editingFinished.connect(lambda: self.bound_changed.emit(key, line.text()))
        return line
