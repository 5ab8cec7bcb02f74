"""What the shell offers after TAB: names and ids that were seen lately, from a small file.

Completion must answer at once, so it never asks a machine. The commands that read machines and runs
leave what they saw; deleting the file loses nothing.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem
from msgspec import Struct

from lanherd_client.files import write_private
from lanherd_client.home import controller_home
from lanherd_client.mirror import MachineView, RunRecord
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import Preparing, Queued

RUNS_MAX = 200
WORDS_MAX = 100
COMMAND_CHARS_MAX = 60


class _Seen(Struct, kw_only=True):
    machines: tuple[str, ...] = ()
    runs: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    sweeps: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    """Of `runs`, by short id."""


def remember(home: Path, machines: Iterable[MachineView], runs: Iterable[RunRecord]) -> None:
    """Keeps names for later completions."""
    views = [record.view for record in islice(runs, RUNS_MAX)]
    names: dict[str, str] = {}
    for view in views:
        if view.spec.name:
            names.setdefault(view.spec.name, short_id(view.run))
    tags = dict.fromkeys(tag for view in views for tag in view.settings.tags)
    projects = dict.fromkeys(view.spec.project for view in views if view.spec.project)
    sweeps = dict.fromkeys(view.spec.group.name for view in views if view.spec.group is not None)
    seen = _Seen(
        machines=tuple(machine.name for machine in machines),
        runs=tuple(
            (short_id(view.run), view.spec.name or " ".join(view.spec.command)[:COMMAND_CHARS_MAX])
            for view in views
        ),
        names=tuple(names.items()),
        tags=tuple(islice(tags, WORDS_MAX)),
        projects=tuple(islice(projects, WORDS_MAX)),
        sweeps=tuple(islice(sweeps, WORDS_MAX)),
        waiting=tuple(
            short_id(view.run) for view in views if isinstance(view.state, Queued | Preparing)
        ),
    )
    if seen == _load(home):
        return
    try:
        write_private(home / "completion.json", msgspec.json.encode(seen))
    except OSError:
        pass  # The command has done its work; the shell will offer a little less.


def _load(home: Path) -> _Seen:
    try:
        return msgspec.json.decode((home / "completion.json").read_bytes(), type=_Seen)
    except (OSError, msgspec.DecodeError):
        return _Seen()


def _home_of(context: click.Context) -> Path:
    return controller_home(context.find_root().params.get("home"))


def complete_machine(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of known machines."""
    return _offered(_load(_home_of(context)).machines, incomplete)


def complete_tag(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Tags of the newest runs."""
    return _offered(_load(_home_of(context)).tags, incomplete)


def complete_project(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Projects of the newest runs."""
    return _offered(_load(_home_of(context)).projects, incomplete)


def complete_sweep(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of the sweeps of the newest runs."""
    return _offered(_load(_home_of(context)).sweeps, incomplete)


def _offered(words: Sequence[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def complete_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of the newest runs and their short ids, each with the other."""
    seen = _load(_home_of(context))
    offered = (*seen.names, *seen.runs)
    return [CompletionItem(word, help=of) for word, of in offered if word.startswith(incomplete)]


def complete_waiting_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """As `complete_run`, of the runs that waited when they were seen."""
    seen = _load(_home_of(context))
    names = [(name, run) for name, run in seen.names if run in seen.waiting]
    runs = [(run, of) for run, of in seen.runs if run in seen.waiting]
    return [
        CompletionItem(word, help=of) for word, of in (*names, *runs) if word.startswith(incomplete)
    ]
