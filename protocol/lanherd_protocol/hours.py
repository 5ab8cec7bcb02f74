"""Times of the week at which runs may start, as the owner of a machine writes them.

    18:00-08:00            every day, over midnight
    sat 00:00-24:00        one day
    mon-fri,sun 20:00-06:30

A span over midnight belongs to the day on which it begins. Times are the machine's local time.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from lanherd_protocol.errors import ErrorCode, LanherdError, error

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
_ENTRY = re.compile(r"(?:(\S+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_REMEDY = "Write '18:00-08:00', 'sat 00:00-24:00' or 'mon-fri 20:00-06:30'."


class Hours(Struct, frozen=True):
    """Spans of the week, each from its first minute to before its last, in minutes since Monday
    0:00, none over the week's end; no span at all means always."""

    spans: tuple[tuple[int, int], ...] = ()

    def hold(self, minute: int) -> bool:
        """Whether runs may start in this minute of the week."""
        return not self.spans or any(first <= minute < last for first, last in self.spans)

    def opens_in(self, minute: int) -> int:
        """Minutes until runs may start; 0 if they may."""
        if self.hold(minute):
            return 0
        return min((first - minute) % WEEK_MINUTES for first, _ in self.spans)


def parse_hours(entries: Iterable[str]) -> Hours:
    """The spans of all entries. Raises INVALID_REQUEST, which names the entry and what to write."""
    return Hours(tuple(sorted({span for entry in entries for span in _spans(entry)})))


def _spans(entry: str) -> Iterable[tuple[int, int]]:
    found = _ENTRY.fullmatch(entry.strip().lower())
    if found is None:
        raise _refused(entry, "It is no span of time.")
    days, *numbers = found.groups()
    first = _minute(entry, *map(int, numbers[:2]))
    last = _minute(entry, *map(int, numbers[2:]))
    if first in (last, DAY_MINUTES):
        raise _refused(entry, "It spans no time.")
    for day in _days(entry, days):
        begin = day * DAY_MINUTES + first
        end = day * DAY_MINUTES + last + (DAY_MINUTES if last < first else 0)
        yield begin, min(end, WEEK_MINUTES)
        if end > WEEK_MINUTES:
            yield 0, end - WEEK_MINUTES


def _minute(entry: str, hour: int, minute: int) -> int:
    at = hour * 60 + minute
    if minute > 59 or at > DAY_MINUTES:
        raise _refused(entry, f"There is no {hour:02}:{minute:02}.")
    return at


def _days(entry: str, text: str | None) -> list[int]:
    if text is None:
        return list(range(7))
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        names = [first, last] if dash else [first]
        for name in names:
            if name not in DAYS:
                raise _refused(entry, f"{name!r} is no day; days are {', '.join(DAYS)}.")
        begin, end = DAYS.index(names[0]), DAYS.index(names[-1])
        found += [day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)]
    return found


def _refused(entry: str, why: str) -> LanherdError:
    title = f"{entry[:100]!r} says no hours at which runs may start."
    return error(ErrorCode.INVALID_REQUEST, title, why, _REMEDY, field="hours", entry=entry[:100])
