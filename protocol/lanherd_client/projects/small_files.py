"""The small files of a project that Lanherd itself reads and writes: rules, and the project file.

Writing is whole: all of the new content is there, or the old one.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path

from lanherd_client.new_ids import new_id

_READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
"""A pipe by that name must not keep the reader waiting."""


def read_file_start(place: str | Path, bytes_max: int) -> bytes | None:
    """The file's first `bytes_max` bytes; None where there is no file. Raises OSError, as for what
    is no file."""
    try:
        descriptor = os.open(place, _READ_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, os.strerror(number))
    with open(descriptor, "rb") as file:
        return file.read(bytes_max)


def replace_file(place: Path, content: bytes) -> None:
    """Puts the content in place of the file's, with the rights that it had; a link stays one.
    Raises OSError."""
    target = place.resolve()
    fresh = target.with_name(f".{target.name}.{new_id()}")
    try:
        fresh.write_bytes(content)
        with contextlib.suppress(FileNotFoundError):
            fresh.chmod(target.stat().st_mode & 0o7777)
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def create_file(place: Path, content: bytes) -> None:
    """Makes the file, and its folder where there is none. Raises FileExistsError if it is there,
    and OSError."""
    try:
        place.parent.mkdir(exist_ok=True)
    except FileExistsError as refused:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from refused
    fresh = place.with_name(f".{place.name}.{new_id()}")
    try:
        fresh.write_bytes(content)
        try:
            os.link(fresh, place)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links: for a moment somebody may see half of it.
            with place.open("xb") as file:
                file.write(content)
    finally:
        fresh.unlink(missing_ok=True)
