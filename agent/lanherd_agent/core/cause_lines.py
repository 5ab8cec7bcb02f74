"""The end of a log as lines: without colours, with what a progress bar drew over as lines of its
own, and each with its address. Bytes all through, since an address counts bytes.
"""

import re
from bisect import bisect_right

LINES_MAX = 4_000
"""Of the end of a tail; a tail of nothing but short lines is read no further."""
LINE_BYTES_MAX = 2_000
"""Of a line, for a pattern: no line takes long, whatever is in it."""
TOLD_CHARS_MAX = 300

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\-_])"
)
_LINES = re.compile(rb"[^\r\n]+")
_RANKS = re.compile(
    rb"\[(?:rank|default)?(?P<rank>\d{1,5})\]:? ?|(?P<task>\d{1,5}): "
    rb"|\(\w{1,60} pid=\d{1,9}[^)]{0,200}\) ?"
)
_NO_CONTROLS = str.maketrans(dict.fromkeys((*range(32), 127), " "))


class Lines:
    """`tail` is the last bytes of a log, the first of them at `offset` of it."""

    def __init__(self, tail: bytes, offset: int) -> None:
        self._offset = offset
        self._cuts: list[int] = []
        self._cut_bytes: list[int] = []
        self._text = self._without_escapes(tail)
        self.lower = self._text.lower()
        found = _LINES.finditer(self._text)
        spans = [match.span() for match in found if not match[0].isspace()]
        if offset and len(spans) > 1 and spans[0][0] == 0:
            spans = spans[1:]  # the first of them begins in its middle
        self._spans = spans[-LINES_MAX:]
        self._starts = [start for start, _ in self._spans]

    def __len__(self) -> int:
        return len(self._spans)

    def at(self, position: int) -> int | None:
        """The number of the line around this position of the text."""
        number = bisect_right(self._starts, position) - 1
        return number if number >= 0 else None

    def start(self, number: int) -> int:
        """Where the line begins in the text."""
        return self._starts[number]

    def line(self, number: int) -> bytes:
        """The line, without what names the process of several that wrote it."""
        return self._split(number)[1]

    def rank(self, number: int) -> int | None:
        """Which of several processes wrote the line, if it says so."""
        return self._split(number)[0]

    def told(self, number: int) -> str:
        """The line as it is shown to people."""
        start, end = self._spans[number]
        text = self._text[start : min(end, start + LINE_BYTES_MAX)].decode("utf-8", "replace")
        text = text.translate(_NO_CONTROLS).rstrip()
        return text if len(text) <= TOLD_CHARS_MAX else text[: TOLD_CHARS_MAX - 1] + "…"

    def address(self, number: int) -> int:
        """Where the line begins in the log."""
        position = self._starts[number]
        before = bisect_right(self._cuts, position)
        return self._offset + position + (self._cut_bytes[before - 1] if before else 0)

    def _split(self, number: int) -> tuple[int | None, bytes]:
        start, end = self._spans[number]
        line = self._text[start : min(end, start + LINE_BYTES_MAX)].rstrip()
        prefix = _RANKS.match(line)
        if prefix is None:
            return None, line
        rank = prefix["rank"] or prefix["task"]
        return (int(rank) if rank else None), line[prefix.end() :]

    def _without_escapes(self, tail: bytes) -> bytes:
        if b"\x1b" not in tail:
            return tail
        pieces: list[bytes] = []
        end = kept = cut = 0
        for escape in _ESCAPES.finditer(tail):
            pieces.append(tail[end : escape.start()])
            kept += escape.start() - end
            end = escape.end()
            cut += end - escape.start()
            self._cuts.append(kept)
            self._cut_bytes.append(cut)
        pieces.append(tail[end:])
        return b"".join(pieces)
