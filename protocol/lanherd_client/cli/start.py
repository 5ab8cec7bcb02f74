"""`lanherd run`."""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lanherd_client.choosing import MachineNames
from lanherd_client.cli import talk
from lanherd_client.cli.bulk import shape_of
from lanherd_client.cli.completion import remember
from lanherd_client.cli.env_options import environment_options, environment_said
from lanherd_client.cli.logs import copy_log
from lanherd_client.cli.options import (
    gpu_options,
    json_option,
    machine_named,
    not_empty,
    on_option,
    project_option,
)
from lanherd_client.cli.push_talk import far
from lanherd_client.cli.run_options import check_retries, options_of, run_options
from lanherd_client.cli.saved import save_option, saved_option, with_saved
from lanherd_client.cli.session import answered, complete, connected, home_of
from lanherd_client.cli.shapes import is_simulated
from lanherd_client.cli.streaming import Narrator, say_end, told, told_link
from lanherd_client.cli.terminal import one_line, plain
from lanherd_client.mirror import RunRecord
from lanherd_client.orders import KINDS, RunOptions, refs_of
from lanherd_client.sizes import exact_size
from lanherd_client.wishes import GpuCount, gpu_request, host_request
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import GpuRequest, HostRequest

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.run import Run
    from lanherd_client.submitting import Progress


SILENT_S = 3.0
AMENDED_S = 2.5
"""A machine looks for 2 s after a run's end whether its GPU had failed."""


@click.command("run", context_settings={"allow_interspersed_args": False})
@project_option
@saved_option
@save_option
@gpu_options("it")
@click.option("--name", callback=not_empty, help="A name to find it by.")
@machine_named("Where it shall run. [the machine where it can start soonest]")
@on_option("Any of these machines: where it can start soonest.")
@environment_options
@run_options
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Print its log until it ends; exit code 0 when it has succeeded, else 1.",
)
@json_option
@click.argument("command", metavar="[COMMAND…]", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_command(context: click.Context, /, follow: bool, as_json: bool, **said: Any) -> int:
    """Run a command on a machine of the pool.

    COMMAND sees a snapshot of the project. The options stand before it, with '--' in between, as in
    'lanherd run --project . --gpus 1 -- python train.py'. A saved run has a command of its own.

    Prints the run's id; with --follow its log instead. The run goes on when this command ends.

    Sizes have a unit (500MB, 2GB; 1 GB is 1024 MB), durations too (90s, 45m, 2h30m; a bare number
    is seconds). In [brackets] is what holds when an option is left out.
    """
    said = with_saved(context, said)
    check_retries(said)
    options: Any = {**options_of(said), **said["saved_options"]}
    vram = said["saved_vram"] or exact_size(said["vram"])
    order = _Order(
        said["project"],
        said["gpus"],
        gpu_request(said["gpus"], vram, said["exclusive"], options),
        host_request(options),
        said["name"] or "",
        said["variables"],
        said["saved_machine"] or machines_said(said["machine"], said["on"]),
        environment_said(said),
        said["command"],
        options,
    )
    return complete(_run(context, order, follow, as_json))


@dataclass(frozen=True, slots=True)
class _Order:
    project: Path | None
    gpu_count: GpuCount
    gpus: GpuRequest
    host: HostRequest
    name: str
    variables: dict[str, str]
    machine: MachineNames
    environment: str
    command: tuple[str, ...]
    options: RunOptions = field(repr=False)


def machines_said(machine: str | None, on: str | None) -> MachineNames:
    """The machines that --machine and --on name."""
    if on is None:
        return machine
    if machine is not None:
        raise click.UsageError("Say --machine NAME, or --on NAME,… for any of several; not both.")
    names = [name for part in on.split(",") if (name := part.strip())]
    if not names:
        raise click.BadParameter("it names no machine.", param_hint="--on")
    return names


async def _run(context: click.Context, order: _Order, follow: bool, as_json: bool) -> int:
    async with connected(context) as fleet:
        run = await _submit(fleet, order)
        remember(home_of(context), fleet.machines(), fleet.runs())
        if not follow:
            _put_taken(fleet, run, as_json)
            return talk.OK
        return await follow_to_end(fleet, run, as_json)


async def follow_to_end(fleet: "Fleet", run: "Run", as_json: bool) -> int:
    """Prints a run's log until it has ended, or the run itself then; the exit code."""
    try:
        narrator = Narrator(run)
        view = await told(fleet, run, _follow(run, narrator, as_json), narrator)
    except asyncio.CancelledError:
        _say_goes_on(run)
        raise
    except BrokenPipeError:
        _say_goes_on(run)
        raise talk.ReaderLeftError(talk.FAILED) from None
    code = talk.FAILED if as_json else say_end(view)
    amended = await _amended(fleet, run, view)
    if as_json:
        talk.put_json(shape_of(fleet, RunRecord(run.machine, amended)))
    elif amended is not view:
        talk.say("More is known now of how it ended:")
    return say_end(amended) if as_json or amended is not view else code


async def _amended(fleet: "Fleet", run: "Run", view: RunView) -> RunView:
    """A run that failed on a GPU once that one had time to show a fault: its driver tells of it
    when the run is over already, and the machine then says so."""
    state = view.state
    if not isinstance(state, Ended) or state.outcome != "failed":
        return view
    if all(is_simulated(gpu.uuid) for gpu in state.lease.gpus):
        return view
    try:
        with fleet.changes() as changes:
            async with asyncio.timeout(AMENDED_S):
                while (now := run.view) is None or now.state == state:
                    await changes.batch()
                return now
    except TimeoutError:
        return view


async def _submit(fleet: "Fleet", order: _Order) -> "Run":
    options, waited_for = await runs_found(fleet, order.options)
    choice = fleet.choose(order.gpus, order.machine, waited_for, order.host)
    identifier = fleet.new_run_id()
    progress = PushTalk(f"Goes to {plain(choice.reason)}")
    try:
        asked = fleet.submit(
            command=order.command,
            project=order.project,
            gpus=order.gpu_count,
            vram=exact_size(order.gpus.vram_bytes),
            exclusive=order.gpus.exclusive,
            name=order.name,
            machine=choice.machine.machine,
            variables=order.variables,
            environment=order.environment,
            progress=progress,
            run=identifier,
            **options,
        )
        run = await told_link(fleet, choice.machine, asked)
    except asyncio.CancelledError:
        if progress.asked:
            say_unknown(identifier)
        else:
            talk.say("\nThe run was not taken. What was sent is kept, and not sent again.")
        raise
    progress.say_goal()
    talk.say(f"Run {short_id(run.id)} was taken.")
    if order.options.get("split_log"):
        talk.say(f"Its stderr: 'lanherd logs {short_id(run.id)} --stream err'.")
    return run


async def runs_found(fleet: "Fleet", options: RunOptions) -> "tuple[RunOptions, list[Run]]":
    """The options with the runs that it waits for found, and these."""
    found: list[Run] = []
    options = options.copy()
    for kind in KINDS:
        runs = [await answered(fleet.run(str(text))) for text in refs_of(options.get(kind, ()))]
        if runs:
            options[kind] = runs
        found += runs
    return options, found


class PushTalk:
    """Tells the push on a terminal; knows whether the agent was asked already.

    `goal` is where it goes: said when a project is brought there, or when the run was taken. What a
    machine refuses at once doesn't go there.
    """

    def __init__(self, goal: str = "") -> None:
        self.asked = False
        self._goal = goal
        self._watched = sys.stderr.isatty()
        self._written = False
        self._began = time.monotonic()
        self._slow = False

    def say_goal(self) -> None:
        if self._goal:
            talk.say(self._goal)
        self._goal = ""

    def __call__(self, progress: "Progress") -> None:
        if progress.stage != "submit":
            self.say_goal()
        for note in progress.notes:
            talk.say(f"Warning: {plain(note)}")
        if progress.stage == "submit":
            self.asked = True
            if self._written:
                talk.say("")
        elif self._watched:
            print(f"\r{_far(progress)}   ", end="", file=sys.stderr, flush=True)
            self._written = True
        elif not self._slow and time.monotonic() - self._began > SILENT_S:
            self._slow = True
            talk.say(f"Bringing the project there. {_far(progress)}.")


def _far(progress: "Progress") -> str:
    return far(
        progress.stage,
        progress.done_bytes,
        progress.total_bytes,
        progress.rate_bytes_s,
        progress.left_s,
    )


def _put_taken(fleet: "Fleet", run: "Run", as_json: bool) -> None:
    view = run.view
    if as_json and view is not None:
        talk.put_json(shape_of(fleet, RunRecord(run.machine, view)))
    else:
        talk.put_line(run.id)


async def _follow(run: "Run", narrator: Narrator, as_json: bool) -> RunView:
    """Prints the logs of its attempts, one after the other; the run as it ended."""
    if as_json:
        return await run.wait()
    attempt = 1
    while True:
        narrator.shows(attempt)
        await copy_log(run.logs(attempt=attempt, follow=True), as_json=False)
        view = await run.wait_attempt(attempt)
        if view.attempt <= attempt:
            return view
        for earlier in view.earlier[attempt - 1 : attempt]:
            talk.say(f"Attempt {attempt}: {one_line(earlier.reason.text)}")
        attempt += 1


def _say_goes_on(run: "Run") -> None:
    short = short_id(run.id)
    talk.say(f"Run {short} goes on. Follow it with 'lanherd logs -f {short}'.")
    talk.say(f"  Stop it with 'lanherd stop {short}'.")


def say_unknown(run: RunId) -> None:
    """Says that nobody knows here whether the machine has taken a run."""
    talk.say("The machine may have taken the run, or not.")
    talk.say(f"  'lanherd show {run}' tells.")
