"""The rate that a push tells, and which of several failures it tells."""

import asyncio

import pytest

from lanherd_client.projects.delivery import together
from lanherd_client.projects.push_progress import PACE_WINDOW_S, Pace
from lanherd_protocol.errors import ErrorCode, LanherdError, error


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.rate(0) is None
    clock.now += 0.3
    assert pace.rate(300) is None
    clock.now += 0.7
    assert pace.rate(1000) == pytest.approx(1000)
    for _ in range(20):
        clock.now += 1.0
        rate = pace.rate(1000)
    assert rate is None
    for step in range(1, 21):
        clock.now += 0.5
        rate = pace.rate(1000 + 1000 * step)
    assert rate == pytest.approx(2000, rel=0.05)
    clock.now += PACE_WINDOW_S
    assert pace.rate(25_000) is not None


async def fail(problem: Exception) -> None:
    await asyncio.sleep(0)
    raise problem


async def test_what_tells_more_than_a_lost_connection_goes_first() -> None:
    lost = error(ErrorCode.CONNECTION_LOST, "Lost.")
    full = error(ErrorCode.DISK_FULL, "Full.")
    for problems in ((lost, full), (full, lost), (lost, lost, full)):
        with pytest.raises(LanherdError) as raised:
            await together(*(fail(one) for one in problems))
        assert raised.value is full
    with pytest.raises(LanherdError) as raised:
        await together(fail(lost))
    assert raised.value is lost


async def test_of_failures_within_failures_the_telling_one_is_found() -> None:
    bug = ValueError("a bug")

    async def nested() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(bug))

    with pytest.raises(ValueError, match="a bug"):
        await together(nested())
