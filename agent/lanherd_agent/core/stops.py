"""How runs are made to end: a stop that somebody asked for, and a time limit that is over.

A signal, some grace, then SIGKILL until it is gone. The launcher has the grace too, and kills even
if there is no agent by then.
"""

from typing import assert_never

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books, kill_timer, limit_timer, retry_timer
from lanherd_agent.core.run_states import (
    Cause,
    Measure,
    Preparing,
    Queued,
    Run,
    Running,
    Starting,
    Stopping,
    StopWish,
)
from lanherd_agent.core.step import Step
from lanherd_protocol.messages import StopRun
from lanherd_protocol.states import Ended, Outcome
from lanherd_protocol.values import StopSignal

SIGNALS: dict[StopSignal, int] = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "KILL": 9,
    "USR1": 10,
    "USR2": 12,
    "TERM": 15,
}
SIGKILL = SIGNALS["KILL"]
_OUTCOMES: dict[Cause, Outcome] = {e.TimerFired: "timed_out", Measure: "failed"}
"""Of stops that nobody asked for. What holds too much VRAM would do so in another attempt too."""
LIMIT_NEWS_S = 1.0
"""A limit that is found to be elsewhere by less than this after a restart is not told anew."""


class Stops:
    """Stops and kills runs, in the core's books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    # --- Asked for -------------------------------------------------------------------------------

    def stop(self, run: Run, request: StopRun, now: float, step: Step) -> None:
        state = run.state
        match state:
            case Queued() | Preparing():
                self._cancel(run, now, step)
            case Starting():
                self._wish(run, state, request, now, step)
            case Running():
                wish = self._wish_of(run, request)
                self.begin(run, e.StopRequested, state, wish, now, step)
            case Stopping():
                self._hasten(run, state, request, now, step)
            case Ended():
                pass
            case _:
                assert_never(state)

    def _cancel(self, run: Run, now: float, step: Step) -> None:
        books = self._books
        if isinstance(run.state, Preparing):
            books.end_effects(step, f"prepare:{run.run}:{run.attempt}")
            books.want(f.CancelPreparation(run=run.run, attempt=run.attempt), step)
        books.leave_line(run)
        books.clear_timer(retry_timer(run), step)
        again = run.attempt > 1
        reason = reasons.CANCELLED_BETWEEN if again else reasons.CANCELLED_WAITING
        ended = Ended(at=now, outcome="cancelled", reason=reason)
        books.become(run, e.StopRequested, ended, now, step)
        if again:
            books.want_note(run, step)

    def _wish_of(self, run: Run, request: StopRun) -> StopWish:
        signal = SIGNALS[request.signal or run.spec.stop.signal]
        return StopWish(grace_s=request.grace_s, reason=reasons.STOPPED, signal=signal)

    def _wish(self, run: Run, was: Starting, request: StopRun, now: float, step: Step) -> None:
        wish = self._wish_of(run, request)
        if was.stop is not None:
            signal = was.stop.signal if request.signal is None else wish.signal
            grace_s = min(was.stop.grace_s, wish.grace_s)
            wish = replace(wish, signal=signal, grace_s=grace_s)
        if wish != was.stop:
            self._books.become(run, e.StopRequested, replace(was, stop=wish), now, step)

    def _hasten(self, run: Run, was: Stopping, request: StopRun, now: float, step: Step) -> None:
        """A second stop can bring the kill nearer or send another signal; it never puts it off."""
        signal = was.signal if request.signal is None else SIGNALS[request.signal]
        kill_at = min(was.kill_at, now + request.grace_s)
        state = replace(was, signal=signal, kill_at=kill_at, asked=True)
        if state == was:
            return
        self._books.become(run, e.StopRequested, state, now, step)
        if signal != was.signal:
            self._signal(run, signal, kill_at - now, step)
        if kill_at < was.kill_at:
            self._books.set_timer(kill_timer(run), run, kill_at, step)

    # --- Carried out -----------------------------------------------------------------------------

    def begin(
        self, run: Run, cause: Cause, was: Running, wish: StopWish, now: float, step: Step
    ) -> None:
        """Signal a run whose command is alive."""
        outcome = _OUTCOMES.get(cause, "cancelled")
        kill_at = now + wish.grace_s
        stopping = Stopping(
            since=now,
            started_at=was.since,
            pid=was.pid,
            lease=was.lease,
            kill_at=kill_at,
            outcome=outcome,
            reason=wish.reason,
            signal=wish.signal,
            asked=outcome != "timed_out",
            vram_peak_bytes=was.vram_peak_bytes,
        )
        self._books.become(run, cause, stopping, now, step)
        self._books.unadopted.discard(run.run)
        self._books.clear_timer(limit_timer(run), step)
        self._signal(run, wish.signal, wish.grace_s, step)
        self._books.set_timer(kill_timer(run), run, kill_at, step)

    def _signal(self, run: Run, signal: int, kill_after_s: float, step: Step) -> None:
        effect = f.SignalAttempt(
            run=run.run, attempt=run.attempt, signal=signal, kill_after_s=kill_after_s
        )
        self._books.want(effect, step)

    def on_signalled(self, run: Run, event: e.AttemptSignalled, now: float, step: Step) -> None:
        """That it was reached is kept: if nobody sees its end, that much is known."""
        was = run.state
        assert isinstance(was, Stopping)
        if not event.problem and not was.signalled:
            state = replace(was, signalled=True)
            self._books.become(run, e.AttemptSignalled, state, now, step)

    def on_kill_timer(self, run: Run, now: float, step: Step) -> None:
        """Its grace is over. It is killed until it is gone: a signal may be lost."""
        signal = f.SignalAttempt(run=run.run, attempt=run.attempt, signal=SIGKILL)
        self._books.want(signal, step)
        again_at = now + self._books.rules.kill_again_s
        self._books.set_timer(kill_timer(run), run, again_at, step)

    def forget(self, run: Run, step: Step) -> None:
        """The attempt is over: there is nothing more to signal or to wait for."""
        books = self._books
        match run.state:
            case Running(limit_at=limit_at):
                if limit_at is not None:
                    books.clear_timer(limit_timer(run), step)
                    books.unadopted.discard(run.run)
            case Stopping():
                books.clear_timer(kill_timer(run), step)
                sent = (f.signal_id(run.run, run.attempt, signal) for signal in SIGNALS.values())
                books.end_effects(step, *sent)
            case _:
                pass

    # --- Time limits -----------------------------------------------------------------------------

    def on_limit_timer(self, run: Run, now: float, step: Step) -> None:
        """Its time is over; but after a restart only when it is known for how long it has run."""
        was = run.state
        assert isinstance(was, Running)
        if run.run in self._books.unadopted:
            self._books.timers[limit_timer(run)] = run
            return
        rule = run.spec.stop
        reason = reasons.timed_out(run.spec.time_limit_s or 0)
        wish = StopWish(grace_s=rule.grace_s, reason=reason, signal=SIGNALS[rule.signal])
        self.begin(run, e.TimerFired, was, wish, now, step)

    def on_adopted(self, run: Run, event: e.AttemptAdopted, now: float, step: Step) -> None:
        """The rest of its time, by a clock that nobody has set where there is one."""
        was, limit_s = run.state, run.spec.time_limit_s
        assert isinstance(was, Running)
        self._books.unadopted.discard(run.run)
        if limit_s is None:
            return
        elapsed_s = event.elapsed_s if event.elapsed_s is not None else now - was.since
        limit_at = now + limit_s - min(max(elapsed_s, 0.0), limit_s)
        self._books.set_timer(limit_timer(run), run, limit_at, step)
        if was.limit_at is None or abs(limit_at - was.limit_at) >= LIMIT_NEWS_S:
            state = replace(was, limit_at=limit_at)
            self._books.become(run, e.AttemptAdopted, state, now, step)
