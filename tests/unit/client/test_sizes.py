import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.sizes import GB, KB, MB, TB, format_size, format_vram, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("2GB", 2 * GB),
        ("20 GB", 20 * GB),
        ("512MiB", 512 * MB),
        ("1.5g", 3 * GB // 2),
        (" 3 tb ", 3 * TB),
        ("7k", 7 * KB),
        ("1048576", MB),
        ("12 B", 12),
        ("0", 0),
    ],
)
def test_what_people_write(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "GB", "-2GB", "2 potatoes", "1e3", "2GBB", "٣GB", "1..5G", "nan"]
)
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["24", "0.5", "1048575"])
def test_a_small_number_needs_its_unit(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text} has no unit. Write {text}GB"):
        parse_size(text)


def test_more_than_any_machine_holds() -> None:
    with pytest.raises(ValueError, match="more than any machine"):
        parse_size("99999999999999TB")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (KB, "1.00 KB"),
        (1536 * MB, "1.50 GB"),
        (24 * GB, "24.0 GB"),
        (1000 * MB, "1000 MB"),
        (5000 * TB, "5000 TB"),
    ],
)
def test_three_digits_and_a_unit(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


def test_vram_in_the_unit_of_the_card() -> None:
    assert format_vram(round(18.2 * GB), 24 * GB) == "18.2 / 24 GB"
    assert format_vram(512 * MB, 8 * GB) == "0.50 / 8.00 GB"
    assert format_vram(0, 24564 * MB) == "0.00 / 24 GB"


@given(st.integers(0, 1 << 50))
def test_what_is_shown_can_be_read_back(size_bytes: int) -> None:
    assert parse_size(format_size(size_bytes)) == pytest.approx(size_bytes, rel=0.006)
