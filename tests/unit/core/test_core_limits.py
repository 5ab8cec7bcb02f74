"""Time limits, how a stop is given, and what an exit says of itself."""

from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.run_states import Running, Starting, Stopping
from lanherd_agent.core.stage_words import Unrun
from lanherd_protocol.states import Running as RunningView
from lanherd_protocol.values import Reason, RunSpec, StopRule
from tests.simulation.making import NOW, PLAIN, new, run_id, tried
from tests.unit.core.machine import Machine, ended, kinds

LIMITED = RunSpec(command=("true",), time_limit_s=60, stop=StopRule(signal="INT", grace_s=3))
TIMER = f"limit:{run_id(1)}:1"
KILL = f"kill:{run_id(1)}:1"
FULL = Reason(code="disk_full", text="The disk is full.")


def running(spec: RunSpec = LIMITED) -> Machine:
    machine = Machine()
    machine.submit(new(1, spec))
    machine.started(1)
    return machine


# --- Time limits ---------------------------------------------------------------------------------


def test_a_time_limit_begins_with_the_attempt() -> None:
    machine = Machine()
    machine.submit(new(1, LIMITED))
    machine.now += 100
    step = machine.started(1)
    assert step.effects == [f.SetTimer(timer=TIMER, at=NOW + 160)]
    state = step.told[0].view.state
    assert isinstance(state, RunningView) and state.limit_at == NOW + 160


def test_at_its_limit_a_run_is_stopped_as_its_spec_says() -> None:
    machine = running()
    machine.now += 60
    step = machine.fire("limit", 1)
    signal = f.SignalAttempt(run=run_id(1), attempt=1, signal=2, kill_after_s=3)
    assert step.effects == [signal, f.SetTimer(timer=KILL, at=NOW + 63)]
    state = machine.state(1)
    assert isinstance(state, Stopping) and state.outcome == "timed_out" and not state.asked
    assert machine.fire("limit", 1).told == []
    machine.exited(1, 0)
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code) == ("timed_out", "timed_out")
    assert over.reason.text == "Its time limit of 1 min was reached."


def test_an_exit_in_time_clears_the_timer() -> None:
    step = running().exited(1)
    assert step.effects == [f.CancelTimer(timer=TIMER)]
    machine = running()
    step = machine.stop(1)
    assert f.CancelTimer(timer=TIMER) in step.effects
    assert machine.fire("limit", 1).told == []


def test_the_limit_of_an_earlier_attempt_is_nothing_to_the_next() -> None:
    machine = running(tried(2, LIMITED, backoff_s=0))
    machine.exited(1, 1)
    machine.started(1)
    assert machine.handle(e.TimerFired(timer=TIMER)).told == []
    machine.fire("limit", 1, 2)
    assert isinstance(machine.state(1), Stopping)


def test_a_person_who_stops_what_timed_out_ends_it_for_good() -> None:
    machine = running(tried(3, LIMITED, on=("timed_out",)))
    machine.fire("limit", 1)
    state = machine.stop(1, grace_s=100).told[0].view.state
    assert state.__class__.__name__ == "Stopping"
    machine.exited(1, None, 2)
    assert ended(machine, 1).outcome == "timed_out"


def test_what_timed_out_is_tried_again_where_nobody_stops_it() -> None:
    machine = running(tried(3, LIMITED, on=("timed_out",)))
    machine.fire("limit", 1)
    step = machine.exited(1, None, 2, stopped=True)
    assert kinds(step.effects) == ["CancelTimer", "SetTimer"]
    assert step.effects_ended == [f"signal:{run_id(1)}:1:2"]
    assert machine.run(1).earlier[0].reason.code == "timed_out"


@pytest.mark.parametrize(
    ("elapsed_s", "later_s", "limit_in_s"),
    [(20.0, 500, 40), (None, 20, 40), (None, 500, 0), (100.0, 20, 0), (None, -9999, 60),
     (-5.0, 20, 60)],
)  # fmt: skip
def test_after_a_restart_the_rest_of_the_time_is_left(
    elapsed_s: float | None, later_s: float, limit_in_s: float
) -> None:
    machine = running().again()
    machine.core.resume()
    machine.now += later_s
    assert machine.fire("limit", 1).told == [], "nobody knows yet for how long it has run"
    adopted = e.AttemptAdopted(run=run_id(1), attempt=1, elapsed_s=elapsed_s)
    step = machine.handle(adopted)
    assert step.effects == [f.SetTimer(timer=TIMER, at=machine.now + limit_in_s)]
    state = machine.state(1)
    assert isinstance(state, Running) and state.limit_at is not None
    assert abs(state.limit_at - machine.now - limit_in_s) < 1
    assert machine.fire("limit", 1).told != []


def test_a_limit_that_stays_where_it_was_is_no_news() -> None:
    machine = running().again()
    machine.core.resume()
    machine.now += 20.5
    assert machine.handle(e.AttemptAdopted(run=run_id(1), attempt=1, elapsed_s=20)).told == []


def test_a_limited_run_may_end_or_be_stopped_before_it_is_adopted() -> None:
    machine = running().again()
    machine.core.resume()
    machine.exited(1)
    assert machine.core.books.unadopted == set()
    machine = running().again()
    machine.core.resume()
    machine.stop(1)
    assert machine.core.books.unadopted == set()
    assert machine.handle(e.AttemptAdopted(run=run_id(1), attempt=1)).told == []


def test_timers_that_follow_from_the_state() -> None:
    machine = running()
    assert machine.again().core.timers(NOW + 5) == [f.SetTimer(timer=TIMER, at=NOW + 60)]
    year_back = NOW - 365 * 86_400
    assert machine.again().core.timers(year_back) == [f.SetTimer(timer=TIMER, at=year_back + 60)]


def test_a_core_that_takes_another_ones_place_knows_who_was_not_heard_of() -> None:
    before = running().again()
    before.core.resume()
    after = before.again()
    after.core.inherit(before.core)
    after.now += 100
    assert after.fire("limit", 1).told == []
    after.handle(e.AttemptAdopted(run=run_id(1), attempt=1, elapsed_s=10))
    another = after.again()
    another.core.inherit(after.core)
    assert another.core.timers(another.now) == [f.SetTimer(timer=TIMER, at=another.now + 50)]
    assert another.fire("limit", 1).told != []


def test_an_unlimited_run_has_no_limit_after_a_restart_either() -> None:
    machine = running(PLAIN).again()
    machine.core.resume()
    assert machine.handle(e.AttemptAdopted(run=run_id(1), attempt=1)).effects == []
    assert machine.core.timers(NOW) == []


# --- Stops ---------------------------------------------------------------------------------------


def test_a_stop_sends_the_signal_of_the_request_or_of_the_spec() -> None:
    machine = running()
    step = machine.stop(1, grace_s=7)
    assert f.SignalAttempt(run=run_id(1), attempt=1, signal=2, kill_after_s=7) in step.effects
    machine = running()
    step = machine.stop(1, grace_s=7, signal="USR1")
    assert f.SignalAttempt(run=run_id(1), attempt=1, signal=10, kill_after_s=7) in step.effects


def test_a_second_stop_may_send_another_signal_and_bring_the_kill_nearer() -> None:
    machine = running()
    machine.stop(1, grace_s=60)
    machine.now += 10
    step = machine.stop(1, command=2, grace_s=60, signal="TERM")
    signal = f.SignalAttempt(run=run_id(1), attempt=1, signal=15, kill_after_s=50)
    assert step.effects == [signal]
    step = machine.stop(1, command=3, grace_s=1)
    assert step.effects == [f.SetTimer(timer=KILL, at=NOW + 11)]
    step = machine.exited(1, None, 15)
    assert sorted(step.effects_ended) == [f"signal:{run_id(1)}:1:15", f"signal:{run_id(1)}:1:2"]


def test_stops_that_wait_for_the_start_are_joined() -> None:
    machine = Machine()
    machine.submit(new(1, LIMITED))
    machine.stop(1, grace_s=20)
    machine.stop(1, command=2, grace_s=30, signal="HUP")
    assert machine.stop(1, command=3, grace_s=30).told == []
    state = machine.state(1)
    assert isinstance(state, Starting) and state.stop is not None
    assert (state.stop.signal, state.stop.grace_s) == (1, 20)
    step = machine.started(1)
    assert step.effects[0] == f.SignalAttempt(run=run_id(1), attempt=1, signal=1, kill_after_s=20)
    assert machine.core.books.timers.keys() == {KILL}


# --- Exits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "outcome", "code", "text"),
    [
        ({"code": 0}, "succeeded", "succeeded", "Ended with exit code 0."),
        ({"code": 0, "timed_out": True}, "timed_out", "timed_out",
         "Its time limit of 1 min was reached."),
        ({"signal": 15, "stopped": True}, "cancelled", "stopped", "Stopped as asked."),
        ({"code": 3, "stage": "pre"}, "failed", "pre_failed",
         "Its pre command ended with exit code 3, so the command was not begun."),
        ({"code": 127, "stage": "pre"}, "failed", "pre_failed",
         "Its pre command ended with exit code 127, as a shell does where a program is not there, "
         "so the command was not begun."),
        ({"code": 126, "stage": "pre"}, "failed", "pre_failed",
         "Its pre command ended with exit code 126, as a shell does where a program can't be "
         "executed, so the command was not begun."),
        ({"code": 127, "stage": "pre", "pre_error": "fetch: No such file or directory"}, "failed",
         "pre_failed", "Its pre command can't be executed: there is no command 'fetch' on the "
         "machine (exit code 127), so the command was not begun."),
        ({"code": 126, "stage": "pre", "pre_error": "fetch: Permission denied"}, "failed",
         "pre_failed", "Its pre command can't be executed ('fetch': Permission denied; exit code "
         "126), so the command was not begun."),
        ({"signal": 9, "stage": "pre"}, "failed", "pre_failed",
         "Its pre command was ended by signal 9, so the command was not begun."),
        ({"stage": "pre"}, "failed", "pre_failed",
         "Its pre command did not succeed, so the command was not begun."),
        ({"code": 0, "post_failed": True}, "succeeded", "succeeded",
         "Ended with exit code 0. Its post command failed."),
        ({"code": 1, "post_failed": True, "left": 2}, "failed", "exit_code",
         "Ended with exit code 1. Its post command failed. "
         "2 processes of it could not be killed."),
        ({"code": 0, "post_failed": True, "post_code": 3}, "succeeded", "succeeded",
         "Ended with exit code 0. Its post command ended with exit code 3."),
        ({"code": 0, "post_failed": True, "post_code": 127, "post_error": "./push: No such file"},
         "succeeded", "succeeded", "Ended with exit code 0. Its post command can't be executed: "
         "'./push', or the interpreter that its first line names, is not there (exit code 127)."),
        ({"code": 0, "post_failed": True, "post_signal": 9, "disk_full": True}, "succeeded",
         "succeeded", "Ended with exit code 0. Its post command was ended by signal 9."),
        ({"code": 1, "disk_full": True}, "failed", "exit_code",
         "Ended with exit code 1. The machine's disk was full then."),
        ({"code": 1, "disk_full": True, "cause": FULL}, "failed", "disk_full", FULL.text),
        ({"left": 1}, "lost", "exit_unknown",
         "It is over, but how it ended is not known. 1 process of it could not be killed."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("started", [True, False])
def test_an_exit_is_told_with_all_that_it_says(
    flags: dict[str, Any], outcome: str, code: str, text: str, started: bool
) -> None:
    machine = Machine()
    stages = replace(LIMITED, pre_command=("fetch", "-q"), post_command=("./push",))
    machine.submit(new(1, stages))
    if started:
        machine.started(1)
    machine.handle(e.AttemptExited(run=run_id(1), attempt=1, at=NOW, **flags))
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code, over.reason.text) == (outcome, code, text)
    assert over.reason.data.get("left", 0) == flags.get("left", 0)
    assert over.reason.data.get("post_exit_code") == flags.get("post_code")
    assert over.reason.data.get("post_signal") == flags.get("post_signal")
    was_full = "disk was full" in text
    assert over.reason.data.get("disk_full", 0) == int(was_full)
    assert ("Make room on the machine's disk." in over.reason.remedy) is was_full
    assert over.reason.data.get("post_failed", 0) == int(flags.get("post_failed", False))


def test_what_to_do_about_a_pre_command_fits_how_it_ended() -> None:
    assert reasons.pre_failed(3, None).remedy == "Look at the end of its log."
    spelling = reasons.pre_failed(127, None, Unrun("fetch", "No such file or directory"))
    assert spelling.remedy.startswith("Check its spelling")
    assert spelling.data == {"exit_code": 127, "command": "fetch"}
    path = reasons.pre_failed(127, None, Unrun("bin/fetch", "No such file or directory"))
    assert path.remedy.startswith("Check its path")
    mode = reasons.pre_failed(126, None, Unrun("fetch", "Permission denied"))
    assert mode.remedy.startswith("Make it executable")
    assert mode.data == {"exit_code": 126, "command": "fetch", "why": "Permission denied"}
    limit = reasons.pre_failed(126, None, Unrun("fetch", "Resource temporarily unavailable"))
    assert limit.remedy == "Look at the end of its log."


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (1, "interrupted"), (2, "interrupted"), (15, "asked it to end"), (9, "memory ran out"),
        (11, "compiled packages"), (6, "compiled packages"), (13, "connection that was gone"),
        (24, "CPU time"), (25, "larger file"), (10, "Look at the end of its log."),
    ],
)  # fmt: skip
def test_what_to_do_about_a_signal_fits_it(signal: int, words: str) -> None:
    reason = reasons.ended_by_signal(signal)
    assert words in reason.remedy
    assert ("SIGKILL" in reason.remedy) is (signal == 9)


def test_a_stop_is_a_stop_whatever_the_post_command_did() -> None:
    machine = running()
    machine.stop(1)
    machine.exited(1, 0, post_failed=True)
    over = ended(machine, 1)
    assert over.outcome == "cancelled"
    assert over.reason.text == "Stopped as asked. Its post command failed."


@pytest.mark.parametrize("cause", ["reboot", "unknown", "untrusted", "gone"])
def test_why_an_attempt_is_lost_is_told_apart(cause: e.LostCause) -> None:
    machine = running(replace(LIMITED, time_limit_s=None))
    machine.lost(1, cause, "")
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code) == ("lost", f"lost_{cause}")
    assert over.reason.text and over.reason.remedy
    assert reasons.lost(cause, "Whole sentence.").text == "Whole sentence."


def test_a_reboot_says_so() -> None:
    assert reasons.lost("reboot", "").text == "The machine was restarted while it ran."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (59, "59 s"), (60, "1 min"), (5400, "1.5 h"), (172_800, "2 d")],
)
def test_times_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert reasons.duration(seconds) == text
