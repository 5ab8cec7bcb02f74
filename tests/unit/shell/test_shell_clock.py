"""A clock that is set a year forward or back kills nothing, loses nothing, delays nothing by it."""

import asyncio

import pytest
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.persist.memory import MemoryStore
from lanherd_protocol.states import Ended, Queued, Running, Stopping
from lanherd_protocol.values import RetryRule, RunSpec
from tests.simulation.making import NOW, PLAIN, new, run_id, stop
from tests.unit.shell.driving import Driven, GatedStore, HandClock, serving, until

YEAR_S = 365 * 86_400.0
LIMITED = replace(PLAIN, time_limit_s=100.0)
RETRIED = RunSpec(command=("false",), retry=RetryRule(attempts_max=2, backoff_s=40.0, jitter=0.0))
BOTH_WAYS = pytest.mark.parametrize("year_s", [YEAR_S, -YEAR_S])


async def three(driven: Driven) -> None:
    """One runs with a limit of 100 s, one is being stopped with 30 s of grace, and one waits 40 s
    for its next attempt."""
    runs = (new(1, LIMITED), new(2), new(3, RETRIED))
    await driven.shell.submit("ann", runs)
    for number in (1, 2, 3):
        driven.started(run_id(number))
        await driven.wait_state(run_id(number), "running")
    await driven.shell.stop("ann", stop(2, grace_s=30.0))
    driven.exited(run_id(3), code=1)
    await until(lambda: len(driven.clock.waiting()) == 3)
    driven.executor.take()


def signals(driven: Driven) -> list[tuple[int, int]]:
    """Of which run, and which signal."""
    return [
        (int(effect.run[-1]), effect.signal)
        for effect in driven.executor.take()
        if isinstance(effect, f.SignalAttempt)
    ]


@BOTH_WAYS
async def test_set_while_the_agent_runs(year_s: float) -> None:
    async with serving() as driven:
        await three(driven)
        driven.clock.set_by(year_s)
        assert sorted(driven.clock.waiting()) == [30, 40, 100]
        driven.clock.move(29)
        await driven.shell.submit("ann", (new(4),))
        assert signals(driven) == []
        driven.clock.move(1)
        await until(lambda: bool(driven.executor.wanted))
        assert signals(driven) == [(2, 9)]
        driven.clock.move(10)
        await driven.wait_state(run_id(3), "starting")
        driven.clock.move(59)
        await driven.shell.submit("ann", (new(5),))
        assert (1, 15) not in signals(driven)
        driven.clock.move(1)
        await driven.wait_state(run_id(1), "stopping")
        assert (1, 15) in signals(driven)


@BOTH_WAYS
async def test_set_while_a_turn_is_committed(year_s: float) -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1),))
        driven.started(run_id(1))
        await driven.wait_state(run_id(1), "running")
        store.shut()
        stopping = asyncio.ensure_future(driven.shell.stop("ann", stop(1, grace_s=30.0)))
        await until(lambda: store.arrived == 1)
        driven.clock.set_by(year_s)
        store.gate.set()
        await stopping
        assert driven.clock.waiting() == [30]


@BOTH_WAYS
async def test_set_while_the_agent_is_away(year_s: float) -> None:
    store = MemoryStore()
    async with serving(store) as driven:
        await three(driven)
    clock = HandClock()
    clock.time = NOW + year_s
    async with serving(store, clock=clock) as driven:
        assert all(0 <= wait_s <= 100 for wait_s in clock.waiting())
        driven.clock.move(0)
        adopted = {effect.run for effect in driven.executor.take()}
        assert {run_id(1), run_id(2)} <= adopted
        driven.shell.post(e.AttemptAdopted(run=run_id(1), attempt=1, elapsed_s=60.0))
        driven.shell.post(e.AttemptAdopted(run=run_id(2), attempt=1, elapsed_s=60.0))
        await driven.shell.submit("ann", (new(5),))
        running = (await driven.shell.view(run_id(1))).state
        assert isinstance(running, Running) and running.limit_at == clock.time + 40
        assert isinstance((await driven.shell.view(run_id(2))).state, Stopping)
        waiting = (await driven.shell.view(run_id(3))).state
        assert not isinstance(waiting, Ended)
        clock.move(39)
        await driven.shell.submit("ann", (new(6),))
        assert isinstance((await driven.shell.view(run_id(1))).state, Running)
        clock.move(1)
        await driven.wait_state(run_id(1), "stopping")
        driven.exited(run_id(2))
        await driven.wait_state(run_id(2), "ended")
        clock.move(1)
        await until(lambda: not isinstance(_state(driven), Queued))


def _state(driven: Driven) -> object:
    return driven.shell._core.books.runs[run_id(3)].state
