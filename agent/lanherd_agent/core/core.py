"""The agent's decisions: one event in, and what it changes out. No clock, file, task or chance.

`handle(event, now)` either raises a `LanherdError` and has changed nothing, or returns a `Step`:
the runs that changed, the numbered news of them, the effects that are wanted now and those that
are over, and the answer for a caller. After every event those who wait for a run that moved are
looked at, and then the line, once.

What the core holds can always be had again from the store (`Kept`), but for the readings of GPUs
and disk, which are taken anew.
"""

from collections.abc import Callable, Iterable

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.books import Books
from lanherd_agent.core.changing import Changing
from lanherd_agent.core.commands import body_hash
from lanherd_agent.core.controls import Controls
from lanherd_agent.core.depending import Depending
from lanherd_agent.core.health import Health
from lanherd_agent.core.late_causes import LateCauses
from lanherd_agent.core.life import Life
from lanherd_agent.core.line import EXPLAIN_TIMER, LOOK_TIMER, Line
from lanherd_agent.core.over_use import OverUse
from lanherd_agent.core.requests import Requests
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import Queued, Run, Running, RunRecord, Stopping, view
from lanherd_agent.core.step import Command, Kept, Request, Step, Told
from lanherd_agent.core.stops import Stops
from lanherd_agent.core.waiting import Waiting
from lanherd_protocol.ids import RunId


class AgentCore:
    """The state of one agent, and its transitions."""

    def __init__(self, kept: Kept | None = None, rules: Rules | None = None) -> None:
        kept = kept or Kept()
        self.rules = rules or Rules()
        self.seq = kept.seq
        self.elsewhere_max = kept.elsewhere_max
        self.books = Books(self.rules)
        self.books.machine = self._machine_kept = kept.machine
        self._stops = Stops(self.books)
        self._waiting = Waiting(self.books)
        self._life = Life(self.books, self._stops)
        self._line = Line(self.books)
        self._changing = Changing(self.books, self._waiting)
        self._depending = Depending(self.books, self._waiting)
        self._requests = Requests(
            self.books, self._stops, self._changing, self._depending, kept.commands, kept.ordinal
        )
        self._controls = Controls(self.books, self._requests.commands)
        self._health = Health(self.books)
        self._over_use = OverUse(self.books, self._stops)
        self._late_causes = LateCauses(self.books)
        self.books.pending.update((effect.id, effect) for effect in kept.effects)
        for record in kept.runs:
            self.books.restore(Run(record))

    @property
    def ordinal(self) -> int:
        """The highest number that a run was given."""
        return self._requests.ordinal

    @property
    def commands(self) -> Iterable[Command]:
        """The newest commands that were answered, oldest first."""
        return self._requests.commands

    # --- For the shell ---------------------------------------------------------------------------

    def resume(self) -> list[f.Acting]:
        """After a restart of the agent: the effects whose events never came, and the live
        attempts, each of which is told as adopted, exited or lost."""
        wanted: list[f.Acting] = list(self.books.pending.values())
        for run in self.books.runs.values():
            state = run.state
            if isinstance(state, Running | Stopping):
                if isinstance(state, Running) and state.limit_at is not None:
                    self.books.unadopted.add(run.run)
                wanted.append(
                    f.AdoptAttempt(
                        run=run.run,
                        attempt=run.attempt,
                        spec=run.spec,
                        lease=state.lease,
                        pid=state.pid,
                    )
                )
        return wanted

    def inherit(self, before: "AgentCore") -> None:
        """Take over, from the core whose last turn could not be kept, what no store holds but the
        readings: which attempts were not heard of yet since the agent was started, what was known
        of the GPUs and why they were closed for it, and which ends may have another reason yet."""
        limited = {
            run.run
            for run in self.books.runs.values()
            if isinstance(run.state, Running) and run.state.limit_at is not None
        }
        self.books.unadopted = limited & before.books.unadopted
        self._health.inherit(before._health)
        self._late_causes.watched = before._late_causes.watched

    def timers(self, now: float) -> list[f.SetTimer]:
        """The timers that follow from the state. None waits longer than it would have, even if
        the clock was set back."""
        due = ((timer, *_due(run)) for timer, run in self.books.timers.items())
        return [f.SetTimer(timer=timer, at=min(at, now + at - since)) for timer, at, since in due]

    def strangers(self, event: e.Event) -> list[RunId]:
        """Runs that the event is about and that may be ended ones which only the store knows."""
        match event:
            case e.RunsSubmitted():
                asked = [new.run for new in event.runs]
                asked += [d.run for new in event.runs for d in new.spec.dependencies]
            case e.StopRequested() | e.ChangeRequested() | e.FilesRemovalRequested():
                asked = [event.request.run]
            case e.RestartRequested():
                asked = [event.request.run, event.request.new_run]
            case e.FilesRemovalDue():
                asked = list(event.runs)
            case e.FilesRemoved():
                asked = [event.run]
            case e.ReadingsTaken():
                asked = [*self._late_causes.runs]
            case _:
                return []
        return [run for run in asked if run <= self.elsewhere_max and run not in self.books.runs]

    def recall(self, records: Iterable[RunRecord]) -> None:
        """Take ended runs back from the store, so that an event about them can be taken."""
        for record in records:
            self.books.runs.setdefault(record.run, Run(record))

    def forget(self, runs: Iterable[RunId]) -> None:
        """Leave ended runs to the store."""
        for run in runs:
            self.books.runs.pop(run, None)
            self.elsewhere_max = max(self.elsewhere_max, run)

    def handle(self, event: e.Event, now: float) -> Step:
        """Take one event. Raises LanherdError, and has changed nothing, if it can't be taken."""
        step = Step()
        _HANDLERS[type(event)](self, event, now, step)
        if self.books.moved:
            self._depending.settle(now, step)
        if self.books.line_moved:
            self._line.look(now, step)
        for run in step.changed.values():
            self.seq += 1
            run.seq = self.seq
            step.told.append(Told(run.ordinal, view(run)))
        if self.books.machine is not self._machine_kept:
            step.machine = self._machine_kept = self.books.machine
        if step.asked is not None:
            self._answer(step.asked.request, step.asked.run, now, step)
        return step

    def _answer(self, request: Request, run: Run, now: float, step: Step) -> None:
        reply = view(run)
        step.reply = (reply,)
        step.command = Command(request.command, run.run, 0.0, now, body_hash(request), reply)
        self._requests.commands.remember(step.command)

    # --- Events ----------------------------------------------------------------------------------

    def on_runs_submitted(self, event: e.RunsSubmitted, now: float, step: Step) -> None:
        self._requests.on_submitted(event, now, step)

    def on_restart_requested(self, event: e.RestartRequested, now: float, step: Step) -> None:
        self._requests.on_restart(event, now, step)

    def on_stop_requested(self, event: e.StopRequested, now: float, step: Step) -> None:
        self._requests.on_stop(event, now, step)

    def on_change_requested(self, event: e.ChangeRequested, now: float, step: Step) -> None:
        self._requests.on_change(event, now, step)

    def on_files_removal_requested(
        self, event: e.FilesRemovalRequested, now: float, step: Step
    ) -> None:
        self._requests.on_files_removal(event, now, step)

    def on_machine_requested(self, event: e.MachineRequested, now: float, step: Step) -> None:
        self._controls.on_request(event, now, step)

    def on_run_fact(self, event: e.RunFact, now: float, step: Step) -> None:
        self._life.on_fact(event, now, step)
        if isinstance(event, e.AttemptExited) and event.run in step.changed:
            self._late_causes.note(event.run, event.attempt, now)

    def on_files_removal_due(self, event: e.FilesRemovalDue, now: float, step: Step) -> None:
        self._changing.on_due(event, step)

    def on_files_removed(self, event: e.FilesRemoved, now: float, step: Step) -> None:
        self._changing.on_removed(event, step)

    def on_settings_noted(self, event: e.SettingsNoted, now: float, step: Step) -> None:
        self._changing.on_noted(event, step)

    def on_readings_taken(self, event: e.ReadingsTaken, now: float, step: Step) -> None:
        self._health.on_readings(event.gpus, now, step)
        self._late_causes.on_readings(now, step)
        self._over_use.on_readings(event.gpus, now, step)
        books = self.books
        if books.sight.see(event, books.owner_rules, books.rules, now):
            hidden = event.problem is not None and not event.gpus
            books.readings = None if hidden else event.gpus
            books.line_moved = True

    def on_rules_changed(self, event: e.RulesChanged, now: float, step: Step) -> None:
        books = self.books
        if event.rules == books.owner_rules:
            return
        books.sight.obey(event.rules)
        books.owner_rules = event.rules
        books.rearrange()
        books.line_moved = books.news_at_head = True

    def on_disk_read(self, event: e.DiskRead, now: float, step: Step) -> None:
        self._line.on_disk(event)

    def on_timer_fired(self, event: e.TimerFired, now: float, step: Step) -> None:
        if event.timer == EXPLAIN_TIMER:
            self._line.on_timer()
            return
        if event.timer == LOOK_TIMER:
            self._line.on_look_timer()
            return
        run = self.books.timers.pop(event.timer, None)
        if run is None:
            return
        match event.timer.partition(":")[0]:
            case "kill":
                self._stops.on_kill_timer(run, now, step)
            case "limit":
                self._stops.on_limit_timer(run, now, step)
            case _:
                self._waiting.on_retry_timer(run, now, step)


def _due(run: Run) -> tuple[float, float]:
    """When the run's timer is due, and since when it is set."""
    state = run.state
    if isinstance(state, Running):
        # After a restart its limit is by another clock than its start.
        at = state.limit_at
        assert at is not None and run.spec.time_limit_s is not None
        return at, at - run.spec.time_limit_s
    assert isinstance(state, Queued | Stopping)
    at = state.not_before if isinstance(state, Queued) else state.kill_at
    assert at is not None
    return at, state.since


_HANDLERS: dict[type, Callable[..., None]] = {
    e.RunsSubmitted: AgentCore.on_runs_submitted,
    e.StopRequested: AgentCore.on_stop_requested,
    e.ChangeRequested: AgentCore.on_change_requested,
    e.RestartRequested: AgentCore.on_restart_requested,
    e.FilesRemovalRequested: AgentCore.on_files_removal_requested,
    e.MachineRequested: AgentCore.on_machine_requested,
    e.ReadingsTaken: AgentCore.on_readings_taken,
    e.DiskRead: AgentCore.on_disk_read,
    e.RulesChanged: AgentCore.on_rules_changed,
    e.TimerFired: AgentCore.on_timer_fired,
    e.FilesRemovalDue: AgentCore.on_files_removal_due,
    e.FilesRemoved: AgentCore.on_files_removed,
    e.SettingsNoted: AgentCore.on_settings_noted,
    **dict.fromkeys(
        (
            e.PreparationProgressed,
            e.PreparationFinished,
            e.PreparationFailed,
            e.PreparationCancelled,
            e.AttemptStarted,
            e.AttemptStartFailed,
            e.AttemptAdopted,
            e.AttemptExited,
            e.AttemptLost,
            e.AttemptSignalled,
        ),
        AgentCore.on_run_fact,
    ),
}
