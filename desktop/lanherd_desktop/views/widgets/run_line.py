"""A run, or a process that isn't ours, as one line of a card."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.chip import chip_text, chip_width, paint_chip
from lanherd_desktop.views.widgets.labels import plain_tooltip
from lanherd_desktop.views.widgets.painting import (
    LEFT,
    RIGHT,
    draw_focus_ring,
    draw_text,
    elided,
)

RUN_LINE_HEIGHT = 24


class RunLine(QWidget):
    activated = Signal()

    def __init__(
        self,
        kind: ChipKind,
        text: str,
        trailing: str = "",
        note: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._shown = (kind, text, trailing, note)
        self._tell()

    def set_line(self, kind: ChipKind, text: str, trailing: str = "", note: str = "") -> None:
        """`note` is the reason of a run that waits; it stands behind the text."""
        new = (kind, text, trailing, note)
        if new != self._shown:
            self._shown = new
            self._tell()
            self.update()

    def set_link(self, link: bool) -> None:
        """Whether it leads somewhere: a process that isn't ours doesn't."""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if link else Qt.FocusPolicy.NoFocus)
        if link:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.unsetCursor()

    def _tell(self) -> None:
        kind, text, trailing, note = self._shown
        said = ", ".join(part for part in (chip_text(kind), text, note, trailing) if part)
        self.setAccessibleName(said)
        self.setToolTip(plain_tooltip("\n".join(part for part in (text, note) if part)))

    def sizeHint(self) -> QSize:
        return QSize(240, RUN_LINE_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, RUN_LINE_HEIGHT)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.activated.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        kind, text, trailing, note = self._shown
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        small, mono = ui_font(tokens.FONT_SMALL), mono_font(tokens.FONT_SECONDARY)
        middle = self.height() / 2
        paint_chip(painter, 0, middle, kind)
        left = chip_width(kind) + tokens.SPACE_2
        right = self.width() - QFontMetrics(small).horizontalAdvance(trailing)
        area = QRectF(left, 0, max(0.0, right - left - tokens.SPACE_3), self.height())
        shown = elided(text, mono, area.width())
        draw_text(painter, area, shown, mono, c.text, LEFT)
        if note:
            used = QFontMetrics(mono).horizontalAdvance(shown) + tokens.SPACE_2
            rest = area.adjusted(used, 0, 0, 0)
            if rest.width() > 24:
                secondary = ui_font(tokens.FONT_SECONDARY)
                draw_text(painter, rest, elided(note, secondary, rest.width()), secondary, c.muted)
        draw_text(painter, QRectF(self.rect()), trailing, small, c.muted, RIGHT)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), c.accent, tokens.RADIUS_CHIP)
        painter.end()
