"""What the command says of itself: one way to write what may be left out, and what holds then."""

from collections.abc import Iterator

import click
import pytest

from lanherd_client.cli import words
from lanherd_client.cli.commands import cli
from lanherd_client.cli.main import main
from lanherd_protocol.machine_messages import PauseView


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


def test_every_command_is_walked() -> None:
    assert {"run", "sweep stop", "queue pause", "rules set"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_may_be_left_out_stands_in_brackets(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Argument):
            shown = parameter.make_metavar(click.Context(COMMANDS[name]))
            is_optional = shown.startswith("[") and not shown.startswith("[-")
            assert is_optional is not parameter.required, shown
            assert "..." not in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_default_is_written_in_one_way(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert "[default" not in told and "when left out" not in told
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option) and isinstance(option.default, int | str):
            is_said = option.default not in (False, "", None)
            assert not is_said or (option.help or "").endswith("]"), option.opts


def test_sizes_and_durations_are_explained_where_they_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in (["run"], ["sweep", "send"]):
        assert main([*name, "--help"]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "1 GB is 1024 MB" in told and "a bare number is seconds" in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["machine"], "No such command 'machine'. Did you mean 'machines'?"),
        (["nonsense"], "No such command 'nonsense'.\n"),
        (["tag", "r", "--add", "x", "--remove", "x"], "'x' is to be added and taken off"),
        (["run", "--name", "", "--", "true"], "Invalid value for '--name': it is empty."),
        (["run"], "Missing argument 'COMMAND…'."),
        (["fetch", "r", ""], "it is empty."),
        *((["sweep", verb, ""], "it is empty.") for verb in ("stop", "status", "wait")),
    ],
)
def test_a_slip_is_told_before_anything_is_asked(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert why in capsys.readouterr().err


def test_what_ends_a_pause_may_be_pasted_into_a_shell() -> None:
    assert words.resume_line(PauseView(since=1.0, tag="x y")) == "queue resume --tag 'x y'"
    assert words.resume_line(PauseView(since=1.0)) == "queue resume"
