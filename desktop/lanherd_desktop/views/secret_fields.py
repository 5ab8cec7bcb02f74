"""Secrets of a new run: names, and values that nobody reads over a shoulder. Nothing is kept."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from lanherd_desktop.state.submit_options import SecretField
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton


class SecretRow(QWidget):
    edited = Signal()
    removed = Signal()

    def __init__(self, secret: SecretField) -> None:
        super().__init__()
        self.name = QLineEdit(secret.name)
        self.name.setPlaceholderText("API_TOKEN")
        self.name.setAccessibleName(self.tr("Name of the secret"))
        self.value = QLineEdit(secret.value)
        self.value.setEchoMode(QLineEdit.EchoMode.Password)
        self.value.setPlaceholderText(self.tr("its value"))
        self.value.setAccessibleName(self.tr("Value of the secret"))
        remove = IconButton(IconName.X, self.tr("Remove this secret"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_2)
        row.addWidget(self.name, 2)
        row.addWidget(self.value, 3)
        row.addWidget(remove)
        self.name.textChanged.connect(self.edited)
        self.value.textChanged.connect(self.edited)
        remove.clicked.connect(self.removed)

    def secret(self) -> SecretField:
        return SecretField(self.name.text().strip(), self.value.text())


class SecretFields(QWidget):
    """As many rows as there are secrets, and a button for one more."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[SecretRow] = []
        self._box = QVBoxLayout()
        self._box.setSpacing(SPACE_2)
        self.add_button = GhostButton(self.tr("Add a secret"), IconName.PLUS)
        self.add_button.setToolTip(
            self.tr("The command finds it as a file in the folder $LANHERD_SECRETS.")
        )
        self.add_button.clicked.connect(self._on_add)
        foot = QHBoxLayout()
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_2)
        layout.addLayout(self._box)
        layout.addLayout(foot)

    def fill(self, secrets: tuple[SecretField, ...]) -> None:
        self.clear()
        for secret in secrets:
            self._add(secret)

    def clear(self) -> None:
        """Let go of the values: they are wanted no longer."""
        while self.rows:
            self._drop(self.rows[-1])

    def secrets(self) -> tuple[SecretField, ...]:
        return tuple(row.secret() for row in self.rows)

    def _on_add(self) -> None:
        self._add(SecretField()).name.setFocus()
        self.edited.emit()

    def _add(self, secret: SecretField) -> SecretRow:
        row = SecretRow(secret)
        row.edited.connect(self.edited)
        row.removed.connect(lambda: self._on_removed(row))
        self.rows.append(row)
        self._box.addWidget(row)
        return row

    def _on_removed(self, row: SecretRow) -> None:
        self._drop(row)
        self.add_button.setFocus()
        self.edited.emit()

    def _drop(self, row: SecretRow) -> None:
        self.rows.remove(row)
        self._box.removeWidget(row)
        row.value.clear()
        row.hide()
        row.deleteLater()
