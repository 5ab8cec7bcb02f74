"""One GPU at a glance: ring, temperature and power, memory in three parts, the last minute.

Everything has a fixed place, so that a live value changes without moving its neighbours.
"""

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.gpu_gauge import GpuGaugeData
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import (
    CENTER,
    LEFT,
    RIGHT,
    draw_bar,
    draw_sparkline,
    draw_text,
    hatch_brush,
)

_HEIGHT = 58
_RING = 52.0
_RING_WIDTH = 6.0
_BAR_HEIGHT = 7.0
_SPARK_MIN = 22.0
_SPARK_MAX = 84.0
_START_ANGLE = 225 * 16
_SWEEP = -270 * 16


@lru_cache(maxsize=1)
def _fonts() -> tuple[QFont, QFont, QFont, QFont]:
    """Number in the ring, index, small, tiny."""
    return (
        strong_font(tokens.FONT_BASE),
        strong_font(tokens.FONT_SECONDARY),
        ui_font(tokens.FONT_SMALL),
        ui_font(tokens.FONT_TINY),
    )


def gauge_text(data: GpuGaugeData) -> str:
    """All that the gauge shows, in words: for the tooltip and for screen readers."""
    lines = [f"GPU {data.index}" + (f" · {data.name}" if data.name else "")]
    if data.sick:
        lines.append(data.sick)
    heat = numbers.UNKNOWN if data.temperature_c is None else f"{data.temperature_c:.0f} °C"
    lines += [
        QCoreApplication.translate("GpuGauge", "Utilisation {0}").format(
            numbers.percent(data.utilisation_percent)
        ),
        f"{heat} · {numbers.watts(data.power_w)}",
        QCoreApplication.translate("GpuGauge", "VRAM {0}: ours {1}, not ours {2}").format(
            numbers.vram_of(data.vram_used_bytes, data.vram_total_bytes),
            numbers.vram(data.vram_ours_bytes),
            numbers.vram(data.vram_foreign_bytes),
        ),
    ]
    return "\n".join(lines)


class GpuGauge(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = GpuGaugeData(index=0)
        self._dimmed = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("GPU 0")
        self.setAccessibleDescription(gauge_text(self._data))

    def reading(self) -> GpuGaugeData:
        return self._data

    def set_reading(self, data: GpuGaugeData) -> None:
        """Repaints only if something changed."""
        if data == self._data:
            return
        if data.index != self._data.index:
            self.setAccessibleName(f"GPU {data.index}")
        self._data = data
        self.setAccessibleDescription(gauge_text(data))
        self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(184, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            # Rich text is guessed from the text: a name from a machine mustn't be markup.
            plain = gauge_text(self._data).replace("&", "&amp;").replace("<", "&lt;")
            QToolTip.showText(event.globalPos(), f"<span>{plain.replace(chr(10), '<br>')}</span>")
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._dimmed:
            painter.setOpacity(1 - tokens.DIMMED_ALPHA)
        top = (self.height() - _HEIGHT) / 2
        self._paint_ring(painter, QRectF(0, top + 2, _RING, _RING))
        right = QRectF(_RING + 12, top, self.width() - _RING - 12, _HEIGHT)
        self._paint_facts(painter, right)
        painter.end()

    def _tone(self) -> QColor:
        return colours().danger if self._data.sick else colours().accent

    def _paint_ring(self, painter: QPainter, rect: QRectF) -> None:
        number_font, _index, _small, tiny = _fonts()
        c = colours()
        data = self._data
        inner = rect.adjusted(_RING_WIDTH / 2, _RING_WIDTH / 2, -_RING_WIDTH / 2, -_RING_WIDTH / 2)
        # A sick GPU that does nothing still has to show: its whole ring turns.
        ground = QColor(c.danger) if data.sick else QColor(c.track)
        if data.sick:
            ground.setAlphaF(0.35)
        pen = QPen(ground, _RING_WIDTH)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        painter.drawArc(inner, _START_ANGLE, _SWEEP)
        used = min(100.0, max(0.0, data.utilisation_percent or 0.0))
        if used >= 0.5:
            pen.setColor(self._tone())
            painter.setPen(pen)
            painter.drawArc(inner, _START_ANGLE, round(_SWEEP * used / 100))
        known = data.utilisation_percent is not None
        value = f"{used:.0f}" if known else numbers.UNKNOWN
        draw_text(
            painter,
            rect.adjusted(0, -2, 0, -2),
            value,
            number_font,
            c.text if known else c.muted,
            CENTER,
        )
        percent = QRectF(rect.left(), rect.bottom() - 13, rect.width(), 12)
        draw_text(painter, percent, "%", tiny, c.muted, CENTER)

    def _paint_facts(self, painter: QPainter, area: QRectF) -> None:
        _number, index_font, small, _tiny = _fonts()
        c = colours()
        data = self._data
        first = QRectF(area.left(), area.top() + 2, area.width(), 16)
        draw_text(painter, first, str(data.index), index_font, c.text, LEFT)
        facts = f"{numbers.celsius(data.temperature_c)} · {numbers.watts(data.power_w)}"
        draw_text(painter, first, facts, small, c.muted, RIGHT)
        bar = QRectF(area.left(), area.top() + 23, area.width(), _BAR_HEIGHT)
        ours, foreign = data.vram_fractions()
        hatched = hatch_brush(c.foreign, c.track, self.devicePixelRatioF())
        painter.setBrushOrigin(bar.topLeft())
        draw_bar(painter, bar, ((ours, QBrush(self._tone())), (foreign, hatched)), c.track)
        self._paint_last_row(painter, QRectF(area.left(), bar.bottom() + 5, area.width(), 17))

    def _paint_last_row(self, painter: QPainter, row: QRectF) -> None:
        _number, _index, small, _tiny = _fonts()
        data = self._data
        memory = numbers.vram_of(data.vram_used_bytes, data.vram_total_bytes)
        draw_text(painter, row, memory, small, colours().muted, LEFT)
        # The widest text that this card can come to decides, so that the line doesn't jump.
        widest = numbers.vram_of(data.vram_total_bytes, data.vram_total_bytes)
        taken = _text_width(max(memory, widest, key=len))
        spare = row.width() - taken - 8
        if spare < _SPARK_MIN:
            return
        width = min(spare, _SPARK_MAX)
        place = QRectF(row.right() - width, row.top() + 2, width, row.height() - 3)
        draw_sparkline(painter, place, data.history, 100.0, self._tone())
        painter.setPen(QPen(colours().border, 1))
        base = QPointF(place.left(), place.bottom() + 0.5)
        painter.drawLine(base, QPointF(place.right(), base.y()))


@lru_cache(maxsize=256)
def _text_width(text: str) -> float:
    from PySide6.QtGui import QFontMetricsF

    return QFontMetricsF(_fonts()[2]).horizontalAdvance(text)


class GaugeGrid(QWidget):
    """All gauges of a machine: two columns, one where there is no room for two."""

    _GAP_X = 16
    _GAP_Y = 8
    _TWO_COLUMNS_FROM = 2 * 160 + 16

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gauges: list[GpuGauge] = []
        self._dimmed = False
        # Not Fixed: a layout would cut it to the height that it has at another width.
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def gauges(self) -> list[GpuGauge]:
        return list(self._gauges)

    def set_readings(self, readings: Sequence[GpuGaugeData]) -> None:
        """One gauge each, in this order; the gauges are reused."""
        changed = len(readings) != len(self._gauges)
        while len(self._gauges) > len(readings):
            gone = self._gauges.pop()
            gone.hide()
            gone.deleteLater()
        while len(self._gauges) < len(readings):
            gauge = GpuGauge(self)
            gauge.set_dimmed(self._dimmed)
            gauge.show()
            self._gauges.append(gauge)
        for gauge, data in zip(self._gauges, readings, strict=True):
            gauge.set_reading(data)
        if changed:
            self._place()
            self.updateGeometry()

    def set_dimmed(self, dimmed: bool) -> None:
        self._dimmed = dimmed
        for gauge in self._gauges:
            gauge.set_dimmed(dimmed)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        columns = self._columns(width)
        rows = -(-len(self._gauges) // columns)
        return max(0, rows * (_HEIGHT + self._GAP_Y) - self._GAP_Y)

    def sizeHint(self) -> QSize:
        return QSize(self._TWO_COLUMNS_FROM, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
        if self._columns(event.oldSize().width()) != self._columns(self.width()):
            self.updateGeometry()

    def _columns(self, width: int) -> int:
        return 2 if width >= self._TWO_COLUMNS_FROM else 1

    def _place(self) -> None:
        columns = self._columns(self.width())
        width = (self.width() - self._GAP_X * (columns - 1)) // columns
        for at, gauge in enumerate(self._gauges):
            row, column = divmod(at, columns)
            gauge.setGeometry(
                column * (width + self._GAP_X), row * (_HEIGHT + self._GAP_Y), width, _HEIGHT
            )
