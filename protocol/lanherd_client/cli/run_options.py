"""The options of `lanherd run`, and what they say of a run.

The names follow the arguments of `Fleet.submit`; a new one is added in both places.
"""

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lanherd_client.cli.completion import complete_run, complete_tag
from lanherd_client.cli.options import Cores, Count, Duration, Signal, Size, Where, not_empty
from lanherd_client.cli.secret_values import read_secrets
from lanherd_client.order_checks import check_variables, signal_number
from lanherd_client.orders import CAUSES, KINDS, SIGNALS, RunOptions
from lanherd_client.sizes import exact_size
from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.limits import ATTEMPTS_PER_RUN_MAX, PRIORITY_MAX

Command = TypeVar("Command", bound=Callable[..., Any])

NICENESS_MAX = 19


def _variables(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    variables: dict[str, str] = {}
    for value in values:
        name, sign, content = value.partition("=")
        if not name:
            raise click.BadParameter(f"{value!r} has no name. Write NAME=VALUE.")
        if not sign:
            raise click.BadParameter(
                f"{name!r} has no value. Write {name}=VALUE; an environment is said by"
                " --environment."
            )
        variables[name] = content
    try:
        check_variables(variables)
    except LanherdError as problem:
        raise click.BadParameter(f"{problem.failure.title} {problem.failure.message}") from problem
    return variables


def _words(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    if value is None:
        return ()
    try:
        words = tuple(shlex.split(value))
    except ValueError as problem:
        raise click.BadParameter(f"{value!r} can't be split into words: {problem}.") from problem
    if not words:
        raise click.BadParameter("it is empty.")
    return words


def _numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    words = [] if value is None else value.replace(",", " ").split()
    try:
        numbers = tuple(int(word) for word in words)
    except ValueError as problem:
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 1,75.") from problem
    if value is not None and not numbers:
        raise click.BadParameter("it is empty.")
    if any(not 0 < number < 256 for number in numbers):
        raise click.BadParameter(f"{value!r}: exit codes of failures go from 1 to 255.")
    return numbers


def _signals(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    words = [] if value is None else value.replace(",", " ").split()
    if value is not None and not words:
        raise click.BadParameter("it is empty.")
    try:
        return tuple(map(signal_number, words))
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


_OPTIONS = (
    click.option(
        "--where",
        type=Where(),
        help="What its GPUs must be, such as 'sm >= 80 and name ~ \"A100\"'. Facts:"
        f" {', '.join(FACTS)}.",
    ),
    click.option(
        "--linked", is_flag=True, help="Of several GPUs, take those that reach each other best."
    ),
    click.option(
        "--mig",
        metavar="PROFILE",
        callback=not_empty,
        help="MIG instances instead of whole GPUs, such as 1g.10gb.",
    ),
    click.option(
        "--shared",
        is_flag=True,
        help="Let others on its GPUs, whatever the machine's rule is. [that rule]",
    ),
    click.option(
        "--wait-for-others",
        is_flag=True,
        help="Take no GPU on which there are processes that Lanherd did not start. [the machine's"
        " rule]",
    ),
    click.option(
        "--beside-others",
        is_flag=True,
        help="Take what such processes leave of a GPU. [the machine's rule]",
    ),
    click.option(
        "--cpus",
        type=Cores(),
        metavar="N",
        help="CPU cores that it is promised. [none]",
    ),
    click.option("--memory", type=Size(), help="Memory that it is promised, such as 32GB. [none]"),
    click.option("--disk", type=Size(), help="Disk that it is promised, such as 100GB. [none]"),
    click.option(
        "--env",
        "variables",
        callback=_variables,
        multiple=True,
        metavar="NAME=VALUE",
        help="A variable for the command; may be repeated.",
    ),
    click.option(
        "--secret",
        "secrets",
        callback=read_secrets,
        multiple=True,
        metavar="NAME[=@FILE|=-]",
        help="A secret: its value is in the variable NAME (asked for if unset), in FILE, or on"
        " stdin, of which one line end at the end is left away. The command reads it from"
        " $LANHERD_SECRETS/NAME. May be repeated.",
    ),
    click.option(
        "--chdir",
        "directory",
        callback=not_empty,
        metavar="DIR",
        help="Its working directory: a folder of the project, or an absolute one of the machine."
        " [the project's folder]",
    ),
    click.option(
        "--nice",
        "niceness",
        type=Count(0, NICENESS_MAX),
        metavar="N",
        default=0,
        help=f"Its niceness: how far it lets others use the CPU first, 0 to {NICENESS_MAX}. [0]",
    ),
    click.option(
        "--pre",
        "pre_command",
        callback=_words,
        metavar="TEXT",
        help="A command to run before it, quoted as one text; no shell reads it. Where it fails,"
        " COMMAND is not started.",
    ),
    click.option(
        "--post",
        "post_command",
        callback=_words,
        metavar="TEXT",
        help="A command to run after it, however it ended; written as for --pre.",
    ),
    click.option(
        "--time-limit",
        type=Duration(),
        help="Each attempt's longest time, such as 90s, 45m or 2h30m; then it is stopped. [none]",
    ),
    click.option(
        "--stop-signal",
        type=Signal(),
        help=f"What it is asked to end with: {', '.join(SIGNALS)}. [TERM]",
    ),
    click.option(
        "--grace", type=Duration(), help="How long it then has before it is killed. [10s]"
    ),
    click.option(
        "--retries",
        type=Count(0, ATTEMPTS_PER_RUN_MAX - 1),
        metavar="N",
        help="Further attempts when it doesn't succeed. [0]",
    ),
    click.option(
        "--retry-on",
        type=click.Choice(CAUSES),
        multiple=True,
        metavar="END",
        help=f"After which ends ({', '.join(CAUSES)}); may be repeated. [failed, lost]",
    ),
    click.option(
        "--retry-codes",
        callback=_numbers,
        metavar="N,…",
        help="Of the failed, only these exit codes. [all]",
    ),
    click.option(
        "--retry-signals",
        callback=_signals,
        metavar="SIG,…",
        help="Of the failed, only these signals. [all]",
    ),
    click.option(
        "--backoff",
        type=Duration(),
        help="The pause before the first retry; it doubles each time, to 1h. [10s]",
    ),
    *(
        click.option(
            f"--{kind.replace('_', '-')}",
            kind,
            multiple=True,
            metavar="RUN",
            shell_complete=complete_run,
            help=f"Wait until RUN {words}; may be repeated.",
        )
        for kind, words in zip(
            KINDS, ("was started", "has succeeded", "has ended in any way"), strict=True
        )
    ),
    click.option(
        "--priority",
        type=Count(-PRIORITY_MAX, PRIORITY_MAX),
        metavar="N",
        default=0,
        help=f"Of those that wait, a higher one goes first; -{PRIORITY_MAX} to {PRIORITY_MAX}. [0]",
    ),
    click.option("--hold", is_flag=True, help="Let it wait until 'lanherd release'."),
    click.option(
        "--tag",
        "tags",
        multiple=True,
        shell_complete=complete_tag,
        help="A word to find it by; may be repeated.",
    ),
    click.option("--note", "notes", default="", metavar="TEXT", help="A remark for people."),
    click.option(
        "--pin",
        "pinned",
        is_flag=True,
        help="Keep its files from being removed, until it is unpinned.",
    ),
    click.option("--split-log", is_flag=True, help="Give stderr a log of its own."),
    click.option(
        "--log-cap",
        type=Size(),
        help="What each log may hold, such as 1GB; beyond that its middle is given up. [10GB]",
    ),
)


def run_options(command: Command) -> Command:
    """All options that say what a run is, beside its project and its GPUs."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_SIZES = ("memory", "disk", "log_cap")


def options_of(said: dict[str, Any]) -> RunOptions:
    """What was said, as `Fleet.submit` takes it; the runs that it waits for are still texts."""
    options: Any = {
        name: value
        for name, value in {**said, "beside_others": _beside_others(said)}.items()
        if name in RunOptions.__annotations__ and not _left_out(value)
    }
    for name in _SIZES:
        if name in options:
            options[name] = exact_size(options[name])
    taken: RunOptions = options
    return taken


def _beside_others(said: dict[str, Any]) -> str:
    """What it does beside processes that Lanherd did not start; nothing where it isn't said."""
    if said["wait_for_others"] and said["beside_others"]:
        raise click.UsageError(
            "A run waits until others are gone, or takes what they leave: write one of"
            " --wait-for-others and --beside-others."
        )
    return "wait" if said["wait_for_others"] else "share" if said["beside_others"] else ""


def _left_out(value: object) -> bool:
    # A zero was said: no grace is another wish than the usual one.
    return value is None or value is False or value in ("", (), {})


def check_retries(said: dict[str, Any]) -> None:
    """Refuses a way of trying again without how often."""
    words = ("retry_on", "retry_codes", "retry_signals", "backoff")
    odd = [f"--{word.replace('_', '-')}" for word in words if not _left_out(said[word])]
    if odd and not said["retries"]:
        raise click.UsageError(
            f"{' and '.join(odd)} {'needs' if len(odd) == 1 else 'need'} --retries N: how often to"
            " try again."
        )
