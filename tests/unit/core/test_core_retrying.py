"""More attempts: when, after which ends, and after how long."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.retrying import backoff_s, is_tried_again
from lanherd_agent.core.run_states import Preparing, Queued, Running, Starting
from lanherd_protocol import limits
from lanherd_protocol.states import AttemptEnd, Ended, Outcome
from lanherd_protocol.states import Queued as QueuedView
from lanherd_protocol.values import Reason, RetryRule, RunSettings, RunSpec
from tests.simulation.making import (
    NOW,
    PLAIN,
    PROJECT,
    gpu,
    gpu_spec,
    new,
    readings,
    run_id,
    tried,
)
from tests.unit.core.machine import FAILURE, Machine, ended, kinds, why


def end(outcome: Outcome, code: int | None = None, signal: int | None = None) -> Ended:
    reason = Reason(code="x", text="X.")
    return Ended(at=NOW, outcome=outcome, reason=reason, exit_code=code, signal=signal)


# --- The rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "attempt", "how", "again"),
    [
        ({}, 1, end("failed", 1), True),
        ({}, 2, end("failed", 1), True),
        ({}, 3, end("failed", 1), False),
        ({}, 1, end("lost"), True),
        ({}, 1, end("timed_out"), False),
        ({"on": ("timed_out",)}, 1, end("timed_out"), True),
        ({"on": ("timed_out",)}, 1, end("failed", 1), False),
        ({"on": ()}, 1, end("lost"), False),
        ({}, 1, end("succeeded", 0), False),
        ({}, 1, end("cancelled"), False),
        ({"exit_codes": (75,)}, 1, end("failed", 75), True),
        ({"exit_codes": (75,)}, 1, end("failed", 1), False),
        ({"exit_codes": (75,)}, 1, end("failed", None, 9), False),
        ({"exit_codes": (75,)}, 1, end("lost"), True),
        ({"signals": (9,)}, 1, end("failed", None, 9), True),
        ({"signals": (9,)}, 1, end("failed", 9), False),
        ({"signals": (9,), "exit_codes": (75,)}, 1, end("failed", 75), True),
    ],
)
def test_what_is_tried_again(rule: Any, attempt: int, how: Ended, again: bool) -> None:
    assert is_tried_again(RetryRule(attempts_max=3, **rule), attempt, how) is again


def test_the_usual_rule_tries_once() -> None:
    assert not is_tried_again(RetryRule(), 1, end("failed", 1))


@given(
    st.floats(0, limits.BACKOFF_S_MAX),
    st.floats(1, limits.BACKOFF_FACTOR_MAX),
    st.floats(0, limits.BACKOFF_S_MAX),
    st.floats(0, 1),
    st.integers(1, limits.ATTEMPTS_PER_RUN_MAX),
    st.integers(1, 1000),
)
def test_the_backoff_grows_within_its_bounds_and_is_always_the_same(
    first: float, factor: float, most: float, jitter: float, attempt: int, number: int
) -> None:
    rule = RetryRule(backoff_s=first, backoff_factor=factor, backoff_s_max=most, jitter=jitter)
    run = run_id(number)
    delay = backoff_s(rule, run, attempt)
    least = min(first * factor ** (attempt - 1), most)
    assert least <= delay <= least * (1 + jitter)
    assert delay == backoff_s(rule, run, attempt)


def test_runs_that_failed_together_do_not_come_back_together() -> None:
    rule = RetryRule(backoff_s=100, jitter=0.5)
    delays = [backoff_s(rule, run_id(number), 1) for number in range(200)]
    assert min(delays) < 110 and max(delays) > 140 and len(set(delays)) == 200


# --- In the core ---------------------------------------------------------------------------------


def test_a_failed_attempt_is_followed_by_another_after_its_backoff() -> None:
    machine = Machine()
    machine.handle(readings(gpu(0)))
    machine.submit(new(1, tried(3, gpu_spec(8), backoff_s=10, jitter=0)))
    machine.started(1)
    machine.now += 5
    step = machine.exited(1, 7)
    timer = f"retry:{run_id(1)}:2"
    assert step.effects == [f.SetTimer(timer=timer, at=NOW + 15)]
    (view,) = (told.view for told in step.told)
    assert isinstance(view.state, QueuedView) and view.state.not_before == NOW + 15
    assert view.attempt == 2
    assert why(view.state).data == {
        "attempt": 2,
        "attempts_max": 3,
        "outcome": "failed",
        "at": NOW + 15,
    }
    (first,) = view.earlier
    assert isinstance(first, AttemptEnd)
    assert (first.attempt, first.outcome, first.exit_code, first.started_at, first.at) == (
        1,
        "failed",
        7,
        NOW,
        NOW + 5,
    )
    assert first.lease.gpus and machine.core.books.ledger.leased_bytes() == {}
    machine.now += 10
    step = machine.fire("retry", 1, 2)
    assert [effect.id for effect in step.effects] == [f"start:{run_id(1)}:2"]
    assert machine.fire("retry", 1, 2).told == []
    machine.started(1)
    machine.exited(1, 7)
    machine.fire("retry", 1, 3)
    machine.started(1)
    machine.exited(1, 7)
    assert ended(machine, 1).outcome == "failed"
    assert [one.attempt for one in machine.run(1).earlier] == [1, 2]


def test_without_a_backoff_it_starts_at_once() -> None:
    machine = Machine()
    machine.submit(new(1, tried(2, backoff_s=0)))
    machine.started(1)
    step = machine.exited(1, 1)
    assert [effect.id for effect in step.effects] == [f"start:{run_id(1)}:2"]


def test_another_attempt_is_prepared_anew() -> None:
    machine = Machine()
    machine.submit(new(1, tried(2, PROJECT, backoff_s=0)))
    machine.prepared(1)
    machine.started(1)
    step = machine.exited(1, 1)
    assert [effect.id for effect in step.effects] == [f"prepare:{run_id(1)}:2"]
    assert isinstance(machine.state(1), Preparing)


def test_a_retried_run_keeps_its_place_before_those_that_came_later() -> None:
    machine = Machine(rules=None)
    machine.handle(readings(gpu(0)))
    spec = gpu_spec(20)
    machine.submit(new(1, tried(2, spec, backoff_s=1)), new(2, spec), new(3, spec))
    machine.started(1)
    machine.exited(1, 1)
    machine.fire("retry", 1, 2)
    machine.exited(2)
    assert isinstance(machine.state(1), Starting)


def test_a_lost_attempt_is_tried_again_and_an_exit_before_the_start_too() -> None:
    machine = Machine()
    machine.submit(new(1, tried(3)))
    machine.started(1)
    machine.lost(1, "reboot", "")
    assert machine.run(1).earlier[0].reason.code == "lost_reboot"
    machine.fire("retry", 1, 2)
    machine.exited(1, 3)
    assert machine.run(1).attempt == 3


@pytest.mark.parametrize("cause", ["untrusted", "gone"])
def test_one_that_may_still_be_alive_is_not_tried_again(cause: e.LostCause) -> None:
    machine = Machine()
    machine.submit(new(1, tried(3)))
    machine.started(1)
    machine.lost(1, cause, "")
    assert ended(machine, 1).reason.code == f"lost_{cause}"


def test_late_news_of_an_earlier_attempt_is_nothing_to_the_next() -> None:
    machine = Machine()
    machine.submit(new(1, tried(2, backoff_s=0)))
    machine.started(1)
    machine.exited(1, 1)
    machine.started(1)
    before = machine.state(1)
    for late in (
        e.AttemptExited(run=run_id(1), attempt=1, at=NOW, code=0),
        e.AttemptLost(run=run_id(1), attempt=1, at=NOW, why="Gone."),
        e.AttemptStarted(run=run_id(1), attempt=1, pid=9, at=NOW),
        e.TimerFired(timer=f"kill:{run_id(1)}:1"),
    ):
        assert machine.handle(late).told == []
    assert machine.state(1) is before and isinstance(before, Running)


def test_what_never_ran_is_not_tried_again() -> None:
    machine = Machine()
    machine.submit(new(1, tried()), new(2, tried(3, PROJECT)))
    machine.handle(e.AttemptStartFailed(run=run_id(1), attempt=1, failure=FAILURE))
    machine.handle(e.PreparationFailed(run=run_id(2), attempt=1, failure=FAILURE))
    assert ended(machine, 1).outcome == ended(machine, 2).outcome == "failed"


def test_what_somebody_stops_is_not_tried_again() -> None:
    machine = Machine()
    machine.submit(*(new(number, tried()) for number in range(1, 8)))
    for number in (1, 2, 4, 5, 6, 7):
        machine.started(number)
    machine.stop(1)
    machine.exited(1, None, 15)
    assert ended(machine, 1).outcome == "cancelled"
    machine.exited(2, None, 9, stopped=True)
    assert ended(machine, 2).outcome == "cancelled"
    machine.stop(3, command=3)
    machine.lost(3)
    assert ended(machine, 3).outcome == "cancelled"
    machine.stop(4, command=4)
    machine.lost(4)
    over = ended(machine, 4)
    assert (over.outcome, over.reason.code) == ("cancelled", "stop_asked")
    text = "It was asked to stop, and is over. Gone."
    assert over.reason.text == text, "no signal is known to have reached it"
    assert over.reason.data == {"why": "Gone."}
    machine.stop(6, command=6)
    machine.handle(e.AttemptSignalled(run=run_id(6), attempt=1, signal=15, problem="No process."))
    machine.lost(6)
    assert ended(machine, 6).reason.code == "stop_asked"
    machine.stop(7, command=7)
    machine.handle(e.AttemptSignalled(run=run_id(7), attempt=1, signal=15))
    machine.lost(7)
    assert ended(machine, 7).reason.text == "Stopped as asked. Gone."
    machine.lost(5, stopped=True)
    over = ended(machine, 5)
    assert (over.outcome, over.reason.code) == ("cancelled", "stopped")
    assert over.reason.text == "Stopped as asked. Gone.", "nobody saw its exit, and that is told"


def test_what_its_time_limit_ended_is_not_lost_though_nobody_saw_its_exit() -> None:
    machine = Machine()
    rule = RetryRule(attempts_max=2, backoff_s=0)
    spec = RunSpec(command=("x",), time_limit_s=5, retry=rule)
    machine.submit(new(1, spec), new(2, spec))
    machine.started(1)
    machine.fire("limit", 1)
    machine.lost(1)
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code) == ("timed_out", "timed_out")
    assert over.reason.text == "Its time limit of 5 s was reached. Gone."
    assert over.reason.data == {"limit_s": 5, "why": "Gone."}
    machine.started(2)
    machine.lost(2, timed_out=True)
    assert ended(machine, 2).outcome == "timed_out", "its launcher carried the limit out"


def test_a_stop_during_the_backoff_cancels() -> None:
    machine = Machine()
    machine.submit(new(1, tried()))
    machine.started(1)
    machine.exited(1, 1)
    step = machine.stop(1)
    assert kinds(step.effects) == ["CancelTimer", "NoteSettings"]
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code) == ("cancelled", "cancelled_between")
    assert machine.fire("retry", 1, 2).told == []


def test_that_it_was_cancelled_stays_to_be_noted_though_its_settings_change() -> None:
    machine = Machine()
    machine.submit(new(1, tried()))
    machine.started(1)
    machine.exited(1, 1)
    cancelled = machine.stop(1).effects[-1]
    assert cancelled == f.NoteSettings(
        run=run_id(1), settings=RunSettings(), cancelled_at=machine.now
    )
    newer = RunSettings(notes="late")
    (changed,) = machine.change(1, command=2, notes="late").effects
    assert changed == f.NoteSettings(run=run_id(1), settings=newer, cancelled_at=machine.now)
    without = e.SettingsNoted(run=run_id(1), settings=newer)
    assert machine.handle(without).effects_ended == []
    noted = e.SettingsNoted(run=run_id(1), settings=newer, cancelled_at=machine.now)
    assert machine.handle(noted).effects_ended == [changed.id]


def test_a_hold_during_the_backoff_outlasts_it() -> None:
    machine = Machine()
    machine.submit(new(1, tried()))
    machine.started(1)
    machine.exited(1, 1)
    step = machine.change(1, held=True)
    assert kinds(step.effects) == ["NoteSettings"]
    assert why(machine.state(1)).code == "held"
    machine.fire("retry", 1, 2)
    state = machine.state(1)
    assert isinstance(state, Queued) and state.not_before is None
    machine.change(1, command=2, held=False)
    assert isinstance(machine.state(1), Starting)


def test_a_release_during_the_backoff_waits_it_out() -> None:
    machine = Machine()
    machine.submit(new(1, tried()))
    machine.started(1)
    machine.exited(1, 1)
    machine.change(1, held=True)
    machine.change(1, command=2, held=False)
    assert why(machine.state(1)).code == "backoff"


def test_the_backoff_goes_on_after_a_restart_of_the_agent() -> None:
    machine = Machine()
    machine.submit(new(1, tried(backoff_s=100, jitter=0)))
    machine.started(1)
    machine.exited(1, 1)
    again = machine.again()
    timer = f"retry:{run_id(1)}:2"
    assert again.core.resume() == []
    assert again.core.timers(NOW + 40) == [f.SetTimer(timer=timer, at=NOW + 100)]
    assert again.core.timers(NOW - 1e6) == [f.SetTimer(timer=timer, at=NOW - 1e6 + 100)]
    again.fire("retry", 1, 2)
    assert isinstance(again.state(1), Starting)


def test_an_attempt_that_timed_out_is_tried_again_where_the_rule_says_so() -> None:
    machine = Machine()
    spec = tried(2, on=("timed_out",), backoff_s=0)
    machine.submit(new(1, spec))
    machine.started(1)
    machine.exited(1, None, 15, timed_out=True)
    assert machine.run(1).attempt == 2
    assert machine.run(1).earlier[0].outcome == "timed_out"
    machine.submit(new(2, PLAIN))
