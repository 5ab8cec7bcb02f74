"""Every (state, cause) pair: what the table says is what the core does."""

from itertools import product
from typing import get_args

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.books import Books
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    TRANSITIONS,
    Cause,
    Explain,
    GiveUp,
    Measure,
    Preparing,
    Queued,
    Resolve,
    Run,
    Running,
    RunRecord,
    RunState,
    Starting,
    StateType,
    Stopping,
    needs_preparation,
    view,
)
from lanherd_agent.core.step import Kept, Step
from lanherd_protocol import states as wire
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Lease, Reason, RunSettings
from tests.simulation.making import NOW, PLAIN, PROJECT, change, run_id, stop

RUN = run_id(1)
REASON = Reason(code="why", text="Because.")
STATES: dict[StateType, RunState] = {
    Queued: Queued(since=NOW, reason=REASON),
    Preparing: Preparing(since=NOW, queued_since=NOW, step="snapshot"),
    Starting: Starting(since=NOW, lease=Lease()),
    Running: Running(since=NOW, pid=5, lease=Lease()),
    Stopping: Stopping(
        since=NOW,
        started_at=NOW,
        pid=5,
        lease=Lease(),
        kill_at=NOW + 9,
        outcome="cancelled",
        reason=REASON,
    ),
    Ended: Ended(at=NOW, outcome="succeeded", reason=REASON),
}
FAILURE = Failure(code=ErrorCode.ENVIRONMENT_FAILED, title="No.")
EVENTS: dict[type, e.Event] = {
    type(event): event
    for event in (
        e.PreparationProgressed(run=RUN, attempt=1, step="environment"),
        e.PreparationFinished(run=RUN, attempt=1),
        e.PreparationFailed(run=RUN, attempt=1, failure=FAILURE),
        e.PreparationCancelled(run=RUN, attempt=1),
        e.AttemptStarted(run=RUN, attempt=1, pid=5, at=NOW),
        e.AttemptStartFailed(run=RUN, attempt=1, failure=FAILURE),
        e.AttemptAdopted(run=RUN, attempt=1),
        e.AttemptExited(run=RUN, attempt=1, at=NOW, code=0),
        e.AttemptLost(run=RUN, attempt=1, at=NOW, why="Gone."),
        e.AttemptSignalled(run=RUN, attempt=1, signal=15),
        e.StopRequested(owner=None, request=stop(1)),
        e.ChangeRequested(owner=None, request=change(1, priority=5)),
        e.FilesRemoved(run=RUN, at=NOW),
        e.SettingsNoted(run=RUN),
    )
}
LEAVES_STATES_ALONE = {
    e.RunsSubmitted,
    e.RestartRequested,
    e.FilesRemovalRequested,
    e.FilesRemovalDue,
    e.ReadingsTaken,
    e.DiskRead,
    e.MachineRequested,
    e.RulesChanged,
}
DECISIONS: tuple[Cause, ...] = (
    Explain,
    Resolve,
    GiveUp,
    Measure,
    f.PrepareRun,
    f.StartAttempt,
    e.TimerFired,
)
"""A timer is the core's own: one that it did not set, or has cleared, is nothing to it."""


def core_with(state: RunState) -> AgentCore:
    """A core in which nothing but run 1 is in line, and which starts and prepares nothing."""
    waits = isinstance(state, Queued | Preparing)
    record = RunRecord(1, RUN, PROJECT if waits else PLAIN, "ann", NOW, state, 1)
    rules = Rules(runs_at_once_max=0 if waits else 1, prepare_ahead_max=0)
    return AgentCore(Kept(runs=[record], seq=1, ordinal=1), rules)


def test_the_table_knows_every_state_and_every_event_is_walked() -> None:
    assert set(TRANSITIONS) == set(get_args(RunState)) == set(STATES)
    walked = {*EVENTS, *LEAVES_STATES_ALONE, e.TimerFired}
    assert walked == set(get_args(e.Event))
    named = {cause for causes in TRANSITIONS.values() for cause in causes}
    assert named == set(EVENTS) | set(DECISIONS)


@pytest.mark.parametrize(
    ("state", "event"), list(product(STATES, EVENTS)), ids=lambda kind: kind.__name__
)
def test_each_pair_is_what_the_table_says(state: StateType, event: type) -> None:
    core = core_with(STATES[state])
    allowed = TRANSITIONS[state].get(event)
    if allowed is None:
        with pytest.raises(LanherdError) as broken:
            core.handle(EVENTS[event], NOW + 1)
        assert broken.value.code is ErrorCode.INTERNAL
        assert core.books.runs[RUN].state is STATES[state]
        return
    core.handle(EVENTS[event], NOW + 1)
    after = core.books.runs[RUN].state
    assert type(after) in (allowed or (state,))
    if not allowed:
        assert after is STATES[state]


def test_no_state_follows_another_outside_the_table() -> None:
    for before, cause, after in product(STATES, (*EVENTS, *DECISIONS), STATES):
        books = Books(Rules())
        run = Run(RunRecord(1, RUN, PLAIN, "ann", NOW, STATES[before], 1))
        if after in TRANSITIONS[before].get(cause, ()):
            books.become(run, cause, STATES[after], NOW, Step())
            assert run.state is STATES[after]
        else:
            with pytest.raises(LanherdError) as broken:
                books.become(run, cause, STATES[after], NOW, Step())
            assert broken.value.code is ErrorCode.INTERNAL
            assert run.state is STATES[before]


def test_an_impossible_transition_tells_the_story() -> None:
    books = Books(Rules())
    run = Run(RunRecord(1, RUN, PLAIN, "ann", NOW, STATES[Queued], 1))
    with pytest.raises(LanherdError, match="nothing known"):
        books.become(run, e.AttemptExited, STATES[Ended], NOW, Step())
    books.become(run, f.StartAttempt, STATES[Starting], NOW, Step())
    with pytest.raises(LanherdError, match="StartAttempt → Starting") as broken:
        books.become(run, f.PrepareRun, STATES[Preparing], NOW, Step())
    assert "can't take PrepareRun while it is Starting" in str(broken.value)


def test_a_story_has_a_bound() -> None:
    books = Books(Rules())
    for number in range(40):
        books.stories.add(RUN, NOW + number, f"Cause{number}", "Queued")
    lines = books.stories.tell(RUN).splitlines()
    assert len(lines) == 16 and "Cause39" in lines[-1]


def test_each_state_is_told_by_its_own_name() -> None:
    for kind, state in STATES.items():
        told = view(RunRecord(1, RUN, PLAIN, "ann", NOW, state, 1))
        assert type(told.state).__name__ == kind.__name__
        assert wire.state_name(told.state) == kind.__name__.lower()


def test_what_needs_preparation() -> None:
    assert needs_preparation(PROJECT)
    assert not needs_preparation(PLAIN)


def test_effects_have_ids_that_do_not_change() -> None:
    start = f.AdoptAttempt(run=RUN, attempt=2, spec=PLAIN, lease=Lease(), pid=5)
    assert start.id == f"adopt:{RUN}:2"
    assert f.RemoveFiles(run=RUN).id == f"remove_files:{RUN}"
    assert f.NoteSettings(run=RUN, settings=RunSettings()).id == f"note_settings:{RUN}"
    assert f.SetTimer(timer="t", at=NOW).id == f.CancelTimer(timer="t").id == "t"
