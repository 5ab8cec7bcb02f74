"""The soak's judgement finds each lie, and lets the truth pass."""

from pathlib import Path
from typing import Any

import pytest

from lanherd_protocol.ids import RunId
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import AttemptEnd, Ended, Outcome, RunView
from lanherd_protocol.values import Dependency, Reason, RetryRule, RunSpec
from tests.soak.judging import Facts, judge, judge_order
from tests.soak.load import Sent
from tests.support.job_truth import JobTruth

RUN = RunId("00000000-0000-7000-8000-000000000001")
OTHER = RunId("00000000-0000-7000-8000-000000000002")
WENT_WELL = JobTruth(starts=(10.0,), pids=(7,), code=0, ended_at=12.0)
FAILED = JobTruth(starts=(10.0,), pids=(7,), code=3, ended_at=12.0)
SHOT_DEAD = JobTruth(starts=(10.0,), pids=(7,))
NEVER = JobTruth()


def ended(outcome: Outcome, **more: Any) -> Ended:
    known: dict[str, Any] = {"at": 12.0, "started_at": 10.0, "reason": Reason(code="x", text="x")}
    return Ended(**(known | more), outcome=outcome)


def view(state: Ended, spec: RunSpec | None = None, **more: Any) -> RunView:
    known: dict[str, Any] = {"run": RUN, "owner": "me", "submitted_at": 9.0, "seq": 4}
    return RunView(**(known | more), spec=spec or RunSpec(command=("x",)), state=state)


def faults(told: RunView, *truths: JobTruth, stopped_at: float | None = None, shot: int = 0) -> int:
    sent = Sent(NewRun(run=told.run, spec=told.spec), stopped_at=stopped_at)
    by_attempt = dict(enumerate(truths, start=1))
    facts = Facts(sent, by_attempt, frozenset({shot}), Path("/nowhere"))
    return len(list(judge(told, facts)))


@pytest.mark.parametrize(
    ("state", "truth", "more"),
    [
        (ended("succeeded", exit_code=0), WENT_WELL, {}),
        (ended("failed", exit_code=3), FAILED, {}),
        (ended("failed", started_at=None), NEVER, {"shot": 1}),
        (ended("cancelled", started_at=None), NEVER, {"stopped_at": 11.0}),
        (ended("cancelled", signal=15), SHOT_DEAD, {"stopped_at": 11.0}),
        (ended("lost"), SHOT_DEAD, {"shot": 1}),
    ],
)
def test_the_truth_passes(state: Ended, truth: JobTruth, more: dict[str, Any]) -> None:
    assert faults(view(state), truth, **more) == 0


@pytest.mark.parametrize(
    ("state", "truth", "more"),
    [
        (ended("succeeded", exit_code=0), FAILED, {}),
        (ended("succeeded", exit_code=0), SHOT_DEAD, {"shot": 1}),
        (ended("failed", exit_code=4), FAILED, {}),
        (ended("failed", signal=9), SHOT_DEAD, {}),
        (ended("failed", started_at=None), NEVER, {}),
        (ended("failed", started_at=None), FAILED, {"shot": 1}),
        (ended("cancelled", started_at=None), NEVER, {}),
        (ended("cancelled", started_at=None), SHOT_DEAD, {"stopped_at": 11.0}),
        (ended("cancelled"), WENT_WELL, {"stopped_at": 20.0}),
        (ended("timed_out"), SHOT_DEAD, {}),
        (ended("lost"), SHOT_DEAD, {}),
        (ended("succeeded", exit_code=0, at=19.0), WENT_WELL, {}),
    ],
)
def test_a_lie_is_found(state: Ended, truth: JobTruth, more: dict[str, Any]) -> None:
    assert faults(view(state), truth, **more) == 1


def test_a_time_limit_is_held_against_the_clock() -> None:
    spec = RunSpec(command=("x",), time_limit_s=2.0)
    assert faults(view(ended("timed_out", signal=15), spec), SHOT_DEAD) == 0
    assert faults(view(ended("timed_out", signal=15, at=11.0), spec), SHOT_DEAD) == 1
    assert faults(view(ended("lost", at=60.0), spec), SHOT_DEAD, shot=1) == 1


def test_retries_are_counted() -> None:
    rule = RetryRule(attempts_max=2, exit_codes=(3,), on=("failed",))
    spec = RunSpec(command=("x",), retry=rule)
    first = AttemptEnd(
        attempt=1, at=12.0, outcome="failed", reason=Reason(code="x", text="x"),
        started_at=10.0, exit_code=3,
    )  # fmt: skip
    well = ended("succeeded", exit_code=0)
    assert faults(view(well, spec, attempt=2, earlier=(first,)), FAILED, WENT_WELL) == 0
    assert faults(view(ended("failed", exit_code=3), spec), FAILED) == 1
    assert faults(view(ended("failed", exit_code=3), spec), FAILED, stopped_at=11.0) == 0
    assert faults(
        view(well, RunSpec(command=("x",)), attempt=2, earlier=(first,)), FAILED, WENT_WELL
    )
    assert faults(view(well, spec, attempt=2), FAILED, WENT_WELL) == 1


def test_a_dependent_run_waits() -> None:
    spec = RunSpec(command=("x",), dependencies=(Dependency(run=OTHER),))
    dependent = view(ended("succeeded", exit_code=0, at=30.0), spec)
    other = view(ended("succeeded", exit_code=0), run=OTHER)
    views = {RUN: dependent, OTHER: other}
    assert not list(judge_order(dependent, views, {RUN: 13.0, OTHER: 10.0}))
    assert len(list(judge_order(dependent, views, {RUN: 11.0, OTHER: 10.0}))) == 1
    views[OTHER] = view(ended("failed", exit_code=1), run=OTHER)
    assert len(list(judge_order(dependent, views, {RUN: 13.0, OTHER: 10.0}))) == 1
