"""Blobs that are damaged, on the way and on the disk: all are refused or found.

On the way: packs with flipped bits, cuts, swapped contents, wrong lengths and counts. Whatever such
a pack comes to, the store holds nothing afterwards that isn't what its name says. On the disk:
flipped bits, cuts, growth, exchanges, losses and links in the place of blobs. A verification, or
whoever reads the snapshot, meets every one; after the next push everything verifies again.
"""

import asyncio
import hashlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_agent.snapshots.verifying import Verified, verify
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.packs import PackEncoder
from tests.fuzz.hostile import Content, file, manifest_bytes
from tests.fuzz.manifests import Broken

USER = "ada"
SNAPSHOTS = 24
BLOBS_EACH = 6
DAMAGED_AT_ONCE = 12


@dataclass(slots=True)
class Outcome:
    """What a campaign came to."""

    in_packs: int = 0
    on_disk: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    harmless: int = 0
    """Packs whose damage changed nothing that counts."""


def run(folder: Path, count: int, seed: int) -> Outcome:
    """Damages about `count` blobs, half of them on the way."""
    return asyncio.run(campaign(folder, count, seed))


async def campaign(folder: Path, count: int, seed: int) -> Outcome:
    chance, outcome = random.Random(seed), Outcome()
    store = await SnapshotStore.open(folder / "home")
    try:
        try:
            while outcome.in_packs < count // 2:
                await _damage_pack(store, folder / "home", chance, outcome)
            await _damage_disk(store, folder, chance, outcome, count - count // 2)
        except Exception as broken:
            done = outcome.in_packs + outcome.on_disk
            raise Broken(f"after {done} blobs of seed {seed}: {broken!r}") from broken
        return outcome
    finally:
        await store.close()


# --- On the way -----------------------------------------------------------------------------------


async def _damage_pack(
    store: SnapshotStore, home: Path, chance: random.Random, outcome: Outcome
) -> None:
    contents = [chance.randbytes(chance.randrange(1, 3000)) for _ in range(chance.randrange(1, 6))]
    kind, pack, count = _damaged_pack(contents, chance)
    outcome.in_packs += 1
    outcome.kinds[f"pack: {kind}"] += 1
    names = {named(data) for data in contents}
    try:
        await store.put_pack(USER, _chunks(pack, chance.randrange(1, 5000)), count)
    except LanherdError as refused:
        if refused.code is not ErrorCode.INVALID_REQUEST:
            raise
    else:
        if kind not in ("bit", "bits"):
            raise Broken(f"a pack was taken that was damaged: {kind}")
        outcome.harmless += 1
    kept = _stored(home)
    if set(kept) - names or any(named(data) != blob for blob, data in kept.items()):
        raise Broken(f"the store holds what nobody sent ({kind})")
    proven = names - set(await store.missing(USER, sorted(names)))
    if proven != set(kept):
        raise Broken(f"it is known to hold {len(proven)} blobs, and holds {len(kept)} ({kind})")
    store.parts.catalogue.forget_blobs(kept)
    for blob in kept:
        os.unlink(store.parts.blobs.path(blob))


def _damaged_pack(contents: list[bytes], chance: random.Random) -> tuple[str, bytes, int]:
    kind = chance.choice(("bit", "bits", "cut", "swapped", "wrong hash", "length", "count", "tail"))
    pairs = [(named(data), data) for data in contents]
    count = len(pairs)
    match kind:
        case "swapped" if count > 1:
            hashes = [blob for blob, _ in pairs]
            pairs = [(hashes[at - 1], data) for at, (_, data) in enumerate(pairs)]
        case "swapped" | "wrong hash":
            kind = "wrong hash"
            at = chance.randrange(count)
            pairs[at] = (named(chance.randbytes(9)), pairs[at][1])
        case "length":
            return kind, _packed_by_hand(pairs, chance), count
        case "count":
            count = chance.choice((count - 1, count + 1, count + 7))
        case _:
            pass  # what is done to the bytes
    pack = _packed(pairs)
    match kind:
        case "bit":
            pack = _flipped(pack, chance)
        case "bits":
            for _ in range(chance.randrange(2, 20)):
                pack = _flipped(pack, chance)
        case "cut":
            pack = pack[: chance.randrange(len(pack))]
        case "tail":
            pack += chance.randbytes(chance.randrange(1, 50))
        case _:
            pass  # done already
    return kind, pack, count


def _packed(pairs: list[tuple[BlobHash, bytes]]) -> bytes:
    encoder = PackEncoder()
    parts = [encoder.add(blob, data) for blob, data in pairs]
    return b"".join([*parts, encoder.finish()])


def _packed_by_hand(pairs: list[tuple[BlobHash, bytes]], chance: random.Random) -> bytes:
    """One length is a lie."""
    liar = chance.randrange(len(pairs))
    records = b""
    for at, (blob, data) in enumerate(pairs):
        lies = (0, len(data) - 1, len(data) + 1, 2**20 + 1, 2**32 - 1)
        length = chance.choice(lies) if at == liar else len(data)
        records += bytes.fromhex(blob) + length.to_bytes(4, "big") + data
    return zstandard.ZstdCompressor(write_checksum=True).compress(records)


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _stored(home: Path) -> dict[BlobHash, bytes]:
    return {
        BlobHash(folder.name + path.name): path.read_bytes()
        for folder in (home / "blobs").iterdir()
        if len(folder.name) == 2
        for path in folder.iterdir()
    }


# --- On the disk ----------------------------------------------------------------------------------


async def _damage_disk(
    store: SnapshotStore, folder: Path, chance: random.Random, outcome: Outcome, count: int
) -> None:
    projects = [_project(chance) for _ in range(SNAPSHOTS)]
    pushed = {await _push(store, project): project for project in projects}
    while outcome.on_disk < count:
        every = sorted({blob for project in projects for blob in project})
        chosen = chance.sample(every, min(DAMAGED_AT_ONCE, count - outcome.on_disk))
        damaged = {blob for blob in chosen if _damage(store, blob, every, chance, outcome)}
        outcome.on_disk += len(damaged)
        lost = {one for one, project in pushed.items() if damaged & project.keys()}
        if chance.random() < 0.3:
            await _meet_by_building(store, folder / "tree", lost, chance)
        await _find_all(store, damaged, lost)
        for project in projects:
            await _push(store, project)
        again = await verify(store, USER, None, _silent)
        if again.damaged_blobs or again.damaged_snapshots or again.blobs != len(every):
            raise Broken(f"after the next push it doesn't verify: {again}")


async def _find_all(store: SnapshotStore, damaged: set[BlobHash], lost: set[SnapshotId]) -> None:
    there = lost & store.of(USER).keys()
    met = lost - there
    done = await verify(store, USER, None, _silent)
    gone = {blob for blob in damaged if store.parts.blobs.size(blob) is None}
    left = lost & store.of(USER).keys()
    if gone != damaged or left or done.damaged_snapshots != there:
        raise Broken(
            f"of {len(damaged)} damaged blobs {len(damaged - gone)} are still there, of {len(lost)}"
            f" snapshots {len(left)} (met before: {len(met)}): {done}"
        )
    if set(await store.missing(USER, sorted(damaged))) != damaged:
        raise Broken("a damaged blob need not be sent again")


async def _meet_by_building(
    store: SnapshotStore, tree: Path, lost: set[SnapshotId], chance: random.Random
) -> None:
    """A run meets the damage first: it gets no tree, and the snapshot is gone."""
    victim = chance.choice(sorted(lost))
    try:
        await store.materialise(victim, tree)
    except LanherdError as refused:
        if refused.code is not ErrorCode.BLOB_CORRUPT:
            raise
    else:
        raise Broken("a tree was built of a damaged blob")
    if tree.name in os.listdir(tree.parent) or await store.has(victim):
        raise Broken("half a tree, or a snapshot that lacks a blob, was left")


def _damage(
    store: SnapshotStore, blob: BlobHash, every: list[BlobHash], chance: random.Random,
    outcome: Outcome,
) -> bool:  # fmt: skip
    path = Path(store.parts.blobs.path(blob))
    data = path.read_bytes() if path.is_file() else b""
    kind = chance.choice(("bit", "cut", "empty", "grown", "other", "gone", "link", "folder"))
    other = Path(store.parts.blobs.path(chance.choice(every)))
    match kind:
        case "bit":
            path.write_bytes(_flipped(data, chance))
        case "cut":
            path.write_bytes(data[: chance.randrange(len(data))])
        case "empty":
            path.write_bytes(b"")
        case "grown":
            path.write_bytes(data + chance.randbytes(chance.randrange(1, 100)))
        case "other":
            path.write_bytes(chance.randbytes(len(data)))
        case "gone":
            path.unlink()
        case "link":
            path.unlink()
            path.symlink_to(other)
        case _:
            path.unlink()
            path.mkdir()
    outcome.kinds[f"disk: {kind}"] += 1
    return True


def _project(chance: random.Random) -> dict[BlobHash, bytes]:
    contents = [chance.randbytes(chance.randrange(1, 4000)) for _ in range(BLOBS_EACH)]
    return {named(data): data for data in contents}


async def _push(store: SnapshotStore, project: dict[BlobHash, bytes]) -> SnapshotId:
    missing = await store.missing(USER, sorted(project))
    pairs = [(blob, project[blob]) for blob in missing]
    await store.put_pack(USER, _chunks(_packed(pairs), 65536), len(pairs))
    contents = [Content(blob, len(data)) for blob, data in sorted(project.items())]
    entries = [file(f"f{number}", content) for number, content in enumerate(contents)]
    encoded = manifest_bytes(entries)
    snapshot = SnapshotId(hashlib.sha256(encoded).hexdigest())
    await store.put_manifest(USER, snapshot, _chunks(zstandard.compress(encoded), 65536))
    return snapshot


async def _silent(_: Verified) -> None:
    return


async def _chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def named(data: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(data).hexdigest())
