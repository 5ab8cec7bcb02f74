"""Durations as people write them, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("90s", 90.0),
        ("250ms", 0.25),
        ("45m", 2700.0),
        ("45 min", 2700.0),
        ("30sec", 30.0),
        ("2h30m", 9000.0),
        (" 2h 30m ", 9000.0),
        ("1.5H", 5400.0),
        ("7d", 604_800.0),
        ("1w2d3h4m5s", 788_645.0),
    ],
)
def test_what_people_write(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "-1", "2h-30m", "30m2h", "5m5m", "2h30", "1:30", "5y", "2hours", "s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration\. Write a number and a unit"):
        parse_duration(text)


def test_more_than_a_life() -> None:
    with pytest.raises(ValueError, match="30 years"):
        parse_duration("99999d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (9000, "2h30m"), (90, "1m30s"), (0.25, "250ms"), (1.5, "1s500ms"), (86_400, "1d")],
)
def test_they_are_written_as_they_may_be_read(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**12))
def test_there_and_back(ms: int) -> None:
    assert round(parse_duration(format_duration(ms / 1000)) * 1000) == ms
