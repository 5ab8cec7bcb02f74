"""Spans of time to come, as sentences tell them."""

from lanherd_agent.core.reasons import duration


def coarse_s(seconds: float) -> int:
    """A span to come, in steps that keep a sentence about it true for a while; a short one as it
    is."""
    for below_s, step_s in ((10, 1), (90, 10), (600, 60), (3_600, 300), (36_000, 1_800)):
        if seconds < below_s:
            return max(step_s, round(seconds / step_s) * step_s)
    return round(seconds / 3_600) * 3_600


def about(seconds: float) -> str:
    """In words; 80 s are not told as 1.3 min."""
    coarse = coarse_s(seconds)
    return f"about {coarse} s" if 60 < coarse < 120 else f"about {duration(coarse)}"
