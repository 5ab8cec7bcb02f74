"""A machine's past as lines to draw: what was not sampled is a gap, never a line across it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from lanherd_desktop.state.plot_scale import ticks
from lanherd_protocol.history_messages import History

Span = Literal["short", "day", "week"]
SPANS: Final[dict[Span, float]] = {"short": 600.0, "day": 6 * 3600.0, "week": 7 * 86_400.0}
"""The three rings that agents keep, in seconds: each is finer than the next one."""
REFRESH_S: Final[dict[Span, float]] = {"short": 3.0, "day": 30.0, "week": 300.0}
_GAP_STEPS: Final = 1.6
"""So many steps between two points say that there were none between them."""


class Point(NamedTuple):
    """The mean and the peak of the step that began at `at`."""

    at: float
    mean: float
    peak: float


Piece = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One metric; `pieces` are what was sampled without a gap."""

    pieces: tuple[Piece, ...] = ()

    def last(self) -> Point | None:
        return self.pieces[-1][-1] if self.pieces else None

    def near(self, at: float, reach_s: float) -> Point | None:
        """The point at a time; None in a gap."""
        points = [point for piece in self.pieces for point in piece]
        best = min(points, key=lambda point: abs(point.at - at), default=None)
        return best if best is not None and abs(best.at - at) <= reach_s else None

    def highest(self) -> float:
        return max((point.peak for piece in self.pieces for point in piece), default=0.0)


def plot_line(history: History, metric: str) -> PlotLine:
    """One metric of a past; nothing of one that the machine does not keep."""
    line = next((line for line in history.lines if line.metric == metric), None)
    if line is None:
        return PlotLine()
    pieces: list[list[Point]] = []
    before: float | None = None
    for at, mean, peak in zip(history.starts, line.means, line.peaks, strict=False):
        if mean is None or not math.isfinite(mean):
            before = None
            continue
        if before is None or at - before > history.step_s * _GAP_STEPS:
            pieces.append([])
        pieces[-1].append(Point(at, mean, mean if peak is None else peak))
        before = at
    return PlotLine(tuple(map(tuple, pieces)))


def scale_top(lines: Sequence[PlotLine], fixed: float | None) -> float:
    """The value at the upper edge: the whole where there is one, else a round number above all."""
    if fixed:
        return fixed
    highest = max((line.highest() for line in lines), default=0.0)
    if highest <= 0:
        return 1.0
    return ticks(0.0, highest, 2)[-1]
