import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.ids import RANDOM_BYTES_PER_ID, is_sha256, is_uuid7, short_id, uuid7

MS = st.integers(0, (1 << 48) - 1)
RANDOM = st.binary(min_size=RANDOM_BYTES_PER_ID, max_size=RANDOM_BYTES_PER_ID)


@given(MS, RANDOM, MS, RANDOM)
def test_ids_are_ordered_by_their_time(first_ms, first, second_ms, second):
    one, other = uuid7(first_ms, first), uuid7(second_ms, second)
    assert is_uuid7(one)
    if first_ms != second_ms:
        assert (one < other) == (first_ms < second_ms)


@pytest.mark.parametrize(("ms", "random"), [(-1, bytes(10)), (1 << 48, bytes(10)), (0, bytes(9))])
def test_an_id_needs_its_parts(ms, random):
    with pytest.raises(ValueError, match="UUIDv7"):
        uuid7(ms, random)


def test_ids_are_told_apart_by_their_form():
    assert is_sha256("a" * 64)
    assert not is_sha256("A" * 64)
    assert not is_uuid7("a" * 36)
    assert short_id("a" * 64) == "a" * 12
    assert short_id(uuid7(0, bytes(10))) == "00000000"
