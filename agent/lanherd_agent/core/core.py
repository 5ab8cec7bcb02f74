"""The agent's decisions: one event in, and what it changes out. No clock, file, task or chance.

`handle(event, now)` either raises a `LanherdError` and has changed nothing, or returns a `Step`:
the runs that changed, the numbered news of them, the effects that are wanted now and those that
are over, and the answer for a caller. After every event the line is looked at once.

What the core holds can always be had again from the store (`Kept`), but for the GPU readings,
which are taken anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.admission import check_grace, check_runs
from lanherd_agent.core.books import Books
from lanherd_agent.core.life import Life
from lanherd_agent.core.line import EXPLAIN_TIMER, Line
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    Queued,
    Run,
    Running,
    RunRecord,
    Stopping,
    needs_preparation,
    view,
)
from lanherd_agent.core.step import Command, Kept, Step, Told
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import CommandId, RunId, short_id


class AgentCore:
    """The state of one agent, and its transitions."""

    def __init__(self, kept: Kept | None = None, rules: Rules | None = None) -> None:
        kept = kept or Kept()
        self.rules = rules or Rules()
        self.seq = kept.seq
        self.ordinal = kept.ordinal
        self.elsewhere_max = kept.elsewhere_max
        self.books = Books(self.rules)
        self.commands: OrderedDict[CommandId, Command] = OrderedDict(
            (command.command, command) for command in kept.commands
        )
        self._life = Life(self.books)
        self._line = Line(self.books)
        self.books.pending.update((effect.id, effect) for effect in kept.effects)
        for record in kept.runs:
            self.books.restore(Run(record))

    # --- For the shell ---------------------------------------------------------------------------

    def resume(self) -> list[f.Acting]:
        """After a restart: the effects whose events never came, and the live attempts."""
        wanted: list[f.Acting] = list(self.books.pending.values())
        for run in self.books.runs.values():
            state = run.state
            if isinstance(state, Running | Stopping):
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

    def timers(self, now: float) -> list[f.SetTimer]:
        """The timers that follow from the state. None waits longer than it would have, even if
        the clock was set back."""
        return [
            f.SetTimer(timer=timer, at=min(state.kill_at, now + state.kill_at - state.since))
            for timer, run in self.books.kill_timers.items()
            if isinstance(state := run.state, Stopping)
        ]

    def strangers(self, event: e.Event) -> list[RunId]:
        """Runs of a request that may be ended ones which only the store still knows."""
        if isinstance(event, e.RunsSubmitted):
            asked = [new.run for new in event.runs]
        elif isinstance(event, e.StopRequested):
            asked = [event.request.run]
        else:
            return []
        return [run for run in asked if run <= self.elsewhere_max and run not in self.books.runs]

    def recall(self, records: Iterable[RunRecord]) -> None:
        """Take ended runs back from the store, so that a request about them can be answered."""
        for record in records:
            self.books.runs[record.run] = Run(record)

    def forget(self, runs: Iterable[RunId]) -> None:
        """Leave ended runs to the store."""
        for run in runs:
            self.books.runs.pop(run, None)
            self.elsewhere_max = max(self.elsewhere_max, run)

    def handle(self, event: e.Event, now: float) -> Step:
        """Take one event. Raises LanherdError, and has changed nothing, if it can't be taken."""
        step = Step()
        reply_to = _HANDLERS[type(event)](self, event, now, step)
        if self.books.line_moved:
            self._line.look(now, step)
        for run in step.changed.values():
            self.seq += 1
            run.seq = self.seq
            step.told.append(Told(run.ordinal, view(run)))
        if reply_to:
            changed = {told.view.run: told.view for told in step.told}
            step.reply = tuple(changed.get(run.run) or view(run) for run in reply_to)
        return step

    # --- Requests --------------------------------------------------------------------------------

    def on_runs_submitted(self, event: e.RunsSubmitted, now: float, step: Step) -> list[Run]:
        new = [new for new in event.runs if new.run not in self.books.runs]
        if len(new) < len(event.runs):
            self._check_known(event)
        if new or not event.runs:
            check_runs(new, self.books.readings)
        if len(self.books.waiting) + len(new) > self.rules.queued_runs_max:
            raise error(
                ErrorCode.OVERLOADED,
                f"{len(self.books.waiting)} runs wait on this machine already.",
                f"It takes at most {self.rules.queued_runs_max}.",
                "Wait until some have ended, or cancel some.",
                waiting=len(self.books.waiting),
            )
        for one in new:
            self.ordinal += 1
            reason = reasons.UNPREPARED if needs_preparation(one.spec) else reasons.IN_LINE
            state = Queued(since=now, reason=reason)
            run = Run(RunRecord(self.ordinal, one.run, one.spec, event.owner, now, state, 0))
            self.books.runs[one.run] = run
            self.books.join_line(run)
            self.books.stories.add(run.run, now, "RunsSubmitted", "Queued")
            step.changed[run.run] = run
        return [self.books.runs[one.run] for one in event.runs]

    def _check_known(self, event: e.RunsSubmitted) -> None:
        for new in event.runs:
            known = self.books.runs.get(new.run)
            if known is not None and (known.spec != new.spec or known.owner != event.owner):
                raise error(
                    ErrorCode.CONFLICT,
                    f"Run {short_id(new.run)} was already submitted as something else.",
                    "The same run id came with another content or from another user.",
                    "Give the new run an id of its own.",
                    run=new.run,
                )

    def on_stop_requested(self, event: e.StopRequested, now: float, step: Step) -> list[Run]:
        request = event.request
        check_grace(request.grace_s, self.rules)
        run = self.books.runs.get(request.run)
        if run is None:
            raise error(
                ErrorCode.NOT_FOUND,
                f"This machine has no run {short_id(request.run)}.",
                remedy="Look at the list of runs; it may belong to another machine.",
                run=request.run,
            )
        if event.owner is not None and event.owner != run.owner:
            raise error(
                ErrorCode.NOT_ALLOWED,
                f"Run {short_id(run.run)} belongs to {run.owner}.",
                "Your role lets you stop only your own runs.",
                "Ask its owner or an operator of the machine.",
                run=run.run,
                owner=run.owner,
            )
        known = self.commands.get(request.command)
        if known is None:
            command = Command(request.command, run.run, request.grace_s, now)
            self._life.stop(run, request.grace_s, now, step)
            self._remember(command, step)
        elif (known.run, known.grace_s) != (run.run, request.grace_s):
            raise error(
                ErrorCode.CONFLICT,
                f"Command {short_id(request.command)} was already used for something else.",
                "The same command id came with another content.",
                "Give each command an id of its own.",
                command=request.command,
            )
        return [run]

    def _remember(self, command: Command, step: Step) -> None:
        step.command = command
        self.commands[command.command] = command
        if len(self.commands) > self.rules.commands_kept:
            self.commands.popitem(last=False)

    # --- Facts -----------------------------------------------------------------------------------

    def on_run_fact(self, event: e.RunFact, now: float, step: Step) -> None:
        self._life.on_fact(event, now, step)

    def on_readings_taken(self, event: e.ReadingsTaken, now: float, step: Step) -> None:
        if event.gpus != self.books.readings:
            self.books.readings = event.gpus
            self.books.line_moved = True

    def on_timer_fired(self, event: e.TimerFired, now: float, step: Step) -> None:
        if event.timer == EXPLAIN_TIMER:
            self._line.on_timer()
        else:
            self._life.on_kill_timer(event.timer, now, step)


_HANDLERS: dict[type, Callable[..., list[Run] | None]] = {
    e.RunsSubmitted: AgentCore.on_runs_submitted,
    e.StopRequested: AgentCore.on_stop_requested,
    e.ReadingsTaken: AgentCore.on_readings_taken,
    e.TimerFired: AgentCore.on_timer_fired,
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
