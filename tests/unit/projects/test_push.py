import asyncio
import os
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from lanherd_client.projects import push as pushing
from lanherd_client.projects.push import PushProgress, push
from lanherd_client.projects.scan import scan
from lanherd_protocol import manifest as manifests
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.methods import Method
from lanherd_protocol.packs import PackDecoder
from lanherd_protocol.values import Manifest

Request = TypeVar("Request", bound=msgspec.Struct)
Response = TypeVar("Response", bound=msgspec.Struct)


class Machine:
    """A machine that keeps what it is given, and the names of the calls."""

    def __init__(self) -> None:
        self.blobs: dict[BlobHash, bytes] = {}
        self.snapshots: dict[str, Manifest] = {}
        self.calls: list[str] = []
        self.asks_for: tuple[BlobHash, ...] | None = None

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response:
        self.calls.append(method.name)
        answer = await self._answer(request, upload)
        assert isinstance(answer, method.response)
        return answer

    async def _answer(self, request: Any, upload: AsyncIterable[bytes] | None) -> Any:
        match request:
            case m.HasSnapshot(snapshot=snapshot):
                return m.SnapshotPresence(present=snapshot in self.snapshots)
            case m.FindMissing(blobs=blobs):
                missing = tuple(blob for blob in blobs if blob not in self.blobs)
                return m.MissingBlobs(blobs=self.asks_for or missing)
            case m.PutBlobs(count=count):
                assert upload is not None
                decoder = PackDecoder(count)
                async for chunk in upload:
                    self.blobs.update(decoder.feed(chunk))
                decoder.finish()
                return m.BlobsStored(count=count, bytes_stored=0)
            case m.PutManifest(snapshot=snapshot):
                assert upload is not None
                encoded = manifests.decompress(b"".join([chunk async for chunk in upload]))
                assert manifests.snapshot_id(encoded) == snapshot
                manifest = manifests.decode(encoded)
                assert set(manifests.hashes(manifest)) <= set(self.blobs)
                self.snapshots[snapshot] = manifest
                counted = manifests.summary(manifest)
                return m.SnapshotStored(
                    snapshot=snapshot, files=counted.files, bytes_total=counted.bytes_total
                )
            case _:
                raise AssertionError(request)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(30):
        (folder / f"f{number}.py").write_text(f"print({number})\n" * 20)
    (folder / "large.bin").write_bytes(os.urandom(3_000_000))
    return folder


async def test_only_what_is_missing_is_sent(project: Path) -> None:
    machine = Machine()
    first = await push(machine, project)
    assert first.files == 31
    assert first.sent_blobs == 33
    assert 3_000_000 < first.sent_bytes < 3_020_000
    assert set(machine.snapshots) == {first.snapshot}
    machine.calls.clear()
    again = await push(machine, project)
    assert (again.snapshot, again.sent_bytes, again.sent_blobs) == (first.snapshot, 0, 0)
    assert machine.calls == ["snapshots.has"]
    (project / "f3.py").write_text("edited")
    edited = await push(machine, project)
    assert edited.snapshot != first.snapshot
    assert edited.sent_blobs == 1
    assert edited.sent_bytes < 10_000


async def test_an_edit_that_takes_away_sends_the_manifest_alone(project: Path) -> None:
    machine = Machine()
    await push(machine, project)
    (project / "f3.py").unlink()
    machine.calls.clear()
    assert (await push(machine, project)).sent_blobs == 0
    assert machine.calls == ["snapshots.has", "snapshots.missing", "snapshots.put_manifest"]


async def test_many_blobs_go_in_several_calls(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "HASHES_PER_CALL_MAX", 10)
    machine = Machine()
    await push(machine, project)
    assert machine.calls.count("snapshots.missing") == 4
    assert machine.calls.count("snapshots.put_blobs") == 4


async def test_progress_is_told_from_the_scan_to_the_end(project: Path) -> None:
    told: list[PushProgress] = []
    for number in range(100):
        (project / f"g{number}").write_text("x")
    await push(Machine(), project, told.append)
    phases = list(dict.fromkeys(one.phase for one in told))
    assert phases == ["scanning", "comparing", "sending", "done"]
    sending = [one for one in told if one.phase == "sending"]
    assert [one.bytes_done for one in sending] == sorted(one.bytes_done for one in sending)
    assert sending[-1].bytes_done == sending[-1].bytes_total > 3_000_000


async def test_a_file_that_changes_before_it_is_sent_is_named(
    project: Path,
) -> None:
    class Slow(Machine):
        def __init__(self, change: Callable[[], None]) -> None:
            super().__init__()
            self._change = change

        async def _answer(self, request: Any, upload: AsyncIterable[bytes] | None) -> Any:
            if isinstance(request, m.FindMissing):
                self._change()
            return await super()._answer(request, upload)

    def edit() -> None:
        (project / "f3.py").write_text("another text")

    def remove() -> None:
        (project / "f4.py").unlink()

    def replace() -> None:
        (project / "f5.py").unlink()
        (project / "f5.py").mkdir()

    for change, name, code in (
        (edit, "f3.py", ErrorCode.PROJECT_CHANGED),
        (remove, "f4.py", ErrorCode.PROJECT_CHANGED),
        (replace, "f5.py", ErrorCode.PROJECT_UNREADABLE),
    ):
        machine = Slow(change)
        with pytest.raises(LanherdError) as refused:
            await push(machine, project)
        assert refused.value.code is code
        assert refused.value.failure.data["path"] == str(project / name)
        assert machine.snapshots == {}


async def test_a_machine_can_not_ask_for_what_was_not_offered(project: Path) -> None:
    machine = Machine()
    machine.asks_for = (BlobHash("0" * 64),)
    with pytest.raises(LanherdError) as refused:
        await push(machine, project)
    assert refused.value.code is ErrorCode.PROTOCOL_ERROR


async def test_a_cancelled_push_resumes_where_it_was(project: Path) -> None:
    class Stalling(Machine):
        async def _answer(self, request: Any, upload: AsyncIterable[bytes] | None) -> Any:
            if isinstance(request, m.PutBlobs) and upload is not None:
                decoder = PackDecoder(request.count)
                async for chunk in upload:
                    self.blobs.update(decoder.feed(chunk))
                    if len(self.blobs) > 5:
                        stalled.set()
                        await asyncio.Event().wait()
            return await super()._answer(request, upload)

    stalled = asyncio.Event()
    machine = Stalling()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(push(machine, project))
        await stalled.wait()
        task.cancel()
    assert machine.snapshots == {}
    kept = len(machine.blobs)
    assert kept > 5
    resumed = Machine()
    resumed.blobs = machine.blobs
    result = await push(resumed, project)
    assert result.sent_blobs == 33 - kept


async def test_a_scan_is_cancelled_with_its_push(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    scanning = asyncio.Event()
    ended: list[str] = []

    def gated(folder: Path, on_progress: Any, cancelled: Any) -> Any:
        loop.call_soon_threadsafe(scanning.set)
        assert cancelled.wait(30)
        try:
            return scan(folder, on_progress, cancelled)
        finally:
            ended.append("scan")

    monkeypatch.setattr(pushing, "scan", gated)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(push(Machine(), project))
        await scanning.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == ["scan"]


async def test_a_missing_folder_is_said_before_any_call(tmp_path: Path) -> None:
    machine = Machine()
    with pytest.raises(LanherdError) as refused:
        await push(machine, tmp_path / "nowhere")
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert machine.calls == []
