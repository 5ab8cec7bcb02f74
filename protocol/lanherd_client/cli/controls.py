"""`lanherd cordon`, `uncordon` and `queue`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from lanherd_client.choosing import find_machine, require_online
from lanherd_client.cli import control_shapes, talk, words
from lanherd_client.cli.completion import complete_machine, complete_tag, complete_waiting_run
from lanherd_client.cli.options import (
    Command,
    Count,
    json_option,
    machine_option,
    not_empty,
    one_machine_option,
)
from lanherd_client.cli.picking import chosen_machines, one_machine, say_none_paired
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.terminal import plain
from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.machine_messages import CordonView, MachineControls, PauseView, QueueListed
from lanherd_protocol.states import Preparing, Queued, RunView

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

LISTED_MAX = 1_000
_QUEUE_COLUMNS = (
    talk.Column("TURN", right=True),
    talk.Column("RUN"),
    talk.Column("NAME"),
    talk.Column("OWNER"),
    talk.Column("MACHINE"),
    talk.Column("PRIORITY", right=True),
    talk.Column("WHY IT WAITS"),
)

_machine_argument = click.argument("machine", metavar="MACHINE", shell_complete=complete_machine)
_gpu_argument = click.argument("gpu", metavar="GPU")


def _tag_named(meaning: str) -> Callable[[Command], Command]:
    return click.option(
        "--tag", metavar="TAG", shell_complete=complete_tag, callback=not_empty, help=meaning
    )


@click.command("cordon")
@_machine_argument
@_gpu_argument
@click.option("--why", default="", metavar="TEXT", help="A note for the others.")
@json_option
@click.pass_context
def cordon_command(context: click.Context, machine: str, gpu: str, why: str, as_json: bool) -> None:
    """Place no run on a GPU of MACHINE.

    Those that are on it go on. GPU is its number as 'lanherd gpus' lists it, GPU:INSTANCE for a MIG
    instance, or its UUID.
    """
    complete(_cordon(context, machine, gpu, why, as_json))


async def _cordon(context: click.Context, machine: str, gpu: str, why: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = require_online(find_machine(fleet.machines(), machine))
        _put_controls(view, await answered(fleet.cordon(view.machine, gpu, why)), as_json)


@click.command("uncordon")
@_machine_argument
@_gpu_argument
@json_option
@click.pass_context
def uncordon_command(context: click.Context, machine: str, gpu: str, as_json: bool) -> None:
    """Let runs be placed on a GPU of MACHINE again.

    Whoever closed it: a person, or the agent for a fault. GPU is as in 'lanherd cordon'.
    """
    complete(_uncordon(context, machine, gpu, as_json))


async def _uncordon(context: click.Context, machine: str, gpu: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = require_online(find_machine(fleet.machines(), machine))
        before = await answered(fleet.controls(view.machine))
        after = await answered(fleet.uncordon(view.machine, gpu))
        if not as_json:
            _say_opened(view, gpu, before, after)
        _put_controls(view, after, as_json)


def _say_opened(
    view: MachineView, gpu: str, before: MachineControls, after: MachineControls
) -> None:
    closed = {cordon.gpu for cordon in after.cordons}
    opened = [_gpu_name(cordon) for cordon in before.cordons if cordon.gpu not in closed]
    if opened:
        said = f"{', '.join(opened)}: open again."
    else:
        said = f"GPU {plain(gpu)} was not closed. Runs that failed on it don't count any more."
    talk.say(f"{plain(view.name)}: {said}")


def _put_controls(view: MachineView, controls: MachineControls, as_json: bool) -> None:
    if as_json:
        talk.put_json(control_shapes.controls_shape(view, controls))
        return
    if not controls.cordons:
        talk.say(f"{plain(view.name)}: no GPU is closed.")
    for cordon in controls.cordons:
        talk.say(f"{plain(view.name)}: {_gpu_name(cordon)} takes no run. {_text(cordon)}")
    _say_pauses(view, controls.pauses)


def _gpu_name(cordon: CordonView) -> str:
    if cordon.index is None:
        return f"GPU {plain(cordon.gpu)}, which is away,"
    return f"GPU {gpu_number(cordon.index, cordon.instance)}"


def _text(cordon: CordonView) -> str:
    return plain(cordon.reason.text)


def _say_pauses(view: MachineView, pauses: Sequence[PauseView]) -> None:
    for pause in pauses:
        what = f"runs with the tag {plain(pause.tag)} are" if pause.tag else "the line is"
        note = f": {plain(pause.note)}" if pause.note else ""
        talk.say(
            f"{plain(view.name)}: {what} paused by {plain(pause.by)}{note}."
            f" 'lanherd {words.resume_line(pause)}' goes on."
        )


@click.group("queue", invoke_without_command=True)
@machine_option
@click.option(
    "--limit",
    "-n",
    type=Count(1, LISTED_MAX),
    default=50,
    help="Show at most so many of each machine. [50]",
)
@json_option
@click.pass_context
def queue_command(context: click.Context, machine: str | None, limit: int, as_json: bool) -> None:
    """List the runs that wait, in the order of their turns.

    With what each waits for. The order is as it is now: it changes with priorities, with what
    users have had, and with what becomes free.
    """
    if context.invoked_subcommand is None:
        complete(_queue(context, machine, limit, as_json))


async def _queue(context: click.Context, machine: str | None, limit: int, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        listed = [(view, await answered(fleet.queue(view.machine, limit))) for view in views]
        if as_json:
            talk.put_json([control_shapes.queue_shape(*one) for one in listed])
            return
        if not fleet.machines():
            say_none_paired(fleet)
            return
        rows = [row for view, one in listed for row in _queue_rows(view, one)]
        if rows:
            talk.put_table(_QUEUE_COLUMNS, rows)
        else:
            talk.say("No run waits.")
        for view, one in listed:
            if one.total > len(one.runs):
                talk.say(f"{plain(view.name)}: {one.total} wait; raise --limit to see more.")
            _say_pauses(view, one.pauses)


def _queue_rows(view: MachineView, listed: QueueListed) -> list[Sequence[str]]:
    return [
        (
            str(turn),
            short_id(run.run),
            run.spec.name or " ".join(run.spec.command)[:40],
            run.owner,
            view.name,
            str(run.settings.priority or ""),
            _why(run),
        )
        for turn, run in enumerate(listed.runs, 1)
    ]


def _why(run: RunView) -> str:
    state = run.state
    return words.waiting_for(state) if isinstance(state, Queued | Preparing) else ""


@queue_command.command("pause")
@one_machine_option
@_tag_named("Only runs with this tag. [all runs]")
@click.option("--note", default="", metavar="TEXT", help="A note for the others.")
@json_option
@click.pass_context
def pause_command(
    context: click.Context, machine: str | None, tag: str | None, note: str, as_json: bool
) -> None:
    """Start no run on a machine until 'lanherd queue resume'.

    Those that are live go on.
    """
    complete(_pause(context, machine, tag or "", note, as_json))


async def _pause(
    context: click.Context, machine: str | None, tag: str, note: str, as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        _put_pauses(view, await answered(fleet.pause_queue(view.machine, tag, note)), as_json)


@queue_command.command("resume")
@one_machine_option
@_tag_named("The pause of the runs with this tag. [that of the whole line]")
@json_option
@click.pass_context
def resume_command(
    context: click.Context, machine: str | None, tag: str | None, as_json: bool
) -> None:
    """Start runs again on a machine whose line was paused."""
    complete(_resume(context, machine, tag or "", as_json))


async def _resume(context: click.Context, machine: str | None, tag: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        before = await answered(fleet.controls(view.machine))
        after = await answered(fleet.resume_queue(view.machine, tag))
        if not as_json and tag not in {pause.tag for pause in before.pauses}:
            what = f"no pause of the tag {plain(tag)}" if tag else "no pause of the whole line"
            talk.say(f"{plain(view.name)}: there was {what}.")
        _put_pauses(view, after, as_json)


def _put_pauses(view: MachineView, controls: MachineControls, as_json: bool) -> None:
    if as_json:
        talk.put_json(control_shapes.controls_shape(view, controls))
        return
    _say_pauses(view, controls.pauses)
    if not controls.pauses:
        talk.say(f"{plain(view.name)}: runs are started as they fit.")


@queue_command.command("move")
@click.argument("run", metavar="RUN", shell_complete=complete_waiting_run)
@click.option(
    "--before",
    metavar="RUN",
    required=True,
    shell_complete=complete_waiting_run,
    help="The run that waits on the same machine and comes after it from then on.",
)
@json_option
@click.pass_context
def move_command(context: click.Context, run: str, before: str, as_json: bool) -> None:
    """Move a run that waits ahead of another one.

    RUN is a run's id, 4 or more characters of its beginning or end, or its name: of several with
    one name the one that has not ended, or else the newest.
    """
    complete(_move(context, run, before, as_json))


async def _move(context: click.Context, text: str, before: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run, other = await answered(fleet.run(text)), await answered(fleet.run(before))
        if run.machine != other.machine:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "These two runs wait on different machines.",
                "Each machine has a line of its own.",
                "Name a run that waits on the same machine, as 'lanherd queue' lists them.",
            )
        if run.id == other.id:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "A run can't come before itself.",
                f"Both names mean run {short_id(run.id)}.",
                "Name another run that waits, as 'lanherd queue' lists them.",
            )
        view = await answered(run.move_before(other.id))
        if as_json:
            machine = _machine_of(fleet, run.machine)
            listed = await answered(fleet.queue(run.machine))
            talk.put_json(control_shapes.queue_shape(machine, listed))
        else:
            talk.say(f"Run {short_id(view.run)}: comes before {short_id(other.id)} now.")


def _machine_of(fleet: "Fleet", machine: str) -> MachineView:
    return next(view for view in fleet.machines() if view.machine == machine)
