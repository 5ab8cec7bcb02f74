"""Walking a project folder, beside what the walk before it found.

Each folder is listed and each entry in it is looked at once; what has the stamp that it had before
is as it was. The result is a record for each folder, and the entries of the manifest that are
`fresh` or `removed`: for a folder in which nothing changed nothing is made at all.

A listing is a moment too: a file that is renamed while the folder is walked could be missed under
both names. So at the end each folder's own stamp is compared with that from before its listing,
and the folders that changed are looked at again, until nothing more changes.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lanherd_client.projects.ignore import ENVIRONMENT_MARKS, Rule, Rules, depends_on_size
from lanherd_client.projects.problems import (
    CancelledHere,
    changed,
    kind_refused,
    link_refused,
    name_refused,
    refused_by_system,
    shown,
    too_many,
)
from lanherd_client.projects.reading import (
    TOLD_FILES_MAX,
    TOLD_TOGETHER_BYTES_MAX,
    Content,
    Found,
    LargeFile,
    LargeFiles,
    OnFound,
    Source,
    read_file,
    stamp_of,
)
from lanherd_client.projects.scan_cache import NO_STAMP, FolderRecord, LeftOut, Stamp
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import (
    BLOB_BYTES_MAX,
    MANIFEST_ENTRIES_MAX,
    PATH_BYTES_MAX,
    PATH_COMPONENT_BYTES_MAX,
    PATH_NAMES_MAX,
)
from lanherd_protocol.paths import PathError, check_path, check_target, parent
from lanherd_protocol.values import EntryKind, ManifestEntry

PROGRESS_EVERY_FILES = 64
SETTLE_ROUNDS = 5

ScanProgress = Callable[[int, int, str], None]
"""Called with files read, bytes read, and the path at hand; in the scan's thread."""

_MARKS = frozenset(ENVIRONMENT_MARKS)
_GONE = (FileNotFoundError, NotADirectoryError)


class _Moment(NamedTuple):
    """A folder's own stamp before it was listed, and the rules around it."""

    stamp: Stamp
    outer: Rules


class _Pending(NamedTuple):
    """A large file that other threads read."""

    folder: str
    name: str
    file: LargeFile


@dataclass(slots=True)
class Walk:
    """One walk over the folder `root`; `records` are those of the walk before, and afterwards those
    of this one. `trusted_ns`: what was stamped then or later is read again the next time."""

    root: str
    records: dict[str, FolderRecord]
    trusted_ns: int
    cancelled: threading.Event
    on_progress: ScanProgress | None = None
    on_found: OnFound | None = None
    fresh: dict[str, ManifestEntry] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    changes: int = 0
    files_read: int = 0
    bytes_read: int = 0
    _moments: dict[str, _Moment] = field(default_factory=dict)
    _unsettled: set[str] = field(default_factory=set)
    _pending: list[_Pending] = field(default_factory=list)
    _told: list[Found] = field(default_factory=list)
    _told_bytes: int = 0
    _large: LargeFiles = field(init=False)

    def run(self, rules: Rules) -> None:
        """Walks until nothing changes any more. `rules` are those above the root.

        Raises PROJECT_UNREADABLE, PROJECT_CHANGED and TOO_LARGE, each with the path.
        """
        self._large = LargeFiles(self.cancelled)
        try:
            self._walk("", rules)
            self._finish_large()
            self._settle()
            self._tell()
        finally:
            self._large.close()

    # --- Folders -----------------------------------------------------------------------------

    def _walk(self, path: str, outer: Rules) -> None:
        waiting = [(path, outer)]
        while waiting:
            path, outer = waiting.pop()
            if self.cancelled.is_set():
                raise CancelledHere
            rules, record = self._enter(path, outer)
            for name in record.folders:
                inner = f"{path}/{name}" if path else name
                known = self._moments.get(inner)
                if known is None or known.outer.key != rules.key:
                    waiting.append((inner, rules))

    def _enter(self, path: str, outer: Rules) -> tuple[Rules, FolderRecord]:
        """Lists a folder; the rules in it, and its new record."""
        place = f"{self.root}/{path}" if path else self.root
        try:
            stamp = stamp_of(os.lstat(place) if path else os.stat(place))
            with os.scandir(place) as listing:
                found = list(listing)
        except _GONE:
            self._lost(path)
            return outer, FolderRecord(outer.key)
        except OSError as refused:
            raise refused_by_system(place, refused) from refused
        self._moments[path] = _Moment(stamp, outer)
        names = {entry.name for entry in found}
        rules = outer.entering(place, path, names)
        old = self.records.get(path)
        if old is not None and old.rules == rules.key and _is_same(found, names, old):
            return rules, old
        look = _Look(path, rules, old or FolderRecord(rules.key), FolderRecord(rules.key))
        if path and not names.isdisjoint(_MARKS):
            look.new.itself = look.about_environment()
        if look.new.itself is None:
            for entry in found:
                self._look_at(entry, look)
        if old is None or look.new != old:
            self.changes += 1
        self._replace(path, old, look.new)
        return rules, look.new

    def _replace(self, path: str, old: FolderRecord | None, new: FolderRecord) -> None:
        """Takes the folder's new record; what only the old one has is forgotten."""
        self.records[path] = new
        inside = f"{path}/" if path else ""
        if old is not None:
            for name in old.files.keys() - new.files.keys():
                self._forget(inside + name)
            for name in old.folders - new.folders:
                self._drop_folder(inside + name)
        if not path:
            return
        if new.is_bare:
            self._put(ManifestEntry(path, "directory"))
        elif old is not None and old.is_bare:
            self._forget(path)

    def _drop_folder(self, path: str) -> None:
        """Forgets a folder and all that was in it."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            record = self.records.pop(path, None)
            self._moments.pop(path, None)
            self._unsettled.discard(path)
            if record is not None:
                if record.is_bare:
                    self._forget(path)
                for name in record.files:
                    self._forget(f"{path}/{name}")
                waiting += [f"{path}/{name}" for name in record.folders]

    def _lost(self, path: str) -> None:
        """Something vanished behind its listing: its folder has to be listed again."""
        if not path:
            raise changed(self.root)
        self.changes += 1
        self.gone.add(path)
        self._unsettled.add(parent(path))

    def _settle(self) -> None:
        """Looks again at the folders that changed since they were listed."""
        again: list[str] = []
        for _ in range(SETTLE_ROUNDS):
            again = [path for path in self._moments if self._has_changed(path)]
            before = self.changes
            self._unsettled.clear()
            for path in again:
                moment = self._moments.get(path)
                if moment is not None:
                    self._walk(path, moment.outer)
            self._finish_large()
            if self.changes == before:
                return
        raise changed(self._place(min(again)))

    def _has_changed(self, path: str) -> bool:
        if path in self._unsettled:
            return True
        place = self._place(path)
        try:
            now = stamp_of(os.lstat(place) if path else os.stat(place))
        except OSError:
            # What has gone from its folder is found there.
            return not path
        return now != self._moments[path].stamp

    def _place(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    # --- Entries -----------------------------------------------------------------------------

    def _look_at(self, entry: "os.DirEntry[str]", look: "_Look") -> None:
        if self.cancelled.is_set():
            raise CancelledHere
        name, new = entry.name, look.new
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            left_out = look.about(entry, is_folder=is_folder)
            status = None if is_folder or left_out else entry.stat(follow_symlinks=False)
        except _GONE:
            self._lost(look.inside + name)
            return
        except OSError as refused:
            raise refused_by_system(f"{self.root}/{look.inside}{name}", refused) from refused
        if left_out is not None:
            new.left_out[_as_text(name)] = left_out
        elif status is not None:
            self._look_at_file(name, stamp_of(status), look)
        else:
            if name not in look.old.folders:
                self._check_name(look.inside + name, name)
            new.folders.add(name)

    def _look_at_file(self, name: str, stamp: Stamp, look: "_Look") -> None:
        path = look.inside + name
        was = look.old.files.get(name)
        if was == stamp:
            look.new.files[name] = stamp
            return
        if was is None:
            self._check_name(path, name)
        if name in look.old.folders:
            self._drop_folder(path)
        place = f"{self.root}/{path}"
        if stat.S_ISLNK(stamp[0]):
            self._read_link(place, path, name, stamp, look)
        elif stat.S_ISDIR(stamp[0]):
            # Since its listing.
            self._lost(path)
        elif not stat.S_ISREG(stamp[0]):
            raise kind_refused(place, stamp[0])
        elif stamp[2] > BLOB_BYTES_MAX:
            self._pending.append(_Pending(look.path, name, self._large.begin(place, stamp)))
            look.new.files[name] = NO_STAMP
        else:
            content = read_file(place, stamp, self.cancelled)
            if content is None:
                self._lost(path)
                return
            look.new.files[name] = self._trusted(content.stamp)
            self._put_file(place, path, content)

    def _read_link(self, place: str, path: str, name: str, stamp: Stamp, look: "_Look") -> None:
        try:
            target = os.readlink(place)
        except OSError as refused:
            # EINVAL: a file is there now.
            if refused.errno in (errno.ENOENT, errno.EINVAL, errno.ENOTDIR):
                self._lost(path)
                return
            raise refused_by_system(place, refused) from refused
        plain = "/".join(part for part in target.split("/") if part not in ("", ".")) or "."
        if target.startswith("/"):
            raise link_refused(place, target)
        try:
            check_target(path, plain)
        except PathError as refused:
            raise link_refused(place, target) from refused
        look.new.files[name] = self._trusted(stamp)
        self._put(ManifestEntry(path, "link", target=plain))

    def _finish_large(self) -> None:
        """Waits for the large files; they are put where their folders' records have them."""
        pending, self._pending = self._pending, []
        for folder, name, file in pending:
            path = f"{folder}/{name}" if folder else name
            content = file.content()
            record = self.records.get(folder)
            if record is None or name not in record.files:
                continue
            if content is None:
                self._lost(path)
                continue
            record.files[name] = self._trusted(content.stamp)
            self._put_file(file.place, path, content)

    def _put_file(self, place: str, path: str, content: Content) -> None:
        size = content.stamp[2]
        kind: EntryKind = "executable" if content.stamp[0] & stat.S_IXUSR else "file"
        self._put(ManifestEntry(path, kind, size, content.blobs))
        self.files_read += 1
        self.bytes_read += size
        if self.on_progress is not None and self.files_read % PROGRESS_EVERY_FILES == 0:
            self.on_progress(self.files_read, self.bytes_read, path)
        if self.on_found is not None:
            self._tell_of(place, content)

    def _tell_of(self, place: str, content: Content) -> None:
        self._told += [
            Found(blob, source, content.data)
            for blob, source in sources_of(place, content.stamp[2], content.blobs)
        ]
        self._told_bytes += len(content.data or b"")
        if len(self._told) >= TOLD_FILES_MAX or self._told_bytes >= TOLD_TOGETHER_BYTES_MAX:
            self._tell()

    def _tell(self) -> None:
        told, self._told, self._told_bytes = self._told, [], 0
        if told and self.on_found is not None:
            self.on_found(told)

    def _put(self, entry: ManifestEntry) -> None:
        self.fresh[entry.path] = entry
        if len(self.fresh) > MANIFEST_ENTRIES_MAX:
            raise too_many(self.root)

    def _forget(self, path: str) -> None:
        self.fresh.pop(path, None)
        self.removed.add(path)

    def _trusted(self, stamp: Stamp) -> Stamp:
        return stamp if stamp[3] < self.trusted_ns and stamp[4] < self.trusted_ns else NO_STAMP

    def _check_name(self, path: str, name: str) -> None:
        # The folder's name was checked, and the system has no name with a slash, '.' or '..'. The
        # whole check takes as long as opening the file.
        if (
            path.isascii()
            and "\\" not in name
            and len(name) <= PATH_COMPONENT_BYTES_MAX
            and len(path) <= PATH_BYTES_MAX
            and path.count("/") < PATH_NAMES_MAX
        ):
            return
        try:
            check_path(path)
        except PathError as refused:
            raise name_refused(f"{self.root}/{path}", refused.why) from refused


@dataclass(slots=True)
class _Look:
    """A look at one folder: its record before and the one that is made."""

    path: str
    rules: Rules
    old: FolderRecord
    new: FolderRecord
    inside: str = field(init=False)

    def __post_init__(self) -> None:
        self.inside = f"{self.path}/" if self.path else ""

    def about(self, entry: "os.DirEntry[str]", *, is_folder: bool) -> LeftOut | None:
        """Whether and why the entry stays at home; None: it is sent."""
        name = entry.name
        rule: Rule | None
        known = self.old.left_out.get(name) if self.old.rules == self.rules.key else None
        if known is not None and known.is_folder == is_folder:
            rule = known.rule
        elif self._was_sent(name, is_folder=is_folder):
            return None
        else:
            rule = self.rules.about(self.inside + name, name, is_folder=is_folder)
        if rule is None:
            return None
        if not rule.over_bytes:
            return LeftOut(rule, is_folder)
        is_file = entry.is_file(follow_symlinks=False)
        size_bytes = entry.stat(follow_symlinks=False).st_size if is_file else 0
        return LeftOut(rule, is_folder, size_bytes) if rule.leaves_out(size_bytes) else None

    def about_environment(self) -> LeftOut | None:
        """The same for the folder itself, which is a virtual environment."""
        if self.old.rules == self.rules.key and self.old.itself is not None:
            return self.old.itself
        rule = self.rules.about_environment(self.path)
        return None if rule is None else LeftOut(rule, is_folder=True)

    def _was_sent(self, name: str, *, is_folder: bool) -> bool:
        if self.old.rules != self.rules.key or depends_on_size(name):
            return False
        return name in (self.old.folders if is_folder else self.old.files)


def sources_of(
    place: str, size_bytes: int, blobs: Sequence[BlobHash]
) -> Iterator[tuple[BlobHash, Source]]:
    """Where each blob of a file of this size is."""
    for index, blob in enumerate(blobs):
        offset = index * BLOB_BYTES_MAX
        yield blob, Source(place, offset, min(BLOB_BYTES_MAX, size_bytes - offset))


def _is_same(found: "list[os.DirEntry[str]]", names: set[str], old: FolderRecord) -> bool:
    """Whether a folder under the same rules is as its record says."""
    if old.itself is not None:
        return not names.isdisjoint(_MARKS)
    files, folders, left_out = old.files, old.folders, old.left_out
    if len(found) != len(files) + len(folders) + len(left_out):
        return False
    try:
        for entry in found:
            name = entry.name
            was = files.get(name)
            if was is None:
                if not _is_same_other(entry, name in folders, left_out.get(name)):
                    return False
                continue
            # As `stamp_of`, whose call would take as long as all the rest here.
            now = entry.stat(follow_symlinks=False)
            if was != (
                now.st_mode,
                now.st_ino,
                now.st_size,
                now.st_mtime_ns,
                now.st_ctime_ns,
            ):
                return False
    except OSError:
        # Looked at again, it tells why.
        return False
    return True


def _is_same_other(entry: "os.DirEntry[str]", was_sent: bool, left_out: LeftOut | None) -> bool:
    """The same for a folder, and for what stays at home."""
    is_folder = entry.is_dir(follow_symlinks=False)
    if was_sent or left_out is None:
        return was_sent and is_folder
    if left_out.is_folder != is_folder:
        return False
    if not left_out.rule.over_bytes:
        return True
    return (
        entry.stat(follow_symlinks=False).st_size == left_out.size_bytes and not entry.is_symlink()
    )


def _as_text(name: str) -> str:
    """The name as a record keeps it; one that is no Unicode is looked at again each time."""
    return name if name.isascii() else shown(name)
