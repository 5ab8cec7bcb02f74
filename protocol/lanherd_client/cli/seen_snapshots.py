"""The ids of snapshots that the shell offers after TAB: those that were listed last."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem
from msgspec import Struct

from lanherd_client.files import write_private
from lanherd_client.home import controller_home
from lanherd_protocol.ids import short_id
from lanherd_protocol.snapshot_messages import SnapshotView

SNAPSHOTS_MAX = 200
_NAME = "completion-snapshots.json"


class _Seen(Struct, frozen=True):
    id: str
    project: str = ""


def remember_snapshots(home: Path, snapshots: Iterable[SnapshotView]) -> None:
    """Keeps ids for later completions."""
    seen = [_Seen(short_id(view.snapshot), view.project) for view in snapshots]
    seen = [*islice(dict.fromkeys(seen), SNAPSHOTS_MAX)]
    if seen == _load(home):
        return
    try:
        write_private(home / _NAME, msgspec.json.encode(seen))
    except OSError:
        pass  # The command has done its work; the shell will offer a little less.


def complete_snapshot(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Ids of the snapshots that were listed last, each with its project."""
    home = controller_home(context.find_root().params.get("home"))
    return [
        CompletionItem(one.id, help=one.project)
        for one in _load(home)
        if one.id.startswith(incomplete)
    ]


def _load(home: Path) -> list[_Seen]:
    try:
        return msgspec.json.decode((home / _NAME).read_bytes(), type=list[_Seen])
    except (OSError, msgspec.DecodeError):
        return []
