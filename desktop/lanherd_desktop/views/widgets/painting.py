"""What several widgets draw: sparklines, hatching, dots, words in a fixed place."""

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
    QTransform,
)

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter

SPARKLINE_SLOTS = 60
_HATCH = 8


def with_alpha(colour: QColor, alpha: float) -> QColor:
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result


def draw_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    font: QFont,
    colour: QColor,
    align: Qt.AlignmentFlag = LEFT,
) -> None:
    """One line of plain text; never markup, never a shortcut underline."""
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(rect, int(align | Qt.TextFlag.TextSingleLine), text)


def elided(text: str, font: QFont, width: float) -> str:
    return QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, width)


@lru_cache(maxsize=32)
def _hatch_tile(colour: str, ground: str, density: float) -> QPixmap:
    tile = QPixmap(round(_HATCH * density), round(_HATCH * density))
    tile.setDevicePixelRatio(density)
    tile.fill(QColor(ground))
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 3.4))
    for shift in (-_HATCH, 0, _HATCH):
        painter.drawLine(QPointF(shift - 2, _HATCH + 2), QPointF(shift + _HATCH + 2, -2))
    painter.end()
    return tile


def hatch_brush(colour: QColor, ground: QColor, density: float) -> QBrush:
    """Diagonal stripes that stay sharp at any density."""
    brush = QBrush(_hatch_tile(colour.name(), ground.name(), density))
    brush.setTransform(QTransform.fromScale(1 / density, 1 / density))
    return brush


def draw_sparkline(
    painter: QPainter,
    rect: QRectF,
    values: Sequence[float | None],
    maximum: float,
    colour: QColor,
    slots: int = SPARKLINE_SLOTS,
) -> None:
    """The newest value at the right edge, one slot each; unknown values leave a gap."""
    shown = values[-slots:]
    step = rect.width() / max(1, slots - 1)
    left = rect.right() - step * (len(shown) - 1)
    scale = rect.height() / maximum if maximum > 0 else 0.0
    pen = QPen(colour, 1.25)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    for piece in _pieces(shown):
        points = [
            QPointF(left + step * i, rect.bottom() - min(max(v, 0.0), maximum) * scale)
            for i, v in piece
        ]
        if len(points) == 1:
            points.append(points[0] + QPointF(0.5, 0))
        area = QPolygonF(
            [
                QPointF(points[0].x(), rect.bottom()),
                *points,
                QPointF(points[-1].x(), rect.bottom()),
            ]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(with_alpha(colour, 0.16))
        painter.drawPolygon(area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(points))


def _pieces(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    pieces: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is not None:
            pieces[-1].append((at, value))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def draw_bar(
    painter: QPainter, rect: QRectF, parts: Sequence[tuple[float, QBrush]], track: QColor
) -> None:
    """A rounded bar: parts from the left, each a fraction of the whole, the rest is track."""
    radius = rect.height() / 2
    outline = QPainterPath()
    outline.addRoundedRect(rect, radius, radius)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillPath(outline, track)
    painter.save()
    painter.setClipPath(outline)
    left = rect.left()
    for fraction, brush in parts:
        if fraction > 0:
            width = max(1.5, fraction * rect.width())
            painter.fillRect(QRectF(left, rect.top(), width, rect.height()), brush)
            left += width
    painter.restore()


def draw_focus_ring(painter: QPainter, rect: QRectF, colour: QColor, radius: float) -> None:
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)
