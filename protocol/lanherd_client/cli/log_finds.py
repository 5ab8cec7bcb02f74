"""What a search of a log found, on its way to stdout."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from lanherd_client.cli import talk
from lanherd_client.cli.shapes import Object
from lanherd_client.cli.streaming import LogWriter
from lanherd_client.sizes import format_size
from lanherd_protocol.log_messages import LogDescription, LogMatch, LogMatches, LogSearched

if TYPE_CHECKING:
    Found = AsyncIterator[LogMatches | LogSearched]


async def put_matches(
    found: "Found", described: LogDescription, offset: int, as_json: bool
) -> None:
    """Writes each line that matches from `offset` on, and says at the end how it went."""
    writer = LogWriter()
    progress = _Progress(described, offset)
    count = 0
    async for part in found:
        if isinstance(part, LogSearched):
            progress.finish()
            await writer.finish()
            _say_end(part, count, described, offset)
            return
        count += len(part.matches)
        progress.show(part.searched_to)
        if as_json:
            for match in part.matches:
                talk.put_json_line(match_shape(described.attempt, match))
        elif part.matches:
            await writer.write(b"".join(match.line + b"\n" for match in part.matches))


def match_shape(attempt: int, match: LogMatch) -> Object:
    """A line that matches; of a long one a part, and `cut` bytes of it come before that."""
    return {
        "attempt": attempt,
        "offset": match.offset,
        "number": match.number,
        "text": match.line.decode("utf-8", "replace"),
        "match": match.line[match.start : match.end].decode("utf-8", "replace"),
        "cut": match.cut,
    }


def _say_end(end: LogSearched, count: int, described: LogDescription, offset: int) -> None:
    from lanherd_client.log_reading import given_up_bytes

    if not end.complete:
        talk.say(
            f"These are the first {count} lines that match. Raise --max to see more, or search on"
            f" with --offset {end.offset}."
        )
    elif not count:
        searched = _kept_bytes(described, offset, end.offset)
        talk.say(f"No line matches; {format_size(searched)} were searched.")
    missing = given_up_bytes(described, offset, end.offset)
    if missing:
        talk.say(f"{format_size(missing)} of the log were given up for its cap; not searched.")


def _kept_bytes(described: LogDescription, begin: int, end: int) -> int:
    """How much there is to be searched between two addresses."""
    from lanherd_client.log_reading import given_up_bytes

    return max(0, end - begin) - given_up_bytes(described, begin, end)


class _Progress:
    """How far the search has come, on a terminal whose lines aren't needed for what is found."""

    def __init__(self, described: LogDescription, offset: int) -> None:
        self._described = described
        self._offset = offset
        self._watched = sys.stderr.isatty() and not sys.stdout.isatty()

    def show(self, searched_to: int) -> None:
        if self._watched:
            end = max(self._described.size_bytes, searched_to)
            done, total = (
                format_size(_kept_bytes(self._described, self._offset, to))
                for to in (searched_to, end)
            )
            line = f"\rSearched {done} of {total}   "
            print(line, end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._watched:
            talk.say("")
