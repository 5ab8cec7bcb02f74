"""What the command says of itself: one way to write what may be left out, and what holds then."""

from collections.abc import Iterator

import click
import pytest

from lanherd_client.cli.commands import cli
from lanherd_client.cli.main import main


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
