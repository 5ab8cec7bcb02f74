"""The last minute of one value."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import draw_sparkline


class Sparkline(QWidget):
    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._values: tuple[float | None, ...] = ()
        self._maximum = 100.0
        self._token = "accent"

    def set_values(self, values: Sequence[float | None], maximum: float = 100.0) -> None:
        """Oldest first, one a second."""
        new = tuple(values)
        if (new, maximum) != (self._values, self._maximum):
            self._values = new
            self._maximum = maximum
            self.update()

    def set_token(self, token: str) -> None:
        if token != self._token:
            self._token = token
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(32, 12)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        draw_sparkline(painter, rect, self._values, self._maximum, colours().named(self._token))
        painter.end()
