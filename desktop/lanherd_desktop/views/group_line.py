"""How far the runs of a sweep are together: a bar, and the same in words."""

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Signal
from PySide6.QtGui import QBrush, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.groups import GroupProgress
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.theme.tokens import SPACE_1, SPACE_3
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.painting import draw_bar


def progress_text(progress: GroupProgress) -> str:
    """'12 of 24 ended, 2 failed, 4 running'."""
    parts = [
        QCoreApplication.translate("GroupLine", "{ended} of {total} ended").format(
            ended=numbers.count(progress.ended), total=numbers.count(progress.total)
        )
    ]
    if progress.failed:
        text = QCoreApplication.translate("GroupLine", "{count} failed")
        parts.append(text.format(count=numbers.count(progress.failed)))
    if progress.running:
        text = QCoreApplication.translate("GroupLine", "{count} running")
        parts.append(text.format(count=numbers.count(progress.running)))
    return " · ".join(parts)


class ProgressBar(QWidget):
    """Ended well, ended badly, and what is left."""

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
        c = colours()
        failed = self._progress.failed / max(1, self._progress.total)
        parts = (
            (self._progress.share - failed, QBrush(c.accent)),
            (failed, QBrush(c.danger)),
        )
        draw_bar(painter, QRectF(0, 1, self.width(), 6), parts, c.track)
        painter.end()


class GroupLine(QWidget):
    """Above a list that shows one group; hidden else."""

    def __init__(self) -> None:
        super().__init__()
        self.text = Label("", "secondary")
        self._bar = ProgressBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 0, 14, 0)
        layout.setSpacing(SPACE_1)
        layout.addWidget(self.text)
        layout.addWidget(self._bar)
        self.hide()

    def show_progress(self, progress: GroupProgress) -> None:
        self.text.set_text(progress_text(progress))
        self._bar.show_progress(progress)
        self.show()


class GroupRow(QWidget):
    """The group of one run, in its overview, and the way to the others of it."""

    activated = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self.text = Label("", "base", selectable=True)
        self._bar = ProgressBar()
        self.button = GhostButton(self.tr("Show its runs"))
        self.button.clicked.connect(lambda: self.activated.emit(self._name))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_3)
        row.addWidget(self.text)
        row.addWidget(self._bar, 1)
        row.addWidget(self.button)

    def show_group(self, name: str, progress: GroupProgress) -> None:
        self._name = name
        self.text.set_text(f"{name} · {progress_text(progress)}")
        self._bar.show_progress(progress)
