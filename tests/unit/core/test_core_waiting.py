"""Runs that wait for something of their own: a release, their priority's turn, room on the disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.places import key_before, key_of, ordinal_of, place_of
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Preparing, Queued, Starting
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.states import Ended
from lanherd_protocol.values import RunSettings
from tests.simulation.making import (
    GB,
    PLAIN,
    PROJECT,
    gpu,
    gpu_spec,
    new,
    readings,
)
from tests.unit.core.machine import Machine, codes, ended, kinds, why

HELD = RunSettings(held=True)
FIRST = RunSettings(priority=10)
LAST = RunSettings(priority=-10)


def disk(free_gb: float, low_gb: float = 10) -> e.DiskRead:
    return e.DiskRead(free_bytes=int(free_gb * GB), low_bytes=int(low_gb * GB))


# --- Places --------------------------------------------------------------------------------------


AGEING_S = 600.0
NS = 1_000_000_000


@given(
    st.integers(-PRIORITY_MAX, PRIORITY_MAX),
    st.integers(0, 1 << 62),
    st.integers(1, 1 << 40),
    st.integers(-PRIORITY_MAX, PRIORITY_MAX),
    st.integers(0, 1 << 62),
    st.integers(1, 1 << 40),
)
def test_a_step_of_priority_is_worth_a_wait(
    priority: int, line_ns: int, ordinal: int, other: int, other_ns: int, other_ordinal: int
) -> None:
    mine = place_of(line_ns, priority, ordinal, AGEING_S)
    theirs = place_of(other_ns, other, other_ordinal, AGEING_S)
    step_ns = 600 * NS
    keys = (line_ns - priority * step_ns, other_ns - other * step_ns)
    assert (mine < theirs) == ((keys[0], ordinal) < (keys[1], other_ordinal))
    assert (key_of(mine), ordinal_of(mine)) == (keys[0], ordinal)


def test_a_key_goes_between_two_as_long_as_there_is_room() -> None:
    assert key_before(1000, []) < 1000
    key, ahead = 100_000, 0
    for _ in range(70):
        ahead = key_before(key, [ahead])
        assert 0 < ahead < key
    assert key_before(10, [9, 8, 0]) in range(1, 8)
    assert key_before(10, [9, 8]) < 8


def test_a_higher_priority_goes_first() -> None:
    machine = Machine(Rules(runs_at_once_max=1))
    machine.submit(new(1), new(2), new(3, PLAIN, FIRST), new(4, PLAIN, LAST))
    assert isinstance(machine.state(3), Starting)
    machine.change(4, priority=50)
    machine.exited(3)
    assert isinstance(machine.state(4), Starting)
    machine.exited(4)
    assert isinstance(machine.state(1), Starting)


def test_a_run_that_is_being_prepared_keeps_its_preparation_at_its_new_place() -> None:
    machine = Machine(Rules(prepare_ahead_max=1, runs_at_once_max=1))
    machine.submit(new(1), new(2, PROJECT), new(3, PROJECT))
    step = machine.change(2, priority=-5)
    assert step.effects == [] and isinstance(machine.state(2), Preparing)
    assert step.reply[0].settings.priority == -5
    machine.prepared(2)
    machine.prepared(3)
    machine.exited(1)
    assert isinstance(machine.state(3), Starting)


def test_the_queue_parks_and_finds_again() -> None:
    queue = Queue()
    queue.parked.add(7)
    assert len(queue) == 1
    queue.remove(7)
    assert len(queue) == 0


# --- Held ----------------------------------------------------------------------------------------


def test_a_held_run_waits_until_it_is_released() -> None:
    machine = Machine()
    step = machine.submit(new(1, PLAIN, HELD), new(2))
    assert why(step.reply[0].state).code == why(machine.state(1)).code == "held"
    assert isinstance(machine.state(2), Starting)
    assert machine.change(1, held=True).told == []
    step = machine.change(1, command=2, held=False)
    assert isinstance(machine.state(1), Starting)
    assert step.reply[0].settings == RunSettings()
    assert step.reply[0].seq == step.told[0].view.seq


def test_a_waiting_run_can_be_held_and_keeps_its_place() -> None:
    machine = Machine(Rules(runs_at_once_max=1))
    machine.submit(new(1), new(2), new(3))
    machine.change(2, held=True)
    assert why(machine.state(2)).code == "held"
    machine.exited(1)
    assert isinstance(machine.state(3), Starting)
    machine.submit(new(4))
    machine.change(2, command=2, held=False)
    machine.exited(3)
    assert isinstance(machine.state(2), Starting)


def test_a_hold_while_it_is_prepared_parks_it_afterwards() -> None:
    machine = Machine()
    machine.submit(new(1, PROJECT))
    step = machine.change(1, held=True)
    assert step.effects == [] and isinstance(machine.state(1), Preparing)
    machine.prepared(1)
    assert why(machine.state(1)).code == "held"
    step = machine.change(1, command=2, held=False)
    assert kinds(step.effects) == ["StartAttempt"]
    start = step.effects[0]
    assert isinstance(start, f.StartAttempt)
    assert (start.owner, start.ordinal, start.settings) == ("ann", 1, RunSettings())


def test_an_unprepared_run_that_is_released_is_prepared() -> None:
    machine = Machine()
    machine.submit(new(1, PROJECT, HELD))
    assert kinds(machine.change(1, held=False).effects) == ["PrepareRun"]


def test_a_held_run_can_be_cancelled() -> None:
    machine = Machine()
    machine.submit(new(1, PLAIN, HELD))
    machine.stop(1)
    assert ended(machine, 1).outcome == "cancelled"


@pytest.mark.parametrize("then", ["starting", "running", "stopping", "ended"])
def test_what_is_started_or_over_can_not_be_held(then: str) -> None:
    machine = Machine()
    machine.submit(new(1))
    if then != "starting":
        machine.started(1)
    if then == "stopping":
        machine.stop(1)
    if then == "ended":
        machine.exited(1)
    with pytest.raises(LanherdError) as refused:
        machine.change(1, command=9, held=True, priority=5)
    assert refused.value.code is ErrorCode.CONFLICT
    assert refused.value.failure.remedy
    assert machine.run(1).settings == RunSettings()


def test_a_restart_keeps_held_runs_parked() -> None:
    machine = Machine()
    machine.submit(new(1, PLAIN, HELD))
    again = machine.again()
    again.handle(readings())
    assert why(again.state(1)).code == "held"
    again.change(1, held=False)
    assert isinstance(again.state(1), Starting)


# --- A low disk ----------------------------------------------------------------------------------


def test_nothing_is_prepared_or_started_on_a_low_disk() -> None:
    machine = Machine()
    machine.handle(disk(9))
    step = machine.submit(new(1), new(2, PROJECT))
    assert step.effects == []
    assert why(step.reply[0].state).code == "in_line"
    reason = why(machine.state(1))
    assert (reason.code, why(machine.state(2)).code) == ("low_disk", "low_disk")
    assert reason.text == "The machine's disk has 9 GB free; no run is started below 10 GB."
    assert reason.data == {"free_bytes": 9 * GB, "low_bytes": 10 * GB} and reason.remedy
    assert machine.core.books.queue.gate == reason


def test_runs_start_again_once_there_is_a_good_deal_of_room() -> None:
    machine = Machine()
    machine.handle(disk(9))
    machine.submit(new(1))
    assert machine.handle(disk(10.5)).effects != []
    assert isinstance(machine.state(1), Queued)
    machine.handle(disk(11))
    assert isinstance(machine.state(1), Starting)
    assert machine.core.books.queue.gate is None


def test_live_runs_go_on_while_the_disk_is_low() -> None:
    machine = Machine(Rules(prepare_ahead_max=1))
    machine.submit(new(1), new(2, PROJECT), new(3, PROJECT))
    machine.handle(disk(1))
    machine.started(1)
    machine.prepared(2)
    assert isinstance(machine.state(2), Queued)
    machine.exited(1)
    machine.now += 2
    machine.handle(e.TimerFired(timer="explain"))
    assert why(machine.state(2)).code == why(machine.state(3)).code == "low_disk"
    step = machine.handle(disk(50))
    assert sorted(kinds(step.effects)) == ["PrepareRun", "StartAttempt"]


def test_the_first_in_line_are_told_of_a_low_disk_and_the_numbers_as_they_change() -> None:
    machine = Machine(Rules(explained_max=2, runs_at_once_max=1, prepare_ahead_max=0))
    machine.submit(new(1), new(2), new(3, PROJECT), new(4), new(5, PROJECT))
    step = machine.handle(disk(5))
    assert codes(step) == ["low_disk", "low_disk"]
    assert machine.handle(disk(5)).told == []
    machine.now += 2
    assert codes(machine.handle(disk(4))) == ["low_disk", "low_disk"]
    machine.now += 2
    assert machine.handle(disk(4 - 1 / 64)).told == []
    machine.now += 2
    step = machine.handle(disk(50))
    assert set(codes(step)) == {"unprepared", "runs_at_once"}
    assert why(machine.state(3)).code == "unprepared"


def test_a_low_disk_that_nobody_waits_for_is_not_told() -> None:
    machine = Machine()
    assert machine.handle(disk(1)).effects == []
    assert machine.handle(disk(100)).effects == []
    assert machine.handle(disk(100)).effects == []


def test_after_a_restart_the_disk_counts_as_unread() -> None:
    machine = Machine(Rules(runs_at_once_max=1, prepare_ahead_max=0))
    machine.submit(new(1), new(2, gpu_spec(1)), new(3, PROJECT))
    machine.handle(disk(1))
    again = machine.again()
    again.handle(readings(gpu(0)))
    assert why(again.state(3)).code == "unprepared"
    assert isinstance(machine.state(2), Queued)


def test_a_run_of_a_low_disk_can_be_cancelled() -> None:
    machine = Machine()
    machine.handle(disk(1))
    machine.submit(new(1))
    machine.stop(1)
    assert isinstance(machine.state(1), Ended)
    assert len(machine.core.books.ledger) == 0
