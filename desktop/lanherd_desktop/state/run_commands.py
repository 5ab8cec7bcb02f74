"""What can be done with a run now, and with several that are chosen together."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from lanherd_protocol.limits import PRIORITY_MAX
from lanherd_protocol.states import (
    Ended,
    Preparing,
    Queued,
    Running,
    RunState,
    RunView,
    Starting,
    Stopping,
)

PRIORITY_STEP = 10


class RunCommand(StrEnum):
    """Those in `OF_ONE` are of one run; the others are of all that are chosen."""

    AGAIN = "again"
    STOP = "stop"
    STOP_NOW = "stop_now"
    HOLD = "hold"
    RELEASE = "release"
    RESTART = "restart"
    RAISE = "raise"
    LOWER = "lower"
    MOVE_UP = "move_up"
    MOVE_DOWN = "move_down"
    EDIT = "edit"
    PIN = "pin"
    UNPIN = "unpin"
    REMOVE_FILES = "remove_files"
    SAVE_LOG = "save_log"
    COPY_ID = "copy_id"


MOVES = frozenset({RunCommand.MOVE_UP, RunCommand.MOVE_DOWN})
OF_ONE = frozenset({RunCommand.AGAIN, RunCommand.EDIT, RunCommand.SAVE_LOG}) | MOVES
NotInLine = Literal["several", "not_waiting", "held", "parked", "alone"]
_PARKED = frozenset({"held", "waits_for", "backoff"})
_WAITING = frozenset({Queued, Preparing})
_LIVE = frozenset({Starting, Running, Stopping})


def commands(view: RunView) -> frozenset[RunCommand]:
    """What makes sense for the run as it is."""
    state, settings = view.state, view.settings
    kind = type(state)
    files = view.files_removed_at is None
    parked = isinstance(state, Queued) and state.reason.code in _PARKED
    return _commands(
        kind,
        settings.held,
        settings.pinned,
        settings.priority < PRIORITY_MAX,
        settings.priority > -PRIORITY_MAX,
        files,
        files and has_log(view),
        kind in _WAITING and not settings.held and not parked,
    )


@lru_cache(maxsize=1024)
def _commands(
    state: type[RunState],
    held: bool,
    pinned: bool,
    may_rise: bool,
    may_fall: bool,
    files: bool,
    log: bool,
    in_line: bool,
) -> frozenset[RunCommand]:
    """Of all runs that are alike: a choice may be a sweep of thousands, looked at each second."""
    found = {RunCommand.AGAIN, RunCommand.EDIT, RunCommand.COPY_ID}
    if state is Ended:
        found |= {RunCommand.RESTART}
        found |= {RunCommand.REMOVE_FILES} if files and not pinned else set()
    elif state is not Stopping:
        found.add(RunCommand.STOP)
    if state in _LIVE:
        found.add(RunCommand.STOP_NOW)
    if state in _WAITING:
        found.add(RunCommand.RELEASE if held else RunCommand.HOLD)
        found |= {RunCommand.RAISE} if may_rise else set()
        found |= {RunCommand.LOWER} if may_fall else set()
        found |= MOVES if in_line else set()
    if files:
        found.add(RunCommand.UNPIN if pinned else RunCommand.PIN)
        found |= {RunCommand.SAVE_LOG} if log else set()
    return frozenset(found)


def is_in_line(view: RunView) -> bool:
    """Whether it waits for nothing but its turn and its room: such runs have neighbours."""
    return not_in_line([view]) is None


def not_in_line(views: Sequence[RunView], others: bool = True) -> NotInLine | None:
    """Why the chosen can't change places in the line; `others`: whether more stand in it."""
    if len(views) != 1:
        return "several"
    (view,) = views
    if not isinstance(view.state, Queued | Preparing):
        return "not_waiting"
    if view.settings.held:
        return "held"
    if isinstance(view.state, Queued) and view.state.reason.code in _PARKED:
        return "parked"
    return None if others else "alone"


def commands_of(kinds: Iterable[frozenset[RunCommand]], count: int) -> frozenset[RunCommand]:
    """What makes sense for at least one of those that are chosen: `kinds` are what does for each,
    `count` are they."""
    found = frozenset[RunCommand]().union(*kinds)
    return found if count == 1 else found - OF_ONE


def has_log(view: RunView) -> bool:
    """Whether any of its attempts was started."""
    if view.earlier or type(view.state) in _LIVE:
        return True
    return isinstance(view.state, Ended) and view.state.started_at is not None


def shifted_priority(priority: int, by: int) -> int:
    """A priority one step higher or lower, within its bounds."""
    return max(-PRIORITY_MAX, min(PRIORITY_MAX, priority + by * PRIORITY_STEP))
