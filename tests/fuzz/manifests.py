"""Hostile manifests against the agent's store: what is refused, and what the accepted ones build.

Every answer but a tree or a refusal in words is a crash. What was accepted is judged once more by a
reader of its own, built for real in a folder between others, and then everything around that folder
must be as it was, and everything in it what the manifest says.
"""

import asyncio
import hashlib
import os
import random
import shutil
import stat
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import zstandard

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.packs import PackEncoder
from tests.fuzz.hostile import Attack, Attacker, Content, Entry, canonical, file, manifest_bytes

HOSTILE, OTHER = "mallory", "ada"
REFUSALS = (ErrorCode.INVALID_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.TOO_LARGE)
FORGET_EVERY = 500
SECRET = b"nobody may touch this"


class Broken(AssertionError):
    """The agent did what it must never do."""


@dataclass(slots=True)
class Outcome:
    """What a campaign came to."""

    tried: int = 0
    accepted: int = 0
    built_files: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)


async def campaign(folder: Path, count: int, seed: int) -> Outcome:
    """Tries `count` manifests. Raises Broken, which names the one that did it by its number."""
    place = _Place(folder)
    place.lay_out()
    store = await SnapshotStore.open(place.home)
    try:
        attacker = await _attacker(store, random.Random(seed))
        outcome = Outcome()
        for number in range(count):
            attack = attacker.attack()
            try:
                await _try(store, place, attack, outcome)
            except Exception as broken:
                again = f"--seed {seed} --count {number + 1}"
                raise Broken(f"attack {number} ({again}), {attack.story}: {broken!r}") from broken
            if number % FORGET_EVERY == FORGET_EVERY - 1:
                await _forget(store, keep=attacker.base)
        return outcome
    finally:
        await store.close()


async def _try(store: SnapshotStore, place: "_Place", attack: Attack, outcome: Outcome) -> None:
    outcome.tried += 1
    outcome.mutations.update(attack.story)
    base = None if attack.base is None else SnapshotId(attack.base)
    snapshot = SnapshotId(attack.snapshot)
    try:
        await store.put_manifest(HOSTILE, snapshot, _chunks(attack.upload), base=base)
    except LanherdError as refused:
        if refused.code not in REFUSALS:
            raise
        outcome.refused[str(refused.failure.data.get("refusal", refused.code))] += 1
        return
    outcome.accepted += 1
    entries = _read_again(place.home, attack) if base is None else None
    tree = place.trees / "run"
    built = await store.materialise(snapshot, tree)
    place.check_around()
    outcome.built_files += built.files
    manifest = await store.manifest(snapshot)
    said = [[e.path, e.kind, e.size_bytes, [*e.blobs], e.target] for e in manifest.entries]
    if entries is not None and entries != said:
        raise Broken(f"it reads {said}, and was sent {entries}")
    _check_safe(said)
    _check_tree(tree, said)
    shutil.rmtree(tree)


async def _attacker(store: SnapshotStore, chance: random.Random) -> Attacker:
    contents = [chance.randbytes(size) for size in (1, 7, 100, 5000, BLOB_BYTES_MAX)]
    mine = [await _put(store, HOSTILE, data) for data in contents]
    others = [await _put(store, OTHER, chance.randbytes(size)) for size in (3, 90)]
    entries = [
        ["base", "directory", 0, [], ""],
        file("base/one", mine[1]),
        ["base/two", "link", 0, [], "one"],
        ["c", "executable", mine[2].size_bytes, [mine[2].blob], ""],
    ]
    base = await _put_whole(store, HOSTILE, entries)
    foreign = await _put_whole(store, OTHER, [file("secret", others[0])])
    return Attacker(chance, mine, others, base, entries, foreign)


async def _put(store: SnapshotStore, user: str, data: bytes) -> Content:
    blob = BlobHash(hashlib.sha256(data).hexdigest())
    encoder = PackEncoder()
    await store.put_pack(user, _chunks(encoder.add(blob, data) + encoder.finish()), 1)
    return Content(blob, len(data))


async def _put_whole(store: SnapshotStore, user: str, entries: list[Entry]) -> SnapshotId:
    encoded = manifest_bytes(entries)
    snapshot = SnapshotId(hashlib.sha256(encoded).hexdigest())
    await store.put_manifest(user, snapshot, _chunks(zstandard.compress(encoded)))
    return snapshot


async def _forget(store: SnapshotStore, keep: str) -> None:
    """As time would: else the store grows with every manifest that was accepted."""
    for snapshot in list(store.of(HOSTILE)):
        if snapshot != keep:
            await store.remove(HOSTILE, snapshot, needed=False)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _read_again(home: Path, attack: Attack) -> list[Entry]:
    """What the upload says, by a reader that shares nothing with the agent's."""
    encoded = zstandard.ZstdDecompressor().decompress(attack.upload, 64 << 20)
    if hashlib.sha256(encoded).hexdigest() != attack.snapshot:
        raise Broken("its id is not the hash of what was sent")
    body: Any = msgpack.unpackb(encoded)
    return [canonical(entry) for entry in body["entries"]]


# --- Judging, by rules that are written here and nowhere else -------------------------------------


def _check_safe(entries: list[Entry]) -> None:
    kinds: dict[str, str] = {}
    for path, kind, _size, _blobs, target in entries:
        names = path.split("/")
        if path.startswith("/") or any(name in ("", ".", "..") for name in names) or "\0" in path:
            raise Broken(f"{path!r} was accepted")
        if path in kinds:
            raise Broken(f"{path!r} was accepted twice")
        kinds[path] = kind
        if kind == "link":
            _check_link(names, target)
    for path in kinds:
        above = path.rpartition("/")[0]
        while above:
            if kinds.get(above, "directory") != "directory":
                raise Broken(f"{path!r} was accepted under {above!r}, which is a {kinds[above]}")
            above = above.rpartition("/")[0]


def _check_link(names: list[str], target: str) -> None:
    """A walk that counts its depth: it may not rise above the tree, nor rise behind a name."""
    depth, went_down = len(names) - 1, False
    if not target or target.startswith("/"):
        raise Broken(f"a link to {target!r} was accepted")
    for name in target.split("/"):
        if name == "..":
            depth -= 1
            if depth < 0 or went_down:
                raise Broken(f"a link at {names} to {target!r} was accepted")
        elif name != ".":
            went_down = True


def _check_tree(tree: Path, entries: list[Entry]) -> None:
    """On the disk is what the manifest says: no more, no less, nothing shared."""
    found = _on_disk(tree)
    wanted: dict[str, _There] = {}
    for path, kind, _size, _blobs, _target in entries:
        parts = path.split("/")
        for end in range(1, len(parts)):
            wanted.setdefault("/".join(parts[:end]), _FOLDER)
        wanted[path] = _FOLDER if kind == "directory" else found.get(path, _NOTHING)
    if found != wanted:
        raise Broken(f"the tree holds {found}, and should hold {wanted}")
    for path, kind, size, blobs, target in entries:
        there = wanted[path]
        if kind == "link":
            same = there == _There("link", target.encode())
        elif kind != "directory":
            data = there.content
            pieces = [data[at : at + BLOB_BYTES_MAX] for at in range(0, len(data), BLOB_BYTES_MAX)]
            hashes = [hashlib.sha256(piece).hexdigest() for piece in pieces]
            same = there.kind == kind and len(data) == size and hashes == blobs
        else:
            same = True
        if not same:
            raise Broken(f"{path!r} is not what the manifest says")


@dataclass(frozen=True, slots=True)
class _There:
    kind: str
    content: bytes = b""


_FOLDER, _NOTHING = _There("directory"), _There("nothing")


def _on_disk(tree: Path) -> dict[str, _There]:
    """By descriptors: the longest paths that are allowed can't be opened from the root."""
    found: dict[str, _There] = {}
    top = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for root, folders, files, here in os.fwalk(".", dir_fd=top):
            above = root.removeprefix(".").removeprefix("/")
            for name in (*folders, *files):
                path = f"{above}/{name}" if above else name
                found[path] = _look(name, here)
    finally:
        os.close(top)
    return found


def _look(name: str, folder: int) -> _There:
    status = os.lstat(name, dir_fd=folder)
    if stat.S_ISDIR(status.st_mode):
        return _FOLDER
    if stat.S_ISLNK(status.st_mode):
        return _There("link", os.fsencode(os.readlink(name, dir_fd=folder)))
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return _There("something else")
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    with open(opened, "rb") as file:
        return _There("executable" if status.st_mode & 0o111 else "file", file.read())


@dataclass(slots=True)
class _Place:
    """A home, a folder of trees, and around them what nobody may touch."""

    root: Path
    _before: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def trees(self) -> Path:
        return self.root / "outside" / "runs"

    def lay_out(self) -> None:
        self.trees.mkdir(parents=True)
        for folder in (self.root, self.root / "outside", self.trees):
            (folder / "secret").write_bytes(SECRET)
            (folder / "etc").mkdir()
            (folder / "etc" / "passwd").write_bytes(SECRET)
        self._before = self._around()

    def check_around(self) -> None:
        now = self._around()
        if now != self._before:
            changed = {name for name in now.keys() | self._before.keys()
                       if now.get(name) != self._before.get(name)}  # fmt: skip
            raise Broken(f"outside the tree there changed: {sorted(changed)}")

    def _around(self) -> dict[str, tuple[Any, ...]]:
        """All that isn't the home or the tree: names, kinds, content."""
        seen: dict[str, tuple[Any, ...]] = {}
        for path in self._walk(self.root):
            status = path.lstat()
            is_file = stat.S_ISREG(status.st_mode)
            content = path.read_bytes() if is_file else b""
            seen[str(path)] = (status.st_ino, stat.S_IFMT(status.st_mode), status.st_nlink
                               if is_file else 0, content)  # fmt: skip
        return seen

    def _walk(self, folder: Path) -> list[Path]:
        found: list[Path] = []
        for path in sorted(folder.iterdir()):
            if path in (self.home, self.trees / "run"):
                continue
            found.append(path)
            if path.is_dir() and not path.is_symlink():
                found += self._walk(path)
        return found


def run(folder: Path, count: int, seed: int) -> Outcome:
    """The campaign, from a place without a loop."""
    return asyncio.run(campaign(folder, count, seed))
