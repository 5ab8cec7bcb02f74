"""`lanherd pair` and `forget`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lanherd_client.choosing import find_machine
from lanherd_client.cli import talk
from lanherd_client.cli.completion import complete_machine
from lanherd_client.cli.options import NamedPath
from lanherd_client.cli.session import answered, complete, connected, home_of
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView, Refused
from lanherd_protocol.errors import ErrorCode, error

if TYPE_CHECKING:
    from lanherd_client.discovery import Sighting
    from lanherd_client.fleet import Fleet


@click.command("pair")
@click.argument("name", required=False)
@click.option(
    "--socket",
    type=NamedPath(),
    help="The Unix socket of the agent, where it isn't seen by itself.",
)
@click.pass_context
def pair_command(context: click.Context, name: str | None, socket: Path | None) -> None:
    """Pair with an agent of this machine.

    NAME is the name of the agent; it may be left out where only one is seen here.
    """
    if name == "":
        raise click.UsageError("The name is empty.")
    if name is not None and socket is not None:
        raise click.UsageError("Name the agent or its socket, not both.")
    complete(_pair(context, name, socket.absolute() if socket is not None else None))


async def _pair(context: click.Context, name: str | None, socket: Path | None) -> None:
    async with connected(context) as fleet:
        before = {known.machine for known in fleet.machines()}
        if socket is not None:
            view = await answered(fleet.pair_socket(socket))
        else:
            view = await answered(fleet.pair(_choose(fleet, name)))
        others = [
            known.machine
            for known in fleet.machines()
            if known.name == view.name and known.machine != view.machine
        ]
    talk.put_line(view.name)
    if view.machine in before:
        talk.say(f"Was already paired with {plain(view.name)}; the pairing is renewed.")
    else:
        talk.say(f"Paired with {plain(view.name)}. See 'lanherd machines'.")
    for other in others:
        talk.say(f"Another {plain(view.name)} stays paired: an agent with a new id is a new one.")
        talk.say(f"  If this one took its place: 'lanherd forget {other[:12]}'.")


@click.command("forget")
@click.argument("machine", metavar="MACHINE", shell_complete=complete_machine)
@click.pass_context
def forget_command(context: click.Context, machine: str) -> None:
    """Drop the pairing with a machine.

    MACHINE is its name, its id, or the beginning of either. Its runs go on.
    """
    if not machine:
        raise click.UsageError("The machine's name is empty.")
    complete(_forget(context, machine))


async def _forget(context: click.Context, machine: str) -> None:
    from lanherd_client.fleet import Fleet

    # Nothing is asked of the machine: it may be gone for ever.
    async with Fleet.open(home_of(context)) as fleet:
        view = find_machine(fleet.machines(), machine)
        await fleet.forget(view.machine)
    talk.put_line(view.machine)
    talk.say(f"Forgot {plain(view.name)} ({view.machine[:12]}). Its runs go on.")
    talk.say("  'lanherd pair' pairs with it again.")


def _is_unknown_to(machine: MachineView) -> bool:
    """Whether the machine says that it isn't paired with us: its records may have been lost."""
    link = machine.link
    return isinstance(link, Refused) and link.failure.code is ErrorCode.NOT_PAIRED


def _choose(fleet: "Fleet", name: str | None) -> "Sighting":
    # A machine may be paired again: its agent may have lost the pairing.
    seen = fleet.sightings(unpaired_only=False)
    if name is not None:
        seen = tuple(s for s in seen if s.name == name or s.machine.startswith(name))
    else:
        paired = {known.machine for known in fleet.machines() if not _is_unknown_to(known)}
        seen = tuple(s for s in seen if s.machine not in paired)
    if len(seen) == 1:
        return seen[0]
    if seen:
        names = ", ".join(f"{sighting.name} ({sighting.machine[:12]})" for sighting in seen)
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"{len(seen)} agents may be meant.",
            f"They are: {names}.",
            "Write the name or the beginning of the id: 'lanherd pair NAME'.",
        )
    raise error(
        ErrorCode.NOT_FOUND,
        "No unpaired agent is seen on this machine."
        if name is None
        else f"No agent '{name}' is seen on this machine.",
        "None advertises itself here.",
        "Start one with 'lanherd-agent serve', or name its socket with --socket.",
    )
