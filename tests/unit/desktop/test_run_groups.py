"""Sweeps in the list of runs: folded into one row, opened by a click or by keys, commanded as
one."""

import time
from dataclasses import replace as with_values

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import GroupWords, RunListModel
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_desktop.state.run_commands import RunCommand
from lanherd_desktop.state.run_tree import GroupHead
from lanherd_desktop.state.runs import RunRow, run_row
from lanherd_desktop.views.group_line import head_spoken, head_subtitle, head_tooltip, head_trailing
from lanherd_desktop.views.run_list_pane import RunListPane
from lanherd_desktop.views.run_list_view import RunListView
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_protocol.states import RunState
from lanherd_protocol.values import RunGroup
from tests.support.asked import Asked
from tests.support.synthetic_room import FAILED, FINE, ended, machine_id, run, run_id, waiting

KEPLER = machine_id("kepler")
KEY = RowRole.KEY.value
GROUP = "lr grid"
MANY = 10_000


@pytest.fixture
def pane(desktop: Desktop) -> RunListPane:
    desktop.window.show_page("runs")
    return desktop.window.runs.list


def place(pane: RunListPane) -> int:
    found = pane.model.place_of(GROUP)
    assert found is not None
    return found


def current(pane: RunListPane) -> str:
    return str(pane.view.currentIndex().data())


def test_a_click_on_its_arrow_opens_a_sweep_and_a_double_click_folds_it(
    pane: RunListPane, qtbot: QtBot
) -> None:
    rows = pane.model.rowCount()
    rect = pane.view.visualRect(pane.model.index(place(pane)))
    port = pane.view.viewport()
    arrow = rect.topLeft() + QPoint(20, 18)
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=arrow)
    assert pane.model.rowCount() == rows + 5
    assert pane.context.preferences.value.open_groups == (GROUP,)
    pane.view.grab()
    member = pane.view.visualRect(pane.model.index(place(pane) + 1)).center()
    qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=member)
    qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=rect.center())
    assert pane.model.rowCount() == rows and pane.context.preferences.value.open_groups == ()
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=rect.center())
    assert pane.group == GROUP and pane.model.rowCount() == rows, "a click beside it chooses it"


def test_keys_open_it_go_into_it_and_fold_it(pane: RunListPane, qtbot: QtBot) -> None:
    pane.choose_group(GROUP)
    rows = pane.model.rowCount()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Right):
        qtbot.keyClick(pane.view, key)
    assert pane.model.rowCount() == rows + 5 and current(pane) == GROUP
    qtbot.keyClick(pane.view, Qt.Key.Key_Right)
    assert current(pane) == "train lr=3e-4 seed=0" and pane.group == ""
    assert pane.chosen is not None and pane.model.group_of(pane.chosen) == GROUP
    qtbot.keyClick(pane.view, Qt.Key.Key_Left)
    assert current(pane) == GROUP and pane.group == GROUP and pane.chosen is None
    qtbot.keyClick(pane.view, Qt.Key.Key_Left)
    assert pane.model.rowCount() == rows
    qtbot.keyClick(pane.view, Qt.Key.Key_Down)
    assert current(pane) != GROUP


def test_who_folds_the_sweep_of_the_run_that_is_shown_sees_the_sweep(
    desktop: Desktop, pane: RunListPane
) -> None:
    runs = desktop.context.room.runs
    key = next(key for key, view in runs.items() if view.spec.name == "train lr=1e-2 seed=0")
    pane.choose(key)
    page = desktop.window.runs
    assert page.model.is_open(GROUP) and page.detail.key == key and page.detail.isVisible()
    pane.set_open(GROUP, False)
    assert pane.group == GROUP and page.group.isVisible() and page.detail.key is None
    assert page.group.open_button.text() == "Show its runs"
    page.group.open_button.click()
    assert page.group.open_button.text() == "Fold its runs"
    pane.search.set_query("eval")
    pane.model.set_filter("eval")
    pane.choose(key)
    assert pane.search.query() == "" and pane.chosen == key, "the filter gives way"


def test_what_was_open_is_open_in_the_next_window(desktop: Desktop) -> None:
    desktop.window.runs.list.set_open(GROUP, True)
    desktop.window.runs.list.choose_group(GROUP)
    desktop._speak_anew()
    runs = desktop.window.runs
    assert runs.model.is_open(GROUP) and runs.list.group == GROUP and runs.group.name == GROUP


def test_a_sweep_is_one_thing_that_is_commanded(
    desktop: Desktop, pane: RunListPane, asked: Asked, qtbot: QtBot
) -> None:
    window = desktop.window
    pane.choose_group(GROUP)
    panel = window.runs.group
    told = [f"{item.accessibleName()}" for item in panel.numbers._items]
    assert told == ["5 runs", "1 waiting", "2 running", "0 succeeded", "1 failed", "1 cancelled"]
    assert [count for _, count, _ in panel.reasons] == [1]
    members = {run for _, run in pane.model.members(GROUP)}
    assert len(members) == 5 and {run for _, run in pane.chosen_keys()} == members
    window._fill_run_menu()
    assert window._run_menu.actions()[0].text() == "5 runs"
    assert not window.actions_by_id[ActionId.RUN_LOG].isEnabled()
    panel.stop_button.click()
    assert asked.answer() == ["stop"] * 3
    assert {run for _, run, _, _ in asked.fleet.said} < members
    assert panel.release_button.isHidden() and not panel.hold_button.isHidden()
    panel.hold_button.click()
    assert asked.answer() == ["hold"]
    pane.view.selectAll()
    assert len(pane.chosen_keys()) == len(desktop.context.room.runs), "heads stand for their runs"


def test_a_filter_opens_sweeps_and_what_is_commanded_is_what_it_shows(
    desktop: Desktop, pane: RunListPane
) -> None:
    pane.choose_group(GROUP)
    pane.search.set_query("state:failed")
    pane.model.set_filter("state:failed")
    head = pane.model.index(place(pane)).data(RowRole.GROUP.value)
    assert head.open and head.shown == 1
    assert (
        pane.model.index(place(pane)).data(RowRole.SUBTITLE.value).startswith("1 shown · 1 failed")
    )
    assert len(pane.chosen_keys()) == 1
    spoken = pane.model.index(place(pane)).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("sweep lr grid, open: 2 of 5 ended")
    pane.model.set_filter("eval")
    assert pane.chosen_keys() == [], "none of the sweep is shown"
    pane.choose_first()
    assert pane.group == ""


def many(count: int, state: RunState | None = None) -> dict[RunKey, RunRow]:
    made: dict[RunKey, RunRow] = {}
    view = run(0, "r", "true", state or waiting(1, 2))
    view = replace(view, spec=replace(view.spec, group=RunGroup(name="big", key="1")))
    row = run_row(KEPLER, "kepler", view)
    for number in range(count):
        key = (KEPLER, run_id(number))
        made[key] = with_values(row, run=key[1], submitted_at=float(number))
    return made


def group_model() -> RunListModel:
    return RunListModel(
        lambda row: "sub", lambda row: "trail", lambda row: "spoken", lambda row: "signs",
        None, GroupWords(head_subtitle, head_trailing, head_spoken, head_tooltip),
    )  # fmt: skip


def test_ten_thousand_runs_of_a_sweep_open_at_once(
    qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = many(MANY)
    took: dict[str, list[float]] = {"build": [], "open": [], "fold": []}
    for _ in range(3):
        model = group_model()
        view = RunListView()
        qtbot.addWidget(view)
        view.setModel(model)
        view.setItemDelegate(ListRowDelegate(view))
        view.setUniformItemSizes(True)
        view.show()
        for what, work in (
            ("build", lambda model=model: model.replace(rows)),
            ("open", lambda model=model: model.set_open("big", True)),
            ("fold", lambda model=model: model.set_open("big", False)),
        ):
            begun = time.process_time()
            work()
            QApplication.processEvents()
            took[what].append(time.process_time() - begun)
            assert model.rowCount() == (MANY + 1 if what == "open" else 1)
    best = {what: min(times) * 1000 for what, times in took.items()}
    with capsys.disabled():
        print("\n10,000 runs of a sweep:", {what: f"{ms:.1f} ms" for what, ms in best.items()})
    # Far above what it takes, and far below what a walk over all pairs would.
    assert all(ms < 250 for ms in best.values())


steps = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 9), st.sampled_from(["", "a", "b"]), max_size=8),
        st.sampled_from(["", "state:waiting", "state:failed"]),
        st.sampled_from(["a", "b", "none"]),
        st.booleans(),
    ),
    max_size=8,
)


class _NoConfig:
    """The tester asks pytest's configuration for one thing only."""

    def getini(self, name: str) -> str:
        return ""


@given(steps)
@settings(max_examples=60)
def test_however_it_changes_the_list_is_the_tree(
    history: list[tuple[dict[int, str], str, str, bool]],
) -> None:
    model = group_model()
    tester = ModelTester(_NoConfig())
    tester.check(model)
    try:
        for step, (groups, line, name, wanted) in enumerate(history):
            rows = {}
            for number, group in groups.items():
                state = ended("failed", 5, FAILED, 1) if (number + step) % 2 else waiting(1, 2)
                view = run(number, f"run {number}", "true", state)
                of = RunGroup(name=group, key=str(number)) if group else None
                view = replace(view, spec=replace(view.spec, group=of))
                rows[KEPLER, run_id(number)] = run_row(KEPLER, "kepler", view)
            model.set_filter(line)
            model.replace(rows)
            model.set_open(name, wanted)
            assert model._tree.entries == model._tree.laid()
            for at in range(model.rowCount()):
                shown = model.row_at(at)
                assert shown is not None
                entry = shown.name if isinstance(shown, GroupHead) else (shown.machine, shown.run)
                assert model.place_of(entry) == at == model.place_of(model.index(at).data(KEY))
    finally:
        tester._cleanup()


def test_many_are_stopped_only_when_that_was_meant(
    desktop: Desktop, pane: RunListPane, asked: Asked
) -> None:
    views = {}
    for number in range(500, 520):
        view = run(number, f"big {number}", "true", waiting(1, 2))
        group = RunGroup(name="big", key=str(number))
        views[KEPLER, view.run] = replace(view, spec=replace(view.spec, group=group))
    desktop.bridge.room_updated.emit(RoomUpdate(runs=views))
    pane.choose_group("big")
    panel = desktop.window.runs.group
    panel.stop_button.click()
    assert asked.answer() == [] and panel.confirm.isVisible()
    assert panel.confirm.text().startswith("Stop 20 runs? ")
    panel.confirm.confirm_button.click()
    assert asked.answer() == ["stop"] * 20
    over = {key: replace(view, state=ended("succeeded", 9, FINE)) for key, view in views.items()}
    desktop.bridge.room_updated.emit(RoomUpdate(runs=over))
    desktop.context.second_passed.emit()
    assert not panel.stop_button.isEnabled() and panel.reasons == []
    assert RunCommand.RESTART in desktop.window.runs.commands.offered()


def test_what_a_sweep_says_of_its_reasons_is_a_second_old_at_most(
    desktop: Desktop, pane: RunListPane, qtbot: QtBot
) -> None:
    pane.choose_group(GROUP)
    panel = desktop.window.runs.group
    failing = next(
        (key, view)
        for key, view in desktop.context.room.runs.items()
        if view.spec.name == "train lr=3e-4 seed=0"
    )
    over = replace(failing[1], seq=99, state=ended("failed", 5, FAILED, 1))
    desktop.bridge.room_updated.emit(RoomUpdate(runs={failing[0]: over}))
    told = [item.accessibleName() for item in panel.numbers._items]
    assert told[:3] == ["5 runs", "1 waiting", "1 running"] and told[4] == "2 failed", (
        "the numbers at once"
    )
    assert sum(count for _, count, _ in panel.reasons) == 1
    desktop.context.second_passed.emit()
    assert sum(count for _, count, _ in panel.reasons) == 2
