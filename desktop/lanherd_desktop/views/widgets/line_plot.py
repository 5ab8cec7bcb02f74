"""A few lines over a common axis, with round ticks and a legend; drawn by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.plot_scale import tick_text, ticks
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import LEFT, RIGHT, draw_text, elided

_LINE_TOKENS = ("accent", "info", "foreign", "violet", "ok", "danger")
_DASHES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 3), (8, 3, 2, 3), (4, 2), (1, 2))
_POINTS_MAX = 2_000
_LEGEND = 22.0


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: tuple[float | None, ...]


class LinePlot(QWidget):
    """At most six lines; each has a dash pattern of its own beside its colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: tuple[Series, ...] = ()
        self._x: tuple[float, ...] = ()
        self._x_name = ""
        self._pointer: QPointF | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Plot"))

    def set_series(
        self, series: Sequence[Series], x: Sequence[float] = (), x_name: str = ""
    ) -> None:
        """Without `x` the row's number stands for it."""
        self._series = tuple(series)[: len(_LINE_TOKENS)]
        length = max((len(s.values) for s in self._series), default=0)
        self._x = tuple(x) if len(x) == length else tuple(float(n) for n in range(1, length + 1))
        self._x_name = x_name if len(x) == length else ""
        self.setAccessibleDescription(", ".join(s.name for s in self._series))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 220)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._pointer = None
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        known = [v for s in self._series for v in s.values if v is not None]
        if known and self._x:
            self._paint_all(painter, min(known), max(known))
        painter.end()

    def _paint_all(self, painter: QPainter, low: float, high: float) -> None:
        font = ui_font(tokens.FONT_SMALL)
        metrics = QFontMetricsF(font)
        y_ticks = ticks(low, high, max(2, int(self.height() // 48)))
        if len(y_ticks) < 2:
            return
        step = y_ticks[1] - y_ticks[0]
        labels = [tick_text(v, step) for v in y_ticks]
        left = max(metrics.horizontalAdvance(t) for t in labels) + 14
        area = QRectF(left, _LEGEND + 6, self.width() - left - 10, self.height() - _LEGEND - 6 - 24)
        if area.width() < 40 or area.height() < 30:
            return
        self._paint_y_axis(painter, area, y_ticks, labels)
        self._paint_x_axis(painter, area)
        for at, series in enumerate(self._series):
            self._paint_line(painter, area, at, series, (y_ticks[0], y_ticks[-1]))
        self._paint_legend(painter, area, self._row_under_pointer(area))

    def _paint_y_axis(
        self, painter: QPainter, area: QRectF, values: tuple[float, ...], labels: list[str]
    ) -> None:
        c = colours()
        for value, label in zip(values, labels, strict=True):
            share = (value - values[0]) / (values[-1] - values[0])
            y = round(area.bottom() - share * area.height()) + 0.5
            painter.setPen(QPen(c.border, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            place = QRectF(0, y - 8, area.left() - 8, 16)
            draw_text(painter, place, label, ui_font(tokens.FONT_SMALL), c.muted, RIGHT)

    def _paint_x_axis(self, painter: QPainter, area: QRectF) -> None:
        c = colours()
        font = ui_font(tokens.FONT_SMALL)
        low, high = min(self._x), max(self._x)
        values = [v for v in ticks(low, high, max(2, int(area.width() // 90))) if low <= v <= high]
        step = values[1] - values[0] if len(values) > 1 else 1.0
        for value in values:
            x = self._x_of(area, value)
            place = QRectF(x - 40, area.bottom() + 5, 80, 16)
            text = tick_text(value, step)
            draw_text(painter, place, text, font, c.muted, Qt.AlignmentFlag.AlignCenter)

    def _x_of(self, area: QRectF, value: float) -> float:
        low, high = min(self._x), max(self._x)
        share = 0.5 if high == low else (value - low) / (high - low)
        return area.left() + share * area.width()

    def _paint_line(
        self,
        painter: QPainter,
        area: QRectF,
        at: int,
        series: Series,
        ends: tuple[float, float],
    ) -> None:
        stride = max(1, len(series.values) // _POINTS_MAX)
        low, high = min(self._x), max(self._x)
        x_scale = area.width() / (high - low) if high > low else 0.0
        x_start = area.left() if x_scale else area.center().x()
        y_scale = area.height() / (ends[1] - ends[0])
        painter.setPen(_pen(at))
        line: list[QPointF] = []
        for x, value in zip(self._x[::stride], series.values[::stride], strict=False):
            if value is not None:
                place = QPointF(
                    x_start + (x - low) * x_scale, area.bottom() - (value - ends[0]) * y_scale
                )
                line.append(place)
            else:
                painter.drawPolyline(QPolygonF(line))
                line = []
        painter.drawPolyline(QPolygonF(line))

    def _row_under_pointer(self, area: QRectF) -> int | None:
        pointer = self._pointer
        if pointer is None or not area.contains(pointer):
            return None
        return min(
            range(len(self._x)), key=lambda n: abs(self._x_of(area, self._x[n]) - pointer.x())
        )

    def _paint_legend(self, painter: QPainter, area: QRectF, row: int | None) -> None:
        c = colours()
        font = ui_font(tokens.FONT_SMALL)
        metrics = QFontMetricsF(font)
        x = area.left()
        if row is not None:
            place = self._x_of(area, self._x[row])
            painter.setPen(QPen(c.border_strong, 1))
            painter.drawLine(QPointF(place, area.top()), QPointF(place, area.bottom()))
        for at, series in enumerate(self._series):
            name = elided(series.name, font, 140)
            value = series.values[row] if row is not None and row < len(series.values) else None
            text = name if value is None else f"{name} {numbers.significant(value)}"
            if x + 26 + metrics.horizontalAdvance(name) > self.width():
                break
            painter.setPen(_pen(at))
            painter.drawLine(QPointF(x, _LEGEND / 2), QPointF(x + 18, _LEGEND / 2))
            draw_text(painter, QRectF(x + 24, 0, 220, _LEGEND), text, font, c.muted, LEFT)
            # Room for a value, also while there is none: the names stay in place.
            x += 24 + metrics.horizontalAdvance(name + " 0.00000") + 12


def _pen(at: int) -> QPen:
    pen = QPen(colours().named(_LINE_TOKENS[at]), 1.6)
    pen.setCosmetic(True)
    if _DASHES[at]:
        pen.setDashPattern(list(_DASHES[at]))
    return pen
