"""What the commands print: data to stdout, talk to stderr; tables are drawn on a terminal only."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from lanherd_client.cli.shapes import Json
from lanherd_client.cli.terminal import one_line, plain
from lanherd_protocol.errors import ErrorCode, Failure

OK, FAILED, USAGE, UNREACHABLE, NOT_ALLOWED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

DRAWN_CHARS_MAX = 240
"""Of one cell on a terminal; 'show' and '--json' have the whole of it."""

_EXIT_CODES = {
    ErrorCode.INVALID_REQUEST: USAGE,
    ErrorCode.IMPOSSIBLE_REQUEST: USAGE,
    ErrorCode.TOO_LARGE: USAGE,
    ErrorCode.NOT_FOUND: NOT_FOUND,
    ErrorCode.NOT_PAIRED: NOT_ALLOWED,
    ErrorCode.NOT_ALLOWED: NOT_ALLOWED,
    ErrorCode.WRONG_IDENTITY: NOT_ALLOWED,
    ErrorCode.UNREACHABLE: UNREACHABLE,
    ErrorCode.CONNECTION_LOST: UNREACHABLE,
    ErrorCode.PROTOCOL_ERROR: UNREACHABLE,
    ErrorCode.VERSION_MISMATCH: UNREACHABLE,
    ErrorCode.TIMED_OUT: UNREACHABLE,
    ErrorCode.OVERLOADED: UNREACHABLE,
    ErrorCode.SHUTTING_DOWN: UNREACHABLE,
}


class ReaderLeftError(Exception):
    """Whoever read our output has enough of it; `exit_code` says whether the work was done."""

    def __init__(self, exit_code: int = OK) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def exit_code(code: ErrorCode) -> int:
    """The exit code that says a failure to a shell."""
    return _EXIT_CODES.get(code, FAILED)


@dataclass(slots=True)
class _Written:
    """What stdout was left at by data that is no whole line."""

    within_line: bool = False


_written = _Written()


def data_left(within_line: bool) -> None:
    """To be told by whoever writes bytes to stdout, where these may end in the middle of a line."""
    _written.within_line = within_line


def say(text: str) -> None:
    """A sentence for the person, beside the data, and on a line of its own."""
    if _written.within_line and _both_in_one_place():
        _written.within_line = False
        text = text if text.startswith("\n") else f"\n{text}"
    print(text, file=sys.stderr, flush=True)


def _both_in_one_place() -> bool:
    """Whether talk and data meet: on a terminal, or with 2>&1 in a pipe or file."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False  # At least one of them is no file of the system.


def say_lines(text: str) -> None:
    """A text that may have several lines, each of them indented."""
    for line in text.splitlines():
        say(f"  {plain(line)}")


def say_failure(failure: Failure) -> None:
    """What happened, why, and what to do next, a line each."""
    say(f"lanherd: {one_line(failure.title)}")
    say_lines(failure.message)
    say_lines(failure.remedy)


def put_line(text: str) -> None:
    """One line of data."""
    print(plain(text), flush=True)


def put_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each; what has no value is left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *more = value.splitlines() or [""]
        print(f"  {name.ljust(width)}  {plain(first)}")
        for line in more:
            print(f"  {' ' * width}  {plain(line)}")
    sys.stdout.flush()


def put_json(value: Json) -> None:
    """One JSON document, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    print(text, flush=True)


def put_json_line(value: Json) -> None:
    """One JSON document on one line, for streams."""
    print(msgspec.json.encode(value).decode(), flush=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand at the right, and what is `whole` is never cut."""

    title: str
    right: bool = False
    whole: bool = False


def put_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table: drawn to the width of a terminal, plain columns elsewhere."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    draw: Callable[[Sequence[Column], list[list[str]]], None]
    draw = _draw_rich if sys.stdout.isatty() else _draw_plain
    draw(columns, cells)


def _draw_plain(columns: Sequence[Column], rows: list[list[str]]) -> None:
    table = [[column.title for column in columns], *rows]
    widths = [max(len(row[at]) for row in table) for at in range(len(columns))]
    for row in table:
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        print("  ".join(cells).rstrip())
    sys.stdout.flush()


def _draw_rich(columns: Sequence[Column], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            overflow="ignore" if column.whole else "fold",
        )
    for row in rows:
        table.add_row(*(Text(_shortened(cell)) for cell in row))
    Console().print(table)


def _shortened(cell: str) -> str:
    return cell if len(cell) <= DRAWN_CHARS_MAX else f"{cell[: DRAWN_CHARS_MAX - 1]}…"
