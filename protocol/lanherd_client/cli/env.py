"""`lanherd env`: the environments of the machines."""

import sys
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.env_changes import (
    collect_command,
    forget_command,
    register_command,
    remove_command,
    repair_command,
)
from lanherd_client.cli.env_completion import remember_environments
from lanherd_client.cli.env_options import environment_argument
from lanherd_client.cli.env_picking import ASK_S, Held, holders, one_holder
from lanherd_client.cli.env_shapes import (
    environment_shape,
    is_built,
    runs_text,
    shared_bytes,
    short_environment,
    size_text,
    used_text,
)
from lanherd_client.cli.env_work import build_command, run_command
from lanherd_client.cli.options import json_option, machine_option
from lanherd_client.cli.picking import chosen_machines, say_absent, say_none_paired
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.streaming import LogWriter
from lanherd_client.cli.terminal import one_line, plain
from lanherd_client.sizes import format_size
from lanherd_protocol.environment_messages import EnvironmentsShown
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import short_id

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.mirror import MachineView

_LISTED = (
    talk.Column("ENVIRONMENT", whole=True),
    talk.Column("MACHINE"),
    talk.Column("STATE"),
    talk.Column("PYTHON"),
    talk.Column("SIZE", right=True),
    talk.Column("SHARED", right=True),
    talk.Column("OWN", right=True),
    talk.Column("LAST USED"),
    talk.Column("NEEDED BY"),
    talk.Column("FROM"),
)
_PACKAGES = (talk.Column("PACKAGE"), talk.Column("VERSION"), talk.Column("SIZE", right=True))


@click.group("env")
def env_command() -> None:
    """Look after the environments of the machines.

    A machine builds an environment once, for all runs with the same lock. ENV is an environment's
    id, 4 or more characters of its beginning, or the name under which it is registered.
    """


@env_command.command("list")
@machine_option
@json_option
@click.pass_context
def list_command(context: click.Context, machine: str | None, as_json: bool) -> int:
    """List the environments of the machines.

    SIZE is what its files take; of that SHARED is in the machine's cache or other environments too,
    and removing it would free OWN.
    """
    return complete(_list(context, machine, as_json))


async def _list(context: click.Context, machine: str | None, as_json: bool) -> int:
    async with connected(context) as fleet:
        if not fleet.machines() and not as_json:
            say_none_paired(fleet)
            return talk.OK
        shown, code = await _shown(fleet, machine)
        remember_environments(
            home_of(context), (one for _, said in shown for one in said.environments)
        )
        if as_json:
            talk.put_json(
                [environment_shape(view, one) for view, said in shown for one in said.environments]
            )
        else:
            _put_list(shown)
            if machine is None:
                say_absent(fleet)
        return code


async def _shown(
    fleet: "Fleet", machine: str | None
) -> "tuple[list[tuple[MachineView, EnvironmentsShown]], int]":
    """What each machine has; of several, one that can't say it is told of and hinders no other."""
    shown, code = [], talk.OK
    views = chosen_machines(fleet, machine)
    for view in views:
        try:
            said = await answered(fleet.show_environments(view.machine), ASK_S)
        except LanherdError as problem:
            if len(views) == 1:
                raise
            talk.say_failure(problem.failure)
            code = talk.exit_code(problem.code)
        else:
            shown.append((view, said))
    return shown, code


def _put_list(shown: "list[tuple[MachineView, EnvironmentsShown]]") -> None:
    rows = [
        (
            short_environment(one),
            view.name,
            one.state,
            one.view.python_version,
            size_text(one, one.view.size_bytes),
            size_text(one, shared_bytes(one)),
            size_text(one, one.own_bytes),
            used_text(one, now()),
            runs_text(len(one.runs)) if one.runs else "",
            one.source,
        )
        for view, said in shown
        for one in said.environments
    ]
    if rows:
        talk.put_table(_LISTED, rows)
    for view, said in shown:
        name = plain(view.name)
        if not said.environments:
            talk.say(
                f"{name} has no environments yet. The first run of a project with a lock makes"
            )
            talk.say("  one; 'lanherd env build --project .' makes it now.")
        elif said.cache_bytes:
            talk.say(f"The cache of {name} holds {format_size(said.cache_bytes)}.")


@env_command.command("show")
@environment_argument
@machine_option
@json_option
@click.pass_context
def show_command(
    context: click.Context, environment: str, machine: str | None, as_json: bool
) -> None:
    """Show an environment with its packages."""
    complete(_show(context, environment, machine, as_json))


async def _show(
    context: click.Context, environment: str, machine: str | None, as_json: bool
) -> None:
    async with connected(context) as fleet:
        found = await holders(fleet, machine, environment)
    if as_json:
        talk.put_json([environment_shape(held.machine, held.details, True) for held in found])
        return
    for held in found:
        _put(held)


def _put(held: Held) -> None:
    details, view = held.details, held.details.view
    own = f"{size_text(details, details.own_bytes)} would be freed by removing it"
    talk.put_line(f"{short_environment(details)} on {held.machine.name}")
    talk.put_fields(
        (
            ("id", view.environment),
            ("state", details.state),
            ("problem", one_line(details.problem)),
            ("from", details.source),
            ("python", view.python_version),
            ("interpreter", details.interpreter),
            ("size", size_text(details, view.size_bytes)),
            ("shared", size_text(details, shared_bytes(details))),
            ("own", own if is_built(details) else ""),
            ("built", _built(held)),
            ("last used", used_text(details, now())),
            ("needed by", ", ".join(map(short_id, details.runs))),
            ("built from source", ", ".join(details.from_source)),
        )
    )
    if details.packages:
        talk.put_table(
            _PACKAGES,
            [
                (one.name, one.version, format_size(one.size_bytes) if one.size_bytes else "")
                for one in details.packages
            ],
        )
    if details.state == "failed":
        talk.say(f"'lanherd env log {short_environment(details)}' shows the log of its build.")


def _built(held: Held) -> str:
    view = held.details.view
    if not is_built(held.details):
        return ""
    return f"{words.moment(view.built_at)}, in {words.duration(view.build_seconds)}"


@env_command.command("log")
@environment_argument
@click.option("--follow", "-f", is_flag=True, help="Go on until its build is over.")
@machine_option
@click.pass_context
def log_command(
    context: click.Context, environment: str, follow: bool, machine: str | None
) -> None:
    """Print the log of an environment's build.

    A build that failed keeps its log too.
    """
    complete(_log(context, environment, follow, machine))


async def _log(context: click.Context, environment: str, follow: bool, machine: str | None) -> None:
    async with connected(context) as fleet:
        held = await one_holder(fleet, machine, environment)
        if held.details.state == "registered":
            talk.say(f"{plain(held.details.name)} is registered: it was never built.")
            return
        writer = LogWriter()
        chunks = fleet.environment_log(
            held.machine.machine, held.details.view.environment, follow=follow
        )
        anything = False
        async for data in chunks:
            anything = True
            await writer.write(data)
        await writer.finish()
        if not anything:
            talk.say("The log is empty: nothing was written to it so far.")


@env_command.command("freeze")
@environment_argument
@machine_option
@click.pass_context
def freeze_command(context: click.Context, environment: str, machine: str | None) -> None:
    """Print an environment's lock, a requirements file with hashes.

    As requirements.txt of a project it makes the same environment again, on any machine.
    """
    complete(_freeze(context, environment, machine))


async def _freeze(context: click.Context, environment: str, machine: str | None) -> None:
    async with connected(context) as fleet:
        held = await one_holder(fleet, machine, environment)
        frozen = fleet.freeze_environment(held.machine.machine, held.details.view.environment)
        lock = await answered(frozen, ASK_S)
    sys.stdout.buffer.write(lock)
    sys.stdout.buffer.flush()


for _verb in (
    build_command,
    run_command,
    register_command,
    forget_command,
    remove_command,
    collect_command,
    repair_command,
):
    env_command.add_command(_verb)
