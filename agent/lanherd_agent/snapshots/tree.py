"""Building a snapshot's tree.

Everything is made under one folder beside the target and becomes visible by one rename. Each
folder is reached from its parent's descriptor without following links, and links are made last,
so that nothing can be written through one. Files are copies, by copy_file_range where they are
large (which shares blocks on file systems that can), never hard links: a run may write to its
tree, and the store must not change.

The tree isn't synced to disk: its run doesn't survive a power cut either, and a later attempt
gets a tree of its own.
"""

import errno
import os
import shutil
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.disk import write_all
from lanherd_agent.snapshots.blobs import BlobStore
from lanherd_agent.snapshots.problems import CancelledHere
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.paths import parent
from lanherd_protocol.values import Manifest, ManifestEntry

OPEN_FOLDERS_MAX = 64
COPY_IN_KERNEL_BYTES_MIN = 128 * 1024
"""Below this, writing what was read to be verified is faster than another call for each file."""
_NO_KERNEL_COPY = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Materialised:
    """A tree that was built."""

    files: int
    bytes_total: int


def build_tree(
    blobs: BlobStore, manifest: Manifest, target: Path, cancelled: threading.Event
) -> Materialised:
    """Builds the tree at `target`, which must not exist; on any failure nothing is left."""
    partial = target.with_name(f".{target.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir()
        with _Folders(partial) as folders:
            built = _fill(blobs, manifest, folders, cancelled)
        os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return built


def _fill(
    blobs: BlobStore, manifest: Manifest, folders: "_Folders", cancelled: threading.Event
) -> Materialised:
    files = bytes_total = 0
    links: list[ManifestEntry] = []
    for entry in manifest.entries:
        if cancelled.is_set():
            raise CancelledHere
        if entry.kind == "link":
            links.append(entry)
        elif entry.kind == "directory":
            folders.open(entry.path)
        else:
            _write_file(blobs, entry, folders.open(parent(entry.path)), cancelled)
            files += 1
            bytes_total += entry.size_bytes
    for link in links:
        os.symlink(link.target, _name(link), dir_fd=folders.open(parent(link.path)))
    return Materialised(files, bytes_total)


def _write_file(
    blobs: BlobStore, entry: ManifestEntry, folder: int, cancelled: threading.Event
) -> None:
    mode = 0o777 if entry.kind == "executable" else 0o666
    output = os.open(_name(entry), _FILE_FLAGS, mode, dir_fd=folder)
    try:
        for blob in entry.blobs:
            if cancelled.is_set():
                raise CancelledHere
            _append_blob(blobs, blob, output)
    finally:
        os.close(output)


def _append_blob(blobs: BlobStore, blob: BlobHash, output: int) -> None:
    source = blobs.open(blob)
    try:
        data = blobs.read(blob, source)
        copied = 0
        if len(data) >= COPY_IN_KERNEL_BYTES_MIN:
            copied = _copy_in_kernel(source, output, len(data))
        if copied < len(data):
            write_all(output, data[copied:])
    finally:
        os.close(source)


def _copy_in_kernel(source: int, output: int, length: int) -> int:
    """How much the kernel copied: all, or nothing more where the file system can't."""
    copied = 0
    while copied < length:
        try:
            count = os.copy_file_range(source, output, length - copied, offset_src=copied)
        except OSError as refused:
            if refused.errno in _NO_KERNEL_COPY:
                break
            raise
        if count == 0:
            break
        copied += count
    return copied


def _name(entry: ManifestEntry) -> str:
    return entry.path.rpartition("/")[2]


class _Folders:
    """Descriptors of a tree's folders, made when first needed; only the recent ones stay open."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, _FOLDER_FLAGS)
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> "_Folders":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        os.close(self._root)

    def open(self, path: str) -> int:
        """A descriptor that is good until the next call; the folder is made if it isn't there."""
        if not path:
            return self._root
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        above, _, name = path.rpartition("/")
        holder = self.open(above)
        try:
            os.mkdir(name, dir_fd=holder)
        except FileExistsError:
            pass
        descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=holder)
        self._open[path] = descriptor
        if len(self._open) > OPEN_FOLDERS_MAX:
            os.close(self._open.popitem(last=False)[1])
        return descriptor
