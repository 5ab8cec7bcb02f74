"""One folder to several machines: read and packed once, and none waits for a slow one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lanherd_client.projects import fanout, packing, push_planning
from lanherd_client.projects.fanout import Pushed, push_to_all
from lanherd_client.projects.push import PushProgress, PushResult
from lanherd_client.projects.push_progress import Caller
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from tests.support.push_machine import PushMachine
from tests.unit.projects.pushing import BLOBS, edit, make_project, scan_later

PATIENCE_S = 0.02


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fanout, "scan", scan_later)
    return make_project(tmp_path / "project")


class Gone(PushMachine):
    """A machine that can't be reached."""

    async def caller(self, lost: LanherdError | None) -> Caller:
        raise error(ErrorCode.UNREACHABLE, "It can't be reached.")


async def pushed_to(machines: list[PushMachine], project: Path) -> Pushed:
    return await push_to_all(machines, project, lambda number, told: None)


def results(pushed: Pushed) -> list[PushResult]:
    return [one for one in pushed.outcomes if isinstance(one, PushResult)]


async def test_each_blob_is_read_and_packed_once(project: Path) -> None:
    machines = [PushMachine(f"m{number}") for number in range(4)]
    pushed = await pushed_to(machines, project)
    assert [one.sent_blobs for one in results(pushed)] == [BLOBS] * 4
    assert pushed.blobs_packed == BLOBS
    assert {tuple(machine.snapshots) for machine in machines} == {(results(pushed)[0].snapshot,)}
    assert all(set(machine.sent.values()) == {1} for machine in machines)


async def test_an_old_scan_is_packed_once_too(project: Path) -> None:
    await pushed_to([PushMachine("m0")], project)
    machines = [PushMachine(f"m{number}") for number in range(1, 4)]
    assert (await pushed_to(machines, project)).blobs_packed == BLOBS


async def test_machines_that_lack_other_things_share_what_they_lack_alike(project: Path) -> None:
    one, other, full = PushMachine("m1"), PushMachine("m2"), PushMachine("m3")
    await pushed_to([full], project)
    edited = (project / "f1.py").read_bytes()
    half = [item for item in full.blobs.items() if item[1] != edited][: BLOBS // 2]
    other.blobs = dict(half)
    edit(project / "f1.py", "edited")
    pushed = await pushed_to([one, other, full], project)
    assert [result.sent_blobs for result in results(pushed)] == [BLOBS, BLOBS - len(half), 1]
    assert pushed.blobs_packed == BLOBS


async def test_progress_is_told_of_each(project: Path) -> None:
    told: list[tuple[int, PushProgress]] = []
    machines = [PushMachine("m1"), PushMachine("m2")]
    await push_to_all(machines, project, lambda number, one: told.append((number, one)))
    for number in range(2):
        phases = [one.phase for who, one in told if who == number]
        assert phases[-1] == "done"


@pytest.mark.parametrize("stalls_at", [m.FindMissing, m.PutBlobs, m.PutManifest, m.HasSnapshot])
@pytest.mark.parametrize("scanned_before", [False, True])
async def test_a_stalled_machine_holds_no_other_back(
    project: Path, monkeypatch: pytest.MonkeyPatch, stalls_at: type, scanned_before: bool
) -> None:
    monkeypatch.setattr(push_planning, "PATIENCE_S", PATIENCE_S)
    if scanned_before:
        await pushed_to([PushMachine()], project)
    gate, others_done = asyncio.Event(), asyncio.Event()
    slow, fast = PushMachine("slow"), [PushMachine("m1"), PushMachine("m2")]

    async def stall(request: Any) -> None:
        if isinstance(request, stalls_at):
            await gate.wait()

    slow.before = stall
    done: set[int] = set()

    def tell(number: int, told: PushProgress) -> None:
        if told.phase == "done":
            done.add(number)
        if done >= {1, 2}:
            gate.set()
            others_done.set()

    async with asyncio.timeout(20):
        pushed = await push_to_all([slow, *fast], project, tell)
    assert others_done.is_set()
    assert len(results(pushed)) == 3
    assert set(slow.blobs) == set(fast[0].blobs)
    assert pushed.blobs_packed <= 2 * BLOBS


async def test_a_machine_that_comes_late_has_it_packed_for_itself(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "KEPT_BYTES_MAX", 0)
    gate = asyncio.Event()
    slow, fast = PushMachine("slow"), PushMachine("fast")

    async def stall(request: Any) -> None:
        if isinstance(request, m.PutBlobs):
            await gate.wait()

    slow.before = stall
    fast_done = fast.snapshots

    def tell(number: int, told: PushProgress) -> None:
        if number == 1 and told.phase == "done":
            gate.set()

    pushed = await push_to_all([slow, fast], project, tell)
    assert len(results(pushed)) == 2
    assert fast_done.keys() == slow.snapshots.keys()


async def test_a_machine_that_is_gone_is_told_and_hinders_nobody(project: Path) -> None:
    machines = [PushMachine("m1"), Gone("m2"), PushMachine("m3")]
    pushed = await pushed_to(machines, project)
    problem = pushed.outcomes[1]
    assert isinstance(problem, LanherdError) and problem.code is ErrorCode.UNREACHABLE
    assert len(results(pushed)) == 2
    assert pushed.blobs_packed == BLOBS


async def test_where_nobody_can_be_reached_the_folder_is_not_read_to_its_end(project: Path) -> None:
    pushed = await pushed_to([Gone("m1"), Gone("m2")], project)
    assert all(isinstance(one, LanherdError) for one in pushed.outcomes)
    assert pushed.blobs_packed == 0


async def test_what_is_wrong_with_the_folder_is_told_to_all(tmp_path: Path) -> None:
    pushed = await pushed_to([PushMachine("m1"), PushMachine("m2")], tmp_path / "nowhere")
    codes = [one.code for one in pushed.outcomes if isinstance(one, LanherdError)]
    assert codes == [ErrorCode.PROJECT_UNREADABLE] * 2


async def test_a_disk_that_is_full_on_one_machine_is_the_trouble_of_that_one(project: Path) -> None:
    full, other = PushMachine("m1"), PushMachine("m2")

    async def refuse(request: Any) -> None:
        if isinstance(request, m.PutBlobs):
            raise error(ErrorCode.DISK_FULL, "The disk is full.")

    full.before = refuse
    pushed = await pushed_to([full, other], project)
    problem = pushed.outcomes[0]
    assert isinstance(problem, LanherdError) and problem.code is ErrorCode.DISK_FULL
    assert len(other.snapshots) == 1


async def test_files_above_what_may_be_held_are_read_once_more(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "HELD_BYTES_MAX", 1000)
    machine = PushMachine("m1")
    pushed = await pushed_to([machine], project)
    assert results(pushed)[0].sent_blobs == BLOBS


async def test_cuts_of_one_machine_are_mended_for_that_one(project: Path) -> None:
    cut, other = PushMachine("m1"), PushMachine("m2")
    cut.bytes_until_cut = 1_500_000
    pushed = await pushed_to([cut, other], project)
    assert cut.cuts == 1
    assert len(results(pushed)) == 2
    assert set(cut.sent.values()) == set(other.sent.values()) == {1}
