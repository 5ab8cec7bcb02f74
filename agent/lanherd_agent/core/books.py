"""The core's books: every run, who waits, who holds which GPU, which effects are pending.

All changes of a run go through `become`, which keeps to the transition table, and all
effects that must survive a crash through `want` and `end_effects`.
"""

from lanherd_agent.core import effects as f
from lanherd_agent.core import reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.queue import Queue, shape_of
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    Cause,
    Preparing,
    Queued,
    Run,
    Running,
    RunState,
    Stopping,
    is_parked,
    is_ready,
    lease_of,
    targets,
)
from lanherd_agent.core.step import Step
from lanherd_agent.core.story import Stories, impossible
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import Ended

_TOLD_TO_DEPENDENTS = frozenset({Running, Stopping, Ended})


class Books:
    """What the parts of the core share."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.runs: dict[RunId, Run] = {}
        self.waiting: dict[int, Run] = {}
        """By place in the line."""
        self.queue = Queue()
        self.ledger = Ledger()
        self.readings: tuple[GpuCapacity, ...] | None = None
        """None until the GPUs were read for the first time."""
        self.machine = MachineState()
        """Replaced as a whole; what an event made of it is kept with all else that it changed."""
        self.owner_rules = MachineRules()
        self.pending: dict[str, f.Durable] = {}
        self.timers: dict[str, Run] = {}
        """The timers of runs that are set, by name."""
        self.unadopted: set[RunId] = set()
        """Runs with a time limit of which it isn't known yet, after a restart, how much is left."""
        self.dependents: dict[RunId, dict[RunId, None]] = {}
        """Who waits for a run, in the order in which they came."""
        self.moved: list[Run] = []
        """Runs for which others wait, and to which something has happened."""
        self.stories = Stories()
        self.line_moved = True
        """Whether something changed that may let a run start or alter why one waits."""
        self.news_at_head = True
        """Whether a run came among the first, which is told at once why it waits."""

    def restore(self, run: Run) -> None:
        """Enter a run as it was kept."""
        self.runs[run.run] = run
        state = run.state
        lease = lease_of(state)
        if lease is not None:
            self.ledger.take(run.holder, lease)
        if isinstance(state, Queued):
            self.join_line(run)
            if state.not_before is not None:
                self.timers[retry_timer(run)] = run
        elif isinstance(state, Preparing):
            self.waiting[run.place] = run
            self.queue.preparing.add(run.place)
        elif isinstance(state, Running) and state.limit_at is not None:
            self.timers[limit_timer(run)] = run
        elif isinstance(state, Stopping):
            self.timers[kill_timer(run)] = run

    # --- The line --------------------------------------------------------------------------------

    def join_line(self, run: Run) -> None:
        place = run.place
        self.waiting[place] = run
        self.line_moved = True
        if is_ready(run):
            self.queue.add_ready(place, shape_of(run.spec.gpus))
            if self.queue.ready_rank(place) < self.rules.explained_max:
                self.news_at_head = True
        elif is_parked(run):
            self.queue.parked.add(place)
            assert isinstance(run.state, Queued)
            for dependency in run.state.waits_for:
                self.dependents.setdefault(dependency.run, {})[run.run] = None
        else:
            self.queue.add_unprepared(place)

    def leave_line(self, run: Run) -> None:
        """Take a run out of the line, while it still has the state and place that it had there."""
        place = run.place
        del self.waiting[place]
        self.queue.remove(place)
        self.line_moved = True
        if isinstance(run.state, Queued):
            for dependency in run.state.waits_for:
                dependents = self.dependents[dependency.run]
                del dependents[run.run]
                if not dependents:
                    del self.dependents[dependency.run]

    # --- Runs ------------------------------------------------------------------------------------

    def become(self, run: Run, cause: Cause, state: RunState, now: float, step: Step) -> None:
        """Give a run its next state, if the table lets this cause lead there."""
        allowed = targets(run.state, cause)
        if allowed is None or type(state) not in allowed:
            raise self.impossible(run, cause)
        run.state = state
        step.changed[run.run] = run
        if type(state) in _TOLD_TO_DEPENDENTS:
            self.tell_dependents(run)
        if type(state) is Ended:
            self.stories.forget(run.run)
        else:
            self.stories.add(run.run, now, cause.__name__, type(state).__name__)

    def tell_dependents(self, run: Run) -> None:
        """Let those who wait for the run be looked at, before the line is."""
        if run.run in self.dependents:
            self.moved.append(run)

    def impossible(self, run: Run, cause: Cause) -> LanherdError:
        state = type(run.state).__name__
        return impossible(self.stories, run.run, run.attempt, state, cause.__name__)

    # --- Effects ---------------------------------------------------------------------------------

    def want(self, effect: f.Durable, step: Step) -> None:
        """Want an effect, unless it is wanted already."""
        if effect.id not in self.pending:
            self.want_anew(effect, step)

    def want_anew(self, effect: f.Durable, step: Step) -> None:
        """Want an effect in place of the one of the same name."""
        self.pending[effect.id] = effect
        step.effects.append(effect)

    def want_note(self, run: Run, step: Step) -> None:
        """Want beside the run's attempts what a rebuild of the records could not know of it."""
        cancelled_at = None
        match run.state:
            case Ended(reason=reason, at=at) if reason.code == reasons.CANCELLED_BETWEEN.code:
                cancelled_at = at
            case _:
                pass
        effect = f.NoteSettings(run=run.run, settings=run.settings, cancelled_at=cancelled_at)
        self.want_anew(effect, step)

    def end_effects(self, step: Step, *ids: str) -> None:
        """What was wanted is done, or has no object any more."""
        for effect in ids:
            if self.pending.pop(effect, None) is not None:
                step.effects_ended.append(effect)

    def set_timer(self, timer: str, run: Run, at: float, step: Step) -> None:
        self.timers[timer] = run
        step.effects.append(f.SetTimer(timer=timer, at=at))

    def clear_timer(self, timer: str, step: Step) -> None:
        if self.timers.pop(timer, None) is not None:
            step.effects.append(f.CancelTimer(timer=timer))


def kill_timer(run: Run) -> str:
    """Fires when the grace of a stop is over."""
    return f"kill:{run.run}:{run.attempt}"


def limit_timer(run: Run) -> str:
    """Fires when the attempt's time is over."""
    return f"limit:{run.run}:{run.attempt}"


def retry_timer(run: Run) -> str:
    """Fires when the attempt may begin."""
    return f"retry:{run.run}:{run.attempt}"
