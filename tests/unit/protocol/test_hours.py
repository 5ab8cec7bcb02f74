"""Times of the week at which runs may start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.hours import (
    DAY_MINUTES,
    DAYS,
    HOURS_CHARS_MAX,
    WEEK_MINUTES,
    minutes_until,
    parse_hours,
)


def at(day: str, time: str) -> int:
    hour, minute = map(int, time.split(":"))
    return DAYS.index(day) * DAY_MINUTES + hour * 60 + minute


@pytest.mark.parametrize(
    ("text", "within", "outside"),
    [
        ("09:00-17:00", ["mon 09:00", "sun 16:59"], ["mon 08:59", "wed 17:00"]),
        ("18:00-08:00", ["mon 00:00", "mon 18:00", "sun 23:59", "mon 07:59"], ["mon 08:00"]),
        ("sat 00:00-24:00", ["sat 00:00", "sat 23:59"], ["sun 00:00", "fri 23:59"]),
        ("sat,sun 00:00-24:00", ["sat 12:00", "sun 23:59"], ["mon 00:00"]),
        ("mon-fri 20:00-07:00", ["sat 06:59", "mon 20:00"], ["mon 06:59", "sat 20:00"]),
        ("FRI-mon  8:30 - 9:30", ["fri 08:30", "mon 09:29"], ["tue 08:30", "thu 09:00"]),
        ("sun 22:00-06:00", ["sun 22:00", "mon 05:59"], ["mon 06:00", "sat 23:00"]),
        ("tue - wed, fri 1:00-2:00", ["tue 01:00", "wed 01:30", "fri 01:59"], ["thu 01:00"]),
        ("00:00-24:00", ["mon 00:00", "sun 23:59"], []),
    ],
)
def test_what_times_contain(text: str, within: list[str], outside: list[str]) -> None:
    hours = parse_hours(text)
    for when in within:
        assert hours.contains(at(*when.split(" "))), when
    for when in outside:
        assert not hours.contains(at(*when.split(" "))), when


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no times"),
        ("always", "no times"),
        ("18:00", "no times"),
        ("18-20", "'18' is no time of day"),
        ("18:00-25:00", "25:00 is no time of day"),
        ("18:00-24:01", "24:01 is no time of day"),
        ("18:60-19:00", "18:60 is no time of day"),
        ("24:00-08:00", "ends a day and begins none"),
        ("08:00-08:00", "no time at all"),
        ("someday 08:00-09:00", "'someday' is no day"),
        ("mon-xyz 08:00-09:00", "'xyz' is no day"),
        ("mon, 08:00-09:00", "'' is no day"),
        ("x" * (HOURS_CHARS_MAX + 1), "characters at most"),
    ],
)
def test_what_is_no_time_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_hours(text)


def test_how_long_until_it_is_time() -> None:
    night = parse_hours("mon-fri 20:00-07:00")
    assert night.minutes_until(at("tue", "21:00")) == 0
    assert night.minutes_until(at("tue", "19:00")) == 60
    assert night.minutes_until(at("sat", "07:00")) == 2 * DAY_MINUTES + 13 * 60
    weekend = parse_hours("sat 00:00-24:00")
    assert minutes_until([night, weekend], at("sat", "08:00")) == 0
    assert minutes_until([night, weekend], at("fri", "19:30")) == 30
    assert minutes_until([], 5) == 0


@given(st.text(max_size=40) | st.text("mon-friSAT,0123456789: ", max_size=24))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        hours = parse_hours(text)
    except ValueError:
        return
    assert any(hours.contains(minute) for minute in range(WEEK_MINUTES))
    assert all(0 <= begin < WEEK_MINUTES and begin < end for begin, end in hours.spans)
