"""The entry point of `lanherd`: imports next to nothing, so that Ctrl+C is quiet from the start."""

import os
import sys
from collections.abc import Sequence

_FAILED, _INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit code."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _main(arguments: Sequence[str] | None) -> int:
    if sys.stderr is None:
        # Talk has nowhere to go, and must not end up among the data.
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        print("lanherd: The standard output is closed, so nothing can be shown.", file=sys.stderr)
        return _FAILED
    from lanherd_client.cli.commands import run

    return run(arguments)
