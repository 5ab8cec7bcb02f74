"""What the tests of pushes have in common: a folder, edits, and scans that trust what they read."""

import os
import time
from pathlib import Path
from typing import Any

from lanherd_client.projects.scan import Scan, scan

FILES = 31
BLOBS = 33
LATER_NS = 10**10


def make_project(folder: Path) -> Path:
    """30 small files, and one of three blobs."""
    folder.mkdir()
    for number in range(FILES - 1):
        (folder / f"f{number}.py").write_text(f"print({number})\n" * 20)
    (folder / "large.raw").write_bytes(os.urandom(3_000_000))
    return folder


def edit(path: Path, text: str) -> None:
    """As an editor does it: under a new inode, so that no clock has to tick first."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)


def scan_later(*given: Any, **named: Any) -> Scan:
    """A scan for which nothing was written just now, so that the next one reads nothing again."""
    return scan(*given, **named, clock=lambda: time.time_ns() + LATER_NS)
