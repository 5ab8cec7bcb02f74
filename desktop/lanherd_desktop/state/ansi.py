"""A log line's bytes as text and styles. Nothing that a program writes can do more than colour.

Select-graphic-rendition sequences become styles in sixteen theme colours; every other escape
sequence is dropped; what is left of control and invisible characters becomes a visible symbol.
A string sequence (OSC, DCS) that doesn't end is not allowed to swallow the line: it is shown.
Concealed text is shown as well.
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

TAB_COLUMNS: Final = 8

# Longer than any sequence in honest use (a hyperlink's address may take 2,083 bytes).
_STRING_BYTES_MAX: Final = 2_100
_STRING_BODY: Final = rb"[^\x07\x1b\r\n]{0,%d}(?:\x07|\x1b\\)" % _STRING_BYTES_MAX
_ESCAPE: Final = re.compile(
    rb"\x1b(?:\[([0-?]{0,256})([ -/]{0,8}[@-~])|[\]PX^_]" + _STRING_BODY + rb"|[ -/]{1,8}[0-~]"
    rb"|[0-OQ-WYZ\\`-~])"
)

_SGR_FINAL: Final = b"m"
_PARAMETERS_MAX: Final = 32
_PRIVATE: Final = (b"<", b"=", b">", b"?")


class Style(NamedTuple):
    """Colours are 0..15 of the terminal, or None for the theme's own."""

    fg: int | None = None
    bg: int | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False


PLAIN: Final = Style()


class Span(NamedTuple):
    """`text[start:end]` in one style."""

    start: int
    end: int
    style: Style


class Line(NamedTuple):
    """`style_after` is what the next line begins with."""

    text: str
    spans: tuple[Span, ...]
    style_after: Style


def last_state(row: bytes) -> bytes:
    """What a terminal would still show of a line that carriage returns rewrote."""
    kept = row.rstrip(b"\r\n")
    return kept[kept.rfind(b"\r") + 1 :]


def strip_escapes(data: bytes) -> bytes:
    """`data` without escape sequences; line ends stay where they are."""
    return _ESCAPE.sub(b"", data) if b"\x1b" in data else data


def parse(row: bytes, style: Style = PLAIN) -> Line:
    """A row without line ends, that begins in `style`."""
    if b"\x1b" not in row:
        text = readable(row)
        return Line(text, (Span(0, len(text), style),) if text else (), style)
    pieces: list[str] = []
    spans: list[Span] = []
    at = 0
    position = 0
    for found in _ESCAPE.finditer(row):
        position = _put(pieces, spans, position, row[at : found.start()], style)
        at = found.end()
        if found[2] == _SGR_FINAL:
            style = after_sgr(style, found[1])
    _put(pieces, spans, position, row[at:], style)
    return Line("".join(pieces), tuple(spans), style)


def style_after(data: bytes, style: Style = PLAIN) -> Style:
    """The style in force after all of `data`."""
    for found in _ESCAPE.finditer(data):
        if found[2] == _SGR_FINAL:
            style = after_sgr(style, found[1])
    return style


def _put(pieces: list[str], spans: list[Span], position: int, raw: bytes, style: Style) -> int:
    if not raw:
        return position
    text = readable(raw)
    pieces.append(text)
    end = position + len(text)
    if spans and spans[-1].style == style:
        spans[-1] = Span(spans[-1].start, end, style)
    else:
        spans.append(Span(position, end, style))
    return end


def readable(raw: bytes) -> str:
    """UTF-8 as printable text: no character in it is invisible or moves its neighbours."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else text.translate(_SYMBOLS)


class _Symbols(dict[int, str]):
    """One character's visible form, made when first met."""

    def __missing__(self, code: int) -> str:
        self[code] = shown = _visible(code)
        return shown


# The zero-width joiners shape Indic scripts and emoji; they hide nothing.
_JOINERS: Final = frozenset((0x200C, 0x200D))


def _visible(code: int) -> str:
    char = chr(code)
    if char == "\t" or char.isprintable() or code in _JOINERS:
        return char
    if code < 0x20 or code == 0x7F:
        # The caret form needs no font that has the control pictures.
        return "^" + chr(code ^ 0x40)
    return char if unicodedata.category(char) == "Zs" else "\ufffd"


_SYMBOLS: Final = _Symbols()


# --- Styles ---------------------------------------------------------------------------------


@lru_cache(maxsize=2_048)
def after_sgr(style: Style, parameters: bytes) -> Style:
    """`style` after the sequence ESC [ parameters m; what isn't on the list changes nothing."""
    if parameters.startswith(_PRIVATE):
        return style
    codes = [_number(p) for p in parameters.replace(b":", b";").split(b";", _PARAMETERS_MAX)]
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            colour, taken = _extended(codes[at + 1 :])
            style = _coloured(style, code, colour)
            at += 1 + taken
        else:
            style = _after_code(style, code)
            at += 1
    return style


def _number(parameter: bytes) -> int:
    if not parameter:
        return 0
    return int(parameter) if parameter.isdigit() and len(parameter) <= 3 else -1


def _coloured(style: Style, code: int, colour: int | None) -> Style:
    if colour is None:
        return style
    return style._replace(fg=colour) if code == 38 else style._replace(bg=colour)


_SIMPLE: Final[dict[int, Callable[[Style], Style]]] = {
    0: lambda _style: PLAIN,
    1: lambda style: style._replace(bold=True),
    2: lambda style: style._replace(dim=True),
    3: lambda style: style._replace(italic=True),
    4: lambda style: style._replace(underline=True),
    7: lambda style: style._replace(inverse=True),
    9: lambda style: style._replace(strike=True),
    21: lambda style: style._replace(underline=True),
    22: lambda style: style._replace(bold=False, dim=False),
    23: lambda style: style._replace(italic=False),
    24: lambda style: style._replace(underline=False),
    27: lambda style: style._replace(inverse=False),
    29: lambda style: style._replace(strike=False),
    39: lambda style: style._replace(fg=None),
    49: lambda style: style._replace(bg=None),
}


def _after_code(style: Style, code: int) -> Style:
    simple = _SIMPLE.get(code)
    if simple is not None:
        return simple(style)
    for first, bright in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return style._replace(fg=code - first + bright)
        if first + 10 <= code < first + 18:
            return style._replace(bg=code - first - 10 + bright)
    return style


def _extended(codes: list[int]) -> tuple[int | None, int]:
    """(one of 16 colours or None, parameters taken) of what follows 38 or 48."""
    if codes[:1] == [5] and len(codes) >= 2:
        return (_of_256(codes[1]), 2)
    if codes[:1] == [2] and len(codes) >= 4:
        return (_nearest(*codes[1:4]), 4)
    return (None, len(codes))


def _of_256(index: int) -> int | None:
    if not 0 <= index <= 255:
        return None
    if index < 16:
        return index
    if index >= 232:
        return _nearest(*[8 + 10 * (index - 232)] * 3)
    cube = index - 16
    return _nearest(*(40 * v + 55 if v else 0 for v in (cube // 36, cube // 6 % 6, cube % 6)))


def _nearest(*channels: int) -> int | None:
    """The hue of a true colour: which channels are strong, and whether it is bright."""
    if not all(0 <= c <= 255 for c in channels):
        return None
    strongest = max(channels)
    if strongest < 48:
        return 0
    hue = sum(1 << bit for bit, c in enumerate(channels) if c * 3 > strongest * 2)
    return hue + (8 if strongest > 170 else 0)


# --- Columns --------------------------------------------------------------------------------


class _Widths(dict[str, int]):
    def __missing__(self, char: str) -> int:
        self[char] = width = _cell_width(char)
        return width


def _cell_width(char: str) -> int:
    if ord(char) in _JOINERS or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


_WIDTHS: Final = _Widths()


class Columns:
    """Where a line's characters stand in a grid of equal cells: tabs, wide and combining ones."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._starts = None if text.isascii() and "\t" not in text else _starts(text)

    @property
    def plain(self) -> bool:
        """Every character takes one cell, so that its index is its column."""
        return self._starts is None

    @property
    def width(self) -> int:
        return self._length if self._starts is None else self._starts[-1]

    def column(self, index: int) -> int:
        index = min(max(index, 0), self._length)
        return index if self._starts is None else self._starts[index]

    def index(self, column: int) -> int:
        """The character that covers a column; the text's length beyond its end."""
        if self._starts is None:
            return min(max(column, 0), self._length)
        if column >= self._starts[-1]:
            return self._length
        return bisect_right(self._starts, max(column, 0)) - 1


def _starts(text: str) -> "array[int]":
    starts = array("I", [0])
    for number, piece in enumerate(text.split("\t")):
        if number:
            starts.append((starts[-1] // TAB_COLUMNS + 1) * TAB_COLUMNS)
        ends = accumulate(map(_WIDTHS.__getitem__, piece), initial=starts[-1])
        next(ends)
        starts.extend(ends)
    return starts
