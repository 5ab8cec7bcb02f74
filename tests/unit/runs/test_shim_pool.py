"""Whom the pool gives an attempt to, and how long a start waits for a shim, by the clock alone."""

import os
import time
from collections.abc import Iterator

import pytest

from lanherd_agent.runs.shim_pool import WAIT_S, WAIT_S_MAX, YOUNG_MAX, ShimPool


class Rig:
    """A pool whose forks are counted and whose time is told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.forks = 0
        self.pool = ShimPool(self._run_shim, idle_s=10.0)

    def _run_shim(self, directory: str, channel: int, to_close: list[int]) -> None:
        raise AssertionError("nothing is forked here")

    def fork(self) -> int:
        self.forks += 1
        return self.forks

    def place(self) -> int:
        """An attempt's shim, after the wait for it."""
        self.now = max(self.now, self.pool.room_at())
        pid, forked = self.pool.place("/run", list)
        if forked:  # and nobody reads the other end of its channel
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.pool.channels[pid], inheritable=False)
            os.close(null)
        return pid

    def fill(self) -> list[int]:
        return [self.place() for _ in range(YOUNG_MAX)]

    def end(self, pid: int, took_s: float = 0.0) -> None:
        self.now += took_s
        self.pool.on_idle(pid)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig()
    monkeypatch.setattr(time, "monotonic", lambda: rig.now)
    monkeypatch.setattr(os, "fork", rig.fork)
    yield rig
    for pid in list(rig.pool.channels):
        rig.pool.close(pid)


def test_the_first_attempts_wait_for_nothing(rig: Rig) -> None:
    began = rig.now
    assert rig.fill() == [1, 2, 3, 4]
    assert rig.now == began


def test_the_next_waits_for_a_shim_that_may_be_free_soon(rig: Rig) -> None:
    shims = rig.fill()
    assert rig.pool.room_at() == pytest.approx(rig.now + WAIT_S)
    rig.end(shims[2])
    assert rig.pool.room_at() == 0.0
    assert rig.place() == shims[2]
    assert rig.forks == YOUNG_MAX


def test_one_that_waited_in_vain_gets_a_shim_of_its_own(rig: Rig) -> None:
    began = rig.now
    rig.fill()
    assert rig.place() == YOUNG_MAX + 1
    assert rig.now == pytest.approx(began + WAIT_S)


def test_where_short_commands_take_longer_a_start_waits_longer(rig: Rig) -> None:
    """A busy machine: a fork for each start would make it busier yet."""
    took_s = WAIT_S * 1.7
    for _ in range(40):
        rig.end(rig.place(), took_s)
    shims, forks = rig.fill(), rig.forks
    assert rig.pool.room_at() - rig.now > took_s
    rig.end(shims[0], took_s)
    assert rig.place() == shims[0]
    assert rig.forks == forks


def test_no_wait_grows_beyond_its_bound(rig: Rig) -> None:
    for _ in range(200):
        rig.end(rig.place(), WAIT_S_MAX)
    rig.fill()
    assert rig.pool.room_at() - rig.now <= WAIT_S_MAX


def test_long_commands_are_not_waited_for(rig: Rig) -> None:
    """After many that took long for short ones, and in a burst of long ones."""
    for _ in range(40):
        rig.end(rig.place(), WAIT_S_MAX)
    for _ in range(60):
        rig.place()
    assert rig.pool.room_at() - rig.now < WAIT_S * 1.1
    rig.end(YOUNG_MAX, 3600.0)
    assert rig.pool.wait_s < WAIT_S * 1.1
