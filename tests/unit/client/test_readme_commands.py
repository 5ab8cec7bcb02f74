"""Each command of the README's shell part is one that the command line takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from lanherd_client.cli.commands import cli

README = Path(__file__).parents[3] / "README.md"


def documented() -> list[str]:
    (block,) = re.findall(r"```\n(lanherd machines\n.*?)```", README.read_text(), re.DOTALL)
    return [line for line in block.splitlines() if line]


@pytest.mark.parametrize("line", documented())
def test_a_documented_command_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "x")
    program, *arguments = shlex.split(line)
    assert program == "lanherd"
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
        context = click.Context(command, parent=context, info_name=name)
    made = command.make_context(line, arguments, parent=context.parent)
    assert made.args == []


def test_every_verb_about_runs_is_documented() -> None:
    shown = {shlex.split(line)[1] for line in documented()}
    said = set(re.findall(r"`lanherd ([a-z-]+)", README.read_text()))
    every = set(cli.list_commands(click.Context(cli)))
    # What is a verb's twin, or answers about the programs themselves, needs no line.
    assert every - shown - said == {"status", "unpin", "version"}
