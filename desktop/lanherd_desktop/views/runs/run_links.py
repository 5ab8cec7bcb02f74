"""Other runs that a run has to do with, each as a line that leads there; and its tags."""

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.runs import chip_kind, run_title
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_protocol.ids import short_id


class RunLinks(QWidget):
    """Made anew when the links change; their states change in place."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._shown: tuple[tuple[RunKey, str], ...] = ()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(2)
        self._lines: list[tuple[RunKey, str, RunLine]] = []

    def set_links(self, links: Sequence[tuple[RunKey, str]]) -> None:
        """Each run, and a word about what it is to this one."""
        known = tuple((key, note) for key, note in links)
        if known != self._shown or len(self._lines) != self._count_known(known):
            self._shown = known
            self._lay()
        for key, note, line in self._lines:
            view = self._context.room.runs.get(key)
            if view is not None:
                line.set_line(chip_kind(view), run_title(view), note)

    def _count_known(self, links: Sequence[tuple[RunKey, str]]) -> int:
        return sum(key in self._context.room.runs for key, _ in links)

    def _lay(self) -> None:
        while (item := self._box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._lines = []
        for key, note in self._shown:
            view = self._context.room.runs.get(key)
            if view is None:
                text = self.tr("run {id}, not in the list any more").format(id=short_id(key[1]))
                self._box.addWidget(Label(f"{text} · {note}" if note else text, "muted"))
                continue
            line = RunLine(chip_kind(view), run_title(view), note)
            line.activated.connect(lambda key=key: self._context.run_wanted.emit(key, ""))
            self._lines.append((key, note, line))
            self._box.addWidget(line)


class TagRow(QWidget):
    """Tags as chips, on as many lines as they need."""

    def __init__(self) -> None:
        super().__init__()
        self._flow = FlowLayout(self, gap_x=6, gap_y=6)
        self._tags: tuple[str, ...] = ()

    def set_tags(self, tags: tuple[str, ...]) -> None:
        if tags == self._tags:
            return
        self._tags = tags
        while (item := self._flow.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for tag in tags:
            chip = Chip(ChipKind.STOPPING, tag, self)
            self._flow.addWidget(chip)
            chip.show()
        self.setAccessibleName(", ".join(tags))
        self.updateGeometry()
