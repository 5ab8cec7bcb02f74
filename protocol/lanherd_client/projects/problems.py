"""What can be wrong with a project folder, in words. Every text names the path."""

import os
import stat
from pathlib import Path

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import MANIFEST_ENTRIES_MAX

IGNORE_FILE = ".lanherdignore"


class CancelledHere(Exception):
    """The caller no longer wants the scan; raised in its thread."""


def shown(path: str | Path) -> str:
    """A path as text: bytes that are no Unicode are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(
    path: str | Path,
    why: str,
    remedy: str = "",
    /,
    *,
    refusal: str = "project_unreadable",
    **data: str | int,
) -> LanherdError:
    text = shown(path)
    return error(
        ErrorCode.PROJECT_UNREADABLE,
        f"{text} can't be read.",
        why,
        remedy or f"Mend it, or leave it out by a line in {IGNORE_FILE}.",
        refusal=refusal,
        path=text,
        **data,
    )


def refused_by_system(path: str | Path, refused: OSError) -> LanherdError:
    why = refused.strerror or str(refused)
    return unreadable(path, f"The system says: {why}.", refusal="system_refused", problem=why)


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
        refusal="nothing_to_send",
        path=text,
        left_out=left_out,
    )


def changed(path: str | Path) -> LanherdError:
    text = shown(path)
    return error(
        ErrorCode.PROJECT_CHANGED,
        f"{text} changed while it was read.",
        "A snapshot holds each file as it was at one moment, and this one didn't hold still.",
        f"Wait until it is written and try again, or leave it out by a line in {IGNORE_FILE}.",
        refusal="written_meanwhile",
        path=text,
    )


def name_refused(path: str | Path, why: str) -> LanherdError:
    return unreadable(
        path,
        f"Its name can't be kept on every machine: it {why}.",
        f"Rename it, or leave its folder out by a line in {IGNORE_FILE}.",
        refusal="unkept_name",
        why=why,
    )


def link_refused(path: str | Path, target: str) -> LanherdError:
    return unreadable(
        path,
        f"It is a link to {target!r}, which is outside the project or leads through '..' there.",
        f"Put the files into the project, or leave the link out by a line in {IGNORE_FILE}.",
        refusal="link_outside",
        target=target,
    )


_KINDS = (
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_refused(path: str | Path, mode: int) -> LanherdError:
    kind = next((name for test, name in _KINDS if test(mode)), "no regular file")
    return unreadable(
        path,
        f"It is {kind}, which can't be part of a snapshot.",
        refusal="no_part_of_a_project",
        what=kind,
    )


def too_many(folder: str | Path) -> LanherdError:
    return too_large(
        folder,
        f"It has more than {MANIFEST_ENTRIES_MAX} files and empty folders.",
        refusal="many_files",
        files_max=MANIFEST_ENTRIES_MAX,
    )


def too_large(folder: str | Path, why: str, *, refusal: str, **data: str | int) -> LanherdError:
    text = shown(folder)
    return error(
        ErrorCode.TOO_LARGE,
        f"{text} is too large to send.",
        why,
        f"Leave folders out by lines in {IGNORE_FILE}.",
        refusal=refusal,
        path=text,
        **data,
    )
