"""An output's way into a file of this machine: whole or not at all, and resumed where it was cut.

The bytes go to a hidden file beside the target, named after what is fetched, its size and its time;
when all are there it is renamed. A later fetch of the same output goes on where the last one ended.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lanherd_client.files import blamed, sync_directory
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import OutputEntry

ROOM = "Make room on this disk, then fetch it again: it goes on where it was."


def target_of(to: Path, path: str, overwrite: bool) -> Path:
    """Where an output goes: into `to` where that is a folder, else to that very name.

    Raises `ConflictError` when the folder doesn't exist, when something that is no file has that
    name, and when a file has it and `overwrite` is False.
    """
    target = to / path.rpartition("/")[2] if to.is_dir() else to
    if not target.parent.is_dir():
        raise error(
            ErrorCode.CONFLICT,
            f"There is no folder {target.parent}.",
            f"'{path}' can't be written there.",
            "Make the folder first, or name another one.",
            refusal="no_folder",
            folder=str(target.parent),
            path=path,
        )
    check_free(target, overwrite)
    return target


def check_free(target: Path, overwrite: bool) -> None:
    """Raises unless the name is free, or a plain file's that may be written over."""
    with blamed(target, ROOM):
        try:
            mode = target.lstat().st_mode
        except FileNotFoundError:
            return
    if not stat.S_ISREG(mode):
        raise error(
            ErrorCode.CONFLICT,
            f"{target} can't be written.",
            f"It is {_kind(mode)}, and only a plain file is ever written over.",
            "Name another file, or remove it first.",
            refusal="no_plain_file",
            path=str(target),
            what=_kind(mode),
        )
    if not overwrite:
        raise error(
            ErrorCode.CONFLICT,
            f"{target} is there already.",
            "A fetch doesn't write over a file that it wasn't told to.",
            "Name another file, or write over it with --force (overwrite=True in Python).",
            refusal="file_there",
            path=str(target),
        )


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


@dataclass(slots=True)
class PartialFile:
    """The hidden file beside the target. Its methods block: call them in a thread."""

    target: Path
    path: Path
    overwrite: bool
    size_bytes: int = 0
    file: BinaryIO | None = None

    @classmethod
    def beside(
        cls, target: Path, overwrite: bool, run: RunId, attempt: int, entry: OutputEntry
    ) -> "PartialFile":
        what = f"{run}/{attempt}/{entry.path}/{entry.size_bytes}/{entry.modified_at!r}"
        mark = hashlib.sha256(what.encode()).hexdigest()[:16]
        return cls(target, target.with_name(f".{target.name[:200]}.{mark}.part"), overwrite)

    def open(self) -> int:
        """Opens it and says how many bytes are there from before."""
        with blamed(self.target, ROOM):
            self.file = _open_plainly(self.path)
            self.size_bytes = self.file.tell()
        return self.size_bytes

    def restart(self) -> None:
        """Throws away what is there: it belongs to something else."""
        with blamed(self.target, ROOM):
            self._opened().truncate(0)
            self.size_bytes = 0

    def write(self, data: bytes) -> None:
        with blamed(self.target, ROOM):
            self._opened().write(data)
            self.size_bytes += len(data)

    def finish(self) -> Path:
        """Gives it its name, once it is on the disk."""
        with blamed(self.target, ROOM):
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            self.close()
            # Again, since the name may have been taken while the bytes came.
            check_free(self.target, self.overwrite)
            self.path.replace(self.target)
            sync_directory(self.target.parent)
        return self.target

    def close(self) -> None:
        """Leaves what is there for a later fetch."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def discard(self) -> None:
        """Removes what is there: it can't be gone on with."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self.file is None:
            raise ValueError("the partial file is not open")
        return self.file


def _open_plainly(path: Path) -> BinaryIO:
    """Follows no link and waits for no reader: the name could have been put there by others."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, 0o666), "ab")
    file.seek(0, os.SEEK_END)
    return file


def changed_while_fetched(path: str) -> LanherdError:
    """The failure for an output that its run keeps writing."""
    return error(
        ErrorCode.CONFLICT,
        f"'{path}' kept changing while it was fetched.",
        "The run is still writing it.",
        "Fetch it again when the run has ended.",
        refusal="kept_changing",
        path=path,
    )
