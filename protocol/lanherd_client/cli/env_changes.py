"""`lanherd env register`, `forget`, `remove`, `collect` and `repair`."""

import sys
from typing import NamedTuple

import click

from lanherd_client.cli import talk
from lanherd_client.cli.env_completion import (
    complete_known_environment,
    complete_registered,
    remember_environments,
)
from lanherd_client.cli.env_options import environment_argument
from lanherd_client.cli.env_picking import ASK_S, Held, one_holder
from lanherd_client.cli.env_shapes import environment_shape, short_environment
from lanherd_client.cli.options import (
    Duration,
    Size,
    json_option,
    machine_option,
    none_empty,
    not_empty,
    one_machine_option,
)
from lanherd_client.cli.picking import one_machine
from lanherd_client.cli.session import answered, complete, connected, home_of
from lanherd_client.cli.terminal import plain
from lanherd_client.environment_orders import ID_CHARS
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.environment_messages import EnvironmentRepaired, EnvironmentsCollected
from lanherd_protocol.errors import ErrorCode, error

TOLD_MAX = 10
REPAIR_S = 3600.0
"""Each file is read, and packages may be loaded again."""
_yes_option = click.option("--yes", "-y", is_flag=True, help="Don't ask.")


@click.command("register")
@click.argument("name", callback=not_empty)
@click.argument("path", callback=not_empty)
@one_machine_option
@json_option
@click.pass_context
def register_command(
    context: click.Context, name: str, path: str, machine: str | None, as_json: bool
) -> None:
    """Give a Python of a machine a name, so that runs can use it.

    PATH is that of an interpreter, or of a virtual environment, on the machine; Lanherd never
    changes it. 'lanherd run --environment NAME' runs in it.
    """
    complete(_register(context, name, path, machine, as_json))


async def _register(
    context: click.Context, name: str, path: str, machine: str | None, as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        details = await answered(fleet.register_environment(view.machine, name, path))
        remember_environments(home_of(context), [details])
    if as_json:
        talk.put_json(environment_shape(view, details))
    else:
        version = details.view.python_version
        talk.say(
            f"{plain(name)} on {plain(view.name)} is {plain(details.interpreter)},"
            f" Python {version}."
        )


@click.command("forget")
@click.argument("name", callback=not_empty, shell_complete=complete_registered)
@machine_option
@click.pass_context
def forget_command(context: click.Context, name: str, machine: str | None) -> None:
    """Forget a registered name; what is behind it stays as it is."""
    complete(_forget(context, name, machine))


async def _forget(context: click.Context, name: str, machine: str | None) -> None:
    async with connected(context) as fleet:
        held = await one_holder(fleet, machine, name)
        if held.details.state != "registered":
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"{name!r} is no registered name.",
                "Lanherd has built that environment itself.",
                f"Remove it with 'lanherd env remove {short_environment(held.details)}'.",
                refusal="not_registered",
                asked=name,
            )
        await answered(fleet.remove_environment(held.machine.machine, held.details.name))
    where = f"{plain(held.details.interpreter)} is as it was"
    talk.say(f"{plain(held.machine.name)} has no {plain(name)} any more; {where}.")


@click.command("remove")
@click.argument(
    "environments",
    metavar="ENV…",
    nargs=-1,
    required=True,
    callback=none_empty,
    shell_complete=complete_known_environment,
)
@machine_option
@_yes_option
@json_option
@click.pass_context
def remove_command(
    context: click.Context,
    environments: tuple[str, ...],
    machine: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove environments that were built.

    For the id of a build that failed, what is left of that. A run that needs one later builds it
    again; what a run needs now stays.
    """
    found = complete(_found(context, environments, machine))
    if not (yes or _agreed_to_remove(found)):
        talk.say("Nothing was removed.")
        return talk.FAILED
    return complete(_remove(context, found, as_json))


async def _found(
    context: click.Context, environments: tuple[str, ...], machine: str | None
) -> list[Held]:
    async with connected(context) as fleet:
        found = [await one_holder(fleet, machine, text) for text in environments]
    for held in found:
        if held.details.state == "registered":
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"{held.details.name} can't be removed.",
                "It is registered: somebody else's, and Lanherd never touches it.",
                f"Forget its name with 'lanherd env forget {held.details.name}'.",
                refusal="registered_not_removed",
                name=held.details.name,
            )
    return list({held.details.view.environment: held for held in found}.values())


def _agreed_to_remove(found: list[Held]) -> bool:
    size = format_size(sum(held.details.own_bytes for held in found))
    talk.say(f"To be removed, which frees {size}:")
    for held in found[:TOLD_MAX]:
        details = held.details
        source = f" from {plain(details.source)}" if details.source else ""
        talk.say(f"  {short_environment(details)} on {plain(held.machine.name)}{source}")
    if len(found) > TOLD_MAX:
        talk.say(f"  and {len(found) - TOLD_MAX} more.")
    return _agreed(f"Remove {'it' if len(found) == 1 else 'them'}?", "Nothing was removed")


def _agreed(question: str, nothing: str) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{nothing}: nobody can be asked here. Write --yes.")
    return click.confirm(question, err=True)


async def _remove(context: click.Context, found: list[Held], as_json: bool) -> int:
    freed = 0
    async with connected(context) as fleet:
        for held in found:
            removing = fleet.remove_environment(held.machine.machine, held.details.view.environment)
            freed += (await answered(removing, ASK_S)).bytes_freed
    if as_json:
        gone: list[str] = [held.details.view.environment for held in found]
        talk.put_json({"environments": [*gone], "bytes_freed": freed})
    else:
        talk.say(f"Removed {_count(len(found))}; {format_size(freed)} are free again.")
    return talk.OK


@click.command("collect")
@click.option("--age", "age_s", type=Duration(), help="What no run has used for so long, as 30d.")
@click.option(
    "--size",
    "size_bytes",
    type=Size(),
    help="The longest unused ones, until all take no more than this, such as 50GB.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@one_machine_option
@_yes_option
@json_option
@click.pass_context
def collect_command(
    context: click.Context,
    age_s: float | None,
    size_bytes: int | None,
    dry_run: bool,
    machine: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove what no run needs, by age or by size."""
    if age_s is None and size_bytes is None:
        raise click.UsageError("Say which: --age for unused ones, --size for what all may take.")
    bounds = _Bounds(age_s, size_bytes)
    if dry_run:
        view, plan = complete(_collect(context, machine, bounds, True))
        _put_collected(view, plan, "would be removed", as_json)
        return talk.OK
    if not yes:
        # The person has time to read and to answer: nothing is connected meanwhile.
        view, plan = complete(_collect(context, machine, bounds, True))
        if plan.environments and not _agreed_to_collect(view, plan):
            talk.say("Nothing was removed.")
            return talk.FAILED
    view, done = complete(_collect(context, machine, bounds, False))
    _put_collected(view, done, "are removed", as_json)
    return talk.OK


class _Bounds(NamedTuple):
    age_s: float | None
    size_bytes: int | None


async def _collect(
    context: click.Context, machine: str | None, bounds: _Bounds, dry_run: bool
) -> tuple[MachineView, EnvironmentsCollected]:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        collecting = fleet.collect_environments(
            view.machine, age_s=bounds.age_s, size_bytes=bounds.size_bytes, dry_run=dry_run
        )
        return view, await answered(collecting, ASK_S)


def _agreed_to_collect(machine: MachineView, plan: EnvironmentsCollected) -> bool:
    count, size = _count(len(plan.environments)), format_size(plan.bytes_freed)
    talk.say(f"{count} of {plain(machine.name)} would go, which frees {size}:")
    for environment in plan.environments[:TOLD_MAX]:
        talk.say(f"  {environment[:ID_CHARS]}")
    if len(plan.environments) > TOLD_MAX:
        talk.say(f"  and {len(plan.environments) - TOLD_MAX} more; --dry-run lists them.")
    return _agreed("Remove them?", "Nothing was removed")


def _put_collected(
    machine: MachineView, collected: EnvironmentsCollected, did: str, as_json: bool
) -> None:
    if as_json:
        talk.put_json(
            {
                "machine": machine.machine,
                "machine_name": machine.name,
                "environments": [*collected.environments],
                "bytes_freed": collected.bytes_freed,
            }
        )
        return
    for environment in collected.environments:
        talk.put_line(environment)
    count, size = _count(len(collected.environments)), format_size(collected.bytes_freed)
    talk.say(f"{count} {did}: {size}." if collected.environments else f"No environment {did}.")


def _count(environments: int) -> str:
    return "1 environment" if environments == 1 else f"{environments} environments"


@click.command("repair")
@environment_argument
@click.option("--dry-run", is_flag=True, help="Only compare; change nothing.")
@machine_option
@json_option
@click.pass_context
def repair_command(
    context: click.Context, environment: str, dry_run: bool, machine: str | None, as_json: bool
) -> int:
    """Mend damaged files of an environment.

    Its files are compared with what its packages say of them; what is damaged is installed again.
    """
    return complete(_repair(context, environment, dry_run, machine, as_json))


async def _repair(
    context: click.Context, environment: str, dry_run: bool, machine: str | None, as_json: bool
) -> int:
    async with connected(context) as fleet:
        held = await one_holder(fleet, machine, environment)
        repairing = fleet.repair_environment(
            held.machine.machine, held.details.view.environment, dry_run=dry_run
        )
        done = await answered(repairing, REPAIR_S)
    if as_json:
        talk.put_json(
            {
                "environment": held.details.view.environment,
                "machine": held.machine.machine,
                "files": done.files,
                "damaged": [*done.damaged],
                "repaired": done.repaired,
            }
        )
    else:
        _put_repaired(held, done)
    return talk.OK if done.repaired or not done.damaged else talk.FAILED


def _put_repaired(held: Held, done: EnvironmentRepaired) -> None:
    short = short_environment(held.details)
    for path in done.damaged:
        talk.put_line(path)
    if not done.damaged:
        talk.say(f"All {done.files} files of {short} are as they should be.")
    elif done.repaired:
        talk.say(
            f"{len(done.damaged)} of {done.files} files of {short} were damaged, and are whole."
        )
    else:
        talk.say(f"{len(done.damaged)} of {done.files} files of {short} are damaged.")
        talk.say(f"  'lanherd env repair {short}' mends them.")
