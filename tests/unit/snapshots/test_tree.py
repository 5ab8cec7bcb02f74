import asyncio
import errno
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.snapshots.blobs import BlobStore
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_agent.snapshots.tree import OPEN_FOLDERS_MAX, build_tree
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.values import Manifest, ManifestEntry
from tests.unit.snapshots.samples import (
    ADA,
    chunks,
    file,
    manifest_of,
    put_blobs,
    put_snapshot,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


async def test_a_tree_is_what_the_manifest_says(store: SnapshotStore, tmp_path: Path) -> None:
    large = os.urandom(2 * BLOB_BYTES_MAX + 17)
    await put_blobs(store, b"print()", b"#!/bin/sh\n", large)
    _, encoded, snapshot = manifest_of(
        file("a.py", b"print()"),
        file("bin/run", b"#!/bin/sh\n", "executable"),
        file("daten/größe 数据\n.bin", large),
        file("empty", b""),
        ManifestEntry("nothing/here", "directory"),
        ManifestEntry("bin/link", "link", target="../a.py"),
        ManifestEntry("dangling", "link", target="not/there"),
    )
    await store.put_manifest(ADA, snapshot, chunks(manifests.compress(encoded)))
    built = await store.materialise(snapshot, tmp_path / "tree")
    top = tmp_path / "tree"
    assert (built.files, built.bytes_total) == (4, 17 + len(large))
    assert (top / "a.py").read_bytes() == b"print()"
    assert (top / "daten" / "größe 数据\n.bin").read_bytes() == large
    assert (top / "empty").read_bytes() == b""
    assert list((top / "nothing" / "here").iterdir()) == []
    assert os.readlink(top / "bin" / "link") == "../a.py"
    assert os.readlink(top / "dangling") == "not/there"
    assert os.access(top / "bin" / "run", os.X_OK)
    assert not (top / "a.py").stat().st_mode & stat.S_IXUSR
    assert sorted(os.listdir(tmp_path)) == ["home", "tree"]


async def test_writing_to_a_tree_leaves_the_store_alone(
    store: SnapshotStore, tmp_path: Path
) -> None:
    content = os.urandom(300_000)
    snapshot = await put_snapshot(store, {"a": content})
    await store.materialise(snapshot, tmp_path / "one")
    assert (tmp_path / "one" / "a").stat().st_nlink == 1
    with (tmp_path / "one" / "a").open("r+b") as opened:
        opened.write(b"scribble")
    await store.materialise(snapshot, tmp_path / "two")
    assert (tmp_path / "two" / "a").read_bytes() == content


async def test_many_folders_need_few_descriptors(store: SnapshotStore, tmp_path: Path) -> None:
    # Sorted by path, "d1-x" comes between "d1" and "d1/…": folders are left and come back.
    files = {f"d{n}/deep/er/f": b"x" for n in range(2 * OPEN_FOLDERS_MAX)}
    files |= {f"d{n}/deep-x": b"x" for n in range(2 * OPEN_FOLDERS_MAX)}
    files |= {"/".join(["n"] * 127) + "/leaf": b"x"}
    snapshot = await put_snapshot(store, files)
    built = await store.materialise(snapshot, tmp_path / "tree")
    assert built.files == len(files)
    for path in files:
        assert (tmp_path / "tree" / path).read_bytes() == b"x"


async def test_a_tree_is_not_built_over_another(store: SnapshotStore, tmp_path: Path) -> None:
    snapshot = await put_snapshot(store, {"a": b"1"})
    (tmp_path / "tree").mkdir()
    with pytest.raises(LanherdError) as refused:
        await store.materialise(snapshot, tmp_path / "tree")
    assert refused.value.code is ErrorCode.CONFLICT


async def test_what_a_killed_agent_left_half_built_is_replaced(
    store: SnapshotStore, tmp_path: Path
) -> None:
    snapshot = await put_snapshot(store, {"a": b"1"})
    (tmp_path / ".tree.partial").mkdir()
    (tmp_path / ".tree.partial" / "half").write_text("")
    await store.materialise(snapshot, tmp_path / "tree")
    assert os.listdir(tmp_path / "tree") == ["a"]
    assert sorted(os.listdir(tmp_path)) == ["home", "tree"]


async def test_a_cancelled_tree_leaves_nothing_and_nobody_builds_it_twice(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = await put_snapshot(store, {f"f{n}": str(n).encode() for n in range(10)})
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    go_on = threading.Event()
    open_blob = BlobStore.open

    def gated(blobs: BlobStore, blob: BlobHash) -> int:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(30)
        return open_blob(blobs, blob)

    monkeypatch.setattr(BlobStore, "open", gated)
    async with asyncio.TaskGroup() as tasks:
        building = tasks.create_task(store.materialise(snapshot, tmp_path / "tree"))
        await begun.wait()
        with pytest.raises(LanherdError) as refused:
            await store.materialise(snapshot, tmp_path / "tree")
        assert refused.value.code is ErrorCode.CONFLICT
        assert (tmp_path / ".tree.partial").exists()
        building.cancel()
        loop.call_later(0, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await building
    assert sorted(os.listdir(tmp_path)) == ["home"]
    monkeypatch.undo()
    assert (await store.materialise(snapshot, tmp_path / "tree")).files == 10


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EOPNOTSUPP, None])
async def test_files_are_whole_where_the_kernel_can_not_copy(
    store: SnapshotStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int | None,
) -> None:
    def refuse(*_: object, **__: object) -> int:
        if number is None:
            return 0
        raise OSError(number, "not here")

    content = os.urandom(BLOB_BYTES_MAX + 5)
    snapshot = await put_snapshot(store, {"a": content})
    monkeypatch.setattr(os, "copy_file_range", refuse)
    await store.materialise(snapshot, tmp_path / "tree")
    assert (tmp_path / "tree" / "a").read_bytes() == content


async def test_a_failing_copy_is_said(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    snapshot = await put_snapshot(store, {"a": bytes(BLOB_BYTES_MAX)})
    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(LanherdError, match="Input/output error") as refused:
        await store.materialise(snapshot, tmp_path / "tree")
    assert refused.value.code is ErrorCode.STORE_FAILED
    assert sorted(os.listdir(tmp_path)) == ["home"]


@pytest.mark.parametrize(
    "entries",
    [
        (ManifestEntry("a", "link", target="{outside}"), file("a/x", b"")),
        (ManifestEntry("a", "link", target="../outside"), ManifestEntry("a/x", "directory")),
        (ManifestEntry("a", "link", target="../outside"), ManifestEntry("a", "link", target="b")),
    ],
)
async def test_even_a_manifest_that_nobody_checked_writes_nothing_through_a_link(
    store: SnapshotStore, tmp_path: Path, entries: tuple[ManifestEntry, ...]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    given = tuple(
        msgspec.structs.replace(entry, target=entry.target.format(outside=outside))
        for entry in entries
    )
    blobs = BlobStore(tmp_path / "home" / "blobs")
    with pytest.raises(OSError, match="exist"):
        build_tree(blobs, Manifest(entries=given), tmp_path / "tree", threading.Event())
    assert os.listdir(outside) == []
    assert sorted(os.listdir(tmp_path)) == ["home", "outside"]
