"""What a request about an attempt names: its directory, and a range of a file's bytes."""

from lanherd_agent.home import AgentHome
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.states import RunView

FILE_OFFSET_MAX = 2**62
"""Beyond any file, and far enough from off_t's end to add a length to it."""


def attempt_dir(home: AgentHome, view: RunView, attempt: int) -> AttemptDir:
    """The directory of an attempt, 0 meaning the latest. Raises NOT_FOUND."""
    if not 0 <= attempt <= view.attempt:
        raise error(
            ErrorCode.NOT_FOUND,
            f"The run has no attempt {attempt}.",
            f"Its latest is {view.attempt}.",
            "Ask for that one, or for 0, which means the latest.",
        )
    return AttemptDir.of(home.root, view.run, attempt or view.attempt)


def check_range(offset: int, length: int | None) -> None:
    """Raise INVALID_REQUEST for what can be no range of a file."""
    if 0 <= offset <= FILE_OFFSET_MAX and (length is None or 0 <= length <= FILE_OFFSET_MAX):
        return
    raise error(
        ErrorCode.INVALID_REQUEST,
        "These bytes can't be asked for.",
        f"No file has {'bytes' if length is None else f'{length} bytes'} at {offset}.",
        "Begin at 0, and ask for a length that isn't negative.",
    )
