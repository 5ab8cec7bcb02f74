"""A look at one folder of a project, beside what the look before it found there."""

import os
from dataclasses import dataclass, field

from lanherd_client.projects.ignore import ENVIRONMENT_MARKS, Rule, Rules, depends_on_size
from lanherd_client.projects.reading import stamp_of
from lanherd_client.projects.scan_cache import FolderRecord, LeftOut

MARKS = frozenset(ENVIRONMENT_MARKS)


@dataclass(slots=True)
class Look:
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
        elif self._was_sent(entry, is_folder=is_folder):
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

    def about_environment(self, outer: Rules) -> LeftOut | None:
        """The same for the folder itself, which is a virtual environment: by the rules around it,
        since it may hold one against all that is in it."""
        if self.old.rules == self.rules.key and self.old.itself is not None:
            return self.old.itself
        rule = outer.about_environment(self.path)
        return None if rule is None else LeftOut(rule, is_folder=True)

    def _was_sent(self, entry: "os.DirEntry[str]", *, is_folder: bool) -> bool:
        """Whether it was sent before, by the same rules, and would be for its size too."""
        if self.old.rules != self.rules.key:
            return False
        if is_folder:
            return entry.name in self.old.folders
        was = self.old.files.get(entry.name)
        if was is None or not depends_on_size(entry.name):
            return was is not None
        return was == stamp_of(entry.stat(follow_symlinks=False))


def is_same(found: "list[os.DirEntry[str]]", names: set[str], old: FolderRecord) -> bool:
    """Whether a folder under the same rules is as its record says."""
    if old.itself is not None:
        return not names.isdisjoint(MARKS)
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
