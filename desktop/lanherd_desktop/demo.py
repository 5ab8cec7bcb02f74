"""`./dev demo`: from nothing to a run seen in the window.

A real agent is started, found, paired through its socket, and given the sample project: by the
same calls that a person's clicks make. What is checked is what the window's own models hold.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from lanherd_client.run import Run
from lanherd_desktop.app import Desktop, make_application, quit_on_signals
from lanherd_desktop.platform.demo_agent import DemoAgent
from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.platform.timing import timing_marks
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS, TAB_OVERVIEW
from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import Failure
from lanherd_protocol.states import Ended, Running, RunView

COMMAND = ("python", "train.py")
LAST_LINE = "done"
EXPECTED_OUTPUTS = ("decision.png", "losses.csv", "result.json")
CHECK_MS = 100
TIME_LIMIT_S = 280.0
PICTURE = "decision.png"
OVER = "The demo's run is over. The window stays open; the demo ends when you close it."


@dataclass
class Findings:
    """What the demo saw, as `--json` prints it. Times are seconds from the process's start."""

    ok: bool = False
    window_s: float | None = None
    first_gauge_s: float | None = None
    run_alive_s: float | None = None
    ended_s: float | None = None
    run: str = ""
    outcome: str = ""
    outputs: list[str] = field(default_factory=list)
    log_lines: int = 0
    gpus: int = 0
    simulated: bool = False
    problem: str = ""


def process_started_ns() -> int:
    """CLOCK_MONOTONIC at which this process was started, to a clock tick."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    return time.monotonic_ns() - age_ns


class Demo(QObject):
    """Goes from stage to stage; each is done when the window's models show it."""

    def __init__(
        self, desktop: Desktop, agent: DemoAgent, project: Path, shots: Path | None, headless: bool
    ) -> None:
        super().__init__()
        self._desktop = desktop
        self._agent = agent
        self._project = project
        self._shots = shots
        self._headless = headless
        self._begun_ns = process_started_ns()
        self._key: RunKey | None = None
        self._asked = False
        self._stages: list[Callable[[], bool]] = [
            self._paired,
            self._has_gauges,
            self._submitted,
            self._alive,
            self._log_moves,
            self._outputs_come,
            self._ended,
            self._log_is_whole,
            self._outputs_are_whole,
        ]
        self.findings = Findings()
        self._timer = QTimer(self)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self._check)

    def begin(self) -> None:
        self._timer.start()

    # --- the way ---------------------------------------------------------------------------------

    def _check(self) -> None:
        problem = self._agent.problem()
        if problem:
            self._end(problem)
        elif self._seconds() > TIME_LIMIT_S:
            stage = self._stages[0].__name__.strip("_").replace("_", " ")
            self._end(f"It took longer than {TIME_LIMIT_S:.0f} s; still waiting for: {stage}.")
        elif self._stages[0]():
            self._asked = False
            self._stages.pop(0)
            if not self._stages:
                self.findings.ok = True
                self._end("")

    def _end(self, problem: str) -> None:
        self._timer.stop()
        self.findings.problem = problem
        marks = self._desktop.marks.at_ns
        self.findings.window_s = self._since(marks.get("window_shown"))
        self.findings.first_gauge_s = self._since(marks.get("first_gauge"))
        if self._headless:
            QApplication.quit()
        else:
            print(problem or OVER, file=sys.stderr, flush=True)

    def _on_failed(self, failure: Failure) -> None:
        self._end(" ".join(part for part in failure_texts(failure) if part))

    def _paired(self) -> bool:
        room = self._desktop.context.room
        if room.machines:
            return True
        if room.sightings and not self._asked:
            self._asked = True
            sighting = room.sightings[0]
            self._desktop.context.ask(
                lambda fleet, job: fleet.pair(sighting), lambda view: None, self._on_failed
            )
        return False

    def _has_gauges(self) -> bool:
        model = self._desktop.window.machine_model
        view = model.machine_at(0)
        if view is None or view.facts is None or view.telemetry is None:
            return False
        self.findings.gpus = len(view.facts.gpus)
        self.findings.simulated = view.simulated
        cards = self._desktop.window.machines.cards
        return view.machine in cards and bool(view.telemetry.gpus)

    def _submitted(self) -> bool:
        if self._key is not None:
            return self._view() is not None
        if not self._asked:
            self._asked = True
            self._desktop.window.projects.add_folder(str(self._project))
            self._desktop.context.ask(
                lambda fleet, job: fleet.submit(
                    command=COMMAND, project=self._project, gpus=1, vram="2GB", name="sample"
                ),
                self._on_submitted,
                self._on_failed,
            )
        return False

    def _on_submitted(self, run: Run) -> None:
        self._key = (run.machine, run.id)
        self.findings.run = run.id

    def _alive(self) -> bool:
        view = self._view()
        if view is None or not isinstance(view.state, Running | Ended):
            return False
        self.findings.run_alive_s = self._seconds()
        if isinstance(view.state, Running):
            self._picture("machines")
        self._show(TAB_LOG)
        return True

    def _log_moves(self) -> bool:
        if self._desktop.window.runs.detail.log.pane.line_count() < 8 and not self._over():
            return False
        self._picture("run-log")
        self._desktop.window.show_page("machines")
        QApplication.processEvents()
        self._picture("machines-running")
        self._show(TAB_OUTPUTS)
        return True

    def _outputs_come(self) -> bool:
        panel = self._desktop.window.runs.detail.outputs
        if PICTURE not in panel.model.file_paths():
            return False
        if panel.preview.path != PICTURE:
            if not self._asked:
                self._asked = True
                panel.select(PICTURE)
            return False
        self._picture("run-outputs")
        self._show(TAB_LOG)
        return True

    def _ended(self) -> bool:
        view = self._view()
        if view is None or not isinstance(view.state, Ended):
            return False
        self.findings.ended_s = self._seconds()
        self.findings.outcome = view.state.outcome
        if view.state.outcome != "succeeded":
            self._end(f"The run ended as {view.state.outcome}: {view.state.reason.text}")
            return False
        return True

    def _log_is_whole(self) -> bool:
        log = self._desktop.window.runs.detail.log
        self.findings.log_lines = log.pane.line_count()
        if not log.last_line().startswith(LAST_LINE):
            return False
        self._picture("run-succeeded")
        self._show(TAB_OUTPUTS)
        return True

    def _outputs_are_whole(self) -> bool:
        panel = self._desktop.window.runs.detail.outputs
        self.findings.outputs = panel.model.file_paths()
        if not set(EXPECTED_OUTPUTS) <= set(self.findings.outputs) or not panel.preview.path:
            return False
        self._picture("run-outputs-end")
        self._show(TAB_OVERVIEW)
        self._picture("run-overview")
        self._show(TAB_OUTPUTS)
        return True

    # --- helpers ---------------------------------------------------------------------------------

    def _view(self) -> RunView | None:
        return self._desktop.context.room.runs.get(self._key) if self._key is not None else None

    def _over(self) -> bool:
        view = self._view()
        return view is not None and isinstance(view.state, Ended)

    def _show(self, tab: str) -> None:
        if self._key is not None:
            self._desktop.window.show_run(self._key, tab)
            QApplication.processEvents()

    def _picture(self, name: str) -> None:
        if self._shots is not None:
            self._shots.mkdir(parents=True, exist_ok=True)
            QApplication.processEvents()
            self._desktop.window.grab().save(str(self._shots / f"{name}.png"))

    def _seconds(self) -> float:
        return round((time.monotonic_ns() - self._begun_ns) / 1e9, 3)

    def _since(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else round((at_ns - self._begun_ns) / 1e9, 3)


def sample_project(home: Path) -> Path:
    """A copy of the sample project that a person may change."""
    target = home / "sample-training"
    if not target.is_dir():
        fresh = home / f"sample-training.{os.getpid()}.new"
        shutil.copytree(resources_path() / "demo", fresh)
        fresh.replace(target)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./dev demo", description="From nothing to a run seen in the window."
    )
    parser.add_argument("--headless", action="store_true", help="no screen; ends by itself")
    parser.add_argument("--shots", type=Path, metavar="DIR", help="save pictures of the window")
    parser.add_argument("--json", action="store_true", help="print one line of findings")
    parser.add_argument("--home", type=Path, help="directory of the demo's state")
    options = parser.parse_args(arguments)
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    headless = options.headless or not display
    if headless:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    home = (options.home or user_cache_path("lanherd-demo", appauthor=False)).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lanherd-demo-") as runtime:
        os.environ["LANHERD_RUNTIME_DIR"] = runtime
        findings = _play(home, Path(runtime), options.shots, headless)
    if options.json:
        print(json.dumps(vars(findings)))
    else:
        _tell(findings)
    closed_early = not headless and not findings.problem
    return 0 if findings.ok or closed_early else 1


def _play(home: Path, runtime: Path, shots: Path | None, headless: bool) -> Findings:
    marks = timing_marks()
    application = make_application(sys.argv[:1])
    quit_on_signals(application)
    agent = DemoAgent(home / "agent", runtime)
    desktop = Desktop(application, home / "controller", marks)
    demo = Demo(desktop, agent, sample_project(home), shots, headless)
    desktop.start()
    QTimer.singleShot(0, agent.start)
    demo.begin()
    application.exec()
    desktop.close()
    agent.stop()
    return demo.findings


def _tell(findings: Findings) -> None:
    if findings.ok:
        kind = "simulated GPUs" if findings.simulated else "GPUs"
        print(
            f"The run {findings.run} succeeded on a machine with {findings.gpus} {kind}. "
            f"Seen in the window: {findings.log_lines} log lines, outputs "
            f"{', '.join(findings.outputs)}."
        )
        print(
            f"Window after {findings.window_s} s, first gauge after {findings.first_gauge_s} s, "
            f"run alive after {findings.run_alive_s} s, ended after {findings.ended_s} s."
        )
    elif findings.problem:
        print(f"The demo did not come to its end. {findings.problem}", file=sys.stderr)
    else:
        print("The window was closed before the run was over.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
