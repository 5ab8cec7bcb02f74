"""Runs in the line: why each waits, and what moves or parks it there.

A run is parked while it is held, waits its backoff out or waits for other runs: it keeps its place,
and is passed over.
"""

from heapq import nlargest

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.places import key_before, key_of, to_ns
from lanherd_agent.core.run_states import Cause, Preparing, Queued, Run, needs_preparation
from lanherd_agent.core.step import Step
from lanherd_protocol.states import AttemptEnd
from lanherd_protocol.values import Dependency, Reason, RunSettings, RunSpec


def why_waits(
    settings: RunSettings,
    spec: RunSpec,
    *,
    waits_for: tuple[Dependency, ...] = (),
    not_before: float | None = None,
    prepared: bool = False,
    earlier: tuple[AttemptEnd, ...] = (),
) -> Reason:
    """Why a run waits, as far as it alone is concerned."""
    if settings.held:
        return reasons.HELD
    if waits_for:
        return reasons.waits_for(waits_for)
    if not_before is not None:
        last = earlier[-1]
        most = spec.retry.attempts_max
        return reasons.backoff(last.attempt + 1, most, last.outcome, not_before)
    if not prepared and needs_preparation(spec):
        return reasons.UNPREPARED
    return reasons.IN_LINE


def explained(run: Run, state: Queued) -> Queued:
    """The state with the reason that follows from it."""
    reason = why_waits(
        run.settings,
        run.spec,
        waits_for=state.waits_for,
        not_before=state.not_before,
        prepared=state.prepared is not None,
        earlier=run.earlier,
    )
    return replace(state, reason=reason)


LOOKED_AT_MAX = 64
"""Runs ahead between which a place is looked for."""


class Waiting:
    """Moves and parks runs, in the core's books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def settle(self, run: Run, settings: RunSettings, now: float, step: Step) -> None:
        """Give a run that waits its new settings, and the place that follows from them."""
        was = run.state
        self._books.leave_line(run)
        moved, run.settings = settings.held != run.settings.held, settings
        if isinstance(was, Preparing):
            self._books.put_preparing(run)
            return
        assert isinstance(was, Queued)
        if moved:
            self._books.become(run, e.ChangeRequested, explained(run, was), now, step)
        self._books.join_line(run)

    def move(self, run: Run, other: Run) -> bool:
        """Put a run right ahead of another, if it isn't ahead already; whether it moved."""
        books = self._books
        penalties = books.queue.penalties
        mine_ns = penalties.get(run.owner, 0)

        def key(one: Run) -> int:
            """Where it stands, as seen from among the runs of this one's user."""
            return key_of(one.place) + penalties.get(one.owner, 0) - mine_ns

        if run is other or (key(run), run.ordinal) < (key(other), other.ordinal):
            return False
        behind = key(other)
        ahead = nlargest(
            LOOKED_AT_MAX, {key(one) for one in books.waiting.values() if key(one) < behind}
        )
        books.leave_line(run)
        worth_ns = run.settings.priority * to_ns(books.owner_rules.ageing_s)
        run.line_ns = key_before(behind, ahead) + worth_ns
        if isinstance(run.state, Preparing):
            books.put_preparing(run)
        else:
            books.join_line(run)
        return True

    def on_retry_timer(self, run: Run, now: float, step: Step) -> None:
        """The backoff is over; where it is held or not prepared, it waits on."""
        was = run.state
        assert isinstance(was, Queued)
        self.requeue(run, e.TimerFired, replace(was, not_before=None), now, step)

    def requeue(self, run: Run, cause: Cause, state: Queued, now: float, step: Step) -> None:
        """Let a run in line wait for something else."""
        self._books.leave_line(run)
        self._books.become(run, cause, explained(run, state), now, step)
        self._books.join_line(run)
