"""What callers ask for. Everything is checked before anything is changed."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core.admission import check_runs
from lanherd_agent.core.books import Books
from lanherd_agent.core.changing import Changing
from lanherd_agent.core.commands import Commands
from lanherd_agent.core.depending import Depending, check_dependencies
from lanherd_agent.core.fields import check_grace
from lanherd_agent.core.run_states import Queued, Run, RunRecord
from lanherd_agent.core.step import Asked, Command, Step
from lanherd_agent.core.stops import Stops
from lanherd_agent.core.taken import taken
from lanherd_agent.core.waiting import why_waits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.messages import NewRun

CommandRequest = e.StopRequested | e.ChangeRequested | e.FilesRemovalRequested


class Requests:
    """Takes or refuses requests, in the core's books."""

    def __init__(
        self,
        books: Books,
        stops: Stops,
        changing: Changing,
        depending: Depending,
        commands: Iterable[Command],
        ordinal: int,
    ) -> None:
        self.ordinal = ordinal
        self.commands = Commands(commands, books.rules.commands_kept)
        self._books = books
        self._stops = stops
        self._changing = changing
        self._depending = depending

    # --- New runs --------------------------------------------------------------------------------

    def on_submitted(self, event: e.RunsSubmitted, now: float, step: Step) -> None:
        runs = self._books.runs
        new = [new for new in event.runs if new.run not in runs]
        if len(new) < len(event.runs):
            self._check_known(event)
        if new or not event.runs:
            self._take(new, event.owner, now, step)
        step.reply = tuple(taken(runs[one.run]) for one in event.runs)

    def on_restart(self, event: e.RestartRequested, now: float, step: Step) -> None:
        request = event.request
        known = self._books.runs.get(request.new_run)
        if known is None:
            run = self._find(request.run, event.owner, "restart")
            spec = replace(run.spec, restart_of=run.run, dependencies=())
            settings = replace(run.settings, held=False, pinned=False)
            new = NewRun(run=request.new_run, spec=spec, settings=settings)
            self._take([new], event.caller, now, step)
            known = self._books.runs[new.run]
        elif (known.spec.restart_of, known.owner) != (request.run, event.caller):
            raise _taken_otherwise(request.new_run)
        step.reply = (taken(known),)

    def _check_known(self, event: e.RunsSubmitted) -> None:
        for new in event.runs:
            known = self._books.runs.get(new.run)
            if known is not None and (
                known.owner != event.owner
                or known.spec != new.spec
                or known.first_settings != new.settings
            ):
                raise _taken_otherwise(new.run)

    def _take(self, new: Sequence[NewRun], owner: str, now: float, step: Step) -> None:
        books = self._books
        check_runs(new, books.capacity(owner), books.rules)
        check_dependencies(new, books.runs)
        if len(books.waiting) + len(new) > books.rules.queued_runs_max:
            raise error(
                ErrorCode.OVERLOADED,
                f"{len(books.waiting)} runs wait on this machine already.",
                f"It takes at most {books.rules.queued_runs_max}.",
                "Wait until some have ended, or cancel some.",
                waiting=len(books.waiting),
                waiting_max=books.rules.queued_runs_max,
            )
        together = {one.run: one for one in new}
        for one in new:
            self._enter(one, owner, together, now, step)

    def _enter(
        self, new: NewRun, owner: str, together: Mapping[RunId, NewRun], now: float, step: Step
    ) -> None:
        books, spec, settings = self._books, new.spec, new.settings
        waits_for = self._depending.still_open(new, together) if spec.dependencies else ()
        reason = why_waits(settings, spec, waits_for=waits_for)
        state = Queued(since=now, reason=reason, waits_for=waits_for)
        self.ordinal += 1
        run = Run(
            RunRecord(
                self.ordinal,
                new.run,
                spec,
                owner,
                now,
                state,
                0,
                1,
                settings,
                settings,
                line_ns=books.next_line_ns(now),
            )
        )
        books.runs[run.run] = run
        books.join_line(run)
        books.stories.add(run.run, now, "RunsSubmitted", "Queued")
        step.changed[run.run] = run

    # --- Commands --------------------------------------------------------------------------------

    def on_stop(self, event: e.StopRequested, now: float, step: Step) -> None:
        check_grace(event.request.grace_s, self._books.rules)
        run = self._asked(event, "stop", step)
        if run is not None:
            self._stops.stop(run, event.request, now, step)

    def on_change(self, event: e.ChangeRequested, now: float, step: Step) -> None:
        run = self._asked(event, "change", step)
        if run is not None:
            self._changing.change(run, event.request, now, step, event.owner)

    def on_files_removal(self, event: e.FilesRemovalRequested, now: float, step: Step) -> None:
        run = self._asked(event, "remove the files of", step)
        if run is not None:
            self._changing.remove_files(run, step)

    def _asked(self, event: CommandRequest, verb: str, step: Step) -> Run | None:
        """The run that a command is about; None if it came before, and was answered."""
        request = event.request
        known = self.commands.find(request)
        if known is not None and known.reply is not None:
            _check_owner(event.owner, known.reply.owner, known.run, verb)
            step.reply = (known.reply,)
            return None
        run = self._find(request.run, event.owner, verb)
        step.asked = Asked(request, run)
        return run if known is None else None

    def _find(self, run: RunId, owner: str | None, verb: str) -> Run:
        found = self._books.runs.get(run)
        if found is None:
            raise error(
                ErrorCode.NOT_FOUND,
                f"This machine has no run {short_id(run)}.",
                remedy="Look at the list of runs; it may belong to another machine.",
                refusal="no_run",
                run=run,
            )
        _check_owner(owner, found.owner, run, verb)
        return found


def _check_owner(caller: str | None, owner: str, run: RunId, verb: str) -> None:
    if caller is not None and caller != owner:
        raise error(
            ErrorCode.NOT_ALLOWED,
            f"Run {short_id(run)} belongs to {owner}.",
            f"Your role lets you {verb} only your own runs.",
            "Ask its owner or an operator of the machine.",
            run=run,
            owner=owner,
            verb=verb,
        )


def _taken_otherwise(run: RunId) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"Run {short_id(run)} was already submitted as something else.",
        "The same run id came with another content or from another user.",
        "Give the new run an id of its own.",
        refusal="taken_otherwise",
        run=run,
    )
