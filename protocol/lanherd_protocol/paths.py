"""Relative paths as they travel: one strict grammar, for snapshots and for outputs.

A path is one or more names joined by `/`. What a name may not be is refused, never mended: two
spellings of one path would be two entries of a manifest, and a mended one could leave the tree.
A backslash is refused because it separates names on Windows, where a controller may fetch to.
"""

import re

from lanherd_protocol.limits import PATH_BYTES_MAX, PATH_COMPONENT_BYTES_MAX, PATH_NAMES_MAX

_PLAIN_CHARS_MAX = 255
"""So short, an ASCII path keeps within every bound of `limits` by itself."""
_NAME = r"(?!\.\.?(?:/|\Z))[^/\\\0]+"
_plain = re.compile(f"{_NAME}(?:/{_NAME})*").fullmatch


class PathError(ValueError):
    """A path that is not allowed: which, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path!r} {why}")
        self.path = path
        self.why = why


def check_path(path: str) -> str:
    """The path itself, if it is a relative path inside a tree; raises PathError."""
    # Nearly all are plain, and a manifest has a hundred thousand: the rest finds out what is wrong.
    if len(path) <= _PLAIN_CHARS_MAX and path.isascii() and _plain(path):
        return path
    _check_text(path)
    if path.startswith("/"):
        raise PathError(path, "is absolute")
    names = path.split("/")
    if len(names) > PATH_NAMES_MAX:
        raise PathError(path, f"is deeper than {PATH_NAMES_MAX} folders")
    for name in names:
        _check_name(path, name)
    return path


def check_target(path: str, target: str) -> str:
    """The target of the symbolic link at `path`, if it stays inside the tree; raises PathError.

    Steps up come first and names follow: the folder that holds the link is a real one, so the
    steps up lead to real folders, while a step up behind a name could start from wherever another
    link leads. A target may be missing, and `.` is the link's own folder.
    """
    check_path(path)
    if target == ".":
        return target
    _check_text(target)
    names = target.split("/")
    steps_up = 0
    while steps_up < len(names) and names[steps_up] == "..":
        steps_up += 1
    if steps_up > path.count("/"):
        raise PathError(path, f"is a link that leads out of the tree, to {target!r}")
    for name in names[steps_up:]:
        _check_name(target, name)
    return target


def parent(path: str) -> str:
    """The folder that holds the path; empty for the root of the tree."""
    return path.rpartition("/")[0]


def _check_text(path: str) -> None:
    if not path:
        raise PathError(path, "is empty")
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError as refused:
        raise PathError(path, "is not valid Unicode") from refused
    if size_bytes > PATH_BYTES_MAX:
        raise PathError(path, f"is longer than {PATH_BYTES_MAX} bytes")
    if "\0" in path:
        raise PathError(path, "holds a NUL character")
    if "\\" in path:
        raise PathError(path, "holds a backslash")


def _check_name(path: str, name: str) -> None:
    if not name:
        raise PathError(path, "holds an empty name: two slashes in a row, or one at the end")
    if name in (".", ".."):
        raise PathError(path, f"holds the name {name!r}")
    if len(name.encode()) > PATH_COMPONENT_BYTES_MAX:
        raise PathError(path, f"holds a name longer than {PATH_COMPONENT_BYTES_MAX} bytes")
