"""Packs: how they are cut, made once, kept within a bound, and who is blamed for a bad one."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from lanherd_client.projects import packing
from lanherd_client.projects.packing import Pack, Press, blame, cut, is_dense, press
from lanherd_client.projects.reading import Found, Source
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.packs import PackDecoder


def found(path: Path, content: bytes, *, held: bool = False) -> Found:
    path.write_bytes(content)
    blob = BlobHash(hashlib.sha256(content).hexdigest())
    return Found(blob, Source(str(path), 0, len(content)), content if held else None)


def sized(number: int, length: int) -> Found:
    return Found(BlobHash(f"{number:064x}"), Source("/x", 0, length), None)


def test_a_pack_ends_before_it_is_too_large() -> None:
    limit = packing.PACK_BYTES_MAX
    sizes = [limit - 5, 5, 1, limit, limit + 1, 3]
    parts = [*cut([sized(number, size) for number, size in enumerate(sizes)])]
    assert [[one.source.length for one in part] for part in parts] == [
        [limit - 5, 5],
        [1],
        [limit],
        [limit + 1],
        [3],
    ]
    assert [*cut([])] == []


def test_a_pack_has_only_so_many_blobs() -> None:
    many = [sized(number, 1) for number in range(packing.PACK_BLOBS_MAX + 1)]
    assert [len(part) for part in cut(many)] == [packing.PACK_BLOBS_MAX, 1]


def test_what_is_compressed_already_is_known_by_its_first_bytes() -> None:
    assert is_dense([os.urandom(5000)])
    assert is_dense([os.urandom(700) for _ in range(100)])
    assert not is_dense([b"import numpy as np\n" * 50])
    assert not is_dense([os.urandom(200), b"x = 1\n" * 400])


@pytest.mark.parametrize("content", [b"text " * 3000, os.urandom(15_000)])
def test_a_pack_holds_what_was_read(tmp_path: Path, content: bytes) -> None:
    pieces = [found(tmp_path / "a", content), found(tmp_path / "b", b"small", held=True)]
    (tmp_path / "b").unlink()
    unpacked = dict(PackDecoder(2).feed(press(pieces)))
    assert unpacked == {pieces[0].blob: content, pieces[1].blob: b"small"}


def test_the_file_that_changed_is_named(tmp_path: Path) -> None:
    pieces = [found(tmp_path / name, name.encode() * 9) for name in "abc"]
    blame(pieces)
    (tmp_path / "b").write_bytes(b"c" * 9)
    with pytest.raises(LanherdError) as refused:
        blame(pieces)
    assert refused.value.code is ErrorCode.PROJECT_CHANGED
    assert refused.value.failure.data["path"] == str(tmp_path / "b")


async def test_a_pack_is_made_once_for_all_and_dropped_with_the_last(tmp_path: Path) -> None:
    maker = Press()
    pack = Pack([found(tmp_path / "a", b"content", held=True)], ["m1", "m2"])
    first = await maker.content(pack)
    # What was read is not kept beside what was packed.
    assert pack.found[0].data is None
    maker.taken(pack, "m1")
    (tmp_path / "a").unlink()
    assert await maker.content(pack) is first
    maker.taken(pack, "m2")
    with pytest.raises(LanherdError):
        await maker.content(pack)
    assert maker.reads == 2
    await maker.close()


async def test_packs_for_others_are_kept_within_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = Press()
    packs = [Pack([found(tmp_path / name, name.encode() * 50)], ["m1", "m2"]) for name in "abc"]
    size = len(await maker.content(packs[0]))
    monkeypatch.setattr(packing, "KEPT_BYTES_MAX", 2 * size + size // 2)
    for pack in packs:
        await maker.content(pack)
    assert maker.reads == 3
    for pack in packs[1:]:
        await maker.content(pack)
    assert maker.reads == 3
    await maker.content(packs[0])
    assert maker.reads == 4
    await maker.close()


async def test_small_files_are_held_within_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "HELD_BYTES_MAX", 10)
    maker = Press()
    first = maker.hold(found(tmp_path / "a", b"123456", held=True))
    assert first.data == b"123456"
    assert maker.hold(found(tmp_path / "b", b"123456", held=True)).data is None
    assert maker.hold(found(tmp_path / "c", b"1")).data is None
    maker.taken(pack := Pack([first], ["m1"]), "m1")
    assert maker.hold(found(tmp_path / "d", b"123456", held=True)).data is not None
    # Whoever doesn't want it any more changes nothing.
    maker.taken(pack, "m1")
    assert maker.hold(found(tmp_path / "e", b"12345", held=True)).data is None


async def test_a_pack_that_nobody_waits_for_any_more_fails_quietly(tmp_path: Path) -> None:
    maker = Press()
    missing = Found(BlobHash("0" * 64), Source(str(tmp_path / "gone"), 0, 5), None)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(maker.content(Pack([missing], ["m1"])))
        await asyncio.sleep(0)
        waiting.cancel()
    await maker.close()
    assert maker.reads == 1
