"""Hashes of what lies in a folder of wheels: uv doesn't always tell them, as an index does."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lanherd_agent.envs.requirements import Entry, normalised

_KINDS = (".whl", ".tar.gz", ".zip")


def with_hashes(entry: Entry, folders: Iterable[str]) -> Entry:
    """The entry with the hashes of all files of its version; itself, if there are none. Blocks."""
    name, _, rest = entry.text.partition("==")
    version = rest.partition(";")[0].strip()
    if entry.is_fixed or not version:
        return entry
    hashes = [
        f"sha256:{_digest(path)}"
        for folder in folders
        for path in _files(folder)
        if _is_of(path, normalised(name.strip()), version)
    ]
    return replace(entry, hashes=tuple(sorted(set(hashes))))


def _files(folder: str) -> list[Path]:
    place = Path(folder.removeprefix("file://"))
    if not place.is_absolute() or not place.is_dir():
        return []
    return [path for path in place.iterdir() if path.name.endswith(_KINDS) and path.is_file()]


def _is_of(path: Path, name: str, version: str) -> bool:
    """By the name of the file: that of a wheel, or of a source distribution."""
    if path.suffix == ".whl":
        parts = path.name.split("-")
        return len(parts) > 1 and normalised(parts[0]) == name and parts[1] == version
    stem = path.name.removesuffix(".tar.gz").removesuffix(".zip")
    found, _, of = stem.rpartition("-")
    return normalised(found) == name and of == version


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
