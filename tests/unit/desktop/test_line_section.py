"""Pausing a machine's line, and going on."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop
from lanherd_desktop.views.machines.line_section import LineSection
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.machine_messages import MachineControls, PauseView
from lanherd_protocol.retention_messages import RetentionState
from lanherd_protocol.values import RetentionRules
from tests.support.asked import Asked
from tests.support.synthetic_room import NOW, machine_id

TYCHO = machine_id("tycho")
HERE = "this machine"
PAUSED = MachineControls(
    pauses=(
        PauseView(since=NOW, by="ada", note="The fan is changed."),
        PauseView(since=NOW, tag="sweep"),
    )
)


@pytest.fixture
def line(desktop: Desktop, asked: Asked) -> LineSection:
    asked.fleet.answers = {
        "retention": RetentionState(rules=RetentionRules(), size_bytes=0, runs=0),
        "pause_queue": PAUSED,
        "resume_queue": MachineControls(),
    }
    desktop.window.show_page("machines")
    desktop.window.machines.open_machine(TYCHO)
    asked.answer()
    return desktop.window.machines.panel.line


def test_a_line_is_paused_with_a_note_and_resumed(
    line: LineSection, asked: Asked, qtbot: QtBot
) -> None:
    assert line.text.text() == "Runs start as their turns come."
    line.pause_button.click()
    assert line.note.hasFocus() and line.confirm_button.text() == "Pause the line"
    line.note.setText(" The fan is changed. ")
    qtbot.keyClick(line.note, Qt.Key.Key_Return)
    assert asked.answer() == ["pause_queue"]
    assert asked.fleet.said[-1][1:] == (TYCHO, ("", "The fan is changed."), {})
    assert line.text.text().startswith("No run starts here now. Paused by ada at ")
    assert line.text.text().endswith("The fan is changed.") and not line.note.isVisible()
    line.pause_button.click()
    assert line._tag() == "" and not line.confirm_button.isEnabled(), "the whole line is paused"
    line.confirm_button.click()
    line._on_pause()
    assert asked.answer() == []
    line.cancel_button.click()
    (of_tag,) = line.tag_buttons
    of_tag.click()
    asked.answer()
    assert asked.fleet.said[-1][2] == ("sweep",)
    line.show_controls(PAUSED)
    line.resume_button.click()
    asked.answer()
    assert asked.fleet.said[-1][:3] == ("resume_queue", TYCHO, ("",))
    assert line.tag_buttons == [] and line.resume_button.isHidden()


def test_what_others_pause_is_seen(line: LineSection, asked: Asked, desktop: Desktop) -> None:
    asked.fleet.now_closed = PAUSED
    line._timer.timeout.emit()
    line.ask()
    assert len(asked._questions) == 1, "one question at a time"
    asked.answer()
    assert line.resume_button.isVisible()
    line.ask()
    desktop.window.machines.open_machine(machine_id("kepler"))
    assert line.text.text() == "" and not line.pause_button.isEnabled()
    desktop.window.machines.panel.close_panel()
    assert not line._timer.isActive()
    line.ask()


def test_what_cannot_be_paused_says_why(line: LineSection, asked: Asked) -> None:
    line.pause_button.click()
    line.cancel_button.click()
    assert not line.note.isVisible()
    line.pause_button.click()
    asked.fleet.problem = error(ErrorCode.NOT_ALLOWED, "You may not.", "You look on.", "Ask Ada.")
    line.confirm_button.click()
    asked.answer()
    assert line.problem.isVisible() and "Ask Ada." in line.problem.text()
    asked.fleet.problem = None
    line.ask()
    asked.answer()
    assert not line.problem.isVisible()


def test_a_tag_is_paused_by_its_name(
    desktop: Desktop, asked: Asked, qtbot: QtBot, line: LineSection
) -> None:
    desktop.window.machines.open_machine(machine_id("kepler"))
    asked.answer()
    line.begin()
    shown = [line.what.itemText(place) for place in range(line.what.count())]
    assert shown == ["The whole line", "camera-ready", "paper", "rebuttal", "seed 1", "sweep"]
    line.what.setEditText(" late ")
    assert line.confirm_button.text() == "Pause the tag late"
    edit = line.what.lineEdit()
    assert edit is not None
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert asked.answer() == ["pause_queue"]
    assert asked.fleet.said[-1][2] == ("late", "") and not line.what.isVisible()
    line.show_controls(PAUSED)
    line.begin()
    assert line.what.hasFocus() and line.what.findText("sweep") == -1, "what is paused is left out"
    line.what.setCurrentText("paper")
    line.confirm_button.click()
    asked.answer()
    assert asked.fleet.said[-1][2] == ("paper", "")


def test_the_palette_leads_to_the_line_of_the_machine_that_is_looked_at(
    desktop: Desktop, asked: Asked
) -> None:
    window = desktop.window
    pause, resume = (
        window.actions_by_id[action] for action in (ActionId.MACHINE_PAUSE, ActionId.MACHINE_RESUME)
    )
    window.show_page("machines")
    assert not pause.isEnabled(), "which of six machines is meant is not known"
    window.show_page("runs")
    window.runs.list.choose(next(key for key in desktop.context.room.runs if key[0] == TYCHO))
    pause.trigger()
    panel = window.machines.panel
    assert (
        panel.machine == TYCHO
        and panel.line.note.isVisible()
        and window.nav.current() == ("machines")
    )
    panel.line.show_controls(PAUSED)
    window.machines.open_rules(TYCHO)
    resume.trigger()
    assert panel.line.resume_button.hasFocus() and not window.machines.rules.isVisible()
    panel.line.show_controls(MachineControls(pauses=PAUSED.pauses[1:]))
    resume.trigger()
    assert panel.line.tag_buttons[0].hasFocus()
    panel.line.show_controls(MachineControls())
    resume.trigger()
    assert panel.line.pause_button.hasFocus()
    panel.close_panel()
    assert not pause.isEnabled()


def test_another_machine_is_shown_from_its_top(
    desktop: Desktop, asked: Asked, qtbot: QtBot
) -> None:
    machines = desktop.window.machines
    desktop.window.show_page("machines")
    machines.open_line(TYCHO, pause=True)
    bar = machines.panel._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() > 0)
    machines.open_machine(machine_id("kepler"))
    assert bar.value() == 0


def on_card(desktop: Desktop, name: str) -> list[str]:
    """What is wrong with a machine, as its card says it."""
    card = desktop.window.machines.cards[machine_id(name)]
    return [notice.text() for notice in card.problems.notices]


def test_the_card_of_a_machine_says_that_it_is_paused(desktop: Desktop, asked: Asked) -> None:
    asked.fleet.now_closed = PAUSED
    desktop.window.show_page("machines")
    page = desktop.window.machines
    page.pauses.start()
    asked.answer()
    assert on_card(desktop, HERE) == [
        "No run starts on this machine now: ada paused it (The fan is changed.).",
        "No run with the tag sweep starts here now: it is paused.",
    ]
    assert not page.cards[machine_id(HERE)]._free.isVisible()
    assert on_card(desktop, "herschel") == [], "nobody can ask it"
    asked.fleet.now_closed = MachineControls()
    before = len(asked.jobs)
    page.pauses.ask()
    once = len(asked.jobs)
    page.pauses.ask()
    assert before < once == len(asked.jobs), "one question at a time"
    asked.fleet.problem = error(ErrorCode.UNREACHABLE, "It is gone.")
    asked.answer()
    assert len(on_card(desktop, HERE)) == 2, "what was known stays until it is known better"
    asked.fleet.problem = None
    page.pauses.ask()
    asked.answer()
    assert on_card(desktop, HERE) == []


def test_what_the_panel_hears_of_a_pause_stands_on_the_card_at_once(
    line: LineSection, asked: Asked, desktop: Desktop
) -> None:
    before = on_card(desktop, "tycho")
    asked.fleet.answers["resume_queue"] = PAUSED
    line.resume("sweep")
    asked.answer()
    assert "ada paused it" in on_card(desktop, "tycho")[0]
    assert len(on_card(desktop, "tycho")) == len(before) + 2
    desktop.window.show_page("runs")
    assert not desktop.window.machines.pauses._timer.isActive(), "nobody looks"
