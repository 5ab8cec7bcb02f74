"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lanherd_client.cli.completion import complete_machine, complete_run

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def machine_option(command: Command) -> Command:
    """`--machine NAME`."""
    return click.option(
        "--machine",
        "-m",
        metavar="NAME",
        shell_complete=complete_machine,
        help="Only this machine: its name, its id, or the beginning of either.",
    )(command)


def run_argument(command: Command) -> Command:
    """`RUN`."""
    return click.argument("run", metavar="RUN", shell_complete=complete_run)(command)
