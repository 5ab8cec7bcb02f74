"""The shell: commit before it speaks, and what it does when it can't commit."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core.rules import Rules
from lanherd_agent.persist.failing import FailingStore, Fault
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import AuditEntry, Device
from lanherd_agent.shell import inbox
from lanherd_agent.shell.clock import SystemClock
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.machine_messages import PauseQueue
from lanherd_protocol.messages import ChangeRun, ListRuns
from lanherd_protocol.states import Ended, Queued, Running, RunView, Stopping
from lanherd_protocol.values import RunSettings
from tests.simulation.making import (
    GB,
    PROJECT,
    command_id,
    gpu,
    gpu_spec,
    new,
    readings,
    run_id,
    stop,
)
from tests.unit.shell.driving import Driven, GatedStore, HandClock, serving, until

DEVICE = Device(
    device=DeviceId("a" * 64), certificate_pem="PEM", name="laptop", role="user", added_at=1.0
)
LINE = AuditEntry(at=1.0, who="ann", action="test")


def problem(driven: Driven) -> LanherdError | None:
    return driven.shell.problem


async def run_to_end(driven: Driven, *numbers: int) -> list[RunView]:
    """What was answered to their submits."""
    replies: list[RunView] = []
    for number in numbers:
        replies += await driven.shell.submit("ann", (new(number),))
        driven.started(run_id(number))
        driven.exited(run_id(number))
        await driven.wait_state(run_id(number), "ended")
    return replies


async def test_a_run_from_submit_to_end() -> None:
    async with serving() as driven:
        (view,) = await driven.shell.submit("ann", (new(1),), LINE)
        assert (view.seq, driven.shell.seq) == (0, 1)
        assert isinstance(view.state, Queued)
        assert [effect.id for effect in driven.executor.take()] == [f"start:{run_id(1)}:1"]
        driven.started(run_id(1), pid=42)
        running = await driven.wait_state(run_id(1), "running")
        assert isinstance(running.state, Running)
        (live,) = driven.shell.live_attempts()
        assert (live.pid, driven.shell.live_runs) == (42, 1)
        assert "AttemptStarted → Running" in driven.shell.story(run_id(1))
        driven.exited(run_id(1))
        ended = await driven.wait_state(run_id(1), "ended")
        assert await driven.shell.view(run_id(1)) == ended
        assert [view.seq for view in driven.published] == [1, 2, 3]


async def test_nothing_is_told_or_done_before_it_is_committed() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        store.shut()
        asked = asyncio.gather(*(driven.shell.submit("ann", (new(n),)) for n in range(1, 9)))
        await until(lambda: store.arrived == 1)
        assert not asked.done() and not driven.executor.wanted and not driven.published
        assert driven.shell.snapshot().runs == () and driven.shell.seq == 0
        with pytest.raises(LanherdError):
            await asyncio.wait_for(driven.shell.list_runs(ListRuns(limit=0)), 1)
        store.gate.set()
        await asked
        assert len(driven.published) == len(driven.executor.wanted) == 8
        assert len(store.batches) == 1


async def test_a_refusal_reaches_its_caller_and_no_other() -> None:
    async with serving() as driven:
        driven.shell.post(readings(gpu(0)))
        good, bad, again = await asyncio.gather(
            driven.shell.submit("ann", (new(1),)),
            driven.shell.submit("ann", (new(2, gpu_spec(99)),)),
            driven.shell.submit("ann", (new(1),)),
            return_exceptions=True,
        )
        assert isinstance(bad, LanherdError) and bad.code is ErrorCode.IMPOSSIBLE_REQUEST
        assert good == again
        assert driven.shell.queued_runs == 0


async def test_stop_is_killed_by_the_clock() -> None:
    async with serving() as driven:
        await driven.shell.submit("ann", (new(1),))
        driven.started(run_id(1))
        await driven.wait_state(run_id(1), "running")
        view = await driven.shell.stop("ann", stop(1, grace_s=5))
        assert isinstance(view.state, Stopping) and driven.clock.waiting() == [5]
        driven.executor.take()
        driven.clock.move(5)
        await until(lambda: bool(driven.executor.wanted))
        assert driven.executor.take()[0].id == f"signal:{run_id(1)}:1:9"
        driven.exited(run_id(1))
        await driven.wait_state(run_id(1), "ended")
        assert driven.clock.waiting() == []
        with pytest.raises(LanherdError) as refused:
            await driven.shell.stop("bob", stop(1, 2))
        assert refused.value.code is ErrorCode.NOT_ALLOWED


@pytest.mark.expects_logs("The disk of this machine is full", reason="the disk is full here")
async def test_a_full_disk_refuses_requests_and_loses_no_fact() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1), new(2)))
        driven.started(run_id(1))
        driven.started(run_id(2))
        driven.shell.post(readings(gpu(0)))
        await driven.wait_state(run_id(2), "running")
        await driven.shell.stop(None, stop(2, grace_s=5))
        driven.executor.take()
        store.fail_next("disk_full", 2)
        store.shut()
        driven.exited(run_id(1))
        first = asyncio.gather(driven.shell.submit("ann", (new(3),)), return_exceptions=True)
        await until(lambda: store.arrived == 1)
        late = asyncio.gather(driven.shell.submit("ann", (new(4),)), return_exceptions=True)
        await until(lambda: len(driven.shell._inbox) == 1)
        store.gate.set()
        for asked in (first, late):
            (failure,) = await asked
            assert isinstance(failure, LanherdError) and failure.code is ErrorCode.DISK_FULL
        assert problem(driven) is not None and not driven.executor.wanted
        with pytest.raises(LanherdError) as refused:
            await driven.shell.submit("ann", (new(5),))
        assert refused.value.code is ErrorCode.DISK_FULL
        await until(lambda: sorted(driven.clock.waiting()) == [1, 5])
        driven.clock.move(1)
        await until(lambda: sorted(driven.clock.waiting()) == [1, 4])
        driven.clock.move(1)
        await driven.wait_state(run_id(1), "ended")
        assert problem(driven) is None
        await driven.shell.submit("ann", (new(3, gpu_spec(20)),))
        driven.started(run_id(3))
        await driven.wait_state(run_id(3), "running")
        leased = [one for live in driven.shell.live_attempts() for one in live.lease.gpus]
        assert [(one.uuid, one.vram_bytes) for one in leased] == [(gpu(0).uuid, 20 * GB)]


@pytest.mark.expects_logs("The disk of this machine is full", reason="the disk is full here")
async def test_a_stop_is_tried_again_alone_on_a_full_disk() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1),))
        driven.started(run_id(1))
        await driven.wait_state(run_id(1), "running")
        store.fail_next("disk_full")
        submitted, stopped = await asyncio.gather(
            driven.shell.submit("ann", (new(2),)),
            driven.shell.stop("ann", stop(1)),
            return_exceptions=True,
        )
        assert isinstance(submitted, LanherdError)
        assert isinstance(stopped, RunView) and isinstance(stopped.state, Stopping)

        # Nothing is left of what is held back: this stop is refused, and the next is tried at once.
        store.fail_next("disk_full")
        with pytest.raises(LanherdError) as refused:
            await driven.shell.stop("ann", stop(1, 2))
        assert refused.value.code is ErrorCode.DISK_FULL
        with pytest.raises(LanherdError):
            await driven.shell.submit("ann", (new(2),))
        assert isinstance((await driven.shell.stop("ann", stop(1, 3))).state, Stopping)
        driven.exited(run_id(1))
        await driven.wait_state(run_id(1), "ended")
        await driven.shell.submit("ann", (new(2),))
        assert problem(driven) is None


@pytest.mark.expects_logs("The disk of this machine is full", reason="the disk is full here")
async def test_closing_does_not_wait_for_a_full_disk() -> None:
    store = FailingStore(MemoryStore())
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1),))
        store.fail_next("disk_full", 5)
        driven.started(run_id(1))
        await until(lambda: bool(driven.clock.waiting()))
    assert store.commits == 3
    async with serving(store.inner) as driven:
        assert [effect.id for effect in driven.executor.take()] == [f"start:{run_id(1)}:1"]


@pytest.mark.parametrize("fault", ["store_failed", "die_before", "die_after"])
async def test_a_store_that_is_gone_answers_nobody_with_success(fault: Fault) -> None:
    store = FailingStore(MemoryStore())
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1),))
        driven.executor.take()
        store.fail_next(fault)
        with pytest.raises(LanherdError) as failed:
            await driven.shell.submit("ann", (new(2),))
        expected = ErrorCode.STORE_FAILED if fault == "store_failed" else ErrorCode.SHUTTING_DOWN
        assert failed.value.code is expected
        with pytest.raises(LanherdError):
            await driven.shell.submit("ann", (new(3),))
        assert not driven.executor.wanted
    async with serving(store.inner) as driven:
        wanted = {effect.id for effect in driven.executor.take()}
        taken = fault == "die_after"
        assert (f"start:{run_id(2)}:1" in wanted) == taken
        await driven.shell.submit("ann", (new(2),))
        assert driven.shell.seq == 2


async def test_a_crash_between_commit_and_effect_is_made_good(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    store = FailingStore(SqliteStore(path))
    async with serving(store) as driven:
        await driven.shell.submit("ann", (new(1), new(2)))
        driven.started(run_id(2))
        await driven.wait_state(run_id(2), "running")
        driven.executor.take()
        store.fail_next("die_after")
        with pytest.raises(LanherdError):
            await driven.shell.submit("ann", (new(3, PROJECT), new(4)))
    async with serving(SqliteStore(path)) as driven:
        assert sorted(effect.id for effect in driven.executor.take()) == sorted(
            [
                f"adopt:{run_id(2)}:1",
                f"prepare:{run_id(3)}:1",
                f"start:{run_id(1)}:1",
                f"start:{run_id(4)}:1",
            ]
        )
        views = await driven.shell.submit("ann", (new(3, PROJECT), new(4)))
        assert [view.run for view in views] == [run_id(3), run_id(4)]
        assert len(driven.executor.wanted) == 0


async def test_old_ended_runs_are_read_from_the_store(tmp_path: Path) -> None:
    async with serving(SqliteStore(tmp_path / "a.sqlite"), Rules(ended_kept=2)) as driven:
        shell = driven.shell
        replies = await run_to_end(driven, 1, 2, 3, 4, 5)
        await shell.submit("ann", (new(6),))
        old = await shell.view(run_id(1))
        assert isinstance(old.state, Ended)
        (again,) = await shell.submit("ann", (new(1),))
        assert (again, again.seq) == (replies[0], 0)
        assert await shell.stop(None, stop(1)) == old
        with pytest.raises(LanherdError) as conflict:
            await shell.submit("ann", (new(1, PROJECT),))
        assert conflict.value.code is ErrorCode.CONFLICT
        page = await shell.list_runs(ListRuns(limit=4))
        assert [view.run for view in page.runs] == [run_id(n) for n in (6, 5, 4, 3)] and page.more
        page = await shell.list_runs(ListRuns(limit=4, before=run_id(3)))
        assert [view.run for view in page.runs] == [run_id(2), run_id(1)] and not page.more
        page = await shell.list_runs(ListRuns(limit=1, before=run_id(6), states=("ended",)))
        assert [view.run for view in page.runs] == [run_id(5)] and page.more
        page = await shell.list_runs(ListRuns(states=("starting",)))
        assert [view.run for view in page.runs] == [run_id(6)]
        snapshot = shell.snapshot(ended_max=1)
        assert [view.run for view in snapshot.runs] == [run_id(6), run_id(5)]
        assert snapshot.total == 6
        for missing in (shell.view(run_id(9)), shell.list_runs(ListRuns(before=run_id(9)))):
            with pytest.raises(LanherdError) as unknown:
                await missing
            assert unknown.value.code is ErrorCode.NOT_FOUND
    async with serving(SqliteStore(tmp_path / "a.sqlite"), Rules(ended_kept=2)) as driven:
        page = await driven.shell.list_runs(ListRuns())
        assert [view.run for view in page.runs] == [run_id(n) for n in (6, 5, 4, 3, 2, 1)]
        assert driven.shell.snapshot().total == 6
    async with serving(SqliteStore(tmp_path / "a.sqlite"), Rules(ended_kept=0)) as driven:
        assert len((await driven.shell.list_runs(ListRuns())).runs) == 6


async def test_a_filter_finds_old_runs_bit_by_bit_and_says_where_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_agent.shell.paging.LOOKED_AT_ONCE", 2)
    monkeypatch.setattr("lanherd_protocol.limits.RUNS_LOOKED_THROUGH_MAX", 4)
    tagged = RunSettings(tags=("rare",), held=True)
    async with serving(SqliteStore(tmp_path / "a.sqlite"), Rules(ended_kept=1)) as driven:
        shell = driven.shell
        await shell.submit("ann", (replace(new(1), settings=tagged),))
        await run_to_end(driven, 2, 3, 4, 5, 6, 7, 8)
        await shell.submit("ann", (replace(new(9), settings=tagged),))
        await shell.change("ann", ChangeRun(command=command_id(1), run=run_id(3), tags=("rare",)))
        request = ListRuns(limit=2, tags=("rare",))
        page = await shell.list_runs(request)
        # Of the ended ones in the store 7 to 4 were looked at; 1 waits, but 3 comes before it.
        assert [view.run for view in page.runs] == [run_id(9)]
        assert page.more and page.next == run_id(4)
        page = await shell.list_runs(replace(request, before=page.next))
        assert [view.run for view in page.runs] == [run_id(3), run_id(1)]
        assert not page.more and page.next is None
        page = await shell.list_runs(ListRuns(limit=1, tags=("rare",), before=run_id(4)))
        assert [view.run for view in page.runs] == [run_id(3)]
        assert page.more and page.next == run_id(3)
        page = await shell.list_runs(ListRuns(owner="bob", before=run_id(5)))
        assert not page.runs and not page.more
        page = await shell.list_runs(ListRuns(outcomes=("succeeded",), limit=3))
        assert [view.run for view in page.runs] == [run_id(n) for n in (9, 8, 7)]
        page = await shell.list_runs(ListRuns(held=True, states=("queued",)))
        assert [view.run for view in page.runs] == [run_id(9), run_id(1)] and not page.more


async def test_events_go_on_from_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lanherd_agent.shell.reading.EVENTS_IN_MEMORY_MAX", 2)
    store = MemoryStore()
    async with serving(store) as driven:
        await run_to_end(driven, 1, 2)
        shell = driven.shell
        for since in range(7):
            events = await shell.events_since(since)
            assert events is not None
            assert [view.seq for view in events] == list(range(since + 1, 7))
            assert list(events) == driven.published[since:]
        assert await shell.events_since(7) is None
    async with serving(store) as driven:
        events = await driven.shell.events_since(4)
        assert events is not None and [view.seq for view in events] == [5, 6]


async def test_waiting_runs_are_told_their_place_when_somebody_looks() -> None:
    async with serving(rules=Rules(explained_max=1, prepare_ahead_max=1)) as driven:
        driven.shell.post(readings(gpu(0)))
        await driven.shell.submit("ann", tuple(new(n, gpu_spec(20)) for n in range(1, 5)))
        await driven.shell.submit("ann", (new(5, PROJECT), new(6, PROJECT), new(7, PROJECT)))

        async def why(number: int) -> str:
            state = (await driven.shell.view(run_id(number))).state
            assert isinstance(state, Queued)
            return state.reason.text

        assert "4 of 24 GB free, needs 20" in await why(2)
        assert await why(4) == "Waits its turn behind 2 other runs."
        assert "after those of 2 other runs" in await why(7)
        assert driven.shell.queued_runs == 6
        snapshot = driven.shell.snapshot(waiting_max=2)
        assert [view.run for view in snapshot.runs] == [run_id(3), run_id(2), run_id(1)]


async def test_runs_far_back_are_told_what_keeps_the_whole_line() -> None:
    async with serving(rules=Rules(explained_max=1)) as driven:
        driven.shell.post(readings(gpu(0)))
        pause = PauseQueue(command=command_id(1), note="a talk")
        await driven.shell.request(e.MachineRequested(by="ann", request=pause), LINE)
        await driven.shell.submit("ann", tuple(new(n, gpu_spec(20)) for n in range(1, 5)))
        for number in (1, 4):
            state = (await driven.shell.view(run_id(number))).state
            assert isinstance(state, Queued) and state.reason.code == "paused"


async def test_devices_and_audit_are_kept() -> None:
    store = MemoryStore()
    async with serving(store) as driven:
        shell = driven.shell
        assert await shell.add_device(DEVICE, LINE) == DEVICE
        assert shell.device(DEVICE.device) == DEVICE and shell.devices() == (DEVICE,)
        revoked = await shell.revoke_device(DEVICE.device)
        assert revoked.revoked_at == driven.clock.now()
        both = await asyncio.gather(shell.add_device(DEVICE), shell.revoke_device(DEVICE.device))
        assert both[1].revoked_at is not None
        await shell.record(LINE)
        with pytest.raises(LanherdError) as unknown:
            await shell.revoke_device(DeviceId("b" * 64))
        assert unknown.value.code is ErrorCode.NOT_FOUND
    assert len(store.audit(9)) == 2
    async with serving(store) as driven:
        device = driven.shell.device(DEVICE.device)
        assert device is not None and device.revoked_at is not None


async def test_a_full_inbox_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "REQUESTS_WAITING_MAX", 2)
    monkeypatch.setattr(inbox, "BATCH_ENTRIES_MAX", 1)
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        store.shut()
        asked = [asyncio.ensure_future(driven.shell.record(LINE))]
        await until(lambda: store.arrived == 1)
        asked += [asyncio.ensure_future(driven.shell.record(LINE)) for _ in range(2)]
        await until(lambda: len(driven.shell._inbox) == 2)
        with pytest.raises(LanherdError) as refused:
            await driven.shell.record(LINE)
        assert refused.value.code is ErrorCode.OVERLOADED
        driven.shell.post(readings())
        asked[1].cancel()
        store.gate.set()
        await asyncio.gather(*asked, return_exceptions=True)
    assert len(store.audit(9)) == 3


async def test_only_the_newest_readings_count() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        store.shut()
        asked = asyncio.ensure_future(driven.shell.submit("ann", (new(1, gpu_spec(8)),)))
        await until(lambda: store.arrived == 1)
        driven.shell.post(readings(gpu(0, 80)))
        driven.shell.post(readings(gpu(0, 4)))
        store.gate.set()
        (view,) = await asked
        assert isinstance(view.state, Queued)
        await until(lambda: driven.clock.waiting() == [1])
        driven.clock.move(1)
        await until(lambda: len(driven.published) == 2)
        last = driven.published[-1].state
        assert isinstance(last, Queued) and last.reason.code == "gpu_missing"


@pytest.mark.expects_logs("can't take PreparationFinished", reason="a bug is planted")
async def test_an_impossible_fact_is_logged_and_changes_nothing() -> None:
    async with serving() as driven:
        await driven.shell.submit("ann", (new(1),))
        driven.shell.post(e.PreparationFinished(run=run_id(1), attempt=1))
        driven.started(run_id(1))
        await driven.wait_state(run_id(1), "running")


@pytest.mark.expects_logs("A listener to the changes of runs failed", reason="it is planted")
async def test_a_listener_that_fails_stops_no_other() -> None:
    async with serving() as driven:
        seen: list[RunView] = []

        def fail(views: tuple[RunView, ...]) -> None:
            raise ValueError("planted")

        end_fail = driven.shell.on_published(fail)
        driven.shell.on_published(seen.extend)
        await driven.shell.submit("ann", (new(1),))
        end_fail()
        await driven.shell.submit("ann", (new(2),))
        assert len(seen) == 2


async def test_after_close_nothing_is_taken() -> None:
    async with serving() as driven:
        shell = driven.shell
    for action in (shell.submit("ann", (new(1),)), shell.record(LINE)):
        with pytest.raises(LanherdError) as refused:
            await action
        assert refused.value.code is ErrorCode.SHUTTING_DOWN


async def test_closing_commits_what_was_handed_in() -> None:
    store = GatedStore(MemoryStore())
    async with serving(store) as driven:
        store.shut()
        asked = [asyncio.ensure_future(driven.shell.submit("ann", (new(1),)))]
        await until(lambda: store.arrived == 1)
        asked.append(asyncio.ensure_future(driven.shell.submit("ann", (new(2),))))
        await until(lambda: len(driven.shell._inbox) == 1)
        closing = asyncio.ensure_future(driven.shell.close())
        store.gate.set()
        await closing
        assert len(await asyncio.gather(*asked)) == 2
    assert store.load(9).runs_total == 2


async def test_a_store_that_can_not_be_loaded_is_closed() -> None:
    store = FailingStore(MemoryStore())
    store.dead = True
    with pytest.raises(LanherdError) as failed:
        await Shell.open(store)
    assert failed.value.code is ErrorCode.STORE_FAILED


async def test_housekeeping_is_done_after_the_answer(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a.sqlite")
    async with serving(store) as driven:
        await driven.shell.submit("ann", tuple(new(n, gpu_spec(1)) for n in range(1, 1101)))
        await driven.shell.record(LINE)
        await until(lambda: not store.untidy)


async def test_the_machine_has_a_clock_too() -> None:
    clock = SystemClock()
    rung = asyncio.Event()
    clock.call_later(0, rung.set)
    clock.call_later(100, rung.clear).cancel()
    await asyncio.wait_for(rung.wait(), 5)
    assert clock.now() > HandClock().now()
