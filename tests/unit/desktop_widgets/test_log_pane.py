import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.state.log_selection import Place
from lanherd_desktop.views.widgets.log_pane import LogPane, LogState
from lanherd_desktop.views.widgets.log_tools import LogTools

LINES = b"".join(b"line %05d of the log\n" % n for n in range(1_000))
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def pane(qtbot: QtBot) -> LogPane:
    widget = LogPane()
    qtbot.addWidget(widget)
    widget.resize(600, 400)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def visible(pane: LogPane) -> range:
    bar = pane.verticalScrollBar()
    return range(pane.top_row(), pane.top_row() + bar.pageStep())


def wheel(pane: LogPane, degrees: int, modifiers: Qt.KeyboardModifier) -> None:
    point = QPointF(50, 50)
    event = QWheelEvent(
        point,
        QPointF(pane.viewport().mapToGlobal(QPoint(50, 50))),
        QPoint(),
        QPoint(0, degrees),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(pane.viewport(), event)


def drag(pane: LogPane, point: QPoint) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(point),
        QPointF(pane.viewport().mapToGlobal(point)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(pane.viewport(), event)


def row_point(pane: LogPane, row: int, index: int) -> QPoint:
    """A point of the viewport whose place is (row, index)."""
    for y in range(0, pane.viewport().height(), 2):
        for x in range(0, pane.viewport().width(), 2):
            if pane.place_at(QPoint(x, y)) == Place(row, index):
                return QPoint(x + 1, y + 4)
    raise AssertionError(f"no point for {row}, {index}")


def test_it_follows_the_end_until_one_scrolls_up(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(LINES)
    assert pane.following()
    assert 999 in visible(pane)
    with qtbot.waitSignal(pane.following_changed, check_params_cb=lambda on: not on):
        wheel(pane, 360, Qt.KeyboardModifier.NoModifier)
    top = pane.top_row()
    pane.append(LINES)
    assert pane.top_row() == top
    with qtbot.waitSignal(pane.following_changed, check_params_cb=lambda on: on):
        QTest.keyClick(pane, Qt.Key.Key_End)
    pane.append(b"last\n")
    assert 2_000 in visible(pane)


def test_the_place_stays_when_the_head_is_let_go(pane: LogPane) -> None:
    pane.set_buffer(LogBuffer(bytes_max=len(LINES)))
    pane.append(LINES)
    pane.set_following(False)
    pane.verticalScrollBar().setValue(500)
    for _ in range(5):
        pane.append(LINES[: len(LINES) // 50])
    assert pane.buffer().first_row > 0
    assert pane.top_row() == 500


def test_keys_scroll_and_zoom(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(LINES)
    QTest.keyClick(pane, Qt.Key.Key_Home)
    assert pane.top_row() == 0
    QTest.keyClick(pane, Qt.Key.Key_Down)
    QTest.keyClick(pane, Qt.Key.Key_PageDown)
    QTest.keyClick(pane, Qt.Key.Key_PageUp)
    QTest.keyClick(pane, Qt.Key.Key_Up)
    assert pane.top_row() == 0
    size = pane.font_size()
    wheel(pane, 120, CONTROL)
    assert pane.font_size() == size + 1
    wheel(pane, -120, CONTROL)
    QTest.keyClick(pane, Qt.Key.Key_Plus, CONTROL)
    QTest.keyClick(pane, Qt.Key.Key_Minus, CONTROL)
    QTest.keyClick(pane, Qt.Key.Key_0, CONTROL)
    assert pane.font_size() == size
    pane.set_font_size(1_000)
    assert pane.font_size() < 50


def test_a_long_line_scrolls_sideways_and_does_not_freeze(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(b"x" * 1_000_000 + b"\n" + "中\t🙂".encode() * 200_000 + b"\n")
    bar = pane.horizontalScrollBar()
    pane.grab()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    QTest.keyClick(pane, Qt.Key.Key_Right)
    assert bar.value() > 0
    bar.setValue(bar.maximum())
    pane.grab()
    QTest.keyClick(pane, Qt.Key.Key_Left)
    assert bar.value() < bar.maximum()


def test_the_mouse_selects_and_the_keyboard_copies(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(b"alpha beta\n<b>gamma</b>\ndelta\n")
    view = pane.viewport()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=row_point(pane, 0, 6))
    QTest.mouseMove(view, row_point(pane, 1, 3))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=row_point(pane, 1, 3))
    assert pane.selected_text() == "beta\n<b>"
    with qtbot.waitSignal(pane.copied) as copied:
        QTest.keyClick(pane, Qt.Key.Key_C, CONTROL)
    assert copied.args == [8, False]
    assert QGuiApplication.clipboard().text() == "beta\n<b>"
    pane.grab()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, SHIFT, row_point(pane, 2, 2))
    assert pane.selected_text() == "beta\n<b>gamma</b>\nde"
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=row_point(pane, 2, 2))
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=row_point(pane, 0, 8))
    assert pane.selected_text() == "beta"
    QTest.keyClick(pane, Qt.Key.Key_Escape)
    assert pane.selection() is None


def test_the_keyboard_selects(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(b"alpha\nbeta\ngamma\n")
    for _ in range(3):
        QTest.keyClick(pane, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(pane, Qt.Key.Key_Down, SHIFT)
    assert pane.selected_text() == "alpha\nbet"
    QTest.keyClick(pane, Qt.Key.Key_A, CONTROL)
    assert pane.selected_text() == "alpha\nbeta\ngamma"


def test_dragging_beyond_the_edge_scrolls(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(LINES)
    pane.set_following(False)
    pane.verticalScrollBar().setValue(100)
    view = pane.viewport()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    drag(pane, QPoint(100, -60))
    qtbot.waitUntil(lambda: pane.top_row() < 100)
    drag(pane, QPoint(100, 60))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    selection = pane.selection()
    assert selection is not None
    assert selection.head < selection.anchor


def test_find_goes_through_all_matches_and_around(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(LINES)
    with qtbot.waitSignal(pane.found, check_params_cb=lambda _c, _t, done: done):
        pane.find_text("00042 OF")
    assert 42 in visible(pane)
    assert not pane.following()
    pane.grab()
    pane.append(b"another 00042 of\n")
    with qtbot.waitSignal(pane.found, check_params_cb=lambda _c, total, done: done and total == 2):
        pass
    pane.find_next()
    assert 1_000 in visible(pane)
    pane.find_next()
    assert 42 in visible(pane)
    pane.find_previous()
    assert 1_000 in visible(pane)
    with qtbot.waitSignal(pane.found) as ended:
        pane.find_text("")
    assert ended.args == [0, 0, True]
    pane.find_next()


def test_a_match_far_to_the_right_is_brought_into_view(pane: LogPane, qtbot: QtBot) -> None:
    pane.append(b"x" * 3_000 + b" needle\n")
    pane.find_text("needle")
    qtbot.waitUntil(lambda: pane.horizontalScrollBar().value() > 0)


def test_the_tools_tell_and_steer(pane: LogPane, qtbot: QtBot) -> None:
    tools = LogTools(pane)
    qtbot.addWidget(tools)
    pane.append(LINES)
    assert tools.field().placeholderText() == "Find in the log"
    QTest.keyClick(pane, Qt.Key.Key_F, CONTROL)
    QTest.keyClicks(tools.field(), "line 0001")
    QTest.keyClick(tools.field(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: tools.count_text() == "1 of 10")
    QTest.keyClick(tools.field(), Qt.Key.Key_Return)
    assert tools.count_text() == "2 of 10"
    QTest.keyClick(tools.field(), Qt.Key.Key_Return, SHIFT)
    assert tools.count_text() == "1 of 10"
    tools.field().set_query("no such words")
    qtbot.waitUntil(lambda: tools.count_text() == "Nothing found")
    QTest.keyClick(tools.field(), Qt.Key.Key_Escape)
    assert tools.count_text() == ""


def test_hostile_text_is_drawn_as_text(pane: LogPane) -> None:
    pane.append(
        b"<img src=x><script>alert(1)</script> \x1b]0;own the title\x07"
        b"\x1b[2J\x1b[999;999H\x00\x08\x7f\xff\xfe\x9b31m\n"
        + bytes(range(256))
        + b"\n"
        + "\u202e\u2066\ufeff\U000e0041".encode()
        + b"\n"
        + b"\x1b[" * 5_000
        + b"\n"
    )
    pane.append(b"after a hole", pane.buffer().end + 1_000)
    pane.grab()
    pane.select_all()
    text = pane.selected_text()
    assert "<script>alert(1)</script>" in text
    assert "own the title" not in text
    assert "1000 B of the log are missing here" in text
    assert all(char.isprintable() or char in "\n\t\u00a0" for char in text)


@pytest.mark.parametrize("state", list(LogState))
def test_without_lines_it_says_why(pane: LogPane, qtbot: QtBot, state: LogState) -> None:
    pane.set_state(state, "Waits for a GPU.")
    pane.grab()
    pane.append(b"line\n")
    pane.grab()
    pane.clear()
    assert pane.line_count() == 0
    assert pane.place_at(QPoint(5, 5)) == Place(0, 0)
    assert pane.selected_text() == ""
