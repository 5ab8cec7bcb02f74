"""The bodies of the calls about logs. Append-only, as `messages.py` is."""

from typing import Literal

from msgspec import Struct

from lanherd_protocol.ids import RunId

LogSource = Literal["run", "build"]
LogStream = Literal["out", "err"]


class ReadLog(Struct, frozen=True, kw_only=True):
    """Download of a log from `offset` on; with `follow` until the attempt has ended.

    `length` None means to the end. `attempt` 0 means the latest. The build log is that of the
    environment. `stream` err is for a run whose spec splits its log.
    """

    run: RunId
    attempt: int = 0
    source: LogSource = "run"
    offset: int = 0
    length: int | None = None
    follow: bool = False
    stream: LogStream = "out"


class LogEnd(Struct, frozen=True, kw_only=True):
    """`offset` is behind the last byte sent; `complete` when no more can ever come.

    `gap_to`: the bytes from `offset` up to there were given up for the log's cap; read on there.
    """

    attempt: int
    offset: int
    complete: bool
    gap_to: int | None = None


class DescribeLog(Struct, frozen=True, kw_only=True):
    run: RunId
    attempt: int = 0
    stream: LogStream = "out"


class LogDescription(Struct, frozen=True, kw_only=True):
    """A log as it is now: bytes [`gap_from`, `gap_to`) are given up (both 0: none).

    `times` are pairs of an offset and the Unix time at which the log had grown to it, in order.
    `problem` says why the log's cap can't be kept, where it can't. `missing`: the attempt was
    started, and its log isn't there: somebody has removed it.
    """

    attempt: int
    size_bytes: int
    stored_bytes: int
    gap_from: int = 0
    gap_to: int = 0
    times: tuple[tuple[int, float], ...] = ()
    complete: bool = False
    problem: str = ""
    missing: bool = False


class SearchLog(Struct, frozen=True, kw_only=True):
    """Search a log on its machine, line by line. The download is a sequence of a 4-byte length
    (big-endian) and a LogMatches in msgpack; it ends after `matches_max` lines or at the end.

    A line that is longer than 1 MiB is searched in parts, each as a line of the same number. What
    was given up for the log's cap is passed over, and ends a line: lines are counted in the bytes
    that are really searched.
    """

    run: RunId
    pattern: str
    attempt: int = 0
    stream: LogStream = "out"
    regex: bool = False
    ignore_case: bool = False
    offset: int = 0
    matches_max: int = 1000


class LogMatch(Struct, frozen=True, array_like=True):
    """A line that matches: where it begins, its number counted from the search's offset (0 is the
    first), its bytes, and the first match's range in them.

    Of a long line there are LOG_MATCH_LINE_BYTES_MAX bytes around the match, and `cut` is how many
    of the line come before them.
    """

    offset: int
    number: int
    line: bytes
    start: int
    end: int
    cut: int = 0


class LogMatches(Struct, frozen=True, array_like=True):
    """What was found up to the byte `searched_to`; comes without matches as progress too.

    `lines` ended before that byte: whoever searches on from there counts on from them.
    """

    searched_to: int
    matches: tuple[LogMatch, ...] = ()
    lines: int = 0


class LogSearched(Struct, frozen=True, kw_only=True):
    """`offset` is behind the last byte searched; `complete` if that was the log's end then."""

    attempt: int
    offset: int
    lines: int
    complete: bool
