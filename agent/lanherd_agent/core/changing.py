"""What may change of a run at any time: its settings, and whether its files are kept."""

from collections.abc import Mapping

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.books import Books
from lanherd_agent.core.fields import check_settings
from lanherd_agent.core.request_checks import check_possible
from lanherd_agent.core.run_states import Preparing, Queued, Run, targets, was_begun
from lanherd_agent.core.step import Step
from lanherd_agent.core.waiting import Waiting
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.messages import ChangeRun, NewRun
from lanherd_protocol.states import Ended
from lanherd_protocol.values import RunSettings

_SETTINGS = ("priority", "held", "tags", "notes", "pinned")


class Changing:
    """Changes settings and lets go of files, in the core's books."""

    def __init__(self, books: Books, waiting: Waiting) -> None:
        self._books = books
        self._waiting = waiting

    # --- Settings --------------------------------------------------------------------------------

    def change(
        self, run: Run, request: ChangeRun, now: float, step: Step, caller: str | None = None
    ) -> None:
        """`caller` None: who asks may change anybody's run."""
        wanted: Mapping[str, object] = {
            name: value for name in _SETTINGS if (value := getattr(request, name)) is not None
        }
        settings = replace(run.settings, **wanted)
        check_settings(settings)
        self._check_possible(run, settings)
        if settings.tags != run.settings.tags:
            self._check_share(run, settings)
        other = None
        if request.before is not None:
            other = self._other(run, request.before, caller)
        if settings != run.settings:
            self._settle(run, settings, now, step)
        if other is not None and self._waiting.move(run, other):
            step.changed[run.run] = run

    def _settle(self, run: Run, settings: RunSettings, now: float, step: Step) -> None:
        if isinstance(run.state, Queued | Preparing):
            self._waiting.settle(run, settings, now, step)
        run.settings = settings
        step.changed[run.run] = run
        if was_begun(run) and run.files_removed_at is None:
            self._books.want_note(run, step)

    def _check_possible(self, run: Run, settings: RunSettings) -> None:
        if settings.held and not run.settings.held:
            if isinstance(run.state, Ended):
                raise _conflict(
                    run,
                    "is_over",
                    "is over.",
                    "There is nothing to hold back.",
                    "Restart it as a new run.",
                )
            if not isinstance(run.state, Queued | Preparing):
                raise _conflict(
                    run,
                    "is_started",
                    "is started already.",
                    "Only a run that waits can be held.",
                    "Stop it, or let it end.",
                )
        if settings.pinned and not run.settings.pinned and self._is_being_removed(run):
            raise _conflict(
                run,
                "loses_files",
                "is losing its files.",
                "Their removal has begun.",
                "Restart it as a new run.",
            )

    def _other(self, run: Run, before: RunId, caller: str | None) -> Run:
        """The run ahead of which this one is to stand."""
        other = self._books.runs.get(before)
        if other is None:
            raise error(
                ErrorCode.NOT_FOUND,
                f"This machine has no run {short_id(before)} that waits.",
                remedy="Look at the list of runs; it may be over.",
                refusal="no_waiting_run",
                run=before,
            )
        for one in (run, other):
            if not isinstance(one.state, Queued | Preparing):
                raise _conflict(
                    one,
                    "does_not_wait",
                    "does not wait any more.",
                    "Only runs that wait stand in line.",
                    "Choose another run.",
                )
        if caller is not None and other.owner != caller:
            raise error(
                ErrorCode.NOT_ALLOWED,
                f"Run {short_id(before)} belongs to {other.owner}.",
                "Your role lets you move your runs only ahead of others of yours.",
                "Ask an operator of the machine.",
                run=before,
                owner=other.owner,
            )
        return other

    def _check_share(self, run: Run, settings: RunSettings) -> None:
        """A tag may have a share of the machine that is too small for a run that waits; and those
        that live hold what they hold of it from now on."""
        capacity = self._books.capacity(run.owner)
        if isinstance(run.state, Queued | Preparing) and capacity is not None:
            check_possible(NewRun(run=run.run, spec=run.spec, settings=settings), capacity)
        self._books.line_moved = True

    def on_noted(self, event: e.SettingsNoted, step: Step) -> None:
        """Written; if they changed meanwhile, the newer ones are still to be."""
        effect = f"note_settings:{event.run}"
        wanted = self._books.pending.get(effect)
        if isinstance(wanted, f.NoteSettings) and event.settings is not None:
            newest = wanted.settings, wanted.cancelled_at
            if (event.settings, event.cancelled_at) != newest:
                return
        self._books.end_effects(step, effect)

    # --- Files -----------------------------------------------------------------------------------

    def remove_files(self, run: Run, step: Step) -> None:
        if not isinstance(run.state, Ended):
            raise _conflict(
                run,
                "is_not_over",
                "is not over.",
                "Its files are still in use.",
                "Stop it first, or wait until it has ended.",
            )
        if run.settings.pinned:
            raise _conflict(
                run, "is_pinned", "is pinned.", "Its files are to be kept.", "Unpin it first."
            )
        if run.files_removed_at is None:
            self._books.want(f.RemoveFiles(run=run.run), step)

    def on_due(self, event: e.FilesRemovalDue, step: Step) -> None:
        """Retention never touches a run that lives, waits or is pinned by now."""
        for one in event.runs:
            run = self._books.runs.get(one)
            if run is not None and isinstance(run.state, Ended) and not run.settings.pinned:
                self.remove_files(run, step)

    def on_removed(self, event: e.FilesRemoved, step: Step) -> None:
        run = self._books.runs.get(event.run)
        if run is not None and targets(run.state, e.FilesRemoved) is None:
            raise self._books.impossible(run, e.FilesRemoved)
        self._books.end_effects(step, f"remove_files:{event.run}")
        if run is not None and not event.problem and run.files_removed_at is None:
            run.files_removed_at = event.at
            step.changed[run.run] = run

    def _is_being_removed(self, run: Run) -> bool:
        return f"remove_files:{run.run}" in self._books.pending


def _conflict(run: Run, refusal: str, what: str, why: str, remedy: str) -> LanherdError:
    title = f"Run {short_id(run.run)} {what}"
    return error(ErrorCode.CONFLICT, title, why, remedy, refusal=refusal, run=run.run)
