"""Manifests and deltas that somebody made to do harm, from a seed; some turn out acceptable.

Each is made of a sound one by a few mutations, on two heights: of entries, before they are encoded,
and of the bytes. Nothing here uses the code that is tried, but for names of limits.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgpack
import zstandard

from lanherd_protocol.limits import BLOB_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_ENTRIES_MAX

# The stubs know less of it than it can: lone surrogates have to be sent, too.
_msgpack: Any = msgpack
Entry = list[Any]
"""path, kind, size_bytes, blobs, target: as the wire has it, whatever the types."""
WHOLE: Entry = ["", "file", 0, [], ""]

EVIL_NAMES = (
    "..", ".", "", "...", ". .", "..\\..", "a\\b", "a\0b", "\0", "~", "~root", "-rf", "*", "con",
    "NUL", "aux.txt", "COM1", ".git", ".lanherd", "a\n/etc", "\r", "\u202egnp.exe", "A", "\uff41",
    "é", "e\u0301", "\ufeff", "x" * 255, "x" * 256, "é" * 128, "é" * 127, "name ", "name.", ":",
    "C:", "\ud800", "tree", ".tree.partial", "$HOME", "`id`", "%2e%2e",
)  # fmt: skip
EVIL_PATHS = (
    "/", "/etc/passwd", "//etc", "../secret", "../../secret", "a/../../secret", "a/..", "a/./b",
    "./a", "a//b", "a/", "a/../a", "..", ".", "", "a/b/../../../secret", "\\..\\secret",
    "/".join("d" * 128), "/".join("d" * 129), "y" * 5000, "/".join(["z" * 255] * 16),
)  # fmt: skip
EVIL_TARGETS = (
    "/", "/etc/passwd", "..", "../..", "../../secret", "a/../../..", "../a/../..", ".", "./.", "",
    "a/..", "../x", "link", "loop", "self", "a//b", "a/", "\0", "x" * 5000, "../" * 200 + "etc",
    "a/../../outside", "\\", "C:\\", "link/../../outside", "\ud800",
)  # fmt: skip
EVIL_SIZES = (
    -1, 1, 2, 0, 2**31, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 1.0, None, "1", True,
    BLOB_BYTES_MAX, BLOB_BYTES_MAX + 1, 10 * BLOB_BYTES_MAX,
)  # fmt: skip
EVIL_HASHES = (
    "", "x", "A" * 64, "g" * 64, "0" * 63, "0" * 65, "../" + "0" * 61, 0, None, b"\0" * 32,
)  # fmt: skip
EVIL_KINDS = ("fifo", "device", "FILE", "", 0, None, "hardlink", "socket")


BOMB = zstandard.ZstdCompressor().compress(bytes(MANIFEST_BYTES_MAX + 1))


@dataclass(frozen=True, slots=True)
class Content:
    """A blob that the agent has from the user who is hostile, or from somebody else."""

    blob: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Attack:
    """An upload, what it says that it is, and how it was made."""

    snapshot: str
    upload: bytes
    base: str | None
    story: tuple[str, ...]


def file(path: str, *contents: Content) -> Entry:
    size = sum(content.size_bytes for content in contents)
    return [path, "file", size, [content.blob for content in contents], ""]


def manifest_bytes(entries: list[Entry], number: Any = 1) -> bytes:
    return _packed({"entries": entries, "format": number})


def delta_bytes(removed: list[Any], put: list[Entry], number: Any = 1) -> bytes:
    return _packed({"removed": removed, "put": put, "format": number})


def _packed(body: Any) -> bytes:
    return bytes(_msgpack.packb(body, unicode_errors="surrogatepass"))


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Attacker:
    """Makes one attack after another. `mine` has been uploaded by this user, `others` by another;
    `base` is a snapshot of his, with these entries."""

    chance: random.Random
    mine: list[Content]
    others: list[Content]
    base: str
    base_entries: list[Entry]
    foreign_base: str
    story: list[str] = field(default_factory=list)

    def attack(self) -> Attack:
        self.story = []
        return self._delta() if self.chance.random() < 0.3 else self._whole()

    # --- Whole manifests ------------------------------------------------------------------------

    def _whole(self) -> Attack:
        entries = self._tree()
        for _ in range(self.chance.choice((0, 1, 1, 1, 2, 3))):
            self._tell(self._pick(self._mutations), entries)
        if self.chance.random() < 0.9:
            entries = _sorted(entries)
        number = self._format()
        encoded = self._spoilt(manifest_bytes(entries, number))
        snapshot = named(encoded) if self.chance.random() < 0.98 else named(b"another")
        return Attack(snapshot, self._compressed(encoded), None, tuple(self.story))

    def _tree(self) -> list[Entry]:
        names = ["a", "a-b", "a/b", "a/b/c", "a/link", "b", "b/x", "link", "loop", "self", "run.sh"]
        entries: dict[str, Entry] = {}
        for path in self.chance.sample(names, self.chance.randrange(1, 6)):
            kind = self.chance.choice(("file", "file", "executable", "directory", "link"))
            if any(path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in entries):
                continue
            entry = file(path, *self._contents()) if kind in ("file", "executable") else None
            if entry is None:
                target = self.chance.choice(("a", "b", "link", "loop", "self", "."))
                entry = [path, kind, 0, [], target if kind == "link" else ""]
            entry[1] = kind
            entries[path] = entry
        return list(entries.values())

    def _contents(self) -> tuple[Content, ...]:
        full = [one for one in self.mine if one.size_bytes == BLOB_BYTES_MAX]
        rest = [one for one in self.mine if one.size_bytes < BLOB_BYTES_MAX]
        head = full[: self.chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 1))]
        return (*head, self.chance.choice(rest)) if self.chance.random() < 0.9 else tuple(head)

    @property
    def _mutations(self) -> tuple[Callable[[list[Entry]], None], ...]:
        return (
            self._evil_name, self._evil_name, self._evil_path, self._evil_path, self._evil_target,
            self._evil_target, self._link_chain, self._case_collision, self._twice,
            self._under_leaf, self._evil_size, self._evil_hash, self._unproven, self._evil_kind,
            self._evil_shape, self._shuffled, self._content_of_none, self._many,
        )  # fmt: skip

    def _evil_name(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        folder = str(entry[0]).rpartition("/")[0]
        name = self.chance.choice(EVIL_NAMES)
        entry[0] = f"{folder}/{name}" if folder else name
        if self.chance.random() < 0.3:
            entry[0] = f"{name}/{entry[0]}"

    def _evil_path(self, entries: list[Entry]) -> None:
        self._one(entries)[0] = self.chance.choice(EVIL_PATHS)

    def _evil_target(self, entries: list[Entry]) -> None:
        target = self.chance.choice(EVIL_TARGETS)
        depth = self.chance.choice(("link", "a/link", "a/b/link", "x/y/z/link"))
        entries.append([depth, "link", 0, [], target])

    def _link_chain(self, entries: list[Entry]) -> None:
        """Links to links, in a circle, out through each other; and files through them."""
        names = [f"l{number}" for number in range(self.chance.randrange(1, 6))]
        for at, name in enumerate(names):
            target = names[(at + 1) % len(names)]
            entries.append([name, "link", 0, [], self.chance.choice((target, "..", "/", target))])
        if self.chance.random() < 0.7:
            entries.append(file(f"{names[0]}/file", *self._contents()))

    def _case_collision(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        entries.append([str(entry[0]).swapcase(), *entry[1:]])

    def _twice(self, entries: list[Entry]) -> None:
        entries.append([*self._one(entries)])

    def _under_leaf(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        entries.append(file(f"{entry[0]}/under", *self._contents()))

    def _evil_size(self, entries: list[Entry]) -> None:
        self._one(entries)[2] = self.chance.choice(EVIL_SIZES)

    def _evil_hash(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        blobs = entry[3] if isinstance(entry[3], list) else []
        entry[3] = [*blobs[1:], self.chance.choice(EVIL_HASHES)]

    def _unproven(self, entries: list[Entry]) -> None:
        """What somebody else has pushed, or nobody."""
        stranger = Content(named(self.chance.randbytes(8)), self.chance.randrange(1, 100))
        content = self.chance.choice((*self.others, stranger))
        entries.append(file(f"stolen{self.chance.randrange(3)}", content))

    def _evil_kind(self, entries: list[Entry]) -> None:
        self._one(entries)[1] = self.chance.choice(EVIL_KINDS)

    def _evil_shape(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        match self.chance.randrange(5):
            case 0:
                del entry[-self.chance.randrange(1, len(entry)) :]
            case 1:
                entry.append("more")
            case 2:
                entry[0] = self.chance.choice((None, 7, b"a", ["a"], {}))
            case 3:
                entry[3] = self.chance.choice((None, "x" * 64, {}, 3, [[]]))
            case _:
                entry[-1] = self.chance.choice((None, 7, b"a", []))

    def _shuffled(self, entries: list[Entry]) -> None:
        self.chance.shuffle(entries)

    def _content_of_none(self, entries: list[Entry]) -> None:
        entry = self._one(entries)
        entry[1] = self.chance.choice(("directory", "link"))

    def _many(self, entries: list[Entry]) -> None:
        if self.chance.random() < 0.01:
            count = self.chance.choice((1000, MANIFEST_ENTRIES_MAX + 1))
            entries.extend([f"m{number:06}", "directory"] for number in range(count))

    # --- Deltas ---------------------------------------------------------------------------------

    def _delta(self) -> Attack:
        held = {str(entry[0]): entry for entry in self.base_entries}
        removed: list[Any] = self.chance.sample(sorted(held), self.chance.choice((0, 0, 1, 2)))
        put = [entry for entry in self._tree() if entry[0] not in removed and entry[0] not in held]
        for _ in range(self.chance.choice((0, 1, 1, 2))):
            if put:
                self._tell(self._pick(self._mutations), put)
        for spoil in self.chance.sample((0, 1, 2, 3, 4, 5), self.chance.choice((0, 0, 0, 1))):
            self._spoil_delta(spoil, removed, put)
        if self.chance.random() < 0.9:
            put = _sorted(put)
            removed = _sorted_texts(removed)
        wanted = {path: entry for path, entry in held.items() if path not in removed}
        wanted.update((str(entry[0]), entry) for entry in put if entry)
        # As the agent will say it, where it can be said: entries without what is their default.
        made = manifest_bytes([canonical(entry) for entry in _sorted(list(wanted.values()))])
        number = self._format()
        encoded = self._spoilt(delta_bytes(removed, put, number))
        base = self.chance.choice((self.base,) * 17 + (self.foreign_base, named(b"none"), "x"))
        return Attack(named(made), self._compressed(encoded), base, tuple(self.story))

    def _spoil_delta(self, how: int, removed: list[Any], put: list[Entry]) -> None:
        self.story.append(f"spoil_delta {how}")
        match how:
            case 0:
                removed.append(self.chance.choice((*EVIL_PATHS, "nowhere")))
            case 1:
                removed.append(removed[0] if removed else "a")
            case 2:
                put.append([*self.chance.choice(self.base_entries)])
            case 3:
                removed.append(self.chance.choice((None, 7, [], b"x")))
            case 4 if put:
                removed.append(put[0][0])
            case _:
                put.append(file(f"{self.chance.choice(self.base_entries)[0]}/under"))

    # --- Bytes ----------------------------------------------------------------------------------

    def _spoilt(self, encoded: bytes) -> bytes:
        if self.chance.random() < 0.85:
            return encoded
        match self.chance.randrange(6):
            case 0:
                self.story.append("a flipped bit")
                at = self.chance.randrange(len(encoded))
                flipped = encoded[at] ^ 1 << self.chance.randrange(8)
                return encoded[:at] + bytes([flipped]) + encoded[at + 1 :]
            case 1:
                self.story.append("cut short")
                return encoded[: self.chance.randrange(len(encoded))]
            case 2:
                self.story.append("bytes behind the end")
                return encoded + self.chance.randbytes(self.chance.randrange(1, 9))
            case 3:
                self.story.append("a count of billions")
                at = encoded.find(b"\xa7entries") + 8
                return encoded[:at] + b"\xdd\xff\xff\xff\xff" + encoded[at + 1 :]
            case 4:
                self.story.append("another spelling")
                unpacker = _msgpack.Unpacker(strict_map_key=False, unicode_errors="surrogatepass")
                unpacker.feed(encoded)
                return _packed(dict(reversed(unpacker.unpack().items())))
            case _:
                self.story.append("noise")
                return self.chance.randbytes(self.chance.randrange(200))

    def _compressed(self, encoded: bytes) -> bytes:
        if self.chance.random() < 0.93:
            return zstandard.ZstdCompressor(level=1).compress(encoded)
        match self.chance.randrange(6):
            case 0:
                self.story.append("no size")
                stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
                return stream.compress(encoded) + stream.flush()
            case 1:
                self.story.append("two frames")
                return zstandard.ZstdCompressor().compress(encoded) * 2
            case 2:
                self.story.append("cut frame")
                whole = zstandard.ZstdCompressor().compress(encoded)
                return whole[: self.chance.randrange(len(whole))]
            case 3:
                self.story.append("not compressed")
                return encoded
            case 4:
                self.story.append("a bomb, or nothing")
                return BOMB if self.chance.random() < 0.1 else b""
            case _:
                self.story.append("a size that is a lie")
                lying = bytearray(zstandard.ZstdCompressor().compress(encoded))
                lying[5 % len(lying)] ^= 0xFF
                return bytes(lying)

    # --- Helpers --------------------------------------------------------------------------------

    def _format(self) -> Any:
        return 1 if self.chance.random() < 0.97 else self.chance.choice((0, 2, -1, None, "1"))

    def _one(self, entries: list[Entry]) -> Entry:
        """One whose shape is whole."""
        whole = [entry for entry in entries if len(entry) == len(WHOLE)]
        if not whole:
            entries.append(file("f", *self._contents()))
            return entries[-1]
        return self.chance.choice(whole)

    def _pick(
        self, mutations: tuple[Callable[[list[Entry]], None], ...]
    ) -> Callable[[list[Entry]], None]:
        return self.chance.choice(mutations)

    def _tell(self, mutation: Callable[[list[Entry]], None], entries: list[Entry]) -> None:
        self.story.append(mutation.__name__.strip("_"))
        mutation(entries)


def canonical(entry: Entry) -> Entry:
    """As msgspec writes an entry: every field, the defaults too."""
    return [*entry, *WHOLE[len(entry) :]]


def _sorted(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: str(entry[0]) if entry else "")


def _sorted_texts(texts: list[Any]) -> list[Any]:
    return sorted(texts, key=str)
