"""Runs that wait for other runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.events import RunsSubmitted
from lanherd_agent.core.invariants import check
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Queued, Starting
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import short_id
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended
from lanherd_protocol.values import DependencyKind, RunSettings
from tests.simulation.making import (
    NOW,
    PROJECT,
    after,
    gpu_spec,
    new,
    readings,
    run_id,
    tried,
)
from tests.unit.core.machine import Machine, ended, why


def refusal(machine: Machine, *runs: NewRun) -> LanherdError:
    before = dict(machine.core.books.runs)
    with pytest.raises(LanherdError) as refused:
        machine.submit(*runs)
    assert machine.core.books.runs == before
    return refused.value


def waits(machine: Machine, number: int) -> bool:
    state = machine.state(number)
    return isinstance(state, Queued) and state.reason.code == "waits_for"


# --- What comes true -----------------------------------------------------------------------------


def test_after_ok_waits_for_a_success() -> None:
    machine = Machine()
    step = machine.submit(new(1), new(2, after(1)))
    reason = why(step.reply[1].state)
    assert reason.text == f"Waits for run {short_id(run_id(1))} to succeed."
    assert reason.data == {"run": run_id(1), "kind": "after_ok", "runs": 1}
    machine.started(1)
    assert waits(machine, 2)
    machine.exited(1)
    assert isinstance(machine.state(2), Starting)


@pytest.mark.parametrize("code", [0, 1])
def test_after_any_waits_for_any_end(code: int) -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1, kind="after_any")))
    machine.started(1)
    assert waits(machine, 2)
    machine.exited(1, code)
    assert isinstance(machine.state(2), Starting)


def test_after_waits_for_a_start() -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1, kind="after")))
    assert waits(machine, 2)
    machine.started(1)
    assert isinstance(machine.state(2), Starting)


def test_after_is_also_met_by_an_end_and_by_an_attempt_that_is_followed_by_another() -> None:
    machine = Machine()
    machine.submit(
        new(1), new(2, after(1, kind="after")), new(3, tried()), new(4, after(3, kind="after"))
    )
    machine.stop(1)
    machine.exited(1)
    machine.exited(3, 1)
    assert isinstance(machine.state(2), Starting)
    assert isinstance(machine.state(4), Starting)


def test_several_are_waited_for_one_after_the_other() -> None:
    machine = Machine()
    machine.submit(new(1), new(2), new(3, after(1, 2)))
    assert why(machine.state(3)).text.endswith("to succeed, and for 1 other run.")
    machine.exited(1)
    state = machine.state(3)
    assert isinstance(state, Queued) and [one.run for one in state.waits_for] == [run_id(2)]
    assert why(state).data["run"] == run_id(2)
    machine.exited(2)
    assert isinstance(machine.state(3), Starting)


def test_a_retried_run_is_waited_for_until_its_last_attempt() -> None:
    machine = Machine()
    machine.submit(
        new(1, tried(2, backoff_s=0)), new(2, after(1)), new(3, after(1, kind="after_any"))
    )
    machine.started(1)
    machine.exited(1, 1)
    assert waits(machine, 2) and waits(machine, 3)
    machine.started(1)
    machine.exited(1, 0)
    assert isinstance(machine.state(2), Starting) and isinstance(machine.state(3), Starting)


def test_what_is_met_already_is_not_waited_for() -> None:
    machine = Machine()
    machine.submit(new(1), new(2))
    machine.started(2)
    machine.exited(1)
    step = machine.submit(
        new(3, after(1)), new(4, after(1, kind="after_any")), new(5, after(2, kind="after"))
    )
    for number in (3, 4, 5):
        assert isinstance(machine.state(number), Starting)
    # The answer is made from what never changes, so it says what was asked for.
    assert {why(view.state).code for view in step.reply} == {"waits_for"}


def test_one_that_waits_is_prepared_only_then() -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1, spec=PROJECT)))
    machine.exited(1)
    assert machine.state(2).__class__.__name__ == "Preparing"


def test_a_held_one_stays_held_when_its_turn_comes() -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1), RunSettings(held=True)))
    assert why(machine.state(2)).code == "held"
    machine.change(2, held=False)
    assert waits(machine, 2)
    machine.change(2, command=2, held=True)
    machine.exited(1)
    assert why(machine.state(2)).code == "held"
    machine.change(2, command=3, held=False)
    assert isinstance(machine.state(2), Starting)


# --- What can't come true ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["failed", "cancelled", "lost"])
def test_after_ok_gives_up_when_there_can_be_no_success(how: str) -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1)), new(3, after(2)), new(4, after(3, kind="after_any")))
    if how == "failed":
        machine.exited(1, 1)
    elif how == "lost":
        machine.lost(1)
    else:
        machine.started(1)
        machine.stop(1)
        machine.exited(1, None, 15)
    second, third = ended(machine, 2), ended(machine, 3)
    assert second.outcome == third.outcome == "cancelled"
    assert second.reason.data == {"run": run_id(1), "outcome": how}
    assert second.reason.code == "dependency_failed"
    assert third.reason.data == {"run": run_id(2), "outcome": "cancelled"}
    assert short_id(run_id(1)) in second.reason.text and second.reason.remedy
    assert isinstance(machine.state(4), Starting)


def test_one_that_can_not_come_true_any_more_is_given_up_at_once_and_said_the_same_again() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.exited(1, 1)
    late = (new(2, after(1)), new(3, after(2)))
    first = machine.submit(*late)
    assert ended(machine, 2).reason.code == ended(machine, 3).reason.code == "dependency_failed"
    assert machine.submit(*late).reply == first.reply


def test_a_run_that_waits_for_others_can_be_cancelled() -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1)), new(3, after(1)))
    machine.stop(2)
    assert list(machine.core.books.dependents[run_id(1)]) == [run_id(3)]
    machine.exited(1)
    assert ended(machine, 2).outcome == "cancelled"


def test_a_long_chain_falls_without_recursion() -> None:
    machine = Machine(Rules(queued_runs_max=10_000))
    chain = [new(1), *(new(number, after(number - 1)) for number in range(2, 5_001))]
    core = machine.core
    core.handle(RunsSubmitted(owner="ann", runs=tuple(chain)), NOW)
    machine.exited(1, 1)
    assert ended(machine, 5_000).reason.data["run"] == run_id(4_999)


# --- What is refused -----------------------------------------------------------------------------


def test_a_cycle_is_refused_and_named() -> None:
    machine = Machine()
    failure = refusal(
        machine, new(1, after(3)), new(2, after(1)), new(3, after(2)), new(4, after(1))
    ).failure
    assert failure.code is ErrorCode.INVALID_REQUEST
    named = [short_id(run_id(number)) for number in (1, 3, 2, 1)]
    assert " → ".join(named) in failure.message


def test_a_cycle_behind_a_tail_is_found() -> None:
    failure = refusal(Machine(), new(1, after(2)), new(2, after(3)), new(3, after(2))).failure
    assert str(failure.data["cycle"]).split() == [run_id(2), run_id(3), run_id(2)]


def test_a_run_that_nobody_knows_can_not_be_waited_for() -> None:
    failure = refusal(Machine(), new(1), new(2, after(9))).failure
    assert failure.code is ErrorCode.NOT_FOUND and failure.data["other"] == run_id(9)


def test_a_run_can_not_wait_for_itself() -> None:
    assert "itself" in str(refusal(Machine(), new(1, after(1))))


@given(st.data())
def test_what_has_no_cycle_ends_and_what_has_one_is_refused(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    numbers = st.sets(st.integers(1, count), max_size=3)
    edges = {number: data.draw(numbers) - {number} for number in range(1, count + 1)}
    kinds: list[DependencyKind] = ["after", "after_ok", "after_any"]
    runs = tuple(
        new(number, after(*others, kind=data.draw(st.sampled_from(kinds))))
        for number, others in edges.items()
    )
    core = AgentCore()
    ranks: dict[int, int] = {}
    for _ in range(count):
        for number, others in edges.items():
            if all(other in ranks for other in others):
                ranks.setdefault(number, len(ranks))
    machine = Machine(core=core)
    if len(ranks) < count:
        assert "wait for each other" in str(refusal(machine, *runs))
        return
    machine.submit(*runs)
    while core.books.waiting or len(core.books.ledger):
        live = [n for n in edges if isinstance(machine.state(n), Starting)]
        assert live, "nobody can go on"
        machine.exited(data.draw(st.sampled_from(live)), data.draw(st.sampled_from((0, 1))))
    check(core)
    assert core.books.dependents == {}


# --- Restarts of the agent -----------------------------------------------------------------------


def test_dependencies_go_on_after_a_restart_of_the_agent() -> None:
    machine = Machine()
    machine.submit(new(1), new(2, after(1)))
    again = machine.again()
    again.handle(readings())
    again.exited(1)
    assert isinstance(again.state(2), Starting)


def test_ended_runs_that_only_the_store_knows_can_be_waited_for() -> None:
    machine = Machine()
    machine.submit(new(5))
    machine.exited(5)
    record = machine.run(5).record()
    machine.core.forget([run_id(5)])
    asked = RunsSubmitted(owner="ann", runs=(new(6, after(5)),))
    assert machine.core.strangers(asked) == [run_id(5)]
    machine.core.recall([record])
    machine.handle(asked)
    assert isinstance(machine.state(6), Starting)
    machine.core.recall([record])
    assert isinstance(machine.state(5), Ended)
    assert gpu_spec().gpus.count == 1
