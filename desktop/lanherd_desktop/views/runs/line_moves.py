"""One place ahead or behind in a machine's line.

Only the machine knows its line: it is asked for at the moment of the move, and the neighbour there
is the one that the run changes places with.
"""

from dataclasses import dataclass
from enum import Enum

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_commands import is_in_line
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.states import RunView

FIRST_LOOKED_AT, LOOKED_AT_MAX = 100, 10_000
"""So many of the line are asked for: most of what is moved stands near its beginning."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The neighbour it changed places with, and which of the two is ahead now."""

    neighbour: RunView
    ahead: RunId
    behind: RunId


class Unmoved(Enum):
    """Why nothing was moved."""

    FIRST = "first"
    LAST = "last"
    OUT_OF_SIGHT = "out_of_sight"


async def move_by_one(
    key: RunKey, up: bool, fleet: Fleet, job: Job[Moved | Unmoved]
) -> Moved | Unmoved:
    """Change places with the neighbour that waits on the same machine."""
    machine, run = key
    line, whole = await _line_around(fleet, machine, run)
    place = next((n for n, view in enumerate(line) if view.run == run), None)
    if place is None:
        return Unmoved.OUT_OF_SIGHT
    if up and place == 0:
        return Unmoved.FIRST
    if not up and place == len(line) - 1:
        return Unmoved.LAST if whole else Unmoved.OUT_OF_SIGHT
    neighbour = line[place - 1 if up else place + 1]
    ahead, behind = (run, neighbour.run) if up else (neighbour.run, run)
    await fleet.run_at(machine, ahead).move_before(behind)
    return Moved(neighbour, ahead, behind)


async def move_back(machine: DeviceId, moved: Moved, fleet: Fleet, job: Job[None]) -> None:
    """As they stood before."""
    await fleet.run_at(machine, moved.behind).move_before(moved.ahead)


async def _line_around(fleet: Fleet, machine: DeviceId, run: RunId) -> tuple[list[RunView], bool]:
    """The line as far as the run and the one behind it, and whether that is all of it."""
    listed = await fleet.queue(machine, FIRST_LOOKED_AT)
    if listed.total > len(listed.runs) and run not in {view.run for view in listed.runs[:-1]}:
        listed = await fleet.queue(machine, LOOKED_AT_MAX)
    line = [view for view in listed.runs if is_in_line(view)]
    return line, len(line) < len(listed.runs) or listed.total <= len(listed.runs)
