"""The layout of what is loading, drawn still; shown only if loading takes a moment."""

from typing import Literal

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.theme import colours

Shape = Literal["cards", "rows", "text"]
_TEXT_WIDTHS = (0.62, 0.48, 0.71, 0.35, 0.66, 0.58, 0.44, 0.52)


class Skeleton(QWidget):
    def __init__(self, shape: Shape = "rows", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = shape
        self._visible = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(tokens.SKELETON_DELAY_MS)
        self._timer.timeout.connect(self._appear)
        self.setAccessibleName(self.tr("Loading"))

    def set_shape(self, shape: Shape) -> None:
        self._shape = shape
        self.update()

    def start(self) -> None:
        """Shows after a delay: what loads at once doesn't flicker."""
        if not self._visible:
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self._visible = False
        self.update()

    def shown(self) -> bool:
        return self._visible

    def _appear(self) -> None:
        self._visible = True
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._visible:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        match self._shape:
            case "cards":
                self._paint_cards(painter)
            case "rows":
                self._paint_rows(painter)
            case "text":
                self._paint_text(painter)
        painter.end()

    def _block(self, painter: QPainter, rect: QRectF, radius: float = 4) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours().raised)
        painter.drawRoundedRect(rect, radius, radius)

    def _paint_cards(self, painter: QPainter) -> None:
        gap, height = tokens.SPACE_4, 180
        columns = max(1, (self.width() + gap) // (340 + gap))
        width = (self.width() - gap * (columns - 1)) / columns
        for at in range(columns):
            left = at * (width + gap)
            frame = QRectF(left + 0.5, 0.5, width - 1, height)
            painter.setPen(QPen(colours().border, 1))
            painter.setBrush(colours().surface)
            painter.drawRoundedRect(frame, tokens.RADIUS_CARD, tokens.RADIUS_CARD)
            self._block(painter, QRectF(left + 16, 18, width * 0.3, 14))
            self._block(painter, QRectF(left + 16, 46, width * 0.6, 10))
            for half in (0.0, 0.5):
                x = left + 16 + half * (width - 24)
                self._block(painter, QRectF(x, 76, 52, 52), 26)
                self._block(painter, QRectF(x + 64, 82, width * 0.22, 8))
                self._block(painter, QRectF(x + 64, 100, width * 0.22, 8))

    def _paint_rows(self, painter: QPainter) -> None:
        for at in range(min(8, max(1, self.height() // 60))):
            top = at * 60
            painter.setOpacity(max(0.15, 1 - at * 0.13))
            self._block(painter, QRectF(16, top + 12, 58, 18))
            self._block(painter, QRectF(86, top + 15, self.width() * 0.35, 12))
            self._block(painter, QRectF(16, top + 38, self.width() * 0.55, 9))
            painter.fillRect(QRectF(0, top + 59, self.width(), 1), colours().border)

    def _paint_text(self, painter: QPainter) -> None:
        for at in range(min(24, max(1, self.height() // 22))):
            painter.setOpacity(max(0.15, 1 - at * 0.06))
            width = self.width() * _TEXT_WIDTHS[at % len(_TEXT_WIDTHS)]
            self._block(painter, QRectF(16, 14 + at * 22, width, 9))
