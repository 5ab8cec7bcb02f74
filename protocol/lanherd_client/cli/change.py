"""`lanherd stop`, `hold`, `release`, `priority`, `tag`, `note`, `pin`, `unpin`, `restart` and
`remove-files`."""

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.bulk import each_chosen, shape_of, state_sentence
from lanherd_client.cli.completion import complete_tag
from lanherd_client.cli.options import Count, Duration, Signal, json_option, runs_argument
from lanherd_client.cli.selecting import Chosen, Verb, chosen_runs
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.start import follow_to_end, say_unknown
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import RunRecord
from lanherd_client.orders import SIGNALS
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.states import Ended, Preparing, Queued, RunState, RunView, Stopping

if TYPE_CHECKING:
    from lanherd_client.run import Run

Act = Callable[["Run"], Awaitable[RunView]]


def _waits(view: RunView) -> bool:
    return isinstance(view.state, Queued | Preparing)


_STOP = Verb("stop", lambda run: not run.ended, lambda view: not isinstance(view.state, Ended))
_HOLD = Verb(
    "hold",
    lambda run: run.waiting and not run.held,
    lambda view: _waits(view) and not view.settings.held,
)
_RELEASE = Verb(
    "release",
    lambda run: run.held and not run.ended,
    lambda view: view.settings.held and not isinstance(view.state, Ended),
)
_PRIORITY = Verb("move", lambda run: run.waiting, _waits)
_TAG = Verb("tag", lambda run: True, lambda view: True)
_NOTE = Verb("note it on", lambda run: True, lambda view: True)
_PIN = Verb("pin", lambda run: not run.pinned, lambda view: not view.settings.pinned)
_UNPIN = Verb("unpin", lambda run: run.pinned, lambda view: view.settings.pinned)
_REMOVE = Verb(
    "remove the files of",
    lambda run: run.ended and not run.pinned,
    lambda view: (
        isinstance(view.state, Ended) and not view.settings.pinned and view.files_removed_at is None
    ),
    final=True,
)


def _do(
    context: click.Context,
    chosen: Chosen,
    verb: Verb,
    as_json: bool,
    act: Act,
    did: Callable[[RunView], str],
) -> int:
    return complete(each_chosen(context, chosen, verb, act, did, as_json))


def _turn(
    context: click.Context,
    chosen: Chosen,
    verb: Verb,
    as_json: bool,
    act: Act,
    was_so: Callable[[RunView], str],
    did: str,
) -> int:
    """Turns a setting of runs on or off; `was_so` has the words for one that was so before."""
    before: dict[RunId, str] = {}

    async def turn(run: "Run") -> RunView:
        # Asked for anew: another controller may have turned it a moment ago.
        before[run.id] = was_so(await run.refresh())
        # Sent all the same: whether it may be done at all is for the machine to say.
        return await act(run)

    return _do(context, chosen, verb, as_json, turn, lambda view: before[view.run] or did)


@dataclass(frozen=True, slots=True)
class Stop:
    """How runs are stopped: with what, and how long they then have; None is as each run says."""

    signal: str | None = None
    grace_s: float | None = None


def stop_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--signal`, `--grace` and `--now`, as the argument `how`."""

    @functools.wraps(command)
    def called(*, signal: str | None, grace_s: float | None, now: bool, **said: Any) -> Any:
        if now and (signal is not None or grace_s is not None):
            raise click.UsageError("--now is without --signal and --grace: it kills at once.")
        return command(how=Stop("KILL", 0.0) if now else Stop(signal, grace_s), **said)

    for option in reversed(
        (
            click.option(
                "--signal",
                "-s",
                "signal",
                type=Signal(),
                help=f"What a run is asked to end with: {', '.join(SIGNALS)}. [as the run says,"
                " else TERM]",
            ),
            click.option(
                "--grace",
                "grace_s",
                type=Duration(),
                help="How long it then has before it is killed, such as 30s. [as the run says,"
                " else 10s]",
            ),
            click.option("--now", is_flag=True, help="Kill it at once."),
        )
    ):
        called = option(called)
    return called


def stop_chosen(context: click.Context, chosen: Chosen, how: Stop, as_json: bool) -> int:
    """Stops runs; the exit code. All of a tag or sweep are asked about, as `each_chosen` does."""
    before: dict[RunId, RunState] = {}

    async def stop(run: "Run") -> RunView:
        if run.view is not None:
            before[run.id] = run.view.state
        return await run.stop(how.grace_s, signal=how.signal)

    def did(view: RunView) -> str:
        said, was, state = state_sentence(view), before.get(view.run), view.state
        if isinstance(was, Ended):
            return f"was over already: {said}"
        if not isinstance(state, Stopping) or not isinstance(was, Stopping) or how.grace_s is None:
            return said
        if state.kill_at < was.kill_at:
            return said
        at = words.moment(was.kill_at)
        return f"{said} It is killed at {at} already, and no stop puts that off."

    return _do(context, chosen, _STOP, as_json, stop, did)


@click.command("stop")
@chosen_runs(_STOP)
@stop_options
@json_option
@click.pass_context
def stop_command(context: click.Context, chosen: Chosen, how: Stop, as_json: bool) -> int:
    """Stop runs.

    One that waits is cancelled; one that runs is asked to end, then made to, with all its
    processes. It is not tried again.
    """
    return stop_chosen(context, chosen, how, as_json)


@click.command("hold")
@chosen_runs(_HOLD)
@json_option
@click.pass_context
def hold_command(context: click.Context, chosen: Chosen, as_json: bool) -> int:
    """Keep waiting runs from being started.

    They wait until 'lanherd release'.
    """

    def was_so(view: RunView) -> str:
        if view.settings.held and isinstance(view.state, Ended):
            # Held it is, and nothing would change: the machine has nothing to say against that.
            raise error(
                ErrorCode.CONFLICT,
                f"Run {short_id(view.run)} is over.",
                "There is nothing to hold back.",
                "Restart it as a new run.",
                run=view.run,
            )
        return "was held already." if view.settings.held else ""

    return _turn(context, chosen, _HOLD, as_json, lambda run: run.hold(), was_so, "held.")


@click.command("release")
@chosen_runs(_RELEASE)
@json_option
@click.pass_context
def release_command(context: click.Context, chosen: Chosen, as_json: bool) -> int:
    """Let held runs go on.

    They wait their turn again, and are started as soon as there is room.
    """

    def was_so(view: RunView) -> str:
        held = view.settings.held and not isinstance(view.state, Ended)
        return "" if held else f"was not held: {state_sentence(view)}"

    return _turn(context, chosen, _RELEASE, as_json, lambda run: run.release(), was_so, "released.")


@click.command("priority", context_settings={"ignore_unknown_options": True})
@click.argument("priority", metavar="N", type=Count(-PRIORITY_MAX, PRIORITY_MAX))
@chosen_runs(_PRIORITY)
@json_option
@click.pass_context
def priority_command(context: click.Context, priority: int, chosen: Chosen, as_json: bool) -> int:
    """Give runs the priority N, from -100 to 100.

    Of the runs that wait on a machine, those with a higher one go first; 0 is usual.
    """
    return _do(
        context,
        chosen,
        _PRIORITY,
        as_json,
        lambda run: run.set_priority(priority),
        lambda view: f"priority {view.settings.priority}.",
    )


@click.command("tag")
@chosen_runs(_TAG)
@click.option(
    "--add", "-a", multiple=True, shell_complete=complete_tag, help="A tag; may be repeated."
)
@click.option(
    "--remove",
    "-r",
    multiple=True,
    shell_complete=complete_tag,
    help="A tag to take off; may be repeated.",
)
@json_option
@click.pass_context
def tag_command(
    context: click.Context,
    chosen: Chosen,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    as_json: bool,
) -> int:
    """Add tags to runs, and take others off.

    'lanherd runs --tag TAG' finds them.
    """
    if not add and not remove:
        raise click.UsageError("Nothing to do. Write --add TAG or --remove TAG.")
    both = [tag for tag in add if tag in remove]
    if both:
        raise click.UsageError(
            f"{plain(both[0])!r} is to be added and taken off: write one of them."
        )

    def did(view: RunView) -> str:
        return f"tags: {', '.join(map(plain, view.settings.tags)) or 'none'}."

    return _do(context, chosen, _TAG, as_json, lambda run: run.retag(add, remove), did)


@click.command("note")
@click.argument("text")
@chosen_runs(_NOTE)
@json_option
@click.pass_context
def note_command(context: click.Context, text: str, chosen: Chosen, as_json: bool) -> int:
    """Note TEXT on runs, in place of what was noted before.

    An empty TEXT removes it. 'lanherd show' has the notes.
    """
    did = "noted." if text else "note removed."
    return _do(context, chosen, _NOTE, as_json, lambda run: run.note(text), lambda view: did)


@click.command("pin")
@chosen_runs(_PIN)
@json_option
@click.pass_context
def pin_command(context: click.Context, chosen: Chosen, as_json: bool) -> int:
    """Keep the files of runs from being removed.

    Neither retention nor 'lanherd remove-files' touches them until 'lanherd unpin'.
    """

    def was_so(view: RunView) -> str:
        return "was pinned already." if view.settings.pinned else ""

    return _turn(context, chosen, _PIN, as_json, lambda run: run.pin(), was_so, "pinned.")


@click.command("unpin")
@chosen_runs(_UNPIN)
@json_option
@click.pass_context
def unpin_command(context: click.Context, chosen: Chosen, as_json: bool) -> int:
    """Leave the files of runs to retention again.

    See 'lanherd retention show' for its rules.
    """

    def was_so(view: RunView) -> str:
        return "" if view.settings.pinned else "was not pinned."

    return _turn(
        context, chosen, _UNPIN, as_json, lambda run: run.unpin(), was_so, "no longer pinned."
    )


@click.command("remove-files")
@chosen_runs(_REMOVE)
@json_option
@click.pass_context
def remove_files_command(context: click.Context, chosen: Chosen, as_json: bool) -> int:
    """Remove logs, outputs and files of ended runs.

    They can't be brought back. What the run was and how it ended stays known. A name that several
    runs have is refused here: write the id.
    """
    count = len(chosen.texts)
    if count and not chosen.yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here. Write --yes to remove the files.")
        whose = "this run" if count == 1 else f"these {count} runs"
        if not click.confirm(f"Remove the files of {whose} for ever?", err=True):
            talk.say("Nothing was removed.")
            return talk.FAILED
    work = each_chosen(
        context,
        chosen,
        _REMOVE,
        lambda run: run.remove_files(),
        lambda view: "files are removed.",
        as_json,
        # What can't be undone is done to no run that was not meant.
        sole=True,
    )
    return complete(work)


@click.command("restart")
@runs_argument
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Print the new run's log until it ends; exit code 0 when it has succeeded, else 1. For"
    " one run only.",
)
@json_option
@click.pass_context
def restart_command(
    context: click.Context, runs: tuple[str, ...], follow: bool, as_json: bool
) -> int:
    """Submit runs once more, as new ones, and print their ids.

    The new run has the same command, project, environment, priority, tags and notes; it waits for
    no other run.
    """
    if follow and len(runs) > 1:
        raise click.UsageError("--follow is for one run.")
    return complete(_restart(context, runs, follow, as_json))


async def _again(old: "Run", identifier: RunId) -> "Run":
    try:
        return await answered(old.restart(identifier))
    except (LanherdError, asyncio.CancelledError) as problem:
        if not isinstance(problem, LanherdError) or problem.code is ErrorCode.TIMED_OUT:
            # Trying again would be another run: better to look first.
            say_unknown(identifier)
        raise


async def _restart(
    context: click.Context, runs: tuple[str, ...], follow: bool, as_json: bool
) -> int:
    shown: list[RunRecord] = []
    failed = False
    async with connected(context) as fleet:
        for text in runs:
            try:
                old = await answered(fleet.run(text))
                new = await _again(old, fleet.new_run_id())
                view = await answered(new.refresh()) if new.view is None else new.view
            except LanherdError as problem:
                if len(runs) == 1:
                    raise
                failed = True
                talk.say(f"Run {plain(text)}: failed.")
                talk.say_failure(problem.failure)
                continue
            talk.say(f"Run {short_id(old.id)}: submitted again as {short_id(new.id)}.")
            if follow:
                return await follow_to_end(fleet, new, as_json)
            shown.append(RunRecord(new.machine, view))
            if not as_json:
                talk.put_line(new.id)
        if as_json:
            every = [shape_of(fleet, record) for record in shown]
            talk.put_json(every[0] if len(runs) == 1 else [*every])
    return talk.FAILED if failed else talk.OK
