from dataclasses import replace

import pytest
from PySide6.QtGui import QColor, QImage, QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lanherd_desktop.state.gpu_gauge import GpuGaugeData
from lanherd_desktop.views.theme.tokens import DARK
from lanherd_desktop.views.widgets.gpu_gauge import GaugeGrid, GpuGauge, gauge_text
from lanherd_desktop.views.widgets.labels import plain_tooltip
from lanherd_desktop.views.widgets.sparkline import Sparkline

GIB = 1 << 30
BUSY = GpuGaugeData(
    index=2,
    name="RTX 4090",
    utilisation_percent=63.0,
    temperature_c=62.0,
    power_w=281.0,
    vram_ours_bytes=6 * GIB,
    vram_foreign_bytes=12 * GIB,
    vram_total_bytes=24 * GIB,
    history=tuple(float(n) for n in range(60)),
)
IDLE = replace(BUSY, utilisation_percent=0.0, vram_ours_bytes=0, vram_foreign_bytes=0, history=())


class Counted(GpuGauge):
    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1
        super().paintEvent(event)


def drawn(widget: QWidget) -> QImage:
    return widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def near(image: QImage, colour: str, left: int = 0, right: int | None = None) -> int:
    wanted = QColor(colour)
    count = 0
    for x in range(left, image.width() if right is None else right):
        for y in range(image.height()):
            here = image.pixelColor(x, y)
            count += (
                abs(here.red() - wanted.red())
                + abs(here.green() - wanted.green())
                + abs(here.blue() - wanted.blue())
                < 12
            )
    return count


@pytest.fixture
def gauge(qtbot: QtBot) -> Counted:
    widget = Counted()
    qtbot.addWidget(widget)
    widget.resize(200, 58)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def test_busy_shows_ring_bar_and_line_in_our_colour(gauge: GpuGauge) -> None:
    gauge.set_reading(BUSY)
    image = drawn(gauge)
    assert near(image, DARK.accent, 0, 56) > 200
    assert near(image, DARK.accent, 60) > 100
    assert near(image, DARK.foreign, 60) > 100


def test_there_is_no_dot_at_nothing(gauge: GpuGauge) -> None:
    gauge.set_reading(IDLE)
    image = drawn(gauge)
    assert near(image, DARK.accent) == 0
    assert near(image, DARK.track) > 200


def test_sick_turns_to_danger(gauge: GpuGauge) -> None:
    gauge.set_reading(replace(BUSY, sick="GPU 2 fell off the bus. Reboot the machine."))
    image = drawn(gauge)
    assert near(image, DARK.accent) == 0
    assert near(image, DARK.danger) > 200
    assert "Reboot" in gauge.accessibleDescription()


def test_it_repaints_only_when_something_changed(gauge: Counted, qtbot: QtBot) -> None:
    gauge.set_reading(BUSY)
    qtbot.waitUntil(lambda: gauge.paints > 0)
    gauge.repaint()
    painted = gauge.paints
    gauge.set_reading(replace(BUSY))
    gauge.set_dimmed(False)
    gauge.grab()
    assert gauge.paints == painted + 1
    assert gauge.reading() == BUSY


def test_values_change_without_moving_their_neighbours(gauge: GpuGauge) -> None:
    gauge.set_reading(BUSY)
    one = drawn(gauge)
    gauge.set_reading(replace(BUSY, utilisation_percent=64.0))
    other = drawn(gauge)
    changed = {
        x
        for x in range(one.width())
        for y in range(one.height())
        if one.pixel(x, y) != other.pixel(x, y)
    }
    assert changed
    assert max(changed) < 56


def test_unknown_is_a_dash_and_not_zero(gauge: GpuGauge) -> None:
    gauge.set_reading(GpuGaugeData(index=0))
    assert "–" in gauge.accessibleDescription()
    assert "0%" not in gauge.accessibleDescription()
    assert near(drawn(gauge), DARK.accent) == 0


def test_the_text_says_what_colours_say() -> None:
    text = gauge_text(BUSY)
    assert "VRAM 18.0 / 24 GB: ours 6.00 GB, not ours 12.0 GB" in text
    assert "62 °C · 281 W" in text


def test_a_tooltip_is_never_markup() -> None:
    assert plain_tooltip("<b>x</b>\n&") == "<span>&lt;b&gt;x&lt;/b&gt;<br>&amp;</span>"
    assert plain_tooltip("") == ""


def test_dimmed_is_paler(gauge: GpuGauge) -> None:
    gauge.set_reading(BUSY)
    gauge.set_dimmed(True)
    assert near(drawn(gauge), DARK.accent, 0, 56) == 0


def test_a_grid_reuses_its_gauges_and_folds(qtbot: QtBot) -> None:
    grid = GaugeGrid()
    qtbot.addWidget(grid)
    grid.resize(400, 300)
    grid.show()
    grid.set_readings([replace(BUSY, index=n) for n in range(4)])
    first = grid.gauges()
    assert grid.heightForWidth(400) * 2 < grid.heightForWidth(200) + 16
    grid.set_dimmed(True)
    grid.set_readings([replace(IDLE, index=n) for n in range(3)])
    assert grid.gauges() == first[:3]
    assert first[0].geometry().top() == first[1].geometry().top()
    grid.resize(200, 300)
    assert first[0].geometry().bottom() < first[1].geometry().top()
    assert grid.sizeHint().height() == grid.minimumSizeHint().height()


def test_a_sparkline_keeps_gaps_and_single_values(qtbot: QtBot) -> None:
    line = Sparkline("Utilisation")
    qtbot.addWidget(line)
    line.resize(120, 30)
    line.set_values([None, 50.0, None, None, 80.0, 90.0, 250.0])
    assert near(drawn(line), DARK.accent) > 0
    line.set_token("danger")
    assert near(drawn(line), DARK.danger) > 0
    line.set_values([], maximum=0.0)
    assert near(drawn(line), DARK.danger) == 0
    assert line.accessibleName() == "Utilisation"
    assert line.minimumSizeHint().width() <= line.sizeHint().width()
