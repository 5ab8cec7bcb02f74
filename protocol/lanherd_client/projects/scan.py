"""Reading a project folder into a manifest.

What the scan before found is used again where nothing changed (`scan_cache.py`); the folder is
walked (`walking.py`), changed files are read (`reading.py`), and what came out is put together
here. If nothing changed, that is nothing: neither the manifest nor its hash are made anew.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from lanherd_client.projects.ignore import Rules
from lanherd_client.projects.problems import (
    empty,
    refused_by_system,
    too_large,
    too_many,
    unreadable,
)
from lanherd_client.projects.project_file import ignore_lines
from lanherd_client.projects.reading import Found, OnFound, Source, sources_of
from lanherd_client.projects.scan_cache import RACY_NS, FolderRecord, Kept, LeftOut, ScanCache
from lanherd_client.projects.walking import ScanProgress, Walk
from lanherd_client.sizes import format_size
from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import MANIFEST_ENTRIES_MAX
from lanherd_protocol.values import Manifest, ManifestEntry

__all__ = ["Before", "Found", "LeftOutEntry", "Scan", "ScanProgress", "Source", "scan"]

NOTES_MAX = 5
"""Sentences about single files; the rest is counted."""


@dataclass(frozen=True, slots=True)
class LeftOutEntry:
    """An entry that stays at home, by its path in the project."""

    path: str
    why: LeftOut


class Before:
    """What the scan before found, the base of what is new."""

    def __init__(self, kept: Kept) -> None:
        self.snapshot = kept.snapshot
        self.encoded = kept.encoded

    @cached_property
    def manifest(self) -> Manifest:
        return manifests.decode_valid(self.encoded)


class Scan:
    """A project folder as it was read.

    `encoded` is the manifest's canonical encoding and `snapshot` its hash; `before` is what another
    scan found before, where this one found something else. `vanished` are paths that were listed,
    and gone when they were to be read.
    """

    def __init__(
        self,
        folder: Path,
        kept: Kept,
        vanished: tuple[str, ...] = (),
        before: Before | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        self.folder = folder
        self.snapshot: SnapshotId = kept.snapshot
        self.encoded: bytes = kept.encoded
        self.files = kept.files
        self.bytes_total = kept.bytes_total
        self.vanished = vanished
        self.before = before
        self._records: Mapping[str, FolderRecord] = kept.folders
        if manifest is not None:
            self.__dict__["manifest"] = manifest

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest; made when it is first asked for, if nothing has changed."""
        return manifests.decode_valid(self.encoded)

    @cached_property
    def sources(self) -> dict[BlobHash, Source]:
        """Where each blob can be read again."""
        sources: dict[BlobHash, Source] = {}
        for entry in self.manifest.entries:
            place = f"{self.folder}/{entry.path}"
            for blob, source in sources_of(place, entry.size_bytes, entry.blobs):
                sources.setdefault(blob, source)
        return sources

    @property
    def left_out(self) -> int:
        """How many entries ignore rules kept at home; a folder counts as one."""
        records = self._records.values()
        return sum(len(one.left_out) + (one.itself is not None) for one in records)

    def left_out_entries(self) -> Iterator[LeftOutEntry]:
        """Those entries, in the order of their paths."""
        for path in sorted(self._records):
            record = self._records[path]
            if record.itself is not None:
                yield LeftOutEntry(path, record.itself)
            for name in sorted(record.left_out):
                yield LeftOutEntry(f"{path}/{name}" if path else name, record.left_out[name])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences for a person: what stays at home for its size, what vanished meanwhile."""
        large = [one for one in self.left_out_entries() if one.why.rule.over_bytes]
        notes = [_note_on(one) for one in large[:NOTES_MAX]]
        if len(large) > NOTES_MAX:
            notes.append(f"{len(large) - NOTES_MAX} more such files stay at home.")
        notes += [
            f"{path} vanished while the project was read." for path in self.vanished[:NOTES_MAX]
        ]
        if len(self.vanished) > NOTES_MAX:
            notes.append(f"{len(self.vanished) - NOTES_MAX} more files vanished meanwhile.")
        return tuple(notes)


def _note_on(entry: LeftOutEntry) -> str:
    rule, size = entry.why.rule, format_size(entry.why.size_bytes)
    return (
        f"{entry.path} ({size}) stays at home: {rule.text} above {format_size(rule.over_bytes)} are"
        f" left out as checkpoints. A line '!/{entry.path}' in .lanherdignore takes it in."
    )


def scan(
    folder: Path,
    on_progress: ScanProgress | None = None,
    cancelled: threading.Event | None = None,
    *,
    cache: ScanCache | None = None,
    on_found: OnFound | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> Scan:
    """Reads the folder; blocks, so it belongs in a thread.

    With a `cache` only what changed since the scan before is read, and the cache is renewed.
    `on_found` is called in this thread with the blobs that were read, while the walk goes on.
    `clock` says when the scan begins, in nanoseconds since 1970.

    Raises PROJECT_UNREADABLE, PROJECT_EMPTY, PROJECT_CHANGED and TOO_LARGE, each with the path.
    A link that leads out of the folder is refused, since it would lead elsewhere on a machine.
    """
    _check_folder(folder)
    kept = None if cache is None else cache.load()
    walk = Walk(
        root=str(folder),
        records=dict(kept.folders) if kept is not None else {},
        trusted_ns=clock() - RACY_NS,
        cancelled=cancelled or threading.Event(),
        on_progress=on_progress,
        on_found=on_found,
    )
    walk.run(Rules.of_project(str(folder), ignore_lines(folder)))
    return _Assembly(folder, walk, kept, cache).scan()


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
class _Assembly:
    """What a walk found, beside what was kept."""

    folder: Path
    walk: Walk
    kept: Kept | None
    cache: ScanCache | None

    def scan(self) -> Scan:
        walk, kept = self.walk, self.kept
        there = walk.fresh.keys() | walk.records.keys()
        vanished = tuple(sorted(walk.gone - there))
        if kept is not None and not walk.fresh and not walk.removed:
            same = msgspec.structs.replace(kept, folders=walk.records)
            self._save(same)
            return Scan(self.folder, same, vanished)
        before = None if kept is None else Before(kept)
        manifest = self._manifest(before)
        try:
            encoded = manifests.encode_valid(manifest)
        except manifests.ManifestError as refused:
            raise too_large(
                self.folder, f"{refused}.", refusal="no_manifest", problem=str(refused)
            ) from refused
        if before is not None and encoded == before.encoded:
            before = None
        summary = manifests.summary(manifest)
        now = Kept(
            root="" if self.cache is None else self.cache.root,
            snapshot=manifests.snapshot_id(encoded),
            encoded=encoded,
            files=summary.files,
            bytes_total=summary.bytes_total,
            folders=walk.records,
        )
        result = Scan(self.folder, now, vanished, before, manifest)
        if not manifest.entries:
            raise empty(self.folder, result.left_out)
        self._save(now)
        return result

    def _manifest(self, before: Before | None) -> Manifest:
        fresh, removed = self.walk.fresh, self.walk.removed
        entries: list[ManifestEntry] = []
        if before is not None:
            entries = [
                entry
                for entry in before.manifest.entries
                if entry.path not in fresh and entry.path not in removed
            ]
        entries += fresh.values()
        if len(entries) > MANIFEST_ENTRIES_MAX:
            raise too_many(self.folder)
        entries.sort(key=lambda entry: entry.path)
        return Manifest(entries=tuple(entries))

    def _save(self, now: Kept) -> None:
        before = self.kept
        if self.cache is None:
            return
        if before is None or before.snapshot != now.snapshot or before.folders != now.folders:
            self.cache.save(now)
