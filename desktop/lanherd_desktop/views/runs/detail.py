"""One run: what it is, its log, its outputs."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.room import RoomChange, RunKey, is_ended
from lanherd_desktop.state.run_numbers import run_numbers
from lanherd_desktop.state.runs import chip_kind, run_title
from lanherd_desktop.state.silence import silent_since
from lanherd_desktop.state.submit_form import form_of_run
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.outputs.panel import OutputsPanel
from lanherd_desktop.views.runs.log_tab import LogTab
from lanherd_desktop.views.runs.overview import RunOverview
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.buttons import DangerButton, GhostButton
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.labels import ElidedLabel
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.tab_bar import TabBar
from lanherd_desktop.views.words import last_seen
from lanherd_protocol.errors import Failure
from lanherd_protocol.states import RunView, is_live

TAB_OVERVIEW, TAB_LOG, TAB_OUTPUTS = "overview", "log", "outputs"
TABS = (TAB_OVERVIEW, TAB_LOG, TAB_OUTPUTS)
STOP_GRACE_S = 10.0


class RunDetail(QWidget):
    """Follows one run; its streams are open until it shows another one."""

    run_shown = Signal(object)
    """A RunKey."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._stopping: set[RunKey] = set()
        self._chip = Chip(ChipKind.WAITING)
        self._title = ElidedLabel("", "title")
        self._again = GhostButton(self.tr("Run again…"))
        self._again.clicked.connect(self.run_again)
        self.stop_button = DangerButton(self.tr("Stop"))
        self.stop_button.clicked.connect(self.stop)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._chip)
        head.addWidget(self._title, 1)
        head.addWidget(self._again)
        head.addWidget(self.stop_button)
        self._numbers = NumbersLine()
        self.tabs = TabBar()
        self.tabs.add_tab(TAB_OVERVIEW, self.tr("Overview"))
        self.tabs.add_tab(TAB_LOG, self.tr("Log"))
        self.tabs.add_tab(TAB_OUTPUTS, self.tr("Outputs"))
        self.overview = RunOverview(context)
        self.log = LogTab(context)
        self.outputs = OutputsPanel(context)
        self._stack = QStackedWidget()
        for page in (self.overview, self.log, self.outputs):
            self._stack.addWidget(page)
        self.tabs.corner.addWidget(self.log.tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addWidget(self._numbers)
        layout.addWidget(self.tabs)
        layout.addWidget(self._stack, 1)
        self.tabs.selected.connect(self._on_tab)
        self.outputs.count_changed.connect(
            lambda count: self.tabs.set_count(TAB_OUTPUTS, count or None)
        )
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(self._on_second)
        self.show_tab(TAB_LOG)

    @property
    def key(self) -> RunKey | None:
        return self._key

    @property
    def view(self) -> RunView | None:
        return self._context.room.runs.get(self._key) if self._key is not None else None

    def show_run(self, key: RunKey | None) -> None:
        """Show another run, at the tab that is open."""
        if key == self._key:
            return
        self._key = key
        self.tabs.set_count(TAB_OUTPUTS, None)
        self.log.show_run(key)
        self.outputs.show_run(key)
        self._refresh()
        if key is not None:
            self.run_shown.emit(key)

    def show_tab(self, tab: str) -> None:
        self.tabs.set_current(tab)
        self._on_tab(tab)

    def stop(self) -> None:
        """End the run: the run's own cleanup has ten seconds, then it is killed."""
        key, view = self._key, self.view
        if key is None or view is None or is_ended(view):
            return
        if key in self._stopping:
            return
        self._stopping.add(key)
        self._refresh_stop()
        if silent_since(self._context.room.machines.get(key[0])) is not None:
            text = self.tr(
                "{machine} can't be reached; the run will be asked to stop as soon as it is back."
            ).format(machine=self._context.machine_name(key[0]))
            self._context.toast_wanted.emit(text, "info")
        self._context.ask(
            lambda fleet, job: fleet.run_at(*key).stop(STOP_GRACE_S),
            lambda stopped: self._on_stop_taken(key),
            lambda failure: self._on_stop_failed(key, failure),
        )

    def _on_stop_taken(self, key: RunKey) -> None:
        self._stopping.discard(key)
        self._refresh_stop()

    def _on_stop_failed(self, key: RunKey, failure: Failure) -> None:
        self._on_stop_taken(key)
        self._context.tell_failure(failure)

    def run_again(self) -> None:
        """The submit dialog, filled with what this run was."""
        view, key = self.view, self._key
        if view is None or key is None:
            return
        known = self._context.preferences.value.projects
        self._context.submit_wanted.emit(form_of_run(view, key[0], known))

    def copy_id(self) -> None:
        if self._key is not None:
            QGuiApplication.clipboard().setText(self._key[1])
            self._context.toast_wanted.emit(self.tr("The run's id was copied."), "ok")

    def _on_tab(self, tab: str) -> None:
        self._stack.setCurrentIndex(TABS.index(tab))
        self.log.tools.setVisible(tab == TAB_LOG)

    def _on_room_changed(self, change: RoomChange) -> None:
        if self._key is None:
            return
        if self._key in change.runs:
            self._refresh()
        elif self._key[0] in change.machines:
            self._refresh_numbers()

    def _on_second(self) -> None:
        if self.isVisible():
            self._refresh_numbers()

    def _refresh(self) -> None:
        view = self.view
        self.setEnabled(view is not None)
        if view is None or self._key is None:
            return
        self._chip.set_kind(chip_kind(view))
        self._title.setText(run_title(view))
        self._refresh_stop()
        self.overview.show_view(self._key[0], view)
        self.log.show_view(view)
        self._refresh_numbers()

    def _refresh_stop(self) -> None:
        """Offered while the run goes on; asked for once, until the machine has taken it."""
        view = self.view
        goes_on = view is not None and not is_ended(view)
        if self.stop_button.hasFocus() and not (goes_on and self._key not in self._stopping):
            # Qt would hand it to whatever comes next.
            self.tabs.focus_current()
        self.stop_button.setEnabled(goes_on and self._key not in self._stopping)
        self.stop_button.setVisible(goes_on)

    def _refresh_numbers(self) -> None:
        view, key = self.view, self._key
        if view is None or key is None:
            return
        figures = run_numbers(view, self._context.room.machines.get(key[0]), self._context.now)
        shown = [Number(numbers.duration(figures.seconds), self._duration_label(view))]
        where = self._context.machine_name(key[0])
        measured = is_live(view.state) and figures.silent_since is None
        for gpu in figures.gpus if measured else ():
            label = self.tr("GPU {index} on {machine}").format(index=gpu.index, machine=where)
            shown.append(Number(numbers.percent(gpu.utilisation_percent), label))
            if gpu.asked_bytes:
                asked = self.tr("of {asked} asked").format(
                    asked=numbers.vram_capacity(gpu.asked_bytes)
                )
                shown.append(Number(numbers.vram(gpu.used_bytes), asked))
        if not measured:
            held = " · ".join(f"GPU {gpu.index}" for gpu in figures.gpus)
            shown.append(Number(where, held or self.tr("machine")))
        elif not figures.gpus:
            shown.append(Number(where, self.tr("machine")))
        shown.append(Number(str(view.attempt), self.tr("attempt")))
        if figures.silent_since is not None:
            shown.insert(1, Number("", last_seen(figures.silent_since, self._context.now)))
        self._numbers.set_numbers(shown)

    def _duration_label(self, view: RunView) -> str:
        if is_ended(view):
            return self.tr("in all")
        kind = chip_kind(view)
        return self.tr("running") if kind == ChipKind.RUNNING else self.tr("so far")
