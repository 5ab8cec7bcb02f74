"""What happens to a run, event by event, with the invariants checked after each."""

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Running, Starting
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended
from lanherd_protocol.states import Queued as QueuedView
from lanherd_protocol.states import Stopping as StoppingView
from lanherd_protocol.values import RunSpec
from tests.simulation.making import (
    GB,
    NOW,
    PLAIN,
    PROJECT,
    gpu,
    gpu_spec,
    new,
    readings,
    run_id,
    stop,
)
from tests.unit.core.machine import FAILURE, Machine, ended, kinds, why


def test_a_plain_run_starts_in_the_event_that_brings_it() -> None:
    machine = Machine()
    step = machine.submit(new(1))
    assert kinds(step.effects) == ["StartAttempt"]
    assert [told.view.state.__class__.__name__ for told in step.told] == ["Starting"]
    assert step.reply[0].seq == 0 and why(step.reply[0].state).code == "in_line"
    step = machine.started(1, pid=42)
    assert step.effects_ended == [f"start:{run_id(1)}:1"]
    assert machine.state(1) == Running(
        since=NOW, pid=42, lease=machine.core.books.ledger.leases()[(run_id(1), 1)]
    )
    machine.now += 5
    machine.exited(1)
    over = ended(machine, 1)
    assert (over.outcome, over.exit_code, over.started_at, over.at) == (
        "succeeded",
        0,
        NOW,
        NOW + 5,
    )
    assert len(machine.core.books.ledger) == 0


@pytest.mark.parametrize(
    ("code", "signal", "outcome", "reason"),
    [
        (3, None, "failed", "exit_code"),
        (None, 9, "failed", "signal"),
        (None, 63, "failed", "signal"),
        (None, None, "lost", "exit_unknown"),
    ],
)
def test_an_exit_is_told_as_it_was(
    code: int | None, signal: int | None, outcome: str, reason: str
) -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.exited(1, code, signal)
    assert (ended(machine, 1).outcome, ended(machine, 1).reason.code) == (outcome, reason)


def test_an_exit_may_come_before_the_start_is_told() -> None:
    machine = Machine()
    machine.submit(new(1))
    event = e.AttemptExited(run=run_id(1), attempt=1, at=NOW + 1, code=0, started_at=NOW)
    assert machine.handle(event).effects_ended == [f"start:{run_id(1)}:1"]
    assert ended(machine, 1).started_at == NOW
    before = machine.core.seq
    assert machine.started(1).told == []
    assert machine.core.seq == before


def test_a_stop_counts_though_the_exit_came_before_the_start_is_told() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.stop(1)
    machine.exited(1, 0)
    assert (ended(machine, 1).outcome, ended(machine, 1).reason.code) == ("cancelled", "stop_asked")


def test_a_stop_that_took_a_kill_says_so() -> None:
    machine = Machine()
    machine.submit(new(1), new(2), new(3))
    for number in (1, 2, 3):
        machine.started(number)
        machine.stop(number, command=number)
    machine.exited(1, None, 9)
    assert ended(machine, 1).reason.text == "Stopped as asked.", "somebody else was faster"
    machine.now += 10
    machine.exited(2, None, 15)
    assert ended(machine, 2).reason.text == "Stopped as asked."
    machine.exited(3, None, 9)
    over = ended(machine, 3)
    assert over.reason.text == "Stopped as asked. It did not end within 10 s, and was killed."
    assert (over.outcome, over.reason.data) == ("cancelled", {"grace_s": 10.0})


def test_a_shells_exit_code_says_which_signal_ended_its_program() -> None:
    text = "Ended with exit code 137. A shell tells so that signal 9 (SIGKILL) ended its program."
    assert reasons.exit_code(137).text == text
    assert reasons.exit_code(129).data == {"exit_code": 129, "of_signal": 1}
    assert reasons.exit_code(200).text == "Ended with exit code 200."


def test_nothing_ends_before_it_began_though_the_clock_was_set_back() -> None:
    """Its files would be a year old at once, and go by the rules of retention."""
    machine = Machine()
    machine.submit(new(1), new(2))
    machine.started(1)
    a_year_ago = NOW - 365 * 86_400
    machine.handle(e.AttemptExited(run=run_id(1), attempt=1, at=a_year_ago, code=0))
    machine.handle(
        e.AttemptLost(run=run_id(2), attempt=1, at=a_year_ago, why="Gone.", started_at=NOW + 1)
    )
    assert (ended(machine, 1).at, ended(machine, 1).started_at) == (NOW, NOW)
    assert (ended(machine, 2).at, ended(machine, 2).started_at) == (NOW + 1, NOW + 1)


def test_a_start_that_fails_says_why() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.handle(e.AttemptStartFailed(run=run_id(1), attempt=1, failure=FAILURE))
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code, over.reason.text, over.reason.remedy) == (
        "failed",
        "environment_failed",
        "No. Really.",
        "Mend it.",
    )
    assert over.started_at is None


def test_a_lost_attempt_is_lost_and_frees_its_lease() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.handle(e.AttemptLost(run=run_id(1), attempt=1, at=NOW, why="The machine restarted."))
    assert (ended(machine, 1).outcome, ended(machine, 1).reason.text) == (
        "lost",
        "The machine restarted.",
    )


def test_a_project_is_prepared_before_it_takes_a_gpu() -> None:
    machine = Machine()
    machine.handle(readings(gpu(0)))
    step = machine.submit(new(1, gpu_spec(8, prepared=True)))
    assert kinds(step.effects) == ["PrepareRun"]
    assert machine.core.books.ledger.leased_bytes() == {}
    step = machine.handle(
        e.PreparationProgressed(run=run_id(1), attempt=1, step="environment", detail="numpy")
    )
    assert step.reply == () and len(step.told) == 1
    again = e.PreparationProgressed(run=run_id(1), attempt=1, step="environment", detail="numpy")
    assert machine.handle(again).told == []
    step = machine.prepared(1)
    assert kinds(step.effects) == ["StartAttempt"]
    assert isinstance(step.effects[0], f.StartAttempt)
    assert step.effects[0].prepared == e.Prepared()
    assert machine.core.books.ledger.leased_bytes() == {gpu(0).uuid: 8 * GB}
    assert machine.handle(again).told == []


def test_a_prepared_run_that_finds_no_room_is_in_line_again() -> None:
    machine = Machine()
    machine.handle(readings(gpu(0)))
    machine.submit(new(1, gpu_spec(20)), new(2, gpu_spec(20, prepared=True)))
    step = machine.prepared(2)
    (view,) = (told.view for told in step.told)
    assert view.state.__class__.__name__ == "Queued"
    assert "4 of 24 GB free, needs 20" in why(view.state).text


def test_a_preparation_that_fails_ends_the_run() -> None:
    machine = Machine()
    machine.submit(new(1, PROJECT))
    machine.handle(e.PreparationFailed(run=run_id(1), attempt=1, failure=FAILURE))
    assert ended(machine, 1).outcome == "failed"


def test_only_so_many_are_prepared_at_once_in_line_order() -> None:
    machine = Machine(Rules(prepare_ahead_max=2))
    step = machine.submit(*(new(n, PROJECT) for n in range(1, 5)))
    assert [effect.run for effect in step.effects if isinstance(effect, f.PrepareRun)] == [
        run_id(1),
        run_id(2),
    ]
    step = machine.handle(e.PreparationFailed(run=run_id(2), attempt=1, failure=FAILURE))
    assert [effect.id for effect in step.effects] == [f"prepare:{run_id(3)}:1"]
    machine.stop(4)
    assert ended(machine, 4).outcome == "cancelled"


def test_the_same_submit_is_answered_again() -> None:
    machine = Machine()
    first = machine.submit(new(1)).reply
    machine.started(1)
    step = machine.submit(new(1))
    assert step.told == [] and step.effects == []
    assert step.reply == first and isinstance(first[0].state, QueuedView)
    both = machine.submit(new(1), new(2))
    assert [view.run for view in both.reply] == [run_id(1), run_id(2)]


@pytest.mark.parametrize(("spec", "owner"), [(gpu_spec(1), "ann"), (PLAIN, "bob")])
def test_the_same_id_for_something_else_is_a_conflict(spec: RunSpec, owner: str) -> None:
    machine = Machine()
    machine.submit(new(1))
    with pytest.raises(LanherdError) as refused:
        machine.submit(new(2), NewRun(run=run_id(1), spec=spec), owner=owner)
    assert refused.value.code is ErrorCode.CONFLICT
    assert run_id(2) not in machine.core.books.runs


def test_a_full_line_refuses() -> None:
    machine = Machine(Rules(queued_runs_max=2))
    machine.submit(new(1, gpu_spec(1)), new(2, gpu_spec(1)))
    with pytest.raises(LanherdError) as refused:
        machine.submit(new(3, gpu_spec(1)))
    assert refused.value.code is ErrorCode.OVERLOADED


def test_stop_signals_then_kills_until_it_is_over() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    step = machine.stop(1, grace_s=5)
    assert [effect.id for effect in step.effects] == [
        f"signal:{run_id(1)}:1:15",
        f"kill:{run_id(1)}:1",
    ]
    (view,) = step.reply
    assert isinstance(view.state, StoppingView) and view.state.kill_at == NOW + 5
    signalled = e.AttemptSignalled(run=run_id(1), attempt=1, signal=15)
    assert machine.handle(signalled).effects_ended == [f"signal:{run_id(1)}:1:15"]
    machine.now += 5
    fired = e.TimerFired(timer=f"kill:{run_id(1)}:1")
    step = machine.handle(fired)
    assert [effect.id for effect in step.effects] == [
        f"signal:{run_id(1)}:1:9",
        f"kill:{run_id(1)}:1",
    ]
    assert kinds(machine.handle(fired).effects) == ["SetTimer"]
    step = machine.exited(1, None, 9)
    assert kinds(step.effects) == ["CancelTimer"]
    assert step.effects_ended == [f"signal:{run_id(1)}:1:9"]
    assert (ended(machine, 1).outcome, ended(machine, 1).signal) == ("cancelled", 9)
    assert machine.handle(fired).effects == []


def test_stopping_twice_is_the_same_and_a_shorter_grace_hastens() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.stop(1)
    assert machine.stop(1).told == []
    assert machine.stop(1, command=2, grace_s=60).told == []
    step = machine.stop(1, command=3, grace_s=0)
    assert kinds(step.effects) == ["SetTimer"]
    with pytest.raises(LanherdError) as refused:
        machine.stop(1, command=3, grace_s=1)
    assert refused.value.code is ErrorCode.CONFLICT


def test_a_stop_while_it_starts_waits_for_the_process() -> None:
    machine = Machine()
    machine.submit(new(1))
    assert machine.stop(1).effects == []
    machine.stop(1, command=2, grace_s=60)
    machine.stop(1, command=3, grace_s=2)
    starting = machine.state(1)
    assert isinstance(starting, Starting) and starting.stop is not None
    assert starting.stop.grace_s == 2
    step = machine.started(1)
    assert kinds(step.effects) == ["SignalAttempt", "SetTimer"]
    assert machine.started(1).told == []


def test_a_waiting_run_is_cancelled() -> None:
    machine = Machine()
    machine.submit(new(1, gpu_spec(1)), new(2, PROJECT))
    machine.stop(1)
    step = machine.stop(2, command=2)
    assert kinds(step.effects) == ["CancelPreparation"]
    assert step.effects_ended == [f"prepare:{run_id(2)}:1"]
    assert ended(machine, 1).reason.code == ended(machine, 2).reason.code == "cancelled"
    late = machine.prepared(2)
    assert late.told == []
    step = machine.handle(e.PreparationCancelled(run=run_id(2), attempt=1))
    assert step.effects_ended == [f"cancel_preparation:{run_id(2)}:1"]


def test_stopping_an_ended_run_answers_with_it() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.exited(1)
    step = machine.stop(1)
    assert step.told == [] and isinstance(step.reply[0].state, Ended)
    assert step.command is not None


def test_who_may_stop_what() -> None:
    machine = Machine()
    machine.submit(new(1))
    with pytest.raises(LanherdError) as refused:
        machine.handle(e.StopRequested(owner="bob", request=stop(1)))
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    with pytest.raises(LanherdError) as refused:
        machine.stop(2)
    assert refused.value.code is ErrorCode.NOT_FOUND
    for grace_s in (-1.0, float("nan"), float("inf"), 1e9):
        with pytest.raises(LanherdError) as refused:
            machine.stop(1, grace_s=grace_s)
        assert refused.value.code is ErrorCode.INVALID_REQUEST
    machine.handle(e.StopRequested(owner="ann", request=stop(1)))


def test_commands_are_remembered_up_to_a_bound() -> None:
    machine = Machine(Rules(commands_kept=2))
    machine.submit(new(1))
    for command in (1, 2, 3):
        machine.stop(1, command)
    assert len(list(machine.core.commands)) == 2


def test_late_and_unknown_news_changes_nothing() -> None:
    machine = Machine()
    machine.submit(new(1))
    unknown = e.AttemptExited(run=run_id(9), attempt=1, at=NOW, code=0)
    assert machine.handle(unknown).told == []
    adopted = e.AttemptAdopted(run=run_id(9), attempt=1)
    assert machine.handle(adopted).told == []
    older = e.AttemptExited(run=run_id(1), attempt=0, at=NOW, code=0)
    assert machine.handle(older).told == []
    with pytest.raises(LanherdError) as broken:
        machine.handle(e.AttemptExited(run=run_id(1), attempt=2, at=NOW, code=0))
    assert broken.value.code is ErrorCode.INTERNAL


def test_live_runs_are_bounded_and_the_line_moves_up() -> None:
    machine = Machine(Rules(runs_at_once_max=1))
    machine.submit(new(1), new(2))
    assert "1 run is live" in why(machine.state(2)).text
    step = machine.exited(1)
    assert kinds(step.effects) == ["StartAttempt"]


def test_reasons_are_written_at_most_once_a_second() -> None:
    machine = Machine()
    machine.handle(readings(gpu(0)))
    machine.submit(new(1, gpu_spec(20)), new(2, gpu_spec(20)))
    machine.now += 0.5
    step = machine.handle(readings(gpu(0, foreign_gb=2)))
    assert step.told == [] and step.effects == [f.SetTimer(timer="explain", at=NOW + 1)]
    step = machine.handle(readings(gpu(0, foreign_gb=3)))
    assert step.told == [] and step.effects == []
    machine.now += 0.5
    step = machine.handle(e.TimerFired(timer="explain"))
    assert "1 of 24 GB free" in why(step.told[0].view.state).text
    machine.now += 2
    assert machine.handle(readings(gpu(0, foreign_gb=3))).told == []
    step = machine.handle(readings(gpu(0, foreign_gb=3.125)))
    assert step.told == []
    machine.now = NOW - 1_000_000
    step = machine.handle(readings(gpu(0, foreign_gb=1)))
    assert len(step.told) == 1


def test_only_the_first_in_line_are_told_numbers() -> None:
    machine = Machine(Rules(explained_max=2))
    machine.handle(readings(gpu(0)))
    step = machine.submit(*(new(n, gpu_spec(20)) for n in range(1, 6)))
    codes = [why(told.view.state).code for told in step.told[1:]]
    assert codes == ["gpu_vram", "gpu_vram", "in_line", "in_line"]


def test_a_core_goes_on_from_what_was_kept() -> None:
    machine = Machine()
    machine.handle(readings(gpu(0)))
    machine.submit(
        new(1), new(2), new(3), new(4, PROJECT), new(5, gpu_spec(20)), new(6, gpu_spec(20))
    )
    machine.started(2)
    machine.started(3)
    machine.stop(3, grace_s=30)
    machine.submit(new(7))
    machine.exited(7)
    again = machine.again()
    assert sorted(effect.id for effect in again.core.resume()) == sorted(
        [
            f"adopt:{run_id(2)}:1",
            f"adopt:{run_id(3)}:1",
            f"prepare:{run_id(4)}:1",
            f"signal:{run_id(3)}:1:15",
            f"start:{run_id(1)}:1",
            f"start:{run_id(5)}:1",
        ]
    )
    assert again.core.timers(NOW + 10) == [f.SetTimer(timer=f"kill:{run_id(3)}:1", at=NOW + 30)]
    a_year_back = NOW - 365 * 86_400
    assert again.core.timers(a_year_back) == [
        f.SetTimer(timer=f"kill:{run_id(3)}:1", at=a_year_back + 30)
    ]
    assert again.handle(e.AttemptAdopted(run=run_id(2), attempt=1)).told == []
    again.handle(readings(gpu(0)))
    again.exited(5)
    assert again.state(6).__class__.__name__ == "Starting"


def test_ended_runs_that_only_the_store_knows_are_recalled() -> None:
    machine = Machine()
    machine.submit(new(5))
    machine.exited(5)
    record = machine.core.books.runs[run_id(5)].record()
    machine.core.forget([run_id(5)])
    asked = e.RunsSubmitted(owner="ann", runs=(new(4), new(5), new(6)))
    assert machine.core.strangers(asked) == [run_id(4), run_id(5)]
    assert machine.core.strangers(e.StopRequested(owner=None, request=stop(5))) == [run_id(5)]
    assert machine.core.strangers(readings()) == []
    machine.core.recall([record])
    step = machine.submit(new(5))
    assert isinstance(step.reply[0].state, QueuedView)
    assert isinstance(machine.state(5), Ended)
