"""The runs of a sweep as one."""

from msgspec.structs import replace
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.views.runs.detail import TAB_OVERVIEW
from tests.support.synthetic_room import FINE, ended


def test_a_run_leads_to_the_others_of_its_sweep(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    runs = desktop.context.room.runs
    key = next(key for key, view in runs.items() if view.spec.name == "train lr=1e-2 seed=0")
    window.show_run(key, TAB_OVERVIEW)
    group = window.runs.detail.overview.group
    told = "2 of 5 ended · 1 failed · 1 cancelled · 2 running · 1 waiting"
    assert group.isVisible() and group.text.text() == f"lr grid · {told}"
    sibling = next(key for key, view in runs.items() if view.spec.name == "train lr=3e-4 seed=0")
    changed = replace(runs[sibling], seq=99, state=ended("succeeded", 9, FINE))
    desktop.bridge.room_updated.emit(RoomUpdate(runs={sibling: changed}))
    told = "3 of 5 ended · 1 failed · 1 cancelled · 1 running · 1 waiting · 1 succeeded"
    assert group.text.text() == f"lr grid · {told}", "what became of its siblings is told at once"
    group.button.click()
    qtbot.waitUntil(lambda: window.runs.model.rowCount() == 6)
    head = window.runs.model.index(0)
    assert head.data() == "lr grid" and head.data(RowRole.TRAILING.value) == "3 of 5 ended"
    assert told in head.data(Qt.ItemDataRole.ToolTipRole), "a narrow list cuts it off"
    assert head.data(RowRole.SUBTITLE.value) == told.partition(" · ")[2]
    window.runs.list.search.set_query("")
    other = next(key for key, view in runs.items() if view.spec.name == "eval full")
    window.show_run(other, TAB_OVERVIEW)
    assert not group.isVisible()


def test_outputs_of_a_sweep_have_its_progress_above_them(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.window.show_page("outputs")
    outputs = desktop.window.outputs.list
    line = outputs.progress
    assert not line.isVisible()
    outputs.search.set_query("group:lr grid")
    qtbot.waitUntil(line.isVisible)
    assert line.text.text().startswith("2 of 5 ended")
    line.grab()
    outputs.search.set_query("")
    qtbot.waitUntil(lambda: not line.isVisible())
