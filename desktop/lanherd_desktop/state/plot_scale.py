"""Round numbers along an axis."""

import math
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_FLAT: Final = 1e-12
_TINY: Final = 1e-300
_DECIMALS_MAX: Final = 6


def ticks(low: float, high: float, wanted: int) -> tuple[float, ...]:
    """About `wanted` round values that cover [low, high]; the ends may lie outside of it.

    A single value gets a range around it. Nothing for what isn't finite.
    """
    span = high - low
    if not math.isfinite(span) or wanted < 1:
        return ()
    largest = max(abs(low), abs(high))
    if span <= max(largest * _FLAT, _TINY):
        span = largest if largest > _TINY else 1.0
        low, high = low - span / 2, low + span / 2
    step = _step(span / wanted)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(n * step for n in range(first, last + 1))


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(s * power for s in _STEPS if s * power >= rough * 0.999)


def tick_text(value: float, step: float) -> str:
    """As many decimals as the step needs; powers where plain figures get long."""
    if max(abs(value), step) >= 1e6 or step < 1e-4:
        return f"{value:.3g}"
    decimals = next((d for d in range(_DECIMALS_MAX) if _whole(step * 10**d)), _DECIMALS_MAX)
    return f"{value:.{decimals}f}"


def _whole(value: float) -> bool:
    return value >= 0.5 and abs(value - round(value)) < 1e-6
