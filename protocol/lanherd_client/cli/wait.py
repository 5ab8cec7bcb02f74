"""`lanherd wait`."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.bulk import shape_of
from lanherd_client.cli.completion import complete_run, complete_sweep
from lanherd_client.cli.options import Duration, json_option, not_empty
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.streaming import told_link
from lanherd_client.cli.terminal import one_line, plain
from lanherd_client.durations import format_duration
from lanherd_client.mirror import RunRecord
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import Ended, RunView

if TYPE_CHECKING:
    from lanherd_client.run import Run


@click.command("wait")
@click.argument("runs", metavar="[RUN…]", nargs=-1, shell_complete=complete_run)
@click.option(
    "--sweep",
    metavar="NAME",
    callback=not_empty,
    shell_complete=complete_sweep,
    help="In place of RUN: all runs of this sweep.",
)
@click.option(
    "--timeout", "timeout_s", type=Duration(), help="Give up after this, such as 2h. [never]"
)
@json_option
@click.pass_context
def wait_command(
    context: click.Context,
    runs: tuple[str, ...],
    sweep: str | None,
    timeout_s: float | None,
    as_json: bool,
) -> int:
    """Wait until runs have ended, all attempts included.

    Exit code 0 when all of them succeeded, 1 when one did not, 3 when the time was over first. The
    runs go on when this command ends.
    """
    if sweep is None and not runs:
        raise click.UsageError("Name runs, or a sweep with --sweep.")
    if sweep is not None and runs:
        raise click.UsageError("Runs are named, or all of a --sweep are meant: not both at once.")
    if sweep is not None:
        from lanherd_client.cli.sweep_look import wait_for_sweep

        return complete(wait_for_sweep(context, sweep, None, timeout_s, as_json))
    return complete(_wait(context, runs, timeout_s, as_json))


async def _wait(
    context: click.Context, texts: tuple[str, ...], timeout_s: float | None, as_json: bool
) -> int:
    async with connected(context) as fleet:
        # Found before any is waited for: a slip in the last name is said at once.
        runs = [await answered(fleet.run(text)) for text in dict.fromkeys(texts)]
        waiting: Awaitable[list[RunView]] = _ended(runs, timeout_s, as_json)
        for machine in fleet.machines():
            if any(run.machine == machine.machine for run in runs):
                waiting = told_link(fleet, machine, waiting)
        views = await waiting
        if as_json:
            pairs = zip(runs, views, strict=True)
            every = [shape_of(fleet, RunRecord(run.machine, view)) for run, view in pairs]
            talk.put_json(every[0] if len(every) == 1 else [*every])
    return talk.OK if all(map(_succeeded, views)) else talk.FAILED


async def _ended(runs: "list[Run]", timeout_s: float | None, as_json: bool) -> list[RunView]:
    async def wait(run: "Run") -> RunView:
        view = await run.wait()
        if not as_json:
            _put_end(view)
        return view

    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.gather(*map(wait, runs))
    except TimeoutError as problem:
        raise error(
            ErrorCode.TIMED_OUT,
            f"Not all runs have ended within {format_duration(timeout_s or 0)}.",
            "They go on.",
            "See 'lanherd runs --state live' and '--state waiting', or wait again.",
        ) from problem


def _put_end(view: RunView) -> None:
    name = f" ({plain(view.spec.name)})" if view.spec.name else ""
    why = words.reason_text(view.state)
    ended = words.state_word(view.state)
    talk.put_line(f"{short_id(view.run)}{name}  {ended}{f'  {one_line(why)}' if why else ''}")


def _succeeded(view: RunView) -> bool:
    return isinstance(view.state, Ended) and view.state.outcome == "succeeded"
