"""Planted bugs: each is a patch of the core, as somebody might write it, and the number of worlds
within which the simulation has to find it."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core import depending, ending, late_causes, requests, room, run_states
from lanherd_agent.core import events as e
from lanherd_agent.core.books import Books
from lanherd_agent.core.commands import Commands
from lanherd_agent.core.depending import is_met
from lanherd_agent.core.ending import Ending
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.life import Life
from lanherd_agent.core.line import Line
from lanherd_agent.core.lost_gpus import Cordons
from lanherd_agent.core.requests import Requests
from lanherd_agent.core.retrying import is_tried_again
from lanherd_agent.core.run_states import Queued, Run, Stopping, is_parked
from lanherd_agent.core.step import Step
from lanherd_agent.core.stops import Stops
from lanherd_agent.core.taken import taken
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import Dependency, Lease, Reason, RetryRule

FEW, MANY = 10, 100


class Mutant(Struct, frozen=True):
    """`owner.name` becomes `bug`; one of the first `seeds` worlds must show it."""

    owner: Any
    name: str
    bug: Callable[..., Any]
    seeds: int


# --- Placement, leases, effects ------------------------------------------------------------------


def _fits_anywhere(room: Any, slot: Any, shape: Any) -> bool:
    return bool(slot.usable)


def _does_nothing(*_: object) -> None:
    """What it should do is forgotten."""


def _acts_on_nothing(turn: Turn) -> tuple[()]:
    return ()


# --- Attempts ------------------------------------------------------------------------------------


def _counts_one_too_many(rule: RetryRule, attempt: int, ended: Ended) -> bool:
    return is_tried_again(rule, attempt + 1, ended)


def _forgets_the_filter(rule: RetryRule, attempt: int, ended: Ended) -> bool:
    return is_tried_again(replace(rule, exit_codes=(), signals=()), attempt, ended)


_end = Ending._end


def _tries_the_stopped_again(
    self: Ending, run: Run, cause: Any, ended: Ended, now: float, step: Step, *, final: bool
) -> None:
    """A stop is taken for a failure, and who wanted it is forgotten."""
    if isinstance(run.state, Stopping):
        run.state = replace(run.state, asked=False)
    if ended.outcome == "cancelled":
        ended = replace(ended, outcome="failed")
    _end(self, run, cause, ended, now, step, final=False)


_let_go = Ending._let_go


def _keeps_the_lease_over_a_retry(self: Ending, run: Run, step: Step) -> None:
    if run.attempt < run.spec.retry.attempts_max:
        self._stops.forget(run, step)
    else:
        _let_go(self, run, step)


_on_fact = Life.on_fact


def _takes_late_exits_for_new_ones(self: Life, event: Any, now: float, step: Step) -> None:
    run = self._books.runs.get(event.run)
    if isinstance(event, e.AttemptExited) and run is not None:
        event = replace(event, attempt=run.attempt)
    _on_fact(self, event, now, step)


# --- Timers --------------------------------------------------------------------------------------


_clear_timer = Books.clear_timer


def _leaves_kill_timers(self: Books, timer: str, step: Step) -> None:
    if not timer.startswith("kill:"):
        _clear_timer(self, timer, step)


_forget = Stops.forget


def _leaves_limit_timers(self: Stops, run: Run, step: Step) -> None:
    limits = {name: one for name, one in self._books.timers.items() if name.startswith("limit:")}
    _forget(self, run, step)
    self._books.timers.update(limits)


# --- The line ------------------------------------------------------------------------------------


def _parks_no_held_runs(run: Run) -> bool:
    return is_parked(run) and not run.settings.held


_restore = Books.restore


def _restores_no_parked_runs(self: Books, run: Run) -> None:
    if not is_parked(run):
        _restore(self, run)


def _is_met_by_any_end(dependency: Dependency, other: Run) -> bool | None:
    return is_met(dependency, other) is not False


def _starts_on_a_low_disk(self: Line, event: e.DiskRead) -> None:
    self._books.line_moved = True


# --- Requests ------------------------------------------------------------------------------------


def _knows_no_command(self: Commands, request: object) -> None:
    return None


def _takes_again(self: Requests, event: e.RunsSubmitted, now: float, step: Step) -> None:
    for one in event.runs:
        run = self._books.runs.get(one.run)
        if run is not None and isinstance(run.state, Queued):
            self._books.leave_line(run)
    self._take(event.runs, event.owner, now, step)
    step.reply = tuple(taken(self._books.runs[one.run]) for one in event.runs)


def _answers_with_what_is_now(run: Run) -> RunView:
    return run_states.view(run)


def _takes_any_fault(lease: Lease, cordons: Cordons, since: float) -> Reason | None:
    for cordon in cordons.values():
        return replace(FAULT, data=cordon.reason.data) if lease.gpus else None
    return None


FAULT = Reason(code="gpu_xid", text="The driver reported a fault.")


MUTANTS = {
    "a run fits wherever a GPU works": Mutant(room.Room, "fits", _fits_anywhere, FEW),
    "runs pass those ahead": Mutant(room.Room, "keep", _does_nothing, FEW),
    "a lease is never given back": Mutant(Ledger, "release", _does_nothing, FEW),
    "an effect never ends": Mutant(Books, "end_effects", _does_nothing, FEW),
    "effects are not carried out": Mutant(Turn, "acting", _acts_on_nothing, FEW),
    "one attempt too few": Mutant(ending, "is_tried_again", _counts_one_too_many, MANY),
    "exit codes are not looked at": Mutant(ending, "is_tried_again", _forgets_the_filter, MANY),
    "what was stopped is tried again": Mutant(Ending, "_end", _tries_the_stopped_again, MANY),
    "a lease is kept over a retry": Mutant(Ending, "_let_go", _keeps_the_lease_over_a_retry, FEW),
    "a late exit ends the next attempt": Mutant(
        Life, "on_fact", _takes_late_exits_for_new_ones, MANY
    ),
    "a kill timer is not cleared": Mutant(Books, "clear_timer", _leaves_kill_timers, FEW),
    "a limit kills the next attempt": Mutant(Stops, "forget", _leaves_limit_timers, FEW),
    "a held run is started": Mutant(run_states, "is_parked", _parks_no_held_runs, FEW),
    "a parked run is forgotten on restore": Mutant(
        Books, "restore", _restores_no_parked_runs, MANY
    ),
    "after_ok is met by a failure": Mutant(depending, "is_met", _is_met_by_any_end, MANY),
    "a dependency is never met": Mutant(Books, "tell_dependents", _does_nothing, FEW),
    "a late cause is that of another GPU": Mutant(
        late_causes, "fault_of_lease", _takes_any_fault, MANY
    ),
    "runs are started on a low disk": Mutant(Line, "on_disk", _starts_on_a_low_disk, FEW),
    "a command sent again is done again": Mutant(Commands, "find", _knows_no_command, MANY),
    "a submit sent again starts again": Mutant(Requests, "on_submitted", _takes_again, FEW),
    "a submit sent again is answered anew": Mutant(
        requests, "taken", _answers_with_what_is_now, FEW
    ),
}
