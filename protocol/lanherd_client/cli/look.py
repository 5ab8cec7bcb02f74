"""`lanherd machines` and `status`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lanherd_client.choosing import find_machine, free_vram_by_gpu
from lanherd_client.cli import machine_shapes, talk, words
from lanherd_client.cli.completion import remember
from lanherd_client.cli.options import json_option, machine_option
from lanherd_client.cli.picking import say_none_paired
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.messages import AgentStatus

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

Pauses = tuple[PauseView, ...] | None

PAUSES_S = 5.0
_MACHINE_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("LINK"),
    talk.Column("GPUS"),
    talk.Column("FREE VRAM", right=True),
    talk.Column("RUNNING", right=True),
    talk.Column("WAITING", right=True),
    talk.Column("NOTE"),
)

_WEAK_KILL = "weak kill: a run's processes are found one by one, as no cgroup is delegated here"


@click.command("machines")
@machine_option
@json_option
@click.pass_context
def machines_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """List the paired machines, and what they have free."""
    complete(_machines(context, machine, as_json))


async def _machines(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        everyone = fleet.machines()
        remember(home_of(context), everyone, fleet.runs())
        views = everyone if machine is None else (find_machine(everyone, machine),)
        pauses = await asyncio.gather(*(_pauses_of(fleet, view) for view in views))
        noted = zip(views, pauses, strict=True)
        if as_json:
            talk.put_json([machine_shapes.machine_shape(*one) for one in noted])
        elif views:
            talk.put_table(_MACHINE_COLUMNS, [_machine_row(*one) for one in noted])
        else:
            say_none_paired(fleet)


async def _pauses_of(fleet: "Fleet", view: MachineView) -> Pauses:
    """What is paused there; None where that can't be known now."""
    if not view.online:
        return None
    try:
        return (await answered(fleet.controls(view.machine), PAUSES_S)).pauses
    except LanherdError as problem:
        talk.say(f"{plain(view.name)}: nobody knows whether it is paused.")
        talk.say_failure(problem.failure)
        return None


def _machine_row(view: MachineView, pauses: Pauses) -> Sequence[str]:
    free = free_vram_by_gpu(view).values()
    gpus = view.facts.gpus if view.facts is not None else ()
    simulated = " (simulated)" if view.simulated else ""
    return (
        view.name,
        words.link_word(view),
        f"{len(gpus)}{simulated}" if view.facts is not None else "",
        format_size(sum(free)) if free else "",
        str(view.runs_live) if view.online else "–",
        str(view.runs_waiting) if view.online else "–",
        words.machine_note(view, pauses or ()),
    )


@click.command("status")
@machine_option
@json_option
@click.pass_context
def status_command(context: click.Context, machine: str | None, as_json: bool) -> int:
    """Ask the agents for version, process, port and queue.

    And for what is paused or closed, and what is wrong with the machine.
    """
    return complete(_status(context, machine, as_json))


async def _status(context: click.Context, machine: str | None, as_json: bool) -> int:
    async with connected(context) as fleet:
        everyone = fleet.machines()
        views = everyone if machine is None else (find_machine(everyone, machine),)
        pauses = await asyncio.gather(*(_pauses_of(fleet, view) for view in views))
        answers = [(view, *await _status_of(fleet, view)) for view in views]
        if as_json:
            talk.put_json(
                [
                    machine_shapes.status_shape(*answer, paused)
                    for answer, paused in zip(answers, pauses, strict=True)
                ]
            )
        elif answers:
            for (view, status, problem), paused in zip(answers, pauses, strict=True):
                _put_status(view, status, problem, paused or ())
        else:
            say_none_paired(fleet)
    return max((talk.exit_code(problem.code) for _, _, problem in answers if problem), default=0)


async def _status_of(
    fleet: "Fleet", view: MachineView
) -> tuple[AgentStatus | None, Failure | None]:
    try:
        return await answered(fleet.status(view.machine)), None
    except LanherdError as problem:
        return None, problem.failure


def _put_status(
    view: MachineView,
    status: AgentStatus | None,
    problem: Failure | None,
    pauses: Sequence[PauseView],
) -> None:
    simulated = "  simulated" if view.simulated else ""
    talk.put_line(f"{plain(view.name)}  {words.link_word(view)}{simulated}")
    if problem is not None:
        talk.say_failure(problem)
    if status is not None:
        addresses = ", ".join(f"{address}:{status.port}" for address in status.addresses)
        talk.put_fields(
            (
                ("agent", f"version {status.version}, process {status.pid}"),
                ("running for", words.duration(now() - status.started_at)),
                ("listens on", addresses),
                ("runs", f"{status.live_runs} running, {status.queued_runs} waiting"),
                ("stops", _WEAK_KILL if view.facts is not None and view.facts.weak_kill else ""),
                *(
                    (name, text)
                    for pause in pauses
                    for name, text in (
                        ("paused", words.paused(pause)),
                        ("next", f"'lanherd {words.resume_line(pause)}' goes on"),
                    )
                ),
                ("problem", words.driver_problem(view, status.problems)),
                ("GPUs", words.closed_gpus(view)),
                *(
                    (name, text)
                    for problem in status.problems
                    for name, text in (("problem", problem.text), ("next", problem.remedy))
                ),
            )
        )
