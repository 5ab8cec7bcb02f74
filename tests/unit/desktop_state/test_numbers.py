import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state import numbers
from lanherd_desktop.state.gpu_gauge import GpuGaugeData

GIB = 1 << 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0004, "0"),
        (0.3521, "0.352"),
        (0.9996, "1.00"),
        (9.424, "9.42"),
        (9.996, "10.0"),
        (18.24, "18.2"),
        (99.96, "100"),
        (402.4, "402"),
        (1234, "1234"),
        (-3.14159, "-3.14"),
    ],
)
def test_three_digits_stay(value: float, text: str) -> None:
    assert numbers.significant(value) == text


def test_a_capacity_reads_as_it_is_sold() -> None:
    assert numbers.significant(24.0, keep_zeros=False) == "24"
    assert numbers.significant(1.5, keep_zeros=False) == "1.5"
    assert numbers.significant(402.0, keep_zeros=False) == "402"
    assert numbers.vram_capacity(24_564 * 1024 * 1024) == "24 GB"
    assert numbers.vram_capacity(int(1.5 * GIB)) == "1.5 GB"


@given(st.floats(min_value=0.001, max_value=1e5))
def test_three_digits_are_within_half_a_percent(value: float) -> None:
    assert float(numbers.significant(value)) == pytest.approx(value, rel=0.0051, abs=0.0006)


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1_023, "1023 B"),
        (1_024, "1.00 KB"),
        (int(98.3 * 2**20), "98.3 MB"),
        (2**20 - 100, "1.00 MB"),
        (2**100, "1099511627776 EB"),
    ],
)
def test_sizes(n_bytes: int, text: str) -> None:
    assert numbers.size(n_bytes) == text


def test_units() -> None:
    assert numbers.rate(12.3 * 2**20) == "12.3 MB/s"
    assert numbers.vram(int(18.2 * GIB)) == "18.2 GB"
    assert numbers.vram_of(0, 24 * GIB) == "0 / 24 GB"
    assert numbers.percent(96.6) == "97%"
    assert numbers.celsius(71.2) == "71°"
    assert numbers.watts(402.4) == "402 W"
    assert numbers.count(18_244) == "18,244"


@pytest.mark.parametrize(
    ("used", "total", "text"),
    [
        (int(18.24 * GIB), 24 * GIB, "18.2 / 24 GB"),
        (10_600 * GIB, 21_600 * GIB, "10.4 / 21.1 TB"),
        (300 * GIB, 21_600 * GIB, "300 GB / 21.1 TB"),
        (0, 21_600 * GIB, "0 / 21.1 TB"),
        (None, 21_600 * GIB, "– / 21.1 TB"),
        (1_000 * GIB, 1_023 * GIB, "1000 / 1023 GB"),
        (1_024 * GIB, 1_024 * GIB, "1.0 / 1.0 TB"),
        (5 * GIB, None, "5.00 / – GB"),
    ],
)
def test_a_room_full_of_cards_is_counted_in_tb(
    used: int | None, total: int | None, text: str
) -> None:
    assert numbers.vram_of(used, total) == text


def test_large_cards_and_shares_are_in_tb_too() -> None:
    assert numbers.vram(2_048 * GIB) == "2.0 TB"
    assert numbers.vram_capacity(2_048 * GIB) == "2.0 TB"


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 GB"),
        (18 * GIB, "18 GB"),
        (int(1.5 * GIB), "1.5 GB"),
        (300 << 20, "300 MB"),
        (21_600 * GIB, "21.1 TB"),
    ],
)
def test_a_size_in_a_sentence_has_the_unit_that_it_needs(n_bytes: int, text: str) -> None:
    assert numbers.amount(n_bytes) == text


def test_what_is_unknown_is_a_dash_and_never_zero() -> None:
    formats = (
        numbers.size,
        numbers.rate,
        numbers.vram,
        numbers.vram_capacity,
        numbers.percent,
        numbers.celsius,
        numbers.watts,
        numbers.count,
        numbers.duration,
        numbers.clock,
    )
    assert {form(None) for form in formats} == {numbers.UNKNOWN}
    assert numbers.vram_of(None, None) == "– / – GB"


@pytest.mark.parametrize(
    ("seconds", "text", "clock"),
    [
        (-3, "0 s", "0:00"),
        (7.9, "7 s", "0:07"),
        (41 * 60, "41 min", "41:00"),
        (2 * 3600 + 14 * 60 + 3, "2 h 14 min", "2:14:03"),
        (5 * 3600 + 2 * 60, "5 h 02 min", "5:02:00"),
        (3 * 86400 + 4 * 3600, "3 d 04 h", "76:00:00"),
    ],
)
def test_durations(seconds: float, text: str, clock: str) -> None:
    assert numbers.duration(seconds) == text
    assert numbers.clock(seconds) == clock


def test_a_bar_is_never_longer_than_the_card() -> None:
    data = GpuGaugeData(0, vram_ours_bytes=20, vram_foreign_bytes=20, vram_total_bytes=24)
    ours, foreign = data.vram_fractions()
    assert ours == pytest.approx(20 / 24)
    assert ours + foreign == pytest.approx(1.0)


def test_an_unknown_card_has_an_empty_bar() -> None:
    assert GpuGaugeData(0).vram_fractions() == (0.0, 0.0)
    assert GpuGaugeData(0).vram_used_bytes is None
    partly = GpuGaugeData(0, vram_foreign_bytes=6, vram_total_bytes=24)
    assert partly.vram_fractions() == (0.0, 0.25)
    assert partly.vram_used_bytes == 6
