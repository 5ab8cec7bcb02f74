"""What the shell offers after TAB: names and ids that were seen lately, from a small file.

Completion must answer at once, so it never asks a machine. The commands that read machines and runs
leave what they saw; deleting the file loses nothing.
"""

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem
from msgspec import Struct

from lanherd_client.files import write_private
from lanherd_client.home import controller_home
from lanherd_client.mirror import MachineView, RunRecord
from lanherd_protocol.ids import short_id

RUNS_MAX = 200


class _Seen(Struct, kw_only=True):
    machines: tuple[str, ...] = ()
    runs: tuple[tuple[str, str], ...] = ()


def remember(home: Path, machines: Iterable[MachineView], runs: Iterable[RunRecord]) -> None:
    """Keeps names for later completions."""
    newest = [
        (short_id(r.view.run), r.view.spec.name or " ".join(r.view.spec.command)) for r in runs
    ]
    seen = _Seen(
        machines=tuple(machine.name for machine in machines), runs=tuple(newest[:RUNS_MAX])
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
    names = _load(_home_of(context)).machines
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Short ids of the newest runs, with their names."""
    runs = _load(_home_of(context)).runs
    return [CompletionItem(run, help=name) for run, name in runs if run.startswith(incomplete)]
