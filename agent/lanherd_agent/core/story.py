"""What happened to each run lately, for the error that says that something can't be.

Only runs that are not over have a story, and only its last lines: a tuple each, since a deque
would cost more than half a KiB for every one of thousands of runs in line.
"""

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id

LINES_MAX = 16


class Stories:
    """The rings of recent events, by run."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[RunId, tuple[tuple[float, str, str], ...]] = {}

    def add(self, run: RunId, now: float, cause: str, state: str) -> None:
        """Say that `cause` left the run in `state`."""
        self._lines[run] = (*self._lines.get(run, ())[1 - LINES_MAX :], (now, cause, state))

    def forget(self, run: RunId) -> None:
        self._lines.pop(run, None)

    def tell(self, run: RunId) -> str:
        """The story, oldest line first; empty where there is none."""
        lines = self._lines.get(run, ())
        return "\n".join(f"{at:.3f} {cause} → {state}" for at, cause, state in lines)


def impossible(stories: Stories, run: RunId, attempt: int, state: str, cause: str) -> LanherdError:
    """The error for a transition that the table doesn't have."""
    return error(
        ErrorCode.INTERNAL,
        f"Run {short_id(run)} can't take {cause} while it is {state}.",
        f"What happened to attempt {attempt} lately:\n{stories.tell(run) or 'nothing known'}",
        "This is a bug of Lanherd; please report it with the lines above.",
        run=run,
        attempt=attempt,
        state=state,
        cause=cause,
    )
