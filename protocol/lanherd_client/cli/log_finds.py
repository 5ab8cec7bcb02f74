"""What a search of a log found, on its way to stdout."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from lanherd_client.cli import talk
from lanherd_client.cli.shapes import Object
from lanherd_client.cli.streaming import LogWriter
from lanherd_client.sizes import format_size
from lanherd_protocol.log_messages import LogMatch, LogMatches, LogSearched

if TYPE_CHECKING:
    Found = AsyncIterator[LogMatches | LogSearched]


async def put_matches(found: "Found", attempt: int, size_bytes: int, as_json: bool) -> None:
    """Writes each line that matches, and says at the end how many there were."""
    writer = LogWriter()
    progress = _Progress(size_bytes)
    count = 0
    async for part in found:
        if isinstance(part, LogSearched):
            progress.finish()
            await writer.finish()
            _say_end(part, count)
            return
        count += len(part.matches)
        progress.show(part.searched_to)
        if as_json:
            for match in part.matches:
                talk.put_json_line(match_shape(attempt, match))
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


def _say_end(end: LogSearched, count: int) -> None:
    if not end.complete:
        talk.say(
            f"These are the first {count} lines that match. Raise --max to see more, or search on"
            f" with --offset {end.offset}."
        )
    elif not count:
        talk.say(f"No line matches; {format_size(end.offset)} were searched.")


class _Progress:
    """How far the search has come, on a terminal whose lines aren't needed for what is found."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._watched = sys.stderr.isatty() and not sys.stdout.isatty()

    def show(self, searched_to: int) -> None:
        if self._watched:
            size_bytes = max(self._size_bytes, searched_to)
            line = f"\rSearched {format_size(searched_to)} of {format_size(size_bytes)}   "
            print(line, end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._watched:
            talk.say("")
