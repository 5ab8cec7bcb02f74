"""What the commands print: data to stdout, talk to stderr; tables are drawn on a terminal only."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from lanherd_client.cli.shapes import Json
from lanherd_client.cli.terminal import plain
from lanherd_protocol.errors import ErrorCode, Failure

OK, FAILED, USAGE, UNREACHABLE, NOT_ALLOWED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

_EXIT_CODES = {
    ErrorCode.INVALID_REQUEST: USAGE,
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


def say(text: str) -> None:
    """A sentence for the person, beside the data."""
    print(text, file=sys.stderr, flush=True)


def say_failure(failure: Failure) -> None:
    """What happened, why, and what to do next, a line each."""
    say(f"lanherd: {plain(failure.title)}")
    for line in (*failure.message.splitlines(), *failure.remedy.splitlines()):
        say(f"  {plain(line)}")


def put_line(text: str) -> None:
    """One line of data."""
    print(plain(text), flush=True)


def put_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each; what has no value is left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"  {name.ljust(width)}  {plain(value)}")
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
    """A column of a table; numbers stand at the right."""

    title: str
    right: bool = False


def put_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table: drawn to the width of a terminal, plain columns elsewhere."""
    cells = [[plain(cell) for cell in row] for row in rows]
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
        table.add_column(column.title, justify="right" if column.right else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
