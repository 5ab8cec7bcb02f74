"""Secrets of a new run: names, and values that nobody reads over a shoulder. Nothing is kept."""

from PySide6.QtWidgets import QLineEdit

from lanherd_desktop.state.submit_options import SecretField
from lanherd_desktop.views.widgets.field_rows import FieldRow, FieldRows


class SecretRow(FieldRow):
    def __init__(self, secret: SecretField) -> None:
        super().__init__()
        self.name = QLineEdit(secret.name)
        self.name.setPlaceholderText("API_TOKEN")
        self.name.setAccessibleName(self.tr("Name of the secret"))
        self.value = QLineEdit(secret.value)
        self.value.setEchoMode(QLineEdit.EchoMode.Password)
        self.value.setPlaceholderText(self.tr("its value"))
        self.value.setAccessibleName(self.tr("Value of the secret"))
        self.lay(self.tr("Remove this secret"), (self.name, 2), (self.value, 3))
        self.name.textChanged.connect(self.edited)
        self.value.textChanged.connect(self.edited)

    def secret(self) -> SecretField:
        return SecretField(self.name.text().strip(), self.value.text())

    def let_go(self) -> None:
        self.value.clear()


class SecretFields(FieldRows[SecretRow]):
    def __init__(self) -> None:
        super().__init__(lambda: SecretRow(SecretField()))
        self.add_button.setText(self.tr("Add a secret"))
        self.add_button.setToolTip(
            self.tr("The command finds it as a file in the folder $LANHERD_SECRETS.")
        )

    def fill(self, secrets: tuple[SecretField, ...]) -> None:
        self.clear()
        for secret in secrets:
            self.add(SecretRow(secret))

    def secrets(self) -> tuple[SecretField, ...]:
        return tuple(row.secret() for row in self.rows)
