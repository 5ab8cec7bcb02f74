"""What the last scan of a folder found, kept so that the next one reads only what changed.

HOME/cache/scans/<hash of the folder's path>.scan: a head with the format's number and the SHA-256
of the rest, then msgpack. Anything odd about it (another format, a byte that flipped, another
folder) means that there is no cache, and everything is read; a cache that can't be written is
not written. So it can make a scan slower, never wrong.

A file is taken from the cache if kind, mode, inode, size, mtime and ctime are as they were. The
clock that stamps files ticks coarsely, so a file that was written just before it was read may have
been written again in the same tick. Therefore whatever was stamped less than `RACY_NS` before the
scan began is read again by the next one, as git does with its index.
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from lanherd_client.home import controller_home, ensure_home
from lanherd_client.new_ids import new_id
from lanherd_client.projects.ignore import Rule
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import SnapshotId

Stamp = tuple[int, int, int, int, int]
"""Mode, inode, size, mtime and ctime in nanoseconds."""
NO_STAMP: Stamp = (0, 0, 0, 0, 0)
"""That of no file: what has it is read again."""
RACY_NS = 2_000_000_000
"""FAT stamps to 2 s; what is between this machine's clock and a file server's comes on top."""
CACHES_KEPT_MAX = 64
_SUFFIX = ".scan"
_HEAD = b"lanherd scan 1\n"
_DIGEST_BYTES = 32


class LeftOut(Struct, frozen=True, array_like=True):
    """An entry that stays at home, and the rule that says so. `size_bytes` is told of files that
    are left out for their size."""

    rule: Rule
    is_folder: bool
    size_bytes: int = 0


class FolderRecord(Struct, array_like=True):
    """A folder as it was listed: under the rules with this key, its files and links with their
    stamps, its folders, and what was left out. `itself`: all of it was, as an environment."""

    rules: bytes
    files: dict[str, Stamp] = {}
    folders: set[str] = set()
    left_out: dict[str, LeftOut] = {}
    itself: LeftOut | None = None

    @property
    def is_bare(self) -> bool:
        """Whether nothing in it is sent, so that it travels as an empty folder."""
        return not self.files and not self.folders and self.itself is None


class Kept(Struct, array_like=True):
    """All that a scan found."""

    root: str
    snapshot: SnapshotId
    encoded: bytes
    files: int
    bytes_total: int
    folders: dict[str, FolderRecord]


_decoder = msgspec.msgpack.Decoder(Kept)
_encoder = msgspec.msgpack.Encoder()


@dataclass(slots=True)
class ScanCache:
    """The cache of one folder; made by `of`. May be used for one scan after the other, which saves
    the reading of its file, and not by two at once."""

    path: Path
    root: str
    home: Path | None = None
    _held: Kept | None = field(default=None, repr=False)

    @classmethod
    def of(cls, folder: Path, home: Path | None = None) -> "ScanCache":
        """The cache of `folder` in this controller's home."""
        root = os.path.realpath(folder)
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32] + _SUFFIX
        home = controller_home(home)
        return cls(home / "cache" / "scans" / name, root, home)

    def load(self) -> Kept | None:
        """What the scan before found; None where nothing is there that can be used."""
        if self._held is None:
            self._held = self._read()
        return self._held

    def save(self, kept: Kept) -> None:
        """Keeps what a scan found, as far as this machine lets it."""
        self._held = kept
        # A home that is full or may not be written to costs the next scan some time, no more;
        # so does a name that is no Unicode.
        with contextlib.suppress(OSError, LanherdError, UnicodeEncodeError):
            self._write(kept)

    def _read(self) -> Kept | None:
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        body = memoryview(content)[len(_HEAD) + _DIGEST_BYTES :]
        if content[: len(_HEAD) + _DIGEST_BYTES] != _HEAD + hashlib.sha256(body).digest():
            return None
        try:
            kept = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return kept if kept.root == self.root else None

    def _write(self, kept: Kept) -> None:
        body = _encoder.encode(kept)
        if self.home is not None:
            ensure_home(self.home)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.{new_id()}")
        try:
            with open(fresh, "xb") as file:
                file.write(_HEAD + hashlib.sha256(body).digest())
                file.write(body)
            os.replace(fresh, self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        _remove_oldest(self.path.parent)


def _remove_oldest(folder: Path) -> None:
    """Leaves the caches of the folders that were scanned last."""
    with os.scandir(folder) as listing:
        found = sorted(
            (entry.stat().st_mtime_ns, entry.path) for entry in listing if entry.is_file()
        )
    for _, path in found[:-CACHES_KEPT_MAX]:
        os.unlink(path)
