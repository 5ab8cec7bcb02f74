"""Durations as people write and read them: '2h30m', '45 min', '90s', or a number of seconds."""

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_WORDS = {"": "s", "sec": "s", "min": "m"}
_PART = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(ms|sec|s|min|m|h|d|w|)(?![a-z])", re.IGNORECASE | re.ASCII
)
SECONDS_MAX = 1e9
_EXAMPLE = "Write a number and a unit, such as 90s, 45m, 2h30m or 7d; a bare number is seconds."


def parse_duration(text: str) -> float:
    """Seconds of a duration such as '90', '90s', '45m', '2h30m', '1.5h' or '7d'.

    Raises ValueError with a sentence for people.
    """
    seconds, at, smallest = 0.0, 0, float("inf")
    while found := _PART.match(text, at):
        number, unit = found.groups()
        factor = _UNITS_S[_WORDS.get(unit.lower(), unit.lower())]
        # Each unit once and the largest first: '30m2h' is more often a slip than a wish.
        if factor >= smallest or (not unit and at):
            break
        seconds += float(number) * factor
        at, smallest = found.end(), factor
    if not at or text[at:].strip():
        raise ValueError(f"{text!r} is not a duration. {_EXAMPLE}")
    if seconds > SECONDS_MAX:
        raise ValueError(f"{text!r} is more than 30 years.")
    return seconds


def format_duration(seconds: float) -> str:
    """A duration as it may be written again, to the millisecond, such as '2h30m' or '1m30s'."""
    rest_ms = round(seconds * 1000)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest_ms = divmod(rest_ms, round(_UNITS_S[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
