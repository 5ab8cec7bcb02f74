"""Events in any order, early, late and twice: the books stay true and an end stays an end."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.core import events as e
from lanherd_agent.core import invariants
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.run_states import view
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended, RunView
from tests.simulation.making import NOW, gpu, gpu_spec, new, readings, run_id, stop

RUNS = 4
FAILURE = Failure(code=ErrorCode.LAUNCHER_FAILED, title="No.")

Make = Callable[[RunId, int, int], e.Event]
FACTS: tuple[Make, ...] = (
    lambda run, attempt, n: e.PreparationProgressed(run=run, attempt=attempt, step="environment"),
    lambda run, attempt, n: e.PreparationFinished(run=run, attempt=attempt),
    lambda run, attempt, n: e.PreparationFailed(run=run, attempt=attempt, failure=FAILURE),
    lambda run, attempt, n: e.PreparationCancelled(run=run, attempt=attempt),
    lambda run, attempt, n: e.AttemptStarted(run=run, attempt=attempt, pid=100 + n, at=NOW),
    lambda run, attempt, n: e.AttemptStartFailed(run=run, attempt=attempt, failure=FAILURE),
    lambda run, attempt, n: e.AttemptAdopted(run=run, attempt=attempt),
    lambda run, attempt, n: e.AttemptExited(run=run, attempt=attempt, at=NOW, code=n % 3),
    lambda run, attempt, n: e.AttemptLost(run=run, attempt=attempt, at=NOW, why="Gone."),
    lambda run, attempt, n: e.AttemptSignalled(run=run, attempt=attempt, signal=15),
)


def submitted(number: int, kind: int) -> e.Event:
    specs = (gpu_spec(12), gpu_spec(20, exclusive=True), gpu_spec(6, prepared=True), gpu_spec(0))
    return e.RunsSubmitted(owner="ann", runs=(new(number, specs[kind]),))


facts = st.builds(
    lambda make, number, attempt, n: make(run_id(number), attempt, n),
    st.sampled_from(FACTS),
    st.integers(1, RUNS),
    st.integers(1, 2),
    st.integers(0, 5),
)
asked = st.one_of(
    st.builds(submitted, st.integers(1, RUNS), st.integers(0, 3)),
    st.builds(
        lambda number, command: e.StopRequested(owner=None, request=stop(number, command)),
        st.integers(1, RUNS),
        st.integers(1, 3),
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
    ended: dict[RunId, RunView] = {}
    for number, event in enumerate(events):
        before = {run.run: run.state for run in core.books.runs.values()}
        try:
            core.handle(event, NOW + number)
        except LanherdError:
            assert {run.run: run.state for run in core.books.runs.values()} == before
        invariants.check(core)
        for run in core.books.runs.values():
            told = view(run)
            assert ended.get(run.run, told) == told
            if isinstance(told.state, Ended):
                ended[run.run] = told
