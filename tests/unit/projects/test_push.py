import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanherd_client.projects import fanout, push_planning
from lanherd_client.projects.push import PushProgress, push, push_through
from lanherd_client.projects.scan import scan
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import MIB
from tests.support.push_machine import PushMachine
from tests.unit.projects.pushing import BLOBS, FILES, edit, make_project, scan_later


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fanout, "scan", scan_later)
    return make_project(tmp_path / "project")


def manifests_put(machine: PushMachine) -> list[m.PutManifest]:
    return [request for request in machine.requests if isinstance(request, m.PutManifest)]


async def test_only_what_is_missing_is_sent(project: Path) -> None:
    machine = PushMachine()
    first = await push(machine, project, project="digits")
    assert (first.files, first.sent_blobs) == (FILES, BLOBS)
    assert 3_000_000 < first.sent_bytes < 3_020_000
    assert set(machine.snapshots) == {first.snapshot}
    assert set(machine.sent.values()) == {1}
    assert [put.project for put in manifests_put(machine)] == ["digits"]


async def test_nothing_new_takes_one_question(project: Path) -> None:
    machine = PushMachine()
    first = await push(machine, project)
    machine.calls.clear()
    again = await push(machine, project)
    assert (again.snapshot, again.sent_bytes, again.sent_blobs) == (first.snapshot, 0, 0)
    assert machine.calls == ["snapshots.has"]


async def test_an_edit_sends_one_blob_and_what_differs(project: Path) -> None:
    machine = PushMachine()
    first = await push(machine, project, machine="m1")
    edit(project / "f3.py", "edited")
    edited = await push(machine, project, machine="m1")
    assert edited.snapshot != first.snapshot
    assert edited.sent_blobs == 1
    assert edited.sent_bytes < 600
    assert [put.base for put in manifests_put(machine)] == [None, first.snapshot]
    assert set(machine.snapshots) == {first.snapshot, edited.snapshot}


async def test_a_machine_whose_id_is_not_known_gets_whole_manifests(project: Path) -> None:
    machine = PushMachine()
    await push(machine, project)
    edit(project / "f3.py", "edited")
    await push(machine, project)
    assert [put.base for put in manifests_put(machine)] == [None, None]


async def test_an_edit_that_takes_away_sends_the_manifest_alone(project: Path) -> None:
    machine = PushMachine()
    await push(machine, project, machine="m1")
    (project / "f3.py").unlink()
    machine.calls.clear()
    assert (await push(machine, project, machine="m1")).sent_blobs == 0
    assert machine.calls == ["snapshots.has", "snapshots.put_manifest"]


async def test_what_differs_is_told_from_what_that_machine_has(project: Path) -> None:
    one, other = PushMachine(), PushMachine()
    await push(one, project, machine="m1")
    old = await push(other, project, machine="m2")
    for number in range(3):
        edit(project / "f3.py", f"edit {number}")
        newest = await push(one, project, machine="m1")
    pushed = await push(other, project, machine="m2")
    assert manifests_put(other)[-1].base == old.snapshot
    assert (pushed.snapshot, pushed.sent_blobs) == (newest.snapshot, 1)
    assert newest.snapshot in other.snapshots


async def test_a_machine_that_has_forgotten_everything_gets_everything(project: Path) -> None:
    machine = PushMachine()
    await push(machine, project, machine="m1")
    machine.snapshots.clear()
    machine.blobs.clear()
    edit(project / "f3.py", "edited")
    pushed = await push(machine, project, machine="m1")
    assert pushed.sent_blobs == BLOBS
    assert set(machine.snapshots) == {pushed.snapshot}
    assert [put.base is None for put in manifests_put(machine)] == [True, False, True]


async def test_blobs_that_got_lost_behind_a_snapshot_are_sent_again(project: Path) -> None:
    machine = PushMachine()
    await push(machine, project, machine="m1")
    lost = [*machine.blobs][:4]
    for blob in lost:
        del machine.blobs[blob]
    edit(project / "f29.py", "edited")
    pushed = await push(machine, project, machine="m1")
    assert pushed.snapshot in machine.snapshots
    assert pushed.sent_blobs in (4, 5)


async def test_a_machine_that_refuses_every_manifest_is_believed(project: Path) -> None:
    machine = PushMachine()

    async def lose(request: Any) -> None:
        if isinstance(request, m.PutManifest):
            machine.blobs.clear()

    machine.before = lose
    with pytest.raises(LanherdError) as refused:
        await push(machine, project)
    assert refused.value.failure.data["refusal"] == "missing_blobs"
    assert len(manifests_put(machine)) == 2


async def test_many_blobs_are_asked_about_in_several_calls(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_planning, "ASKED_TOGETHER_MAX", 10)
    await push(PushMachine(), project)
    # The scan reads nothing this time, so it tells of nothing while it goes on.
    other = PushMachine()
    assert (await push(other, project)).sent_blobs == BLOBS
    assert other.calls.count("snapshots.missing") == 4


async def test_progress_is_told_from_the_scan_to_the_end(project: Path) -> None:
    told: list[PushProgress] = []
    for number in range(100):
        (project / f"g{number}").write_text(f"{number}")
    gate = asyncio.Event()
    machine = PushMachine()

    async def hold(request: Any) -> None:
        if isinstance(request, m.PutBlobs):
            await gate.wait()

    def tell(one: PushProgress) -> None:
        told.append(one)
        if one.phase == "comparing":
            gate.set()

    machine.before = hold
    await push(machine, project, tell)
    phases = list(dict.fromkeys(one.phase for one in told))
    assert phases == ["scanning", "comparing", "sending", "done"]
    sending = [one for one in told if one.phase == "sending"]
    assert [one.bytes_done for one in sending] == sorted(one.bytes_done for one in sending)
    assert sending[-1].bytes_done == sending[-1].bytes_total > 3_000_000


async def test_what_the_scan_says_is_told_once(project: Path) -> None:
    (project / "model.pt").write_bytes(b"")
    os.truncate(project / "model.pt", 40 * MIB)
    told: list[PushProgress] = []
    pushed = await push(PushMachine(), project, told.append)
    assert len(pushed.notes) == 1 and "model.pt" in pushed.notes[0]
    assert [one.notes for one in told if one.notes] == [pushed.notes]


def first_blob(path: Path) -> BlobHash:
    return BlobHash(hashlib.sha256(path.read_bytes()[:MIB]).hexdigest())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("edited", ErrorCode.PROJECT_CHANGED),
        ("cut", ErrorCode.PROJECT_CHANGED),
        ("removed", ErrorCode.PROJECT_CHANGED),
        ("replaced", ErrorCode.PROJECT_UNREADABLE),
    ],
)
async def test_a_file_that_changes_before_it_is_sent_is_named(
    project: Path, name: str, code: ErrorCode
) -> None:
    large = project / "large.raw"
    blob = first_blob(large)
    changes: dict[str, Callable[[], object]] = {
        "edited": lambda: large.write_bytes(os.urandom(3_000_000)),
        "cut": lambda: os.truncate(large, 10),
        "removed": large.unlink,
        "replaced": lambda: (large.unlink(), large.mkdir()),
    }
    machine = PushMachine()

    async def change(request: Any) -> None:
        if isinstance(request, m.FindMissing) and blob in request.blobs:
            changes[name]()

    machine.before = change
    with pytest.raises(LanherdError) as refused:
        await push(machine, project)
    assert refused.value.code is code
    assert refused.value.failure.data["path"] == str(large)
    assert machine.snapshots == {}


async def test_a_small_file_that_changes_meanwhile_is_sent_as_it_was_read(project: Path) -> None:
    machine = PushMachine()
    was = (project / "f3.py").read_bytes()

    async def change(request: Any) -> None:
        if isinstance(request, m.PutBlobs):
            edit(project / "f3.py", "another text")

    machine.before = change
    pushed = await push(machine, project)
    blob = BlobHash(hashlib.sha256(was).hexdigest())
    assert machine.blobs[blob] == was
    entry = next(e for e in machine.snapshots[pushed.snapshot].entries if e.path == "f3.py")
    assert entry.blobs == (blob,)


async def test_a_machine_that_calls_a_good_pack_bad_is_not_blamed_on_a_file(project: Path) -> None:
    machine = PushMachine()

    async def refuse(request: Any) -> None:
        if isinstance(request, m.PutBlobs):
            raise error(ErrorCode.INVALID_REQUEST, "No pack.", refusal="bad_pack")

    machine.before = refuse
    with pytest.raises(LanherdError) as refused:
        await push(machine, project)
    assert refused.value.code is ErrorCode.INVALID_REQUEST


async def test_a_machine_can_not_ask_for_what_was_not_offered(project: Path) -> None:
    machine = PushMachine()
    machine.asks_for = (BlobHash("0" * 64),)
    with pytest.raises(LanherdError) as refused:
        await push(machine, project)
    assert refused.value.code is ErrorCode.PROTOCOL_ERROR


async def test_a_cancelled_push_leaves_nothing_half_and_resumes_where_it_was(project: Path) -> None:
    sending, machine = asyncio.Event(), PushMachine()

    async def stall(request: Any) -> None:
        if isinstance(request, m.PutManifest):
            sending.set()
            await asyncio.Event().wait()

    machine.before = stall
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(push(machine, project))
        await sending.wait()
        task.cancel()
    assert machine.snapshots == {}
    machine.before = None
    result = await push(machine, project)
    assert (result.sent_blobs, set(machine.sent.values())) == (0, {1})


async def test_a_scan_is_cancelled_with_its_push(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    scanning = asyncio.Event()
    ended: list[str] = []

    def gated(folder: Path, on_progress: Any, cancelled: threading.Event, **named: Any) -> Any:
        loop.call_soon_threadsafe(scanning.set)
        assert cancelled.wait(30)
        try:
            return scan(folder, on_progress, cancelled, **named)
        finally:
            ended.append("scan")

    monkeypatch.setattr(fanout, "scan", gated)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(push(PushMachine(), project))
        await scanning.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == ["scan"]


async def test_a_missing_folder_is_said_before_any_call(tmp_path: Path) -> None:
    machine = PushMachine()
    with pytest.raises(LanherdError) as refused:
        await push(machine, tmp_path / "nowhere")
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert machine.calls == []


# --- Cuts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 40_000, 1_000_000, 2_900_000, 3_001_500])
async def test_a_push_that_is_cut_goes_on_and_sends_nothing_twice(
    project: Path, after: int
) -> None:
    machine = PushMachine("m1")
    machine.bytes_until_cut = after
    pushed = await push_through(machine, project)
    assert machine.cuts == 1
    assert set(machine.snapshots) == {pushed.snapshot}
    assert set(machine.sent.values()) == {1}


async def test_a_question_that_is_cut_is_asked_again(project: Path) -> None:
    machine, lost = PushMachine("m1"), []

    async def lose(request: Any) -> None:
        if isinstance(request, m.FindMissing) and len(lost) < 3:
            lost.append(request)
            raise error(ErrorCode.CONNECTION_LOST, "The connection was lost.")

    machine.before = lose
    await push_through(machine, project)
    assert len(lost) == 3
    assert set(machine.sent.values()) == {1}


async def test_a_connection_that_nothing_comes_after_ends_the_push(project: Path) -> None:
    machine = PushMachine()
    machine.bytes_until_cut = 100
    with pytest.raises(LanherdError) as lost:
        await push(machine, project)
    assert lost.value.code is ErrorCode.CONNECTION_LOST
    assert machine.snapshots == {}
