"""How far the runs of a sweep are together, as a bar."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QBrush, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state.groups import GroupProgress
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import draw_bar


def paint_progress(painter: QPainter, rect: QRectF, progress: GroupProgress) -> None:
    """Succeeded, ended badly, cancelled, each in the colour of its chip; and what is left."""
    c = colours()
    parts = ((progress.succeeded, c.ok), (progress.bad, c.danger), (progress.cancelled, c.muted))
    total = max(1, progress.total)
    shares = [(count / total, QBrush(colour)) for count, colour in parts]
    draw_bar(painter, rect, shares, c.track)


class ProgressBar(QWidget):
    """Succeeded, ended badly, cancelled, and what is left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = GroupProgress()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_progress(self, progress: GroupProgress) -> None:
        if progress != self._progress:
            self._progress = progress
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 8)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_progress(painter, QRectF(0, 1, self.width(), 6), self._progress)
        painter.end()
