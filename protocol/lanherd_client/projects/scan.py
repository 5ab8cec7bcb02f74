"""Reading a project folder into a manifest.

Every file is hashed as it is at one moment: its size, times and inode before and after the
reading must agree, otherwise it is read again, and after some tries the scan gives up and names
it. A file that vanishes between listing and reading is left out: that is how the folder is now.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_client.projects.ignore import Rules
from lanherd_client.projects.problems import (
    CancelledHere,
    changed,
    empty,
    refused_by_system,
    too_large,
    unreadable,
)
from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX, MANIFEST_ENTRIES_MAX
from lanherd_protocol.paths import PathError, check_path, check_target
from lanherd_protocol.values import Manifest, ManifestEntry

READ_TRIES = 3
PROGRESS_EVERY_FILES = 64

ScanProgress = Callable[[int, int, str], None]
"""Called with files read, bytes read, and the path at hand; in the scan's thread."""

_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
# A fifo put in place of a file after the listing must not hold the scan up.
_READ_FLAGS |= getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a blob's bytes are on this machine's disk."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Scan:
    """A project folder as it was read.

    `encoded` is the manifest's canonical encoding, `sources` says where each blob can be read
    again, `left_out` counts entries that ignore rules kept at home.
    """

    manifest: Manifest
    encoded: bytes
    snapshot: SnapshotId
    files: int
    bytes_total: int
    left_out: int
    sources: dict[BlobHash, Source]


def scan(
    folder: Path,
    on_progress: ScanProgress | None = None,
    cancelled: threading.Event | None = None,
) -> Scan:
    """Reads the folder; blocks, so it belongs in a thread.

    Raises PROJECT_UNREADABLE, PROJECT_EMPTY, PROJECT_CHANGED and TOO_LARGE, each with the path.
    A link that leads out of the folder is refused, since it would lead elsewhere on a machine.
    """
    _check_folder(folder)
    scanner = _Scanner(folder, on_progress, cancelled or threading.Event())
    scanner.walk()
    if not scanner.entries:
        raise empty(folder, scanner.left_out)
    scanner.entries.sort(key=lambda entry: entry.path)
    manifest = Manifest(entries=tuple(scanner.entries))
    try:
        encoded = manifests.encode(manifest)
    except manifests.ManifestError as refused:
        raise too_large(
            folder, f"{refused}.", refusal="no_manifest", problem=str(refused)
        ) from refused
    return Scan(
        manifest=manifest,
        encoded=encoded,
        snapshot=manifests.snapshot_id(encoded),
        files=scanner.files,
        bytes_total=scanner.bytes_total,
        left_out=scanner.left_out,
        sources=scanner.sources,
    )


def _check_folder(folder: Path) -> None:
    try:
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            raise unreadable(
                folder,
                "It is a file, not a folder.",
                "Choose the folder that holds the program.",
                refusal="project_is_file",
            )
    except FileNotFoundError:
        raise unreadable(
            folder,
            "There is no such folder.",
            "Choose a folder that exists.",
            refusal="no_such_folder",
        ) from None
    except OSError as refused:
        raise refused_by_system(folder, refused) from refused


@dataclass(slots=True)
class _Scanner:
    root: Path
    on_progress: ScanProgress | None
    cancelled: threading.Event
    entries: list[ManifestEntry] = field(default_factory=list)
    sources: dict[BlobHash, Source] = field(default_factory=dict)
    files: int = 0
    bytes_total: int = 0
    left_out: int = 0
    folder: str = field(init=False)

    def __post_init__(self) -> None:
        # Text, since building a Path object takes as long as opening its file.
        self.folder = str(self.root)

    def walk(self) -> None:
        waiting = [("", Rules())]
        while waiting:
            path, rules = waiting.pop()
            waiting.extend(self._read_folder(path, rules))

    def _read_folder(self, path: str, rules: Rules) -> list[tuple[str, Rules]]:
        folder = self.root / path
        try:
            with os.scandir(folder) as listing:
                found = list(listing)
        except FileNotFoundError:
            return []
        except OSError as refused:
            raise refused_by_system(folder, refused) from refused
        rules = rules.entering(folder, path, {entry.name for entry in found})
        inner: list[tuple[str, Rules]] = []
        kept = 0
        for entry in found:
            if self.cancelled.is_set():
                raise CancelledHere
            entry_path = f"{path}/{entry.name}" if path else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules.leave_out(entry_path, entry.name, is_folder=is_folder):
                self.left_out += 1
                continue
            kept += 1
            _check_name(self.root, entry_path)
            if is_folder:
                inner.append((entry_path, rules))
            else:
                self._read_entry(entry, entry_path)
        if path and not kept:
            self._add(ManifestEntry(path, "directory"))
        return inner

    def _read_entry(self, entry: "os.DirEntry[str]", path: str) -> None:
        if entry.is_symlink():
            self._read_link(path)
        elif entry.is_file(follow_symlinks=False):
            self._read_file(path)
        else:
            raise unreadable(
                self.root / path,
                f"It is {_kind_name(entry)}, which can't be part of a snapshot.",
                refusal="no_part_of_a_project",
                what=_kind_name(entry),
            )

    def _read_link(self, path: str) -> None:
        try:
            target = os.readlink(self.root / path)
        except FileNotFoundError:
            return
        except OSError as refused:
            raise refused_by_system(self.root / path, refused) from refused
        plain = "/".join(name for name in target.split("/") if name not in ("", "."))
        if target.startswith("/"):
            raise _link_refused(self.root / path, target)
        try:
            check_target(path, plain or ".")
        except PathError as refused:
            raise _link_refused(self.root / path, target) from refused
        self._add(ManifestEntry(path, "link", target=plain or "."))

    def _read_file(self, path: str) -> None:
        place = f"{self.folder}/{path}"
        for _ in range(READ_TRIES):
            try:
                read = _read_once(place, self.cancelled)
            except FileNotFoundError:
                return
            except OSError as refused:
                raise refused_by_system(place, refused) from refused
            if read is not None:
                break
        else:
            raise changed(place)
        executable = bool(read.mode & stat.S_IXUSR)
        self._add(
            ManifestEntry(path, "executable" if executable else "file", read.size, read.blobs)
        )
        for index, blob in enumerate(read.blobs):
            offset = index * BLOB_BYTES_MAX
            length = min(BLOB_BYTES_MAX, read.size - offset)
            self.sources.setdefault(blob, Source(place, offset, length))
        self.files += 1
        self.bytes_total += read.size
        if self.on_progress is not None and self.files % PROGRESS_EVERY_FILES == 0:
            self.on_progress(self.files, self.bytes_total, path)

    def _add(self, entry: ManifestEntry) -> None:
        self.entries.append(entry)
        if len(self.entries) > MANIFEST_ENTRIES_MAX:
            raise too_large(
                self.root,
                f"It has more than {MANIFEST_ENTRIES_MAX} files and empty folders.",
                refusal="many_files",
                files_max=MANIFEST_ENTRIES_MAX,
            )


@dataclass(frozen=True, slots=True)
class _ReadFile:
    mode: int
    size: int
    blobs: tuple[BlobHash, ...]


def _read_once(place: str, cancelled: threading.Event) -> _ReadFile | None:
    """The file as it was during the whole reading, None where it changed meanwhile."""
    descriptor = os.open(place, _READ_FLAGS)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return None
        blobs: list[BlobHash] = []
        total = 0
        for data in _pieces(descriptor, before.st_size):
            if cancelled.is_set():
                raise CancelledHere
            blobs.append(BlobHash(hashlib.sha256(data).hexdigest()))
            total += len(data)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if total != before.st_size or _moment(before) != _moment(after):
        return None
    return _ReadFile(before.st_mode, total, tuple(blobs))


def _pieces(descriptor: int, size: int) -> Iterator[bytes]:
    """The file in blobs; one byte more than its size is asked for, to see that it grew."""
    offset = 0
    while offset < size:
        data = os.pread(descriptor, min(BLOB_BYTES_MAX, size - offset), offset)
        if not data:
            return
        offset += len(data)
        yield data


def _moment(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _check_name(root: Path, path: str) -> None:
    try:
        check_path(path)
    except PathError as refused:
        raise unreadable(
            root / path,
            f"Its name can't be kept on every machine: it {refused.why}.",
            "Rename it, or leave its folder out by a line in .lanherdignore.",
            refusal="unkept_name",
            why=refused.why,
        ) from refused


def _link_refused(place: Path, target: str) -> Exception:
    return unreadable(
        place,
        f"It is a link to {target!r}, which is outside the project or leads through '..' there.",
        "Put the files into the project, or leave the link out by a line in .lanherdignore.",
        refusal="link_outside",
        target=target,
    )


def _kind_name(entry: "os.DirEntry[str]") -> str:
    mode = entry.stat(follow_symlinks=False).st_mode
    for test, name in (
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return name
    return "no regular file"
