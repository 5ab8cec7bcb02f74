"""Who holds a GPU, line by line: runs of ours lead to them, processes of others are told."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.evidence import Holder
from lanherd_desktop.state.runs import chip_kind
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_protocol.ids import DeviceId

LINES_MAX = 6


class HolderLines(QWidget):
    """Lines are made anew only when there are more or fewer of them."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._machine = DeviceId("")
        self._holders: tuple[Holder, ...] = ()
        self.lines: list[RunLine] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        self._more = Label("", "small")
        self._box.addWidget(self._more)
        self._more.hide()

    def set_holders(self, machine: DeviceId, holders: Sequence[Holder]) -> None:
        """Of a GPU of a machine; of very many the first, and how many more there are."""
        self._machine = machine
        self._holders = tuple(holders)
        shown = self._holders[:LINES_MAX]
        while len(self.lines) > len(shown):
            gone = self.lines.pop()
            gone.hide()
            gone.deleteLater()
        while len(self.lines) < len(shown):
            line = RunLine(ChipKind.RUNNING, "")
            place = len(self.lines)
            line.activated.connect(lambda place=place: self._on_line(place))
            self.lines.append(line)
            self._box.insertWidget(place, line)
        for line, holder in zip(self.lines, shown, strict=True):
            self._show(line, holder)
        more = len(self._holders) - len(shown)
        text = QCoreApplication.translate("HolderLines", "and {count} more")
        self._more.set_text(text.format(count=more))
        self._more.setVisible(more > 0)
        self.setVisible(bool(shown))

    def _show(self, line: RunLine, holder: Holder) -> None:
        line.set_link(holder.run is not None)
        if holder.run is not None:
            view = self._context.room.runs.get((self._machine, holder.run))
            kind = chip_kind(view) if view is not None else ChipKind.RUNNING
            line.set_line(kind, holder.title, _held(holder), _alone(holder))
            return
        kind = ChipKind.ORPHAN if holder.orphan else ChipKind.NOT_OURS
        line.set_line(kind, holder.title or "–", _held(holder), _whose(holder))

    def _on_line(self, place: int) -> None:
        run = self._holders[place].run
        if run is not None:
            self._context.run_wanted.emit((self._machine, run), "")


def _held(holder: Holder) -> str:
    return numbers.vram(holder.vram_bytes) if holder.vram_bytes else ""


def _alone(holder: Holder) -> str:
    if not holder.exclusive:
        return ""
    return QCoreApplication.translate("HolderLines", "has it for itself")


def _whose(holder: Holder) -> str:
    inside = QCoreApplication.translate("HolderLines", "container {name}")
    parts = (
        holder.user,
        f"pid {holder.pid}",
        inside.format(name=holder.container) if holder.container else "",
    )
    return " · ".join(part for part in parts if part)
