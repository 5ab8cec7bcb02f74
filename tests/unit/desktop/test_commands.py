"""What a person does with runs: asked of their machines, said when done, and taken back."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop
from lanherd_desktop.bridge import Job
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OVERVIEW
from lanherd_desktop.views.runs.log_saving import file_name
from lanherd_desktop.views.runs.run_sizes import ask_sizes
from lanherd_desktop.views.widgets.toast import Toast
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.machine_messages import QueueListed
from lanherd_protocol.states import RunView
from lanherd_protocol.values import OutputEntry
from tests.support import synthetic_room
from tests.support.asked import Asked

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
A = ActionId
RUNNING, BACKOFF, HELD = "train lr=3e-4 seed=0", "finetune seed=1", "ablation"
FAILED, DONE = "train lr=1e-2 seed=0", "prepare data"


def key_named(name: str) -> RunKey:
    return next(key for key, view in synthetic_room.runs().items() if view.spec.name == name)


def choose(desktop: Desktop, *names: str) -> None:
    desktop.window.show_run(key_named(names[0]), TAB_LOG)
    pane = desktop.window.runs.list
    for name in names[1:]:
        place = pane.model.place_of(key_named(name))
        pane.view.selectionModel().select(
            pane.model.index(place), QItemSelectionModel.SelectionFlag.Select
        )


def trigger(desktop: Desktop, action: ActionId) -> None:
    qt_action = desktop.window.actions_by_id[action]
    assert qt_action.isEnabled(), action
    qt_action.trigger()


def toast(desktop: Desktop) -> Toast:
    return desktop.window._toasts.toasts()[-1]


@pytest.mark.parametrize(
    ("name", "action", "verb", "options", "said"),
    [
        (RUNNING, A.RUN_STOP, "stop", {}, None),
        (BACKOFF, A.RUN_HOLD, "hold", {}, "Held back 'finetune seed=1'."),
        (HELD, A.RUN_RELEASE, "release", {}, "Released 'ablation'."),
        (BACKOFF, A.RUN_RAISE, "set_priority", {}, "Raised the priority of 'finetune seed=1'."),
        (BACKOFF, A.RUN_LOWER, "set_priority", {}, "Lowered the priority of 'finetune seed=1'."),
        (DONE, A.RUN_PIN, "pin", {}, "Pinned 'prepare data': its files stay."),
        (FAILED, A.RUN_RESTART, "restart", {}, "Restarted 'train lr=1e-2 seed=0' as new."),
    ],
)
def test_a_command_is_asked_of_the_machine_and_said(
    desktop: Desktop,
    asked: Asked,
    name: str,
    action: ActionId,
    verb: str,
    options: dict[str, object],
    said: str | None,
) -> None:
    choose(desktop, name)
    asked.answer()
    trigger(desktop, action)
    assert not desktop.window.actions_by_id[action].isEnabled()
    assert verb in asked.answer()
    assert asked.fleet.said[-1][1] == key_named(name)[1]
    if said is not None:
        assert toast(desktop).text() == said


def test_a_setting_is_taken_back_by_its_toast(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, BACKOFF)
    asked.answer()
    trigger(desktop, A.RUN_LOWER)
    asked.answer()
    assert asked.fleet.said[-1][2] == (0,)
    toast(desktop).activated.emit()
    assert asked.answer() == ["change"]
    assert asked.fleet.said[-1][3] == {"priority": 10, "held": False, "pinned": False}


def test_changes_are_taken_back_by_the_keyboard_also_when_the_toast_is_gone(
    desktop: Desktop, asked: Asked, qtbot: QtBot
) -> None:
    choose(desktop, BACKOFF)
    asked.answer()
    undo = desktop.window.actions_by_id[A.RUN_UNDO]
    assert not undo.isEnabled()
    for action in (A.RUN_LOWER, A.RUN_HOLD):
        trigger(desktop, action)
        asked.answer()
        toast(desktop).dismiss()
    for said in ("Held back 'finetune seed=1'.", "Lowered the priority of 'finetune seed=1'."):
        pane = desktop.window.runs.list.view
        pane.setFocus()
        qtbot.keyClick(pane, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert asked.answer() == ["change"]
        assert toast(desktop).text() == f"Undone: {said}"
    assert not undo.isEnabled()
    trigger(desktop, A.RUN_LOWER)
    asked.answer()
    toast(desktop).activated.emit()
    assert asked.answer() == ["change"] and not undo.isEnabled()


def test_sizes_are_of_all_attempts_and_streams(desktop: Desktop, asked: Asked) -> None:
    view = synthetic_room.runs()[key_named(BACKOFF)]
    sizes = asyncio.run(
        ask_sizes(
            [(key_named(BACKOFF), view)],
            cast(Fleet, asked.fleet),
            Job(lambda done: None, lambda failure: None, None),
        )
    )
    asked_for = [(one["attempt"], one["stream"]) for one in asked.fleet.described]
    assert asked_for == [(n, stream) for n in (1, 2, 3) for stream in ("out", "err")]
    assert sizes.log_bytes == 6 * 1024 and not sizes.partial


def test_what_was_done_of_several_can_be_undone_though_others_failed(
    desktop: Desktop, asked: Asked
) -> None:
    choose(desktop, BACKOFF, HELD)
    asked.answer()
    asked.fleet.problem = error(ErrorCode.CONFLICT, "That run is over.")
    asked.fleet.spared = key_named(BACKOFF)[1]
    trigger(desktop, A.RUN_RAISE)
    asked.answer()
    failed, done = desktop.window._toasts.toasts()[-2:]
    assert failed.text().startswith("It failed for 1 of 2 runs. That run is over.")
    assert done.text() == "Raised the priority of 'finetune seed=1'."
    done.activated.emit()
    assert asked.answer() == ["change"]
    assert asked.fleet.said[-1][1] == key_named(BACKOFF)[1]


def test_what_cannot_be_undone_is_asked_before(
    desktop: Desktop, asked: Asked, qtbot: QtBot
) -> None:
    choose(desktop, RUNNING)
    asked.answer()
    confirm = desktop.window.runs.detail.confirm
    trigger(desktop, A.RUN_STOP_NOW)
    assert confirm.isVisible() and "Stop 'train lr=3e-4 seed=0' at once?" in confirm.text()
    qtbot.keyClick(confirm, Qt.Key.Key_Escape)
    assert confirm.isHidden() and asked.answer() == []
    trigger(desktop, A.RUN_STOP_NOW)
    confirm.confirm_button.click()
    assert asked.answer() == ["stop"]
    assert asked.fleet.said[-1][2:] == ((0.0,), {"signal": "KILL"})


def test_before_files_go_it_is_said_how_much(desktop: Desktop, asked: Asked) -> None:
    asked.fleet.entries = (OutputEntry(path="a", kind="file", size_bytes=2048),)
    choose(desktop, FAILED)
    asked.answer()
    confirm = desktop.window.runs.detail.confirm
    trigger(desktop, A.RUN_REMOVE_FILES)
    asked.answer()
    assert "The log holds 1.00 KB, and its one output 2.00 KB." in confirm.text()
    confirm.close_bar()
    asked.fleet.unlisted = 1
    trigger(desktop, A.RUN_REMOVE_FILES)
    asked.answer()
    assert "Logs hold 1.00 KB and outputs 2.00 KB at least." in confirm.text()
    confirm.confirm_button.click()
    assert asked.answer() == ["remove_files"]
    asked.fleet.problem = error(ErrorCode.NOT_FOUND, "Nothing there.")
    trigger(desktop, A.RUN_REMOVE_FILES)
    asked.answer()
    assert "The log holds 0 B; there are no outputs." in confirm.text()


def test_several_runs_at_once(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, RUNNING, FAILED, DONE)
    asked.answer()
    actions = desktop.window.actions_by_id
    assert not actions[A.RUN_EDIT].isEnabled() and not actions[A.RUN_SAVE_LOG].isEnabled()
    trigger(desktop, A.RUN_RESTART)
    assert asked.answer() == ["restart", "restart"]
    assert toast(desktop).text() == "Restarted 2 runs as new."
    trigger(desktop, A.RUN_COPY_ID)
    assert len(QGuiApplication.clipboard().text().splitlines()) == 3
    desktop.window._fill_run_menu()
    texts = [action.text() for action in desktop.window._run_menu.actions()]
    assert texts[0] == "3 runs" and "Release" not in texts


def test_the_buttons_of_the_detail_are_about_its_run(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, RUNNING, "train lr=1e-4 seed=0")
    asked.answer()
    desktop.window.runs.detail.stop_button.click()
    assert asked.answer() == ["stop"]


def test_a_choice_of_several_outlives_changes(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, RUNNING, FAILED)
    desktop.bridge.room_updated.emit(RoomUpdate(runs=synthetic_room.runs()))
    fresh = synthetic_room.run(99, "fresh", "true", synthetic_room.waiting(1, 2))
    key = (synthetic_room.machine_id("kepler"), fresh.run)
    desktop.bridge.room_updated.emit(RoomUpdate(runs={key: fresh}))
    chosen = desktop.window.runs.list.chosen_keys()
    assert chosen == [key_named(RUNNING), key_named(FAILED)]
    desktop.window.runs.list.search.set_query("fresh")
    assert desktop.window.runs.list.chosen_keys() == [key_named(RUNNING)]


def test_a_failure_is_said_and_the_command_offered_again(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, BACKOFF)
    asked.answer()
    asked.fleet.problem = error(ErrorCode.CONFLICT, "It has begun.", "Too late.", "Stop it.")
    trigger(desktop, A.RUN_HOLD)
    asked.answer()
    assert toast(desktop).text() == "It has begun. Too late. Stop it."
    assert desktop.window.actions_by_id[A.RUN_HOLD].isEnabled()


def test_tags_and_notes_are_edited_in_place(desktop: Desktop, asked: Asked, qtbot: QtBot) -> None:
    choose(desktop, BACKOFF)
    asked.answer()
    trigger(desktop, A.RUN_EDIT)
    detail = desktop.window.runs.detail
    editor = detail.overview.editor
    assert detail.tabs.current() == TAB_OVERVIEW and editor.isVisible()
    assert editor.tags.text() == "sweep, seed 1"
    editor.tags.setText("t" * 100)
    assert not editor.save_button.isEnabled()
    editor.save()
    assert editor.isVisible()
    editor.tags.setText("sweep, best")
    editor.notes.setPlainText("Better.")
    editor.save()
    assert editor.isHidden() and asked.answer() == ["change"]
    assert asked.fleet.said[-1][3] == {"tags": ("sweep", "best"), "notes": "Better."}
    toast(desktop).activated.emit()
    asked.answer()
    assert asked.fleet.said[-1][3]["tags"] == ("sweep", "seed 1")
    trigger(desktop, A.RUN_EDIT)
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.isHidden()
    trigger(desktop, A.RUN_EDIT)
    editor.save()
    assert asked.answer() == []


def test_a_log_is_saved_whole_or_not_at_all(desktop: Desktop, asked: Asked, tmp_path: Path) -> None:
    choose(desktop, FAILED)
    asked.answer()
    asked.fleet.log = [LogBytes(1, 0, b"head\n"), LogGap(1, 5, 5 + 2048), LogBytes(1, 2053, b"t\n")]
    saver = desktop.window.runs.detail.saver
    target = tmp_path / "run.log"
    saver.save_to(key_named(FAILED), target, 1, "out")
    assert saver.bar.isVisible()
    asked.answer()
    assert saver.bar.isHidden() and toast(desktop).text() == "Saved run.log."
    assert target.read_text() == ("head\n\n--- 2.00 KB were given up for the log's cap ---\nt\n")
    assert [path.name for path in tmp_path.iterdir()] == ["run.log"]
    saver.save_to(key_named(FAILED), tmp_path / "no" / "run.log", 1, "out")
    asked.answer()
    assert "run.log can't be written." in toast(desktop).text()


def test_a_download_can_be_ended(desktop: Desktop, asked: Asked, tmp_path: Path) -> None:
    saver = desktop.window.runs.detail.saver
    desktop.window.show_page("runs")
    saver.save_to(key_named(FAILED), tmp_path / "run.log", 1, "out")
    job = asked.jobs[-1]
    saver.bar.cancel_button.click()
    assert not job.heard and saver.bar.isHidden()


def test_a_log_s_file_is_named_after_its_run() -> None:
    assert file_name("train lr=3e-4", 2, "out") == "train_lr=3e-4.2.log"
    assert file_name("../..", 1, "err") == "run.1.err.log"


def test_attempts_are_chosen_where_they_are_listed(desktop: Desktop, asked: Asked) -> None:
    choose(desktop, BACKOFF)
    detail = desktop.window.runs.detail
    assert detail.attempt == 2 and detail.attempt_button.isVisible()
    assert detail.attempt_button.text() == "Attempt 2 of 3"
    detail.show_tab(TAB_OVERVIEW)
    assert not detail.attempt_button.isVisible()
    detail.overview._attempt_lines[2].activated.emit()
    assert detail.attempt == 1 and detail.tabs.current() == TAB_LOG
    (_, second, _) = detail.attempt_button.menu().actions()
    second.trigger()
    assert detail.attempt == 2


def test_links_lead_to_other_runs(desktop: Desktop) -> None:
    choose(desktop, "report")
    detail = desktop.window.runs.detail
    ((key, note, line),) = detail.overview.waits_for._lines
    assert note == "until it succeeded"
    line.activated.emit()
    assert detail.key == key == key_named(RUNNING)


def test_what_was_removed_is_said_where_it_was(desktop: Desktop) -> None:
    choose(desktop, "old sweep 3")
    detail = desktop.window.runs.detail
    assert "files were removed" in detail.log.pane._state_text
    assert not desktop.window.actions_by_id[A.RUN_SAVE_LOG].isEnabled()
    assert not desktop.window.actions_by_id[A.RUN_REMOVE_FILES].isEnabled()


def in_line(desktop: Desktop, *names: str) -> tuple[RunView, ...]:
    """Runs of kepler that wait for their turn, in their order there."""
    made = tuple(
        synthetic_room.run(90 + n, name, "true", synthetic_room.waiting(1, 2))
        for n, name in enumerate(names)
    )
    kepler = synthetic_room.machine_id("kepler")
    desktop.bridge.room_updated.emit(RoomUpdate(runs={(kepler, view.run): view for view in made}))
    return made


def test_a_run_changes_places_with_its_neighbour_in_the_line(
    desktop: Desktop, asked: Asked, qtbot: QtBot
) -> None:
    first, second, third = in_line(desktop, "a", "b", "c")
    held = synthetic_room.runs()[key_named(HELD)]
    asked.fleet.answers["queue"] = QueueListed(runs=(first, second, third, held), total=4)
    kepler = synthetic_room.machine_id("kepler")
    desktop.window.show_run((kepler, second.run), TAB_LOG)
    asked.answer()
    pane = desktop.window.runs.list.view
    pane.setFocus()
    qtbot.keyClick(pane, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert not desktop.window.actions_by_id[A.RUN_MOVE_DOWN].isEnabled(), "one after the other"
    assert asked.answer() == ["queue", "move_before"]
    assert asked.fleet.said[-1][1:3] == (second.run, (first.run,))
    assert toast(desktop).text() == "Moved 'b' ahead of 'a'."
    toast(desktop).activated.emit()
    assert asked.answer() == ["move_before"]
    assert asked.fleet.said[-1][1:3] == (first.run, (second.run,))
    qtbot.keyClick(pane, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    asked.answer()
    assert asked.fleet.said[-1][1:3] == (third.run, (second.run,))
    assert toast(desktop).text() == "Moved 'b' behind 'c'."
    assert desktop.window.runs.list.chosen_keys() == [(kepler, second.run)]


def test_at_the_ends_of_the_line_nothing_is_moved(desktop: Desktop, asked: Asked) -> None:
    first, second = in_line(desktop, "a", "b")
    held = synthetic_room.runs()[key_named(HELD)]
    asked.fleet.answers["queue"] = QueueListed(runs=(first, second, held), total=3)
    kepler = synthetic_room.machine_id("kepler")
    for view, action, said in (
        (first, A.RUN_MOVE_UP, "'a' is the first in the line already."),
        (second, A.RUN_MOVE_DOWN, "'b' is the last in the line already."),
    ):
        desktop.window.show_run((kepler, view.run), TAB_LOG)
        trigger(desktop, action)
        assert asked.answer() == ["queue"]
        assert toast(desktop).text() == said
    asked.fleet.answers["queue"] = QueueListed(runs=(first, second), total=30_000)
    trigger(desktop, A.RUN_MOVE_DOWN)
    assert asked.answer() == ["queue", "queue"], "more of the line is asked for"
    assert "not in the part of the line" in toast(desktop).text()
    asked.fleet.answers["queue"] = QueueListed(runs=(first,), total=1)
    trigger(desktop, A.RUN_MOVE_UP)
    asked.answer()
    assert "not in the part of the line" in toast(desktop).text()
    asked.fleet.problem = error(ErrorCode.NOT_ALLOWED, "It is bo's.", "", "Ask an operator.")
    trigger(desktop, A.RUN_MOVE_UP)
    asked.answer()
    assert toast(desktop).text() == "It is bo's. Ask an operator."
    assert desktop.window.actions_by_id[A.RUN_MOVE_UP].isEnabled()


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ((HELD,), "it is held back"),
        ((BACKOFF,), "it doesn't wait for its turn yet"),
        ((DONE,), "it doesn't wait"),
        (("eval full",), "no other run waits on its machine"),
        ((HELD, DONE), "one run at a time"),
    ],
)
def test_what_can_not_be_moved_says_why(desktop: Desktop, names: tuple[str, ...], why: str) -> None:
    choose(desktop, *names)
    desktop.window._fill_run_menu()
    shown = {action.text(): action for action in desktop.window._run_menu.actions()}
    for text in ("Move ahead in the line", "Move back in the line"):
        assert not shown[f"{text} · {why}"].isEnabled()
        assert shown[f"{text} · {why}"].shortcut().toString().startswith("Alt+")
