"""What a listing holds when not all of it fits into one message."""

from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.api.fitting import all_fit, first_that_fit


@given(st.lists(st.integers(0, 50)), st.integers(0, 100))
def test_the_first_that_fit(sizes: list[int], room: int) -> None:
    fitting = first_that_fit(sizes, int, room)
    assert list(fitting) == sizes[: len(fitting)]
    assert sum(fitting) <= room or len(fitting) == 1
    if len(fitting) < len(sizes):
        assert sum(sizes[: len(fitting) + 1]) > room


def test_all_fit() -> None:
    assert all_fit([], len)
    assert all_fit(["x" * 1000] * 900, len)
    assert not all_fit(["x" * 1000] * 1100, len)
