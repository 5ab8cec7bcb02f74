"""Times of the week at which runs may start."""

import pytest

from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.hours import DAY_MINUTES, WEEK_MINUTES, Hours, parse_hours

MON, SAT, SUN = 0, 5 * DAY_MINUTES, 6 * DAY_MINUTES


def test_no_entry_means_always() -> None:
    assert parse_hours(()) == Hours()
    assert Hours().hold(0) and Hours().opens_in(99) == 0


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    every = parse_hours(["18:00-08:00"])
    assert every.hold(MON) and every.hold(SUN + 23 * 60) and not every.hold(SAT + 8 * 60)
    assert every.hold(18 * 60) and not every.hold(18 * 60 - 1)
    saturday = parse_hours(["sat 22:00-02:00"])
    assert saturday.hold(SUN + 60) and not saturday.hold(SUN + 120) and not saturday.hold(MON + 60)


def test_the_end_of_the_week_goes_on_with_its_beginning() -> None:
    late = parse_hours(["sun 23:00-01:30"])
    assert late.spans == ((0, 90), (SUN + 23 * 60, WEEK_MINUTES))
    assert late.hold(MON + 89) and not late.hold(MON + 90)


def test_days_are_lists_and_ranges() -> None:
    some = parse_hours(["Mon-Wed,sun 9:00 - 10:00"])
    assert [first // DAY_MINUTES for first, _ in some.spans] == [0, 1, 2, 6]
    over = parse_hours(["sat-mon 00:00-24:00"])
    assert [first // DAY_MINUTES for first, _ in over.spans] == [0, 5, 6]


def test_when_it_opens() -> None:
    some = parse_hours(["mon 09:00-10:00", "mon 12:00-13:00"])
    assert some.opens_in(9 * 60) == 0
    assert some.opens_in(10 * 60) == 120
    assert some.opens_in(13 * 60) == WEEK_MINUTES - 4 * 60


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("", "no span of time"),
        ("18-08", "no span of time"),
        ("18:00", "no span of time"),
        ("18:00-18:00", "spans no time"),
        ("24:00-08:00", "spans no time"),
        ("25:00-08:00", "no 25:00"),
        ("08:00-24:01", "no 24:01"),
        ("08:60-09:00", "no 08:60"),
        ("someday 08:00-09:00", "'someday' is no day"),
        ("mon- 08:00-09:00", "'' is no day"),
    ],
)
def test_what_says_no_hours_is_refused(entry: str, why: str) -> None:
    with pytest.raises(LanherdError) as refused:
        parse_hours(["sat 00:00-24:00", entry])
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert why in refused.value.failure.message and refused.value.failure.remedy
    assert refused.value.failure.data["entry"] == entry
