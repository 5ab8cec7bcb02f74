"""The GPUs of a machine, one at a time, and the machine itself: readings, who holds what, what is
closed, and the past."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lanherd_client.fleet import Fleet
from lanherd_client.mirror import MachineView
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.evidence import Holder, holders
from lanherd_desktop.state.gpu_gauge import GpuGaugeData
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.holders import HolderLines
from lanherd_desktop.views.machines.gpu_texts import gpu_rows, links_text, slices_text
from lanherd_desktop.views.machines.past_section import PastOf, PastSection
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3, SPACE_4
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.notice import Notices
from lanherd_desktop.views.widgets.vram_bar import VramBar
from lanherd_desktop.views.words import quiet_text, reason_remedy, reason_text, sentences
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_messages import MachineControls
from lanherd_protocol.values import GpuFacts, GpuReading, HostReading, MachineFacts

_HOST = -1
_ROW_COLUMNS = 2


class GpuSection(QWidget):
    """Follows the machine of the panel; `place` is the GPU that is shown, or the host."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._machine: DeviceId | None = None
        self._place = 0
        self._choices: tuple[str, ...] = ()
        self.buttons: list[GhostButton] = []
        self._group = QButtonGroup(self)
        self._chooser = QWidget()
        self._flow = FlowLayout(self._chooser, gap_x=6, gap_y=6)
        self.gpu = GpuDetail(context)
        self.host = HostDetail()
        self.past = PastSection(context)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_4)
        for widget in (self._chooser, self.gpu, self.host, self.past):
            layout.addWidget(widget)

    def show_machine(self, machine: DeviceId | None) -> None:
        """Of another machine the first GPU is shown."""
        if machine != self._machine:
            self._machine = machine
            self._place = 0
        self.refresh()

    def refresh(self) -> None:
        """The machine told something new."""
        view = self._context.room.machines.get(self._machine or DeviceId(""))
        facts = view.facts if view is not None else None
        self.setVisible(facts is not None)
        if view is None or facts is None:
            self.past.show_past(None)
            return
        gpus = facts.gpus
        if not gpus or self._place >= len(gpus):
            self._place = _HOST if not gpus else 0
        self._show_choices(gpus)
        on_gpu = self._place != _HOST
        self.gpu.setVisible(on_gpu)
        self.host.setVisible(not on_gpu)
        if on_gpu:
            gpu = gpus[self._place]
            reading = _reading_of(view, gpu)
            self.gpu.show_gpu(view, gpu, reading)
            limit = reading.power_limit_w or gpu.power_limit_w
            self.past.show_past(PastOf(view.machine, gpu.uuid, gpu.vram_bytes, limit))
        else:
            self.host.show_host(view, facts)
            self.past.show_past(PastOf(view.machine, memory_bytes=facts.memory_bytes))

    def choose(self, place: int) -> None:
        """Show a GPU by its place, or the host."""
        self._place = place
        self.refresh()

    def _show_choices(self, gpus: Sequence[GpuFacts]) -> None:
        texts = (*(f"GPU {gpu.index}" for gpu in gpus), self.tr("Host"))
        if texts != self._choices:
            self._choices = texts
            for button in self.buttons:
                self._group.removeButton(button)
                button.hide()
                button.deleteLater()
            while self._flow.takeAt(0) is not None:
                pass
            self.buttons = []
            for place, text in enumerate(texts):
                self._add_choice(text, place if place < len(gpus) else _HOST)
        for place, button in enumerate(self.buttons):
            wanted = place == self._place or (self._place == _HOST and place == len(gpus))
            button.setChecked(wanted)

    def _add_choice(self, text: str, place: int) -> None:
        button = GhostButton(text, None, self._chooser)
        button.setCheckable(True)
        button.clicked.connect(lambda checked=False, place=place: self.choose(place))
        self._group.addButton(button)
        self._flow.addWidget(button)
        self.buttons.append(button)
        button.show()


def _reading_of(view: MachineView, gpu: GpuFacts) -> GpuReading:
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    known = next((one for one in readings if one.uuid == gpu.uuid), None)
    return known if known is not None else GpuReading(uuid=gpu.uuid)


class RowGrid(QWidget):
    """Names and values in two columns; each has its place, so that nothing jumps."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACE_3)
        self._grid.setVerticalSpacing(6)
        for column in range(_ROW_COLUMNS):
            self._grid.setColumnStretch(column * 2 + 1, 1)
        self._labels: list[tuple[Label, ElidedLabel]] = []

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        while len(self._labels) < len(rows):
            at = len(self._labels)
            name, value = Label("", "muted"), ElidedLabel("")
            line, column = divmod(at, _ROW_COLUMNS)
            self._grid.addWidget(name, line, column * 2)
            self._grid.addWidget(value, line, column * 2 + 1)
            self._labels.append((name, value))
        for (name, value), (name_text, value_text) in zip(self._labels, rows, strict=True):
            name.set_text(name_text)
            value.setText(value_text)

    def text_of(self, name: str) -> str:
        """What stands beside a name; '' where there is none."""
        found = (value.text() for label, value in self._labels if label.text() == name)
        return next(found, "")


class GpuDetail(QWidget):
    """One GPU: what it is, its readings, who holds it, and whether it takes runs."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._shown: tuple[DeviceId, GpuFacts] | None = None
        self.notices = Notices()
        self._name = ElidedLabel("", "strong")
        self._simulated = Chip(ChipKind.SIMULATED)
        self._closed = Chip(ChipKind.CLOSED)
        self._bar = VramBar()
        self._vram = Label("", "secondary")
        self.quiet = Label("", "secondary")
        self.rows = RowGrid()
        self.links = Label("", "secondary", wrap=True)
        self.slices = Label("", "secondary", wrap=True)
        self.holders = HolderLines(context)
        self.free = Label(self.tr("Nobody holds it."), "secondary")
        self.release_button = GhostButton(self.tr("Release"))
        self.close_button = GhostButton(self.tr("Close this GPU…"))
        self.why = QLineEdit()
        self.why.setPlaceholderText(self.tr("Why, for others to read"))
        self.why.setAccessibleName(self.tr("Why the GPU is closed"))
        self.confirm_button = DangerButton(self.tr("Close it"))
        self.cancel_button = GhostButton(self.tr("Cancel"))
        self._form = QWidget()
        self._lay()
        self.release_button.clicked.connect(self._on_release)
        self.close_button.clicked.connect(lambda: self._open_form(True))
        self.cancel_button.clicked.connect(lambda: self._open_form(False))
        self.confirm_button.clicked.connect(self._on_close)
        self.why.returnPressed.connect(self._on_close)

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_2)
        for chip in (self._simulated, self._closed):
            head.addWidget(chip)
        head.addWidget(self._name, 1)
        head.addWidget(self.quiet)
        head.addWidget(self.release_button)
        head.addWidget(self.close_button)
        bar = QHBoxLayout()
        bar.setSpacing(SPACE_3)
        bar.addWidget(self._bar, 1)
        bar.addWidget(self._vram)
        form = QHBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(SPACE_2)
        form.addWidget(self.why, 1)
        form.addWidget(self.cancel_button)
        form.addWidget(self.confirm_button)
        self._form.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self._form)
        layout.addWidget(self.notices)
        layout.addLayout(bar)
        for widget in (self.rows, self.links, self.slices, self.holders, self.free):
            layout.addWidget(widget)

    def show_gpu(self, view: MachineView, gpu: GpuFacts, reading: GpuReading) -> None:
        if self._shown != (view.machine, gpu):
            self._open_form(False)
        self._shown = (view.machine, gpu)
        self._name.setText(f"{gpu.name} · {numbers.vram_capacity(gpu.vram_bytes)}")
        self._simulated.setVisible(gpu.simulated)
        closed = reading.cordon is not None
        self._closed.setVisible(closed)
        self.release_button.setVisible(closed)
        self.close_button.setVisible(not closed and self._form.isHidden())
        self.quiet.set_text(quiet_text(reading.quiet_at, self._context.now))
        self._show_vram(gpu, reading)
        self.rows.set_rows(gpu_rows(gpu, reading))
        facts = view.facts
        self._show_line(self.links, links_text(gpu.index, facts.links if facts is not None else ()))
        self._show_line(self.slices, slices_text(gpu, reading))
        runs = self._context.room.open_runs_of(view.machine)
        parts = (reading, *reading.instances)
        held = [one for part in parts for one in holders(part.uuid, part.processes, runs)]
        self.holders.set_holders(view.machine, held)
        self.free.setVisible(not held)
        self.notices.set_notices(self._said(reading, held))

    def _show_vram(self, gpu: GpuFacts, reading: GpuReading) -> None:
        used, ours = reading.vram_used_bytes, reading.vram_ours_bytes
        foreign = None if used is None else max(0, used - ours)
        data = GpuGaugeData(
            index=gpu.index,
            vram_ours_bytes=ours,
            vram_foreign_bytes=foreign,
            vram_total_bytes=gpu.vram_bytes,
        )
        self._bar.set_parts(*data.vram_fractions())
        self._vram.set_text(numbers.vram_of(used, gpu.vram_bytes))

    def _show_line(self, label: Label, text: str) -> None:
        label.set_text(text)
        label.setVisible(bool(text))

    def _said(self, reading: GpuReading, held: Sequence[Holder]) -> list[tuple[str, str]]:
        said = []
        if reading.cordon is not None:
            why = reason_text(reading.cordon, remedy=False)
            said.append((sentences(self.tr("No run starts on it."), why),
                         reason_remedy(reading.cordon)))  # fmt: skip
        elif reading.problem:
            said.append((reading.problem, ""))
        left = [one for one in held if one.orphan]
        if left:
            pids = ", ".join(str(one.pid) for one in left)
            said.append(
                (
                    self.tr(
                        "Processes of runs that have ended still hold VRAM: pid {pids}."
                    ).format(pids=pids),
                    self.tr(
                        "Who owns them may end them on the machine (kill {pids}); if the pid is "
                        "gone, the GPU has to be reset or the machine restarted."
                    ).format(pids=pids.replace(",", "")),
                )
            )
        return said

    # --- closing and releasing -------------------------------------------------------------------

    def _open_form(self, wanted: bool) -> None:
        focused = QApplication.focusWidget()
        had = focused is not None and self._form.isAncestorOf(focused)
        self._form.setVisible(wanted)
        self.close_button.setVisible(not wanted)
        self.confirm_button.setEnabled(True)
        if wanted:
            self.why.clear()
            self.why.setFocus(Qt.FocusReason.OtherFocusReason)
        elif had:
            self.close_button.setFocus()

    def _on_close(self) -> None:
        why = self.why.text().strip()
        self.confirm_button.setEnabled(False)
        self._do(
            lambda fleet, machine, gpu: fleet.cordon(machine, gpu.uuid, why),
            self.tr("GPU {gpu} takes no new run."),
        )

    def _on_release(self) -> None:
        self.release_button.setEnabled(False)
        self._do(
            lambda fleet, machine, gpu: fleet.uncordon(machine, gpu.uuid),
            self.tr("GPU {gpu} takes runs again."),
        )

    def _do(
        self,
        call: Callable[[Fleet, DeviceId, GpuFacts], Coroutine[Any, Any, MachineControls]],
        told: str,
    ) -> None:
        if self._shown is None:
            return
        machine, gpu = self._shown

        async def ask(fleet: Fleet, job: Job[MachineControls]) -> MachineControls:
            return await call(fleet, machine, gpu)

        def on_done(_controls: MachineControls) -> None:
            self.release_button.setEnabled(True)
            self._open_form(False)
            self._context.toast_wanted.emit(told.format(gpu=gpu.index), "ok")

        def on_failed(failure: Failure) -> None:
            self.release_button.setEnabled(True)
            self.confirm_button.setEnabled(True)
            self._context.tell_failure(failure)

        self._context.ask(ask, on_done, on_failed)


class HostDetail(QWidget):
    """The machine beside its GPUs."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = RowGrid()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)

    def show_host(self, view: MachineView, facts: MachineFacts) -> None:
        # What a machine without a sample can't tell is unknown, as in one that lacks it.
        host = view.telemetry.host if view.telemetry is not None else HostReading()
        load = host.load_1m
        shown_load = numbers.UNKNOWN if load is None else f"{load:.1f} / {facts.cpu_count}"
        self.rows.set_rows(
            (
                (self.tr("CPU"), numbers.percent(host.cpu_percent)),
                (self.tr("Load"), shown_load),
                (self.tr("Memory in use"), numbers.size(host.memory_used_bytes)),
                (self.tr("Memory"), numbers.size(facts.memory_bytes)),
                (self.tr("Disk free"), numbers.size(host.disk_free_bytes)),
                (self.tr("Disk"), numbers.size(facts.disk_bytes)),
                (self.tr("Network in"), numbers.rate(host.network_received_bytes_s)),
                (self.tr("Network out"), numbers.rate(host.network_sent_bytes_s)),
                (self.tr("Disk read"), numbers.rate(host.disk_read_bytes_s)),
                (self.tr("Disk written"), numbers.rate(host.disk_written_bytes_s)),
            )
        )
