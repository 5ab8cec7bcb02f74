"""VRAM of one GPU as a bar in three parts: ours solid, not ours hatched, the rest free."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import draw_bar, hatch_brush

_HEIGHT = 16
_BAR = 8.0


class VramBar(QWidget):
    """`mark`, a share of the whole, is where what a run needs would begin to fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[float, float, float | None] = (0.0, 0.0, None)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_parts(self, ours: float, foreign: float, mark: float | None = None) -> None:
        """Shares of the whole, 0..1."""
        new = (ours, foreign, mark)
        if new != self._shown:
            self._shown = new
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(140, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        ours, foreign, mark = self._shown
        bar = QRectF(0, (self.height() - _BAR) / 2, self.width(), _BAR)
        hatched = hatch_brush(c.foreign, c.track, self.devicePixelRatioF())
        painter.setBrushOrigin(bar.topLeft())
        draw_bar(painter, bar, ((ours, QBrush(c.accent)), (foreign, hatched)), c.track)
        if mark is not None and 0 <= mark <= 1:
            painter.setPen(QPen(c.text, 2))
            x = min(bar.right() - 1, max(1.0, mark * bar.width()))
            painter.drawLine(
                QRectF(x, 1, 0, self.height() - 2).topLeft(),
                QRectF(x, 1, 0, self.height() - 2).bottomLeft(),
            )
        painter.end()
