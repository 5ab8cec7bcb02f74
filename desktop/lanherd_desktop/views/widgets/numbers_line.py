"""The line under a page's title that answers its question: bold numbers with their words."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QBrush, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.painting import draw_bar, draw_text, hatch_brush

_HEIGHT = 22
_GAP = 6


@dataclass(frozen=True, slots=True)
class Number:
    """'198 of 388 GB' + 'VRAM in use'. An empty value leaves the label alone."""

    value: str
    label: str


class _NumberItem(QWidget):
    def __init__(self, number: Number, parent: QWidget) -> None:
        super().__init__(parent)
        self._number = number
        self._width = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._measure()

    def show_number(self, number: Number) -> None:
        if number != self._number:
            if number.label != self._number.label:
                self._width = 0
            self._number = number
            self._measure()
            self.update()

    def _measure(self) -> None:
        """A place only grows while its label stays, so that neighbours don't jump."""
        value, label = self._widths()
        wanted = value + (_GAP if value and label else 0) + label
        self.setAccessibleName(f"{self._number.value} {self._number.label}".strip())
        if wanted > self._width:
            self._width = wanted
            self.updateGeometry()

    def _widths(self) -> tuple[int, int]:
        return (
            QFontMetrics(strong_font(tokens.FONT_CARD)).horizontalAdvance(self._number.value),
            QFontMetrics(ui_font(tokens.FONT_BASE)).horizontalAdvance(self._number.label),
        )

    def sizeHint(self) -> QSize:
        return QSize(self._width, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self._width, 40), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        c = colours()
        value_font, label_font = strong_font(tokens.FONT_CARD), ui_font(tokens.FONT_BASE)
        value_width, _label = self._widths()
        # One baseline for both sizes.
        base = (_HEIGHT + QFontMetrics(value_font).capHeight()) // 2
        painter.setFont(value_font)
        painter.setPen(c.text)
        painter.drawText(0, base, self._number.value)
        painter.setFont(label_font)
        painter.setPen(c.muted)
        painter.drawText(value_width + (_GAP if value_width else 0), base, self._number.label)
        painter.end()


class _Legend(QWidget):
    """What the two fillings of a memory bar mean."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._words = (self.tr("ours"), self.tr("not ours"))
        self.setAccessibleName(", ".join(self._words))

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(ui_font(tokens.FONT_SECONDARY))
        return QSize(sum(metrics.horizontalAdvance(w) + 22 for w in self._words) + 12, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        font = ui_font(tokens.FONT_SECONDARY)
        fillings = (QBrush(c.accent), hatch_brush(c.foreign, c.track, self.devicePixelRatioF()))
        x = 0.0
        for word, filling in zip(self._words, fillings, strict=True):
            swatch = QRectF(x, _HEIGHT / 2 - 3.5, 16, 7)
            draw_bar(painter, swatch, ((1.0, filling),), c.track)
            width = QFontMetrics(font).horizontalAdvance(word)
            draw_text(painter, QRectF(x + 22, 0, width + 2, _HEIGHT), word, font, c.muted)
            x += 22 + width + 12
        painter.end()


class NumbersLine(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, gap_x=tokens.SPACE_5 + tokens.SPACE_1)
        self._items: list[_NumberItem] = []
        self._legend: _Legend | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_numbers(self, numbers: Sequence[Number]) -> None:
        """In place: the items stay, and so does their room."""
        while len(self._items) > len(numbers):
            gone = self._items.pop()
            self._flow.removeWidget(gone)
            gone.deleteLater()
        for item, number in zip(self._items, numbers, strict=False):
            item.show_number(number)
        for number in numbers[len(self._items) :]:
            item = _NumberItem(number, self)
            self._items.append(item)
            self._flow.addWidget(item)
            item.show()
        if self._legend is not None:
            self._flow.removeWidget(self._legend)
            self._flow.addWidget(self._legend)

    def set_legend(self, shown: bool) -> None:
        if shown and self._legend is None:
            self._legend = _Legend(self)
            self._flow.addWidget(self._legend)
            self._legend.show()
        elif not shown and self._legend is not None:
            self._flow.removeWidget(self._legend)
            self._legend.deleteLater()
            self._legend = None
