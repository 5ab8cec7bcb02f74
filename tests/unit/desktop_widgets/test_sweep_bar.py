"""The bar of a sweep: each end of a run in the colour of its chip."""

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from lanherd_desktop.state.groups import GroupProgress
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.progress_bar import ProgressBar

ALL = GroupProgress(succeeded=1, failed=1, cancelled=1, running=1, waiting=1)


def drawn(qtbot: QtBot, progress: GroupProgress) -> list[QColor]:
    """What stands in the middle of each fifth of the bar."""
    bar = ProgressBar()
    qtbot.addWidget(bar)
    bar.resize(200, 8)
    bar.show_progress(progress)
    image = bar.grab().toImage()
    return [image.pixelColor(QPoint(20 + 40 * part, 4)) for part in range(5)]


def test_what_was_cancelled_is_not_painted_as_what_succeeded(qtbot: QtBot) -> None:
    c = colours()
    assert drawn(qtbot, ALL) == [c.ok, c.danger, c.muted, c.track, c.track]
    stopped = GroupProgress(cancelled=3, failed=1, waiting=1)
    assert drawn(qtbot, stopped) == [c.danger, c.muted, c.muted, c.muted, c.track]


@pytest.mark.parametrize("field", ["failed", "timed_out", "lost"])
def test_what_ended_badly_is_danger_whatever_it_is_called(qtbot: QtBot, field: str) -> None:
    assert drawn(qtbot, GroupProgress(**{field: 2}))[4] == colours().danger


def test_a_sweep_without_runs_is_an_empty_bar(qtbot: QtBot) -> None:
    assert drawn(qtbot, GroupProgress()) == [colours().track] * 5
