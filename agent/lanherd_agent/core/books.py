"""The core's books: every run, who waits, who holds which GPU, which effects are pending.

All changes of a run go through `become`, which keeps to the transition table, and all effects that
must survive a crash through `want` and `end_effects`.
"""

from lanherd_agent.core import effects as f
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.queue import Queue, shape_of
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    Cause,
    Preparing,
    Queued,
    Run,
    RunState,
    Stopping,
    is_ready,
    lease_of,
    targets,
)
from lanherd_agent.core.step import Step
from lanherd_agent.core.story import Stories, impossible
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended


class Books:
    """What the parts of the core share."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.runs: dict[RunId, Run] = {}
        self.waiting: dict[int, Run] = {}
        self.queue = Queue()
        self.ledger = Ledger()
        self.readings: tuple[GpuCapacity, ...] | None = None
        """None until the GPUs were read for the first time."""
        self.pending: dict[str, f.Durable] = {}
        self.kill_timers: dict[str, Run] = {}
        self.stories = Stories()
        self.line_moved = True
        """Whether something changed that may let a run start or alter why one waits."""
        self.news_at_head = True
        """Whether a run came among the first, which is told at once why it waits."""

    def restore(self, run: Run) -> None:
        """Enter a run as it was kept."""
        self.runs[run.run] = run
        lease = lease_of(run.state)
        if lease is not None:
            self.ledger.take(run.holder, lease)
        if isinstance(run.state, Queued):
            self.join_line(run)
        elif isinstance(run.state, Preparing):
            self.waiting[run.ordinal] = run
            self.queue.preparing.add(run.ordinal)
        elif isinstance(run.state, Stopping):
            self.kill_timers[kill_timer(run)] = run

    def join_line(self, run: Run) -> None:
        self.waiting[run.ordinal] = run
        self.line_moved = True
        if is_ready(run):
            self.queue.add_ready(run.ordinal, shape_of(run.spec.gpus))
            if self.queue.ready_rank(run.ordinal) < self.rules.explained_max:
                self.news_at_head = True
        else:
            self.queue.add_unprepared(run.ordinal)

    def leave_line(self, run: Run) -> None:
        del self.waiting[run.ordinal]
        self.queue.remove(run.ordinal)
        self.line_moved = True

    def become(self, run: Run, cause: Cause, state: RunState, now: float, step: Step) -> None:
        """Give a run its next state, if the table lets this cause lead there."""
        allowed = targets(run.state, cause)
        if allowed is None or type(state) not in allowed:
            raise self.impossible(run, cause)
        run.state = state
        step.changed[run.run] = run
        if type(state) is Ended:
            self.stories.forget(run.run)
        else:
            self.stories.add(run.run, now, cause.__name__, type(state).__name__)

    def impossible(self, run: Run, cause: Cause) -> LanherdError:
        state = type(run.state).__name__
        return impossible(self.stories, run.run, run.attempt, state, cause.__name__)

    def want(self, effect: f.Durable, step: Step) -> None:
        """Want an effect, unless it is wanted already."""
        if effect.id not in self.pending:
            self.pending[effect.id] = effect
            step.effects.append(effect)

    def end_effects(self, step: Step, *ids: str) -> None:
        """What was wanted is done, or has no object any more."""
        for effect in ids:
            if self.pending.pop(effect, None) is not None:
                step.effects_ended.append(effect)

    def set_kill_timer(self, run: Run, at: float, step: Step) -> None:
        timer = kill_timer(run)
        self.kill_timers[timer] = run
        step.effects.append(f.SetTimer(timer=timer, at=at))

    def clear_kill_timer(self, run: Run, step: Step) -> None:
        timer = kill_timer(run)
        del self.kill_timers[timer]
        step.effects.append(f.CancelTimer(timer=timer))


def kill_timer(run: Run) -> str:
    return f"kill:{run.run}:{run.attempt}"
