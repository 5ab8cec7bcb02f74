"""Each command of the README's shell part is one that the command line takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from lanherd_client import Fleet, Run, blocking
from lanherd_client.cli.commands import cli
from lanherd_client.cli.start import run_command
from lanherd_client.order_checks import NAMES_IN_THE_SHELL
from lanherd_client.orders import RunOptions

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
    context = click.Context(cli, **cli.context_settings)
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


# --- from Python ---------------------------------------------------------------------------------


def from_python() -> str:
    (part,) = re.findall(r"\n## From Python\n(.*?)\n## ", README.read_text(), re.DOTALL)
    return part


def test_what_the_shell_says_of_a_run_submit_takes_by_the_same_or_the_documented_name() -> None:
    arguments = RunOptions.__annotations__.keys() | Fleet.submit.__annotations__.keys()
    words = [word for one in run_command.params for word in one.opts if word.startswith("--")]
    # What is about this invocation is nothing of the run.
    shell = {"follow", "json", "save", "saved"}
    others = {word[2:].replace("-", "_") for word in words} - arguments - shell
    documented = dict(re.findall(r"^\| `--([a-z-]+).*?\| `([a-z_]+)=", from_python(), re.MULTILINE))
    named = {option.replace("-", "_"): argument for option, argument in documented.items()}
    assert others <= named.keys()
    assert set(named.values()) <= arguments
    assert named == NAMES_IN_THE_SHELL


@pytest.mark.parametrize("face", [Run, blocking.Run])
def test_every_verb_that_is_documented_for_a_run_is_there(face: type) -> None:
    verbs = set(re.findall(r"\brun\.([a-z_]+)\(", from_python()))
    assert {"set_priority", "tag", "stop"} <= verbs
    assert [verb for verb in verbs if not callable(getattr(face, verb, None))] == []
