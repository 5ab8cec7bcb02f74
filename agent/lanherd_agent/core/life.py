"""What facts about runs lead to: preparation, start, exit, and the stop that somebody asked for.

A fact about an attempt that is over, or that says again what is known, changes nothing; one that
the transition table doesn't have raises.
"""

from collections.abc import Callable
from typing import Any, assert_never

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.run_states import (
    Cause,
    Preparing,
    Queued,
    Run,
    Running,
    RunState,
    Starting,
    Stopping,
    StopWish,
    targets,
)
from lanherd_agent.core.step import Step
from lanherd_protocol.states import Ended, Outcome
from lanherd_protocol.values import Reason

SIGKILL = 9
SIGTERM = 15


class Life:
    """Takes runs through their states, in the core's books."""

    def __init__(self, books: Books) -> None:
        self._books = books

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

    def _on_progressed(
        self, run: Run, event: e.PreparationProgressed, now: float, step: Step
    ) -> None:
        was = run.state
        assert isinstance(was, Preparing)
        state = Preparing(
            since=was.since, queued_since=was.queued_since, step=event.step, detail=event.detail
        )
        if state != was:
            self._books.become(run, e.PreparationProgressed, state, now, step)

    def _on_prepared(self, run: Run, event: e.PreparationFinished, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Preparing)
        self._books.leave_line(run)
        state = Queued(since=was.queued_since, reason=reasons.IN_LINE, prepared=event.prepared)
        self._books.become(run, e.PreparationFinished, state, now, step)
        self._books.join_line(run)

    def _on_preparation_failed(
        self, run: Run, event: e.PreparationFailed, now: float, step: Step
    ) -> None:
        self._books.leave_line(run)
        ended = Ended(at=now, outcome="failed", reason=reasons.failure(event.failure))
        self._books.become(run, e.PreparationFailed, ended, now, step)

    def _on_started(self, run: Run, event: e.AttemptStarted, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Starting)
        running = Running(since=event.at, pid=event.pid, lease=was.lease)
        if was.stop is None:
            self._books.become(run, e.AttemptStarted, running, now, step)
        else:
            self._begin_stop(run, e.AttemptStarted, running, was.stop, now, step)

    def _on_start_failed(
        self, run: Run, event: e.AttemptStartFailed, now: float, step: Step
    ) -> None:
        self._end(run, e.AttemptStartFailed, "failed", reasons.failure(event.failure), now, step)

    def _on_exited(self, run: Run, event: e.AttemptExited, now: float, step: Step) -> None:
        outcome, reason = _how_it_ended(run.state, event)
        self._end(run, e.AttemptExited, outcome, reason, event.at, step, event)

    def _on_lost(self, run: Run, event: e.AttemptLost, now: float, step: Step) -> None:
        self._end(run, e.AttemptLost, "lost", reasons.lost(event.why), event.at, step)

    def _end(
        self,
        run: Run,
        cause: Cause,
        outcome: Outcome,
        reason: Reason,
        at: float,
        step: Step,
        exit: e.AttemptExited | None = None,
    ) -> None:
        """End a live run: its lease, its timer and what was still wanted of it are over."""
        was = run.state
        assert isinstance(was, Starting | Running | Stopping)
        started_at = exit.started_at if exit else None
        if isinstance(was, Running):
            started_at = was.since
        elif isinstance(was, Stopping):
            started_at = was.started_at
            self._books.clear_kill_timer(run, step)
            self._books.end_effects(step, *(f.signal_id(run.run, run.attempt, s) for s in _SENT))
        ended = Ended(
            at=at,
            outcome=outcome,
            reason=reason,
            started_at=started_at,
            exit_code=exit.code if exit else None,
            signal=exit.signal if exit else None,
            lease=was.lease,
        )
        self._books.ledger.release(run.holder)
        self._books.line_moved = True
        self._books.become(run, cause, ended, at, step)

    def stop(self, run: Run, grace_s: float, now: float, step: Step) -> None:
        state = run.state
        match state:
            case Queued() | Preparing():
                self._cancel(run, now, step)
            case Starting(stop=sooner):
                if sooner is None or grace_s < sooner.grace_s:
                    wish = StopWish(grace_s=grace_s, reason=reasons.STOPPED)
                    starting = Starting(since=state.since, lease=state.lease, stop=wish)
                    self._books.become(run, e.StopRequested, starting, now, step)
            case Running():
                wish = StopWish(grace_s=grace_s, reason=reasons.STOPPED)
                self._begin_stop(run, e.StopRequested, state, wish, now, step)
            case Stopping():
                self._hasten(run, state, now + grace_s, now, step)
            case Ended():
                pass
            case _:
                assert_never(state)

    def _cancel(self, run: Run, now: float, step: Step) -> None:
        if isinstance(run.state, Preparing):
            self._books.end_effects(step, f"prepare:{run.run}:{run.attempt}")
            self._books.want(f.CancelPreparation(run=run.run, attempt=run.attempt), step)
        self._books.leave_line(run)
        ended = Ended(at=now, outcome="cancelled", reason=reasons.CANCELLED_WAITING)
        self._books.become(run, e.StopRequested, ended, now, step)

    def _begin_stop(
        self, run: Run, cause: Cause, was: Running, wish: StopWish, now: float, step: Step
    ) -> None:
        kill_at = now + wish.grace_s
        stopping = Stopping(
            since=now,
            started_at=was.since,
            pid=was.pid,
            lease=was.lease,
            kill_at=kill_at,
            outcome="cancelled",
            reason=wish.reason,
        )
        self._books.become(run, cause, stopping, now, step)
        self._books.want(f.SignalAttempt(run=run.run, attempt=run.attempt, signal=SIGTERM), step)
        self._books.set_kill_timer(run, kill_at, step)

    def _hasten(self, run: Run, was: Stopping, kill_at: float, now: float, step: Step) -> None:
        if kill_at >= was.kill_at:
            return
        stopping = Stopping(
            since=was.since,
            started_at=was.started_at,
            pid=was.pid,
            lease=was.lease,
            kill_at=kill_at,
            outcome=was.outcome,
            reason=was.reason,
        )
        self._books.become(run, e.StopRequested, stopping, now, step)
        self._books.set_kill_timer(run, kill_at, step)

    def on_kill_timer(self, timer: str, now: float, step: Step) -> None:
        """Its grace is over. It is killed until it is gone: a signal may be lost."""
        run = self._books.kill_timers.get(timer)
        if run is not None:
            signal = f.SignalAttempt(run=run.run, attempt=run.attempt, signal=SIGKILL)
            self._books.want(signal, step)
            self._books.set_kill_timer(run, now + self._books.rules.kill_again_s, step)


_SENT = (SIGTERM, SIGKILL)


def _how_it_ended(was: RunState, exit: e.AttemptExited) -> tuple[Outcome, Reason]:
    if isinstance(was, Stopping):
        return was.outcome, was.reason
    if exit.signal is not None:
        return "failed", reasons.ended_by_signal(exit.signal)
    if exit.code is None:
        return "lost", reasons.exit_unknown()
    if exit.code == 0:
        return "succeeded", reasons.SUCCEEDED
    return "failed", reasons.exit_code(exit.code)


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
    e.PreparationProgressed: Life._on_progressed,
    e.PreparationFinished: Life._on_prepared,
    e.PreparationFailed: Life._on_preparation_failed,
    e.AttemptStarted: Life._on_started,
    e.AttemptStartFailed: Life._on_start_failed,
    e.AttemptExited: Life._on_exited,
    e.AttemptLost: Life._on_lost,
}
