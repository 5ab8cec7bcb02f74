"""`lanherd env build`, and a command in an environment: `lanherd env run`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.env_completion import remember_environments
from lanherd_client.cli.env_options import (
    built_options,
    details_said,
    environment_argument,
    environment_said,
)
from lanherd_client.cli.env_picking import one_holder
from lanherd_client.cli.env_shapes import environment_shape, short_environment
from lanherd_client.cli.options import (
    NamedPath,
    json_option,
    machine_option,
    one_machine_option,
    project_option,
)
from lanherd_client.cli.picking import one_machine
from lanherd_client.cli.session import complete, connected, home_of
from lanherd_client.cli.start import PushTalk, follow_to_end
from lanherd_client.cli.streaming import told_link
from lanherd_client.cli.terminal import TerminalFilter, plain
from lanherd_client.mirror import MachineView
from lanherd_client.projects.push_progress import PushProgress
from lanherd_client.sizes import format_size
from lanherd_protocol.environment_messages import EnvironmentBuilt
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import Ended


@click.command("build")
@click.option(
    "--project",
    type=NamedPath(),
    help="The folder whose environment is built. [none: --packages alone]",
)
@built_options
@click.option("--retry", is_flag=True, help="Try again what has failed before.")
@click.option(
    "--renew",
    is_flag=True,
    help="Choose today's versions of packages that are named without one; later runs get them too.",
)
@one_machine_option
@json_option
@click.pass_context
def build_command(
    context: click.Context, /, machine: str | None, as_json: bool, **said: Any
) -> None:
    """Build the environment that a run would get, before any run.

    The options are those of 'lanherd run'. Prints the log of the build as it grows, and then the
    environment's id. Ctrl+C stops the build, unless others wait for it.
    """
    if not (said["project"] or said["packages"] or said["environment"]):
        raise click.UsageError("Name what to build: --project DIR, or --packages 'NAME …'.")
    complete(_build(context, machine, said, as_json))


async def _build(
    context: click.Context, machine: str | None, said: dict[str, Any], as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        log, push = _LogTalk(), _PushTalk(view.name)
        building = fleet.build_environment(
            view.machine,
            project=said["project"],
            environment=environment_said(said),
            retry=said["retry"],
            renew=said["renew"],
            on_log=log,
            progress=push,
            **details_said(said),
        )
        try:
            done = await told_link(fleet, view, building)
        except asyncio.CancelledError:
            log.finish()
            talk.say("The build was stopped, unless others wait for it. What was loaded is kept.")
            raise
        finally:
            log.finish()
        remember_environments(home_of(context), [done.environment])
        _say_built(view, done)
        if as_json:
            talk.put_json(environment_shape(view, done.environment))
        else:
            talk.put_line(done.environment.view.environment)


def _say_built(machine: MachineView, done: EnvironmentBuilt) -> None:
    details, view = done.environment, done.environment.view
    size = f"Python {view.python_version}, {format_size(view.size_bytes)}"
    how = f"built in {words.duration(view.build_seconds)}" if done.built else "it was there already"
    talk.say(f"Environment {short_environment(details)} on {plain(machine.name)}: {size}, {how}.")
    if done.built and details.from_source:
        talk.say(
            f"Built from source, so that their code ran: {plain(', '.join(details.from_source))}."
            " 'lanherd env build --wheels-only' forbids it."
        )


class _LogTalk:
    """A build's log beside the data: what is printed is the environment's id."""

    def __init__(self) -> None:
        self._filter = TerminalFilter()
        self._within_line = False

    def __call__(self, data: bytes) -> None:
        self._write(self._filter.feed(data))

    def finish(self) -> None:
        """Ends a line that the log left open."""
        self._write(self._filter.feed(b"", True))
        if self._within_line:
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            print(text, end="", file=sys.stderr, flush=True)
            self._within_line = not text.endswith("\n")


class _PushTalk:
    """Tells once that the project is brought to the machine, if anything of it is."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._said = False

    def __call__(self, progress: PushProgress) -> None:
        for note in progress.notes:
            talk.say(f"Warning: {plain(note)}")
        if progress.phase == "sending" and progress.bytes_total and not self._said:
            self._said = True
            size = format_size(progress.bytes_total)
            talk.say(f"Bringing the project to {plain(self._machine)}: {size}.")


@click.command("run", context_settings={"allow_interspersed_args": False})
@project_option
@machine_option
@environment_argument
@click.argument("command", metavar="COMMAND…", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def run_command(
    context: click.Context,
    project: Path | None,
    machine: str | None,
    environment: str,
    command: tuple[str, ...],
) -> int:
    """Run a command in an environment, and print what it writes.

    It is a run without GPUs on the environment's machine, as in 'lanherd env run torch -- python -c
    "import torch"'. The exit code is the command's own.
    """
    words_of_it = command[1:] if command[0] == "--" else command
    if not words_of_it:
        raise click.UsageError("Missing argument 'COMMAND…'.")
    return complete(_run(context, project, machine, environment, words_of_it))


async def _run(
    context: click.Context,
    project: Path | None,
    machine: str | None,
    environment: str,
    command: tuple[str, ...],
) -> int:
    async with connected(context) as fleet:
        held = await one_holder(fleet, machine, environment)
        details = held.details
        run = await told_link(
            fleet,
            held.machine,
            fleet.submit(
                command=command,
                project=project,
                machine=held.machine.machine,
                environment=details.name or details.view.environment,
                progress=PushTalk(),
            ),
        )
        talk.say(f"Run {short_id(run.id)} was taken by {plain(held.machine.name)}.")
        code = await follow_to_end(fleet, run, False)
        view = run.view
    if view is None or not isinstance(view.state, Ended) or view.state.exit_code is None:
        return code
    return view.state.exit_code
