"""Numbers as people read them: a unit, three significant digits, the same width while they change.

KB, MB and GB are powers of 1024 for all of them, as cards are sold and as `nvidia-smi` counts; the
shell says the same (`lanherd_client.sizes`). What isn't known is an en dash.
"""

from typing import Final

UNKNOWN: Final = "–"

_GIB: Final = 1 << 30
_TIB: Final = 1 << 40
_TB_FROM: Final = round(1023.5 * _GIB)
"""From here on GB would have four digits."""
_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB", "EB")
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


def significant(value: float, *, keep_zeros: bool = True) -> str:
    """Three significant digits, no exponent: 0.352, 9.42, 18.2, 402, 1234.

    Zero is '0'. With `keep_zeros` the width stays while a live value moves (61.0, 61.1);
    without it a capacity reads as it is sold (24, 80).
    """
    size = abs(value)
    if size < 0.0005:
        return "0"
    decimals = next((d for bound, d in ((0.9995, 3), (9.995, 2), (99.95, 1)) if size < bound), 0)
    text = f"{value:.{decimals}f}"
    if keep_zeros or not decimals:
        return text
    return text.rstrip("0").rstrip(".")


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def size(n_bytes: int | None) -> str:
    """A file's size: '98.3 MB', '512 B'."""
    return UNKNOWN if n_bytes is None else _scaled(float(n_bytes))


def rate(bytes_per_s: float | None) -> str:
    return UNKNOWN if bytes_per_s is None else f"{_scaled(bytes_per_s)}/s"


def _scaled(value: float, *, keep_zeros: bool = True) -> str:
    unit = 0
    while abs(value) >= 1023.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    number = f"{value:.0f}" if unit == 0 else significant(value, keep_zeros=keep_zeros)
    return f"{number} {_UNITS[unit]}"


def vram(n_bytes: int | None) -> str:
    return UNKNOWN if n_bytes is None else _in_gb(n_bytes)


def vram_capacity(n_bytes: int | None) -> str:
    """A card's size: '24 GB', also where the driver keeps some of it back (23.99)."""
    return UNKNOWN if n_bytes is None else _capacity(n_bytes)


def vram_of(used_bytes: int | None, total_bytes: int | None) -> str:
    """'18.2 / 24 GB', '10.4 / 21.1 TB'; each side may be unknown.

    A part that would be lost in the unit of the whole keeps its own: '18.2 GB / 21.1 TB'.
    """
    total = f"{UNKNOWN} GB" if total_bytes is None else _capacity(total_bytes)
    used = UNKNOWN if used_bytes is None else _in_gb(used_bytes)
    number, _, unit = used.partition(" ")
    same = not used_bytes or total.endswith(unit)
    return f"{number if same else used} / {total}"


def amount(n_bytes: int) -> str:
    """A size inside a sentence: '18 GB', '1.5 GB', '300 MB', '21.1 TB'; nothing is '0 GB'."""
    if not n_bytes:
        return "0 GB"
    return _in_tb(n_bytes) if n_bytes >= _TB_FROM else _scaled(float(n_bytes), keep_zeros=False)


def _in_gb(n_bytes: int) -> str:
    return _in_tb(n_bytes) if n_bytes >= _TB_FROM else f"{significant(n_bytes / _GIB)} GB"


def _in_tb(n_bytes: int) -> str:
    return f"{n_bytes / _TIB:.1f} TB"


def _capacity(n_bytes: int) -> str:
    if n_bytes >= _TB_FROM:
        return _in_tb(n_bytes)
    gib = n_bytes / _GIB
    return f"{round(gib) if gib >= 4 else significant(gib, keep_zeros=False)} GB"


def percent(value: float | None) -> str:
    """0..100, not a fraction."""
    return UNKNOWN if value is None else f"{value:.0f}%"


def celsius(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}°"


def watts(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} W"


def duration(seconds: float | None) -> str:
    """The two largest units: '40 s', '12 min', '2 h 14 min', '3 d 04 h'. Negative counts as 0."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def clock(seconds: float | None) -> str:
    """A stopwatch: '0:07', '1:02:03'."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
