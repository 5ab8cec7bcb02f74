"""The core's books: every run, who waits, who holds which GPU, which effects are pending.

All changes of a run go through `become`, which keeps to the transition table, and all
effects that must survive a crash through `want` and `end_effects`.
"""

from heapq import nsmallest

from lanherd_agent.core import effects as f
from lanherd_agent.core import reasons
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.explaining import GpuNotes, resting
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.machine_state import MachineState
from lanherd_agent.core.places import STEP_NS, place_of, to_ns
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.request_checks import Capacity
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    Cause,
    Preparing,
    Queued,
    Run,
    Running,
    RunState,
    Stopping,
    ends_at,
    is_parked,
    is_ready,
    lease_of,
    live_since,
    targets,
)
from lanherd_agent.core.scene import Live, Scene
from lanherd_agent.core.sight import Sight
from lanherd_agent.core.step import Step
from lanherd_agent.core.story import Stories, impossible
from lanherd_agent.core.usage import SETTLE_EVERY_S, penalties, settled, settled_at
from lanherd_agent.core.wants import want_of
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
        self.sight = Sight()
        self.counted_tags: frozenset[str] = frozenset()
        """The tags that a rule or a pause names: the line is grouped by them."""
        self.line_ns = 0
        """The newest time at which a run was put in line."""
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
        self.looked_at = 0.0
        """When the last decision was made."""
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
            self.put_preparing(run)
        elif isinstance(state, Running) and state.limit_at is not None:
            self.timers[limit_timer(run)] = run
        elif isinstance(state, Stopping):
            self.timers[kill_timer(run)] = run

    # --- The line --------------------------------------------------------------------------------

    def next_line_ns(self, now: float) -> int:
        """Where a new run stands: behind all that wait, also if the clock was set back."""
        newest = self.line_ns + STEP_NS if self.waiting else 0
        self.line_ns = max(to_ns(now), newest)
        return self.line_ns

    def _place(self, run: Run) -> int:
        """Give a run that waits its place."""
        ageing_s = self.owner_rules.ageing_s
        run.place = place_of(run.line_ns, run.settings.priority, run.ordinal, ageing_s)
        self.waiting[run.place] = run
        self.line_ns = max(self.line_ns, run.line_ns)
        return run.place

    def put_preparing(self, run: Run) -> None:
        self.queue.preparing.add(self._place(run))

    def join_line(self, run: Run) -> None:
        place = self._place(run)
        self.line_moved = True
        if is_ready(run):
            tags = run.settings.tags
            want = want_of(run.spec, run.owner, tags, self.owner_rules, self.counted_tags)
            self.queue.add_ready(place, want)
            if self.queue.is_among_first(place, self.rules.explained_max):
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

    def first_in_line(self, count: int) -> list[Run]:
        """The first runs that wait, in the order of their turns as a decision takes them; those
        that are held back, or wait for other runs, come last."""
        turn = self.queue.turn
        return nsmallest(
            count,
            self.waiting.values(),
            key=lambda run: (is_parked(run), turn(run.place, run.owner), run.place),
        )

    def rearrange(self) -> None:
        """Put all that wait in line again, by rules that have changed."""
        waiting = list(self.waiting.values())
        gate, self.queue = self.queue.gate, Queue()
        self.queue.gate = gate
        self.waiting.clear()
        self.counted_tags = self._tags_that_count()
        for run in waiting:
            if isinstance(run.state, Preparing):
                self.put_preparing(run)
            else:
                self.join_line(run)

    def _tags_that_count(self) -> frozenset[str]:
        return frozenset((*self.owner_rules.tags, *self.machine.paused_tags))

    # --- Placement -------------------------------------------------------------------------------

    def live(self) -> list[Live]:
        """The runs that hold a lease."""
        return [self._live(self.runs[holder[0]]) for holder in self.ledger.leases()]

    def _live(self, run: Run) -> Live:
        lease = lease_of(run.state)
        assert lease is not None
        return Live(
            holder=run.holder,
            lease=lease,
            owner=run.owner,
            tags=run.settings.tags,
            ends_at=ends_at(run),
            since=live_since(run),
        )

    def look_around(self, now: float) -> None:
        """Before a decision: bring up to date what it depends on beside its scene."""
        self.looked_at = now
        if self.counted_tags != self._tags_that_count():
            self.rearrange()
        if self.owner_rules.fair_share and len(self.queue.ready) > 1:
            if abs(now - settled_at(self.machine)) >= SETTLE_EVERY_S:
                self.settle_usage(now)
            users = list(self.queue.ready)
            self.queue.penalties = penalties(self.machine.usage, users, self.readings or ())
        else:
            self.queue.penalties = {}

    def settle_usage(self, now: float, ending: Run | None = None) -> None:
        """Count what live runs have used of GPUs; for one that ends only if it has any."""
        rules = self.owner_rules
        lease = None if ending is None else lease_of(ending.state)
        if rules.fair_share and (lease is None or lease.gpus):
            totals = {gpu.uuid: gpu.total_bytes for gpu in self.readings or ()}
            half_life_s = rules.fair_share_half_life_s
            self.machine = settled(self.machine, self.live(), totals, half_life_s, now)

    def gpu_notes(self, now: float) -> GpuNotes:
        """What is to be said beside the readings of GPUs."""
        quiet_at = self.sight.quiet_at(self.owner_rules.quiet_s, now)
        return GpuNotes(quiet_at, resting(self.scene(now)))

    def capacity(self, owner: str) -> Capacity | None:
        """What the machine has for runs of a user, once it is known."""
        if self.readings is None:
            return None
        return Capacity(
            gpus=self.readings,
            matching=self.sight.matching,
            host=self.sight.host,
            rules=self.owner_rules,
            owner=owner,
            driver_bytes=self.sight.driver.sure,
        )

    def scene(self, now: float) -> Scene:
        """All that a decision looks at."""
        sight = self.sight
        return Scene(
            now=now,
            queue=self.queue,
            ledger=self.ledger,
            gpus=self.readings,
            matching=sight.matching,
            rules=self.rules,
            owner_rules=self.owner_rules,
            machine=self.machine,
            host=sight.host,
            links=sight.links,
            hours=sight.hours,
            local_minute=sight.local_minute,
            live=self.live,
            quiet_from=sight.quiet_from,
            crowded_until=sight.crowded_until,
            hot=sight.hot,
            driver_bytes=sight.driver.known,
            gpu_problem=None if sight.sample is None else sight.sample.problem,
        )

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
