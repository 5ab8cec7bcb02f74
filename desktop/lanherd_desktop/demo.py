"""`./dev demo`: from nothing to a run seen in the window.

A real agent is started, found, paired through its socket, and given the sample project: by the
same calls that a person's clicks make. What is checked is what the window's own models hold.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path
from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from lanherd_client.fleet import Fleet
from lanherd_client.mirror import Online
from lanherd_client.run import Run
from lanherd_desktop.app import Desktop, make_application, quit_on_signals
from lanherd_desktop.bridge import Job
from lanherd_desktop.platform.demo_agent import DemoAgent, DemoError, check_folder, held_home
from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.platform.timing import timing_marks
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS, TAB_OVERVIEW
from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.states import Ended, Running, RunView

COMMAND = ("python", "train.py")
LAST_LINE = "done"
EXPECTED_OUTPUTS = ("decision.png", "losses.csv", "result.json")
CHECK_MS = 100
TIME_LIMIT_S = 280.0
GRACE_S = 10.0
STOP_WITHIN_S = GRACE_S + 10.0
PICTURE = "decision.png"
OVER = "The demo's run is over. The window stays open; the demo ends when you close it."

STOPPED = "The run was stopped, and the agent ended with the demo."


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
    note: str = ""
    """What a person should know about an end before the run's own."""


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
        self._machine: DeviceId | None = None
        self._submission: asyncio.Task[object] | None = None
        self._run: Run | None = None
        self._key: RunKey | None = None
        self._asked = False
        self._submit_asked = False
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
        """Start the agent, and look from now on."""
        try:
            self._agent.start()
        except DemoError as problem:
            self._end(str(problem))
        else:
            self._timer.start()

    def leave(self) -> None:
        """The demo's machine goes away with it: a run that isn't over is stopped first."""
        self._timer.stop()
        marks = self._desktop.marks.at_ns
        self.findings.window_s = self._since(marks.get("window_shown"))
        self.findings.first_gauge_s = self._since(marks.get("first_gauge"))
        if self.findings.ok:
            return
        if not self.findings.problem:
            before = "all of it was seen" if self._over() else "its run was over"
            self.findings.note = f"The demo was ended before {before}."
        if self._over() or not self._submit_asked or self._agent.problem():
            return
        print("The demo's run is not over: stopping it.", file=sys.stderr, flush=True)
        waiting = QEventLoop()
        answers: list[str] = []

        def stopped(view: RunView | None) -> None:
            if view is not None and isinstance(view.state, Ended):
                self.findings.run = view.run
                self.findings.outcome = view.state.outcome
            answers.append("")
            waiting.quit()

        def failed(failure: Failure) -> None:
            answers.append(" ".join(part for part in failure_texts(failure) if part))
            waiting.quit()

        QTimer.singleShot(round(STOP_WITHIN_S * 1000), waiting.quit)
        self._desktop.context.ask(self._stop_run, stopped, failed)
        waiting.exec()
        problem = answers[0] if answers else "It had not ended when the demo left."
        if problem:
            self.findings.problem = (
                f"{self.findings.problem} The demo's run may go on by itself: {problem} "
                "Start the demo again to see it, and stop it on the page 'Runs'."
            ).strip()
        else:
            self.findings.note = f"{self.findings.note} {STOPPED}".strip()

    async def _stop_run(self, fleet: Fleet, job: Job[RunView | None]) -> RunView | None:
        if self._submission is not None:
            # A submission that was cut short may have been taken all the same.
            await asyncio.wait({self._submission})
        if self._run is None:
            return None
        await self._run.stop(GRACE_S)
        return await self._run.wait()

    # --- the way ---------------------------------------------------------------------------------

    def _check(self) -> None:
        problem = self._agent.problem()
        if problem:
            self._end(problem)
        elif self._desktop.context.failure is not None:
            self._on_failed(self._desktop.context.failure)
        elif self._seconds() > TIME_LIMIT_S:
            stage = self._stages[0].__name__.strip("_").replace("_", " ")
            self._end(f"It took longer than {TIME_LIMIT_S:.0f} s; still waiting for: {stage}.")
        elif self._stages[0]():
            self._asked = False
            self._stages.pop(0)
            if not self._stages and not self.findings.problem:
                self.findings.ok = True
                self._end("")

    def _end(self, problem: str) -> None:
        self._timer.stop()
        self.findings.problem = problem
        if self._headless:
            QApplication.quit()
        else:
            print(problem or OVER, file=sys.stderr, flush=True)

    def _on_failed(self, failure: Failure) -> None:
        self._end(" ".join(part for part in failure_texts(failure) if part))

    def _paired(self) -> bool:
        if self._machine is not None:
            return True
        if not self._asked:
            self._asked = True
            self._desktop.context.ask(self._find_own, self._on_found, self._on_failed)
        return False

    async def _find_own(self, fleet: Fleet, job: Job[DeviceId | None]) -> DeviceId | None:
        """The machine whose agent is the very process that this demo started."""
        for sighting in fleet.sightings():
            if sighting.socket == str(self._agent.socket):
                await fleet.pair(sighting)
        for view in fleet.machines():
            if isinstance(view.link, Online):
                status = await fleet.status(view.machine)
                if status.pid == self._agent.pid:
                    return view.machine
        return None

    def _on_found(self, machine: DeviceId | None) -> None:
        self._machine = machine
        self._asked = False

    def _has_gauges(self) -> bool:
        if self._machine is None:
            return False
        view = self._desktop.context.room.machines.get(self._machine)
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
            self._asked = self._submit_asked = True
            self._desktop.window.projects.add_folder(str(self._project))
            self._desktop.context.ask(self._submit, self._on_submitted, self._on_failed)
        return False

    async def _submit(self, fleet: Fleet, job: Job[Run]) -> Run:
        self._submission = asyncio.current_task()
        self._run = await fleet.submit(
            command=COMMAND,
            project=self._project,
            gpus=1,
            vram="2GB",
            name="sample",
            machine=self._machine,
        )
        return self._run

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
            QApplication.processEvents()
            path = self._shots / f"{name}.png"
            if not self._desktop.window.grab().save(str(path)):
                self._end(f"The picture {path} can't be saved. Look whether its disk is full.")

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
    try:
        findings = _prepare_and_play(home, options.shots, headless)
    except DemoError as problem:
        findings = Findings(problem=str(problem))
        print(problem, file=sys.stderr)
    else:
        _tell(findings, options.json)
    if options.json:
        print(json.dumps(vars(findings)))
    closed_early = not headless and not findings.problem
    return 0 if findings.ok or closed_early else 1


def _prepare_and_play(home: Path, shots: Path | None, headless: bool) -> Findings:
    if shots is not None:
        check_folder(shots)
    with held_home(home):
        # In the home, so that what a killed demo left there is not in the way of the next one.
        runtime = home / "runtime"
        try:
            runtime.mkdir(mode=0o700, exist_ok=True)
            project = sample_project(home)
        except OSError as problem:
            raise DemoError(
                f"The demo can't make its sample project in {home}. {problem}. "
                "Make room there, or give it a folder of your own with --home."
            ) from problem
        os.environ["LANHERD_RUNTIME_DIR"] = str(runtime)
        return _play(home, runtime, project, shots, headless)


def _play(home: Path, runtime: Path, project: Path, shots: Path | None, headless: bool) -> Findings:
    marks = timing_marks()
    application = make_application(sys.argv[:1])
    quit_on_signals(application)
    agent = DemoAgent(home / "agent", runtime)
    desktop = Desktop(application, home / "controller", marks)
    demo = Demo(desktop, agent, project, shots, headless)
    desktop.start()
    QTimer.singleShot(0, demo.begin)
    application.exec()
    demo.leave()
    desktop.close()
    agent.stop()
    return demo.findings


def _tell(findings: Findings, as_json: bool) -> None:
    if findings.ok and as_json:
        return  # all of it is in the line of findings
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
    if findings.note:
        print(findings.note, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
