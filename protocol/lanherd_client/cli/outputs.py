"""`lanherd outputs` and `fetch`."""

import sys
from pathlib import Path

import click

from lanherd_client.cli import shapes, talk
from lanherd_client.cli.options import json_option, run_argument
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.sizes import format_size

_COLUMNS = (talk.Column("OUTPUT"), talk.Column("KIND"), talk.Column("SIZE", right=True))


@click.command("outputs")
@run_argument
@json_option
@click.pass_context
def outputs_command(context: click.Context, run: str, as_json: bool) -> None:
    """List the files that a run has left."""
    complete(_outputs(context, run, as_json))


async def _outputs(context: click.Context, text: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        listing = await answered(run.outputs())
    if as_json:
        talk.put_json(shapes.outputs_shape(run.id, listing))
        return
    if not listing.entries:
        talk.say("The run has left no outputs.")
        return
    talk.put_table(
        _COLUMNS,
        [
            (
                entry.path,
                entry.kind,
                "" if entry.kind == "directory" else format_size(entry.size_bytes),
            )
            for entry in listing.entries
        ],
    )
    if listing.truncated:
        talk.say("There are more outputs than a listing holds.")


@click.command("fetch")
@run_argument
@click.argument("path")
@click.option(
    "--output",
    "-o",
    "to",
    type=click.Path(path_type=Path),
    default=Path(),
    help="A folder, or the file's new name; the current folder when left out.",
)
@click.pass_context
def fetch_command(context: click.Context, run: str, path: str, to: Path) -> None:
    """Bring an output PATH of a run to this machine, and print where it is."""
    complete(_fetch(context, run, path, to))


async def _fetch(context: click.Context, text: str, path: str, to: Path) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        target = await run.fetch(path, to, progress=_say_progress if _watched() else None)
        if _watched():
            talk.say("")
    talk.put_line(str(target))


def _watched() -> bool:
    return sys.stderr.isatty()


def _say_progress(done_bytes: int, total_bytes: int) -> None:
    line = f"\r{format_size(done_bytes)} of {format_size(total_bytes)}   "
    print(line, end="", file=sys.stderr, flush=True)
