"""A machine's card: its gauges, what runs on it, and what is wrong with it."""

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.machine_card import CardLine, MachineCard
from lanherd_desktop.views.widgets.card import CardFrame, DotKind
from lanherd_desktop.views.widgets.gpu_gauge import GaugeGrid, GpuGauge
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.notice import Notices
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_desktop.views.words import failure_line, reason_remedy, reason_text, sentences
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.values import Reason

_DOTS = {
    "online": DotKind.OK,
    "connecting": DotKind.INFO,
    "unreachable": DotKind.MUTED,
    "refused": DotKind.DANGER,
}


class MachineCardView(CardFrame):
    """Shows a `MachineCard`; changes in place, so that nothing jumps."""

    run_activated = Signal(object, object)
    """Machine id and run id of a line that was chosen."""

    def __init__(self, machine: DeviceId, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.machine = machine
        self.problems = Notices()
        self.body.addWidget(self.problems)
        self._gauges = GaugeGrid()
        self.body.addWidget(self._gauges)
        self._lines: list[RunLine] = []
        self._free = Label("", "secondary")
        self._more = Label("", "secondary")
        self.add_row(self._free)
        self.add_row(self._more)
        self._card: MachineCard | None = None
        self._later: MachineCard | None = None
        self.set_activatable(True)

    @property
    def gauges(self) -> list[GpuGauge]:
        """The gauges, one per GPU."""
        return self._gauges.gauges()

    def show_later(self, card: MachineCard) -> bool:
        """Keep what a card out of sight would show until it is seen; not what changes its height,
        by which the others around it would jump."""
        if self._card is None or card.frame != self._card.frame or self.in_sight():
            return False
        self._later = card
        return True

    def in_sight(self) -> bool:
        return not self.visibleRegion().isEmpty()

    def catch_up(self) -> None:
        """It came into sight: show what came meanwhile."""
        if self._later is not None and self.in_sight():
            self.set_card(self._later)

    def set_card(self, card: MachineCard) -> None:
        self._card = card
        self._later = None
        self.set_title(card.name)
        self.set_badge(ChipKind.SIMULATED if card.simulated else None)
        self.set_status(_DOTS[card.link], self._status_text(card))
        self.set_subtitle(self._subtitle_text(card))
        dimmed = card.link in ("unreachable", "refused")
        self.set_dimmed(dimmed)
        self._gauges.set_readings(card.gauges)
        self._gauges.setVisible(bool(card.gauges))
        self.problems.set_notices(self._problem_texts(card))
        self._set_note(card)
        self._set_lines(card)

    def _problem_texts(self, card: MachineCard) -> list[tuple[str, str]]:
        """What is paused, as people wanted it; and of what is wrong the heaviest: that there is
        more is said, and the machine's panel says which."""
        texts = [(reason_text(paused, remedy=False), "") for paused in card.paused]
        if not card.problems:
            return texts
        first, *others = card.problems
        remedy = reason_remedy(first)
        if others:
            more = self.tr("And {count} more: open the machine to see them.")
            remedy = sentences(remedy, more.format(count=len(others)))
        return [*texts, (reason_text(first, remedy=False), remedy)]

    def refresh_times(self) -> None:
        """A second went by; of what is out of sight nobody sees it."""
        if self._card is not None and self.in_sight():
            self._set_lines(self._card)
            if self._card.link != "online":
                self.set_status(_DOTS[self._card.link], self._status_text(self._card))

    def _status_text(self, card: MachineCard) -> str:
        match card.link:
            case "online":
                return self.tr("online")
            case "connecting":
                return self.tr("connecting")
            case "refused":
                return self.tr("refused")
            case "unreachable":
                if card.picture_at is None:
                    return self.tr("unreachable")
                age = numbers.duration(max(0.0, time.time() - card.picture_at))
                return self.tr("unreachable, last seen {age} ago").format(age=age)

    def _subtitle_text(self, card: MachineCard) -> str:
        parts = [
            f"{group.count} × {group.name} · {numbers.vram_capacity(group.vram_bytes)}"
            for group in card.groups
        ]
        if card.known and not card.groups:
            parts.append(self.tr("no GPU"))
        if card.driver_version:
            parts.append(self.tr("driver {version}").format(version=card.driver_version))
        if card.load_1m is not None:
            parts.append(
                self.tr("load {load} / {cpus}").format(
                    load=f"{card.load_1m:.1f}", cpus=card.cpu_count
                )
            )
        return " · ".join(parts) or self.tr("Nothing is known of it yet")

    def _set_note(self, card: MachineCard) -> None:
        sick = [gauge for gauge in card.gauges if gauge.sick]
        if card.failure is not None:
            self.set_note(failure_line(card.failure), danger=True)
        elif card.gpu_problem:
            self.set_note(card.gpu_problem, danger=True)
        elif card.closed:
            index, reason = card.closed[0]
            self.set_note(self._closed_text(index, reason), danger=True)
        elif sick:
            self.set_note(f"GPU {sick[0].index}: {sick[0].sick}", danger=True)
        else:
            self.set_note("")

    def _closed_text(self, gpu: str, reason: Reason) -> str:
        """That it is closed is said once: 'closed it' stands in the reason of one whom a person
        closed."""
        by, why = reason.data.get("by"), reason.data.get("why")
        if reason.code != "cordon_person" or not by:
            closed = self.tr("GPU {gpu} is closed.").format(gpu=gpu)
            return sentences(closed, reason_text(reason, remedy=False))
        if not why:
            return self.tr("{by} closed GPU {gpu}.").format(gpu=gpu, by=by)
        return self.tr("{by} closed GPU {gpu}: {why}").format(gpu=gpu, by=by, why=why)

    def _set_lines(self, card: MachineCard) -> None:
        while len(self._lines) < len(card.lines):
            line = RunLine(ChipKind.RUNNING, "")
            line.activated.connect(self._on_line_activated)
            self._lines.append(line)
            self.rows.insertWidget(len(self._lines) - 1, line)
        for place, widget in enumerate(self._lines):
            shown = place < len(card.lines)
            widget.setVisible(shown)
            if shown:
                line_data = card.lines[place]
                note = reason_text(line_data.reason) if line_data.reason is not None else ""
                trailing = self._trailing(card, line_data)
                widget.set_line(line_data.kind, line_data.text, trailing, note)
        idle = not (card.lines or card.paused) and card.link == "online"
        self._free.setVisible(
            idle and not (card.gpu_problem or card.closed or any(g.sick for g in card.gauges))
        )
        self._free.setText(self.tr("Free. Nothing waits for it."))
        self._more.setVisible(card.lines_more > 0)
        self._more.setText(self.tr("and {count} more").format(count=card.lines_more))
        self.set_rows_empty(not card.lines and self._free.isHidden())

    def _trailing(self, card: MachineCard, line: CardLine) -> str:
        seconds = card.seconds(line, time.time())
        if seconds is not None:
            return numbers.duration(seconds)
        return numbers.vram(line.vram_bytes) if line.vram_bytes is not None else ""

    def _on_line_activated(self) -> None:
        sender = self.sender()
        for place, widget in enumerate(self._lines):
            if widget is sender and self._card is not None and place < len(self._card.lines):
                run = self._card.lines[place].run
                if run is not None:
                    self.run_activated.emit(self.machine, run)
