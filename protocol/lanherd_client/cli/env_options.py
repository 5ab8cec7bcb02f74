"""The options that say which environment a run gets, for all commands that take them."""

from typing import Any

import click

from lanherd_client.cli.env_completion import complete_environment, complete_known_environment
from lanherd_client.cli.options import Command, none_empty, not_empty
from lanherd_client.environment_orders import AUTO, NONE, WORDS, environment_order
from lanherd_protocol.errors import LanherdError


def _checked(argument: str, value: Any) -> Any:
    try:
        environment_order({argument: value})
    except LanherdError as problem:
        failure = problem.failure
        raise click.BadParameter(f"{failure.message} {failure.remedy}") from problem
    return value


def _environment(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    not_empty(context, parameter, value)
    if value is not None and "=" in value:
        raise click.BadParameter(f"{value!r} is no environment. For a variable write --env.")
    return value if value is None else str(_checked("environment", value))


def split_packages(text: str) -> tuple[str, ...]:
    """The packages of one text: apart by blanks, unless one of them has blanks of its own."""
    if "@" in text or ";" in text:
        return (text.strip(),)
    # 'numpy >= 2' is one, and so is each of 'numpy>=2 torch'.
    joined: list[str] = []
    for word in text.split():
        if joined and (word[0] in "<>=!~,[" or joined[-1][-1] in "<>=~,"):
            joined[-1] += word
        else:
            joined.append(word)
    return tuple(joined)


def _packages(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    none_empty(context, parameter, values)
    packages = tuple(package for value in values for package in split_packages(value))
    if values and not packages:
        raise click.BadParameter("it is empty.")
    return tuple(_checked("packages", packages))


def _names(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    none_empty(context, parameter, values)
    return tuple(_checked(str(parameter.name), values))


def _python(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    not_empty(context, parameter, value)
    return str(_checked("python", value or ""))


_DETAILS = (
    click.option(
        "--packages",
        callback=_packages,
        multiple=True,
        metavar="NAME…",
        help="Packages to add to it, or all of it where there is no project, such as 'numpy"
        " torch>=2'; may be repeated.",
    ),
    click.option(
        "--extra",
        callback=_names,
        multiple=True,
        metavar="NAME",
        help="An extra of the project's uv.lock or pyproject.toml; may be repeated.",
    ),
    click.option(
        "--group",
        callback=_names,
        multiple=True,
        metavar="NAME",
        help="A dependency group of it; may be repeated.",
    ),
    click.option(
        "--python",
        callback=_python,
        metavar="VERSION",
        help="Its Python, such as 3.12. [the project's .python-version, else the machine's choice]",
    ),
    click.option(
        "--wheels-only",
        is_flag=True,
        help="Build no package from source, so that none of their code runs at the installation.",
    ),
)
_WHICH = click.option(
    "--environment",
    callback=_environment,
    metavar="ENV",
    shell_complete=complete_environment,
    help="auto: as the project has it; none; or one of the machine: its name or id, as 'lanherd"
    " env list' shows it. [auto]",
)
_NO = click.option("--no-environment", is_flag=True, help="The same as --environment none.")


def environment_argument(command: Command) -> Command:
    """`ENV`."""
    return click.argument(
        "environment", metavar="ENV", callback=not_empty, shell_complete=complete_known_environment
    )(command)


def environment_options(command: Command) -> Command:
    """All of them, for a run: `environment_said` reads which one is meant."""
    for option in reversed((_WHICH, _NO, *_DETAILS)):
        command = option(command)
    return command


def built_options(command: Command) -> Command:
    """Those of an environment that is to be built."""
    for option in reversed((_WHICH, *_DETAILS)):
        command = option(command)
    return command


def environment_said(said: dict[str, Any]) -> str:
    """The environment that --environment and --no-environment name."""
    named: str | None = said["environment"]
    if not said.get("no_environment"):
        return named or AUTO
    if named not in (None, NONE):
        raise click.UsageError("Write one of --environment and --no-environment.")
    return NONE


def details_said(said: dict[str, Any]) -> dict[str, Any]:
    """What was said of it beside which one it is, as `Fleet.build_environment` takes it."""
    return {word: said[word] for word in WORDS if said[word]}
