"""The outputs of an attempt: a bounded listing, change detection and reads by range.

The run owns this folder and may put anything there while it is read. So every component is opened
by openat with O_NOFOLLOW: a link is listed as a link and never followed, and no path leads out.
"""

import enum
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ENTRIES_MAX = 10_000
DEPTH_MAX = 32
READ_BYTES_MAX = 1024 * 1024
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kind(enum.StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"  # shown, never followed
    OTHER = "other"  # a pipe, a socket, a device: shown, never opened


@dataclass(frozen=True, order=True)
class Entry:
    path: str  # relative to the outputs folder, with '/'
    size: int
    mtime_ns: int
    kind: Kind


@dataclass(frozen=True)
class Listing:
    entries: tuple[Entry, ...]  # sorted by path
    truncated: bool  # more entries, or deeper folders, than are listed
    unlisted: int  # names that are no UTF-8, and folders that can't be read


@dataclass(frozen=True)
class Changes:
    changed: tuple[Entry, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """Bytes of an output, with the size and time of the file that they were read from."""

    offset: int
    data: bytes
    size: int
    mtime_ns: int


class OutputError(Exception):
    """There is no such output, or it is nothing that can be read."""


@dataclass
class _Scan:
    entries: list[Entry] = field(default_factory=list)
    truncated: bool = False
    unlisted: int = 0


def scan(root: Path, *, entries_max: int = ENTRIES_MAX) -> Listing:
    """Blocks for the disk: call it in a thread. No folder there is an empty listing."""
    found = _Scan()
    try:
        fd = os.open(root, FOLDER_FLAGS)
    except FileNotFoundError:
        return Listing((), truncated=False, unlisted=0)
    except OSError as error:
        raise OutputError(f"the outputs folder can't be opened: {error}") from error
    try:
        _scan_folder(fd, "", 0, entries_max, found)
    finally:
        os.close(fd)
    return Listing(tuple(sorted(found.entries)), found.truncated, found.unlisted)


def _scan_folder(fd: int, prefix: str, depth: int, entries_max: int, found: _Scan) -> None:
    folders: list[str] = []
    for name, status in _entries(fd, found):
        if len(found.entries) >= entries_max:
            found.truncated = True
            return
        kind = _kind(status.st_mode)
        size = status.st_size if kind is Kind.FILE else 0
        found.entries.append(Entry(prefix + name, size, status.st_mtime_ns, kind))
        if kind is Kind.FOLDER:
            folders.append(name)
    if folders and depth + 1 >= DEPTH_MAX:
        found.truncated = True
        return
    for name in sorted(folders):
        try:
            below = os.open(name, FOLDER_FLAGS, dir_fd=fd)
        except OSError:
            found.unlisted += 1  # unreadable, gone, or no folder any more
            continue
        try:
            _scan_folder(below, f"{prefix}{name}/", depth + 1, entries_max, found)
        finally:
            os.close(below)
        if found.truncated:
            return


def _entries(fd: int, found: _Scan) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(fd) as entries:
        for entry in entries:
            if not entry.name.isprintable() and _has_surrogates(entry.name):
                found.unlisted += 1  # no text: it could be neither shown nor asked for
                continue
            try:
                status = os.stat(entry.name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone since it was listed
            yield entry.name, status


def _has_surrogates(name: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in name)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    return Kind.LINK if stat.S_ISLNK(mode) else Kind.OTHER


def changes(before: Listing, after: Listing) -> Changes:
    """What a live listing must learn: entries that are new or other, and paths that are gone."""
    old = {entry.path: entry for entry in before.entries}
    new = {entry.path for entry in after.entries}
    changed = tuple(entry for entry in after.entries if old.get(entry.path) != entry)
    return Changes(changed, tuple(path for path in old if path not in new))


def read_range(root: Path, path: str, offset: int, length: int = READ_BYTES_MAX) -> Range:
    """At most `length` bytes (and 1 MiB) from `offset`. Blocks for the disk: use a thread."""
    if offset < 0 or length < 0:
        raise OutputError("an offset and a length can't be negative")
    fd = open_output(root, path)
    try:
        status = os.fstat(fd)
        data = os.pread(fd, min(length, READ_BYTES_MAX), offset)
    finally:
        os.close(fd)
    return Range(offset, data, status.st_size, status.st_mtime_ns)


def open_output(root: Path, path: str) -> int:
    """A descriptor of a plain file below `root`; the caller closes it."""
    parts = _parts(path)
    try:
        fd = os.open(root, FOLDER_FLAGS)
        for index, part in enumerate(parts):
            flags = FILE_FLAGS if index == len(parts) - 1 else FOLDER_FLAGS
            try:
                below = os.open(part, flags, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
    except (OSError, ValueError) as error:
        raise OutputError(f"the output {path!r} can't be opened: {error}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OutputError(f"the output {path!r} is no plain file")
    return fd


def _parts(path: str) -> list[str]:
    # Not by pathlib: '//etc' is a path of its own kind there, and its root would be opened.
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise OutputError(f"{path!r} is no path below the outputs folder")
    return parts
