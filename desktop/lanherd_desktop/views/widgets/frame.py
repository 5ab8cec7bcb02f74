"""A calm frame around what belongs together inside a page."""

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.theme import colours


class Frame(QWidget):
    """`body` is its column. A `sunken` one is a part of another, such as lines of a log."""

    def __init__(self, parent: QWidget | None = None, *, sunken: bool = False) -> None:
        super().__init__(parent)
        self._sunken = sunken
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.body = QVBoxLayout(self)
        gap = tokens.SPACE_2 if sunken else tokens.SPACE_4
        self.body.setContentsMargins(gap + 4 * sunken, gap, gap + 4 * sunken, gap)
        self.body.setSpacing(tokens.SPACE_2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(c.border, 1))
        painter.setBrush(c.background if self._sunken else c.surface)
        radius = tokens.RADIUS_CONTROL if self._sunken else tokens.RADIUS_CARD
        painter.drawRoundedRect(frame, radius, radius)
        painter.end()
