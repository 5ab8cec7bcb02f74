"""Does what a person asks of the chosen runs: asks the machine, says what became of it, and offers
the way back where there is one."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from lanherd_client.fleet import Fleet
from lanherd_client.run import Run
from lanherd_desktop.bridge import Job, some_at_a_time
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_commands import (
    MOVES,
    OF_ONE,
    RunCommand,
    commands,
    commands_of,
    not_in_line,
    shifted_priority,
)
from lanherd_desktop.state.runs import run_title
from lanherd_desktop.state.silence import silent_since
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.runs.line_moves import Moved, Unmoved, move_back, move_by_one
from lanherd_desktop.views.runs.run_sizes import RunSizes, ask_sizes, sizes_text
from lanherd_desktop.views.widgets.action_bar import ConfirmBar
from lanherd_desktop.views.words import failure_line, sentences
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunSettings

CALLS_AT_ONCE = 16
_NONE: frozenset[RunCommand] = frozenset()
STOPPED_UNASKED_MAX = 10
"""More runs than these aren't stopped by one click: somebody may have meant one of them."""
Verb = Callable[[Run, RunView], Awaitable[object]]
Chosen = list[tuple[RunKey, RunView]]


class RunCommands(QObject):
    """The commands of the runs that `chosen` names."""

    offered_changed = Signal()
    """A command was asked for, or answered: others may be offered now."""
    edit_wanted = Signal()
    save_wanted = Signal()
    again_wanted = Signal()

    def __init__(
        self,
        context: WindowContext,
        confirm: Callable[[], ConfirmBar],
        chosen: Callable[[], list[RunKey]],
    ) -> None:
        super().__init__()
        self._context = context
        self._confirm = confirm
        self._chosen_keys = chosen
        self._asked: set[tuple[RunKey, RunCommand]] = set()
        self._shown_elsewhere = {
            RunCommand.AGAIN: self.again_wanted,
            RunCommand.EDIT: self.edit_wanted,
            RunCommand.SAVE_LOG: self.save_wanted,
        }

    def offered(self) -> frozenset[RunCommand]:
        """What can be done with the chosen runs now; what was asked and isn't answered is not."""
        rows = self._context.rows()
        chosen = [rows[key] for key in self._chosen_keys() if key in rows]
        if not self._asked:
            kinds = {row.offered for row in chosen}
        else:
            asked: dict[RunKey, set[RunCommand]] = {}
            for key, command in self._asked:
                asked.setdefault(key, set()).add(command)
            kinds = {row.offered - asked.get((row.machine, row.run), _NONE) for row in chosen}
        found = commands_of(kinds, len(chosen))
        if found & MOVES and self.why_not_moved():
            found -= MOVES
        return found

    def why_not_moved(self) -> str:
        """Why the chosen can't change places in the line; empty where it can."""
        if len(self._chosen_keys()) > 1:
            return self.tr("one run at a time")
        chosen = self._chosen()
        others = len(chosen) == 1 and self._context.room.others_in_line(chosen[0][0])
        texts = {
            "several": self.tr("one run at a time"),
            "not_waiting": self.tr("it doesn't wait"),
            "held": self.tr("it is held back"),
            "parked": self.tr("it doesn't wait for its turn yet"),
            "alone": self.tr("no other run waits on its machine"),
        }
        why = not_in_line([view for _, view in chosen], others)
        return texts[why] if why is not None else ""

    def is_asked(self, key: RunKey, command: RunCommand) -> bool:
        return (key, command) in self._asked

    def do(self, command: RunCommand, only: RunKey | None = None) -> None:
        """Do it with those of the chosen runs that it is for, or with `only` one; nothing where it
        is for none."""
        those = self._those_for(command, only)
        if not those:
            return
        match command:
            case RunCommand.AGAIN | RunCommand.EDIT | RunCommand.SAVE_LOG:
                self._shown_elsewhere[command].emit()
            case RunCommand.COPY_ID:
                self._copy(those)
            case RunCommand.STOP:
                self._stop(those)
            case RunCommand.STOP_NOW:
                self._stop_now(those)
            case RunCommand.RESTART:
                self._restart(those)
            case RunCommand.REMOVE_FILES:
                self._remove_files(those)
            case RunCommand.MOVE_UP | RunCommand.MOVE_DOWN:
                self._move(command, those)
            case _:
                self._set(command, those)

    def change(self, key: RunKey, before: RunSettings, tags: tuple[str, ...], notes: str) -> None:
        """Give a run other tags and notes; undone by a toast."""
        view = self._context.room.runs.get(key)
        if view is None or (tags, notes) == (before.tags, before.notes):
            return
        self._ask(
            RunCommand.EDIT,
            [(key, view)],
            lambda run, _: run.change(tags=tags, notes=notes),
            self.tr("Changed {what}."),
            undo=lambda run, _: run.change(tags=before.tags, notes=before.notes),
        )

    # --- one by one ------------------------------------------------------------------------------

    def _copy(self, those: Chosen) -> None:
        QGuiApplication.clipboard().setText("\n".join(run for (_, run), _ in those))
        many = self.tr("The ids of {what} were copied.")
        said = self.tr("The run's id was copied.") if len(those) == 1 else many
        self._context.toast_wanted.emit(said.format(what=self._named(those)), "ok")

    def _stop(self, those: Chosen) -> None:
        def stop() -> None:
            self._ask(RunCommand.STOP, those, lambda run, _: run.stop())

        if len(those) <= STOPPED_UNASKED_MAX:
            stop()
            return
        self._confirm().ask(
            self.tr("Stop {what}?").format(what=self._named(those)),
            self.tr("Those that wait leave the line, those that run are asked to end."),
            self.tr("Stop them"),
            stop,
        )

    def _stop_now(self, those: Chosen) -> None:
        self._confirm().ask(
            self.tr("Stop {what} at once?").format(what=self._named(those)),
            self.tr("Nothing of its own cleanup is done: what it has not saved is lost."),
            self.tr("Stop at once"),
            lambda: self._ask(
                RunCommand.STOP_NOW, those, lambda run, _: run.stop(0.0, signal="KILL")
            ),
        )

    def _restart(self, those: Chosen) -> None:
        keys: list[RunKey] = []

        async def restart(run: Run, view: RunView) -> None:
            fresh = await run.restart()
            keys.append((fresh.machine, fresh.id))

        def on_done() -> None:
            if len(keys) == 1:
                self._context.run_wanted.emit(keys[0], "")

        self._ask(
            RunCommand.RESTART, those, restart, self.tr("Restarted {what} as new."), on_done=on_done
        )

    def _remove_files(self, those: Chosen) -> None:
        confirm = self._confirm()
        what = self._named(those)
        usual = self.tr("Logs, outputs and working files go; the run itself stays in the list.")
        confirm.ask(
            self.tr("Remove the files of {what}?").format(what=what),
            usual,
            self.tr("Remove the files"),
            lambda: self._ask(
                RunCommand.REMOVE_FILES,
                those,
                lambda run, _: run.remove_files(),
                self.tr("Removed the files of {what}."),
            ),
        )
        asked = confirm.text()

        def tell(sizes: RunSizes) -> None:
            if confirm.text() == asked and not confirm.isHidden():
                confirm.set_detail(f"{sizes_text(sizes)} {usual}")

        # What it holds is worth knowing, and no reason to fail: the question stands without it.
        self._context.ask(partial(ask_sizes, those), tell, lambda failure: None)

    def _move(self, command: RunCommand, those: Chosen) -> None:
        """The run changes places with its neighbour in the line, which the machine names."""
        ((key, _),) = those
        up = command is RunCommand.MOVE_UP
        self._tell_silent(command, those)
        self._asked |= {(key, one) for one in MOVES}
        self.offered_changed.emit()

        def answered() -> None:
            self._asked -= {(key, one) for one in MOVES}
            self.offered_changed.emit()

        def on_done(answer: Moved | Unmoved) -> None:
            answered()
            if isinstance(answer, Unmoved):
                self._context.toast_wanted.emit(self._unmoved_text(answer, those), "info")
                return
            template = (
                self.tr("Moved {what} ahead of '{other}'.")
                if up
                else self.tr("Moved {what} behind '{other}'.")
            )
            text = template.format(what=self._named(those), other=run_title(answer.neighbour))
            back = partial(move_back, key[0], answer)
            self._context.undo_offered.emit(
                text, lambda: self._context.ask(back, lambda done: None)
            )

        def on_failed(failure: Failure) -> None:
            answered()
            self._context.tell_failure(failure)

        self._context.ask(partial(move_by_one, key, up), on_done, on_failed)

    def _unmoved_text(self, why: Unmoved, those: Chosen) -> str:
        texts = {
            Unmoved.FIRST: self.tr("{what} is the first in the line already."),
            Unmoved.LAST: self.tr("{what} is the last in the line already."),
            Unmoved.OUT_OF_SIGHT: self.tr(
                "{what} is not in the part of the line that the machine lists. Its priority moves "
                "it farther."
            ),
        }
        return texts[why].format(what=self._named(those))

    def _set(self, command: RunCommand, those: Chosen) -> None:
        """A setting that can be set back."""
        do, said = self._setting(command)
        self._ask(command, those, do, said, undo=_set_back)

    def _setting(self, command: RunCommand) -> tuple[Verb, str]:
        match command:
            case RunCommand.HOLD:
                return (lambda run, _: run.hold(), self.tr("Held back {what}."))
            case RunCommand.RELEASE:
                return (lambda run, _: run.release(), self.tr("Released {what}."))
            case RunCommand.PIN:
                return (
                    lambda run, _: run.pin(),
                    self.tr("Pinned {what}: its files stay."),
                )
            case RunCommand.UNPIN:
                return (lambda run, _: run.unpin(), self.tr("Unpinned {what}."))
            case _:
                by = 1 if command is RunCommand.RAISE else -1
                return (
                    lambda run, view: run.set_priority(
                        shifted_priority(view.settings.priority, by)
                    ),
                    self.tr("Raised the priority of {what}.")
                    if by > 0
                    else self.tr("Lowered the priority of {what}."),
                )

    # --- asking ----------------------------------------------------------------------------------

    def _ask(
        self,
        command: RunCommand,
        those: Chosen,
        verb: Verb,
        said: str = "",
        *,
        undo: Verb | None = None,
        on_done: Callable[[], None] | None = None,
    ) -> None:
        self._tell_silent(command, those)
        marks = {(key, command) for key, _ in those}
        self._asked |= marks
        self.offered_changed.emit()

        def on_answer(done: Chosen, problems: Sequence[Failure]) -> None:
            self._asked -= marks
            self.offered_changed.emit()
            if problems:
                self._tell_problems(problems, len(those))
            if done:
                if on_done is not None:
                    on_done()
                self._say(said, done, undo)

        self._context.ask(
            partial(_do_all, those, verb),
            lambda answer: on_answer(*answer),
            lambda problem: on_answer([], [problem]),
        )

    def _tell_problems(self, problems: Sequence[Failure], count: int) -> None:
        """The last one; of several runs, for how many it failed."""
        if count == 1 or len(problems) == count:
            self._context.tell_failure(problems[-1])
            return
        text = self.tr("It failed for {failed} of {count} runs.").format(
            failed=len(problems), count=count
        )
        self._context.toast_wanted.emit(sentences(text, failure_line(problems[-1])), "danger")

    def _tell_silent(self, command: RunCommand, those: Chosen) -> None:
        """A machine that can't be reached answers later: that is said now."""
        silent = [key for key, _ in those if self._is_silent(key)]
        if not silent:
            return
        if command in (RunCommand.STOP, RunCommand.STOP_NOW):
            text = self.tr(
                "{machine} can't be reached; the run will be asked to stop as soon as it is back."
            )
        else:
            text = self.tr("{machine} can't be reached; it will be asked as soon as it is back.")
        machine = self._context.machine_name(silent[0][0])
        self._context.toast_wanted.emit(text.format(machine=machine), "info")

    def _say(self, said: str, those: Chosen, undo: Verb | None) -> None:
        text = said.format(what=self._named(those))
        if undo is not None:
            take_back = partial(self._take_back, those, undo)
            self._context.undo_offered.emit(text, take_back)
        elif text:
            self._context.toast_wanted.emit(text, "ok")

    def _take_back(self, those: Chosen, undo: Verb) -> None:
        def on_answer(answer: tuple[Chosen, list[Failure]]) -> None:
            if answer[1]:
                self._tell_problems(answer[1], len(those))

        self._context.ask(partial(_do_all, those, undo), on_answer)

    # --- who -------------------------------------------------------------------------------------

    def _chosen(self, only: RunKey | None = None) -> Chosen:
        runs = self._context.room.runs
        keys = self._chosen_keys() if only is None else [only]
        return [(key, view) for key in keys if (view := runs.get(key)) is not None]

    def _those_for(self, command: RunCommand, only: RunKey | None = None) -> Chosen:
        chosen = self._chosen(only)
        if command in OF_ONE and len(chosen) != 1:
            return []
        return [
            (key, view)
            for key, view in chosen
            if command in commands(view) and not self.is_asked(key, command)
        ]

    def _is_silent(self, key: RunKey) -> bool:
        return silent_since(self._context.room.machines.get(key[0])) is not None

    def _named(self, those: Chosen) -> str:
        if len(those) == 1:
            return self.tr("'{title}'").format(title=run_title(those[0][1]))
        return self.tr("{count} runs").format(count=len(those))


async def _do_all(
    those: Sequence[tuple[RunKey, RunView]],
    verb: Verb,
    fleet: Fleet,
    job: Job[tuple[Chosen, list[Failure]]],
) -> tuple[Chosen, list[Failure]]:
    """Those for which it was done, and what failed of the others."""
    done: Chosen = []
    problems: list[Failure] = []

    async def do(one: tuple[RunKey, RunView]) -> None:
        key, view = one
        try:
            await verb(fleet.run_at(*key), view)
        except LanherdError as failed:
            problems.append(failed.failure)
        else:
            done.append((key, view))

    await some_at_a_time(those, do, CALLS_AT_ONCE)
    return done, problems


async def _set_back(run: Run, view: RunView) -> None:
    """To what it was when the change was asked for."""
    before = view.settings
    await run.change(priority=before.priority, held=before.held, pinned=before.pinned)
