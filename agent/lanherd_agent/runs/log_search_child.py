"""Searches one log: a process of its own, since `re` holds the interpreter's lock while it looks,
and a pattern may look for ever. Standard library only, started as `python -I -S`.

It is given open descriptors and never a path: on 0 a socket to the agent, and the numbers of the
log's and of its directory's, in which the record of its gap is renamed into place. The agent sends
a 4-byte length and the request in JSON. The answers are parts of 4-byte length and content, the
length's top bit set on the last: LogMatches in msgpack, and how it ended in JSON. A socket that
takes no more makes it wait; one that is closed ends it.

What it holds is bounded: a block, a line's rest, and a part of the answer. A line that is longer
than LINE_BYTES_MAX is searched in parts, cut behind a carriage return where there is one, each
together with some bytes of the next, so that a match across the cut is found. SIGPROF ends it when
some seconds of processor time have gone without progress.
"""

import json
import os
import re
import resource
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import Protocol

BLOCK_BYTES = 1024 * 1024
LINE_BYTES_MAX = 1024 * 1024
OVERLAP_BYTES = 16 * 1024
ROW_CHARS_MAX = 64 * 1024
ROW_OVERLAP_CHARS = 4 * 1024
ROWS_BETWEEN_LOOKS = 256
SHOWN_BYTES_MAX = 4096
LEAD_BYTES_MAX = 1024
PART_BYTES = 64 * 1024
PROGRESS_S = 0.2
CPU_S = 5.0
NICENESS = 10
MEMORY_BYTES_MAX = 512 * 1024 * 1024
GAP_BYTES_MAX = 4096
LAST = 1 << 31
LENGTH = struct.Struct(">I")
REQUEST_BYTES_MAX = 64 * 1024


class Problem(Exception):
    """Why there is no search: a word for programs, and what was wrong in the words of its kind."""

    def __init__(self, kind: str, text: str, position: int | None = None) -> None:
        super().__init__(kind, text, position)
        self.said: dict[str, object] = {"problem": kind, "text": text, "position": position}


class Patience:
    """How much processor time may go without progress."""

    cpu_s = CPU_S


def show_life() -> None:
    """There is progress: the processor time is counted anew."""
    signal.setitimer(signal.ITIMER_PROF, Patience.cpu_s)


# --- The answer ----------------------------------------------------------------------------------


def packed_int(number: int) -> bytes:
    return bytes((number,)) if number < 0x80 else b"\xcf" + number.to_bytes(8, "big")


def packed_bytes(data: bytes) -> bytes:
    return b"\xc5" + len(data).to_bytes(2, "big") + data


class Answer:
    """Gathers matches, and sends them when they are many or some time has gone."""

    def __init__(self, channel: socket.socket, matches_max: int, offset: int) -> None:
        self.left = matches_max
        self._searched_to = offset
        self._lines = 0
        self._channel = channel
        self._matches: list[bytes] = []
        self._bytes = 0
        self._sent_at = time.monotonic()

    def add(self, part: "Part", line: tuple[int, int], match: tuple[int, int], number: int) -> None:
        """A line and the match in it, as ranges of the part's bytes."""
        (begin, end), (start, stop) = line, match
        cut = max(0, min(start - begin - LEAD_BYTES_MAX, end - begin - SHOWN_BYTES_MAX))
        shown = part.data[begin + cut : min(end, begin + cut + SHOWN_BYTES_MAX)]
        place = start - begin - cut, min(stop - begin - cut, len(shown))
        packed = b"".join(
            (
                b"\x96",
                packed_int(part.at + begin),
                packed_int(number),
                packed_bytes(shown),
                *(packed_int(value) for value in (*place, cut)),
            )
        )
        self._matches.append(packed)
        self._bytes += len(packed)
        self.left -= 1
        ended = end < part.limit or part.broken
        self.reached(part.at + min(end + 1, part.limit), number + ended)

    def reached(self, searched_to: int, lines: int) -> None:
        """All that was found before `searched_to` has been added."""
        show_life()
        self._searched_to, self._lines = searched_to, lines
        if self._bytes >= PART_BYTES or time.monotonic() >= self._sent_at + PROGRESS_S:
            self._flush()

    def finish(self, log_end: int) -> None:
        if self._matches:
            self._flush()
        complete = self._searched_to >= log_end
        self.say({"offset": self._searched_to, "lines": self._lines, "complete": complete})

    def say(self, said: dict[str, object]) -> None:
        data = json.dumps(said).encode()
        self._channel.sendall(LENGTH.pack(LAST | len(data)) + data)

    def _flush(self) -> None:
        count = b"\xdd" + len(self._matches).to_bytes(4, "big")
        searched_to, lines = packed_int(self._searched_to), packed_int(self._lines)
        body = b"".join((b"\x93", searched_to, count, *self._matches, lines))
        self._matches, self._bytes = [], 0
        self._channel.sendall(LENGTH.pack(len(body)) + body)
        show_life()
        self._sent_at = time.monotonic()


# --- The bytes -----------------------------------------------------------------------------------


class Part:
    """Bytes to be searched: `data` up to `limit`, which are whole lines or a piece of a long one.

    What lies behind the limit belongs to the next part, and is there for matches across the cut.
    """

    __slots__ = ("at", "broken", "data", "limit")

    def __init__(self, at: int, data: bytes, limit: int, broken: bool = False) -> None:
        self.at = at
        self.data = data
        self.limit = limit
        self.broken = broken
        """It ends a line that has no end: at a gap, or where the log ends."""


class Log:
    """The log up to where it ended when the search began, without its gap."""

    def __init__(self, descriptor: int, directory: int, gap_name: str) -> None:
        self.end = os.fstat(descriptor).st_size
        self._log = descriptor
        self._directory = directory
        self._gap_name = gap_name
        self._seen = (0, 0)
        self._gap = (0, 0)

    def parts(self, offset: int) -> Iterator[Part]:
        at, rest = offset, b""
        while at + len(rest) < self.end:
            data, gap_to = self._read(at + len(rest))
            rest = rest + data if rest else data
            if gap_to is not None or at + len(rest) >= self.end:
                if rest:
                    yield Part(at, rest, len(rest), broken=not rest.endswith(b"\n"))
                at, rest = gap_to or self.end, b""
                continue
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield Part(at, rest[:cut], cut)
                at, rest = at + cut, rest[cut:]
            while len(rest) >= LINE_BYTES_MAX + OVERLAP_BYTES:
                cut = rest.rfind(b"\r", LINE_BYTES_MAX // 2, LINE_BYTES_MAX) + 1 or LINE_BYTES_MAX
                yield Part(at, rest[: cut + OVERLAP_BYTES], cut)
                at, rest = at + cut, rest[cut:]

    def _read(self, offset: int) -> tuple[bytes, int | None]:
        """Bytes from `offset` on, and where the next begin when a gap follows them."""
        data = os.pread(self._log, min(BLOCK_BYTES, self.end - offset), offset)
        if not data:
            self.end = offset  # it was truncated, by its own run
        # After the read: the record comes before the bytes go.
        begin, to = self._look()
        if begin < to and offset < to and begin < offset + len(data):
            return data[: max(0, begin - offset)], to
        return data, None

    def _look(self) -> tuple[int, int]:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._gap_name, flags, dir_fd=self._directory)
        except FileNotFoundError:
            return self._gap
        try:
            status = os.fstat(descriptor)
            seen = status.st_ino, status.st_mtime_ns
            if seen != self._seen:
                self._gap = gap_of(json.loads(os.read(descriptor, GAP_BYTES_MAX)))
                self._seen = seen
        finally:
            os.close(descriptor)
        return self._gap


def gap_of(record: object) -> tuple[int, int]:
    if not isinstance(record, dict):
        raise ValueError("the record of the log's gap makes no sense")
    return int(record.get("from", 0)), int(record.get("to", 0))


# --- What is looked for --------------------------------------------------------------------------


class Finder(Protocol):
    def find(self, part: Part, lines: int, answer: Answer) -> int:
        """Add the first match of each line, `lines` lines having come before; how many bytes of
        the part were searched: fewer than its limit when enough was found."""


class TextFinder:
    """A text, over the whole part at once."""

    def __init__(self, needle: bytes, ignore_case: bool) -> None:
        self._needle = needle.lower() if ignore_case else needle
        self._ignore_case = ignore_case

    def find(self, part: Part, lines: int, answer: Answer) -> int:
        data, limit = part.data, part.limit
        searched = data.lower() if self._ignore_case else data
        at, number = 0, lines
        while answer.left:
            found = searched.find(self._needle, at)
            if found < 0 or found >= limit:
                return limit
            begin = max(at, data.rfind(b"\n", at, found) + 1)
            number += data.count(b"\n", at, begin)
            end = data.find(b"\n", found, limit)
            if end < 0:
                end = limit
            answer.add(part, (begin, end), (found, found + len(self._needle)), number)
            at = min(end + 1, limit)
            number += 1
        return at


class PatternFinder:
    """A regular expression, line by line: it sees a line alone, as it would see a whole text.

    Parts without the text that all its matches have are passed over, some times faster.
    """

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        self._search = pattern.search
        self._needed = b""
        if not pattern.flags & (re.IGNORECASE | re.VERBOSE):
            self._needed = needed_text(pattern.pattern).encode("utf-8", "surrogatepass")

    def find(self, part: Part, lines: int, answer: Answer) -> int:
        if self._needed not in part.data:
            return part.limit
        text = part.data[: part.limit].decode("utf-8", "surrogateescape")
        ahead = part.data[part.limit :].decode("utf-8", "surrogateescape")
        plain = len(text) == part.limit
        rows = text.split("\n")
        if not rows[-1]:
            rows.pop()
        at, summed = 0, 0
        for index, place in self._found(rows, ahead):
            passed = rows[summed:index]
            at += len(passed) + (sum(map(len, passed)) if plain else size_of("".join(passed)))
            summed, row = index, rows[index]
            end = at + (len(row) if plain else size_of(row))
            start, stop = place if plain else in_bytes(row + ahead, place)
            answer.add(part, (at, end), (at + start, at + stop), lines + index)
            if not answer.left:
                return min(end + 1, part.limit)
        return part.limit

    def _found(self, rows: list[str], ahead: str) -> Iterator[tuple[int, tuple[int, int]]]:
        search = self._search
        if ahead or max(map(len, rows), default=0) > ROW_CHARS_MAX:
            for index, row in enumerate(rows):
                place = self._in_long(row, ahead)
                if place is not None:
                    yield index, place
            return
        for base in range(0, len(rows), ROWS_BETWEEN_LOOKS):
            show_life()
            for index, found in enumerate(map(search, rows[base : base + ROWS_BETWEEN_LOOKS])):
                if found is not None:
                    yield base + index, found.span()

    def _in_long(self, row: str, ahead: str) -> tuple[int, int] | None:
        """The first match in a row that is cut where a carriage return is, or where it must be."""
        begin, length = 0, len(row)
        whole = row + ahead
        while True:
            show_life()
            stop = min(begin + ROW_CHARS_MAX, length)
            with_next = stop + ROW_OVERLAP_CHARS
            if stop < length:
                turned = row.rfind("\r", begin + ROW_CHARS_MAX // 2, stop) + 1
                stop, with_next = (turned, turned) if turned else (stop, with_next)
            found = self._search(whole[begin:with_next])
            if found is not None and (begin + found.start() < stop or stop == len(whole)):
                return begin + found.start(), begin + found.end()
            begin = stop
            if begin >= length:
                return None


_PIECE = re.compile(
    r"""(?P<text>[\w \-=:,;/<>@#%&!~'"]+(?![*?+{]))    # as it is, and needed
    | (?P<other>
        [\w \-=:,;/<>@#%&!~'"]                        # before a repeat count, or its like
      | \\[dDwWsSbBAZ]  | \\[^0-9A-Za-z]
      | \[\^?\]?(?:[^\]\\]|\\.)*\]
      | \((?!\?)(?:[^()\[\]\\]|\\.|\[\^?\]?(?:[^\]\\]|\\.)*\])*\)
      | [.^$*?+] | \{[0-9,]*\}
    )""",
    re.VERBOSE,
)


def needed_text(pattern: str) -> str:
    """The longest text that stands in every match of the pattern for sure; often there is none.

    A group counts as anything, and a pattern that is more than a row of such pieces as well.
    """
    longest, at = "", 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None:
            return ""
        longest = max(longest, piece["text"] or "", key=len)
        at = piece.end()
    return longest


def size_of(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def in_bytes(text: str, place: tuple[int, int]) -> tuple[int, int]:
    start = size_of(text[: place[0]])
    return start, start + size_of(text[place[0] : place[1]])


def finder_of(pattern: str, regex: bool, ignore_case: bool) -> Finder:
    if not regex and (pattern.isascii() or not ignore_case):
        return TextFinder(pattern.encode("utf-8", "surrogatepass"), ignore_case)
    flags = re.IGNORECASE if ignore_case else 0
    try:
        return PatternFinder(re.compile(pattern if regex else re.escape(pattern), flags))
    except re.error as error:
        raise Problem("pattern", error.msg, error.pos) from error
    except (OverflowError, RecursionError) as error:
        raise Problem("pattern", str(error)) from error


def search(log: Log, offset: int, finder: Finder, answer: Answer) -> None:
    lines = 0
    for part in log.parts(offset):
        searched = finder.find(part, lines, answer)
        lines += part.data.count(b"\n", 0, searched)
        lines += part.broken and searched == part.limit
        answer.reached(part.at + searched, lines)
        if not answer.left:
            return
    answer.reached(max(offset, log.end), lines)


# --- The process ---------------------------------------------------------------------------------


def read_request(channel: socket.socket) -> dict[str, object]:
    (length,) = LENGTH.unpack(_exactly(channel, LENGTH.size))
    if length > REQUEST_BYTES_MAX:
        raise Problem("request", f"{length} bytes are no request")
    request: dict[str, object] = json.loads(_exactly(channel, length))
    return request


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = channel.recv(count - len(data))
        if not more:
            raise ConnectionResetError("the agent is gone")
        data += more
    return data


def _number(request: dict[str, object], name: str) -> int:
    value = request[name]
    if not isinstance(value, int):
        raise Problem("request", f"{name} is no number")
    return value


def serve(channel: socket.socket) -> None:
    request = read_request(channel)
    offset = _number(request, "offset")
    answer = Answer(channel, _number(request, "matches_max"), offset)
    Patience.cpu_s = _number(request, "cpu_ms") / 1000
    show_life()
    try:
        pattern = str(request["pattern"])
        finder = finder_of(pattern, bool(request["regex"]), bool(request["ignore_case"]))
        descriptors = _number(request, "log"), _number(request, "directory")
        log = Log(*descriptors, str(request["gap_name"]))
        search(log, offset, finder, answer)
        answer.finish(log.end)
    except Problem as problem:
        answer.say(problem.said)
    except MemoryError:
        answer.say(Problem("memory", "").said)
    except ConnectionError:
        raise
    except (OSError, ValueError) as error:
        answer.say(Problem("unreadable", str(error)).said)


def main() -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    show_life()
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=0) as channel:
        try:
            serve(channel)
        except ConnectionError:
            pass  # Nobody wants to know it any more.


if __name__ == "__main__":
    main()
