"""Something that is wrong and leaves the rest usable: what, and what to do, in a calm frame."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName, pixmap
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.painting import with_alpha

_ICON = 16
_TOKEN = "foreign"


class Notice(QWidget):
    """A sentence, and under it what to do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._text = Label("", "base", wrap=True, selectable=True)
        self._remedy = Label("", "secondary", wrap=True, selectable=True)
        layout = QVBoxLayout(self)
        left = tokens.SPACE_3 + _ICON + tokens.SPACE_2
        layout.setContentsMargins(left, tokens.SPACE_2, tokens.SPACE_3, tokens.SPACE_2)
        layout.setSpacing(2)
        layout.addWidget(self._text)
        layout.addWidget(self._remedy)

    def set_notice(self, text: str, remedy: str) -> None:
        self._text.set_text(text)
        self._remedy.set_text(remedy)
        self._remedy.setVisible(bool(remedy))
        self.setAccessibleName(f"{text} {remedy}".strip())

    def text(self) -> str:
        return self._text.text()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = colours().named(_TOKEN)
        painter.setPen(QPen(with_alpha(colour, 0.45), 1))
        painter.setBrush(with_alpha(colour, 0.07))
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(frame, tokens.RADIUS_CONTROL, tokens.RADIUS_CONTROL)
        drawn = pixmap(IconName.ALERT, _TOKEN, _ICON, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(tokens.SPACE_3, tokens.SPACE_2 + 1), drawn)
        painter.end()


class Notices(QWidget):
    """As many notices as there is something wrong; nothing where all is well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(tokens.SPACE_2)
        self.notices: list[Notice] = []
        self.hide()

    def set_notices(self, said: Sequence[tuple[str, str]]) -> None:
        """Sentences with their remedies, in place."""
        while len(self.notices) > len(said):
            gone = self.notices.pop()
            gone.hide()
            gone.deleteLater()
        while len(self.notices) < len(said):
            notice = Notice()
            self.notices.append(notice)
            self._box.addWidget(notice)
        for notice, (text, remedy) in zip(self.notices, said, strict=True):
            notice.set_notice(text, remedy)
        self.setVisible(bool(said))
