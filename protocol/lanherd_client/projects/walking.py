"""Walking a project folder, beside what the walk before it found.

Each folder is listed and each entry in it is looked at once; what has the stamp that it had before
is as it was. The result is a record for each folder, and the entries of the manifest that are
`fresh` or `removed`: for a folder in which nothing changed nothing is made at all.

A listing is a moment too: a file that is renamed while the folder is walked could be missed under
both names. So at the end each folder's own stamp is compared with that from before its listing
(and where the clock that stamps is too coarse for that, the listing itself), and the folders that
changed are looked at again, until nothing more changes.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from lanherd_client.projects.ignore import Rules
from lanherd_client.projects.looking import MARKS, Look, is_same
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
    read_file,
    sources_of,
    stamp_of,
)
from lanherd_client.projects.scan_cache import NO_STAMP, FolderRecord, Stamp
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
SETTLE_ROUNDS = 8
QUIET_ROUNDS = 3
"""So often in a row nothing that is sent may have changed, though its folder did."""

ScanProgress = Callable[[int, int, str], None]
"""Called with files read, bytes read, and the path at hand; in the scan's thread."""

_GONE = (FileNotFoundError, NotADirectoryError)


class _Moment(NamedTuple):
    """A folder's own stamp before it was listed, and the rules around it. `names` is what was
    listed, where that was so soon after a change that the stamp can't tell of another one."""

    stamp: Stamp
    outer: Rules
    names: frozenset[tuple[str, int]] | None


class _Pending(NamedTuple):
    """A large file that other threads read, and the record of its folder that waits for it."""

    folder: str
    name: str
    record: FolderRecord
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
        place = self._place(path)
        try:
            stamp = self._stamp(path)
            found = _listed(place)
        except _GONE:
            self._lost(path)
            return outer, FolderRecord(outer.key)
        except OSError as refused:
            raise refused_by_system(place, refused) from refused
        settled = self._trusted(stamp) == stamp
        self._moments[path] = _Moment(stamp, outer, None if settled else _names_of(found))
        names = {entry.name for entry in found}
        rules = outer.entering(place, path, names)
        old = self.records.get(path)
        if old is not None and old.rules == rules.key and is_same(found, names, old):
            return rules, old
        look = Look(path, rules, old or FolderRecord(rules.key), FolderRecord(rules.key))
        if path and not names.isdisjoint(MARKS):
            look.new.itself = look.about_environment(outer)
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
        """Looks again at the folders that changed since they were listed. Where what changes stays
        at home, such as a log, they may go on doing so."""
        quiet = 0
        again: list[str] = []
        for _ in range(SETTLE_ROUNDS):
            again = [path for path in self._moments if self._has_changed(path)]
            if not again:
                return
            before = self.changes
            self._unsettled.clear()
            for path in again:
                moment = self._moments.get(path)
                if moment is not None:
                    self._walk(path, moment.outer)
            self._finish_large()
            quiet = quiet + 1 if self.changes == before else 0
            if quiet == QUIET_ROUNDS:
                return
        raise changed(self._place(min(again)))

    def _has_changed(self, path: str) -> bool:
        if path in self._unsettled:
            return True
        known = self._moments[path]
        try:
            if self._stamp(path) != known.stamp:
                return True
            return known.names is not None and _names_of(_listed(self._place(path))) != known.names
        except OSError:
            # What has gone from its folder is found there.
            return not path

    def _stamp(self, path: str) -> Stamp:
        """That of a folder; the project itself may be reached by a link."""
        place = self._place(path)
        return stamp_of(os.lstat(place) if path else os.stat(place))

    def _place(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    # --- Entries -----------------------------------------------------------------------------

    def _look_at(self, entry: "os.DirEntry[str]", look: Look) -> None:
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

    def _look_at_file(self, name: str, stamp: Stamp, look: Look) -> None:
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
            file = self._large.begin(place, stamp)
            self._pending.append(_Pending(look.path, name, look.new, file))
            look.new.files[name] = NO_STAMP
        else:
            content = read_file(place, stamp, self.cancelled)
            if content is None:
                self._lost(path)
                return
            look.new.files[name] = self._trusted(content.stamp)
            self._put_file(place, path, content)

    def _read_link(self, place: str, path: str, name: str, stamp: Stamp, look: Look) -> None:
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
        """Waits for the large files."""
        pending, self._pending = self._pending, []
        for folder, name, record, file in pending:
            content = file.content()
            # A later look at its folder has seen the file again, or that it is gone.
            if self.records.get(folder) is not record:
                continue
            path = f"{folder}/{name}" if folder else name
            if content is None:
                self._lost(path)
            else:
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


def _listed(place: str) -> list["os.DirEntry[str]"]:
    with os.scandir(place) as listing:
        return list(listing)


def _names_of(found: list["os.DirEntry[str]"]) -> frozenset[tuple[str, int]]:
    """The names, and which file each is: one may be put in place of another."""
    return frozenset((entry.name, entry.inode()) for entry in found)


def _as_text(name: str) -> str:
    """The name as a record keeps it; one that is no Unicode is looked at again each time."""
    return name if name.isascii() else shown(name)
