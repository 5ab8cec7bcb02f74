import pytest
from PySide6.QtCore import QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_desktop.views.widgets import image_view, text_preview
from lanherd_desktop.views.widgets.csv_table import CsvPreview
from lanherd_desktop.views.widgets.image_view import ImageView
from lanherd_desktop.views.widgets.line_plot import LinePlot, Series
from lanherd_desktop.views.widgets.text_preview import TextPreview
from tests.support.sample_content import csv_bytes, png_bomb, png_bytes

_WARN = QAbstractItemModelTester.FailureReportingMode.Warning


@pytest.fixture
def image(qtbot: QtBot) -> ImageView:
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    return view


def test_a_picture_is_fitted_but_never_enlarged(image: ImageView) -> None:
    image.set_bytes(png_bytes(100, 50))
    assert image.zoom() == 1.0
    image.set_bytes(png_bytes(4_000, 1_000))
    assert image.zoom() == pytest.approx(384 / 4_000)
    image.resize(800, 300)
    assert image.zoom() == pytest.approx(784 / 4_000)
    image.grab()


def test_the_wheel_zooms_at_the_pointer_and_keys_do_too(image: ImageView) -> None:
    image.set_bytes(png_bytes(320, 200))
    point = QPointF(100, 100)
    event = QWheelEvent(
        point,
        QPointF(image.mapToGlobal(QPoint(100, 100))),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(image, event)
    assert image.zoom() == pytest.approx(1.25)
    QTest.keyClick(image, Qt.Key.Key_Minus)
    QTest.keyClick(image, Qt.Key.Key_Plus)
    QTest.keyClick(image, Qt.Key.Key_Plus)
    assert image.zoom() == pytest.approx(1.5625)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(image, key)
    QTest.keyClick(image, Qt.Key.Key_1)
    assert image.zoom() == 1.0
    for _ in range(60):
        image.zoom_in()
    assert image.zoom() == 32.0
    image.grab()
    QTest.keyClick(image, Qt.Key.Key_0)
    assert image.zoom() == 1.0


def test_the_pointer_moves_a_picture(image: ImageView) -> None:
    image.set_bytes(png_bytes(800, 600))
    QTest.mouseDClick(image, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    assert image.zoom() == 1.0
    before = image.grab().toImage()
    QTest.mousePress(image, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    QTest.mouseMove(image, QPoint(100, 150))
    QTest.mouseRelease(image, Qt.MouseButton.LeftButton, pos=QPoint(100, 150))
    assert image.grab().toImage() != before
    QTest.mouseDClick(image, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    assert image.zoom() < 1.0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "isn't a picture"),
        (b"GIF89a", "damaged"),
        (png_bomb(), "60,000 × 60,000"),
    ],
)
def test_what_cannot_be_shown_says_why(
    image: ImageView, qtbot: QtBot, data: bytes, words: str
) -> None:
    with qtbot.waitSignal(image.failed) as failed:
        image.set_bytes(data)
    assert failed.args is not None
    assert words in failed.args[0]
    assert words in image.error()
    assert image.picture_size().isEmpty()
    image.zoom_in()
    image.grab()


def test_a_picture_that_is_cut_off_or_too_large_is_not_decoded(
    image: ImageView, monkeypatch: pytest.MonkeyPatch
) -> None:
    image.set_bytes(png_bytes()[:60])
    assert image.error()
    monkeypatch.setattr(image_view, "IMAGE_BYTES_MAX", 10)
    image.set_bytes(png_bytes())
    assert "too much to preview" in image.error()


def test_a_table_shows_rows_and_draws_its_numbers(qtbot: QtBot) -> None:
    preview = CsvPreview()
    qtbot.addWidget(preview)
    model = preview.model()
    # What it finds is a Qt warning, and that fails the test.
    tester = QAbstractItemModelTester(model, _WARN)
    preview.set_bytes(csv_bytes())
    assert tester.model() is model
    assert (model.rowCount(), model.columnCount()) == (120, 5)
    assert model.data(model.index(0, 1)) == "2.1000"
    assert model.data(QModelIndex()) is None
    assert model.headerData(0, Qt.Orientation.Horizontal) == "epoch"
    assert model.headerData(3, Qt.Orientation.Vertical) == "4"
    assert preview.note() == "120 rows, 5 columns"
    preview.set_bytes(b"name\n<b>x</b>\n", complete=False)
    assert preview.note() == "This table has no rows."
    preview.set_bytes(b"name\n<b>x</b>\ny\n", complete=False)
    assert preview.note().startswith("The first 1 rows")
    assert model.data(model.index(0, 0)) == "<b>x</b>"


def test_a_plot_lives_with_gaps_and_flat_lines(qtbot: QtBot) -> None:
    plot = LinePlot()
    qtbot.addWidget(plot)
    plot.resize(500, 260)
    blank = plot.grab().toImage()
    plot.set_series([Series("flat", (1.0, None, 1.0, 1.0)), Series("<b>", (None,) * 4)])
    assert plot.grab().toImage() != blank
    QTest.mouseMove(plot, QPoint(300, 120))
    plot.grab()
    plot.set_series([Series("one", (1.0,))], (5.0,), "epoch")
    plot.grab()
    plot.resize(60, 40)
    plot.grab()


def test_text_is_plain_and_bounded(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    preview = TextPreview()
    qtbot.addWidget(preview)
    preview.resize(400, 300)
    preview.set_bytes(b"<h1>title</h1>\nsecond\n")
    preview.pane().select_all()
    assert preview.pane().selected_text() == "<h1>title</h1>\nsecond"
    assert preview.note() == ""
    monkeypatch.setattr(text_preview, "TEXT_BYTES_MAX", 6)
    preview.set_bytes(b"long text")
    assert preview.note() == "The first 6 B. Fetch the file to have all of it."
    preview.grab()
