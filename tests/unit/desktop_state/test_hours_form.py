"""Times of day as rows: what the file says is what the rows say, and back."""

import pytest

from lanherd_desktop.state.hours_form import (
    EVERY_DAY,
    NEW_ROW,
    HoursRow,
    changed_row,
    days_said,
    ends_next_day,
    row_problem,
    rows_of,
    said_of_rows,
    tidy_time,
)
from lanherd_desktop.state.rules_form import changed
from lanherd_protocol.hours import parse_hours

TEXT = """\
# Ada's machine.
hours = ["18:00 - 08:00", "sat,sun 00:00-24:00"]  # nights and weekends
keep_free = 1
"""


def test_rows_say_what_the_file_says() -> None:
    nights, weekends = rows_of(TEXT)
    assert nights == HoursRow(EVERY_DAY, "18:00", "08:00", "18:00 - 08:00")
    assert weekends == HoursRow(frozenset({5, 6}), "00:00", "24:00", "sat,sun 00:00-24:00")
    assert rows_of("") == ()
    assert rows_of('hours = "fri-mon 1:00-2:00"')[0].days == frozenset({4, 5, 6, 0})
    assert said_of_rows(()) == ""


def test_one_row_changes_and_the_words_around_it_stay() -> None:
    rows = rows_of(TEXT)
    later = changed_row(rows[1], {5}, "8", "24:00")
    edited = changed(TEXT, "hours", said_of_rows([rows[0], later]))
    assert edited == TEXT.replace("sat,sun 00:00", "sat 08:00")
    assert changed(TEXT, "hours", said_of_rows(rows)) == TEXT
    assert changed_row(rows[0], EVERY_DAY, "18:00", "08:00") is rows[0], "its words stay"
    nights = changed(TEXT, "hours", said_of_rows(rows[:1]))
    assert 'hours = ["18:00 - 08:00"]  # nights and weekends' in nights
    assert "hours" not in changed(nights, "hours", said_of_rows(()))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (range(7), ""), ({0, 1, 2, 3, 4}, "mon-fri"), ({5, 6}, "sat,sun"), ({2}, "wed"),
        ({0, 2, 3, 4, 6}, "mon,wed-fri,sun"),
    ],
)  # fmt: skip
def test_days_are_said_as_the_rules_read_them(days: set[int], said: str) -> None:
    assert days_said(frozenset(days)) == said
    row = changed_row(HoursRow(), days, "1:00", "2:30")
    assert rows_of(changed("", "hours", said_of_rows([row])))[0].days == frozenset(days)
    assert len(parse_hours(row.said).spans) == len(frozenset(days))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("8", "08:00"), ("0830", "08:30"), ("8：05", "08:05"), (" 8:00 ", "08:00"), ("x-", "x")],
)
def test_times_are_taken_as_they_were_meant(said: str, meant: str) -> None:
    assert tidy_time(said) == meant


@pytest.mark.parametrize(
    ("begin", "end", "why"),
    [
        ("18:00", "08:00", None), ("00:00", "24:00", None), ("18:00", "", "time"),
        ("18:60", "19:00", "time"), ("18:00", "24:01", "time"), ("x", "1:00", "time"),
        ("24:00", "08:00", "begins_at_end"), ("08:00", "08:00", "nothing"),
    ],
)  # fmt: skip
def test_a_row_knows_what_is_wrong_as_the_rules_do(begin: str, end: str, why: str | None) -> None:
    row = changed_row(NEW_ROW, {1}, begin, end)
    assert row_problem(row) == why
    if why is None:
        parse_hours(row.said)
    else:
        with pytest.raises(ValueError, match=r"time|Write"):
            parse_hours(row.said)
    (back,) = rows_of(changed("", "hours", said_of_rows([row])))
    assert (back.begin, back.end) == (row.begin, row.end), "what is wrong stays to be mended"


def test_what_can_not_be_read_keeps_its_words() -> None:
    odd = rows_of('hours = [5, "noday 1:00-2:00", "at night", "18:00-08:00"]')
    assert [row.readable for row in odd] == [False, False, False, True]
    assert [row.said for row in odd[:3]] == ["5", "noday 1:00-2:00", "at night"]


def test_only_what_goes_past_midnight_ends_the_next_day() -> None:
    assert ends_next_day(NEW_ROW)
    assert not ends_next_day(HoursRow(EVERY_DAY, "18:00", "00:00"))
    assert not ends_next_day(HoursRow(EVERY_DAY, "18:00", "24:00"))
    assert not ends_next_day(HoursRow(EVERY_DAY, "", "24:00"))
