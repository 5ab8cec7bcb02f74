"""The window against a real agent, by clicks: found, paired, submitted, log, outputs, succeeded."""

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.output_tree import preview_kind
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.state.submit_options import OptionsForm
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS
from lanherd_desktop.views.submit import SubmitDialog
from lanherd_protocol.states import Ended, Running
from lanherd_protocol.values import RetryRule
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.desktop_window import open_desktop

# Qt's offscreen platform says this of every dialog; it is about the platform, not about us.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

LEFT = Qt.MouseButton.LeftButton
WITHIN_MS = 30_000
SCRIPT = """
import os, pathlib
print("hello from the run", flush=True)
outputs = pathlib.Path(os.environ["LANHERD_OUTPUTS"])
(outputs / "losses.csv").write_text("step,loss\\n1,0.5\\n2,0.25\\n")
print("GPU", os.environ["CUDA_VISIBLE_DEVICES"] != "", flush=True)
print("done", flush=True)
"""


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        yield running


@pytest.fixture
def desktop(qapp: QApplication, agent: AgentProcess) -> Iterator[Desktop]:
    with open_desktop(qapp) as opened:
        yield opened


@pytest.fixture
def project(folder: Path) -> Path:
    path = folder / "spirals"
    path.mkdir()
    (path / "main.py").write_text(SCRIPT)
    return path


def click(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, LEFT)


def pair(qtbot: QtBot, desktop: Desktop) -> None:
    machines = desktop.window.machines
    qtbot.waitUntil(lambda: len(machines.found) == 1, timeout=WITHIN_MS)
    (found,) = machines.found.values()
    click(qtbot, found.pair_button)
    qtbot.waitUntil(lambda: len(machines.cards) == 1 and not machines.found, timeout=WITHIN_MS)
    qtbot.waitUntil(
        lambda: all(view.online and view.telemetry for view in room_machines(desktop)),
        timeout=WITHIN_MS,
    )


def room_machines(desktop: Desktop) -> list[object]:
    return list(desktop.context.room.machines.values())


def new_run(qtbot: QtBot, desktop: Desktop, command: str, vram: str = "") -> None:
    """Fill the dialog in and click Run."""
    click(qtbot, desktop.window.machines.new_run)
    dialog = desktop.window.submit_dialog
    assert isinstance(dialog, SubmitDialog)
    assert not dialog.run_button.isEnabled()
    qtbot.keyClicks(dialog.command, command)
    qtbot.keyClicks(dialog.vram, vram)
    qtbot.waitUntil(lambda: "Goes to box." in dialog.where_text(), timeout=WITHIN_MS)
    click(qtbot, dialog.run_button)
    qtbot.waitUntil(lambda: desktop.window.submit_dialog is None, timeout=WITHIN_MS)


def test_from_a_found_machine_to_a_run_that_succeeded(
    qtbot: QtBot, desktop: Desktop, project: Path
) -> None:
    pair(qtbot, desktop)
    window = desktop.window
    window.projects.add_folder(str(project))
    window.show_page("machines")
    new_run(qtbot, desktop, f"{shlex.quote(sys.executable)} main.py", "2GB")
    assert window.nav.current() == "runs"
    detail = window.runs.detail
    assert detail.tabs.current() == TAB_LOG
    qtbot.waitUntil(lambda: detail.log.last_line() == "done", timeout=WITHIN_MS)
    pane = detail.log.pane
    pane.select_all()
    assert "hello from the run" in pane.selected_text()
    assert "GPU True" in pane.selected_text()

    detail.show_tab(TAB_OUTPUTS)
    preview = detail.outputs.preview
    qtbot.waitUntil(lambda: preview.path == "losses.csv", timeout=WITHIN_MS)
    assert preview_kind(preview.path) == "table"
    assert preview.table.isVisible()
    assert detail.outputs.model.file_paths() == ["losses.csv"]

    first = window.runs.model.index(0)
    qtbot.waitUntil(lambda: first.data(RowRole.CHIP.value) == ChipKind.SUCCEEDED, timeout=WITHIN_MS)
    view = detail.view
    assert view is not None and isinstance(view.state, Ended)
    assert view.spec.project == "spirals"
    assert not detail.stop_button.isVisible()
    assert desktop.preferences.value.projects == (str(project),)

    saved = project.parent / "saved.csv"
    detail.outputs.save_to(saved)
    qtbot.waitUntil(saved.exists, timeout=WITHIN_MS)
    assert saved.read_text() == "step,loss\n1,0.5\n2,0.25\n"


def test_a_long_run_is_stopped_by_a_click(qtbot: QtBot, desktop: Desktop) -> None:
    pair(qtbot, desktop)
    waiting = "import signal; print('up', flush=True); signal.pause()"
    new_run(qtbot, desktop, shlex.join([sys.executable, "-c", waiting]))
    detail = desktop.window.runs.detail
    qtbot.waitUntil(lambda: detail.log.last_line() == "up", timeout=WITHIN_MS)
    qtbot.waitUntil(
        lambda: detail.view is not None and isinstance(detail.view.state, Running),
        timeout=WITHIN_MS,
    )
    click(qtbot, detail.stop_button)
    first = desktop.window.runs.model.index(0)
    qtbot.waitUntil(lambda: first.data(RowRole.CHIP.value) == ChipKind.CANCELLED, timeout=WITHIN_MS)
    assert "Stopped as asked." in first.data(RowRole.SUBTITLE.value)


def test_a_machine_that_goes_and_comes_back_keeps_its_picture(
    qtbot: QtBot, desktop: Desktop, agent: AgentProcess
) -> None:
    pair(qtbot, desktop)
    (card,) = desktop.window.machines.cards.values()
    agent.kill()
    qtbot.waitUntil(lambda: not room_machines(desktop)[0].online, timeout=WITHIN_MS)
    assert room_machines(desktop)[0].telemetry is not None
    agent.start()
    desktop.window.actions_by_id["machine.reconnect"].trigger()
    qtbot.waitUntil(lambda: room_machines(desktop)[0].online, timeout=WITHIN_MS)
    assert list(desktop.window.machines.cards.values()) == [card]


def test_a_run_is_held_released_tried_again_and_restarted(
    qtbot: QtBot, desktop: Desktop, folder: Path
) -> None:
    pair(qtbot, desktop)
    window, detail = desktop.window, desktop.window.runs.detail
    mark = folder / "tried"
    flaky = (
        f"import pathlib, sys; mark = pathlib.Path({str(mark)!r}); known = mark.exists();"
        "mark.touch(); print('again' if known else 'first', flush=True); sys.exit(not known)"
    )
    options = OptionsForm(held=True, attempts=2, retry=RetryRule(backoff_s=0.1))
    command = shlex.join([sys.executable, "-c", flaky])
    window.open_submit(SubmitForm(command=command, gpus=0, options=options))
    dialog = window.submit_dialog
    assert isinstance(dialog, SubmitDialog)
    qtbot.waitUntil(dialog.run_button.isEnabled, timeout=WITHIN_MS)
    click(qtbot, dialog.run_button)
    qtbot.waitUntil(lambda: window.submit_dialog is None, timeout=WITHIN_MS)
    qtbot.waitUntil(detail.release_button.isVisible, timeout=WITHIN_MS)
    assert not mark.exists()

    click(qtbot, detail.release_button)
    first = window.runs.model.index(0)
    qtbot.waitUntil(lambda: first.data(RowRole.CHIP.value) == ChipKind.SUCCEEDED, timeout=WITHIN_MS)
    view = detail.view
    assert view is not None and view.attempt == 2
    assert [end.exit_code for end in view.earlier] == [1]
    qtbot.waitUntil(lambda: detail.log.last_line() == "again", timeout=WITHIN_MS)
    detail.show_attempt(1)
    qtbot.waitUntil(lambda: detail.log.last_line() == "first", timeout=WITHIN_MS)

    before = detail.key
    window.actions_by_id[ActionId.RUN_RESTART].trigger()
    qtbot.waitUntil(lambda: detail.key not in (None, before), timeout=WITHIN_MS)
    fresh = window.runs.model.index(0)
    qtbot.waitUntil(lambda: fresh.data(RowRole.CHIP.value) == ChipKind.SUCCEEDED, timeout=WITHIN_MS)
    again = detail.view
    assert again is not None and before is not None
    assert again.spec.restart_of == before[1] and again.attempt == 1
