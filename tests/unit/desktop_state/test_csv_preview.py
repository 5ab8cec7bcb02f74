import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state import csv_preview
from lanherd_desktop.state.csv_preview import parse_csv
from lanherd_desktop.state.plot_scale import tick_text, ticks


def test_a_table_has_a_header_and_numeric_columns() -> None:
    table = parse_csv(b"epoch,loss,note\n1,0.5,a\n2,0.25,b\n")
    assert table.header == ("epoch", "loss", "note")
    assert table.rows == (("1", "0.5", "a"), ("2", "0.25", "b"))
    assert table.numeric_columns() == (0, 1)
    assert table.numbers(1) == (0.5, 0.25)
    assert not table.cut


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_in_use(delimiter: str) -> None:
    table = parse_csv(delimiter.join(("a", "b")).encode() + b"\n")
    assert table.header == ("a", "b")


def test_a_table_without_a_header_gets_numbers() -> None:
    assert parse_csv(b"1,2\n3,4\n").header == ("1", "2")


def test_rows_of_unequal_length_are_filled() -> None:
    table = parse_csv(b"a,b\nx\ny,z,more\n\n")
    assert table.header == ("a", "b", "3")
    assert table.rows == (("x", "", ""), ("y", "z", "more"))


def test_nothing_is_an_empty_table() -> None:
    assert parse_csv(b"") == csv_preview.CsvTable((), (), cut=False)
    assert parse_csv(b"only half a li", complete=False).rows == ()


def test_the_last_line_of_a_cut_file_is_left_out() -> None:
    table = parse_csv(b"a,b\nx,y\nz", complete=False)
    assert table.rows == (("x", "y"),)
    assert table.cut


def test_the_bounds_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_preview, "CSV_ROWS_MAX", 3)
    table = parse_csv(b"h\n" + b"x\n" * 10)
    assert (len(table.rows), table.cut) == (3, True)
    monkeypatch.setattr(csv_preview, "CSV_BYTES_MAX", 10)
    assert parse_csv(b"head\nrow\nrow\nrow\n").cut


def test_a_field_that_is_too_large_is_passed_over() -> None:
    huge = b'"' + b"x" * 200_000 + b'"'
    table = parse_csv(b"a,b\n" + huge + b",1\nok,2\n")
    assert table.rows == (("ok", "2"),)


def test_infinite_and_missing_values_are_gaps() -> None:
    table = parse_csv(b"v\n1\ninf\nnan\n2\n3\n4\n5\n6\n7\n8\n")
    assert table.numbers(0)[:4] == (1.0, None, None, 2.0)
    assert table.numeric_columns() == (0,)
    assert parse_csv(b"v\n1\n").numeric_columns() == ()


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_some_table(data: bytes, complete: bool) -> None:
    table = parse_csv(data, complete)
    assert all(len(row) == len(table.header) for row in table.rows)


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12), st.integers(1, 12))
def test_ticks_cover_the_range_and_are_few(low: float, span: float, wanted: int) -> None:
    values = ticks(low, low + span, wanted)
    assert 2 <= len(values) <= wanted * 2 + 3
    step = values[1] - values[0]
    assert values[0] <= low + step * 1e-6
    assert values[-1] >= low + span - step * 1e-6


def test_there_are_no_ticks_where_there_is_no_range() -> None:
    assert ticks(math.nan, 1, 4) == ()
    assert ticks(0, math.inf, 4) == ()
    assert ticks(0, 1, 0) == ()
    assert ticks(-1.7e308, 1.7e308, 4) == ()


def test_a_single_value_gets_a_range_around_it() -> None:
    assert ticks(0, 0, 2) == (-0.5, 0.0, 0.5)
    assert ticks(5e-324, 1e-323, 2) == (-0.5, 0.0, 0.5)
    low, *_middle, high = ticks(7, 7, 3)
    assert low < 7 < high


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.5, 0.5, "0.5"),
        (2.0, 0.5, "2.0"),
        (20.0, 20.0, "20"),
        (0.25, 0.25, "0.25"),
        (2_000_000.0, 500_000.0, "2e+06"),
        (0.00002, 0.00001, "2e-05"),
        (7.5, 2.5, "7.5"),
    ],
)
def test_ticks_have_as_many_decimals_as_they_need(value: float, step: float, text: str) -> None:
    assert tick_text(value, step) == text
