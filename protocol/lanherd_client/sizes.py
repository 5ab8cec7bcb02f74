"""Sizes as people write and read them.

KB, MB, GB and TB are powers of 1024 here and wherever Lanherd shows a size, as nvidia-smi and the
makers of graphics cards count VRAM: a card sold with '24 GB' has 24 × 1024³ bytes. KiB, MiB, GiB
and TiB are understood too and mean the same.
"""

import re

KB = 1024
MB = 1024 * KB
GB = 1024 * MB
TB = 1024 * GB

_FACTORS = {"": 1, "b": 1, "k": KB, "m": MB, "g": GB, "t": TB}
_UNITS = ("B", "KB", "MB", "GB", "TB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:(b)|([kmgt])(?:i?b)?)?", re.IGNORECASE | re.ASCII)
BYTES_MAX = 1 << 62


def parse_size(text: str) -> int:
    """Bytes of a size such as '2GB', '20 GB', '512MiB', '1.5g', '12B' or '1048576'.

    A number below 1 MB needs its unit, since somebody who writes '24' means GB.

    Raises ValueError with a sentence for people.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text!r} is not a size. Write a number and a unit, such as 2GB or 512MB."
        )
    number, plain, unit = found.groups()
    size_bytes = float(number) * _FACTORS[(plain or unit or "").lower()]
    if not plain and not unit and 0 < size_bytes < MB:
        raise ValueError(f"{text.strip()} has no unit. Write {number}GB, or {number}B for bytes.")
    if size_bytes > BYTES_MAX:
        raise ValueError(f"{text!r} is more than any machine holds.")
    return round(size_bytes)


def format_size(size_bytes: int) -> str:
    """A size with three significant digits and its unit, such as '18.2 GB' or '512 B'."""
    value, unit = _scaled(size_bytes)
    return f"{size_bytes} B" if unit == "B" else f"{_three_digits(value)} {unit}"


def exact_size(size_bytes: int) -> str:
    """A size to the byte, such as '1024B': nobody can take its number for one of another unit."""
    return f"{size_bytes}B"


def format_vram(used_bytes: int, total_bytes: int) -> str:
    """Used and total in the unit of the total, such as '18.2 / 24 GB'."""
    total, unit = _scaled(total_bytes)
    used = used_bytes / KB ** _UNITS.index(unit)
    return f"{_three_digits(used)} / {_three_digits(total).removesuffix('.0')} {unit}"


def _scaled(size_bytes: int) -> tuple[float, str]:
    value = float(size_bytes)
    for unit in _UNITS[:-1]:
        if value < KB:
            return value, unit
        value /= KB
    return value, _UNITS[-1]


def _three_digits(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"
