"""Which snapshot of a folder each machine is known to have, so that the next push tells only what
differs from it.

HOME/cache/pushed/<folder>/machines      machine -> snapshot
HOME/cache/pushed/<folder>/<snapshot>    that snapshot's manifest

It may be wrong: a machine collects what isn't used, and says so. It may be gone or damaged: then
whole manifests are sent. So nothing that goes wrong here is ever an error.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from lanherd_client.home import controller_home, ensure_home
from lanherd_client.new_ids import new_id
from lanherd_client.projects.scan import Scan
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import SnapshotId, is_sha256
from lanherd_protocol.values import Manifest

MACHINES_MAX = 64
FOLDERS_MAX = 64
_INDEX = "machines"
_decoder = msgspec.msgpack.Decoder(dict[str, str])
_encoder = msgspec.msgpack.Encoder()


class Base:
    """A snapshot that a machine has, as far as is known here."""

    def __init__(self, snapshot: SnapshotId, encoded: bytes) -> None:
        self.snapshot = snapshot
        self.encoded = encoded

    @cached_property
    def manifest(self) -> Manifest:
        return manifests.decode_valid(self.encoded)


@dataclass(frozen=True, slots=True)
class PushBases:
    """What is remembered of one folder; made by `of`. Its methods block, briefly."""

    place: Path
    home: Path

    @classmethod
    def of(cls, folder: Path, home: Path | None = None) -> "PushBases":
        """What this controller's home has about `folder`."""
        name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:32]
        home = controller_home(home)
        return cls(home / "cache" / "pushed" / name, home)

    def known(self, machine: str) -> SnapshotId | None:
        """The snapshot that the machine should have."""
        named = self._index().get(machine) if machine else None
        return SnapshotId(named) if named and is_sha256(named) else None

    def base(self, snapshot: SnapshotId) -> Base | None:
        """That snapshot's manifest, where it is here and whole."""
        try:
            encoded = (self.place / snapshot).read_bytes()
        except OSError:
            return None
        return Base(snapshot, encoded) if manifests.snapshot_id(encoded) == snapshot else None

    def keep(self, machine: str, scan: Scan) -> None:
        """The machine has what was scanned."""
        if not machine or self.known(machine) == scan.snapshot:
            return
        with _leaving_it():
            ensure_home(self.home)
            self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.place / scan.snapshot).exists():
                self._write(scan.snapshot, scan.encoded)
            index = self._index()
            index.pop(machine, None)
            # The one that was pushed to last is at the end, the oldest goes first.
            kept = dict([*index.items(), (machine, scan.snapshot)][-MACHINES_MAX:])
            self._write(_INDEX, _encoder.encode(kept))
            self._remove_others({_INDEX, *kept.values()})
            _remove_oldest(self.place.parent)

    def _index(self) -> dict[str, str]:
        try:
            return _decoder.decode((self.place / _INDEX).read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return {}

    def _write(self, name: str, content: bytes) -> None:
        fresh = self.place / f"{name}.{new_id()}"
        try:
            fresh.write_bytes(content)
            os.replace(fresh, self.place / name)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def _remove_others(self, kept: set[str]) -> None:
        with os.scandir(self.place) as listing:
            for entry in listing:
                # What another process writes at this moment has a longer name.
                if is_sha256(entry.name) and entry.name not in kept:
                    os.unlink(entry.path)


def _remove_oldest(folder: Path) -> None:
    """Leaves what is remembered of the folders that were pushed last."""
    with os.scandir(folder) as listing:
        found = sorted((entry.stat().st_mtime_ns, entry.path) for entry in listing)
    for _, path in found[:-FOLDERS_MAX]:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _leaving_it() -> Iterator[None]:
    # A home that is full or may not be written to costs the next push some bytes, no more.
    with contextlib.suppress(OSError, LanherdError):
        yield
