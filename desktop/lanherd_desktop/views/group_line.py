"""How far the runs of a sweep are together: a bar, and the same in words."""

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.groups import GroupProgress
from lanherd_desktop.state.run_tree import GroupHead
from lanherd_desktop.views.theme.tokens import SPACE_1, SPACE_3
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label, plain_tooltip
from lanherd_desktop.views.widgets.progress_bar import ProgressBar

_BAR_WIDTH = 72


def progress_text(progress: GroupProgress) -> str:
    """'12 of 24 ended · 2 failed · 4 running · 8 waiting · 10 succeeded'."""
    return " · ".join([_ended_text(progress), *_counts(progress)])


def head_trailing(head: GroupHead) -> str:
    """'12 of 24 ended'."""
    return _ended_text(head.progress)


def head_subtitle(head: GroupHead) -> str:
    """How many do what, and how many the filter lets through."""
    parts = _counts(head.progress)
    if head.shown != head.progress.total:
        text = QCoreApplication.translate("GroupLine", "{count} shown")
        parts.insert(0, text.format(count=numbers.count(head.shown)))
    return " · ".join(parts)


def _ended_text(progress: GroupProgress) -> str:
    text = QCoreApplication.translate("GroupLine", "{ended} of {total} ended")
    return text.format(ended=numbers.count(progress.ended), total=numbers.count(progress.total))


def _counts(progress: GroupProgress) -> list[str]:
    """All runs by what they do, the worst first: where there is no room, the end is cut off."""
    counts = (
        (progress.failed, QCoreApplication.translate("GroupLine", "{count} failed")),
        (progress.timed_out, QCoreApplication.translate("GroupLine", "{count} timed out")),
        (progress.lost, QCoreApplication.translate("GroupLine", "{count} lost")),
        (progress.cancelled, QCoreApplication.translate("GroupLine", "{count} cancelled")),
        (progress.running, QCoreApplication.translate("GroupLine", "{count} running")),
        (progress.waiting, QCoreApplication.translate("GroupLine", "{count} waiting")),
        (progress.succeeded, QCoreApplication.translate("GroupLine", "{count} succeeded")),
    )
    return [text.format(count=numbers.count(count)) for count, text in counts if count]


def head_tooltip(head: GroupHead) -> str:
    """All of it: a list may have too little room."""
    return plain_tooltip(f"{head.name}\n{progress_text(head.progress)}")


def head_spoken(head: GroupHead) -> str:
    """The head of a sweep in a list, for those who hear the window."""
    text = (
        QCoreApplication.translate("GroupLine", "sweep {name}, open: {progress}")
        if head.open
        else QCoreApplication.translate("GroupLine", "sweep {name}, folded: {progress}")
    )
    told = f"{head_trailing(head)} · {head_subtitle(head)}"
    return text.format(name=head.name, progress=told)


class GroupLine(QWidget):
    """Above a list that shows one group; hidden else."""

    def __init__(self) -> None:
        super().__init__()
        self.text = Label("", "secondary", wrap=True)
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
        self.text = Label("", "base", wrap=True, selectable=True)
        self._bar = ProgressBar()
        self.button = GhostButton(self.tr("Show its runs"))
        self.button.clicked.connect(lambda: self.activated.emit(self._name))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_3)
        # The words come first; the bar says the same.
        self._bar.setFixedWidth(_BAR_WIDTH)
        row.addWidget(self.text, 1)
        row.addWidget(self._bar)
        row.addWidget(self.button)

    def show_group(self, name: str, progress: GroupProgress) -> None:
        self._name = name
        self.text.set_text(f"{name} · {progress_text(progress)}")
        self._bar.show_progress(progress)
