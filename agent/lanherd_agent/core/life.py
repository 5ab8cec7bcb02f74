"""What facts about runs lead to: preparation, start, exit.

A fact about an attempt that is over, or that says again what is known, changes nothing; one that
the transition table doesn't have raises.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books, limit_timer
from lanherd_agent.core.ending import Ending
from lanherd_agent.core.run_states import Preparing, Queued, Run, Running, Starting, targets
from lanherd_agent.core.step import Step
from lanherd_agent.core.stops import Stops
from lanherd_agent.core.waiting import explained
from lanherd_protocol.states import Ended


class Life:
    """Takes runs through their states, in the core's books."""

    def __init__(self, books: Books, stops: Stops) -> None:
        self._books = books
        self._stops = stops
        self._ending = Ending(books, stops)

    def on_fact(self, event: e.RunFact, now: float, step: Step) -> None:
        run = self._books.runs.get(event.run)
        over = _ENDS.get(type(event))
        if run is None or event.attempt < run.attempt:
            if over is not None:
                self._books.end_effects(step, *over(event))
            return
        cause = type(event)
        allowed = targets(run.state, cause)
        if allowed is None or event.attempt > run.attempt:
            raise self._books.impossible(run, cause)
        if over is not None:
            self._books.end_effects(step, *over(event))
        if allowed:
            _FACTS[cause](self, run, event, now, step)

    def on_progressed(
        self, run: Run, event: e.PreparationProgressed, now: float, step: Step
    ) -> None:
        was = run.state
        assert isinstance(was, Preparing)
        state = replace(was, step=event.step, detail=event.detail)
        if state != was:
            self._books.become(run, e.PreparationProgressed, state, now, step)

    def on_prepared(self, run: Run, event: e.PreparationFinished, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Preparing)
        self._books.leave_line(run)
        state = Queued(since=was.queued_since, reason=reasons.IN_LINE, prepared=event.prepared)
        if run.settings.held:
            state = explained(run, state)
        self._books.become(run, e.PreparationFinished, state, now, step)
        self._books.join_line(run)

    def on_preparation_failed(
        self, run: Run, event: e.PreparationFailed, now: float, step: Step
    ) -> None:
        self._books.leave_line(run)
        ended = Ended(at=now, outcome="failed", reason=reasons.failure(event.failure))
        self._books.become(run, e.PreparationFailed, ended, now, step)

    def on_started(self, run: Run, event: e.AttemptStarted, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Starting)
        limit_s = run.spec.time_limit_s
        limit_at = None if limit_s is None else now + limit_s
        running = Running(since=event.at, pid=event.pid, lease=was.lease, limit_at=limit_at)
        if was.stop is not None:
            self._stops.begin(run, e.AttemptStarted, running, was.stop, now, step)
            return
        self._books.become(run, e.AttemptStarted, running, now, step)
        if limit_at is not None:
            self._books.set_timer(limit_timer(run), run, limit_at, step)

    def on_adopted(self, run: Run, event: e.AttemptAdopted, now: float, step: Step) -> None:
        self._stops.on_adopted(run, event, now, step)

    def on_start_failed(
        self, run: Run, event: e.AttemptStartFailed, now: float, step: Step
    ) -> None:
        self._ending.on_start_failed(run, event, now, step)

    def on_signalled(self, run: Run, event: e.AttemptSignalled, now: float, step: Step) -> None:
        self._stops.on_signalled(run, event, now, step)

    def on_exited(self, run: Run, event: e.AttemptExited, now: float, step: Step) -> None:
        self._ending.on_exited(run, event, now, step)

    def on_lost(self, run: Run, event: e.AttemptLost, now: float, step: Step) -> None:
        self._ending.on_lost(run, event, now, step)


def _over(*kinds: str) -> Callable[[Any], tuple[str, ...]]:
    """The ids of the effects that end with an event about an attempt."""
    return lambda event: tuple(f"{kind}:{event.run}:{event.attempt}" for kind in kinds)


_ENDS: dict[type, Callable[[Any], tuple[str, ...]]] = {
    e.PreparationFinished: _over("prepare"),
    e.PreparationFailed: _over("prepare"),
    e.PreparationCancelled: _over("prepare", "cancel_preparation"),
    e.AttemptStarted: _over("start"),
    e.AttemptStartFailed: _over("start"),
    e.AttemptExited: _over("start"),
    e.AttemptLost: _over("start"),
    e.AttemptSignalled: lambda event: (f.signal_id(event.run, event.attempt, event.signal),),
}

_FACTS: dict[type, Callable[..., None]] = {
    e.PreparationProgressed: Life.on_progressed,
    e.PreparationFinished: Life.on_prepared,
    e.PreparationFailed: Life.on_preparation_failed,
    e.AttemptStarted: Life.on_started,
    e.AttemptStartFailed: Life.on_start_failed,
    e.AttemptAdopted: Life.on_adopted,
    e.AttemptSignalled: Life.on_signalled,
    e.AttemptExited: Life.on_exited,
    e.AttemptLost: Life.on_lost,
}
