"""Blobs on disk: a file each, named by its hash, in 256 folders.

A blob is written beside its place and renamed into it, so a name always leads to whole content
while the machine runs. Whether that content survives a power cut is another matter: syncing each
of ten thousand small files would take longer than everything else together, so blobs are synced
together, before the first manifest that refers to them is acknowledged. Until then a marker says
under which boot they were written. After a power cut, blobs as young as the marker are read and
those that aren't what their names say are removed: the next push sends them again.
"""

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from lanherd_agent.disk import sync_file_system, sync_path, write_all
from lanherd_agent.snapshots.problems import corrupt_blob
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX

SYNC_ONE_BY_ONE_MAX = 64
"""Up to here each blob is synced by itself; above, the whole file system is, in one call."""
MARKER_SLACK_S = 3600.0
"""A clock set back by less than this can't hide a young blob."""
_UNREADABLE = (errno.EIO, errno.ELOOP, errno.EISDIR)
"""A bad sector; a link or a folder where a blob was."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BlobStore:
    """All blobs of one agent. Its methods block: they are for threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = str(root)
        self._incoming = root / "incoming"
        self._marker = root / "unsynced"
        self._numbers = itertools.count()
        # Packs arrive in several threads. A blob comes to its name, is synced, renewed and removed
        # by one of them at a time.
        self._writing = threading.Lock()
        self._unsynced: set[BlobHash] = set()
        self._unsynced_unknown = False

    def prepare(self) -> list[BlobHash]:
        """Makes the folders, clears what was cut short; the damaged blobs that were removed."""
        for first in range(256):
            (self._root / f"{first:02x}").mkdir(parents=True, exist_ok=True)
        if self._incoming.exists():
            shutil.rmtree(self._incoming)
        self._incoming.mkdir()
        if not self._marker.exists():
            return []
        self._unsynced_unknown = True
        if self._marker.read_text() == _BOOT_ID.read_text():
            return []
        removed = self._remove_damaged(self._marker.stat().st_mtime - MARKER_SLACK_S)
        self.sync()
        return removed

    def path(self, blob: BlobHash) -> str:
        # Text, since building ten thousand Path objects takes as long as opening the files.
        return f"{self._folder}/{blob[:2]}/{blob[2:]}"

    def size(self, blob: BlobHash) -> int | None:
        """The blob's size in bytes, None where it isn't here."""
        try:
            return os.lstat(self.path(blob)).st_size
        except FileNotFoundError:
            return None

    def put(self, blob: BlobHash, data: bytes) -> bool:
        """Keeps a verified blob; False when it was here already. Either way it is young now."""
        if self.size(blob) is not None:
            with self._writing:
                if self._renew(blob, data):
                    return False
        temporary = self._write(data)
        try:
            with self._writing:
                self._mark_unsynced()
                os.rename(temporary, self.path(blob))
                self._unsynced.add(blob)
        except BaseException:
            os.unlink(temporary)
            raise
        return True

    def names(self, first: int) -> list[BlobHash]:
        """The blobs in one of the 256 folders."""
        folder = f"{self._folder}/{first:02x}"
        return [BlobHash(f"{first:02x}{name}") for name in os.listdir(folder)]

    def remove_old(self, blob: BlobHash, before: float) -> int | None:
        """Remove a blob that wasn't put since then; its size, None if it stays."""
        with self._writing:
            size = self.old_size(blob, before)
            if size is not None:
                os.unlink(self.path(blob))
                self._unsynced.discard(blob)
            return size

    def old_size(self, blob: BlobHash, before: float) -> int | None:
        """The size of a blob that wasn't put since then."""
        try:
            status = os.lstat(self.path(blob))
        except FileNotFoundError:
            return None
        return status.st_size if status.st_mtime < before else None

    def check(self, blob: BlobHash) -> int:
        """Reads a blob and compares it with its name; how many bytes it has. A damaged one is
        removed, and BLOB_CORRUPT raised."""
        descriptor = self.open(blob)
        try:
            return len(self.read(blob, descriptor))
        finally:
            os.close(descriptor)

    def remove(self, blobs: Iterable[BlobHash]) -> None:
        """Give back the space of blobs, but for those that a manifest may have named since."""
        with self._writing:
            for blob in self._unsynced.intersection(blobs):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path(blob))
                self._unsynced.discard(blob)

    def read(self, blob: BlobHash, descriptor: int) -> bytes:
        """The content of an opened blob, verified; a damaged one is removed and said."""
        # One byte more than a blob may have: one that has grown is damaged too.
        size = min(os.fstat(descriptor).st_size, BLOB_BYTES_MAX + 1)
        try:
            data = os.pread(descriptor, size, 0)
        except OSError as refused:
            if refused.errno not in _UNREADABLE:
                raise
            raise self._damaged(blob, "can't be read") from refused
        if hashlib.sha256(data).hexdigest() != blob:
            raise self._damaged(blob, "is not what its hash says")
        return data

    def open(self, blob: BlobHash) -> int:
        """A descriptor of the blob, for the caller to close."""
        try:
            return os.open(self.path(blob), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise corrupt_blob(blob, "is gone") from None
        except OSError as refused:
            if refused.errno not in _UNREADABLE:
                raise
            raise self._damaged(blob, "can't be read") from refused

    def sync(self) -> None:
        """What was put survives a power cut from here on."""
        with self._writing:
            if self._unsynced_unknown or len(self._unsynced) > SYNC_ONE_BY_ONE_MAX:
                sync_file_system(self._root)
            else:
                for blob in self._unsynced:
                    # One that was found damaged meanwhile is gone.
                    with contextlib.suppress(FileNotFoundError):
                        sync_path(self.path(blob))
                for folder in {os.path.dirname(self.path(blob)) for blob in self._unsynced}:
                    sync_path(folder)
            self._unsynced_unknown = False
            self._unsynced.clear()
            self._marker.unlink(missing_ok=True)

    def _damaged(self, blob: BlobHash, why: str) -> LanherdError:
        try:
            os.unlink(self.path(blob))
        except FileNotFoundError:
            pass  # somebody else met it at the same time
        except IsADirectoryError:
            shutil.rmtree(self.path(blob))
        return corrupt_blob(blob, why)

    def _renew(self, blob: BlobHash, data: bytes) -> bool:
        """Whether the blob is here as it should be; if so, it counts as put just now. A damaged one
        is so mended by whoever sends it."""
        path = self.path(blob)
        try:
            if os.lstat(path).st_size != len(data):
                return False
            descriptor = self.open(blob)
        except (FileNotFoundError, LanherdError):
            return False
        try:
            if os.pread(descriptor, len(data), 0) != data:
                return False
        finally:
            os.close(descriptor)
        os.utime(path)
        return True

    def _write(self, data: bytes) -> str:
        """A file of this content beside the blobs; several may be written at once."""
        temporary = f"{self._folder}/incoming/{next(self._numbers)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)
        except BaseException:
            os.unlink(temporary)
            raise
        return temporary

    def _mark_unsynced(self) -> None:
        if self._unsynced or self._unsynced_unknown:
            return
        # Not synced by itself: file systems keep the order of names, so no blob's name outlives a
        # power cut that this one doesn't, and content that got lost is as good as another boot's.
        self._marker.write_bytes(_BOOT_ID.read_bytes())

    def _remove_damaged(self, since: float) -> list[BlobHash]:
        removed: list[BlobHash] = []
        for first in range(256):
            for entry in os.scandir(self._root / f"{first:02x}"):
                if entry.stat(follow_symlinks=False).st_mtime < since:
                    continue
                content = Path(entry.path).read_bytes()
                if hashlib.sha256(content).hexdigest() != f"{first:02x}{entry.name}":
                    os.unlink(entry.path)
                    removed.append(BlobHash(f"{first:02x}{entry.name}"))
        return removed
