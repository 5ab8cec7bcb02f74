"""`lanherd version`."""

import click

from lanherd_client.cli import talk
from lanherd_client.cli.shapes import Json
from lanherd_protocol import __version__
from lanherd_protocol.messages import PROTOCOL_MAX, PROTOCOL_MIN


def version_line() -> str:
    """What `lanherd version` and `lanherd --version` print."""
    return f"lanherd {__version__} (protocol {PROTOCOL_MIN} to {PROTOCOL_MAX})"


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version_command(as_json: bool) -> None:
    """Print the version, and that of the protocol."""
    if as_json:
        protocol: dict[str, Json] = {"min": PROTOCOL_MIN, "max": PROTOCOL_MAX}
        talk.put_json({"version": __version__, "protocol": protocol})
    else:
        talk.put_line(version_line())
