"""A log searched on its machine: matches and progress as they come, through cuts.

A search that was cut goes on behind the last byte whose matches have arrived, so that none comes
twice. Closing the iterator (`aclose`, or leaving the loop of an `aclosing` block) ends the search
on the machine.
"""

from collections.abc import AsyncGenerator

import msgspec
from msgspec import Raw

from lanherd_client.log_reading import latest_attempt
from lanherd_client.sending import sendable
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.codec import decode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import BULK_CHUNK_BYTES_MAX
from lanherd_protocol.log_messages import LogMatches, LogSearched, LogStream, SearchLog
from lanherd_protocol.methods import LOGS_SEARCH

LENGTH_BYTES = 4
SEARCH_CREDIT_BYTES = 1024 * 1024
"""How far the machine may run ahead of whoever reads the matches."""


class SearchFrames:
    """Cuts the bytes of a search into what was found."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[LogMatches]:
        """What is whole by now. Raises PROTOCOL_ERROR for what makes no sense."""
        self._buffer += data
        found: list[LogMatches] = []
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if length > BULK_CHUNK_BYTES_MAX:
                raise _garbled(f"A part of {length} bytes is more than a search may send.")
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            try:
                body = Raw(bytes(self._buffer[LENGTH_BYTES:end]))
                found.append(decode_body(LogMatches, body))
            except LanherdError as problem:
                raise _garbled(problem.failure.message) from problem
            del self._buffer[:end]
        return found


def _garbled(message: str) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "What the machine found makes no sense.",
        message,
        "Lanherd may be older on one side than on the other: upgrade both.",
    )


async def search_log(
    session: Session,
    run: RunId,
    pattern: str,
    *,
    attempt: int = 0,
    stream: LogStream = "out",
    regex: bool = False,
    ignore_case: bool = False,
    offset: int = 0,
    matches_max: int = 1000,
) -> AsyncGenerator[LogMatches | LogSearched, None]:
    """What is found, as it is found (each with how far the search has come), and at last how it
    ended: `complete` if that was the log's end, else `matches_max` lines were found.

    `pattern` is a text, or with `regex` a regular expression in the words of Python's `re`. Line
    numbers count from `offset` on, in the bytes that are kept. Raises `MisuseError` for a pattern
    that is none or takes for ever, `NotFoundError`, and OVERLOADED when too many search at once.
    """
    with sendable():
        pattern.encode()
    attempt = attempt or await latest_attempt(session, run)
    lines, lost = 0, None
    while True:
        peer = await session.reconnected(lost)
        request = SearchLog(
            run=run,
            pattern=pattern,
            attempt=attempt,
            stream=stream,
            regex=regex,
            ignore_case=ignore_case,
            offset=offset,
            matches_max=matches_max,
        )
        first_line, frames, began_at = lines, SearchFrames(), offset
        try:
            download = peer.download(LOGS_SEARCH, request, credit_bytes=SEARCH_CREDIT_BYTES)
            async with download:
                async for data in download:
                    for part in frames.feed(data):
                        offset, lines = part.searched_to, first_line + part.lines
                        matches_max -= len(part.matches)
                        yield _counted_from(part, first_line)
                end = download.response
        except LanherdError as problem:
            stalled = problem.code is ErrorCode.TIMED_OUT and offset > began_at
            if problem.code not in LOST_CODES and not stalled:
                raise
            lost = peer if problem.code in LOST_CODES else None
            if matches_max > 0:
                continue
            end = LogSearched(attempt=attempt, offset=offset, lines=0, complete=False)
            first_line = lines
        yield msgspec.structs.replace(end, lines=first_line + end.lines)
        return


def _counted_from(part: LogMatches, first_line: int) -> LogMatches:
    if not first_line:
        return part
    matches = tuple(
        msgspec.structs.replace(match, number=first_line + match.number) for match in part.matches
    )
    return msgspec.structs.replace(part, matches=matches, lines=first_line + part.lines)
