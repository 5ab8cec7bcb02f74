import pytest

from lanherd_desktop.state.past_plot import REFRESH_S, SPANS, PlotLine, Point, plot_line, scale_top
from lanherd_protocol.history_messages import History, HistoryLine


def past(*values: float | None, starts: tuple[float, ...] = ()) -> History:
    line = HistoryLine(metric="power_w", means=values, peaks=values)
    return History(step_s=10.0, starts=starts or tuple(n * 10.0 for n in range(len(values))),
                   lines=(HistoryLine(metric="other"), line))  # fmt: skip


def lengths(line: PlotLine) -> list[int]:
    return [len(piece) for piece in line.pieces]


def test_what_was_not_sampled_or_not_known_is_a_gap() -> None:
    assert lengths(plot_line(past(1, 2, None, 3, float("nan"), 4), "power_w")) == [2, 1, 1]
    cut = past(1, 2, 3, starts=(0.0, 10.0, 40.0))
    assert lengths(plot_line(cut, "power_w")) == [2, 1]
    assert plot_line(cut, "fan") == PlotLine() and PlotLine().last() is None


def test_a_peak_that_is_not_known_is_the_mean() -> None:
    line = HistoryLine(metric="power_w", means=(1.0, 2.0), peaks=(5.0, None))
    found = plot_line(History(step_s=1.0, starts=(0.0, 1.0), lines=(line,)), "power_w")
    assert found.pieces == ((Point(0.0, 1.0, 5.0), Point(1.0, 2.0, 2.0)),)
    assert found.last() == Point(1.0, 2.0, 2.0)


def test_a_place_in_a_gap_has_no_value() -> None:
    line = plot_line(past(1, None, None, None, 5), "power_w")
    assert line.near(4.0, 10.0) == Point(0.0, 1.0, 1.0)
    assert line.near(20.0, 10.0) is None
    assert line.near(38.0, 10.0) == Point(40.0, 5.0, 5.0)
    assert PlotLine().near(1.0, 10.0) is None


@pytest.mark.parametrize(
    ("values", "fixed", "top"),
    [((63.0,), 100.0, 100.0), ((402.0,), None, 500.0), ((), None, 1.0), ((0.0,), None, 1.0)],
)
def test_the_scale_ends_at_the_whole_or_a_round_number(
    values: tuple[float, ...], fixed: float | None, top: float
) -> None:
    assert scale_top([plot_line(past(*values), "power_w")], fixed) == top
    assert scale_top([], fixed) == (fixed or 1.0)


def test_each_span_is_asked_for_anew_before_its_picture_is_old() -> None:
    assert SPANS.keys() == REFRESH_S.keys()
    assert all(REFRESH_S[span] * 100 < seconds * 10 for span, seconds in SPANS.items())
