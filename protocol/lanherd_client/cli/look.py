"""`lanherd machines`, `gpus` and `status`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from lanherd_client.choosing import (
    find_machine,
    free_vram_by_gpu,
    require_online,
    require_some_online,
)
from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.completion import remember
from lanherd_client.cli.options import json_option, machine_option
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size, format_vram
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.messages import AgentStatus
from lanherd_protocol.states import is_live, lease_of
from lanherd_protocol.values import GpuFacts, GpuProcess, GpuReading, GpuRequest

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

_MACHINE_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("LINK"),
    talk.Column("GPUS"),
    talk.Column("FREE VRAM", right=True),
    talk.Column("RUNNING", right=True),
    talk.Column("WAITING", right=True),
    talk.Column("NOTE"),
)
_GPU_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("GPU", right=True),
    talk.Column("NAME"),
    talk.Column("USE", right=True),
    talk.Column("VRAM", right=True),
    talk.Column("NOT OURS", right=True),
    talk.Column("HELD BY"),
    talk.Column("TEMP", right=True),
    talk.Column("POWER", right=True),
    talk.Column("NOTE"),
)
_PROCESS_COLUMNS = (
    talk.Column("MACHINE"),
    talk.Column("GPU", right=True),
    talk.Column("PID", right=True),
    talk.Column("USER"),
    talk.Column("VRAM", right=True),
    talk.Column("COMMAND"),
    talk.Column("WHAT IT IS"),
)
_FOREIGN = "not started by Lanherd: runs take what it leaves, or wait, as the machine's rules say"
_GONE = "its process is gone: the driver lets go of the VRAM by itself, or with a reset of the GPU"

_WEAK_KILL = "weak kill: a run's processes are found one by one, as no cgroup is delegated here"


@click.command("machines")
@json_option
@click.pass_context
def machines_command(context: click.Context, as_json: bool) -> None:
    """List the paired machines, and what they have free."""
    complete(_machines(context, as_json))


async def _machines(context: click.Context, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = fleet.machines()
        remember(home_of(context), views, fleet.runs())
        if as_json:
            talk.put_json([shapes.machine_shape(view) for view in views])
            return
        if views:
            talk.put_table(_MACHINE_COLUMNS, map(_machine_row, views))
        else:
            say_none_paired(fleet)


def say_none_paired(fleet: "Fleet") -> None:
    talk.say("No machine is paired yet.")
    seen = fleet.sightings()
    if seen:
        names = ", ".join(plain(sighting.name) for sighting in seen)
        talk.say(f"  Seen: {names}. Pair with 'lanherd pair NAME'.")
    else:
        talk.say("  Start an agent with 'lanherd-agent serve', then pair it with 'lanherd pair'.")


def _machine_row(view: MachineView) -> Sequence[str]:
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
        words.link_problem(view),
    )


@click.command("gpus")
@machine_option
@json_option
@click.pass_context
def gpus_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """List GPUs with their use, VRAM, temperature and power.

    And who holds them: runs, and processes that Lanherd did not start or that were left over.
    """
    complete(_gpus(context, machine, as_json))


async def _gpus(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        if as_json:
            every: list[shapes.Json] = [gpu for view in views for gpu in shapes.gpu_shapes(view)]
            talk.put_json(every)
            return
        if not fleet.machines():
            say_none_paired(fleet)
            return
        rows = [row for view in views for row in _gpu_rows(fleet, view)]
        if rows:
            talk.put_table(_GPU_COLUMNS, rows)
        else:
            talk.say("No GPUs.")
        others = [row for view in views for row in _process_rows(view)]
        if others:
            talk.put_line("")
            talk.put_table(_PROCESS_COLUMNS, others)
        for view in views:
            if view.facts is not None and view.facts.gpu_problem:
                talk.say(f"{view.name}: {plain(view.facts.gpu_problem)}")


def chosen_machines(fleet: "Fleet", machine: str | None) -> tuple[MachineView, ...]:
    """The machine that was named, else all that are online. Raises when that is none."""
    if machine is not None:
        return (require_online(find_machine(fleet.machines(), machine)),)
    return require_some_online(fleet.machines())


def one_machine(fleet: "Fleet", machine: str | None) -> MachineView:
    """The machine that was named, or the only one. Raises when that is none, or not online."""
    views = fleet.machines()
    if machine is not None:
        return require_online(find_machine(views, machine))
    if len(views) > 1:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "It isn't said which machine is meant.",
            f"Paired are: {', '.join(view.name for view in views)}.",
            "Write --machine NAME.",
        )
    return fleet.choose(GpuRequest()).machine


def _gpu_rows(fleet: "Fleet", view: MachineView) -> list[Sequence[str]]:
    holders: dict[int, list[str]] = {}
    for record in fleet.runs(view.machine):
        if is_live(record.view.state):
            for gpu in lease_of(record.view.state).gpus:
                holders.setdefault(gpu.index, []).append(short_id(record.view.run))
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    gpus = view.facts.gpus if view.facts is not None else ()
    return [
        _gpu_row(view, gpu, by_uuid.get(gpu.uuid, GpuReading(uuid=gpu.uuid)), holders)
        for gpu in gpus
    ]


def _process_rows(view: MachineView) -> list[Sequence[str]]:
    """The processes that no live run answers for, of GPUs and of their MIG instances."""
    readings = view.telemetry.gpus if view.telemetry is not None else ()
    by_uuid = {reading.uuid: reading for reading in readings}
    gpus = view.facts.gpus if view.facts is not None else ()
    return [
        (
            view.name,
            str(gpu.index),
            str(process.pid),
            process.user or "",
            "" if process.vram_bytes is None else format_size(process.vram_bytes),
            process.command or "",
            _what_it_is(process),
        )
        for gpu in gpus
        if (whole := by_uuid.get(gpu.uuid)) is not None
        for reading in (whole, *whole.instances)
        for process in reading.processes
        if process.run is None or process.orphan
    ]


def _what_it_is(process: GpuProcess) -> str:
    """And what one can do about it."""
    if process.orphan and process.run is None:
        return _GONE
    if process.orphan and process.run is not None:
        return f"left by run {short_id(process.run)}, which is over: end it with 'kill'"
    inside = f" (container {process.container})" if process.container else ""
    return f"{_FOREIGN}{inside}"


def _gpu_row(
    view: MachineView, gpu: GpuFacts, reading: GpuReading, holders: Mapping[int, Sequence[str]]
) -> Sequence[str]:
    closed = "" if reading.cordon is None else f"takes no run: {reading.cordon.text}"
    for one in gpu.instances:
        inside = next((read for read in reading.instances if read.uuid == one.uuid), None)
        if inside is not None and inside.cordon is not None:
            closed += f" {gpu.index}:{one.index} takes no run: {inside.cordon.text}"
    used = reading.vram_used_bytes
    foreign = None if used is None else max(used - reading.vram_ours_bytes, 0)
    simulated = " (simulated)" if gpu.simulated or view.simulated else ""
    return (
        view.name,
        str(gpu.index),
        f"{gpu.name}{simulated}",
        _unit(reading.utilisation_percent, "%"),
        "" if used is None else format_vram(used, gpu.vram_bytes),
        "" if foreign is None else format_size(foreign),
        " ".join(holders.get(gpu.index, ())),
        _unit(reading.temperature_c, "°C"),
        _unit(reading.power_w, "W"),
        closed.strip() or reading.problem or "",
    )


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.0f} {unit}"


@click.command("status")
@machine_option
@json_option
@click.pass_context
def status_command(context: click.Context, machine: str | None, as_json: bool) -> int:
    """Ask the agents for version, process, port and queue."""
    return complete(_status(context, machine, as_json))


async def _status(context: click.Context, machine: str | None, as_json: bool) -> int:
    async with connected(context) as fleet:
        everyone = fleet.machines()
        views = everyone if machine is None else (find_machine(everyone, machine),)
        answers = [(view, *await _status_of(fleet, view)) for view in views]
        if as_json:
            talk.put_json([shapes.status_shape(*answer) for answer in answers])
        elif answers:
            for view, status, problem in answers:
                _put_status(view, status, problem)
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


def _put_status(view: MachineView, status: AgentStatus | None, problem: Failure | None) -> None:
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
                    for problem in status.problems
                    for name, text in (("problem", problem.text), ("next", problem.remedy))
                ),
            )
        )
