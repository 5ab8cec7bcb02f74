"""Why a run waits: the sentence, what to do, when it is expected, and GPU by GPU what shows it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.evidence import GpuEvidence, gpu_evidence
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.holders import HolderLines
from lanherd_desktop.views.runs.resume_line import ResumeLine
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3
from lanherd_desktop.views.widgets.frame import Frame
from lanherd_desktop.views.widgets.labels import Divider, ElidedLabel, Label
from lanherd_desktop.views.widgets.vram_bar import VramBar
from lanherd_desktop.views.words import clock, quiet_text, reason_remedy, reason_text
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import Queued, RunView

GPUS_MAX = 16


class WhyCard(Frame):
    """Of a run that waits; hidden for any other."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._shown: tuple[DeviceId, RunView] | None = None
        self._title = Label(self.tr("Why it waits"), "card")
        self._expected = Label("", "secondary")
        self.text = Label("", "base", wrap=True, selectable=True)
        self._remedy = Label("", "muted", wrap=True, selectable=True)
        self.resume = ResumeLine(context)
        self._divider = Divider()
        self._gpus = QVBoxLayout()
        self._gpus.setSpacing(SPACE_3)
        self._more = Label("", "secondary")
        self.rows: list[EvidenceRow] = []
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._expected)
        self.body.addLayout(head)
        self.body.addWidget(self.text)
        self.body.addWidget(self._remedy)
        self.body.addWidget(self.resume)
        self.body.addWidget(self._divider)
        self.body.addLayout(self._gpus)
        self.body.addWidget(self._more)
        self.hide()

    def show_view(self, machine: DeviceId, view: RunView) -> None:
        """The run changed, or its machine did."""
        self._shown = (machine, view)
        self.refresh()

    def refresh(self) -> None:
        """A second went by, or the machine told something new."""
        if self._shown is None:
            return
        machine, view = self._shown
        state = view.state
        self.setVisible(isinstance(state, Queued))
        if not isinstance(state, Queued):
            return
        self.text.set_text(reason_text(state.reason, remedy=False))
        remedy = reason_remedy(state.reason)
        self._remedy.set_text(remedy)
        self._remedy.setVisible(bool(remedy))
        self.resume.show_reason(machine, state.reason)
        self._show_expected(state.reason.data.get("expected_at"))
        source = self._context.room.machines.get(machine)
        found: tuple[GpuEvidence, ...] = ()
        if source is not None:
            runs = self._context.room.open_runs_of(machine)
            found = gpu_evidence(source, view.spec.gpus, runs)
        self._show_gpus(machine, found)

    def _show_expected(self, at: str | int | float | None) -> None:
        if not isinstance(at, int | float):
            self._expected.set_text("")
            return
        left = numbers.duration(max(60.0, at - self._context.now))
        text = self.tr("expected at about {time}, in {left}")
        self._expected.set_text(text.format(time=clock(at), left=left))

    def _show_gpus(self, machine: DeviceId, found: Sequence[GpuEvidence]) -> None:
        shown = found[:GPUS_MAX]
        while len(self.rows) > len(shown):
            gone = self.rows.pop()
            gone.hide()
            gone.deleteLater()
        while len(self.rows) < len(shown):
            row = EvidenceRow(self._context)
            self.rows.append(row)
            self._gpus.addWidget(row)
        for row, evidence in zip(self.rows, shown, strict=True):
            row.set_evidence(machine, evidence)
        self._divider.setVisible(bool(shown))
        more = len(found) - len(shown)
        self._more.set_text(self.tr("and {count} more GPUs").format(count=more))
        self._more.setVisible(more > 0)


class EvidenceRow(QWidget):
    """One GPU: its bar, what is free of it beside what is needed, and who holds it."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._name = Label("", "strong")
        self._name.setMinimumWidth(64)
        self._bar = VramBar()
        self.text = ElidedLabel("", "secondary")
        self.closed = Label("", "danger", wrap=True)
        self.holders = HolderLines(context)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACE_3)
        grid.setVerticalSpacing(SPACE_2 // 2)
        grid.setColumnStretch(1, 2)
        grid.setColumnStretch(2, 3)
        grid.addWidget(self._name, 0, 0)
        grid.addWidget(self._bar, 0, 1)
        grid.addWidget(self.text, 0, 2)
        grid.addWidget(self.closed, 1, 1, 1, 2)
        grid.addWidget(self.holders, 2, 1, 1, 2)

    def set_evidence(self, machine: DeviceId, evidence: GpuEvidence) -> None:
        self._name.set_text(f"GPU {evidence.number}")
        ours, foreign = evidence.fractions()
        needs = evidence.needs_bytes / max(1, evidence.total_bytes)
        self._bar.set_parts(ours, foreign, 1 - needs if 0 < needs <= 1 else None)
        text = evidence_text(evidence, self._context.now)
        self.text.setText(text)
        closed = reason_text(evidence.cordon) if evidence.cordon is not None else ""
        self.closed.set_text(closed or evidence.problem)
        self.closed.setVisible(bool(closed or evidence.problem))
        self.holders.set_holders(machine, evidence.holders)
        self.setAccessibleName(f"GPU {evidence.number}: {text} {self.closed.text()}".strip())


def evidence_text(evidence: GpuEvidence, now: float) -> str:
    """'11 of 24 GB free, needs 18 GB', and how long it is still watched."""
    total = numbers.vram_capacity(evidence.total_bytes)
    needs = numbers.vram_capacity(evidence.needs_bytes)
    values = {"total": total, "needs": needs, "free": numbers.vram(evidence.free_bytes)}
    if evidence.too_small:
        text = QCoreApplication.translate("WhyCard", "too small: {total} in all, needs {needs}")
    elif evidence.free_bytes is None:
        text = QCoreApplication.translate("WhyCard", "not read now; {total} in all, needs {needs}")
    elif evidence.has_room:
        text = QCoreApplication.translate("WhyCard", "has room: {free} of {total} free")
    else:
        text = QCoreApplication.translate("WhyCard", "{free} of {total} free, needs {needs}")
    text = text.format(**values)
    quiet = quiet_text(evidence.quiet_at, now)
    return f"{text} · {quiet}" if quiet else text
