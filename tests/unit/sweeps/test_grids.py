"""Grids: values as they are written, ranges with both ends, and a bound."""

import pytest

from lanherd_client.sweeps.grids import grid, grid_table, parse_axis
from lanherd_protocol.errors import LanherdError


def test_the_last_axis_turns_fastest_and_values_stay_as_they_are_written() -> None:
    table = grid_table(["lr=1e-3,1e-4", "seed=0..2"])
    assert [column.name for column in table.columns] == ["lr", "seed"]
    assert [row.cells for row in table.rows[:4]] == [
        ("1e-3", "0"),
        ("1e-3", "1"),
        ("1e-3", "2"),
        ("1e-4", "0"),
    ]
    assert table.rows[0].place == "lr=1e-3, seed=0"
    assert grid(lr=[1e-3], seed=range(2)) == [{"lr": 1e-3, "seed": 0}, {"lr": 1e-3, "seed": 1}]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("n=0..10..5", ("0", "5", "10")),
        ("n=0..9..4", ("0", "4", "8")),
        ("n=1.0..3.0", ("1.0", "2.0", "3.0")),
        ("n=3..1", ("3", "2", "1")),
        ("n=-1..1", ("-1", "0", "1")),
        ("n=0.1..0.3..0.1", ("0.1", "0.2", "0.3")),
        ("n=1,5..6,x", ("1", "5", "6", "x")),
        ("n=a=b", ("a=b",)),
        ('n="a,b",c d', ("a,b", "c d")),
        ("n=../data,/x", ("../data", "/x")),
    ],
)
def test_the_values_of_an_axis(text: str, values: tuple[str, ...]) -> None:
    assert parse_axis(text) == ("n", values)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lr", "no axis"),
        ("=1", "no axis"),
        ("lr=", "no values"),
        ("lr=1,,2", "empty"),
        ("lr=1,1", "twice"),
        ("lr=0..2,1", "twice"),
        ('lr="1', "quotes"),
        ("lr=1\n2", "line break"),
        ("lr=0..9x", "no range"),
        ("lr=0.1..0.3", "no step"),
        ("lr=0.1..0.3", "0.1..0.3..0.1"),
        ("lr=3..0.25", "3..0.25..-0.01"),
        ("lr=0..9..0", "never gets"),
        ("lr=0..9..-1", "never gets"),
        ("lr=0..10000", "10001 values"),
        ("lr=0..1000000000000000000", "values"),
    ],
)
def test_an_axis_that_cannot_be_read_is_said_to_be_so(text: str, why: str) -> None:
    with pytest.raises(LanherdError) as caught:
        grid_table(["a=1", text])
    assert why in caught.value.failure.message


def test_too_many_combinations_are_refused_before_they_are_made() -> None:
    with pytest.raises(LanherdError) as caught:
        grid_table([f"{name}=1..10000" for name in "abcd"])
    assert "10000 × 10000" in caught.value.failure.message
    with pytest.raises(LanherdError) as caught:
        grid_table(["a=1", "A=2", "b"])
    assert caught.value.failure.data["findings"] == 2
