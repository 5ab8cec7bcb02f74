"""Round numbers along an axis."""

import math
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


def ticks(low: float, high: float, wanted: int) -> tuple[float, ...]:
    """About `wanted` round values that cover [low, high]; the ends may lie outside of it."""
    if not (math.isfinite(low) and math.isfinite(high)) or wanted < 1:
        return ()
    span = high - low
    if span <= abs(high) * 1e-12:
        span = abs(low) or 1.0
        low, high = low - span / 2, low + span / 2
    step = _step(span / wanted)
    if not math.isfinite(step) or step <= 0:
        return ()
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(n * step for n in range(first, last + 1))


def _step(rough: float) -> float:
    if rough <= 0 or not math.isfinite(rough):
        return math.nan
    power = 10.0 ** math.floor(math.log10(rough))
    return next((s * power for s in _STEPS if s * power >= rough * 0.999), 10.0 * power)


def tick_text(value: float, step: float) -> str:
    """As many decimals as the step needs; powers where plain figures get long."""
    largest = max(abs(value), step)
    if largest >= 1e6 or step < 1e-4:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    if step < 1 and round(step, decimals) != round(step, 12):
        decimals += 1
    return f"{value:.{decimals}f}"
