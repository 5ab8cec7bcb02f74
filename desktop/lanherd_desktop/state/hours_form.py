"""The times at which runs may start, as rows of days, a beginning and an end. A row that nobody
touched keeps the words that its owner wrote."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from lanherd_protocol.hours import DAY_MINUTES, DAYS, parse_hours
from lanherd_protocol.rules_edit import value_at

KEY: Final = "hours"
EVERY_DAY: Final = frozenset(range(len(DAYS)))
_ROW: Final = re.compile(r"\s*(?:([a-z][a-z,\s-]*?)\s+)?([^\s-]*)\s*-\s*(\S*)\s*", re.IGNORECASE)
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)
_LOOSE: Final = re.compile(r"(\d{1,2})(?::?(\d\d))?", re.ASCII)

HoursProblem = Literal["time", "begins_at_end", "nothing"]


class HoursRow(NamedTuple):
    """One span; `days` are numbered from Monday on. One that can't be read has only its words."""

    days: frozenset[int] = EVERY_DAY
    begin: str = ""
    end: str = ""
    said: str = ""
    """What the file says."""
    readable: bool = True


NEW_ROW: Final = HoursRow(EVERY_DAY, "18:00", "08:00", "18:00-08:00")
"""Nights: what is wanted most."""


def rows_of(text: str) -> tuple[HoursRow, ...]:
    """The rows of a rules file that is TOML."""
    value = value_at(text, KEY)
    if value is None:
        return ()
    spans = value if isinstance(value, list) else [value]
    return tuple(map(_row, spans))


def _row(said: object) -> HoursRow:
    if not isinstance(said, str):
        return HoursRow(said=json.dumps(said, default=str), readable=False)
    found = _ROW.fullmatch(said)
    days = None if found is None else _days(found[1])
    if found is None or days is None:
        return HoursRow(said=said, readable=False)
    return HoursRow(days, found[2], found[3], said)


def _days(names: str | None) -> frozenset[int] | None:
    """The numbers of the days, as the rules themselves read them."""
    prefix = f"{names} " if names else ""
    try:
        spans = parse_hours(f"{prefix}00:00-24:00").spans
    except ValueError:
        return None
    return frozenset(begin // DAY_MINUTES for begin, _ in spans)


def said_of_rows(rows: Iterable[HoursRow]) -> str:
    """The rule as its field says it: a list of TOML, or nothing."""
    said = [row.said for row in rows]
    return json.dumps(said, ensure_ascii=False) if said else ""


def changed_row(row: HoursRow, days: Iterable[int], begin: str, end: str) -> HoursRow:
    """The row with these values, and the words for them."""
    chosen = frozenset(days)
    begin, end = tidy_time(begin), tidy_time(end)
    if (chosen, begin, end) == (row.days, row.begin, row.end):
        return row
    names = days_said(chosen)
    return HoursRow(chosen, begin, end, f"{names} {begin}-{end}" if names else f"{begin}-{end}")


def days_said(days: frozenset[int]) -> str:
    """Days as the rules write them: `mon-fri`, `sat,sun`; every day is nothing."""
    if days == EVERY_DAY:
        return ""
    parts: list[list[int]] = []
    for day in sorted(days):
        if parts and parts[-1][-1] == day - 1:
            parts[-1].append(day)
        else:
            parts.append([day])
    return ",".join(_part(part) for part in parts)


def _part(days: Sequence[int]) -> str:
    if len(days) > 2:
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)


def tidy_time(said: str) -> str:
    """`8`, `8:00`, `0800` and a wide colon are the 08:00 that was meant; else as it was said."""
    text = "".join(said.replace("\uff1a", ":").replace("-", "").replace('"', "").split())
    found = _LOOSE.fullmatch(text)
    if found is None:
        return text
    return f"{int(found[1]):02}:{found[2] or '00'}"


def row_problem(row: HoursRow) -> HoursProblem | None:
    """What is wrong with the times of a row that can be read; None if nothing is."""
    begin, end = _minute(row.begin), _minute(row.end)
    if begin is None or end is None:
        return "time"
    if begin == DAY_MINUTES:
        return "begins_at_end"
    return "nothing" if begin == end else None


def ends_next_day(row: HoursRow) -> bool:
    """Whether it goes on past midnight."""
    begin, end = _minute(row.begin), _minute(row.end)
    return begin is not None and end is not None and 0 < end < begin


def _minute(said: str) -> int | None:
    found = _TIME.fullmatch(said)
    if found is None or int(found[2]) > 59:
        return None
    minute = int(found[1]) * 60 + int(found[2])
    return minute if minute <= DAY_MINUTES else None
