"""A calm line above what it is about: a question that waits for an answer, or work under way."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.painting import with_alpha

NARROW = 520


class _Bar(QWidget):
    """A framed line in the colour of a token; Esc closes it."""

    closed = Signal()

    def __init__(self, token: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = token
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(tokens.SPACE_4, tokens.SPACE_2, tokens.SPACE_2, tokens.SPACE_2)
        self.row.setSpacing(tokens.SPACE_3)
        self.hide()

    def close_bar(self) -> None:
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        colour = c.named(self._token)
        painter.setPen(QPen(with_alpha(colour, 0.5), 1))
        painter.setBrush(c.surface)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(frame, tokens.RADIUS_CARD, tokens.RADIUS_CARD)
        painter.end()


class ConfirmBar(_Bar):
    """Asks before something that can't be undone. One question at a time: the latest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("danger", parent)
        self._then: Callable[[], object] | None = None
        self._title = Label("", "strong", wrap=True)
        self._detail = Label("", "secondary", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._detail)
        self.cancel_button = GhostButton(self.tr("Cancel"))
        self.confirm_button = DangerButton(self.tr("Do it"))
        answers = QHBoxLayout()
        answers.setSpacing(tokens.SPACE_3)
        answers.addStretch(1)
        answers.addWidget(self.cancel_button)
        answers.addWidget(self.confirm_button)
        self.row.addLayout(words, 1)
        self.row.addLayout(answers)
        self.cancel_button.clicked.connect(self.close_bar)
        self.confirm_button.clicked.connect(self._on_confirmed)

    def ask(self, title: str, detail: str, verb: str, then: Callable[[], object]) -> None:
        """Show the question; `then` is called when it is answered by its verb."""
        self._then = then
        self._title.set_text(title)
        self.set_detail(detail)
        self.confirm_button.setText(verb)
        self.setAccessibleName(title)
        self.show()
        # The harmless answer has the focus: Enter by habit does nothing.
        self.cancel_button.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow, the answers stand below the question."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        way = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if way != self.row.direction():
            self.row.setDirection(way)
            self.updateGeometry()

    def set_detail(self, detail: str) -> None:
        self._detail.set_text(detail)
        self._detail.setVisible(bool(detail))
        self.setAccessibleDescription(detail)

    def text(self) -> str:
        """The question and what it is about."""
        return f"{self._title.text()} {self._detail.text()}".strip()

    def close_bar(self) -> None:
        self._then = None
        super().close_bar()

    def _on_confirmed(self) -> None:
        then = self._then
        self.close_bar()
        if then is not None:
            then()


class TransferBar(_Bar):
    """Work under way: what, how far, and a button that ends it (`closed`)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("accent", parent)
        self._text = Label("", "base")
        self._amount = Label("", "secondary")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self.cancel_button = GhostButton(self.tr("Cancel"))
        for part in (self._text, self._amount):
            self.row.addWidget(part)
        self.row.addWidget(self._progress, 1)
        self.row.addWidget(self.cancel_button)
        self.cancel_button.clicked.connect(self.close_bar)

    def begin(self, text: str) -> None:
        self._text.set_text(text)
        self._amount.set_text("")
        self._progress.setAccessibleName(text)
        self._progress.setRange(0, 0)
        self.show()

    def set_progress(self, amount: str, share: float | None) -> None:
        """`share` from 0 to 1; None while it isn't known how much there is."""
        self._amount.set_text(amount)
        self._progress.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._progress.setValue(round(share * 1000))

    def finish(self) -> None:
        """It is done: nothing is cancelled any more."""
        self.hide()
