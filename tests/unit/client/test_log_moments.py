"""Moments as people write them."""

from datetime import datetime

import pytest

from lanherd_client.cli.log_moments import parse_moment

NOW = datetime(2026, 11, 21, 12, 0).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - 90),
        ("10m", NOW - 600),
        ("2h30m", NOW - 9000),
        ("3600", NOW - 3600),
        ("@1700000000.5", 1700000000.5),
        ("11:30", NOW - 1800),
        ("12:30", NOW - 23.5 * 3600),
        ("11:59:59", NOW - 1),
        ("2026-11-21 11:00", NOW - 3600),
        ("2026-11-21T11:00:30", NOW - 3570),
        (" 2026-11-21T11:00:30+00:00 ", 1795258830.0),
    ],
)
def test_moments(text: str, moment: float) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "banana", "25:00", "2026-13-01", "@", "-5", "10 parsecs"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment"):
        parse_moment(text, NOW)
