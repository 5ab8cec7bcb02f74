"""Blobs on disk: a file each, named by its hash, in 256 folders.

A blob is written beside its place and renamed into it, so a name always leads to whole content
while the machine runs. Whether that content survives a power cut is another matter: syncing each
of ten thousand small files would take longer than everything else together, so blobs are synced
together, before the first manifest that refers to them is acknowledged. Until then a marker says
under which boot they were written. After a power cut, blobs as young as the marker are read and
those that aren't what their names say are removed: the next push sends them again.
"""

import contextlib
import hashlib
import itertools
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from lanherd_agent.disk import sync_file_system, sync_path, write_all, write_durably
from lanherd_agent.snapshots.problems import corrupt_blob
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX

SYNC_ONE_BY_ONE_MAX = 64
"""Up to here each blob is synced by itself; above, the whole file system is, in one call."""
MARKER_SLACK_S = 3600.0
"""A clock set back by less than this can't hide a young blob."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BlobStore:
    """All blobs of one agent. Its methods block: they are for threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = str(root)
        self._incoming = root / "incoming"
        self._marker = root / "unsynced"
        self._numbers = itertools.count()
        # Packs arrive in several threads; a blob that is being written is not synced yet.
        self._writing = threading.Lock()
        self._unsynced: set[BlobHash] = set()
        self._unsynced_unknown = False

    def prepare(self) -> int:
        """Makes the folders, clears what was cut short; how many damaged blobs were removed."""
        for first in range(256):
            (self._root / f"{first:02x}").mkdir(parents=True, exist_ok=True)
        if self._incoming.exists():
            shutil.rmtree(self._incoming)
        self._incoming.mkdir()
        if not self._marker.exists():
            return 0
        self._unsynced_unknown = True
        if self._marker.read_text() == _BOOT_ID.read_text():
            return 0
        removed = self._remove_damaged(self._marker.stat().st_mtime - MARKER_SLACK_S)
        self.sync()
        return removed

    def path(self, blob: BlobHash) -> str:
        # Text, since building ten thousand Path objects takes as long as opening the files.
        return f"{self._folder}/{blob[:2]}/{blob[2:]}"

    def size(self, blob: BlobHash) -> int | None:
        """The blob's size in bytes, None where it isn't here."""
        try:
            return os.stat(self.path(blob)).st_size
        except FileNotFoundError:
            return None

    def put(self, blob: BlobHash, data: bytes) -> bool:
        """Keeps a verified blob; False when it was here already."""
        if self.size(blob) == len(data):
            return False
        with self._writing:
            self._mark_unsynced()
            self._write(blob, data)
            self._unsynced.add(blob)
        return True

    def remove(self, blobs: Iterable[BlobHash]) -> None:
        """Give back the space of blobs, but for those that a manifest may have named since."""
        with self._writing:
            for blob in self._unsynced.intersection(blobs):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path(blob))
                self._unsynced.discard(blob)

    def read(self, blob: BlobHash, descriptor: int) -> bytes:
        """The content of an opened blob, verified; a damaged one is removed and said."""
        size = min(os.fstat(descriptor).st_size, BLOB_BYTES_MAX)
        data = os.pread(descriptor, size, 0)
        if hashlib.sha256(data).hexdigest() != blob:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(blob))
            raise corrupt_blob(blob, "is not what its hash says")
        return data

    def open(self, blob: BlobHash) -> int:
        """A descriptor of the blob, for the caller to close."""
        try:
            return os.open(self.path(blob), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise corrupt_blob(blob, "is gone") from None

    def sync(self) -> None:
        """What was put survives a power cut from here on."""
        with self._writing:
            if self._unsynced_unknown or len(self._unsynced) > SYNC_ONE_BY_ONE_MAX:
                sync_file_system(self._root)
            else:
                for blob in self._unsynced:
                    sync_path(self.path(blob))
                for folder in {os.path.dirname(self.path(blob)) for blob in self._unsynced}:
                    sync_path(folder)
            self._unsynced_unknown = False
            self._unsynced.clear()
            self._marker.unlink(missing_ok=True)

    def _write(self, blob: BlobHash, data: bytes) -> None:
        temporary = f"{self._folder}/incoming/{next(self._numbers)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)
            os.rename(temporary, self.path(blob))
        except BaseException:
            os.unlink(temporary)
            raise

    def _mark_unsynced(self) -> None:
        if self._unsynced or self._unsynced_unknown:
            return
        write_durably(self._marker, _BOOT_ID.read_bytes())

    def _remove_damaged(self, since: float) -> int:
        removed = 0
        for first in range(256):
            for entry in os.scandir(self._root / f"{first:02x}"):
                if entry.stat(follow_symlinks=False).st_mtime < since:
                    continue
                content = Path(entry.path).read_bytes()
                if hashlib.sha256(content).hexdigest() != f"{first:02x}{entry.name}":
                    os.unlink(entry.path)
                    removed += 1
        return removed
