"""`lanherd runs`, `show` and `stop`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.completion import remember
from lanherd_client.cli.look import chosen_machines, say_none_paired
from lanherd_client.cli.options import json_option, machine_option, run_argument
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.shapes import is_simulated
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import RunRecord
from lanherd_protocol.ids import short_id
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.states import Ended, StateName, lease_of
from lanherd_protocol.values import GpuRequest, LockedEnvironment

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

_STATES: dict[str, tuple[StateName, ...]] = {
    "waiting": ("queued", "preparing"),
    "live": ("starting", "running", "stopping"),
    "queued": ("queued",),
    "preparing": ("preparing",),
    "starting": ("starting",),
    "running": ("running",),
    "stopping": ("stopping",),
    "ended": ("ended",),
}
_COLUMNS = (
    talk.Column("RUN", whole=True),
    talk.Column("STATE"),
    talk.Column("NAME"),
    talk.Column("MACHINE"),
    talk.Column("GPUS"),
    talk.Column("TIME", right=True),
    talk.Column("WHY"),
)


@click.command("runs")
@click.option(
    "--state",
    "states",
    type=click.Choice(list(_STATES)),
    multiple=True,
    help="Only runs in this state; may be given more than once.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, RUN_LIST_PAGE_MAX),
    default=50,
    show_default=True,
    help="At most so many, the newest.",
)
@machine_option
@json_option
@click.pass_context
def runs_command(
    context: click.Context,
    states: tuple[str, ...],
    limit: int,
    machine: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first, and why one waits or failed."""
    complete(_runs(context, states, limit, machine, as_json))


async def _runs(
    context: click.Context,
    states: tuple[str, ...],
    limit: int,
    machine: str | None,
    as_json: bool,
) -> None:
    wanted = tuple(dict.fromkeys(state for name in states for state in _STATES[name]))
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        pages = await asyncio.gather(
            *(answered(fleet.list_runs(v.machine, states=wanted, limit=limit)) for v in views)
        )
        records = [
            RunRecord(view.machine, run)
            for view, page in zip(views, pages, strict=True)
            for run in page.runs
        ]
        records.sort(key=lambda r: (r.view.submitted_at, r.view.run), reverse=True)
        more = len(records) > limit or any(page.more for page in pages)
        del records[limit:]
        remember(home_of(context), fleet.machines(), fleet.runs())
        names = {view.machine: view.name for view in fleet.machines()}
        if as_json:
            talk.put_json([_shape(fleet, record) for record in records])
            return
        if not names:
            say_none_paired(fleet)
            return
        if records:
            talk.put_table(_COLUMNS, [_row(record, names[record.machine]) for record in records])
        else:
            talk.say("No runs.")
        if more:
            talk.say("There are more: raise --limit to see them.")
        _say_absent(fleet)


def _shape(fleet: "Fleet", record: RunRecord) -> shapes.Object:
    view = fleet.machine(record.machine)
    simulated = view is not None and view.simulated
    return shapes.run_shape(record, view.name if view is not None else "", simulated)


def _say_absent(fleet: "Fleet") -> None:
    absent = [view for view in fleet.machines() if not view.online]
    for view in absent:
        why = words.link_problem(view)
        talk.say(f"Without {plain(view.name)}, {words.link_word(view)}. {plain(why)}")


def _row(record: RunRecord, machine_name: str) -> Sequence[str]:
    view = record.view
    leased = ",".join(str(gpu.index) for gpu in lease_of(view.state).gpus)
    return (
        short_id(view.run),
        words.state_word(view.state),
        view.spec.name or " ".join(view.spec.command)[:40],
        machine_name,
        f"GPU {leased}" if leased else _asked(view.spec.gpus),
        words.run_time(view, now()),
        words.reason_text(view.state),
    )


def _asked(request: GpuRequest) -> str:
    text = words.gpu_request(request)
    return f"{text} asked" if request.count else text


@click.command("show")
@run_argument
@json_option
@click.pass_context
def show_command(context: click.Context, run: str, as_json: bool) -> None:
    """Show one run.

    RUN is its id, the beginning or end of it, or its name.
    """
    complete(_show(context, run, as_json))


async def _show(context: click.Context, text: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        record = RunRecord(run.machine, await answered(run.refresh()))
        if as_json:
            talk.put_json(_shape(fleet, record))
        else:
            machine = fleet.machine(run.machine)
            put_run(record, run.machine_name, machine is not None and machine.simulated)


def put_run(record: RunRecord, machine_name: str, simulated: bool = False) -> None:
    """A run for people, a field a line."""
    view, spec, state = record.view, record.view.spec, record.view.state
    lease = ", ".join(
        f"{gpu.index} ({gpu.uuid}{', simulated' if simulated or is_simulated(gpu.uuid) else ''})"
        for gpu in lease_of(state).gpus
    )
    locked = spec.environment if isinstance(spec.environment, LockedEnvironment) else None
    reason = shapes.reason_of(state)
    code = state.exit_code if isinstance(state, Ended) else None
    signal = state.signal if isinstance(state, Ended) else None
    talk.put_fields(
        (
            ("run", view.run),
            ("name", spec.name),
            ("state", words.state_word(state)),
            ("why", reason.text if reason is not None else ""),
            ("next", reason.remedy if reason is not None else ""),
            ("machine", f"{machine_name} (simulated GPUs)" if simulated else machine_name),
            ("command", _command_line(spec.command)),
            ("project", spec.project),
            ("environment", locked.lock_path if locked is not None else ""),
            ("asked for", f"{words.gpu_request(spec.gpus)} GPUs"),
            ("GPUs", lease),
            ("ran for", words.run_time(view, now())),
            ("exit code", "" if code is None else str(code)),
            ("signal", "" if signal is None else str(signal)),
            ("attempt", str(view.attempt)),
            ("owner", view.owner),
        )
    )


def _command_line(command: Sequence[str]) -> str:
    import shlex

    return shlex.join(command)


@click.command("stop")
@run_argument
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0, max=86_400),
    default=10.0,
    show_default=True,
    help="Seconds that it has to end by itself.",
)
@json_option
@click.pass_context
def stop_command(context: click.Context, run: str, grace_s: float, as_json: bool) -> None:
    """Stop a run.

    One that waits is cancelled; one that runs is asked to end, then made to.
    """
    complete(_stop(context, run, grace_s, as_json))


async def _stop(context: click.Context, text: str, grace_s: float, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        view = await answered(run.stop(grace_s))
        if as_json:
            talk.put_json(_shape(fleet, RunRecord(run.machine, view)))
        else:
            talk.say(f"Run {short_id(run.id)}: {words.state_word(view.state)}.")
