import asyncio

import pytest

from lanherd_client import observers
from lanherd_client.changes import (
    Change,
    MachineChanged,
    RunChanged,
    RunsChanged,
    SightingsChanged,
    TelemetryChanged,
)
from lanherd_client.observers import Changes
from tests.support.scripted_agent import MACHINE, run_id


async def test_the_same_change_waits_once() -> None:
    changes = Changes([SightingsChanged()])
    for _ in range(1000):
        changes.put([TelemetryChanged(MACHINE), RunChanged(MACHINE, run_id(1))])
    assert await changes.batch() == [
        SightingsChanged(),
        TelemetryChanged(MACHINE),
        RunChanged(MACHINE, run_id(1)),
    ]
    assert changes.take() == []


async def test_very_many_runs_become_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observers, "NAMED_RUNS_MAX", 3)
    changes = Changes()
    changes.put([MachineChanged(MACHINE)])
    for number in range(10):
        changes.put([RunChanged(MACHINE, run_id(number))])
    assert changes.take() == [MachineChanged(MACHINE), RunsChanged(MACHINE)]
    changes.put([RunChanged(MACHINE, run_id(1))])
    assert changes.take() == [RunChanged(MACHINE, run_id(1))]


async def test_a_batch_waits_for_something() -> None:
    changes = Changes()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(changes.batch())
        await asyncio.sleep(0)
        assert not waiting.done()
        changes.put([])
        changes.put([SightingsChanged()])
        assert await waiting == [SightingsChanged()]


async def test_closing_ends_the_iteration_and_later_changes_are_dropped() -> None:
    seen: list[Change] = []
    with Changes([SightingsChanged(), MachineChanged(MACHINE)]) as changes:
        async for change in changes:
            seen.append(change)
            changes.close()
            changes.put([TelemetryChanged(MACHINE)])
    assert seen == [SightingsChanged(), MachineChanged(MACHINE)]
    assert changes.closed
    assert await changes.batch() == []
