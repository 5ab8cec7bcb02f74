"""The past of a GPU or of the machine itself, over minutes, hours or days."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.past_plot import REFRESH_S, SPANS, Span, plot_line
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_3
from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.past_plot import PastPlot, PastPlotData
from lanherd_desktop.views.words import failure_line, moment
from lanherd_protocol.errors import Failure
from lanherd_protocol.history_messages import History
from lanherd_protocol.ids import DeviceId, GpuUuid


@dataclass(frozen=True, slots=True)
class PastOf:
    """Whose past: of a GPU, or of the host (`gpu` None); wholes, where they are known."""

    machine: DeviceId
    gpu: GpuUuid | None = None
    vram_bytes: int | None = None
    power_w: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class _Plot:
    title: str
    metrics: tuple[str, ...]
    names: tuple[str, ...]
    top: float | None
    text: Callable[[float], str]


class PastSection(QWidget):
    """Asks while it is seen, and again before its picture is old."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._of: PastOf | None = None
        self._span: Span = "short"
        self._job: Job[History] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.ask)
        self.problem = Label("", "danger", wrap=True)
        self.problem.hide()
        self.spans: dict[Span, GhostButton] = {}
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(Label(self.tr("The past"), "strong"))
        row.addStretch(1)
        group = QButtonGroup(self)
        texts: dict[Span, str] = {
            "short": self.tr("10 min"),
            "day": self.tr("6 h"),
            "week": self.tr("7 days"),
        }
        for span, text in texts.items():
            button = GhostButton(text)
            button.setCheckable(True)
            button.setChecked(span == self._span)
            button.clicked.connect(lambda checked=False, span=span: self.show_span(span))
            group.addButton(button)
            self.spans[span] = button
            row.addWidget(button)
        self.plots: list[PastPlot] = []
        self._box = QVBoxLayout()
        self._box.setSpacing(SPACE_3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addLayout(row)
        layout.addWidget(self.problem)
        layout.addLayout(self._box)

    def show_past(self, of: PastOf | None) -> None:
        """Of something else: the plots begin empty."""
        if of == self._of:
            return
        self._of = of
        self._begin()

    def show_span(self, span: Span) -> None:
        self._span = span
        self._begin()

    def _begin(self) -> None:
        self._stop()
        self.problem.hide()
        for plot in self.plots:
            plot.point_at(None)
        self.show_history(History(step_s=1.0), time.time())
        if self.isVisible():
            self.ask()

    def _stop(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._stop()

    def ask(self) -> None:
        """Ask the machine for the span that is shown."""
        of = self._of
        if of is None or self._job is not None:
            return
        now = time.time()
        since = now - SPANS[self._span]

        async def ask(fleet: Fleet, job: Job[History]) -> History:
            return await fleet.past(of.machine, of.gpu, since=since)

        def on_done(history: History) -> None:
            self.problem.hide()
            self.show_history(history, now)
            self._again()

        def on_failed(failure: Failure) -> None:
            self.problem.set_text(failure_line(failure))
            self.problem.show()
            self._again()

        self._job = self._context.ask(ask, on_done, on_failed)

    def _again(self) -> None:
        self._job = None
        if self.isVisible():
            self._timer.start(round(REFRESH_S[self._span] * 1000))

    def show_history(self, history: History, now: float) -> None:
        """Draw what a machine told, up to now."""
        plots = self._plots()
        while len(self.plots) > len(plots):
            gone = self.plots.pop()
            gone.hide()
            gone.deleteLater()
        while len(self.plots) < len(plots):
            plot = PastPlot()
            self.plots.append(plot)
            self._box.addWidget(plot)
        for widget, wanted in zip(self.plots, plots, strict=True):
            widget.set_data(
                PastPlotData(
                    title=wanted.title,
                    names=wanted.names,
                    lines=tuple(plot_line(history, metric) for metric in wanted.metrics),
                    start=now - SPANS[self._span],
                    end=now,
                    step_s=history.step_s,
                    top=wanted.top,
                    value_text=wanted.text,
                    time_text=moment,
                )
            )

    def _plots(self) -> tuple[_Plot, ...]:
        of = self._of
        if of is None:
            return ()
        one = ("",)
        if of.gpu is not None:
            return (
                _Plot(
                    self.tr("Utilisation"), ("utilisation_percent",), one, 100.0, numbers.percent
                ),
                _Plot(
                    self.tr("VRAM"),
                    ("vram_ours_bytes", "vram_used_bytes"),
                    (self.tr("ours"), self.tr("in all")),
                    of.vram_bytes,
                    _vram,
                ),
                _Plot(self.tr("Temperature"), ("temperature_c",), one, None, _celsius),
                _Plot(self.tr("Power"), ("power_w",), one, of.power_w, numbers.watts),
            )
        return (
            _Plot(self.tr("CPU"), ("cpu_percent",), one, 100.0, numbers.percent),
            _Plot(self.tr("Memory"), ("memory_used_bytes",), one, of.memory_bytes, _size),
            _Plot(
                self.tr("Network"),
                ("network_received_bytes_s", "network_sent_bytes_s"),
                (self.tr("in"), self.tr("out")),
                None,
                numbers.rate,
            ),
        )


def _vram(value: float) -> str:
    return numbers.vram(int(value))


def _size(value: float) -> str:
    return numbers.size(int(value))


def _celsius(value: float) -> str:
    return f"{value:.0f} °C"
