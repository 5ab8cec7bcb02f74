"""Files of this machine: a controller's own, and the failures of those that a person names."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanherd_protocol.errors import ErrorCode, error


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file at once, readable by its owner only, and on the disk when this returns."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


@contextmanager
def blamed(path: Path, remedy_when_full: str) -> Iterator[None]:
    """Turns the system's errors into ones that name the file: `DISK_FULL`, else `CONFLICT`, since
    the request was sound and the file system stands in its way."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        raise error(
            ErrorCode.DISK_FULL if full else ErrorCode.CONFLICT,
            f"{path} can't be written.",
            f"{problem.strerror or problem}.",
            remedy_when_full if full else "Name a file that you may write.",
            refusal="not_written",
            path=str(path),
            why=problem.strerror or str(problem),
        ) from problem


def sync_directory(directory: Path) -> None:
    """Makes a rename in the directory outlast a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
