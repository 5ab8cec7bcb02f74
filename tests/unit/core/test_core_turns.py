"""Whose turn it is: moved runs, fair shares, and what the core does as the owner's rules change."""

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.machine_state import MachineState, Pause, Usage
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Preparing, Queued, Starting
from lanherd_agent.core.sight import Sight
from lanherd_agent.core.usage import penalties, settled
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.values import RunSettings
from tests.simulation.making import (
    GB,
    NOW,
    PLAIN,
    PROJECT,
    change,
    gpu,
    gpu_spec,
    new,
    readings,
    run_id,
)
from tests.unit.core.machine import Machine, why
from tests.unit.core.scenes import OWNER, like, live, share

ONE_AT_ONCE = MachineRules(runs_at_once_max=1)
NIGHT = RunSettings(tags=("night",))


def ruled(rules: MachineRules = ONE_AT_ONCE, own: Rules | None = None) -> Machine:
    machine = Machine(own)
    machine.handle(e.RulesChanged(rules=rules))
    return machine


def order(machine: Machine) -> list[int]:
    """The waiting runs in the order in which they start, one after the other."""
    found: list[int] = []
    while True:
        starting = [
            number for number in range(1, 10)
            if run_id(number) in machine.core.books.runs
            and isinstance(machine.state(number), Starting)
        ]  # fmt: skip
        if not starting:
            return found
        found.append(starting[0])
        machine.exited(starting[0])


# --- Moved ---------------------------------------------------------------------------------------


def test_a_run_is_moved_right_ahead_of_another() -> None:
    machine = ruled()
    machine.submit(*(new(number) for number in range(1, 7)))
    step = machine.change(5, before=run_id(3))
    assert [told.view.run for told in step.told] == [run_id(5)]
    assert machine.change(6, command=2, before=run_id(3)).told != []
    assert machine.change(5, command=3, before=run_id(3)).told == []
    assert machine.change(5, command=4, before=run_id(5)).told == []
    assert order(machine) == [1, 2, 5, 6, 3, 4]


def test_a_moved_run_stays_there_over_a_restart() -> None:
    machine = ruled()
    machine.submit(*(new(number) for number in range(1, 5)))
    machine.change(4, before=run_id(2))
    again = machine.again()
    again.handle(e.RulesChanged(rules=ONE_AT_ONCE))
    again.handle(readings())
    assert order(again) == [1, 4, 2, 3]


def test_a_run_is_moved_over_the_priority_of_others() -> None:
    machine = ruled(own=Rules(prepare_ahead_max=1))
    machine.submit(new(1))
    machine.submit(new(2, PLAIN, RunSettings(priority=9)), new(3, PROJECT), new(4, PROJECT))
    assert isinstance(machine.state(3), Preparing)
    machine.change(3, before=run_id(2))
    machine.prepared(3)
    assert order(machine) == [1, 3, 2] and isinstance(machine.state(4), Preparing)


def test_what_can_not_be_moved() -> None:
    machine = ruled()
    machine.submit(new(1), new(2), new(3))
    machine.submit(new(4), owner="bob")
    with pytest.raises(LanherdError) as unknown:
        machine.change(2, before=run_id(99))
    assert unknown.value.code is ErrorCode.NOT_FOUND
    for run, before in ((1, 2), (2, 1)):
        with pytest.raises(LanherdError, match="does not wait any more") as refused:
            machine.change(run, command=2, before=run_id(before))
        assert refused.value.code is ErrorCode.CONFLICT
    request = change(4, 3, before=run_id(2))
    with pytest.raises(LanherdError) as refused:
        machine.handle(e.ChangeRequested(owner="bob", request=request))
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    machine.handle(e.ChangeRequested(owner=None, request=request))
    assert order(machine) == [1, 4, 2, 3]


def test_runs_that_come_while_the_clock_is_set_back_stand_behind() -> None:
    machine = ruled()
    machine.submit(new(1), new(2))
    machine.now -= 86_400
    machine.submit(new(3))
    assert order(machine) == [1, 2, 3]


# --- Waiting makes up for priority ---------------------------------------------------------------


def test_a_long_wait_is_worth_a_step_of_priority() -> None:
    machine = ruled()
    machine.submit(new(1), new(2))
    machine.now += 599
    machine.submit(new(3, PLAIN, RunSettings(priority=1)))
    machine.now += 2
    machine.submit(new(4, PLAIN, RunSettings(priority=1)))
    assert order(machine) == [1, 3, 2, 4]


# --- Fair shares ---------------------------------------------------------------------------------


def test_use_is_counted_in_parts_of_gpus_and_decays() -> None:
    totals = {GpuUuid("GPU-0"): 24 * GB}
    runs = [
        live(0, share(0, 12), owner="ann"),
        live(1, share(0, 1, exclusive=True), share(1, 4), owner="bob"),
        live(2, owner="cem"),
    ]
    once = settled(MachineState(), runs, totals, 60.0, NOW)
    assert {user: round(had.gpu_s) for user, had in once.usage.items()} == {"ann": 30, "bob": 120}
    later = settled(once, runs[:1], totals, 60.0, NOW + 60)
    assert {user: round(had.gpu_s) for user, had in later.usage.items()} == {"ann": 45, "bob": 60}
    assert settled(once, runs, totals, 60.0, NOW) is once
    assert settled(once, [], totals, 60.0, NOW + 6000).usage == {}


def test_the_line_is_listed_as_it_starts() -> None:
    machine = Machine()
    machine.handle(e.RulesChanged(rules=MachineRules(runs_at_once_max=1, fair_share=True)))
    machine.core.books.machine = MachineState(usage={"ann": Usage(gpu_s=600.0, at=machine.now)})
    machine.submit(new(1))
    machine.submit(new(2), new(3, PLAIN, RunSettings(held=True)))
    machine.now += 10
    machine.submit(new(4), owner="bob")
    machine.submit(new(5, PLAIN, RunSettings(priority=9)))
    books = machine.core.books
    assert [run.run for run in books.first_in_line(3)] == [run_id(5), run_id(4), run_id(2)]
    assert books.first_in_line(9)[-1].run == run_id(3)
    assert order(machine) == [1, 5, 4, 2]


def test_who_had_more_stands_back() -> None:
    usage = {"ann": Usage(gpu_s=7200.0, at=NOW)}
    gpus = [gpu(0), gpu(1)]
    assert penalties(usage, ["ann", "bob"], gpus) == {"ann": 7200 * 10**9}
    assert penalties(usage, ["ann"], gpus) == penalties({}, ["ann", "bob"], gpus) == {}


def test_a_user_who_comes_later_gets_a_share() -> None:
    machine = ruled(MachineRules())
    machine.handle(readings(gpu(0)))
    machine.submit(*(new(number, gpu_spec(24)) for number in range(1, 5)))
    machine.started(1)
    machine.now += 1800
    machine.submit(new(5, gpu_spec(24)), owner="bob")
    machine.now += 60
    step = machine.exited(1)
    assert isinstance(machine.state(5), Starting)
    assert step.machine is not None and step.machine.usage["ann"].gpu_s == pytest.approx(
        1859, abs=1
    )
    machine.started(5)
    queue = machine.core.books.queue
    assert queue.ready_rank(2) == 0 and queue.ready_rank(4) == 2


def test_live_runs_are_counted_while_they_go_on() -> None:
    machine = ruled(MachineRules())
    taken = (gpu(1, foreign_gb=24), gpu(2, foreign_gb=24))
    machine.handle(readings(gpu(0), *taken))
    machine.submit(new(1, gpu_spec(24)), new(2, gpu_spec(24)))
    machine.started(1)
    machine.now += 120
    step = machine.submit(new(3, gpu_spec(24)), owner="bob")
    assert step.machine is not None and step.machine.usage["ann"].gpu_s == 120
    queue = machine.core.books.queue
    assert queue.first(2) == [machine.run(2).place, machine.run(3).place]
    assert queue.ready_rank(3) == 1
    machine.now += 30
    machine.handle(readings(gpu(0, foreign_gb=0.1), *taken))
    assert machine.core.books.machine is step.machine
    machine.now += 120
    machine.handle(readings(gpu(0), *taken))
    assert queue.first(2) == [machine.run(3).place, machine.run(2).place]
    assert queue.ready_rank(3) == 0 and queue.ready_rank(2) == 1
    machine.change(2, before=run_id(3))
    assert queue.first(2) == [machine.run(2).place, machine.run(3).place]


def test_without_fair_share_nothing_is_counted() -> None:
    machine = ruled(MachineRules(fair_share=False))
    machine.handle(readings(gpu(0)))
    machine.submit(new(1, gpu_spec(24)), new(2, gpu_spec(24)))
    machine.submit(new(3, gpu_spec(24)), owner="bob")
    machine.now += 7200
    machine.exited(1)
    assert isinstance(machine.state(2), Starting)
    assert machine.core.books.machine.usage == {}


# --- The owner's rules change --------------------------------------------------------------------


def test_rules_that_change_rearrange_the_line() -> None:
    machine = ruled()
    machine.submit(new(1), new(2), new(3, PROJECT), new(4, PLAIN, RunSettings(held=True)))
    assert machine.handle(e.RulesChanged(rules=ONE_AT_ONCE)).effects == []
    step = machine.handle(e.RulesChanged(rules=MachineRules(runs_at_once_max=2)))
    assert [type(effect) for effect in step.effects] == [f.StartAttempt]
    machine.prepared(3)
    assert why(machine.state(3)).code == "runs_at_once"
    assert why(machine.state(4)).code == "held"


def test_a_tag_that_is_paused_is_told_apart_from_others() -> None:
    machine = ruled(MachineRules())
    machine.handle(readings(gpu(0)))
    machine.submit(new(1, gpu_spec(24)))
    machine.submit(new(2, gpu_spec(24), NIGHT), new(3, gpu_spec(24)))
    books = machine.core.books
    assert len(books.queue.groups) == 1
    paused = {"night": Pause(since=NOW, by="eve")}
    books.machine = MachineState(paused_tags=paused)
    machine.exited(1)
    assert isinstance(machine.state(3), Starting)
    machine.now += 2
    machine.handle(e.TimerFired(timer="explain"))
    assert why(machine.state(2)).code == "paused_tag"


def test_a_tag_may_not_be_given_to_a_run_that_is_too_large_for_its_share() -> None:
    machine = ruled(MachineRules(tags={"night": ShareRule(gpus_max=1)}))
    machine.submit(new(2, gpu_spec(24, 2)))
    machine.change(2, command=2, tags=("night",))
    machine.change(2, command=3, tags=())
    machine.handle(readings(gpu(0), gpu(1, foreign_gb=20)))
    with pytest.raises(LanherdError) as refused:
        machine.change(2, command=4, tags=("night",))
    assert refused.value.code is ErrorCode.IMPOSSIBLE_REQUEST
    machine.submit(new(1, gpu_spec(1)))
    machine.change(2, command=5, tags=("other",))
    assert machine.run(2).settings.tags == ("other",)


def test_time_alone_lets_a_run_start() -> None:
    machine = ruled(MachineRules(beside_others="wait"))
    machine.handle(readings(gpu(0, foreign_gb=4)))
    machine.submit(new(1, gpu_spec(8)))
    assert why(machine.state(1)).code == "gpu_others"
    machine.now += 2
    step = machine.handle(readings(gpu(0)))
    assert f.SetTimer(timer="look", at=NOW + 10) in step.effects
    machine.now += 0.5
    step = machine.handle(readings(gpu(0), gpu(1, foreign_gb=9)))
    assert not [one for one in step.effects if one == f.SetTimer(timer="look", at=NOW + 10)]
    machine.now = NOW + 10
    step = machine.handle(e.TimerFired(timer="look"))
    assert isinstance(machine.state(1), Starting)


def test_a_sample_without_news_moves_nothing() -> None:
    machine = ruled(MachineRules(hours=("18:00-20:00",)))
    closed = e.ReadingsTaken(gpus=(gpu(0),), local_minute=60)
    machine.handle(closed)
    machine.submit(new(1, gpu_spec(4)))
    assert why(machine.state(1)).code == "out_of_hours"
    machine.handle(e.ReadingsTaken(gpus=(gpu(0),), local_minute=61))
    assert isinstance(machine.state(1), Queued)
    machine.handle(e.ReadingsTaken(gpus=(gpu(0),), local_minute=18 * 60))
    assert isinstance(machine.state(1), Starting)


def test_a_gpu_that_was_too_hot_has_to_cool_down_a_good_deal() -> None:
    sight, rules = Sight(), MachineRules(temperature_c_max=80.0)

    def hot(*degrees: float | None) -> bool:
        for one in degrees:
            sample = readings(like(gpu(0), temperature_c=one))
            sight.see(sample, rules, Rules(), NOW)
        return bool(sight.hot)

    assert not hot(80.0) and hot(80.5) and hot(78.0) and hot(None) and not hot(77.0)
    assert not hot(None) and hot(90.0)
    sight.obey(MachineRules())
    assert not sight.hot
    Sight().obey(rules)


def test_a_gpu_that_was_left_is_told_when_it_counts_as_free() -> None:
    machine = ruled(MachineRules(quiet_s=5.0))
    machine.handle(readings(gpu(0, foreign_gb=4)))
    machine.handle(readings(gpu(0)))
    assert machine.core.books.gpu_notes(NOW + 1).quiet_at == {GpuUuid("GPU-0"): NOW + 5}


def test_gpus_that_are_gone_are_forgotten() -> None:
    sight = Sight()
    few = like(gpu(1), foreign=(e.ForeignProcess(pid=7),))
    sight.see(readings(gpu(0, foreign_gb=4), few, gpu(2, foreign_gb=0.1)), OWNER, Rules(), NOW)
    assert sight.quiet_from.keys() == {GpuUuid("GPU-0"), GpuUuid("GPU-1")}
    assert sight.quiet_at(10.0, NOW) == {}
    sight.see(readings(gpu(1)), OWNER, Rules(), NOW + 1)
    assert sight.quiet_at(10.0, NOW + 9) == {GpuUuid("GPU-1"): NOW + 10}
    assert sight.quiet_at(10.0, NOW + 10) == Sight().quiet_at(10.0, NOW) == {}
    assert (sight.quiet_from, sight.crowded_until) == ({GpuUuid("GPU-1"): NOW}, {})


def test_once_a_kept_gpu_is_taken_those_ahead_share_it() -> None:
    machine = ruled(MachineRules(users={"ada": ShareRule(gpus_min=1)}, backfill=False))
    machine.handle(readings(gpu(0), gpu(1, problem="Gone.")))
    machine.submit(new(1, gpu_spec(8)), owner="grace")
    assert isinstance(machine.state(1), Queued)
    machine.submit(new(2, gpu_spec(2)), owner="ada")
    assert isinstance(machine.state(2), Starting)
    assert isinstance(machine.state(1), Starting)
