"""Folders to snapshots to trees: the client's push against the agent's store."""

import asyncio
import filecmp
import json
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_client.projects.push import push
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.methods import Method

Request = TypeVar("Request", bound=msgspec.Struct)
Response = TypeVar("Response", bound=msgspec.Struct)
REPOSITORY = Path(__file__).parents[2]


class Direct:
    """Calls the store without a wire; `cut_after` bytes of uploads the connection is lost."""

    def __init__(self, store: SnapshotStore, cut_after: int | None = None) -> None:
        self._store = store
        self._left = cut_after

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response:
        answer = await self._answer(request, self._cut(upload))
        assert isinstance(answer, method.response)
        return answer

    async def _cut(self, upload: AsyncIterable[bytes] | None) -> AsyncIterator[bytes]:
        async for chunk in upload or _nothing():
            for start in range(0, len(chunk), 4096):
                piece = chunk[start : start + 4096]
                if self._left is not None:
                    self._left -= len(piece)
                    if self._left < 0:
                        raise error(ErrorCode.CONNECTION_LOST, "The cable was cut.")
                yield piece

    async def _answer(self, request: Any, upload: AsyncIterator[bytes]) -> Any:
        match request:
            case m.HasSnapshot(snapshot=snapshot):
                return m.SnapshotPresence(present=await self._store.has(snapshot))
            case m.FindMissing(blobs=blobs):
                return m.MissingBlobs(blobs=await self._store.missing("ada", blobs))
            case m.PutBlobs(count=count):
                return await self._store.put_pack("ada", upload, count)
            case m.PutManifest(snapshot=snapshot):
                return await self._store.put_manifest("ada", snapshot, upload)
            case _:
                raise AssertionError(request)


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    store = await SnapshotStore.open(tmp_path / "home")
    yield store
    await store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for number in range(60):
        place = folder / f"pkg{number % 7}" / f"f{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(100 * number))
    (folder / "large.bin").write_bytes(os.urandom(2_500_000))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("pkg1/f1.py")
    (folder / "empty").mkdir()
    return folder


def same(one: Path, two: Path) -> bool:
    compared = filecmp.dircmp(one, two, ignore=[])
    if compared.left_only or compared.right_only or compared.funny_files:
        return False
    for name in compared.common_files:
        if (one / name).read_bytes() != (two / name).read_bytes():
            return False
        if os.access(one / name, os.X_OK) != os.access(two / name, os.X_OK):
            return False
    return all(same(one / name, two / name) for name in compared.common_dirs)


async def test_what_was_pushed_is_what_appears(
    store: SnapshotStore, project: Path, tmp_path: Path
) -> None:
    pushed = await push(Direct(store), project)
    built = await store.materialise(pushed.snapshot, tmp_path / "tree")
    assert (built.files, built.bytes_total) == (pushed.files, pushed.bytes_total)
    assert same(project, tmp_path / "tree")
    assert os.readlink(tmp_path / "tree" / "link") == "pkg1/f1.py"


async def test_a_push_that_is_cut_anywhere_is_resumed_to_the_same_tree(
    store: SnapshotStore, project: Path, tmp_path: Path
) -> None:
    for cut_after in (0, 30_000, 1_500_000, 0, 700_000):
        with pytest.raises(LanherdError, match="The cable was cut"):
            await push(Direct(store, cut_after), project)
    whole = await push(Direct(store), project)
    assert whole.sent_bytes < whole.bytes_total - 1_000_000
    await store.materialise(whole.snapshot, tmp_path / "tree")
    assert same(project, tmp_path / "tree")


async def test_a_damaged_store_is_mended_by_the_next_push(
    store: SnapshotStore, project: Path, tmp_path: Path
) -> None:
    first = await push(Direct(store), project)
    victim = next((tmp_path / "home" / "blobs").glob("??/*"))
    victim.write_bytes(b"bit rot")
    with pytest.raises(LanherdError) as refused:
        await store.materialise(first.snapshot, tmp_path / "tree")
    assert refused.value.code is ErrorCode.BLOB_CORRUPT
    again = await push(Direct(store), project)
    assert (again.snapshot, again.sent_blobs) == (first.snapshot, 1)
    await store.materialise(first.snapshot, tmp_path / "tree")
    assert same(project, tmp_path / "tree")


async def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "unshare", "--user", "--map-root-user", "--mount",
        sys.executable, "-m", "tests.integration.full_disk", str(tmp_path),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    story = json.loads(said)
    assert story["tree"] == "disk_full"
    assert story["pack"] == "disk_full"
    assert story["left"] == []
    assert story["incoming"] == []
    assert story["kept"] == 0, "what filled the disk and is no snapshot went again"
    assert story["readable"]
