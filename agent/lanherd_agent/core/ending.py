"""How an attempt ended, and whether the run gets another one."""

from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books, retry_timer
from lanherd_agent.core.causes import without_lines
from lanherd_agent.core.health import after_end
from lanherd_agent.core.lost_gpus import cause_with
from lanherd_agent.core.retrying import backoff_s, is_tried_again
from lanherd_agent.core.run_states import (
    Cause,
    Queued,
    Run,
    Running,
    RunState,
    Starting,
    Stopping,
)
from lanherd_agent.core.stage_words import unrun
from lanherd_agent.core.step import Step
from lanherd_agent.core.stops import SIGKILL, Stops
from lanherd_agent.core.waiting import explained
from lanherd_protocol.states import AttemptEnd, Ended, Outcome
from lanherd_protocol.values import Reason

KILL_EARLY_S = 1.0
"""The launcher's grace and the agent's are counted by different clocks."""


class Ending:
    """Ends attempts, in the core's books."""

    def __init__(self, books: Books, stops: Stops) -> None:
        self._books = books
        self._stops = stops

    def on_start_failed(
        self, run: Run, event: e.AttemptStartFailed, now: float, step: Step
    ) -> None:
        """Nothing ran and the cause stays, so it is not tried again."""
        ended = _ended(run.state, now, "failed", reasons.failure(event.failure))
        self._books.settle_usage(now, run)
        self._let_go(run, step)
        self._books.become(run, e.AttemptStartFailed, ended, now, step)

    def on_exited(self, run: Run, event: e.AttemptExited, now: float, step: Step) -> None:
        outcome, reason = how_it_ended(run, event)
        reason = reasons.with_rest(
            reason,
            post_failed=event.post_failed,
            left=event.left,
            post_code=event.post_code,
            post_signal=event.post_signal,
            post_refused=unrun(run.spec.post_command, event.post_error),
            disk_full=event.disk_full and outcome == "failed" and reason.code != "disk_full",
        )
        ended = _ended(
            run.state,
            event.at,
            outcome,
            reason,
            started_at=event.started_at,
            code=event.code,
            signal=event.signal,
        )
        # A stop of ours, such as that of a time limit, may be carried out to its end without us.
        asked = event.stopped and not isinstance(run.state, Stopping)
        self._end(run, e.AttemptExited, ended, now, step, final=asked)

    def on_lost(self, run: Run, event: e.AttemptLost, now: float, step: Step) -> None:
        outcome, reason = how_it_was_lost(run, event)
        ended = _ended(run.state, event.at, outcome, reason, started_at=event.started_at)
        # Without a directory that can be trusted, nobody knows whether the attempt is still alive:
        # there are never two of one run.
        alive_perhaps = event.cause in ("untrusted", "gone")
        asked = event.stopped and not isinstance(run.state, Stopping)
        self._end(run, e.AttemptLost, ended, now, step, final=alive_perhaps or asked)

    def _end(
        self, run: Run, cause: Cause, ended: Ended, now: float, step: Step, *, final: bool
    ) -> None:
        """What somebody wanted to end is not tried again."""
        final = final or _was_asked(run.state)
        self._books.settle_usage(now, run)
        self._let_go(run, step)
        books = self._books
        books.machine = after_end(
            books.machine,
            books.owner_rules,
            run.run,
            ended,
            now,
            only_gpu=books.sight.only_gpu,
        )
        rule = run.spec.retry
        if final or not is_tried_again(rule, run.attempt, ended):
            self._books.become(run, cause, ended, now, step)
            return
        run.earlier = (*run.earlier, _earlier(run.attempt, ended))
        delay_s = backoff_s(rule, run.run, run.attempt)
        state = Queued(
            since=now, reason=ended.reason, not_before=now + delay_s if delay_s else None
        )
        state = explained(run, state)
        self._books.become(run, cause, state, now, step)
        run.attempt += 1
        self._books.tell_dependents(run)
        self._books.join_line(run)
        if state.not_before is not None:
            self._books.set_timer(retry_timer(run), run, state.not_before, step)

    def _let_go(self, run: Run, step: Step) -> None:
        """Its lease, its timers and what was still wanted of the attempt are over."""
        self._stops.forget(run, step)
        self._books.ledger.release(run.holder)
        self._books.line_moved = True


def how_it_ended(run: Run, exit: e.AttemptExited) -> tuple[Outcome, Reason]:
    """Never a success unless an exit code of 0 was seen, of the command itself."""
    match run.state:
        case Stopping(outcome=outcome, reason=reason) as was:
            late = exit.signal == SIGKILL != was.signal and exit.at >= was.kill_at - KILL_EARLY_S
            grace_s = was.kill_at - was.since
            return outcome, reasons.killed_after_grace(reason, grace_s) if late else reason
        case Starting(stop=wish) if wish is not None:
            # Told before its start was: as if told in order, but no signal was sent yet.
            return "cancelled", _as_known(wish.reason, exit.stopped)
        case _:
            pass
    if exit.timed_out:
        return "timed_out", reasons.timed_out(run.spec.time_limit_s or 0)
    if exit.stopped:
        return "cancelled", reasons.STOPPED
    if exit.stage == "pre":
        refused = unrun(run.spec.pre_command, exit.pre_error)
        return "failed", reasons.pre_failed(exit.code, exit.signal, refused)
    if exit.code == 0 and exit.signal is None:
        return "succeeded", reasons.SUCCEEDED
    found = _shown_by(exit)
    if found is None:
        return "lost", reasons.exit_unknown()
    warning = run.state.warning if isinstance(run.state, Running) else None
    return "failed", cause_with(warning, found)


def _shown_by(exit: e.AttemptExited) -> Reason | None:
    """What the log shows of a failure, or else the exit alone; None: nobody saw it."""
    if exit.cause is not None and exit.code != 0:
        return exit.cause
    if exit.signal is not None:
        return reasons.ended_by_signal(exit.signal)
    return None if exit.code is None else reasons.exit_code(exit.code)


def how_it_was_lost(run: Run, loss: e.AttemptLost) -> tuple[Outcome, Reason]:
    """What was being ended is over as it was to be, though nobody saw its exit; but that a stop was
    carried out is said only where that is known."""
    lost = reasons.lost(loss.cause, loss.why)
    match run.state:
        case Stopping(outcome=outcome, reason=reason, signalled=signalled):
            known = _as_known(reason, loss.stopped or signalled)
            return outcome, reasons.unseen(known, lost)
        case Starting(stop=wish) if wish is not None:
            return "cancelled", reasons.unseen(_as_known(wish.reason, loss.stopped), lost)
        case _:
            pass
    if loss.timed_out:
        return "timed_out", reasons.unseen(reasons.timed_out(run.spec.time_limit_s or 0), lost)
    if loss.stopped:
        return "cancelled", reasons.unseen(reasons.STOPPED, lost)
    return "lost", lost


def _as_known(reason: Reason, stopped: bool) -> Reason:
    return reasons.STOP_ASKED if reason == reasons.STOPPED and not stopped else reason


def _was_asked(state: RunState) -> bool:
    match state:
        case Starting(stop=stop):
            return stop is not None
        case Stopping(asked=asked):
            return asked
        case _:
            return False


def _ended(
    was: RunState,
    at: float,
    outcome: Outcome,
    reason: Reason,
    *,
    started_at: float | None = None,
    code: int | None = None,
    signal: int | None = None,
) -> Ended:
    """`started_at` is for an end that is told before the start. The machine's clock may have been
    set back since: nothing ended before it began, and its files are no older than that."""
    assert isinstance(was, Starting | Running | Stopping)
    if isinstance(was, Running):
        started_at = was.since
    elif isinstance(was, Stopping):
        started_at = was.started_at
    return Ended(
        at=at if started_at is None else max(at, started_at),
        outcome=outcome,
        reason=reason,
        started_at=started_at,
        exit_code=code,
        signal=signal,
        lease=was.lease,
        vram_peak_bytes=was.vram_peak_bytes if isinstance(was, Running | Stopping) else 0,
    )


def _earlier(attempt: int, ended: Ended) -> AttemptEnd:
    return AttemptEnd(
        attempt=attempt,
        at=ended.at,
        outcome=ended.outcome,
        reason=without_lines(ended.reason),
        started_at=ended.started_at,
        exit_code=ended.exit_code,
        signal=ended.signal,
        lease=ended.lease,
    )
