"""A search on the machine, through all of a log: what came, how far it is, which match is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from lanherd_protocol.log_messages import LogMatch

MATCHES_SHOWN_MAX = 1000


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for. `regex` and `ignore_case` as the machine understands them."""

    text: str
    regex: bool = False
    ignore_case: bool = True


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line that matches: its first part as text, and the match's range in that text."""

    offset: int
    number: int
    text: str
    start: int
    end: int


class RemoteSearch:
    """Collects a search's answers; `size_bytes` is how much there was to search when it began."""

    def __init__(self, query: SearchQuery, size_bytes: int) -> None:
        self.query = query
        self.size_bytes = size_bytes
        self.searched_to = 0
        self.lines: list[FoundLine] = []
        self.over = False
        self.current: int | None = None

    @property
    def share(self) -> float:
        """How much of it has been searched, from 0 to 1."""
        if self.over or self.size_bytes <= 0:
            return 1.0 if self.over else 0.0
        return min(1.0, self.searched_to / self.size_bytes)

    @property
    def capped(self) -> bool:
        """There may be more than are listed."""
        return len(self.lines) >= MATCHES_SHOWN_MAX

    def take(self, searched_to: int, matches: Sequence[LogMatch]) -> tuple[FoundLine, ...]:
        """Some more was searched; returns the lines that are new."""
        self.searched_to = max(self.searched_to, searched_to)
        room = MATCHES_SHOWN_MAX - len(self.lines)
        fresh = tuple(found_line(match) for match in matches[:room])
        self.lines.extend(fresh)
        return fresh

    def end(self) -> None:
        self.over = True

    def step(self, by: int) -> FoundLine | None:
        """The next (1) or the previous (-1) line, around the ends."""
        if not self.lines:
            return None
        if self.current is None:
            self.current = 0 if by > 0 else len(self.lines) - 1
        else:
            self.current = (self.current + by) % len(self.lines)
        return self.lines[self.current]


def found_line(match: LogMatch) -> FoundLine:
    """The bytes of a match as text; what isn't UTF-8 is replaced."""
    before = match.line[: match.start].decode("utf-8", "replace")
    inside = match.line[match.start : match.end].decode("utf-8", "replace")
    after = match.line[match.end :].decode("utf-8", "replace")
    return FoundLine(
        match.offset,
        match.number,
        before + inside + after,
        len(before),
        len(before) + len(inside),
    )
