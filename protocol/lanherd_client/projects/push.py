"""Bringing a project to a machine: what it has already isn't sent again.

The folder is read (`scan.py`), and while that goes on the machine is asked about what was found,
and sent what it lacks, small files packed together. The manifest comes last, as what differs from
the one before where that is known. A push that is cut or cancelled leaves blobs behind that the
next push finds, and never half a snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.projects.fanout import push_to_all
from lanherd_client.projects.push_progress import Caller, Line, PushProgress, PushResult
from lanherd_protocol.errors import LanherdError

__all__ = ["Caller", "Line", "PushProgress", "PushResult", "push", "push_through"]


async def push(
    caller: Caller,
    folder: Path,
    progress: Callable[[PushProgress], None] | None = None,
    *,
    home: Path | None = None,
    machine: str = "",
    project: str = "",
) -> PushResult:
    """Brings the folder's present state to a machine over one connection; returns its snapshot.

    `progress` is called in this event loop. `machine` is the machine's id, under which `home`
    remembers what it has; `project` the name under which it lists the snapshot. Raises
    PROJECT_UNREADABLE, PROJECT_EMPTY, PROJECT_CHANGED, TOO_LARGE, and whatever the machine or the
    connection says.
    """
    line = _OneCaller(caller, machine)
    return await push_through(line, folder, progress, home=home, project=project)


async def push_through(
    line: Line,
    folder: Path,
    progress: Callable[[PushProgress], None] | None = None,
    *,
    home: Path | None = None,
    project: str = "",
) -> PushResult:
    """The same over a line, which may have one connection after the other."""

    def tell(_: int, told: PushProgress) -> None:
        if progress is not None:
            progress(told)

    pushed = await push_to_all([line], folder, tell, home=home, project=project)
    (outcome,) = pushed.outcomes
    if isinstance(outcome, LanherdError):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class _OneCaller:
    """A connection that nothing comes after."""

    connection: Caller
    machine: str

    async def caller(self, lost: LanherdError | None) -> Caller:
        if lost is not None:
            raise lost
        return self.connection
