"""`lanherd logs`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

import click

from lanherd_client.cli.options import json_option, run_argument
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.streaming import JsonLogWriter, LogWriter, told

if TYPE_CHECKING:
    from lanherd_client.run import LogChunk, Run

OFFSET_MAX, ATTEMPT_MAX = (1 << 62), (1 << 31) - 1
PAGE_BYTES = 4 * 1024 * 1024
Source = Literal["run", "build"]


@click.command("logs")
@run_argument
@click.option("--follow", "-f", is_flag=True, help="Go on until the run's log is complete.")
@click.option("--offset", type=click.IntRange(0, OFFSET_MAX), default=0, help="Begin at this byte.")
@click.option(
    "--attempt", type=click.IntRange(1, ATTEMPT_MAX), help="An earlier attempt of the run."
)
@click.option("--build", is_flag=True, help="The log of its environment's build instead.")
@json_option
@click.pass_context
def logs_command(
    context: click.Context,
    run: str,
    follow: bool,
    offset: int,
    attempt: int | None,
    build: bool,
    as_json: bool,
) -> None:
    """Print what a run has written.

    RUN is its id, a part of it, or its name.
    """
    complete(_logs(context, run, follow, offset, attempt or 0, build, as_json))


async def _logs(
    context: click.Context,
    text: str,
    follow: bool,
    offset: int,
    attempt: int,
    build: bool,
    as_json: bool,
) -> None:
    source: Source = "build" if build else "run"
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        if follow:
            chunks = run.follow(offset, attempt=attempt, source=source)
            await told(fleet, run, copy_log(chunks, as_json))
        else:
            await copy_log(_pages(run, offset, attempt, source), as_json)


async def _pages(
    run: "Run", offset: int, attempt: int, source: Source
) -> "AsyncIterator[LogChunk]":
    while True:
        chunk = await answered(run.read_log(offset, PAGE_BYTES, attempt=attempt, source=source))
        yield chunk
        offset += len(chunk.data)
        # The same attempt to the end, though a newer one may begin meanwhile.
        attempt = chunk.attempt
        if len(chunk.data) < PAGE_BYTES:
            return


async def copy_log(chunks: "AsyncIterator[LogChunk]", as_json: bool) -> None:
    """Writes a log to stdout as it comes."""
    if as_json:
        json_lines = JsonLogWriter()
        async for chunk in chunks:
            json_lines.write(chunk)
        json_lines.finish()
        return
    writer = LogWriter()
    async for chunk in chunks:
        await writer.write(chunk.data)
    await writer.finish()
