"""What can be wrong with a request about a log, in words for people."""

import logging

from lanherd_agent.runs.log_search import READER_WAIT_S, SEARCHES_MAX, SearchProblem
from lanherd_agent.runs.log_search_child import CPU_S, MEMORY_BYTES_MAX
from lanherd_agent.runs.rundir import RunDirError
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import LOG_MATCHES_MAX, LOG_PATTERN_CHARS_MAX
from lanherd_protocol.log_messages import SearchLog

_LOG = logging.getLogger(__name__)


def no_stderr() -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The run has no log of its own for stderr.",
        "It was submitted without a split log, so its stderr is in its one log, in order.",
        "Leave the stream out, and look into that one.",
        refusal="no_stderr",
    )


def unreadable(problem: RunDirError) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The log can't be read.",
        f"{problem}",
        "Somebody put something else in its place; look at the run's directory.",
        refusal="log_replaced",
        path=str(problem.path),
        what=problem.flaw.value,
        why=problem.detail,
    )


def check_search(request: SearchLog) -> None:
    """Raise INVALID_REQUEST for what can't be looked for."""
    length = len(request.pattern)
    if not 1 <= length <= LOG_PATTERN_CHARS_MAX:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "There is nothing to look for." if not length else "The pattern is too long.",
            f"A pattern has 1 to {LOG_PATTERN_CHARS_MAX} characters, and this one {length}.",
            "Ask for a part of what you look for.",
            characters=length,
            characters_max=LOG_PATTERN_CHARS_MAX,
        )
    if not 1 <= request.matches_max <= LOG_MATCHES_MAX:
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"{request.matches_max} matches can't be asked for.",
            f"A search ends after 1 to {LOG_MATCHES_MAX} of them.",
            "Ask for fewer, and search on from where it ended.",
            refusal="bad_matches",
            matches=request.matches_max,
            matches_max=LOG_MATCHES_MAX,
        )
    if not request.regex and "\n" in request.pattern:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The pattern has a line end in it.",
            "A log is searched line by line, so nothing would ever be found.",
            "Look for one of the lines.",
            refusal="line_end",
        )


def search_error(problem: SearchProblem) -> LanherdError:
    match problem.kind:
        case "pattern":
            return _no_pattern(problem)
        case "slow":
            return error(
                ErrorCode.INVALID_REQUEST,
                "The pattern takes too long.",
                f"It was looked for with {CPU_S:g} s of processor time without getting on, in one"
                " place of the log; patterns that repeat a repetition do that, such as (a+)+.",
                "Write it so that each text can match in one way only, or look for a plain text.",
                refusal="slow_pattern",
                cpu_s=CPU_S,
            )
        case "memory":
            return error(
                ErrorCode.INVALID_REQUEST,
                "The pattern needs too much memory.",
                "A search may have 512 MB.",
                "Use smaller repeat counts, or look for a plain text.",
                refusal="large_pattern",
                memory_bytes=MEMORY_BYTES_MAX,
            )
        case "busy":
            return error(
                ErrorCode.OVERLOADED,
                "Too many searches are going on.",
                f"The machine does {SEARCHES_MAX} at once, and none of them ended meanwhile.",
                "Try again in a moment.",
                searches=SEARCHES_MAX,
            )
        case "stalled":
            return error(
                ErrorCode.TIMED_OUT,
                "The search was ended.",
                f"Nobody took what it found for {READER_WAIT_S:g} s, and others may be waiting.",
                "Search on from where it ended.",
                refusal="search_stalled",
                wait_s=READER_WAIT_S,
            )
        case "unreadable":
            return error(
                ErrorCode.NOT_FOUND,
                "The log can't be read.",
                f"{problem.text}.",
                "Look at the run's directory, and at the machine's disk.",
                refusal="log_unreadable",
                why=problem.text,
            )
        case _:
            _LOG.warning("a search of a log failed: %s", problem)
            return error(
                ErrorCode.INTERNAL,
                "The search ended without a result.",
                f"The process that searches was lost: {problem.text}.",
                "Search again; if it stays so, look at the machine's memory.",
                refusal="search_died",
                why=problem.text,
            )


def _no_pattern(problem: SearchProblem) -> LanherdError:
    at = problem.position
    place = "" if at is None else f", at character {at + 1}"
    return error(
        ErrorCode.INVALID_REQUEST,
        "The pattern is no regular expression.",
        f"{problem.text[:1].upper()}{problem.text[1:]}{place}.",
        r"Write \ before a sign that is meant as it is, or look for it as a plain text.",
        refusal="no_regex",
        **({} if at is None else {"position": at}),
    )
