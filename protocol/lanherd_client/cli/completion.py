"""What the shell offers after TAB: names and ids that were seen lately, from a small file.

Completion must answer at once, so it never asks a machine. The commands that read machines and runs
leave what they saw; deleting the file loses nothing.
"""

from collections.abc import Callable, Iterable, Sequence
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
from lanherd_protocol.states import Ended, Preparing, Queued, RunView

RUNS_MAX = 200
RECORDS_MAX = 20_000
"""Runs in which names of sweeps are looked for."""
WORDS_MAX = 100
COMMAND_CHARS_MAX = 60

Completes = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class SeenRun(Struct, frozen=True, kw_only=True):
    """A run as it was seen; `text` says what it is where it has no name."""

    id: str
    name: str = ""
    text: str = ""
    waiting: bool = False
    ended: bool = False
    held: bool = False
    pinned: bool = False


class _Seen(Struct, kw_only=True):
    machines: tuple[str, ...] = ()
    seen: tuple[SeenRun, ...] = ()
    tags: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    sweeps: tuple[str, ...] = ()


def remember(home: Path, machines: Iterable[MachineView], runs: Iterable[RunRecord]) -> None:
    """Keeps names for later completions."""
    records = [*islice(runs, RECORDS_MAX)]
    views = [record.view for record in records[:RUNS_MAX]]
    tags = dict.fromkeys(tag for view in views for tag in view.settings.tags)
    projects = dict.fromkeys(view.spec.project for view in views if view.spec.project)
    # A sweep has more runs than are kept: the one before it would be offered by nothing.
    groups = (record.view.spec.group for record in records)
    sweeps = dict.fromkeys(group.name for group in groups if group is not None)
    seen = _Seen(
        machines=tuple(machine.name for machine in machines),
        seen=tuple(map(_seen, views)),
        tags=tuple(islice(tags, WORDS_MAX)),
        projects=tuple(islice(projects, WORDS_MAX)),
        sweeps=tuple(islice(sweeps, WORDS_MAX)),
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


def complete_run_name(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of the newest runs."""
    names = dict.fromkeys(run.name for run in _load(_home_of(context)).seen if run.name)
    return _offered([*names], incomplete)


def completes_runs(wanted: Callable[[SeenRun], bool]) -> Completes:
    """Offers the names of the newest runs that are wanted, and their short ids, each with the
    other."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        runs = [run for run in _load(_home_of(context)).seen if wanted(run)]
        named: dict[str, str] = {}
        for run in runs:
            if run.name:
                named.setdefault(run.name, run.id)
        offered = (*named.items(), *((run.id, run.name or run.text) for run in runs))
        return [
            CompletionItem(word, help=of) for word, of in offered if word.startswith(incomplete)
        ]

    return complete


complete_run = completes_runs(lambda run: True)
complete_waiting_run = completes_runs(lambda run: run.waiting)


def _seen(view: RunView) -> SeenRun:
    return SeenRun(
        id=short_id(view.run),
        name=view.spec.name,
        text=" ".join(view.spec.command)[:COMMAND_CHARS_MAX],
        waiting=isinstance(view.state, Queued | Preparing),
        ended=isinstance(view.state, Ended),
        held=view.settings.held,
        pinned=view.settings.pinned,
    )
