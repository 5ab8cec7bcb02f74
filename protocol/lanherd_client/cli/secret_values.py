"""Where the value of a `--secret` comes from: never from the command line itself.

What stands on a command line is in the shell's history, and in the process list of everybody on
this machine.
"""

import os
import re
import sys
from pathlib import Path

import click

from lanherd_client.cli import talk
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import SECRET_BYTES_MAX, SECRETS_PER_RUN_MAX

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_secrets(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """The callback of `--secret`: names with their values. A final line end is left away."""
    if context.resilient_parsing:
        return {}
    secrets: dict[str, str] = {}
    if sum(value.endswith("=-") for value in values) > 1:
        raise click.BadParameter("standard input can be read once, so for one secret only.")
    for value in values:
        name, sign, source = value.partition("=")
        if not _NAME.fullmatch(name):
            raise click.BadParameter(
                f"{name!r} is no name. It has letters, digits and '_', and no digit first."
            )
        if name in secrets:
            raise click.BadParameter(f"{name!r} was given twice.")
        secrets[name] = _checked(name, _value(name, sign, source))
    if len(secrets) > SECRETS_PER_RUN_MAX:
        raise click.BadParameter(f"a run has {SECRETS_PER_RUN_MAX} secrets at most.")
    return secrets


def _value(name: str, sign: str, source: str) -> str:
    if not sign:
        return _from_environment(name)
    if source == "-":
        return _without_end(name, sys.stdin.read())
    if source.startswith("@") and len(source) > 1:
        return _from_file(name, Path(source[1:]))
    raise click.BadParameter(
        f"the value of {name} was written on the command line, where the shell's history and every"
        " user's process list show it; it was not used. Put it into the environment variable"
        f" {name} and write --secret {name}, or into a file and write --secret {name}=@FILE, or"
        f" pipe it in with --secret {name}=-."
    )


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is not None:
        return value
    if sys.stdin.isatty():
        entered: str = click.prompt(
            f"Value of {name} (not shown)",
            hide_input=True,
            err=True,
            default="",
            show_default=False,
        )
        return entered
    raise click.BadParameter(
        f"there is no value for {name}: no environment variable has that name, and there is no"
        f" terminal to ask at. Set it, or write --secret {name}=@FILE, or --secret {name}=- to"
        " read standard input."
    )


def _from_file(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 3)
        return _without_end(name, content.decode())
    except OSError as problem:
        raise error(
            ErrorCode.CONFLICT,
            f"The value of {name} can't be read from {path}.",
            f"{problem.strerror or problem}.",
            "Name a file that you may read.",
        ) from problem
    except UnicodeDecodeError as problem:
        raise click.BadParameter(
            f"the value of {name} in {path} is no UTF-8 text; encode it first, such as with base64."
        ) from problem


def _without_end(name: str, text: str) -> str:
    """A value without its last line end, which editors and 'echo' add to what people mean."""
    value = text.removesuffix("\n").removesuffix("\r")
    if value != text and "\n" in value:
        # Of several lines, such as a key, the last may be no line to its reader without its end.
        talk.say(
            f"The last line end of {name} is left away. If its reader needs it, as ssh does of a"
            " key, put an empty line behind it."
        )
    return value


def _checked(name: str, value: str) -> str:
    if not value:
        raise click.BadParameter(f"the value of {name} is empty.")
    try:
        size_bytes = len(value.encode())
    except UnicodeEncodeError:
        raise click.BadParameter(
            f"the value of {name} is no UTF-8 text; encode it first, such as with base64."
        ) from None
    if size_bytes > SECRET_BYTES_MAX:
        raise click.BadParameter(
            f"the value of {name} has more than {SECRET_BYTES_MAX // 1024} KB."
            " Put large data into a file of the machine."
        )
    return value
