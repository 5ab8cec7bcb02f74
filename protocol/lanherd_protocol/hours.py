"""Times at which runs may start: `18:00-08:00`, `mon-fri 20:00-07:00`, `sat 00:00-24:00`.

Times are local to the machine. A span that ends before it begins goes on into the next day; its
days are those on which it begins. Without days it is of every day.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
HOURS_CHARS_MAX = 100
_EXAMPLE = "Write 18:00-08:00, sat,sun 00:00-24:00 or mon-fri 20:00-07:00."
_TEXT = re.compile(r"\s*(?:([a-z][a-z,\s-]*?)\s+)?(\S+?)\s*-\s*(\S+)\s*", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of the week, in minutes since Monday 0:00; each begins within the week and may end in
    the next one. The last minute is not part of a span."""

    spans: tuple[tuple[int, int], ...]

    def contains(self, minute_of_week: int) -> bool:
        """Whether a run may start in this minute, counted from Monday 0:00 local time."""
        return any(
            (minute_of_week - begin) % WEEK_MINUTES < end - begin for begin, end in self.spans
        )

    def minutes_until(self, minute_of_week: int) -> int:
        """How long until it is such a time; 0 if it is."""
        if self.contains(minute_of_week):
            return 0
        return min((begin - minute_of_week) % WEEK_MINUTES for begin, _ in self.spans)


def parse_hours(text: str) -> Hours:
    """Read times of the week. Raises ValueError with a sentence for people."""
    if len(text) > HOURS_CHARS_MAX:
        raise ValueError(f"Times have {HOURS_CHARS_MAX} characters at most. {_EXAMPLE}")
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no times. {_EXAMPLE}")
    days, begins, ends = found.groups()
    begin, end = _minute(begins), _minute(ends)
    if begin == DAY_MINUTES:
        raise ValueError(f"{begins} ends a day and begins none. Write 00:00 of the next day.")
    if begin == end:
        raise ValueError(f"{begins}-{ends} is no time at all. Write 00:00-24:00 for a whole day.")
    length = end - begin if end > begin else end + DAY_MINUTES - begin
    starts = sorted(day * DAY_MINUTES + begin for day in _days(days))
    return Hours(tuple((start, start + length) for start in starts))


def minutes_until(hours: Iterable[Hours], minute_of_week: int) -> int:
    """How long until one of them is; 0 if it is now, or if there are none: then it is always."""
    return min((one.minutes_until(minute_of_week) for one in hours), default=0)


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day. {_EXAMPLE}")
    hour, minute = map(int, found.groups())
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:
        raise ValueError(f"{text} is no time of day: they go from 00:00 to 24:00.")
    return hour * 60 + minute


def _days(text: str | None) -> set[int]:
    if text is None:
        return set(range(len(DAYS)))
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        begin = _day(first)
        end = _day(last) if dash else begin
        days.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return days


def _day(name: str) -> int:
    if name not in DAYS:
        raise ValueError(f"{name!r} is no day. Days are {', '.join(DAYS)}.")
    return DAYS.index(name)
