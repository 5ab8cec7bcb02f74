"""`lanherd run --saved NAME` and `--save NAME`: a run that the project keeps."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from lanherd_client.cli import talk
from lanherd_client.cli.options import not_empty
from lanherd_client.cli.secret_values import read_secrets
from lanherd_client.durations import format_duration
from lanherd_client.orders import RunOptions
from lanherd_client.projects.project_file import ProjectFile, read_project_file, save_run
from lanherd_client.projects.saved_runs import RUN_KEYS, SavedRun
from lanherd_client.sizes import GB, KB, MB, TB, exact_size
from lanherd_protocol.errors import ErrorCode, LanherdError, error

_BESIDE = ("wait_for_others", "beside_others")
_MACHINE = ("machine", "on")
_ENVIRONMENT = ("environment", "no_environment")


def complete_saved(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of the runs that the project of this folder keeps."""
    try:
        said = read_project_file(_folder(context.params.get("project")))
    except LanherdError:
        return []
    runs = {} if said is None else said.runs
    return [
        CompletionItem(name, help=" ".join(run.command))
        for name, run in runs.items()
        if name.startswith(incomplete)
    ]


saved_option = click.option(
    "--saved",
    metavar="NAME",
    callback=not_empty,
    shell_complete=complete_saved,
    help="A run that the project keeps in its .lanherd/project.toml; the current folder is the"
    " project then. What is said beside it goes first, a COMMAND too.",
)


save_option = click.option(
    "--save",
    metavar="NAME",
    callback=not_empty,
    help="Keep this run in the project under NAME for --saved, then start it. Of secrets only the"
    " names are kept.",
)

_SIZES = ("vram", "memory", "disk", "log-cap")
_DURATIONS = ("time-limit", "grace", "backoff")
_PARAMETERS = {
    "on": "on",
    "wait-for-others": "wait_for_others",
    "beside-others": "beside_others",
}


def keep(context: click.Context, said: dict[str, Any]) -> None:
    """Writes what was said into the project's file. Raises PROJECT_UNREADABLE where that can't
    be."""
    table: dict[str, Any] = {"command": list(said["command"])}
    for key, (argument, _) in RUN_KEYS.items():
        parameter = _PARAMETERS.get(key, argument)
        if key != "command" and _is_said(context, parameter):
            table[key] = _written(key, said[parameter])
    save_run(_folder(said["project"]), said["save"], table)


def _written(key: str, value: Any) -> Any:
    """A value as the project's file has it, and a person writes it."""
    if key in _SIZES:
        return _size(value)
    if key in _DURATIONS:
        return format_duration(value)
    if key == "on":
        return [name for part in value.split(",") if (name := part.strip())]
    if key == "secrets":
        return list(value)
    return list(value) if isinstance(value, tuple) else value


def _size(size_bytes: int) -> str:
    """In the largest unit of which it is a whole number."""
    for unit, factor in (("TB", TB), ("GB", GB), ("MB", MB), ("KB", KB)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return exact_size(size_bytes)


def _is_said(context: click.Context, *names: str) -> bool:
    """Whether one of these parameters stands on the command line."""
    sources = [context.get_parameter_source(name) for name in names]
    return any(source not in (None, ParameterSource.DEFAULT) for source in sources)


def _folder(project: Path | None) -> Path:
    return (Path() if project is None else project).expanduser()


def with_saved(context: click.Context, said: dict[str, Any]) -> dict[str, Any]:
    """What was said, with what the saved run says of the rest. Raises NOT_FOUND, with the names
    that there are, and a usage error where there is no command."""
    name = said["saved"]
    filled = {**said, "saved_options": {}, "saved_vram": None, "saved_machine": None}
    if name is not None and said["save"] is not None:
        raise click.UsageError("Say --saved NAME, or --save NAME; not both.")
    if name is not None:
        folder = _folder(said["project"])
        filled.update(project=folder, **_fill(context, said, _found(folder, name)))
    if not filled["command"]:
        raise click.MissingParameter(ctx=context, param_hint="'COMMAND…'", param_type="argument")
    if said["save"] is not None:
        keep(context, said)
        talk.say(f"Kept: 'lanherd run --saved {said['save']}' starts it again.")
    return filled


def _found(folder: Path, name: str) -> SavedRun:
    said = read_project_file(folder)
    runs = ProjectFile("", "").runs if said is None else said.runs
    if name not in runs:
        raise error(
            ErrorCode.NOT_FOUND,
            f"The project in {folder} keeps no run called '{name}'.",
            f"It keeps: {', '.join(runs)}." if runs else "It keeps none.",
            "Write it into .lanherd/project.toml as in [runs.train], or see 'lanherd project"
            " show'.",
        )
    return runs[name]


def _fill(context: click.Context, said: dict[str, Any], saved: SavedRun) -> dict[str, Any]:
    """The values of the saved run where nothing else was said."""
    is_said = functools.partial(_is_said, context)
    filled: dict[str, Any] = {"saved_options": _rest(saved.options, is_said)}
    for name in ("gpus", "exclusive", "name"):
        if not is_said(name):
            filled[name] = getattr(saved, name)
    if not is_said("vram"):
        filled["saved_vram"] = saved.vram
    if not is_said(*_MACHINE):
        filled["saved_machine"] = saved.machine
    if not is_said(*_ENVIRONMENT):
        filled["no_environment"] = saved.no_environment
    filled["command"] = said["command"] or saved.command
    filled["variables"] = {**saved.variables, **said["variables"]}
    unsaid = tuple(name for name in saved.secrets if name not in said["secrets"])
    parameter = next(one for one in context.command.params if one.name == "secrets")
    filled["secrets"] = {**read_secrets(context, parameter, unsaid), **said["secrets"]}
    filled["retries"] = said["retries"] or saved.options.get("retries", 0)
    return filled


def _rest(options: RunOptions, is_said: Callable[..., bool]) -> dict[str, Any]:
    rest: dict[str, Any] = dict(options)
    for name in options:
        if is_said(*(_BESIDE if name == "beside_others" else (name,))):
            del rest[name]
    return rest
