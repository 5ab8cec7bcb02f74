"""A state as a word in a frame of its colour; the word alone says it all."""

from PySide6.QtCore import QCoreApplication, QRectF, QSize
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import CENTER, draw_text, with_alpha

CHIP_HEIGHT = 20
_PADDING = 6

_TOKENS = {
    ChipKind.WAITING: "info",
    ChipKind.PREPARING: "info",
    ChipKind.STARTING: "accent",
    ChipKind.RUNNING: "accent",
    ChipKind.STOPPING: "muted",
    ChipKind.SUCCEEDED: "ok",
    ChipKind.FAILED: "danger",
    ChipKind.CANCELLED: "muted",
    ChipKind.TIMED_OUT: "danger",
    ChipKind.LOST: "danger",
    ChipKind.UNREACHABLE: "muted",
    ChipKind.NOT_OURS: "foreign",
    ChipKind.SIMULATED: "violet",
    ChipKind.ORPHAN: "foreign",
    ChipKind.CLOSED: "danger",
}


def chip_text(kind: ChipKind) -> str:
    """The word for a state, in the language of the window."""
    words = {
        ChipKind.WAITING: QCoreApplication.translate("Chip", "waiting"),
        ChipKind.PREPARING: QCoreApplication.translate("Chip", "preparing"),
        ChipKind.STARTING: QCoreApplication.translate("Chip", "starting"),
        ChipKind.RUNNING: QCoreApplication.translate("Chip", "running"),
        ChipKind.STOPPING: QCoreApplication.translate("Chip", "stopping"),
        ChipKind.SUCCEEDED: QCoreApplication.translate("Chip", "succeeded"),
        ChipKind.FAILED: QCoreApplication.translate("Chip", "failed"),
        ChipKind.CANCELLED: QCoreApplication.translate("Chip", "cancelled"),
        ChipKind.TIMED_OUT: QCoreApplication.translate("Chip", "timed out"),
        ChipKind.LOST: QCoreApplication.translate("Chip", "lost"),
        ChipKind.UNREACHABLE: QCoreApplication.translate("Chip", "unreachable"),
        ChipKind.NOT_OURS: QCoreApplication.translate("Chip", "not ours"),
        ChipKind.SIMULATED: QCoreApplication.translate("Chip", "simulated"),
        ChipKind.ORPHAN: QCoreApplication.translate("Chip", "left over"),
        ChipKind.CLOSED: QCoreApplication.translate("Chip", "closed"),
    }
    return words[kind]


def chip_width(kind: ChipKind, text: str | None = None) -> int:
    word = chip_text(kind) if text is None else text
    metrics = QFontMetrics(ui_font(tokens.FONT_SMALL))
    return metrics.horizontalAdvance(word) + 2 * _PADDING


def paint_chip(
    painter: QPainter, x: float, center_y: float, kind: ChipKind, text: str | None = None
) -> int:
    """Draws a chip with its left edge at x; returns its right edge."""
    word = chip_text(kind) if text is None else text
    width = chip_width(kind, word)
    colour = colours().named(_TOKENS[kind])
    rect = QRectF(round(x), round(center_y - CHIP_HEIGHT / 2), width, CHIP_HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(with_alpha(colour, 0.55), 1))
    painter.setBrush(with_alpha(colour, 0.10))
    frame = rect.adjusted(0.5, 0.5, -0.5, -0.5)
    painter.drawRoundedRect(frame, tokens.RADIUS_CHIP, tokens.RADIUS_CHIP)
    draw_text(painter, rect, word, ui_font(tokens.FONT_SMALL), colour, CENTER)
    painter.restore()
    return int(rect.right()) + 1


class Chip(QWidget):
    def __init__(
        self, kind: ChipKind, text: str | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._text = text
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._tell()

    def kind(self) -> ChipKind:
        return self._kind

    def set_kind(self, kind: ChipKind, text: str | None = None) -> None:
        if (kind, text) != (self._kind, self._text):
            self._kind = kind
            self._text = text
            self._tell()
            self.updateGeometry()
            self.update()

    def _tell(self) -> None:
        self.setAccessibleName(chip_text(self._kind) if self._text is None else self._text)

    def sizeHint(self) -> QSize:
        return QSize(chip_width(self._kind, self._text), CHIP_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_chip(painter, 0, self.height() / 2, self._kind, self._text)
        painter.end()
