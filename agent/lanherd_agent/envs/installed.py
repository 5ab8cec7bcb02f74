"""What is installed in a virtual environment, by the metadata that each package brings along."""

import base64
import csv
import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.envs.requirements import normalised
from lanherd_protocol.environment_messages import EnvironmentPackage

METADATA_BYTES_MAX = 1024 * 1024
READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that isn't what its package's RECORD says."""

    package: str
    path: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`files` were compared. `unreadable` are packages whose RECORD is gone."""

    files: int
    damage: tuple[Damage, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        return tuple(sorted({one.package for one in self.damage} | set(self.unreadable)))

    @property
    def named(self) -> tuple[str, ...]:
        """The damaged files, for people."""
        return (*(one.path for one in self.damage), *(f"{one}: RECORD" for one in self.unreadable))


def packages(venv: Path) -> tuple[EnvironmentPackage, ...]:
    """Blocks."""
    found = []
    for info in _infos(venv):
        name, version = _named(info)
        size_bytes = sum(size for _, _, size in _record(info))
        found.append(EnvironmentPackage(name=name, version=version, size_bytes=size_bytes))
    return tuple(sorted(found, key=lambda one: one.name.lower()))


def verify(venv: Path) -> Verified:
    """Compares every file that a RECORD has a hash of. Blocks."""
    files = 0
    damage: list[Damage] = []
    unreadable: list[str] = []
    for info in _infos(venv):
        name = normalised(_named(info)[0])
        if not (info / "RECORD").is_file():
            unreadable.append(name)
        for path, expected, _ in _record(info):
            if not expected:
                continue
            files += 1
            place = Path(os.path.normpath(info.parent / path))
            if _digest(place, expected) != expected:
                told = os.path.relpath(place, venv)
                damage.append(Damage(name, told))
    return Verified(files, tuple(damage), tuple(unreadable))


def drop_compiled(venv: Path, damage: Iterable[Damage]) -> None:
    """Removes what Python has compiled out of damaged modules: it may pass for that of the mended
    ones, by their size and second. Blocks."""
    for one in damage:
        module = venv / one.path
        if module.suffix == ".py":
            for compiled in module.parent.glob(f"__pycache__/{glob.escape(module.stem)}.*.pyc"):
                compiled.unlink(missing_ok=True)


def _infos(venv: Path) -> Iterator[Path]:
    for place in sorted(venv.glob("lib/python*/site-packages/*.dist-info")):
        if place.is_dir():
            yield place


def _named(info: Path) -> tuple[str, str]:
    """Name and version; the folder's own name is enough where the metadata is gone."""
    name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
    try:
        with (info / "METADATA").open("rb") as file:
            text = file.read(METADATA_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return name, version
    for line in text.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        if key == "Name":
            name = value.strip()
        elif key == "Version":
            version = value.strip()
    return name, version


def _record(info: Path) -> Iterator[tuple[str, str, int]]:
    """Path beside the folder of packages, hash (empty where none is kept) and size."""
    try:
        text = (info / "RECORD").read_text("utf-8", "replace")
    except OSError:
        return
    for row in csv.reader(text.splitlines()):
        path, expected, size, *_ = (*row, "", "", "")
        if path:
            yield path, expected, int(size) if size.isdigit() else 0


def _digest(place: Path, expected: str) -> str:
    """As the RECORD writes it; empty where the file can't be read. A kind of hash that isn't known
    is taken as it is: there is nothing to compare it with."""
    kind = expected.partition("=")[0]
    if kind not in hashlib.algorithms_guaranteed or kind.startswith("shake"):
        return expected
    digest = hashlib.new(kind)
    try:
        with place.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
    except OSError:
        return ""
    said = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return f"{kind}={said}"
