"""What may be asked for of runs: each once, and answered again with the same words, however old."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import AuditEntry, DamagedError, damaged
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.messages import ListRuns, NewRun
from lanherd_protocol.states import Ended, Queued, RunView
from lanherd_protocol.values import Dependency, RunSettings, RunSpec
from tests.contract.faulty_vfs import Faults, FaultyFile, FaultyVfs, FsyncFailed
from tests.simulation.making import (
    GB,
    change,
    gpu,
    gpu_spec,
    new,
    readings,
    remove_files,
    restart,
    run_id,
    stop,
)
from tests.unit.shell.driving import (
    PATIENCE_S,
    Driven,
    GatedStore,
    KeepingExecutor,
    serving,
    until,
)

LINE = AuditEntry(at=1.0, who="ann", action="test")
MANY = 6
KEPT = Rules(ended_kept=2)
HELD = RunSettings(held=True)


async def refusal(asked: object) -> ErrorCode:
    assert asyncio.iscoroutine(asked)
    with pytest.raises(LanherdError) as refused:
        await asked
    return refused.value.code


async def end(driven: Driven, *numbers: int) -> None:
    for number in numbers:
        driven.started(run_id(number))
        driven.exited(run_id(number))
        await driven.wait_state(run_id(number), "ended")


async def ended(driven: Driven, count: int) -> None:
    """As many runs, the first of which are with the store alone."""
    for number in range(1, count + 1):
        await driven.shell.submit("ann", (new(number),))
        await end(driven, number)


async def every_change(shell: Shell) -> list[RunView]:
    """One of each kind, for old runs and for one that waits."""
    return [
        *(await shell.submit("ann", (new(1), new(MANY + 1, gpu_spec(20))), LINE)),
        await shell.stop("ann", stop(1, 1), LINE),
        await shell.change("ann", change(2, 2, tags=("old",), pinned=True), LINE),
        await shell.change("ann", change(MANY + 1, 3, held=True, priority=7), LINE),
        await shell.restart("ann", "ann", restart(3, MANY + 2), LINE),
        await shell.remove_files("ann", remove_files(4, 4), LINE),
    ]


async def test_the_same_change_has_the_same_answer_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with serving(SqliteStore(path), KEPT) as driven:
        await ended(driven, MANY)
        first = await every_change(driven.shell)
        assert await every_change(driven.shell) == first
        wanted = [effect.id for effect in driven.executor.take()]
        assert wanted.count(f"remove_files:{run_id(4)}") == 1
        assert wanted.count(f"start:{run_id(MANY + 2)}:1") == 1
        await driven.shell.change("ann", change(MANY + 1, 5, held=False, notes="Go."))
        await end(driven, MANY + 2)
        assert await every_change(driven.shell) == first
        seq = driven.shell.seq
    async with serving(SqliteStore(path), KEPT) as driven:
        assert await every_change(driven.shell) == first
        assert driven.shell.seq == seq
    assert [view.seq for view in first[:2]] == [0, 0] and first[5].seq == 0
    assert first[3].settings == RunSettings(tags=("old",), pinned=True)
    assert first[4].settings == RunSettings(held=True, priority=7)
    assert first[5].spec.restart_of == run_id(3)


async def test_the_same_id_for_something_else_is_refused(tmp_path: Path) -> None:
    async with serving(SqliteStore(tmp_path / "a.sqlite"), KEPT) as driven:
        await ended(driven, MANY)
        await every_change(driven.shell)
        shell = driven.shell
        other = restart(2, MANY + 2)
        conflicts = [
            shell.submit("bob", (new(1),)),
            shell.submit("ann", (NewRun(run=run_id(1), spec=new(1).spec, settings=HELD),)),
            shell.stop("ann", stop(1, 1, grace_s=3)),
            shell.change("ann", change(2, 2, tags=("other",))),
            shell.change("ann", change(2, 1)),
            shell.restart("ann", "ann", other),
            shell.remove_files("ann", remove_files(3, 4)),
        ]
        for asked in conflicts:
            assert await refusal(asked) is ErrorCode.CONFLICT
        assert await refusal(shell.change("bob", change(2, 9))) is ErrorCode.NOT_ALLOWED
        assert await refusal(shell.change(None, change(99, 9))) is ErrorCode.NOT_FOUND


async def test_files_of_a_run_that_only_the_store_knows_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with serving(SqliteStore(path), KEPT) as driven:
        await ended(driven, MANY)
        shell = driven.shell
        await shell.remove_files(None, remove_files(1, 1))
        shell.post(e.FilesRemovalDue(runs=(run_id(2), run_id(99))))
        await until(lambda: len(driven.executor.wanted) == MANY + 2)
        driven.executor.take()
    async with serving(SqliteStore(path), KEPT) as driven:
        # What was cut off is wanted again, and its end finds the run.
        wanted = driven.executor.take()
        assert [type(effect) for effect in wanted] == [f.RemoveFiles] * 2
        for number in (1, 2):
            driven.shell.post(e.FilesRemoved(run=run_id(number), at=50.0 + number))
        await until(lambda: len(driven.published) == 2)
        assert (await driven.shell.view(run_id(1))).files_removed_at == 51.0
        assert (await driven.shell.find([run_id(2)]))[run_id(2)].files_removed_at == 52.0
        assert driven.shell.snapshot().total == MANY
    async with serving(SqliteStore(path), KEPT) as driven:
        assert driven.executor.take() == []


async def test_dependencies_and_restarts_reach_old_runs(tmp_path: Path) -> None:
    async with serving(SqliteStore(tmp_path / "a.sqlite"), KEPT) as driven:
        await ended(driven, MANY)
        after = RunSpec(command=("true",), dependencies=(Dependency(run=run_id(1)),))
        await driven.shell.submit("ann", (new(8, after),))
        await driven.wait_state(run_id(8), "starting")
        never = RunSpec(command=("true",), dependencies=(Dependency(run=run_id(99)),))
        assert await refusal(driven.shell.submit("ann", (new(9, never),))) is ErrorCode.NOT_FOUND


async def test_runs_are_found_in_memory_and_beyond(tmp_path: Path) -> None:
    async with serving(SqliteStore(tmp_path / "a.sqlite"), KEPT) as driven:
        await ended(driven, MANY)
        found = await driven.shell.find([run_id(1), run_id(99), run_id(MANY)])
        assert sorted(found) == [run_id(1), run_id(MANY)]
        assert all(isinstance(record.state, Ended) for record in found.values())


async def test_values_are_kept_under_their_keys() -> None:
    store = MemoryStore()
    async with serving(store) as driven:
        shell = driven.shell
        assert shell.meta("retention") is None
        await shell.put_meta("retention", "none", LINE)
        await shell.put_meta("retention", "some")
        assert shell.meta("retention") == "some"
    assert len(store.audit(9)) == 1
    async with serving(store) as driven:
        assert driven.shell.meta("retention") == "some"


# --- Reading -------------------------------------------------------------------------------------


async def test_places_follow_priorities() -> None:
    async with serving(rules=Rules(explained_max=0)) as driven:
        shell = driven.shell
        shell.post(readings(gpu(0)))
        await shell.submit("ann", tuple(new(n, gpu_spec(20)) for n in range(1, 6)))

        async def why(number: int) -> str:
            state = (await shell.view(run_id(number))).state
            assert isinstance(state, Queued)
            return state.reason.text

        assert await why(5) == "Waits its turn behind 3 other runs."
        await shell.change("ann", change(5, 1, priority=1))
        assert await why(5) == "Waits its turn behind 0 other runs."
        assert await why(2) == "Waits its turn behind 1 other run."
        await shell.change("ann", change(5, 2, held=True))
        assert "held back" in await why(5)
        assert await why(2) == "Waits its turn behind 0 other runs."
        page = await shell.list_runs(ListRuns(states=("queued",)))
        assert [view.run for view in page.runs] == [run_id(n) for n in (5, 4, 3, 2)]
        assert shell.queued_runs == 4


async def test_an_ended_run_that_is_told_again_is_counted_once() -> None:
    async with serving() as driven:
        shell = driven.shell
        await shell.submit("ann", (new(1), new(2, gpu_spec(20))))
        await end(driven, 1)
        for number, tag in enumerate(("a", "b", "c"), 1):
            await shell.change("ann", change(1, number, tags=(tag,)))
        assert (shell.queued_runs, shell.live_runs) == (1, 0)
        assert len(shell.snapshot().runs) == 2


async def test_a_low_disk_is_told_to_all_who_wait() -> None:
    async with serving() as driven:
        shell = driven.shell
        shell.post(readings(gpu(0)))
        shell.post(e.DiskRead(free_bytes=9 * GB, low_bytes=2 * GB))
        shell.post(e.DiskRead(free_bytes=1 * GB, low_bytes=2 * GB))
        await shell.submit("ann", tuple(new(n) for n in range(1, 20)))
        assert shell.live_runs == 0 and driven.executor.take() == []
        for view in (await shell.list_runs(ListRuns())).runs:
            assert isinstance(view.state, Queued) and view.state.reason.code == "low_disk"
        shell.post(e.DiskRead(free_bytes=9 * GB, low_bytes=2 * GB))
        await driven.wait_state(run_id(19), "starting")


@pytest.mark.expects_logs("The disk of this machine is full", reason="the disk is full here")
async def test_what_the_machine_was_like_outlives_a_full_disk() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        shell = driven.shell
        shell.post(readings(gpu(0)))
        shell.post(e.DiskRead(free_bytes=1 * GB, low_bytes=2 * GB))
        await shell.submit("ann", (new(1),))
        store.fail_next("disk_full")
        assert await refusal(shell.submit("ann", (new(2),))) is ErrorCode.DISK_FULL
        await until(lambda: bool(driven.clock.waiting()))
        driven.clock.move(1)
        await shell.submit("ann", (new(2),))
        assert driven.executor.take() == []


# --- A store that is found damaged late ----------------------------------------------------------


class LateStore(MemoryStore):
    """Damaged where nobody has looked for long."""

    def find_runs(self, runs: Iterable[RunId]) -> tuple[RunRecord, ...]:
        raise damaged("agent.sqlite", "A page is flipped.")


@pytest.mark.parametrize("asked_by", ["view", "find", "submit"])
async def test_a_look_that_finds_the_store_damaged_ends_the_agent(asked_by: str) -> None:
    shell = await Shell.open(LateStore(), rules=KEPT)
    shell._core.elsewhere_max = run_id(99)
    serving = asyncio.ensure_future(shell.serve(KeepingExecutor()))
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "view": lambda: shell.view(run_id(1)),
        "find": lambda: shell.find([run_id(1)]),
        "submit": lambda: shell.submit("ann", (new(1),)),
    }
    with pytest.raises(DamagedError):
        await asks[asked_by]()
    with pytest.raises(DamagedError):
        await asyncio.wait_for(serving, PATIENCE_S)
    assert await refusal(shell.submit("ann", (new(2),))) is ErrorCode.STORE_FAILED
    await shell.close()


# --- A disk whose fsync fails --------------------------------------------------------------------


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    vfs = FaultyVfs("faulty", faults)
    yield faults
    vfs.unregister()


@pytest.mark.parametrize("where", ["commit", "checkpoint"])
async def test_nothing_is_acknowledged_after_an_fsync_has_failed(
    tmp_path: Path, faults: Faults, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "checkpoint":
        monkeypatch.setattr("lanherd_agent.persist.sqlite.WAL_PAGES_MAX", 1)
    path = tmp_path / "a.sqlite"
    shell = await Shell.open(SqliteStore(path, vfs="faulty"))
    serving = asyncio.ensure_future(shell.serve(KeepingExecutor()))
    if where == "commit":
        await shell.submit("ann", (new(1),))
        faults.fsync_fails = True
        assert await refusal(shell.submit("ann", (new(2),))) is ErrorCode.STORE_FAILED
    else:
        # The commit itself is synced, and then answered; what follows it is not.
        monkeypatch.setattr(FaultyFile, "xSync", failing_from(2))
        await shell.submit("ann", (new(1),))
    with pytest.raises(LanherdError) as failed:
        await asyncio.wait_for(serving, PATIENCE_S)
    assert failed.value.code is ErrorCode.STORE_FAILED
    faults.fsync_fails = False
    for asked in (
        shell.submit("ann", (new(3),)),
        shell.stop("ann", stop(1)),
        shell.put_meta("a", "b"),
        shell.find([run_id(1)]),
    ):
        assert await refusal(asked) is ErrorCode.STORE_FAILED
    await shell.close()
    again = SqliteStore(path)
    known = {run.run for run in again.load(9).kept.runs}
    assert run_id(1) in known and run_id(3) not in known
    again.close()


def failing_from(sync: int) -> Callable[[FaultyFile, int], None]:
    """Every fsync fails from this one on."""
    done = 0

    def fail(file: FaultyFile, flags: int) -> None:
        nonlocal done
        done += 1
        if done >= sync:
            raise FsyncFailed("fsync")

    return fail
