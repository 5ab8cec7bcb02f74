"""Text from machines on a person's terminal: colours pass, everything else that steers it doesn't.

A log may hold any byte. Sent to a terminal as it is, it could move the cursor, set the title or
make the terminal answer as if the person had typed.
"""

import codecs
import re

_ESCAPE = "\x1b"
_SEQUENCE_CHARS_MAX = 64
_COLOUR = r"\x1b\[[0-9;:]*m"
# Other sequences: CSI; OSC and the other strings, up to their end; two-character ones.
_OTHER = r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
_STEERING = re.compile(f"({_COLOUR})|{_OTHER}|{_CONTROL}")
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text on one line, with every control character replaced by '�'."""
    return _NOT_PLAIN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The same for a text that may have several lines: they follow each other."""
    return plain(" ".join(line.strip() for line in text.splitlines()))


class TerminalFilter:
    """Cleans a log as it streams; a sequence that is cut by a chunk's end waits for its rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""

    def feed(self, data: bytes, final: bool = False) -> str:
        """The next part of the log, ready to be written."""
        text = self._waiting + self._decoder.decode(data, final)
        self._waiting = ""
        start = text.rfind(_ESCAPE)
        tail = text[start:] if start >= 0 else ""
        if tail and not final and len(tail) < _SEQUENCE_CHARS_MAX and not _complete(tail):
            text, self._waiting = text[:start], tail
        return _STEERING.sub(lambda found: found.group(1) or "", text)


def _complete(tail: str) -> bool:
    """Whether a text that begins with an escape holds the whole sequence."""
    if len(tail) == 1:
        return False
    if tail[1] == "[":
        return re.match(r"\x1b\[[0-?]*[ -/]*[^0-? -/]", tail) is not None
    if tail[1] in "]PX^_":
        return "\x07" in tail
    return re.match(r"\x1b[ -/]*[^ -/]", tail) is not None
