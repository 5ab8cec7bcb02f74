"""`lanherd pair`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import talk
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.terminal import plain
from lanherd_protocol.errors import ErrorCode, error

if TYPE_CHECKING:
    from lanherd_client.discovery import Sighting
    from lanherd_client.fleet import Fleet


@click.command("pair")
@click.argument("name", required=False)
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The Unix socket of the agent, where it isn't seen by itself.",
)
@click.pass_context
def pair_command(context: click.Context, name: str | None, socket: Path | None) -> None:
    """Pair with an agent of this machine: NAME is one that is seen; may be left out for one."""
    if name is not None and socket is not None:
        raise click.UsageError("Name the agent or its socket, not both.")
    complete(_pair(context, name, socket.absolute() if socket is not None else None))


async def _pair(context: click.Context, name: str | None, socket: Path | None) -> None:
    async with connected(context) as fleet:
        if socket is not None:
            view = await answered(fleet.pair_socket(socket))
        else:
            view = await answered(fleet.pair(_choose(fleet, name)))
    talk.put_line(view.name)
    talk.say(f"Paired with {plain(view.name)}. See 'lanherd machines'.")


def _choose(fleet: "Fleet", name: str | None) -> "Sighting":
    # A machine may be paired again: its agent may have lost the pairing.
    seen = fleet.sightings(unpaired_only=name is None)
    if name is not None:
        seen = tuple(s for s in seen if s.name == name or s.machine.startswith(name))
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
