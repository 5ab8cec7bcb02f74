"""Records from run directories: what each file proves, and what nobody believes."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.run_states import Queued, Running, RunRecord
from lanherd_agent.core.step import Kept
from lanherd_agent.rebuild import HELD_AFTER_LOSS, Rebuilt, rebuild
from lanherd_agent.runs import rundir
from lanherd_agent.runs.launcher_client import StartFailure
from lanherd_agent.runs.rundir import AttemptDir, Stages
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Dependency, Lease, RetryRule, RunSettings, RunSpec
from tests.simulation.making import NOW, PLAIN, PROJECT, readings, run_id
from tests.unit.shell.run_folders import (
    GONE_PID,
    LEASE,
    OTHER_BOOT,
    alive,
    exited,
    failed_to_begin,
    lay_out,
    started,
)

LATER = NOW + 100
RETRIED = RunSpec(command=("false",), retry=RetryRule(attempts_max=3))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path


def rebuilt(home: Path) -> Rebuilt:
    """Checked to be what an agent could have had."""
    found = rebuild(home, LATER, 1000)
    ordinal = max((record.ordinal for record in found.runs), default=0)
    seq = 1000 + len(found.runs)
    core = AgentCore(Kept(runs=found.runs, seq=seq, ordinal=ordinal))
    core.resume()
    core.handle(readings(), LATER)
    check(core)
    return found


def the_run(home: Path) -> RunRecord:
    found = rebuilt(home)
    assert found.flawed == ()
    (record,) = found.runs
    return record


def the_end(home: Path) -> Ended:
    state = the_run(home).state
    assert isinstance(state, Ended)
    return state


def test_nothing_makes_nothing(tmp_path: Path) -> None:
    assert rebuild(tmp_path, LATER, 0) == Rebuilt((), (), ())


def test_an_exit_is_told_as_it_was(home: Path) -> None:
    settings = RunSettings(priority=3, tags=("a",))
    lay_out(home, 1, settings=settings, lease=LEASE, start=started(), exit_=exited(0))
    record = the_run(home)
    assert (record.run, record.owner, record.submitted_at) == (run_id(1), "ann", NOW)
    assert (record.ordinal, record.seq, record.attempt) == (1, 1001, 1)
    assert record.settings == record.first_settings == settings
    state = record.state
    assert isinstance(state, Ended)
    assert (state.outcome, state.exit_code, state.at) == ("succeeded", 0, NOW + 5)
    assert (state.started_at, state.lease) == (NOW + 1, LEASE)


@pytest.mark.parametrize(
    ("exit_", "outcome", "code"),
    [
        (exited(3), "failed", "exit_code"),
        (exited(None, signal=11), "failed", "segfault"),
        (exited(None, signal=15), "failed", "signal"),
        (exited(None, signal=15, stopped=True), "cancelled", "stopped"),
        (exited(None, signal=15, timed_out=True), "timed_out", "timed_out"),
        (exited(None, signal=15, shutdown=True), "lost", "lost_reboot"),
        (failed_to_begin("unknown"), "lost", "lost_unknown"),
        (replace(failed_to_begin("unknown"), stopped=True), "cancelled", "stopped"),
        (replace(failed_to_begin("unknown"), timed_out=True), "timed_out", "timed_out"),
    ],
)
def test_every_way_to_end(home: Path, exit_: rundir.Exit, outcome: str, code: str) -> None:
    lay_out(home, 1, start=started(), exit_=exit_)
    state = the_end(home)
    assert (state.outcome, state.reason.code) == (outcome, code)


def test_why_it_failed_is_found_again(home: Path) -> None:
    directory = lay_out(home, 1, start=started(), exit_=exited(1))
    directory.log.write_bytes(b"ModuleNotFoundError: No module named 'cv2'\n")
    state = the_end(home)
    assert (state.reason.code, state.reason.data["module"]) == ("missing_module", "cv2")


def test_nothing_is_told_of_a_log_that_may_hold_secrets(home: Path) -> None:
    spec = replace(PLAIN, secrets=("TOKEN",))
    directory = lay_out(home, 1, spec=spec, start=started(), exit_=exited(127))
    directory.log.write_bytes(b"hunter2-hunter2: command not found\n")
    assert the_end(home).reason.code == "exit_code"
    folder = home / "secrets" / run_id(1)
    folder.mkdir(parents=True)
    (folder / "TOKEN").write_text("hunter2-hunter2")
    reason = the_end(home).reason
    assert reason.code == "command_not_found" and "hunter2" not in str(reason)


def test_a_stop_at_the_time_limit_was_the_limit(home: Path) -> None:
    spec = replace(PLAIN, time_limit_s=4.0)
    stopped = exited(None, signal=15, stopped=True)
    lay_out(home, 1, spec=spec, start=started(), exit_=stopped)
    assert the_end(home).outcome == "timed_out"


def test_a_stop_before_the_time_limit_was_a_stop(home: Path) -> None:
    spec = replace(PLAIN, time_limit_s=400.0)
    stopped = exited(None, signal=15, stopped=True)
    lay_out(home, 1, spec=spec, start=started(), exit_=stopped)
    assert the_end(home).outcome == "cancelled"


def test_one_that_never_began_failed_even_if_it_would_be_tried_again(home: Path) -> None:
    lay_out(home, 1, spec=RETRIED, exit_=failed_to_begin())
    state = the_end(home)
    assert (state.outcome, state.started_at) == ("failed", None)
    assert state.reason.text.startswith("There is no command 'false' on the machine.")
    assert "Errno" not in state.reason.text


@pytest.mark.parametrize("kind", sorted(set(StartFailure) - {StartFailure.DRAINING}))
def test_a_start_that_was_refused_is_told_and_not_made_again(home: Path, kind: str) -> None:
    lay_out(home, 1, spec=RETRIED, exit_=failed_to_begin(kind))
    state = the_end(home)
    assert (state.outcome, state.started_at, state.at) == ("failed", None, NOW + 2)
    lay_out(home, 1, attempt=2, spec=RETRIED, exit_=exited(0))
    assert the_run(home).earlier[0].outcome == "failed"


def test_a_refusal_for_a_torn_claim_is_one(home: Path) -> None:
    directory = lay_out(home, 1, exit_=failed_to_begin("torn"))
    torn_start(directory)
    (record,) = rebuilt(home).runs
    assert isinstance(record.state, Ended)
    assert (record.state.outcome, record.state.reason.data["kind"]) == ("failed", "torn")


def test_a_refusal_of_what_was_started_is_not_believed(home: Path) -> None:
    lay_out(home, 1, start=started(), exit_=failed_to_begin("io"))
    assert the_end(home).outcome == "lost"
    directory = lay_out(home, 1, exit_=failed_to_begin("io"))
    directory.start.write_bytes(b"{}")
    (record,) = rebuilt(home).runs
    assert isinstance(record.state, Ended) and record.state.reason.code == "lost_untrusted"


@pytest.mark.parametrize("exit_", [exited(0, at=NOW - 1e7), exited(1, at=NOW - 1e7)])
def test_an_end_by_a_clock_that_was_set_back_is_no_older_than_its_start(
    home: Path, exit_: rundir.Exit
) -> None:
    lay_out(home, 1, spec=RETRIED, start=started(), exit_=exit_)
    state = the_run(home).state
    assert (state.at if isinstance(state, Ended) else state.since) == NOW + 1


def test_a_start_that_failed_by_a_clock_that_was_set_back(home: Path) -> None:
    lay_out(home, 1, exit_=replace(failed_to_begin(), at=NOW - 1e7))
    assert the_end(home).at == NOW


def test_an_exit_that_only_claims_that_it_never_ran_is_not_known(home: Path) -> None:
    lay_out(home, 1, start=started(), exit_=failed_to_begin("whatever"))
    assert the_end(home).outcome == "lost"


def test_what_its_stages_came_to(home: Path) -> None:
    directory = lay_out(home, 1, start=started(), exit_=exited(4))
    stages = Stages(pre=rundir.StageEnd(code=4))
    directory.stages.write_bytes(msgspec.json.encode(stages))
    assert the_end(home).reason.code == "pre_failed"
    directory.stages.write_bytes(b"{")
    assert the_end(home).reason.code == "exit_code"


def test_a_stage_that_could_not_be_executed_is_told_as_before(home: Path) -> None:
    spec = replace(PLAIN, pre_command=("fetch",), post_command=("push",))
    directory = lay_out(home, 1, spec=spec, start=started(), exit_=exited(127))
    pre, post = (
        rundir.StageEnd(code=127, error=f"{name}: No such file or directory")
        for name in ("fetch", "push")
    )
    directory.stages.write_bytes(msgspec.json.encode(Stages(pre=pre, post=post)))
    text = the_end(home).reason.text
    assert "no command 'fetch' on the machine" in text
    assert "no command 'push' on the machine" in text


def test_a_live_one_runs_and_keeps_its_lease(home: Path) -> None:
    spec = replace(PLAIN, time_limit_s=60.0)
    lay_out(home, 1, spec=spec, lease=LEASE, start=alive())
    state = the_run(home).state
    assert state == Running(since=NOW + 1, pid=os.getpid(), lease=LEASE, limit_at=NOW + 61)


@pytest.mark.parametrize("start", [started(), started(boot=OTHER_BOOT), started(pid=0)])
def test_what_became_of_a_start_is_for_its_adoption(home: Path, start: rundir.Start) -> None:
    lay_out(home, 1, lease=LEASE, start=start)
    state = the_run(home).state
    assert state == Running(since=NOW + 1, pid=GONE_PID, lease=LEASE)


@pytest.mark.parametrize(("spec", "code"), [(PLAIN, "in_line"), (PROJECT, "unprepared")])
def test_what_was_never_started_waits(home: Path, spec: RunSpec, code: str) -> None:
    dependent = replace(spec, dependencies=(Dependency(run=run_id(9)),))
    lay_out(home, 1, spec=dependent, lease=LEASE)
    state = the_run(home).state
    assert isinstance(state, Queued)
    assert (state.since, state.reason.code, state.waits_for) == (NOW, code, ())


def test_one_that_is_held_stays_held(home: Path) -> None:
    lay_out(home, 1)
    rundir.write_settings(home, run_id(1), RunSettings(held=True, notes="Wait for me."))
    record = the_run(home)
    assert isinstance(record.state, Queued) and record.state.reason.code == "held"
    assert (record.settings.notes, record.first_settings.notes) == ("Wait for me.", "")


def test_another_attempt_is_not_begun_unasked(home: Path) -> None:
    lay_out(home, 1, spec=RETRIED, start=started(), exit_=exited(1))
    found = rebuilt(home)
    (record,) = found.runs
    assert found.held == 1
    assert (record.attempt, record.settings.held) == (2, True)
    assert record.state == Queued(since=NOW + 5, reason=HELD_AFTER_LOSS)
    (earlier,) = record.earlier
    assert (earlier.attempt, earlier.outcome, earlier.exit_code) == (1, "failed", 1)


@pytest.mark.parametrize(
    ("start", "exit_", "since"),
    [
        (started(), exited(1), NOW + 5),
        (started(), None, NOW + 1),
        (started(boot=OTHER_BOOT), None, NOW + 1),
    ],
)
def test_what_was_cancelled_between_two_attempts_is_not_tried_again(
    home: Path, start: rundir.Start, exit_: rundir.Exit | None, since: float
) -> None:
    spec = replace(RETRIED, retry=RetryRule(attempts_max=3, on=("failed", "lost")))
    lay_out(home, 1, spec=spec, start=start, exit_=exit_)
    rundir.write_cancel(home, run_id(1), NOW + 9)
    record = the_run(home)
    state = record.state
    assert isinstance(state, Ended)
    assert (state.outcome, state.reason.code, state.at) == (
        "cancelled",
        "cancelled_between",
        NOW + 9,
    )
    assert (record.attempt, len(record.earlier), record.settings.held) == (2, 1, False)
    assert rebuilt(home).held == 0
    rundir.write_cancel(home, run_id(1), NOW - 9)
    assert the_end(home).at == since, "its clock was set back"
    rundir.cancel_path(home, run_id(1)).write_text("{")
    assert rebuilt(home).flawed[0].where == f"{run_id(1)}/cancel.json"


def test_a_cancel_between_attempts_ends_nothing_else(home: Path) -> None:
    lay_out(home, 1, spec=RETRIED, start=alive())
    lay_out(home, 2, start=started(), exit_=exited(0))
    for number in (1, 2):
        rundir.write_cancel(home, run_id(number), NOW + 9)
    live, over = rebuilt(home).runs
    assert isinstance(live.state, Running)
    assert isinstance(over.state, Ended) and over.state.outcome == "succeeded"


def test_earlier_attempts_are_told(home: Path) -> None:
    lay_out(home, 1, spec=RETRIED, start=started(), exit_=exited(1))
    lay_out(home, 1, attempt=2, spec=RETRIED, start=started(at=NOW + 9))
    lay_out(home, 1, attempt=3, spec=RETRIED, start=started(at=NOW + 20), exit_=exited(7, NOW + 25))
    record = the_run(home)
    assert isinstance(record.state, Ended) and record.state.exit_code == 7
    assert [(one.attempt, one.outcome, one.at) for one in record.earlier] == [
        (1, "failed", NOW + 5),
        (2, "lost", NOW + 9),
    ]
    assert record.spec == RETRIED


def test_a_layout_that_was_cut_off_is_no_attempt(home: Path) -> None:
    AttemptDir.of(home, run_id(1), 1).make()
    (home / "runs" / run_id(2)).mkdir()
    assert rebuilt(home) == Rebuilt((), (), ())


def test_places_are_in_order_and_each_is_its_own(home: Path) -> None:
    for number, ordinal in ((1, 7), (2, 3), (3, 3), (4, -5), (5, 1 << 60)):
        lay_out(home, number, ordinal=ordinal)
    found = rebuilt(home)
    assert [(record.run, record.ordinal) for record in found.runs] == [
        (run_id(4), 1),
        (run_id(2), 3),
        (run_id(3), 4),
        (run_id(1), 7),
        (run_id(5), 8),
    ]
    assert [record.seq for record in found.runs] == [1001, 1002, 1003, 1004, 1005]


def test_of_leases_that_clash_the_first_is_kept(home: Path) -> None:
    lay_out(home, 1, lease=LEASE, start=alive())
    lay_out(home, 2, lease=LEASE, start=alive())
    found = rebuilt(home)
    assert found.without_lease == (run_id(2),)
    states = [record.state for record in found.runs]
    assert [s.lease for s in states if isinstance(s, Running)] == [LEASE, Lease()]


# --- What is not believed ------------------------------------------------------------------------


def torn_start(directory: AttemptDir) -> None:
    directory.start.write_bytes(b'{"boot_id": "')


def torn_exit(directory: AttemptDir) -> None:
    directory.exit.write_bytes(b"")


def linked_start(directory: AttemptDir) -> None:
    directory.start.rename(directory.path / "elsewhere")
    directory.start.symlink_to("elsewhere")


def foreign_exit(directory: AttemptDir) -> None:
    directory.exit.write_bytes(msgspec.json.encode(exited(0)))
    os.chown(directory.exit, 12345, 12345)


def exit_of_two_kinds(directory: AttemptDir) -> None:
    directory.exit.write_bytes(b'{"at": 1.0, "code": 0, "signal": 9}')


@pytest.mark.parametrize(
    "spoil",
    [
        torn_start,
        torn_exit,
        linked_start,
        foreign_exit,
        exit_of_two_kinds,
    ],
)
def test_a_flawed_end_is_lost_and_reported(home: Path, spoil: Callable[[AttemptDir], None]) -> None:
    directory = lay_out(home, 1, spec=RETRIED, start=started())
    spoil(directory)
    before = sorted(path.lstat().st_ino for path in directory.path.iterdir())
    found = rebuilt(home)
    (record,) = found.runs
    state = record.state
    assert isinstance(state, Ended)
    assert (state.outcome, state.reason.code) == ("lost", "lost_untrusted")
    assert record.spec == RETRIED and record.attempt == 1
    (flawed,) = found.flawed
    assert flawed.run == run_id(1) and flawed.where.startswith(f"{run_id(1)}/1/")
    assert sorted(path.lstat().st_ino for path in directory.path.iterdir()) == before


def test_a_live_run_is_no_less_alive_for_its_exit(home: Path) -> None:
    directory = lay_out(home, 1, start=alive())
    torn_exit(directory)
    found = rebuilt(home)
    assert isinstance(found.runs[0].state, Running) and len(found.flawed) == 1


def test_flawed_settings_are_left_for_those_of_the_spec(home: Path) -> None:
    lay_out(home, 1, settings=RunSettings(priority=2), start=started(), exit_=exited(0))
    rundir.settings_path(home, run_id(1)).write_bytes(b"{")
    found = rebuilt(home)
    assert found.runs[0].settings.priority == 2
    assert found.flawed[0].where == f"{run_id(1)}/settings.json"


def no_spec(directory: AttemptDir) -> None:
    directory.spec.unlink()


def spec_of_nobody(directory: AttemptDir) -> None:
    rundir.write_spec(directory, rundir.Spec(argv=("true",), cwd="/", env={}))


def torn_spec(directory: AttemptDir) -> None:
    directory.spec.write_bytes(directory.spec.read_bytes()[:40])


def attempt_elsewhere(directory: AttemptDir) -> None:
    directory.path.rename(directory.path.parent / "moved")
    directory.path.symlink_to("moved")


def run_elsewhere(directory: AttemptDir) -> None:
    moved = directory.path.parent.parent.parent / "moved"
    directory.path.parent.rename(moved)
    directory.path.parent.symlink_to(moved)


def another_name(directory: AttemptDir) -> None:
    directory.path.parent.rename(directory.path.parent.with_name("thesis"))


def plain_file(directory: AttemptDir) -> None:
    directory.path.parent.rename(directory.path.parent.parent.parent / "moved")
    directory.path.parent.write_text("in the way")


def impossible_run(directory: AttemptDir) -> None:
    spec = rundir.read_spec(directory)
    assert spec is not None and spec.run is not None
    note = replace(spec.run, spec=RunSpec(command=()))
    rundir.write_spec(directory, replace(spec, run=note))


@pytest.mark.parametrize(
    "spoil",
    [
        no_spec,
        spec_of_nobody,
        torn_spec,
        attempt_elsewhere,
        run_elsewhere,
        another_name,
        plain_file,
        impossible_run,
    ],
)
def test_what_can_not_be_believed_is_left_alone(
    home: Path, spoil: Callable[[AttemptDir], None]
) -> None:
    directory = lay_out(home, 1, start=started(), exit_=exited(0))
    spoil(directory)
    lay_out(home, 2, start=started(), exit_=exited(0))
    found = rebuilt(home)
    assert [record.run for record in found.runs] == [run_id(2)]
    assert len(found.flawed) == 1 and found.flawed[0].why


@pytest.mark.parametrize("whose", ["run", "attempt"])
def test_a_directory_of_another_user_is_left_alone(home: Path, whose: str) -> None:
    directory = lay_out(home, 1, start=started(), exit_=exited(0))
    os.chown(directory.path if whose == "attempt" else directory.path.parent, 12345, 12345)
    found = rebuilt(home)
    assert found.runs == () and "another user's" in found.flawed[0].why


def test_what_can_not_be_read_says_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(home, 1, start=started(), exit_=exited(0))

    def unreadable(directory: AttemptDir) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(rundir, "read_exit", unreadable)
    found = rebuilt(home)
    assert found.runs == () and "Input/output error" in found.flawed[0].why
