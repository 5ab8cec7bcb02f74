"""The group of commands: each is imported when it is called.

Exit codes: 0 done, 1 failed, 2 usage, 3 machine unreachable, 4 not allowed, 5 not found, 130
interrupted. 'Usage' is all that can't be done because of what was asked for, whoever finds it out;
'failed' is what stood in its way: a run's end or state, a machine, a file system. Data goes to
stdout, talk to stderr.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from lanherd_client.cli import talk
from lanherd_client.cli.options import NamedPath
from lanherd_client.cli.terminal import plain
from lanherd_client.cli.version import version_line
from lanherd_client.home import HOME_VARIABLE
from lanherd_protocol import __version__
from lanherd_protocol.errors import ErrorCode, LanherdError, error

_HOMES = {
    "machines": "look",
    "gpus": "gpus",
    "cordon": "controls",
    "uncordon": "controls",
    "queue": "controls",
    "history": "history",
    "status": "look",
    "run": "start",
    "runs": "runs",
    "show": "show",
    "why": "why",
    "attempts": "show",
    "wait": "wait",
    "sweep": "sweep",
    "push": "push",
    "project": "project",
    "logs": "logs",
    "outputs": "outputs",
    "fetch": "outputs",
    "stop": "change",
    "hold": "change",
    "release": "change",
    "priority": "change",
    "tag": "change",
    "note": "change",
    "pin": "change",
    "unpin": "change",
    "restart": "change",
    "remove-files": "change",
    "snapshots": "snapshots",
    "env": "env",
    "retention": "retention",
    "rules": "rules",
    "pair": "pair",
    "forget": "pair",
    "version": "version",
}


_RUN_ARGUMENTS = ("run", "runs")
_RUN_MEANT = (
    "RUN is a run's id, 4 or more characters of its beginning or end, or its name: of several with"
    " one name the one that has not ended, or else the newest."
)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        name = f"{cmd_name.replace('-', '_')}_command"
        command = getattr(import_module(f"lanherd_client.cli.{home}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{home}.{cmd_name}_command is not a command")
        if any(parameter.name in _RUN_ARGUMENTS for parameter in command.params):
            command.epilog = _RUN_MEANT
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _HOMES and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = " or ".join(map(repr, get_close_matches(name, _HOMES)))
            ctx.fail(f"No such command {name!r}.{f' Did you mean {near}?' if near else ''}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Caught here, since click itself would call it a failure.
            raise talk.ReaderLeftError from None


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    epilog='TAB completion: eval "$(_LANHERD_COMPLETE=bash_source lanherd)" in ~/.bashrc;'
    " zsh_source and fish_source for the other shells.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    type=NamedPath(),
    envvar=HOME_VARIABLE,
    help=f"Folder of this controller's own state. [${HOME_VARIABLE}, else one in your data folder]",
)
@click.version_option(__version__, "--version", message=version_line())
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """The GPU machines in a room as one pool. Without a command it opens the desktop."""
    if home is not None:
        os.environ[HOME_VARIABLE] = str(home.expanduser().absolute())
    if context.invoked_subcommand is None:
        open_desktop()


def open_desktop() -> None:
    """Becomes the desktop; the client itself never imports it."""
    missing = [name for name in ("lanherd_desktop", "PySide6") if find_spec(name) is None]
    if missing:
        raise error(
            ErrorCode.NOT_FOUND,
            "The desktop is not installed.",
            f"This Python has no {' and no '.join(missing)}.",
            "Install it with: pip install 'lanherd[desktop]'. See 'lanherd --help' for the rest.",
        )
    os.execv(sys.executable, [sys.executable, "-m", "lanherd_desktop"])


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit code. Ctrl+C is left to the entry point."""
    try:
        result = cli.main(arguments, prog_name="lanherd", standalone_mode=False)
    except LanherdError as problem:
        talk.say_failure(problem.failure)
        return talk.exit_code(problem.code)
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except click.Abort:
        return talk.INTERRUPTED
    except talk.ReaderLeftError as left:
        _drop_output()
        return left.exit_code
    except OSError as problem:
        _drop_output()
        where = f"{problem.filename} can't be used" if problem.filename else "The output was lost"
        talk.say(f"lanherd: {plain(where)}: {problem.strerror or problem}.")
        return talk.FAILED
    return result if isinstance(result, int) else talk.OK


def _drop_output() -> None:
    # What is still buffered has no reader, and must not be written when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
