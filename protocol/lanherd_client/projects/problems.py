"""What can be wrong with a project folder, in words. Every text names the path."""

import os
from pathlib import Path

from lanherd_protocol.errors import ErrorCode, LanherdError, error

IGNORE_FILE = ".lanherdignore"


class CancelledHere(Exception):
    """The caller no longer wants the scan; raised in its thread."""


def shown(path: str | Path) -> str:
    """A path as text: bytes that are no Unicode are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(path: str | Path, why: str, remedy: str = "") -> LanherdError:
    text = shown(path)
    return error(
        ErrorCode.PROJECT_UNREADABLE,
        f"{text} can't be read.",
        why,
        remedy or f"Mend it, or leave it out by a line in {IGNORE_FILE}.",
        path=text,
    )


def refused_by_system(path: str | Path, refused: OSError) -> LanherdError:
    return unreadable(path, f"The system says: {refused.strerror or refused}.")


def empty(folder: Path, left_out: int) -> LanherdError:
    text = shown(folder)
    why = "It has no files."
    if left_out:
        why = f"All of its {left_out} entries are left out by ignore rules."
    return error(
        ErrorCode.PROJECT_EMPTY,
        f"{text} holds nothing to send.",
        why,
        f"Choose the folder that holds the program, or change {IGNORE_FILE} or .gitignore.",
        path=text,
    )


def changed(path: str | Path) -> LanherdError:
    text = shown(path)
    return error(
        ErrorCode.PROJECT_CHANGED,
        f"{text} changed while it was read.",
        "A snapshot holds each file as it was at one moment, and this one didn't hold still.",
        f"Wait until it is written and try again, or leave it out by a line in {IGNORE_FILE}.",
        path=text,
    )


def too_large(folder: Path, why: str) -> LanherdError:
    text = shown(folder)
    return error(
        ErrorCode.TOO_LARGE,
        f"{text} is too large to send.",
        why,
        f"Leave folders out by lines in {IGNORE_FILE}.",
        path=text,
    )
