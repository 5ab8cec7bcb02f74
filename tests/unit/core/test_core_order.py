"""Events in any order, early, late and twice: the books stay true and an end stays an end."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core import invariants
from lanherd_agent.core.core import AgentCore
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended
from tests.simulation.making import (
    NOW,
    PLAIN,
    after,
    change,
    gpu,
    gpu_spec,
    new,
    readings,
    remove_files,
    restart,
    run_id,
    stop,
    tried,
)

RUNS = 4
TIMERS = ("kill", "limit", "retry")
FAILURE = Failure(code=ErrorCode.LAUNCHER_FAILED, title="No.")

Make = Callable[[RunId, int, int], e.Event]
FACTS: tuple[Make, ...] = (
    lambda run, attempt, n: e.PreparationProgressed(run=run, attempt=attempt, step="environment"),
    lambda run, attempt, n: e.PreparationFinished(run=run, attempt=attempt),
    lambda run, attempt, n: e.PreparationFailed(run=run, attempt=attempt, failure=FAILURE),
    lambda run, attempt, n: e.PreparationCancelled(run=run, attempt=attempt),
    lambda run, attempt, n: e.AttemptStarted(run=run, attempt=attempt, pid=100 + n, at=NOW),
    lambda run, attempt, n: e.AttemptStartFailed(run=run, attempt=attempt, failure=FAILURE),
    lambda run, attempt, n: e.AttemptAdopted(run=run, attempt=attempt, elapsed_s=n),
    lambda run, attempt, n: e.AttemptExited(run=run, attempt=attempt, at=NOW, code=n % 3),
    lambda run, attempt, n: e.AttemptExited(run=run, attempt=attempt, at=NOW, timed_out=n > 2),
    lambda run, attempt, n: e.AttemptLost(run=run, attempt=attempt, at=NOW, why="Gone."),
    lambda run, attempt, n: e.AttemptSignalled(run=run, attempt=attempt, signal=15),
    lambda run, attempt, n: e.TimerFired(timer=f"{TIMERS[n % 3]}:{run}:{attempt}"),
    lambda run, attempt, n: e.FilesRemoved(run=run, at=NOW, problem="Busy." if n > 3 else ""),
    lambda run, attempt, n: e.FilesRemovalDue(runs=(run,)),
    lambda run, attempt, n: e.SettingsNoted(run=run),
    lambda run, attempt, n: e.DiskRead(free_bytes=n, low_bytes=2),
)


def submitted(number: int, kind: int) -> e.Event:
    specs = (
        gpu_spec(12),
        gpu_spec(20, exclusive=True),
        gpu_spec(6, prepared=True),
        gpu_spec(0),
        tried(3, gpu_spec(6), backoff_s=kind % 2),
        tried(2, replace(PLAIN, time_limit_s=5.0), on=("timed_out",)),
        after(1 + number % RUNS),
        after(1 + number % RUNS, kind="after"),
        after(1 + number % RUNS, kind="after_any", spec=tried(2)),
    )
    return e.RunsSubmitted(owner="ann", runs=(new(number, specs[kind]),))


facts = st.builds(
    lambda make, number, attempt, n: make(run_id(number), attempt, n),
    st.sampled_from(FACTS),
    st.integers(1, RUNS),
    st.integers(1, 3),
    st.integers(0, 5),
)
asked = st.one_of(
    st.builds(submitted, st.integers(1, RUNS), st.integers(0, 8)),
    st.builds(
        lambda number, command: e.StopRequested(owner=None, request=stop(number, command)),
        st.integers(1, RUNS),
        st.integers(1, 3),
    ),
    st.builds(
        lambda number, command, wanted: e.ChangeRequested(
            owner=None, request=change(number, command, **wanted)
        ),
        st.integers(1, RUNS),
        st.integers(4, 9),
        st.sampled_from(
            ({"held": True}, {"held": False}, {"priority": 1}, {"pinned": True}, {"notes": "n"})
        ),
    ),
    st.builds(
        lambda number: e.RestartRequested(
            owner=None, caller="ann", request=restart(number, number + RUNS)
        ),
        st.integers(1, RUNS),
    ),
    st.builds(
        lambda number: e.FilesRemovalRequested(owner=None, request=remove_files(number, 10)),
        st.integers(1, RUNS),
    ),
)
samples = st.builds(
    lambda foreign, sick: readings(gpu(0, 24, foreign), gpu(1, 24, 0, problem=sick)),
    st.sampled_from((0, 5, 23)),
    st.sampled_from((None, "lost")),
)


@given(st.lists(st.one_of(facts, facts, asked, samples), max_size=60))
def test_any_order_keeps_the_books_true(events: list[e.Event]) -> None:
    core = AgentCore()
    core.handle(readings(gpu(0), gpu(1)), NOW)
    ended: dict[RunId, Ended] = {}
    for number, event in enumerate(events):
        before = {run.run: run.state for run in core.books.runs.values()}
        try:
            core.handle(event, NOW + number)
        except LanherdError:
            assert {run.run: run.state for run in core.books.runs.values()} == before
        invariants.check(core)
        for run in core.books.runs.values():
            if run.run in ended:
                assert run.state is ended[run.run]
            elif isinstance(run.state, Ended):
                ended[run.run] = run.state
