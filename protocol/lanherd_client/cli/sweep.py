"""`lanherd sweep`: many runs of one command, from a sheet or a grid."""

import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lanherd_client.cli import talk
from lanherd_client.cli.completion import remember
from lanherd_client.cli.env_options import environment_options, environment_said
from lanherd_client.cli.options import (
    gpu_options,
    json_option,
    machine_named,
    not_empty,
    on_option,
    project_option,
)
from lanherd_client.cli.run_options import check_retries, options_of, run_options
from lanherd_client.cli.session import complete, connected, home_of
from lanherd_client.cli.start import PushTalk, machines_said, runs_found
from lanherd_client.cli.streaming import told_link
from lanherd_client.cli.sweep_look import (
    list_command,
    status_command,
    stop_command,
    wait_command,
)
from lanherd_client.cli.sweep_preview import show_runs, sweep_shape
from lanherd_client.cli.terminal import plain
from lanherd_client.orders import KINDS
from lanherd_client.sizes import exact_size
from lanherd_client.sweeps.comparing import key_of_view, summary
from lanherd_client.sweeps.grids import grid_table
from lanherd_client.sweeps.options import SweepOptions, SweepOrder, sweep_order
from lanherd_client.sweeps.reading import read_sheet
from lanherd_client.sweeps.table import Table
from lanherd_protocol.errors import ErrorCode, LanherdError

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.run import Run
    from lanherd_client.sweeps.draft import SweepDraft

_TEMPLATE = "lanherd.template"
_ABSENT = (ErrorCode.NOT_FOUND, ErrorCode.UNREACHABLE)


class _SendCommand(click.Command):
    """What follows `--` is the command's template, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_TEMPLATE] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND…]"]


class _SweepGroup(click.Group):
    """`lanherd sweep FILE` is `lanherd sweep send FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_verb(args, ctx.help_option_names))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, self._with_verb(args, []))

    def _with_verb(self, args: list[str], known: list[str]) -> list[str]:
        if not args or args[0] in self.commands or args[0] in known:
            return args
        return ["send", *args]


@click.group("sweep", cls=_SweepGroup)
def sweep_command() -> None:
    """Submit a sheet or grid of runs, and look after them.

    'lanherd sweep FILE' is short for 'lanherd sweep send FILE'.
    """


@sweep_command.command("send", cls=_SendCommand)
@click.argument("sources", metavar="[FILE]", nargs=-1)
@click.option("--sheet", callback=not_empty, help="Which sheet of an Excel file. [the first]")
@click.option(
    "--grid",
    "axes",
    multiple=True,
    metavar="NAME=VALUES…",
    help="Instead of a file every combination, such as --grid lr=1e-3,1e-4 seed=0..9.",
)
@click.option(
    "--name",
    callback=not_empty,
    help="The sweep's name: under it, only what is new is sent. [the file's, the axes']",
)
@project_option
@gpu_options("each")
@machine_named("Where it shall run. [where the sweep is, or where it can start soonest]")
@on_option("Any one of these machines: where it is, or can start soonest.")
@environment_options
@run_options
@click.option("--dry-run", is_flag=True, help="Only show what would be sent.")
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@json_option
@click.pass_context
def send_command(context: click.Context, /, dry_run: bool, yes: bool, **said: Any) -> int:
    """Submit a run for each row of a sheet, or point of a grid.

    FILE is an .xlsx or .csv file whose first row names its columns.

    COMMAND and the values of --env are templates: {lr} is the value of the column lr, {{ and }}
    are braces. No shell reads them, and a value stays within its argument.

    Columns with a meaning of their own: name, command (in place of COMMAND), times (how often;
    {times_index} counts from 1), done (x: leave it out), priority, gpus (2 or 1..4), vram (20GB).

    A sheet that is sent again adds what is new: a run is known by its command, its variables and
    what it asks for. All that is wrong is said first, and nothing is sent then.

    Sizes have a unit (500MB, 2GB; 1 GB is 1024 MB), durations too (90s, 45m, 2h30m; a bare number
    is seconds). In [brackets] is what holds when an option is left out.
    """
    check_retries(said)
    table, usual_name = _table(said["sources"], said["axes"], said["sheet"])
    template = context.meta.get(_TEMPLATE, ())
    asked = _Asked(table, said["name"] or usual_name, _options(said, template))
    # All that is wrong with it is said before any machine is asked.
    order = asked.order(dict.fromkeys(KINDS, ()))
    if not (dry_run or yes or sys.stdin.isatty()):
        raise click.UsageError("Nobody can be asked here. Write --yes to send it, or --dry-run.")
    for warning in order.plan.warnings:
        talk.say(f"Warning: {plain(warning)}")
    how = _How(dry_run, yes, said["as_json"])
    if how.yes and not how.dry_run:
        return complete(_send(context, asked, how))
    # The person has time to read and to answer: nothing is connected meanwhile.
    draft = complete(_drafted(context, asked, order, how))
    if draft is not None:
        _show(draft, how)
    if how.dry_run or draft is None:
        return talk.OK
    if draft.comparison.new and not _agreed(len(draft.comparison.new)):
        talk.say("Nothing was sent.")
        return talk.FAILED
    return complete(_send(context, asked, how))


@dataclass(frozen=True, slots=True)
class _How:
    dry_run: bool
    yes: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    table: Table
    name: str
    options: SweepOptions = field(repr=False)

    def order(self, more: dict[str, Any]) -> SweepOrder:
        options: Any = {**self.options, **more}
        return sweep_order(self.table, self.name, **options)


def _table(sources: tuple[str, ...], axes: tuple[str, ...], sheet: str | None) -> tuple[Table, str]:
    """The table that is meant, and what a sweep of it is called."""
    if axes:
        if sheet is not None:
            raise click.UsageError("--sheet is for a file, and --grid takes its place.")
        texts = (*axes, *sources)
        names = [text.partition("=")[0].strip() for text in texts]
        return grid_table(texts), f"grid {' '.join(names)}"
    if not sources:
        raise click.UsageError("Name a file, or write --grid NAME=VALUES.")
    if len(sources) > 1:
        raise click.UsageError(
            f"{plain(sources[1])!r} is one too many. Write one file, and -- before the command."
        )
    path = Path(sources[0])
    return read_sheet(path, sheet), path.stem


def _options(said: dict[str, Any], template: tuple[str, ...]) -> SweepOptions:
    options: Any = {
        **options_of(said),
        "command": template,
        "variables": said["variables"],
        "gpus": said["gpus"],
        "vram": exact_size(said["vram"]),
        "exclusive": said["exclusive"],
        "project": said["project"],
        "machine": machines_said(said["machine"], said["on"]),
        "environment": environment_said(said),
    }
    taken: SweepOptions = options
    return taken


async def _drafted(
    context: click.Context, asked: _Asked, order: SweepOrder, how: _How
) -> "SweepDraft | None":
    """The sweep beside what is there. A dry run goes on where no machine can be asked."""
    async with connected(context) as fleet:
        try:
            found, _ = await runs_found(fleet, asked.options)
            return await _draft(fleet, asked, {**found})
        except LanherdError as problem:
            if not how.dry_run or problem.code not in _ABSENT:
                raise
            _show_alone(order, problem, how)
            return None


async def _draft(fleet: "Fleet", asked: _Asked, found: dict[str, Any]) -> "SweepDraft":
    """Compares the sweep with what is there."""
    from lanherd_client.sweeps.draft import draft_sweep

    return await draft_sweep(fleet, asked.order(found))


def _show_alone(order: SweepOrder, problem: LanherdError, how: _How) -> None:
    talk.say(f"Compared with nothing that may be there already: {plain(problem.failure.title)}")
    if how.as_json:
        talk.put_json(sweep_shape(order.plan, None, None, None))
    else:
        show_runs(order.plan.runs)


def _show(draft: "SweepDraft", how: _How) -> None:
    if how.as_json and how.dry_run:
        talk.put_json(sweep_shape(draft.plan, draft.comparison, draft.choice.machine, None))
    elif draft.comparison.new and not how.as_json:
        show_runs(draft.comparison.new)
    _say_draft(draft)


def _say_draft(draft: "SweepDraft") -> None:
    talk.say(f"Sweep {plain(draft.plan.name)} goes to {plain(draft.choice.reason)}")
    for line in summary(draft.plan, draft.comparison):
        talk.say(line)


def _agreed(count: int) -> bool:
    runs = "this run" if count == 1 else f"these {count} runs"
    return click.confirm(f"Send {runs}?", err=True)


async def _send(context: click.Context, asked: _Asked, how: _How) -> int:
    push = PushTalk()
    async with connected(context) as fleet:
        found, _ = await runs_found(fleet, asked.options)
        draft = await _draft(fleet, asked, {**found, "progress": push})
        remember(home_of(context), fleet.machines(), fleet.runs())
        if how.yes:
            _say_draft(draft)
        try:
            _, taken = await told_link(fleet, draft.choice.machine, draft.send())
        except asyncio.CancelledError:
            if push.asked:
                talk.say(
                    "The machine may have taken the sweep, or not. Sent again, nothing of it is"
                    " taken twice."
                )
            raise
        _put_sent(draft, taken, how)
        return talk.OK


def _put_sent(draft: "SweepDraft", taken: "Sequence[Run]", how: _How) -> None:
    name = draft.plan.name
    if taken:
        talk.say(f"{len(taken)} {'run was' if len(taken) == 1 else 'runs were'} taken.")
        talk.say(f"  'lanherd sweep status {shlex.quote(name)}' tells how far it is.")
    else:
        talk.say("Nothing new: nothing was sent.")
    if how.as_json:
        views = [view for run in taken if (view := run.view) is not None]
        sent = {key_of_view(view): view.run for view in views}
        talk.put_json(sweep_shape(draft.plan, draft.comparison, draft.choice.machine, sent))
    else:
        talk.put_line(name)


for _verb in (status_command, list_command, stop_command, wait_command):
    sweep_command.add_command(_verb)
