"""`lanherd sweep status`, `list`, `stop` and `wait`."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.change import Stop, stop_chosen, stop_options
from lanherd_client.cli.completion import complete_sweep
from lanherd_client.cli.options import Duration, json_option, machine_option, not_empty
from lanherd_client.cli.picking import say_absent
from lanherd_client.cli.selecting import Chosen
from lanherd_client.cli.session import ANSWER_S, answered, complete, connected, now
from lanherd_client.cli.streaming import told_link
from lanherd_client.cli.terminal import one_line, plain
from lanherd_client.durations import format_duration
from lanherd_client.sweeps.comparing import has_failed
from lanherd_client.sweeps.progress import WORDS, SweepProgress, progress_of
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import RunView

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.sweeps.sweep import Sweep

Result = TypeVar("Result")

LISTING_S = 4 * ANSWER_S
"""A machine that remembers many runs has many pages."""
ILL_SHOWN_MAX = 20
_UNITS = (("a second", 1), ("a minute", 60), ("an hour", 3600))
_COLUMNS = (
    talk.Column("SWEEP"),
    talk.Column("RUNS", right=True),
    *(talk.Column(word.replace("_", " ").upper(), right=True) for word in WORDS),
    talk.Column("LEFT", right=True),
)

_name_argument = click.argument(
    "name", metavar="NAME", callback=not_empty, shell_complete=complete_sweep
)


@click.command("status")
@_name_argument
@machine_option
@json_option
@click.pass_context
def status_command(context: click.Context, name: str, machine: str | None, as_json: bool) -> None:
    """Show how far a sweep is.

    Its runs by state, how many end in which time, and how long the rest takes at that rate. Of
    a run that was started again only the last counts.
    """
    complete(_status(context, name, machine, as_json))


async def _status(context: click.Context, name: str, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        sweep = await answered(fleet.find_sweep(name, machine), LISTING_S)
        views = [record.view for record in await answered(sweep.records(), LISTING_S)]
        progress = progress_of(name, views, now())
        if as_json:
            talk.put_json(progress_shape(progress) | {"machines": [*sweep.machines]})
            return
        homes = [view.name for view in fleet.machines() if view.machine in sweep.machines]
        talk.put_fields([("sweep", name), ("on", ", ".join(homes)), *_fields(progress)])
        _put_ill(views)
        say_absent(fleet)


@click.command("list")
@machine_option
@json_option
@click.pass_context
def list_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """List your sweeps, newest first."""
    complete(_list(context, machine, as_json))


async def _list(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        sweeps = await answered(fleet.sweeps(machine), LISTING_S)
        if as_json:
            talk.put_json([progress_shape(progress) for progress in sweeps])
        elif sweeps:
            talk.put_table(_COLUMNS, [_row(progress) for progress in sweeps])
        else:
            talk.say("No sweeps.")
        say_absent(fleet)


@click.command("stop")
@_name_argument
@stop_options
@machine_option
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@json_option
@click.pass_context
def stop_command(
    context: click.Context, name: str, how: Stop, machine: str | None, yes: bool, as_json: bool
) -> int:
    """Stop all runs of a sweep.

    As 'lanherd stop --sweep NAME'. Those that wait go first, so that none of them starts in the
    room that another leaves.
    """
    return stop_chosen(context, Chosen((), sweep=name, machine=machine, yes=yes), how, as_json)


@click.command("wait")
@_name_argument
@click.option(
    "--timeout", "timeout_s", type=Duration(), help="Give up after this, such as 2h. [never]"
)
@machine_option
@json_option
@click.pass_context
def wait_command(
    context: click.Context,
    name: str,
    timeout_s: float | None,
    machine: str | None,
    as_json: bool,
) -> int:
    """Wait until all runs of a sweep have ended.

    All their attempts included. Exit code 0 when all of them succeeded, 1 when one did not, 3
    when the time was over first.
    """
    return complete(wait_for_sweep(context, name, machine, timeout_s, as_json))


async def wait_for_sweep(
    context: click.Context,
    name: str,
    machine: str | None,
    timeout_s: float | None,
    as_json: bool,
) -> int:
    """Waits for a sweep, and tells the ends that are not well as they come; the exit code."""
    async with connected(context) as fleet:
        sweep = await answered(fleet.find_sweep(name, machine), LISTING_S)
        try:
            async with asyncio.timeout(timeout_s):
                views = await _linked(fleet, sweep, sweep.wait(None if as_json else _put_if_ill))
        except TimeoutError as problem:
            raise error(
                ErrorCode.TIMED_OUT,
                f"The sweep {name!r} has not ended within {format_duration(timeout_s or 0)}.",
                "It goes on.",
                f"See 'lanherd sweep status {name!r}', or wait again.",
                sweep=name,
            ) from problem
        progress = progress_of(name, views, now())
        if as_json:
            talk.put_json(progress_shape(progress) | {"machines": [*sweep.machines]})
        else:
            talk.put_line(f"{name}: {_counted(progress)}")
    return talk.OK if progress.succeeded else talk.FAILED


def progress_shape(progress: SweepProgress) -> shapes.Object:
    """How far a sweep is."""
    return {
        "sweep": progress.name,
        "submitted_at": progress.submitted_at,
        "runs": progress.total,
        "ended": progress.ended,
        "succeeded": progress.succeeded,
        "counts": {word: progress.counts[word] for word in WORDS},
        "rate_per_s": progress.rate_per_s,
        "eta_s": progress.eta_s,
    }


async def _linked(fleet: "Fleet", sweep: "Sweep", work: Awaitable[Result]) -> Result:
    """Does the work while it is told that it waits for one of the sweep's machines."""
    for machine in fleet.machines():
        if machine.machine in sweep.machines:
            work = told_link(fleet, machine, work)
    return await work


def _fields(progress: SweepProgress) -> list[tuple[str, str]]:
    counts = progress.counts
    states = [(word.replace("_", " "), str(counts[word] or "")) for word in WORDS]
    rate, eta_s = progress.rate_per_s, progress.eta_s
    return [
        ("runs", str(progress.total)),
        *states,
        ("rate", "" if rate is None else _rate_words(rate)),
        ("left", "" if eta_s is None else f"about {words.duration(eta_s)}"),
    ]


def _rate_words(rate_per_s: float) -> str:
    for unit, seconds in _UNITS:
        if rate_per_s * seconds >= 1:
            return f"{rate_per_s * seconds:.1f} {unit}"
    return f"one in {words.duration(1 / rate_per_s)}"


def _row(progress: SweepProgress) -> list[str]:
    return [
        progress.name,
        str(progress.total),
        *(str(progress.counts[word] or "") for word in WORDS),
        "" if progress.eta_s is None else words.duration(progress.eta_s),
    ]


def _counted(progress: SweepProgress) -> str:
    said = [
        f"{progress.counts[word]} {word.replace('_', ' ')}"
        for word in WORDS
        if progress.counts[word]
    ]
    return ", ".join(said)


def _put_ill(views: Sequence[RunView]) -> None:
    ill = [view for view in views if has_failed(view)]
    for view in ill[:ILL_SHOWN_MAX]:
        _put_end(view)
    if len(ill) > ILL_SHOWN_MAX:
        talk.say(f"And {len(ill) - ILL_SHOWN_MAX} more that did not succeed.")


def _put_if_ill(view: RunView) -> None:
    if has_failed(view):
        _put_end(view)


def _put_end(view: RunView) -> None:
    why = one_line(words.reason_text(view.state))
    word = words.state_word(view.state)
    talk.put_line(f"{short_id(view.run)} ({plain(view.spec.name)})  {word}  {why}")
