"""Bytes on their way into a file of this machine, as the person beside it is told of them."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lanherd_client.cli import talk
from lanherd_client.sizes import format_size


class Progress:
    """Tells on a terminal how far it has come."""

    def __init__(self) -> None:
        self.begun = False
        self._watched = sys.stderr.isatty()

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        self.begun = True
        if self._watched:
            line = f"\r{format_size(done_bytes)} of {format_size(total_bytes)}   "
            print(line, end="", file=sys.stderr, flush=True)

    def end_line(self) -> None:
        if self._watched and self.begun:
            talk.say("")


@contextmanager
def arriving() -> Iterator[Progress]:
    """The progress to be told to; whoever gives up in between is told that nothing was in vain."""
    progress = Progress()
    try:
        yield progress
    except asyncio.CancelledError:
        if progress.begun:
            talk.say("\nWhat has arrived is kept; the same command goes on from there.")
        raise
    except BaseException:
        progress.end_line()
        raise
    progress.end_line()
