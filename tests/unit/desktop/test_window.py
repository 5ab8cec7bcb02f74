"""The whole window without an agent: its actions, languages, themes, states, and its speed."""

import gc
import time
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from lanherd_client.mirror import MachineView
from lanherd_desktop.actions.registry import ACTIONS, ActionId, action_text
from lanherd_desktop.app import Desktop
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.palette import Palette
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OUTPUTS
from lanherd_desktop.views.theme import theme
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.words import REASONS, failure_line, reason_text
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.messages import OutputsChanged
from lanherd_protocol.values import OutputEntry, Reason
from tests.support import synthetic_room
from tests.support.asked import Asked
from tests.support.desktop_window import delete_now, finish_cards, open_desktop, show_room
from tests.support.synthetic_room import Card, machine, machine_id, run, run_id, waiting

# Qt's offscreen platform says this of dialogs; it is about the platform, not about us.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

PAGES = ("machines", "projects", "runs", "outputs", "settings")
OUTPUTS = OutputsChanged(attempt=1, entries=(OutputEntry(path="a.txt", kind="file", size_bytes=3),))


def trigger(desktop: Desktop, action: ActionId) -> None:
    desktop.window.actions_by_id[action].trigger()


def key_named(name: str) -> RunKey:
    return next(key for key, view in synthetic_room.runs().items() if view.spec.name == name)


# --- states --------------------------------------------------------------------------------------


def shown(page: QWidget, text: str) -> bool:
    """Whether a visible widget of the page is called so."""
    return any(
        widget.isVisible() and widget.accessibleName() == text
        for widget in page.findChildren(QWidget)
    )


def test_an_empty_room_is_unknown_then_empty_then_full(empty_desktop: Desktop) -> None:
    window = empty_desktop.window
    titles = {"machines": "No machine yet", "runs": "No run yet", "outputs": "No outputs yet"}
    for page, title in titles.items():
        window.show_page(page)
        assert not shown(getattr(window, page), title)
    empty_desktop.bridge.room_updated.emit(RoomUpdate(sightings=()))
    for page, title in titles.items():
        window.show_page(page)
        assert shown(getattr(window, page), title)
    show_room(empty_desktop, synthetic_room.room())
    for page, title in titles.items():
        window.show_page(page)
        assert not shown(getattr(window, page), title)
    assert len(window.machines.cards) == 6


def test_a_window_leaves_no_widget_behind(qapp: QApplication) -> None:
    before = set(map(id, qapp.topLevelWidgets()))
    with open_desktop(qapp, connected=False) as desktop:
        show_room(desktop, synthetic_room.room())
    left = [widget for widget in qapp.topLevelWidgets() if id(widget) not in before]
    assert not left


def test_a_fleet_that_cannot_be_opened_is_said_where_it_would_be(empty_desktop: Desktop) -> None:
    failure = Failure(code=ErrorCode.HOME_UNUSABLE, title="No home.", message="It is a file.")
    empty_desktop.bridge.failed.emit(failure)
    for page in ("machines", "runs", "outputs"):
        empty_desktop.window.show_page(page)
        panels = getattr(empty_desktop.window, page).findChildren(ErrorPanel)
        assert any(panel.isVisible() for panel in panels)


def test_runs_that_are_gone_leave_the_detail(desktop: Desktop) -> None:
    window = desktop.window
    window.show_page("runs")
    window.runs.list.choose(next(iter(desktop.context.room.runs)))
    assert window.runs.detail.key is not None
    gone = dict.fromkeys(desktop.context.room.machines)
    desktop.bridge.room_updated.emit(RoomUpdate(machines=gone))
    assert window.runs.detail.key is None
    assert not window.actions_by_id[ActionId.RUN_STOP].isEnabled()
    assert shown(window.runs, "No run yet")


def test_a_filter_without_matches_says_so_and_is_cleared(desktop: Desktop) -> None:
    window = desktop.window
    for page, pane in (("machines", window.machines), ("runs", window.runs.list)):
        window.show_page(page)
        pane.search.set_query("nothing is called so")
        title = "No machine matches" if page == "machines" else "No run matches"
        assert shown(getattr(window, page), title)
        pane.search.set_query("")
        assert not shown(getattr(window, page), title)


def test_a_run_that_came_stands_at_the_top_and_the_choice_stays(desktop: Desktop) -> None:
    window = desktop.window
    window.show_run(key_named("eval full"), TAB_LOG)
    before = window.runs.detail.key
    fresh = run(99, "fresh", "true", waiting(1, 2))
    desktop.bridge.room_updated.emit(RoomUpdate(runs={(machine_id("kepler"), fresh.run): fresh}))
    model = window.runs.model
    assert model.index(0).data() == "fresh"
    assert window.runs.detail.key == before
    assert window.runs.list.view.currentIndex().data(RowRole.KEY.value) == before
    window.runs.list.search.set_query("fresh")
    window.show_run(key_named("eval full"), "")
    assert window.runs.list.search.query() == ""


def test_a_renamed_machine_is_renamed_in_its_runs(desktop: Desktop) -> None:
    kepler = desktop.context.room.machines[machine_id("kepler")]
    desktop.bridge.room_updated.emit(
        RoomUpdate(machines={kepler.machine: replace(kepler, name="johannes")})
    )
    row = desktop.context.row(key_named("train lr=3e-4 seed=0"))
    assert row is not None and row.machine_name == "johannes"


def test_an_agent_that_was_started_again_is_offered_where_it_is_now(desktop: Desktop) -> None:
    (first,) = desktop.window.machines.found.values()
    moved = replace(first.sighting, socket="other.sock")
    desktop.bridge.room_updated.emit(RoomUpdate(sightings=(moved,)))
    (second,) = desktop.window.machines.found.values()
    assert second is not first and second.sighting.socket == "other.sock"


# --- actions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_an_action_goes_to_each_page(desktop: Desktop, page: str) -> None:
    trigger(desktop, ActionId(f"go.{page}"))
    assert desktop.window.nav.current() == page
    assert getattr(desktop.window, page).isVisible()


def test_actions_of_a_run(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    window.show_run(key_named("train lr=3e-4 seed=0"), TAB_LOG)
    detail = window.runs.detail
    trigger(desktop, ActionId.RUN_COPY_ID)
    assert QGuiApplication.clipboard().text() == detail.key[1]
    trigger(desktop, ActionId.RUN_OUTPUTS)
    assert detail.tabs.current() == TAB_OUTPUTS
    trigger(desktop, ActionId.RUN_LOG)
    assert detail.tabs.current() == TAB_LOG
    trigger(desktop, ActionId.VIEW_FOLLOW)
    assert not detail.log.pane.following()
    trigger(desktop, ActionId.GO_MACHINES)
    trigger(desktop, ActionId.VIEW_FIND)
    assert window.nav.current() == "runs"
    trigger(desktop, ActionId.RUN_AGAIN)
    dialog = window.submit_dialog
    assert dialog is not None and dialog.command.text() == "python train.py --lr 3e-4 --seed 0"
    dialog.reject()
    trigger(desktop, ActionId.RUN_STOP)
    assert not detail.stop_button.isEnabled()


def test_a_stop_that_fails_can_be_asked_for_again(desktop: Desktop, asked: Asked) -> None:
    window = desktop.window
    window.show_run(key_named("train lr=3e-4 seed=0"), TAB_LOG)
    told: list[str] = []
    desktop.context.toast_wanted.connect(lambda text, kind: told.append(kind))
    trigger(desktop, ActionId.RUN_STOP)
    assert not window.runs.detail.stop_button.isEnabled()
    asked.jobs[-1].deliver(Failure(code=ErrorCode.UNREACHABLE, title="Gone."))
    assert window.runs.detail.stop_button.isEnabled()
    assert told == ["danger"]


def test_what_has_nothing_to_act_on_is_not_offered(desktop: Desktop) -> None:
    actions = desktop.window.actions_by_id
    desktop.window.show_run(key_named("prepare data"), TAB_LOG)
    assert actions[ActionId.RUN_AGAIN].isEnabled()
    assert not actions[ActionId.RUN_STOP].isEnabled()
    assert not actions[ActionId.OUTPUT_SAVE].isEnabled()
    assert not actions[ActionId.PROJECT_REMOVE].isEnabled()
    desktop.window.show_page("settings")
    assert not actions[ActionId.VIEW_FILTER].isEnabled()


def test_outputs_are_shown_and_saved(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def choose(parent: QWidget, title: str, name: str) -> tuple[str, str]:
        asked.append(name)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(choose))
    desktop.window.show_run(key_named("prepare data"), TAB_OUTPUTS)
    panel = desktop.window.runs.detail.outputs
    panel.show_listing(OutputsChanged(attempt=1, entries=()))
    assert shown(panel, "No outputs yet")
    panel.show_listing(OUTPUTS)
    assert panel.selected == "a.txt"
    panel.preview.show_bytes(b"abc")
    assert panel.preview.text.isVisible()
    trigger(desktop, ActionId.OUTPUT_SAVE)
    assert asked == ["a.txt"]


def test_projects_are_added_and_removed(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def choose(parent: QWidget, title: str) -> str:
        return str(tmp_path)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", staticmethod(choose))
    trigger(desktop, ActionId.PROJECT_ADD)
    window = desktop.window
    assert desktop.preferences.value.projects == (str(tmp_path),)
    assert window.projects.model.rowCount() == 1
    window.show_page("projects")
    trigger(desktop, ActionId.PROJECT_REMOVE)
    assert desktop.preferences.value.projects == ()
    assert shown(window.projects, "No project yet")


def test_the_navigation_folds_and_stays_so(desktop: Desktop) -> None:
    trigger(desktop, ActionId.VIEW_FOLD)
    assert desktop.preferences.value.folded
    trigger(desktop, ActionId.VIEW_FOLD)
    assert not desktop.preferences.value.folded


def test_a_filter_takes_the_focus(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.window.activateWindow()
    qtbot.waitUntil(desktop.window.isActiveWindow)
    for page, search in (
        ("machines", desktop.window.machines.search),
        ("runs", desktop.window.runs.list.search),
        ("outputs", desktop.window.outputs.list.search),
    ):
        desktop.window.show_page(page)
        trigger(desktop, ActionId.VIEW_FILTER)
        assert search.hasFocus()


def test_reconnecting_is_asked_of_the_fleet(desktop: Desktop) -> None:
    before = len(desktop.bridge._jobs)
    trigger(desktop, ActionId.MACHINE_RECONNECT)
    assert len(desktop.bridge._jobs) == before + 1


def test_quitting_closes_the_window(desktop: Desktop, qtbot: QtBot) -> None:
    with qtbot.waitSignal(desktop.window.quit_wanted):
        trigger(desktop, ActionId.APP_QUIT)
    assert not desktop.window.isVisible()


def test_the_palette_finds_an_action_and_runs_it(desktop: Desktop, qtbot: QtBot) -> None:
    trigger(desktop, ActionId.APP_PALETTE)
    palette = desktop.window.findChild(Palette)
    assert palette is not None and palette.isVisible()
    items = [palette.list.topLevelItem(n) for n in range(palette.list.topLevelItemCount())]
    actions = desktop.window.actions_by_id.values()
    assert [not item.isDisabled() for item in items] == [a.isEnabled() for a in actions]
    qtbot.keyClicks(palette.line, "show RUNS")
    assert palette.list.topLevelItemCount() == 1
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert desktop.window.nav.current() == "runs"
    delete_now()
    assert desktop.window.findChild(Palette) is None


def test_the_palette_without_a_match_runs_nothing(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.window.open_palette()
    palette = desktop.window.findChild(Palette)
    qtbot.keyClicks(palette.line, "no such thing")
    assert palette.nothing.isVisible() and not palette.list.isVisible()
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert desktop.window.nav.current() == "machines"


# --- languages and themes ------------------------------------------------------------------------


def test_the_language_changes_while_the_window_is_open(desktop: Desktop, qtbot: QtBot) -> None:
    key = key_named("old sweep 3")
    desktop.window.show_run(key, TAB_LOG)
    for title, subtitle in (
        ("设置", "已结束，退出码 1。请查看日志末尾。"),
        ("settings", "Ended with exit code 1. Look at the end of its log."),
    ):
        before = weakref.ref(desktop.window)
        trigger(desktop, ActionId.VIEW_LANGUAGE)
        qtbot.waitUntil(lambda before=before: desktop.window is not before())
        delete_now()
        gc.collect()
        assert before() is None, "the window of the other language is still there"
        window = desktop.window
        assert window.isVisible() and window.nav.current() == "runs"
        assert window.runs.detail.key == key
        place = window.runs.model.place_of(key)
        told = window.runs.model.index(place).data(RowRole.SUBTITLE.value)
        assert told.endswith(f" · {subtitle}")
        assert title in window.actions_by_id[ActionId.GO_SETTINGS].text()
        del window
    assert desktop.context.room_changed  # its connections to gone windows are gone with them
    show_room(desktop, synthetic_room.room())
    desktop.context.second_passed.emit()


def test_the_theme_changes_while_the_window_is_open(desktop: Desktop) -> None:
    dark = theme.is_dark()
    trigger(desktop, ActionId.VIEW_THEME)
    assert theme.is_dark() is not dark
    trigger(desktop, ActionId.VIEW_THEME)
    assert theme.is_dark() is dark
    assert desktop.preferences.value.theme == ("dark" if dark else "light")


def test_a_machine_s_own_words_are_never_lost(desktop: Desktop, qtbot: QtBot) -> None:
    before = desktop.window
    trigger(desktop, ActionId.VIEW_LANGUAGE)
    qtbot.waitUntil(lambda: desktop.window is not before)
    newer = Reason(code="from_a_newer_agent", text="The moon is full.", remedy="Wait.")
    assert reason_text(newer) == "The moon is full. Wait."
    short = Reason(code="gpu_vram", text="Short of data.")
    assert reason_text(short) == "Short of data."
    driver = Reason(code="gpu_unavailable", text="Xid 79.", data={})
    assert reason_text(driver) == "Xid 79."
    build = Reason(
        code="environment_failed", text="No torch.", remedy="x", data={"lock": "uv.lock"}
    )
    assert reason_text(build) == (
        "无法构建环境。按 uv.lock 构建环境时出错。"
        "请查看构建日志，修正其中指出的问题，然后再次提交运行。"
    )
    asked = {"needs_gpus": 2, "needs_bytes": 0, "gpus": 1, "largest_bytes": 24 << 30}
    wide = Failure(code=ErrorCode.IMPOSSIBLE_REQUEST, title="x", message="y", data=asked)
    assert failure_line(wide) == (
        "这台机器永远无法执行此运行。它申请 2 块 GPU；该机器有 1 块。"
        "请减少 GPU 数量或显存，或选择其他机器。"
    )
    known = Reason(code="exit_code", text="x", data={"exit_code": 3}, remedy="y")
    assert reason_text(known) == "已结束，退出码 3。请查看日志末尾。"
    assert reason_text(known, remedy=False) == "已结束，退出码 3。"
    lost = Failure(code=ErrorCode.NOT_FOUND, title="No run 7.", remedy="Look again.")
    assert failure_line(lost) == "找不到。No run 7. Look again."
    assert "in_line" in REASONS


def test_every_action_speaks_the_window_s_language(desktop: Desktop, qtbot: QtBot) -> None:
    english = {action.id: action_text(action) for action in ACTIONS}
    before = desktop.window
    trigger(desktop, ActionId.VIEW_LANGUAGE)
    qtbot.waitUntil(lambda: desktop.window is not before)
    for action in ACTIONS:
        assert desktop.window.actions_by_id[action.id].text() != english[action.id]


# --- for hands and ears --------------------------------------------------------------------------

INTERACTIVE = (QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QSpinBox)


def test_whatever_takes_a_key_or_a_click_has_a_name(desktop: Desktop) -> None:
    window = desktop.window
    window.open_submit(SubmitForm())
    nameless = []
    for widget in [*window.findChildren(QWidget), *window.submit_dialog.findChildren(QWidget)]:
        takes_focus = widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not widget.isHidden()
        if not isinstance(widget, INTERACTIVE) or not takes_focus:
            continue
        if isinstance(widget.parent(), (QComboBox, QSpinBox)) or "qt_" in widget.objectName():
            continue  # a part of a named widget
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not (widget.accessibleName() or text) and not _inside_combo(widget):
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    window.submit_dialog.reject()
    assert not nameless


def _inside_combo(widget: QWidget) -> bool:
    parent = widget.parent()
    while parent is not None:
        if isinstance(parent, QComboBox):
            return True
        parent = parent.parent()
    return False


def test_tab_goes_through_the_submit_dialog_as_it_is_read(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    window.open_submit(SubmitForm())
    dialog = window.submit_dialog
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.command.setText("true")
    dialog.project.setFocus()
    seen = []
    for _ in range(10):
        seen.append(QApplication.focusWidget())
        dialog.focusNextChild()
    places = [widget.mapTo(dialog, QPoint(0, 0)) for widget in seen]
    rows = [(place.y() // 12, place.x()) for place in places]
    assert rows == sorted(rows), [type(widget).__name__ for widget in seen]
    dialog.reject()


# --- speed ---------------------------------------------------------------------------------------


def crowd(second: int) -> RoomUpdate:
    """A tick's worth of 200 machines with eight GPUs at 1 Hz, with 2,000 runs known."""
    machines: dict[object, MachineView] = {}
    histories = {}
    for number in range(200):
        cards = [Card(10, 2, (number + second) % 100, 60, 300) for _ in range(8)]
        view, history = machine(f"m{number:03}", "RTX 4090", 24, cards)
        machines[view.machine] = view
        histories[view.machine] = history
    return RoomUpdate(machines=machines, histories=histories)


def test_two_hundred_machines_update(
    empty_desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured and said, not asserted: bars belong to the benches."""
    window = empty_desktop.window
    whole = crowd(0)
    runs = {
        (machine, run_id(n)): run(n, f"run {n}", "true", waiting(1, 2))
        for n, machine in zip(range(2000), [*whole.machines] * 10, strict=True)
    }
    empty_desktop.bridge.room_updated.emit(replace(whole, runs=runs))
    assert len(window.machines.cards) < 50, "they come in slices: the window stays usable"
    assert window.machines.building
    seen = list(window.machines.cards)
    finish_cards(empty_desktop)
    QApplication.processEvents()
    names = [view.machine for view in empty_desktop.context.room.machines_by_name()]
    assert list(window.machines.cards) == names and names[: len(seen)] == seen, "from the top on"
    took = {"update": [], "paint": [], "second": []}
    for tick in range(10):
        part = crowd(tick)
        chosen = [m for n, m in enumerate(part.machines) if n % 10 == tick]
        update = RoomUpdate(
            machines={m: part.machines[m] for m in chosen},
            histories={m: part.histories[m] for m in chosen},
        )
        for what, work in (
            ("update", lambda update=update: empty_desktop.bridge.room_updated.emit(update)),
            ("paint", QApplication.processEvents),
            ("second", empty_desktop.context.second_passed.emit),
        ):
            begun = time.perf_counter()
            work()
            took[what].append(time.perf_counter() - begun)
    with capsys.disabled():
        worst = {what: f"{max(times) * 1000:.1f} ms" for what, times in took.items()}
        print(f"\n200 machines, 2,000 runs, longest of 10 ticks: {worst}")
