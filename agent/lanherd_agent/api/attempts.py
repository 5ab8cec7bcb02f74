"""What a request about an attempt names: its directory, and a range of a file's bytes."""

from datetime import UTC, datetime

from lanherd_agent.home import AgentHome
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.states import Ended, Running, RunView, Stopping

FILE_OFFSET_MAX = 2**62
"""Beyond any file, and far enough from off_t's end to add a length to it."""


def attempt_dir(home: AgentHome, view: RunView, attempt: int) -> AttemptDir:
    """The directory of an attempt, 0 meaning the latest. Raises NOT_FOUND, also when the run's
    files were removed."""
    if not 0 <= attempt <= view.attempt:
        raise error(
            ErrorCode.NOT_FOUND,
            f"The run has no attempt {attempt}.",
            f"Its latest is {view.attempt}.",
            "Ask for one up to that, or leave the attempt out for the latest.",
            refusal="no_attempt",
            attempt=attempt,
            latest=view.attempt,
        )
    if view.files_removed_at is not None:
        raise _files_removed(view.run, view.files_removed_at)
    directory = AttemptDir.of(home.root, view.run, attempt or view.attempt)
    if has_run(view, directory.attempt) and not directory.path.is_dir():
        # Out of sight already, and not yet told of; or removed by hand.
        raise _files_gone(view.run)
    return directory


def latest_begun(home: AgentHome, view: RunView) -> int:
    """The latest attempt that has files: the next one may still wait, or never have begun."""
    for attempt in range(view.attempt, 0, -1):
        if AttemptDir.of(home.root, view.run, attempt).path.is_dir():
            return attempt
    return view.attempt


def has_run(view: RunView, attempt: int) -> bool:
    """Whether the attempt was started, so that it has files."""
    if attempt < view.attempt:
        earlier = {end.attempt: end.started_at for end in view.earlier}
        return earlier.get(attempt) is not None
    if isinstance(view.state, Running | Stopping):
        return True
    return isinstance(view.state, Ended) and view.state.started_at is not None


def _files_removed(run: RunId, at: float) -> LanherdError:
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return error(
        ErrorCode.NOT_FOUND,
        f"The files of run {short_id(run)} were removed.",
        f"Its logs and outputs went on {when}, as somebody or a rule of the machine wanted.",
        "Pin a run to keep its files; restart it to have them made again.",
        run=run,
        removed_at=at,
    )


def _files_gone(run: RunId) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The files of run {short_id(run)} are gone.",
        "They are being removed, or were removed by hand.",
        "Restart the run to have them made again.",
        refusal="files_gone",
        run=run,
    )


def check_range(offset: int, length: int | None) -> None:
    """Raise INVALID_REQUEST for what can be no range of a file."""
    if 0 <= offset <= FILE_OFFSET_MAX and (length is None or 0 <= length <= FILE_OFFSET_MAX):
        return
    raise error(
        ErrorCode.INVALID_REQUEST,
        "These bytes can't be asked for.",
        f"No file has {'bytes' if length is None else f'{length} bytes'} at {offset}.",
        "Begin at 0, and ask for a length that isn't negative.",
        refusal="bad_range" if length is None else "bad_length",
        offset=offset,
        **({} if length is None else {"length": length}),
    )
