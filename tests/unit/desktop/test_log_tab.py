"""The tab of a run's log: attempts, streams, gaps, times, and the search on its machine."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.state.log_buffer import GapKind
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.streams import LOG_TAIL_BYTES
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OVERVIEW
from lanherd_desktop.views.runs.log_tab import BEFORE_BYTES, LogTab
from lanherd_desktop.views.widgets.log_pane import LogState
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.log_messages import LogDescription, LogMatch, LogMatches
from tests.support import synthetic_room

MIB = 1024 * 1024


@pytest.fixture
def tab(desktop: Desktop) -> LogTab:
    for key, view in synthetic_room.runs().items():
        if view.spec.name == "finetune seed=1":
            desktop.window.show_run(key, TAB_LOG)
    return desktop.window.runs.detail.log


def test_each_attempt_and_stream_has_its_log(desktop: Desktop, tab: LogTab) -> None:
    assert tab._stream is not None and (tab._stream.part.attempt, tab.stream) == (2, "out")
    first = tab._stream
    tab.choose("err")
    assert first.closed and tab._stream.part.stream == "err"
    desktop.window.runs.detail.show_attempt(1)
    assert (tab._stream.part.attempt, tab._stream.part.stream) == (1, "err")
    desktop.window.runs.detail.show_attempt(3)
    assert tab._stream is None
    assert tab.pane._state_text == (
        "The log begins when the run is started. "
        "Waits a while before attempt 3 of 4, since the last one was lost."
    )


def test_a_narrow_window_has_room_for_the_title_and_the_tools(
    desktop: Desktop, tab: LogTab
) -> None:
    window, detail = desktop.window, desktop.window.runs.detail
    assert detail._again.isVisible()
    window.resize(900, 560)
    QApplication.processEvents()
    assert detail._again.isHidden() and detail._title.width() >= 100
    assert detail._tools.y() >= detail.tabs.geometry().bottom()
    for part in (detail.attempt_button, tab._which, tab.log_tools):
        right = part.mapTo(detail, QPoint(part.width(), 0)).x()
        assert part.isVisible() and part.width() >= part.minimumSizeHint().width()
        assert right <= detail.width()
    window.resize(1440, 900)
    QApplication.processEvents()
    assert detail._again.isVisible() and detail.tabs.isAncestorOf(detail._tools)


def test_the_log_of_what_never_printed_says_why(desktop: Desktop, tab: LogTab) -> None:
    for key, view in synthetic_room.runs().items():
        if view.spec.name == "train lr=1e-2 seed=0":
            desktop.window.show_run(key, TAB_OVERVIEW)
    assert tab.pane._state is LogState.LOADING
    tab._on_end(None)
    desktop.window.runs.detail.show_tab(TAB_LOG)
    why = "The GPU's memory ran out when it tried to allocate 2.50 GiB."
    assert tab.pane._state_text == f"It printed nothing. {why}"
    assert tab.pane._skeleton.isHidden(), "also where it was told while the tab was hidden"


def test_a_log_that_somebody_removed_is_said_to_be_gone(desktop: Desktop, tab: LogTab) -> None:
    gone = LogDescription(attempt=2, size_bytes=0, stored_bytes=0, missing=True)
    said = (
        "The log's file isn't there any more: somebody removed it from the machine. "
        "What the run printed can't be read again."
    )
    assert tab.pane._state is LogState.LOADING
    tab.show_description(gone)
    assert tab.pane._state is LogState.EMPTY and tab.pane._state_text == said
    for key, view in synthetic_room.runs().items():
        if view.spec.name == "train lr=1e-2 seed=0":
            desktop.window.show_run(key, TAB_LOG)
    tab._on_end(None)
    assert tab.pane._state_text.startswith("It printed nothing.")
    tab.show_description(gone)
    why = "The GPU's memory ran out when it tried to allocate 2.50 GiB."
    assert tab.pane._state_text == f"{said} {why}"
    tab._on_chunk(b"one\n", 0)
    assert tab._note.isHidden()
    tab.show_description(gone)
    assert tab._note.isVisible() and tab._note.text() == said, "what was read stays"


def test_a_gap_and_the_times_stand_between_and_beside_the_lines(tab: LogTab) -> None:
    pane = tab.pane
    tab._on_chunk(b"one\ntwo\n", 0)
    pane.skip(5000, GapKind.CAPPED)
    tab._on_chunk(b"three\n", 5000)
    assert pane.gap_text(pane.buffer().gap(2)) == "4.88 KB were given up for the log's cap"
    tab.show_description(
        LogDescription(
            attempt=2, size_bytes=5006, stored_bytes=14, times=((4, 0.0), (5006, 3661.0))
        )
    )
    assert pane.time_text(0) != "" and pane.time_text(0) != pane.time_text(1)
    pane.grab()
    pane.show_times(False)
    pane.grab()
    pane.select_all()
    assert pane.selected_text().split("\n")[2] == "4.88 KB were given up for the log's cap"


def test_a_place_that_is_not_loaded_is_loaded(tab: LogTab) -> None:
    tab._on_chunk(b"end of the log\n", 500 * MIB)
    tab.go_to(500 * MIB)
    assert tab.pane.selection() is not None and tab._stream.part.offset == 0
    tab.go_to(100 * MIB)
    part = tab._stream.part
    assert (part.offset, part.length) == (100 * MIB - BEFORE_BYTES, LOG_TAIL_BYTES)
    assert tab.end_button.isVisible() and not tab.pane.following()
    tab.pane.skip(part.offset, GapKind.NOT_LOADED)
    tab._on_chunk(b"x" * (BEFORE_BYTES - 1) + b"\nhere\n", part.offset)
    assert tab.pane.selected_text() == "here"
    tab._described = LogDescription(attempt=2, size_bytes=900 * MIB, stored_bytes=900 * MIB)
    tab._on_end(None)
    assert tab.pane.buffer().gap(tab.pane.buffer().end_row - 1).kind is GapKind.NOT_LOADED
    (first, *_) = tab.pane.buffer().gap_rows(0, 10)
    tab.pane.more_wanted.emit(tab.pane.buffer().gap(first))
    assert tab._stream.part.offset < part.offset
    tab.end_button.click()
    assert tab._stream.part.length is None and not tab.end_button.isVisible()


def test_a_search_on_the_machine_lists_what_it_finds(tab: LogTab) -> None:
    panel = tab.search
    tab.show_description(LogDescription(attempt=2, size_bytes=100, stored_bytes=100))
    tab.log_tools.search_all_wanted.emit("loss")
    panel._begin()
    assert panel.isVisible() and panel.search.query.text == "loss"
    panel.show_found(LogMatches(50, (LogMatch(7, 1, b"the loss is high", 4, 8),)))
    assert panel.lines.count() == 1 and panel._state.text() == "one line"
    assert panel._progress.value() == 500
    wanted: list[int] = []
    panel.chosen.connect(wanted.append)
    panel.lines.itemActivated.emit(panel.lines.item(0))
    assert wanted == [7]
    stream = panel._stream
    panel.cancel_button.click()
    assert stream.closed and panel.search.over and panel.lines.count() == 1
    panel.regex.setChecked(True)
    assert panel.search.query.regex
    panel._on_end(Failure(code=ErrorCode.INVALID_REQUEST, title="That is no pattern."))
    assert panel._problem.isVisible() and panel._problem.text() == "That is no pattern."
    panel.field.set_query("")
    panel._begin()
    assert panel.search is None and panel._problem.isHidden()
    panel.close_panel()
    assert panel.isHidden()


def test_who_closes_the_search_is_in_the_log_again(tab: LogTab, qtbot: QtBot) -> None:
    panel = tab.search
    tab.log_tools.search_all_wanted.emit("loss")
    assert panel.field.hasFocus() or panel.isAncestorOf(QApplication.focusWidget())
    for _ in ("the text goes first", "then the panel"):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    focused = QApplication.focusWidget()
    assert panel.isHidden() and (focused is tab.pane or tab.pane.isAncestorOf(focused))
    tab.log_tools.setFocus()
    before = QApplication.focusWidget()
    panel.close_panel()
    assert QApplication.focusWidget() is before


def test_a_found_line_has_its_time_and_no_number_that_nobody_knows(tab: LogTab) -> None:
    panel = tab.search
    tab.show_description(
        LogDescription(
            attempt=2, size_bytes=9000, stored_bytes=2000, gap_from=1000, gap_to=8000,
            times=((500, 0.0), (9000, 60.0)),
        )
    )  # fmt: skip
    panel.field.set_query("loss")
    panel._begin()
    found = (LogMatch(7, 1, b"loss one", 0, 4), LogMatch(8500, 40, b"loss two", 0, 4))
    panel.show_found(LogMatches(9000, found))
    first, second = (panel.lines.item(row).text().split() for row in range(2))
    assert first[0] == "2" and first[-2:] == ["loss", "one"] and len(first) > 3
    assert second[0] == "…" and second[-2:] == ["loss", "two"] and len(second) > 3


def test_a_silent_machine_and_a_cap_that_fails_are_said(desktop: Desktop, tab: LogTab) -> None:
    assert tab.pane._state is LogState.LOADING and tab._key is not None
    machine = tab._key[0]
    known = desktop.context.room.machines[machine]
    gone = replace(known, link=synthetic_room.GONE)
    desktop.bridge.room_updated.emit(RoomUpdate(machines={machine: gone}))
    assert tab.pane._state is LogState.EMPTY
    assert tab.pane._state_text.startswith("kepler can't be reached; the log comes")
    desktop.bridge.room_updated.emit(RoomUpdate(machines={machine: known}))
    assert tab.pane._state is LogState.LOADING
    tab._on_chunk(b"here\n", 0)
    assert tab.last_line() == "here" and tab._note.isHidden()
    tab.show_description(
        LogDescription(attempt=2, size_bytes=5, stored_bytes=5, problem="No holes here.")
    )
    assert tab._note.isVisible() and "No holes here." in tab._note.text()


def test_the_text_of_a_search_is_not_markup(tab: LogTab) -> None:
    panel = tab.search
    panel.field.set_query("b")
    panel._begin()
    panel.show_found(LogMatches(9, (LogMatch(0, 0, b"<b>\x1b[31mb\x07", 1, 2),)))
    text = panel.lines.item(0).data(Qt.ItemDataRole.DisplayRole)
    assert "<b>" in text and "\x1b" not in text and "\x07" not in text
