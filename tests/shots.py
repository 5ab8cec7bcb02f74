"""`./dev shots`: every page in both themes and both languages, from a synthetic room.

    python -m tests.shots [--out DIR] [--theme dark|light] [--language en|zh_CN]

The pictures are for people: nothing is compared.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEventLoop, QPoint, QTimer
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from lanherd_client.projects.project import Project
from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop, make_application
from lanherd_desktop.platform.preferences import (
    LANGUAGES,
    LanguageChoice,
    PreferencesFile,
    ThemeChoice,
)
from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.platform.timing import TimingMarks
from lanherd_desktop.state.log_buffer import GapKind
from lanherd_desktop.state.room import Room, RoomUpdate
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.state.submit_options import AfterField, OptionsForm, SecretField
from lanherd_desktop.state.submit_wishes import WishesForm
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS, TAB_OVERVIEW
from lanherd_desktop.views.submit import SubmitDialog
from lanherd_desktop.views.window import MainWindow
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.machine_messages import MachineControls, PauseView
from lanherd_protocol.messages import OutputsChanged
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.values import (
    OutputEntry,
    Reason,
    Removal,
    RetentionRule,
    RetentionRules,
)
from tests.support import sample_log, sample_past, synthetic_room
from tests.support.sample_rules import TEXT, rules_state
from tests.support.synthetic_room import GIB, machine_id, run_id
from tests.support.translations import compile_missing

SETTLE_MS = 250
LOG_LINES = 400


def settle(milliseconds: int = SETTLE_MS) -> None:
    """Let the event loop run until delayed things (skeletons, debounced fields) are there."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def log_text() -> bytes:
    """A training's log: colours, a warning, wide characters, a bar that overwrites itself."""
    lines = []
    for epoch in range(LOG_LINES):
        loss = 2.0 / (1 + epoch * 0.05)
        lines.append(f"epoch {epoch:3}  loss \x1b[1m{loss:.4f}\x1b[0m  acc {1 - loss / 3:.4f}")
        if epoch % 25 == 7:
            lines.append(
                "\x1b[33mUserWarning: the scheduler was called before the optimizer\x1b[0m"
            )
        if epoch % 40 == 3:
            lines.append(f"\x1b[32msaved\x1b[0m outputs/ckpt_{epoch:04}.pt  98.3 MB 保存完成")
    bar = "\repoch 401  62%|" + "█" * 16 + " " * 10 + "| 1184/1910 [00:31<00:19, 38.1it/s]"
    return ("\n".join(lines) + "\n" + bar).encode()


def outputs() -> OutputsChanged:
    now = synthetic_room.NOW
    return OutputsChanged(
        attempt=1,
        entries=(
            OutputEntry(path="checkpoints", kind="directory", modified_at=now),
            OutputEntry(
                path="checkpoints/last.pt", kind="file", size_bytes=98_300_000, modified_at=now
            ),
            OutputEntry(path="losses.csv", kind="file", size_bytes=6_200, modified_at=now),
            OutputEntry(path="decision.png", kind="file", size_bytes=48_120, modified_at=now),
            OutputEntry(path="result.json", kind="file", size_bytes=240, modified_at=now),
        ),
    )


def losses() -> bytes:
    rows = [f"{n},{2.0 / (1 + n * 0.05):.4f},{1 - 0.7 / (1 + n * 0.05):.4f}" for n in range(120)]
    return ("epoch,loss,accuracy\n" + "\n".join(rows) + "\n").encode()


def removal_plan(room: Room) -> RetentionPlan:
    """Two runs that the room knows, and one that it doesn't."""
    why = Reason(
        code="retention_age",
        text="It ended 34 d 02 h ago; files are kept for 30 d 00 h.",
        data={"age_s": 34 * 86_400 + 7_200, "age_s_max": 30 * 86_400, "project": ""},
    )
    known = [view.run for (m, _), view in room.runs.items() if m == machine_id("tycho")]
    removals = [
        Removal(run=run, size_bytes=(n + 1) * 3 * GIB, reason=why) for n, run in enumerate(known)
    ]
    removals.append(Removal(run=run_id(999), size_bytes=2 * GIB, reason=why))
    return RetentionPlan(removals=tuple(removals), size_bytes=48 * GIB, runs=31)


class Shooter:
    """One theme and one language."""

    def __init__(
        self, application: QApplication, theme: ThemeChoice, language: LanguageChoice, out: Path
    ) -> None:
        self._out = out
        self._suffix = f"{theme}-{'zh' if language == 'zh_CN' else 'en'}"
        self._home = tempfile.TemporaryDirectory(prefix="lanherd-shots-")
        PreferencesFile(Path(self._home.name)).change(theme=theme, language=language)
        self._desktop = Desktop(application, Path(self._home.name), TimingMarks(None))
        synthetic_room.NOW = time.time()

    @property
    def window(self) -> MainWindow:
        return self._desktop.window

    def take(self) -> Iterator[str]:
        """Take every picture; yields their names."""
        window = self.window
        window.show()
        settle()
        yield self._save("starting")
        self._desktop.bridge.room_updated.emit(RoomUpdate(sightings=()))
        for page in ("machines", "projects", "runs", "outputs"):
            window.show_page(page)
            settle()
            yield self._save(f"empty-{page}")
        self._desktop.preferences.change(projects=("/home/ada/spirals", "/home/ada/denoise"))
        self._desktop.bridge.room_updated.emit(synthetic_room.room())
        window.projects.reload()
        window.projects.show_project(Project.open(resources_path() / "demo"))
        window.settings.show_device((synthetic_room.machine_id("ada"), "/home/ada/lanherd"))
        for page in ("machines", "projects", "settings"):
            window.show_page(page)
            settle()
            yield self._save(page)
        yield from self._machine()
        yield from self._runs()
        yield from self._lives()
        yield from self._outputs()
        yield from self._dialogs()

    def _runs(self) -> Iterator[str]:
        window, detail = self.window, self.window.runs.detail
        window.show_page("runs")
        settle()
        yield self._save("runs-sweep")
        window.runs.list.set_open("lr grid", True)
        settle()
        yield self._save("runs-sweep-open")
        window.runs.list.set_open("lr grid", False)
        self._show("train lr=3e-4 seed=0", TAB_LOG)
        settle()
        yield self._save("runs-log-loading")
        detail.log.pane.append(log_text(), 0)
        settle()
        yield self._save("runs-log")
        detail.log.pane.find_text("saved")
        settle()
        yield self._save("runs-log-found")
        detail.show_tab("overview")
        settle()
        yield self._save("runs-overview")
        for key, view in self._desktop.context.room.runs.items():
            if view.spec.name == "train lr=1e-2 seed=0":
                window.show_run(key, "overview")
        settle()
        yield self._save("runs-failed")
        detail.overview.group.button.click()
        settle(600)
        yield self._save("runs-group")
        window.runs.list.search.set_query("")

    def _show(self, name: str, tab: str) -> None:
        """A run of the room by its name."""
        for key, view in self._desktop.context.room.runs.items():
            if view.spec.name == name:
                self.window.show_run(key, tab)

    def _lives(self) -> Iterator[str]:
        """Attempts, waiting for others, held back, without files; questions and editors."""
        window, detail = self.window, self.window.runs.detail
        self._show("finetune seed=1", TAB_OVERVIEW)
        settle()
        yield self._save("runs-attempts")
        window.actions_by_id[ActionId.RUN_EDIT].trigger()
        settle()
        yield self._save("runs-edit")
        detail.overview.editor.close_editor()
        detail.show_tab(TAB_LOG)
        pane = detail.log.pane
        pane.find_text("")
        pane.append(log_text()[:9_000], 0)
        pane.skip(1_300_000_000, GapKind.CAPPED)
        pane.append(log_text()[-4_000:], 1_300_000_000)
        detail.log.show_description(sample_log.timed_log())
        pane.set_following(False)
        pane.show_row(pane.buffer().gap_rows(0, 1_000)[0])
        settle()
        yield self._save("runs-log-gap")
        detail.log.search.open_panel("loss")
        settle()
        detail.log.search.show_found(sample_log.found_lines())
        settle()
        yield self._save("runs-log-search")
        detail.log.search.close_panel()
        saving = QCoreApplication.translate("LogSaver", "Saving {name}")
        detail.saver.bar.begin(saving.format(name="finetune.2.log"))
        detail.saver.bar.set_progress("412 MB / 1.21 GB", 0.33)
        settle()
        yield self._save("runs-log-saving")
        detail.saver.bar.finish()
        yield from self._states()

    def _states(self) -> Iterator[str]:
        """Runs that wait or are over, and what is asked and offered of them."""
        window, detail = self.window, self.window.runs.detail
        self._show("eval full", TAB_OVERVIEW)
        settle()
        yield self._save("runs-why")
        self._show("report", TAB_OVERVIEW)
        settle()
        yield self._save("runs-waits-for")
        self._show("ablation", TAB_LOG)
        settle()
        yield self._save("runs-held")
        self._show("old sweep 3", TAB_LOG)
        settle()
        yield self._save("runs-files-removed")
        self._show("train lr=3e-4 seed=0", TAB_LOG)
        window.actions_by_id[ActionId.RUN_STOP_NOW].trigger()
        settle()
        yield self._save("runs-stop-at-once")
        detail.confirm.close_bar()
        yield from self._reorder()
        window.runs.list.view.selectAll()
        window.runs.menu_wanted.emit(window.mapToGlobal(QPoint(300, 300)))
        settle()
        menu = QApplication.activePopupWidget()
        if menu is not None:
            yield self._save("runs-menu", menu)
            menu.close()
        self._show("train lr=3e-4 seed=0", TAB_LOG)

    def _reorder(self) -> Iterator[str]:
        """A run that waits changed places with its neighbour, and the way back."""
        self._show("eval full", TAB_OVERVIEW)
        moved = QCoreApplication.translate("RunCommands", "Moved {what} ahead of '{other}'.")
        what = QCoreApplication.translate("RunCommands", "'{title}'").format(title="eval full")
        self._desktop.context.undo_offered.emit(
            moved.format(what=what, other="report"), lambda: None
        )
        settle()
        yield self._save("runs-moved")
        self.window.actions_by_id[ActionId.RUN_UNDO].trigger()
        self._show("train lr=3e-4 seed=0", TAB_LOG)

    def _machine(self) -> Iterator[str]:
        """One machine beside the others, with its retention."""
        machines = self.window.machines
        self.window.show_page("machines")
        paused = PauseView(since=synthetic_room.NOW - 600, by="ada", note="new fan")
        machines.pauses.take(machine_id("this machine"), MachineControls(pauses=(paused,)))
        settle()
        yield self._save("machines-paused")
        machines.open_machine(machine_id("tycho"))
        rules = RetentionRules(rules=(RetentionRule(age_s_max=30 * 86_400, bytes_max=200 * GIB),))
        state = RetentionState(rules=rules, size_bytes=184 * GIB, runs=412, free_bytes=412 * GIB)
        machines.panel.retention.show_state(state)
        settle()
        yield self._save("machine-panel")
        panel = machines.panel
        yield from self._pauses()
        for span in ("short", "week"):
            panel.gpus.past.spans[span].click()
            panel.gpus.past.show_history(*sample_past.of_gpu(span))
            panel.gpus.past.plots[0].point_at(time.time() - 120)
            settle()
            panel._area.ensureWidgetVisible(panel.gpus.past)
            yield self._save(f"machine-past-{span}")
        panel.gpus.choose(-1)
        panel.gpus.past.spans["day"].click()
        panel.gpus.past.show_history(*sample_past.of_host("day"))
        panel._area.verticalScrollBar().setValue(0)
        settle()
        yield self._save("machine-host")
        machines.open_machine(synthetic_room.machine_id("brahe"))
        panel.gpus.choose(1)
        settle()
        yield self._save("machine-closed")
        machines.open_machine(synthetic_room.machine_id("tycho"))
        scroll = panel._area.verticalScrollBar()
        scroll.setValue(scroll.maximum())
        machines.panel.retention.show_state(state)
        settle()
        machines.panel.retention.show_plan(removal_plan(self._desktop.context.room))
        settle()
        yield self._save("machine-retention")
        yield from self._rules()
        machines.panel.close_panel()

    def _pauses(self) -> Iterator[str]:
        """The line of a machine: what is paused, and the form that pauses."""
        panel = self.window.machines.panel
        paused = PauseView(since=synthetic_room.NOW - 600, by="ada", note="new fan")
        of_tag = PauseView(since=synthetic_room.NOW - 90_000, tag="sweep", by="bo")
        panel.line.show_controls(MachineControls(pauses=(of_tag,)))
        panel.line.begin()
        panel.line.what.setEditText("paper")
        settle()
        yield self._save("machine-pause")
        panel.line.show_controls(MachineControls(pauses=(paused, of_tag)))
        settle()
        yield self._save("machine-paused")
        panel.line.show_controls(MachineControls())

    def _rules(self) -> Iterator[str]:
        """A machine's rules, right and wrong."""
        machines = self.window.machines
        machines.open_rules(synthetic_room.machine_id("tycho"))
        machines.rules.show_state(rules_state(since=synthetic_room.NOW - 7_200))
        settle()
        yield self._save("machine-rules")
        machines.rules.text.put_text(
            TEXT.replace("keep_free = 1 ", "keep_fre = 1  ").replace("85", '"hot"')
        )
        settle()
        yield self._save("machine-rules-wrong")
        machines.rules.text.put_text(TEXT.replace("18:00-08:00", "mon-fri 25:00-8:00"))
        machines.rules.check()
        machines.rules.fields.hours.add_button.setFocus()
        settle()
        yield self._save("machine-rules-hours")
        machines.rules.text.put_text(TEXT)
        machines.rules.leave()

    def _outputs(self) -> Iterator[str]:
        detail = self.window.runs.detail
        detail.show_tab("outputs")
        settle()
        yield self._save("runs-outputs-loading")
        panel = detail.outputs
        panel.show_listing(outputs())
        panel.select("losses.csv")
        panel.preview.show_bytes(losses())
        settle()
        yield self._save("runs-outputs-table")
        panel.select("result.json")
        panel.preview.show_bytes(b'{\n  "accuracy": 0.984,\n  "epochs": 40\n}\n')
        settle()
        yield self._save("runs-outputs-text")

    def _wishes(self, dialog: SubmitDialog) -> Iterator[str]:
        dialog.wishes.fill(
            WishesForm(gpus_max=4, where='vram >= 20GX and name ~ "A100"', cpus="8", memory="64GB")
        )
        settle()
        yield self._save("submit-wishes", dialog)
        dialog.wishes.where.setText("")
        dialog.wishes.toggle_button.setChecked(False)

    def _options(self, dialog: SubmitDialog) -> Iterator[str]:
        dialog.options.toggle_button.setChecked(True)
        dialog.options.attempts.setValue(3)
        dialog.options.secrets.fill((SecretField("WANDB_API_KEY", "hush"),))
        dialog.options.variables.setText("SEED")
        dialog.options.time_limit.setText("soon")
        open_runs = self._desktop.context.room.open_runs_of(machine_id("kepler"))
        dialog.options.after.fill(
            [
                AfterField((machine_id("kepler"), view.run), kind)
                for view, kind in zip(open_runs, ("after_ok", "after_any"), strict=False)
            ]
        )
        settle()
        yield self._save("submit-options", dialog)
        area = dialog.findChild(QScrollArea)
        if area is not None:
            area.ensureWidgetVisible(dialog.options.log_split)
        settle()
        yield self._save("submit-options-more", dialog)
        dialog.options.toggle_button.setChecked(False)
        settle()
        yield self._save("submit-options-folded", dialog)

    def _dialogs(self) -> Iterator[str]:
        window = self.window
        form = SubmitForm(
            folder="/home/ada/spirals", command="python train.py --lr 3e-4", vram="18GB"
        )
        window.open_submit(form)
        settle()
        dialog = window.submit_dialog
        if dialog is not None:
            yield self._save("submit", dialog)
            yield from self._wishes(dialog)
            yield from self._options(dialog)
            dialog.options.fill(OptionsForm(), None)
            dialog.vram.setText("much")
            settle()
            yield self._save("submit-problem", dialog)
            dialog.vram.setText("80GB")
            dialog.show_failure(
                Failure(
                    code=ErrorCode.IMPOSSIBLE_REQUEST,
                    title="No machine can ever run this.",
                    message="It asks for 4 GPUs with 80 GB; kepler has 4 with 24 GB.",
                    remedy="Ask for less VRAM or fewer GPUs.",
                )
            )
            settle()
            yield self._save("submit-failed", dialog)
            dialog.reject()
        window.show_page("runs")
        window.runs.list.search.set_query("nothing like this")
        settle()
        yield self._save("runs-no-match")
        window.runs.list.search.set_query("")
        window.resize(900, 560)
        for tab in (TAB_LOG, TAB_OUTPUTS):
            window.runs.detail.show_tab(tab)
            settle()
            yield self._save(f"runs-least-{tab}")
        window.resize(1000, 640)
        window.show_page("machines")
        settle()
        yield self._save("machines-small")
        saved = QCoreApplication.translate("OutputsPanel", "Saved {name}.")
        self._desktop.context.toast_wanted.emit(saved.format(name="decision.png"), "ok")
        window.open_palette()
        settle()
        yield self._save("toast")
        popup = QApplication.activePopupWidget()
        if popup is not None:
            yield self._save("palette", popup)
            popup.close()

    def close(self) -> None:
        self._desktop.close()
        self._home.cleanup()

    def _save(self, name: str, widget: QWidget | None = None) -> str:
        path = self._out / f"{name}-{self._suffix}.png"
        (widget or self.window).grab().save(str(path))
        return path.name


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev shots", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("shots"))
    parser.add_argument("--theme", choices=("dark", "light"), action="append")
    parser.add_argument("--language", choices=LANGUAGES[1:], action="append")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    themes: Sequence[ThemeChoice] = options.theme or ("dark", "light")
    languages: Sequence[LanguageChoice] = options.language or ("en", "zh_CN")
    compile_missing(resources_path() / "translations", languages)
    application = make_application(sys.argv[:1])
    for theme, language in product(themes, languages):
        shooter = Shooter(application, theme, language, options.out)
        for name in shooter.take():
            print(name, flush=True)
        shooter.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
