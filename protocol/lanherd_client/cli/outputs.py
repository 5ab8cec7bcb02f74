"""`lanherd outputs` and `fetch`."""

from pathlib import Path

import click

from lanherd_client.cli import shapes, talk
from lanherd_client.cli.arriving import arriving
from lanherd_client.cli.options import (
    NamedPath,
    attempt_option,
    json_option,
    not_empty,
    run_argument,
)
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.sizes import format_size

_COLUMNS = (talk.Column("OUTPUT"), talk.Column("KIND"), talk.Column("SIZE", right=True))


@click.command("outputs")
@run_argument
@attempt_option
@json_option
@click.pass_context
def outputs_command(context: click.Context, run: str, attempt: int | None, as_json: bool) -> None:
    """List the files that a run has left in its outputs.

    That is what it wrote into the folder $LANHERD_OUTPUTS. 'lanherd fetch' brings one here.
    """
    complete(_outputs(context, run, attempt or 0, as_json))


async def _outputs(context: click.Context, text: str, attempt: int, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        listing = await answered(run.outputs(attempt))
    if as_json:
        talk.put_json(shapes.outputs_shape(run.id, listing))
        return
    if not listing.entries and not listing.unlisted:
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
    if listing.unlisted:
        talk.say(
            f"{listing.unlisted} more can't be listed: what is no file, folder or link, has a name "
            "that is no text, or is a folder that can't be read."
        )


@click.command("fetch")
@run_argument
@click.argument("path", callback=not_empty)
@click.option(
    "--output",
    "-o",
    "to",
    type=NamedPath(),
    default=Path(),
    help="A folder to put it in, or the file's new name. [the current folder]",
)
@click.option("--force", is_flag=True, help="Write over a file of that name.")
@attempt_option
@click.pass_context
def fetch_command(
    context: click.Context, run: str, path: str, to: Path, force: bool, attempt: int | None
) -> None:
    """Bring an output of a run here, and print where it is.

    PATH is as 'lanherd outputs' lists it. A fetch that was cut goes on where it was.
    """
    complete(_fetch(context, run, path, to, force, attempt or 0))


async def _fetch(
    context: click.Context, text: str, path: str, to: Path, force: bool, attempt: int
) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        with arriving() as progress:
            target = await run.fetch(path, to, attempt=attempt, overwrite=force, progress=progress)
    talk.put_line(str(target))
