"""Space held back for a full disk, so that the run that fills it can still be stopped.

A file that holds nothing but blocks. Each `release` gives one piece of it to the disk; `restore`
takes them back once there is clearly room, so that the two don't take turns on a disk at its edge.
"""

import logging
import os
from pathlib import Path

PIECE_BYTES = 512 * 1024
PIECES = 4
"""Several, since whatever fills the disk takes its share of each before it is stopped."""

_LOG = logging.getLogger(__name__)


class Reserve:
    """Blocks for the disk: for the store's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = False

    def is_whole(self) -> bool:
        """Whether `restore` has nothing to do, as far as is known."""
        return self._whole

    def release(self) -> bool:
        """Give one piece to the disk; False when there is none left."""
        try:
            size = self._path.stat().st_size
            if size:
                os.truncate(self._path, max(0, size - PIECE_BYTES))
        except OSError as problem:
            _LOG.warning("The space held back for a full disk can't be used: %s", problem)
            return False
        self._whole = False
        return size > 0

    def restore(self) -> None:
        """Hold back what is missing, where as much again would still be free."""
        disk = os.statvfs(self._path.parent)
        size = PIECES * PIECE_BYTES
        if disk.f_bavail * disk.f_frsize < 2 * size:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
        except OSError as problem:
            _LOG.warning("No space could be held back for a full disk: %s", problem)
        # A disk that refuses this for another reason would do so after every commit.
        self._whole = True
