"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from lanherd_client.cli.completion import complete_machine, complete_run
from lanherd_client.durations import parse_duration
from lanherd_client.orders import SIGNALS, signal_of
from lanherd_client.sizes import parse_size
from lanherd_client.wishes import GpuCount, gpu_range, host_request
from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.constraints import parse
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.limits import GPUS_PER_RUN_MAX

ATTEMPT_MAX = (1 << 31) - 1

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


def none_empty(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """The callback of an option that may be repeated, and whose values name something."""
    if "" in values:
        raise click.BadParameter(_EMPTY)
    return values


class Duration(click.ParamType[float]):
    """Seconds, from a text such as '90s' or '2h30m'."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return parse_duration(value) if isinstance(value, str) else float(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class Size(click.ParamType[int]):
    """Bytes, from a text such as '2GB'."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_size(value) if isinstance(value, str) else int(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class Count(click.ParamType[int]):
    """A whole number within bounds. Only a slip is told these: in a help they would be noise."""

    name = "n"

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number.", param, ctx)
        if not self._least <= number <= self._most:
            self.fail(f"{number} is not from {self._least} to {self._most}.", param, ctx)
        return number


class GpuCountType(click.ParamType[GpuCount]):
    """A number of GPUs, or from..to; kept as it is written."""

    name = "n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> GpuCount:
        try:
            gpu_range(value)
        except LanherdError:
            self.fail(
                f"{value!r} is no number of GPUs from 0 to {GPUS_PER_RUN_MAX}. Write 2, or 1..4.",
                param,
                ctx,
            )
        return str(value)


class GpuNumber(click.ParamType[str]):
    """The number of a GPU, '3', or of a MIG instance of it, '3:0'."""

    name = "n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        parts = str(value).strip().split(":")
        if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
            self.fail(f"{value!r} is no number of a GPU. Write 3, or 3:0.", param, ctx)
        return ":".join(str(int(part)) for part in parts)


class Cores(click.ParamType[float]):
    """A number of CPU cores, of which a part may be asked for."""

    name = "n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return host_request({"cpus": float(value)}).cpu_cores
        except (ValueError, LanherdError):
            self.fail(f"{value!r} is no number of CPU cores. Write 4, or 0.5.", param, ctx)


class Where(click.ParamType[str]):
    """A constraint over the facts of GPUs."""

    name = "constraint"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        # Read here, so that nothing is asked of machines first; it says itself what is wrong.
        return str(parse(str(value)))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, space, word = incomplete.rpartition(" ")
        return [
            CompletionItem(f"{before}{space}{name}", help=fact.meaning)
            for name, fact in FACTS.items()
            if name.startswith(word.lower())
        ]


class Signal(click.ParamType[str]):
    """A signal that ends a run: 'INT', 'int' or 'SIGINT'."""

    name = "signal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return signal_of(str(value))
        except LanherdError:
            self.fail(f"{value!r} is none of {', '.join(SIGNALS)}.", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        wanted = incomplete.upper()
        return [CompletionItem(name) for name in SIGNALS if name.startswith(wanted)]


Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def machine_named(meaning: str, name: str = "machine") -> Callable[[Command], Command]:
    """`--machine NAME`, for what it means; `name` is that of the parameter."""
    return click.option(
        "--machine",
        "-m",
        name,
        metavar="NAME",
        shell_complete=complete_machine,
        callback=not_empty,
        help=meaning,
    )


def machine_option(command: Command) -> Command:
    """`--machine NAME`, of what is done on all machines else."""
    only = "Only this machine: its name, its id, or the beginning of either."
    return machine_named(only)(command)


def one_machine_option(command: Command) -> Command:
    """`--machine NAME` of what is done to one machine; see `picking.one_machine`."""
    return machine_named("The machine; may be left out where only one is paired.")(command)


def on_option(meaning: str) -> Callable[[Command], Command]:
    """`--on NAME,…`: any of several machines."""
    return click.option(
        "--on", metavar="NAME,…", callback=not_empty, shell_complete=complete_machine, help=meaning
    )


def project_option(command: Command) -> Command:
    """`--project DIR`."""
    return click.option(
        "--project",
        type=NamedPath(),
        help="The folder to snapshot and run in. [none: an empty one]",
    )(command)


def gpu_options(whose: str) -> Callable[[Command], Command]:
    """`--gpus`, `--vram` and `--exclusive`, in a help about 'it' or about 'each'."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--exclusive", is_flag=True, help="Share the GPUs with nobody."),
            click.option(
                "--vram",
                type=Size(),
                default=0,
                help=f"VRAM that {whose} needs on each GPU, such as 2GB. [all that is free, so that"
                " others wait]",
            ),
            click.option(
                "--gpus",
                type=GpuCountType(),
                default="0",
                metavar="N|N..M",
                help=f"How many GPUs {whose} needs; with 1..4 it takes up to 4 if they are free."
                " [0]",
            ),
        ):
            command = option(command)
        return command

    return decorate


def run_argument(command: Command) -> Command:
    """`RUN`."""
    return click.argument("run", metavar="RUN", shell_complete=complete_run)(command)


def runs_argument(command: Command) -> Command:
    """`RUN…`, one or more."""
    return click.argument(
        "runs", metavar="RUN…", nargs=-1, required=True, shell_complete=complete_run
    )(command)


def attempt_option(command: Command) -> Command:
    """`--attempt N`."""
    return click.option(
        "--attempt",
        type=Count(1, ATTEMPT_MAX),
        metavar="N",
        help="An earlier attempt of the run. [the latest]",
    )(command)
