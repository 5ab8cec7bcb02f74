import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.card import CardFrame, DotKind
from lanherd_desktop.views.widgets.card_grid import CardGrid
from lanherd_desktop.views.widgets.chip import Chip, chip_text
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.nav_list import NavList
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_desktop.views.widgets.search_field import SearchField
from lanherd_desktop.views.widgets.skeleton import Skeleton
from lanherd_desktop.views.widgets.tab_bar import TabBar
from lanherd_desktop.views.widgets.toast import ToastHost

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    qtbot.waitExposed(window)
    return window


def put(host: QWidget, widget: QWidget, width: int = 400, height: int = 200) -> None:
    widget.setParent(host)
    widget.resize(width, height)
    widget.show()


def test_every_state_has_its_own_word() -> None:
    assert len({chip_text(kind) for kind in ChipKind}) == len(ChipKind)
    assert chip_text(ChipKind.NOT_OURS) == "not ours"


def test_a_chip_says_its_word(host: QWidget) -> None:
    chip = Chip(ChipKind.WAITING)
    put(host, chip)
    narrow = chip.sizeHint().width()
    chip.set_kind(ChipKind.SUCCEEDED)
    assert (chip.kind(), chip.accessibleName()) == (ChipKind.SUCCEEDED, "succeeded")
    assert chip.sizeHint().width() > narrow
    chip.set_kind(ChipKind.NOT_OURS, "pid 4242")
    assert chip.accessibleName() == "pid 4242"


def test_the_navigation_is_walked_by_mouse_and_keys(host: QWidget, qtbot: QtBot) -> None:
    nav = NavList()
    for key in ("machines", "runs", "R&D"):
        nav.add_item(key, IconName.PLAY, key)
    put(host, nav, tokens.NAV_WIDTH, 400)
    assert nav.current() == "machines"
    told: list[str] = []
    nav.selected.connect(told.append)
    QTest.keyClick(nav, Qt.Key.Key_Down)
    QTest.keyClick(nav, Qt.Key.Key_Down)
    QTest.keyClick(nav, Qt.Key.Key_Down)
    QTest.keyClick(nav, Qt.Key.Key_Up)
    assert told == ["runs", "R&D", "R&D", "runs"]
    nav.set_current("machines")
    assert (nav.current(), len(told)) == ("machines", 4)
    nav.set_count("runs", 17)
    nav.set_text("runs", "Läufe")
    with qtbot.waitSignal(nav.fold_changed):
        nav.toggle()
    assert nav.width() == tokens.NAV_WIDTH_FOLDED
    assert nav.folded()
    nav.grab()
    nav.set_folded(False)
    QApplication.sendEvent(nav, QEvent(QEvent.Type.LanguageChange))


def test_tabs_are_walked_by_mouse_and_keys(host: QWidget) -> None:
    tabs = TabBar()
    for key in ("overview", "log", "outputs"):
        tabs.add_tab(key, key.capitalize())
    put(host, tabs, 500, 40)
    told: list[str] = []
    tabs.selected.connect(told.append)
    QTest.keyClick(tabs, Qt.Key.Key_Left)
    QTest.keyClick(tabs, Qt.Key.Key_Right)
    assert told == ["outputs", "overview"]
    tabs.set_count("outputs", 14)
    tabs.set_tab_text("log", "Protokoll")
    tabs.set_current("log")
    assert (tabs.current(), len(told)) == ("log", 2)
    tabs.grab()


def test_a_search_follows_the_typing_and_ends_with_escape(host: QWidget, qtbot: QtBot) -> None:
    field = SearchField("Search")
    put(host, field, 300, 32)
    told: list[str] = []
    field.query_changed.connect(told.append)
    QTest.keyClicks(field, "kepler ")
    qtbot.waitUntil(lambda: told == ["kepler"])
    QTest.keyClicks(field, "2")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert told == ["kepler", "kepler 2"]
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (field.query(), told[-1]) == ("", "")
    with qtbot.waitSignal(field.cancelled):
        QTest.keyClick(field, Qt.Key.Key_Escape)


def test_cards_keep_their_column(host: QWidget, qtbot: QtBot) -> None:
    grid = CardGrid(card_width_min=200, gap=10)
    put(host, grid, 650, 400)
    cards: list[QWidget] = [CardFrame(f"card {n}") for n in range(5)]
    grid.set_cards(cards)
    lefts = [card.x() for card in cards]
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]
    assert len({card.width() for card in cards}) == 1
    first = cards[0]
    assert isinstance(first, CardFrame)
    first.set_note("A sentence that makes this card higher.")
    QApplication.processEvents()
    assert [card.x() for card in cards] == lefts
    qtbot.waitUntil(lambda: cards[3].y() > cards[4].y())
    grid.remove_card(cards[4])
    assert grid.cards() == cards[:4]
    grid.add_card(cards[4])
    assert grid.cards() == cards
    cards[4].deleteLater()
    grid.set_cards(cards[:4])


def test_a_card_is_opened_by_click_and_by_key(host: QWidget, qtbot: QtBot) -> None:
    card = CardFrame("kepler")
    put(host, card, 340, 200)
    told: list[bool] = []
    card.activated.connect(lambda: told.append(True))
    QTest.mouseClick(card, LEFT, pos=QPoint(170, 100))
    card.set_activatable(True)
    QTest.mouseClick(card, LEFT, pos=QPoint(170, 100))
    QTest.keyClick(card, Qt.Key.Key_Return)
    QTest.keyClick(card, Qt.Key.Key_A)
    assert len(told) == 2


def test_a_card_shows_what_it_is_told(host: QWidget) -> None:
    card = CardFrame()
    put(host, card, 340, 200)
    card.set_title("kepler")
    card.set_badge(ChipKind.SIMULATED)
    card.set_badge(ChipKind.SIMULATED, "made up")
    card.set_badge(None)
    card.set_status(DotKind.DANGER, "cordoned")
    card.set_subtitle("2 × A100")
    card.add_row(RunLine(ChipKind.RUNNING, "train.py"))
    card.set_dimmed(True)
    card.resize(360, 220)
    card.grab()
    card.set_dimmed(False)
    card.clear_rows()
    card.set_dashed(True)
    card.grab()
    assert card.accessibleName() == "kepler"


def test_what_is_wrong_is_not_dimmed_with_the_picture(host: QWidget) -> None:
    card = CardFrame()
    put(host, card, 340, 160)
    card.set_title("kepler")
    card.set_status(DotKind.MUTED, "unreachable")
    card.set_note("Nothing answers.", danger=True)

    def drawn() -> tuple[object, object]:
        QApplication.processEvents()
        image = card.grab().toImage()
        return image.copy(card._note.geometry()), image.copy(card._title.geometry())

    note, title = drawn()
    card.set_dimmed(True)
    dimmed_note, dimmed_title = drawn()
    assert dimmed_title != title and dimmed_note == note


def test_a_card_whose_rows_are_all_hidden_has_no_line_above_them(host: QWidget) -> None:
    card = CardFrame()
    put(host, card)
    card.add_row(RunLine(ChipKind.RUNNING, "train.py"))
    assert card._divider.isVisible()
    card.set_rows_empty(True)
    assert not card._divider.isVisible()
    card.set_note("GPU 0 is closed.")
    assert card._divider.isVisible()


def test_a_run_line_is_a_button(host: QWidget) -> None:
    line = RunLine(ChipKind.RUNNING, "train.py", "41 min")
    put(host, line, 300, 24)
    told: list[bool] = []
    line.activated.connect(lambda: told.append(True))
    QTest.mouseClick(line, LEFT)
    QTest.keyClick(line, Qt.Key.Key_Space)
    QTest.keyClick(line, Qt.Key.Key_A)
    assert len(told) == 2
    line.set_line(ChipKind.WAITING, "<b>eval.py</b>", "", "needs 80 GB")
    assert line.accessibleName() == "waiting, <b>eval.py</b>, needs 80 GB"
    assert "&lt;b&gt;" in line.toolTip()
    line.grab()


def test_labels_are_plain_text(host: QWidget) -> None:
    label = Label("<b>x</b>", "secondary", selectable=True)
    put(host, label)
    assert label.textFormat() is Qt.TextFormat.PlainText
    label.set_role("danger")
    label.set_text("<i>y</i>")
    assert (label.text(), label.property("role")) == ("<i>y</i>", "danger")


def test_a_cut_label_tells_the_whole_as_its_tooltip(host: QWidget) -> None:
    label = ElidedLabel("<b>a long machine name</b>\nwith a line end", "card")
    put(host, label, 90, 20)
    label.grab()
    assert label.shown_text().endswith("…")
    assert label.toolTip() == "<span>&lt;b&gt;a long machine name&lt;/b&gt; with a line end</span>"
    label.resize(600, 20)
    label.grab()
    assert label.toolTip() == ""
    label.set_role("mono")
    label.setText("")
    assert label.minimumSizeHint().width() <= 24


def test_numbers_keep_their_place(host: QWidget) -> None:
    line = NumbersLine()
    put(host, line, 800, 24)
    line.set_legend(True)
    line.set_numbers([Number("13", "GPUs"), Number("5", "free")])
    widths = [item.sizeHint().width() for item in line.findChildren(QWidget)]
    line.set_numbers([Number("1", "GPUs"), Number("5", "free")])
    assert [item.sizeHint().width() for item in line.findChildren(QWidget)] == widths
    line.set_numbers([Number("1", "GPU")])
    line.grab()
    line.set_legend(False)
    line.grab()


def test_a_flow_breaks_its_lines(host: QWidget) -> None:
    box = QWidget()
    flow = FlowLayout(box, gap_x=10, gap_y=5)
    labels = [QLabel("some words") for _ in range(6)]
    for label in labels:
        flow.addWidget(label)
    put(host, box, 2_000, 300)
    flow.activate()
    assert len({label.y() for label in labels}) == 1
    assert flow.heightForWidth(100) > flow.heightForWidth(2_000)
    box.resize(100, 300)
    flow.activate()
    assert len({label.y() for label in labels}) == 6
    assert flow.takeAt(99) is None
    assert flow.itemAt(99) is None
    assert flow.minimumSize().width() <= flow.sizeHint().width()


def test_an_error_says_all_and_copies_it(host: QWidget, qtbot: QtBot) -> None:
    panel = ErrorPanel()
    put(host, panel)
    panel.set_error("It failed", "Because.", "Do this.", "errno 111", "Try again")
    with qtbot.waitSignal(panel.details_copied):
        panel.copy_details()
    text = "It failed\nBecause.\nDo this.\nerrno 111"
    assert QGuiApplication.clipboard().text() == text
    panel.set_error("It failed", "", "")
    assert panel.details() == "It failed"


def test_a_place_is_content_or_says_why_not(host: QWidget, qtbot: QtBot) -> None:
    content, empty, error = QWidget(), EmptyState(), ErrorPanel()
    stack = StateStack(content)
    put(host, stack)
    stack.show_loading("cards")
    skeleton = stack.currentWidget()
    assert isinstance(skeleton, Skeleton)
    assert not skeleton.shown()
    qtbot.waitUntil(skeleton.shown)
    stack.show_empty(empty)
    stack.show_empty(empty)
    assert stack.currentWidget() is empty
    assert not skeleton.shown()
    stack.show_error(error)
    other = ErrorPanel()
    stack.show_error(other)
    assert other.isVisible()
    assert not error.isVisible()
    stack.show_content()
    assert stack.currentWidget() is stack.content() is content
    error.deleteLater()


def test_an_empty_page_has_one_button(host: QWidget, qtbot: QtBot) -> None:
    empty = EmptyState(IconName.PLAY, "No runs yet", "They will be here.", "New run…")
    put(host, empty, 600, 400)
    button = next(b for b in empty.findChildren(QWidget) if b.property("kind") == "primary")
    with qtbot.waitSignal(empty.activated):
        QTest.mouseClick(button, LEFT)
    empty.set_content(IconName.PLAY, "Nothing", "")
    assert not button.isVisible()


def test_failures_stay_and_the_rest_goes(
    host: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "TOAST_MS", 1)
    toasts = ToastHost(host)
    bad = toasts.show_toast("It failed", "danger")
    toasts.show_toast("Copied", "ok")
    qtbot.waitUntil(lambda: toasts.toasts() == [bad])
    for n in range(3):
        toasts.show_toast(f"<b>{n}</b>" + " long" * 30, "danger", "Show")
    assert len(toasts.toasts()) == 3
    last = toasts.toasts()[-1]
    assert last.text().startswith("<b>2</b>")
    host.resize(500, 400)
    assert last.geometry().right() < host.width()
    last.dismiss()
    assert last not in toasts.toasts()


def test_scrolling_a_page_leaves_its_numbers_alone(host: QWidget) -> None:
    field = NumberField(1, 8, " GPUs")
    other = SearchField()
    put(host, other, 100, 32)
    put(host, field, 120, 32)
    other.setFocus()
    turn(field)
    assert field.value() == 1
    field.setFocus()
    turn(field)
    assert field.value() == 2


def turn(widget: QWidget) -> None:
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(widget.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
