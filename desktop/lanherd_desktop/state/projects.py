"""Projects as the desktop lists them: a folder, and what became of its runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import RunRow


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """`last_kind` and `last_at` are those of its newest run; `runs` counts them all."""

    folder: str
    name: str
    runs: int = 0
    last_kind: ChipKind | None = None
    last_at: float | None = None


def project_rows(folders: Iterable[str], runs: Iterable[RunRow]) -> list[ProjectRow]:
    """The remembered folders, in their order, with what is known of their runs."""
    by_name: dict[str, list[RunRow]] = {}
    for row in runs:
        by_name.setdefault(row.project, []).append(row)
    rows = []
    for folder in folders:
        name = PurePath(folder).name
        mine = by_name.get(name, [])
        newest = max(mine, key=lambda row: (row.submitted_at, row.run), default=None)
        rows.append(
            ProjectRow(
                folder=folder,
                name=name,
                runs=len(mine),
                last_kind=newest.kind if newest is not None else None,
                last_at=newest.submitted_at if newest is not None else None,
            )
        )
    return rows
