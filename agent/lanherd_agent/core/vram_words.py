"""Sizes of VRAM in sentences, where the usual one decimal would say too little."""

from math import floor

from lanherd_agent.core.reasons import GIB, disk_size, gb


def vram_size(size_bytes: int) -> str:
    """With its unit: what is below a tenth of a GB is not told as none."""
    return f"{gb(size_bytes)} GB" if size_bytes >= GIB // 10 else disk_size(size_bytes)


def gb_or_less(size_bytes: int) -> str:
    """Rounded down, so that as much is there."""
    tenths = floor(size_bytes / GIB * 10)
    return f"{tenths / 10:g} GB or less" if tenths else "less"


def gb_below(less_bytes: int, more_bytes: int) -> str:
    """A size in GB, with as many decimals as tell it from a larger one."""
    for digits in (1, 2, 3):
        text = f"{less_bytes / GIB:.{digits}f}"
        if float(text) < round(more_bytes / GIB, digits):
            return text.removesuffix(".0")
    return gb(less_bytes)
