"""Folders that others write to and remove from while they are looked through."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def entries_below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All below it, each with what it is itself; without what goes away meanwhile."""
    # `os.walk` passes over a folder that is gone, which `rglob` doesn't.
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                yield path, path.lstat()


def contents_below(root: Path) -> Iterator[tuple[Path, bytes]]:
    """The files below it, also those that are linked to; one that is gone holds nothing."""
    for path, _ in entries_below(root):
        if path.is_file():
            with contextlib.suppress(FileNotFoundError):
                yield path, path.read_bytes()
