"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lanherd_client.cli.completion import complete_machine, complete_run

# An empty text is nearly always a shell variable that was never set.
_EMPTY = "it is empty."


class NamedPath(click.Path):
    """A path of this machine; an empty one is refused instead of meaning the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if value == "":
            self.fail(_EMPTY, param, ctx)
        return super().convert(value, param, ctx)


def not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The callback of an option whose value names something."""
    if value == "":
        raise click.BadParameter(_EMPTY)
    return value


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
        callback=not_empty,
        help="Only this machine: its name, its id, or the beginning of either.",
    )(command)


def run_argument(command: Command) -> Command:
    """`RUN`."""
    return click.argument("run", metavar="RUN", shell_complete=complete_run)(command)
