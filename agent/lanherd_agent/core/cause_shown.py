"""Which lines of a log are shown of a cause: itself, what belongs to it, and of a traceback the
last frame of the user's own code, which is what has to be looked at.
"""

import re

from lanherd_agent.core.cause_lines import Lines

LINES_BYTES_MAX = 1_200
"""Of all lines that are shown; a reason is told with every view of its run."""
FRAMES_MAX = 4
"""Lines of a traceback that are shown before its last one."""
TRACE_LINES_MAX = 400
"""Lines of a traceback in which the user's own frame is looked for."""
GAP = "  …"
"""Stands for lines that are left out."""

FRAME = re.compile(rb'  File "(?P<file>[^"]{1,300})", line (?P<line>\d{1,7})')
_OF_OTHERS = re.compile(
    rb"(?:^|/)(?:site-packages|dist-packages|lib(?:64)?/python\d[\d.]{0,8}t?|python\d{1,4}\.zip)/"
    rb"|^<(?:frozen |__|decorator)"
)


def shown(lines: Lines, number: int, first: int) -> tuple[int, str]:
    """The number of the first line that is shown, and all of them. The cause is line `number`, and
    what belongs to it begins at line `first`."""
    frame = own_frame(lines, number)
    more = [] if frame is None else [frame, *_code_of(lines, frame, number)]
    if first == number and frame is not None:
        first = frame
    begin = max(first, number - FRAMES_MAX)
    if more and more[-1] < begin - 1:
        # After a gap it goes on with a whole frame.
        begin = next((n for n in range(begin, number) if FRAME.match(lines.line(n))), number)
    more += range(number - 1, begin - 1, -1)
    told = {number: lines.told(number)}
    # A gap on either side of the frame, at most.
    size = len(told[number].encode()) + 2 * len(f"{GAP}\n".encode())
    for one in more:
        if one not in told:
            text = lines.told(one)
            size += len(text.encode()) + 1
            if size > LINES_BYTES_MAX:
                break
            told[one] = text
    return min(told), _joined(told)


def own_frame(lines: Lines, number: int) -> int | None:
    """Of the traceback that ends with this line: its last frame that is neither in an installed
    package nor in Python itself, or else its last one."""
    rank, last = lines.rank(number), None
    for one in range(number - 1, max(number - TRACE_LINES_MAX, 0) - 1, -1):
        if lines.rank(one) != rank:
            continue
        line = lines.line(one)
        if not line[:1].isspace():
            break
        frame = FRAME.match(line)
        if frame is not None and not _OF_OTHERS.search(frame["file"]):
            return one
        if frame is not None and last is None:
            last = one
    return last


def _code_of(lines: Lines, frame: int, number: int) -> range:
    """The line of code that a frame quotes, where it does."""
    after = frame + 1
    quoted = after < number and FRAME.match(lines.line(after)) is None
    return range(after, after + quoted)


def _joined(told: dict[int, str]) -> str:
    text, before = "", None
    for number in sorted(told):
        if before is not None:
            text += "\n" if number == before + 1 else f"\n{GAP}\n"
        text += told[number]
        before = number
    return text
