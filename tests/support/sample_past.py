"""A past as an agent tells it: a training that begins, a gap while the machine was off, a peak."""

import math
import time

from lanherd_desktop.state.past_plot import SPANS, Span
from lanherd_protocol.history_messages import GPU_METRICS, HOST_METRICS, History, HistoryLine

GIB = 1 << 30
_STEPS: dict[Span, float] = {"short": 1.0, "day": 36.0, "week": 1_008.0}
_LEVELS: dict[str, tuple[float, float]] = {
    "utilisation_percent": (88, 9),
    "vram_used_bytes": (61 * GIB, GIB),
    "vram_ours_bytes": (48 * GIB, GIB),
    "temperature_c": (64, 6),
    "power_w": (310, 40),
    "cpu_percent": (31, 12),
    "load_1m": (6, 2),
    "memory_used_bytes": (57 * GIB, 6 * GIB),
    "disk_free_bytes": (400 * GIB, GIB),
    "network_received_bytes_s": (31e6, 2e7),
    "network_sent_bytes_s": (4e6, 1e6),
}


def of_gpu(span: Span) -> tuple[History, float]:
    return _past(span, GPU_METRICS)


def of_host(span: Span) -> tuple[History, float]:
    return _past(span, HOST_METRICS)


def _past(span: Span, metrics: tuple[str, ...]) -> tuple[History, float]:
    now, step = time.time(), _STEPS[span]
    count = int(SPANS[span] / step)
    kept = [n for n in range(count) if not count * 0.3 < n < count * 0.42]
    lines = tuple(
        HistoryLine(
            metric=metric,
            means=tuple(_value(metric, n, count, 1.0) for n in kept),
            peaks=tuple(_value(metric, n, count, 1.4) for n in kept),
        )
        for metric in metrics
    )
    starts = tuple(now - (count - n) * step for n in kept)
    return History(step_s=step, starts=starts, lines=lines), now


def _value(metric: str, n: int, count: int, swing: float) -> float:
    level, wave = _LEVELS[metric]
    busy = 1.0 if n > count * 0.15 else 0.1
    return max(0.0, busy * (level + swing * wave * math.sin(n / count * 40)))
