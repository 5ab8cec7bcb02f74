"""What went wrong, where the thing would be: what happened, why, what next."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.buttons import GhostButton, PrimaryButton
from lanherd_desktop.views.widgets.empty_state import IconDisc
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.painting import with_alpha


class ErrorPanel(QWidget):
    retried = Signal()
    details_copied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = ""
        self.words = QVBoxLayout()
        self.buttons = QHBoxLayout()
        self._title = Label("", "card", wrap=True, selectable=True)
        self._reason = Label("", "base", wrap=True, selectable=True)
        self._remedy = Label("", "muted", wrap=True, selectable=True)
        self._retry = PrimaryButton("")
        self._retry.setVisible(False)
        self._copy = GhostButton(self.tr("Copy details"), IconName.COPY)
        self._retry.clicked.connect(self.retried)
        self._copy.clicked.connect(self.copy_details)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._build()

    def _build(self) -> None:
        words = self.words
        words.setSpacing(tokens.SPACE_1)
        for label in (self._title, self._reason, self._remedy):
            words.addWidget(label)
        buttons = self.buttons
        buttons.setSpacing(tokens.SPACE_2)
        buttons.addWidget(self._retry)
        buttons.addWidget(self._copy)
        buttons.addStretch(1)
        words.addSpacing(tokens.SPACE_2)
        words.addLayout(buttons)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(*(tokens.SPACE_4,) * 4)
        whole.setSpacing(tokens.SPACE_4)
        disc = IconDisc(IconName.ALERT_ROUND, "danger", 42)
        whole.addWidget(disc, 0, Qt.AlignmentFlag.AlignTop)
        whole.addLayout(words, 1)

    def set_error(
        self, title: str, reason: str, remedy: str, details: str = "", retry: str = ""
    ) -> None:
        """`details` is what 'Copy details' adds; `retry` names the button that tries again."""
        self._details = details
        for label, text in (
            (self._title, title),
            (self._reason, reason),
            (self._remedy, remedy),
        ):
            label.set_text(text)
            label.setVisible(bool(text))
        self._retry.setText(retry)
        self._retry.setVisible(bool(retry))
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"{reason} {remedy}".strip())

    def details(self) -> str:
        """All of it as text."""
        parts = (self._title.text(), self._reason.text(), self._remedy.text(), self._details)
        return "\n".join(part for part in parts if part)

    def copy_details(self) -> None:
        QGuiApplication.clipboard().setText(self.details())
        self.details_copied.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(with_alpha(c.danger, 0.5), 1))
        painter.setBrush(c.surface)
        painter.drawRoundedRect(frame, tokens.RADIUS_CARD, tokens.RADIUS_CARD)
        painter.end()
