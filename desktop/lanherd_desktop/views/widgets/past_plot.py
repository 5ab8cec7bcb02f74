"""The past of one value, a line with its peaks: gaps stay gaps, pointing tells time and value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state.past_plot import Piece, PlotLine, scale_top
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import LEFT, RIGHT, draw_text, with_alpha

_HEIGHT = 96
_HEAD = 20.0
_LABELS = 56.0
_LINE_TOKENS = ("accent", "foreign")
_DASHES: tuple[tuple[float, ...], ...] = ((), (4, 2))


@dataclass(frozen=True, slots=True)
class PastPlotData:
    """One or two lines from `start` to `end`; `top` is the whole, where there is one."""

    title: str
    names: tuple[str, ...]
    lines: tuple[PlotLine, ...]
    start: float
    end: float
    step_s: float
    top: float | None
    value_text: Callable[[float], str]
    time_text: Callable[[float], str]

    @property
    def scaled(self) -> bool:
        """Whether its scale says something: without a whole and without values it has none."""
        return self.top is not None or any(line.pieces for line in self.lines)


class PastPlot(QWidget):
    """Left and right move from value to value, as the pointer does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: PastPlotData | None = None
        self._at: float | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_data(self, data: PastPlotData) -> None:
        self._data = data
        self.setAccessibleName(data.title)
        self.setAccessibleDescription(self.told())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def told(self) -> str:
        """The value at the pointer with its time, else the newest one; a gap has none."""
        data = self._data
        if data is None:
            return ""
        points = [
            line.last() if self._at is None else line.near(self._at, data.step_s)
            for line in data.lines
        ]
        values = [
            f"{name} {data.value_text(point.mean)}".strip()
            for name, point in zip(data.names, points, strict=True)
            if point is not None
        ]
        text = " · ".join(values) or "–"
        return text if self._at is None else f"{data.time_text(self._at)}  {text}"

    # --- pointing --------------------------------------------------------------------------------

    def point_at(self, at: float | None) -> None:
        """Show the values of a time, or the newest ones again."""
        if at != self._at:
            self._at = at
            self.setAccessibleDescription(self.told())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        area, data = self._area(), self._data
        if data is None or not area.contains(event.position()):
            self.point_at(None)
            return
        share = (event.position().x() - area.left()) / area.width()
        self.point_at(data.start + share * (data.end - data.start))

    def leaveEvent(self, event: object) -> None:
        self.point_at(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.point_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if steps is None or self._data is None:
            super().keyPressEvent(event)
            return
        # As far as two pixels at least: a week has thousands of steps.
        step_s = max(self._data.step_s, (self._data.end - self._data.start) / 200)
        at = (self._data.end if self._at is None else self._at) + steps * step_s
        self.point_at(min(self._data.end, max(self._data.start, at)))

    # --- painting --------------------------------------------------------------------------------

    def _area(self) -> QRectF:
        return QRectF(_LABELS, _HEAD + 8, max(1.0, self.width() - _LABELS - 1),
                      self.height() - _HEAD - 14)  # fmt: skip

    def paintEvent(self, _event: QPaintEvent) -> None:
        data = self._data
        if data is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        head = QRectF(0, 0, self.width(), _HEAD)
        title = data.title
        draw_text(painter, head, title, ui_font(tokens.FONT_SECONDARY), c.muted, LEFT)
        draw_text(painter, head, self.told(), strong_font(tokens.FONT_SECONDARY), c.text, RIGHT)
        area = self._area()
        top = scale_top(data.lines, data.top)
        self._paint_scale(painter, area, top, data)
        for at, line in enumerate(data.lines):
            for piece in line.pieces:
                self._paint_piece(painter, area, piece, top, at)
        self._paint_pointer(painter, area, data)
        if self.hasFocus():
            painter.setPen(QPen(c.accent, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _paint_scale(self, painter: QPainter, area: QRectF, top: float, data: PastPlotData) -> None:
        c = colours()
        font = ui_font(tokens.FONT_SMALL)
        height = QFontMetricsF(font).height()
        for value in (0.0, top):
            y = round(area.bottom() - value / top * area.height()) + 0.5
            painter.setPen(QPen(c.border, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            place = QRectF(0, y - height / 2, _LABELS - 8, height)
            if data.scaled:
                draw_text(painter, place, data.value_text(value), font, c.muted, RIGHT)

    def _paint_piece(
        self, painter: QPainter, area: QRectF, piece: Piece, top: float, at: int
    ) -> None:
        means = self._points(area, [(p.at, p.mean) for p in piece], top)
        peaks = self._points(area, [(p.at, p.peak) for p in piece], top)
        colour = colours().named(_LINE_TOKENS[at])
        if len(means) == 1:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(means[0], 1.5, 1.5)
            return
        ground = [QPointF(means[0].x(), area.bottom()), *means,
                  QPointF(means[-1].x(), area.bottom())]  # fmt: skip
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(with_alpha(colour, 0.12))
        painter.drawPolygon(QPolygonF(ground))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if any(p.peak > p.mean for p in piece):
            painter.setPen(QPen(with_alpha(colour, 0.4), 1))
            painter.drawPolyline(QPolygonF(peaks))
        pen = QPen(colour, 1.4)
        if _DASHES[at]:
            pen.setDashPattern(list(_DASHES[at]))
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(means))

    def _points(
        self, area: QRectF, values: Sequence[tuple[float, float]], top: float
    ) -> list[QPointF]:
        return [
            QPointF(self._x(area, at), area.bottom() - min(1.0, max(0.0, v / top)) * area.height())
            for at, v in values
        ]

    def _x(self, area: QRectF, at: float) -> float:
        data = self._data
        if data is None or data.end <= data.start:
            return area.left()
        share = (at - data.start) / (data.end - data.start)
        return area.left() + min(1.0, max(0.0, share)) * area.width()

    def _paint_pointer(self, painter: QPainter, area: QRectF, data: PastPlotData) -> None:
        if self._at is None:
            return
        x = self._x(area, self._at)
        painter.setPen(QPen(colours().border_strong, 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
