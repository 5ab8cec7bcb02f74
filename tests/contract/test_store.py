"""What every store does, and what only the one on disk can do wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState, Pause, Usage
from lanherd_agent.core.run_states import Queued, RunRecord, Starting, wire_state
from lanherd_agent.core.step import Command
from lanherd_agent.persist import store as interface
from lanherd_agent.persist.failing import Died, FailingStore
from lanherd_agent.persist.memory import MemoryStore
from lanherd_agent.persist.sqlite import SqliteStore
from lanherd_agent.persist.store import AuditEntry, Batch, Device, FeedEvent, Store
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import Ended, RunState
from lanherd_protocol.values import Lease, Reason
from tests.contract.faulty_vfs import Faults, FaultyVfs
from tests.simulation.making import NOW, PROJECT, command_id, gpu_spec, run_id

Open = Callable[[], Store]
REASON = Reason(code="why", text="Because.", data={"free_bytes": 5, "share": 0.5, "name": "x"})
ENDED = Ended(at=NOW, outcome="succeeded", reason=REASON, exit_code=0)


def record(number: int, ended: bool = False, seq: int | None = None) -> RunRecord:
    state = ENDED if ended else Queued(since=NOW, reason=REASON)
    return RunRecord(number, run_id(number), PROJECT, "ann", NOW, state, seq or number)


def event(seq: int, number: int, state: RunState | None = None) -> FeedEvent:
    return FeedEvent(seq, run_id(number), 1, state or wire_state(record(number).state))


def device(number: int) -> Device:
    return Device(
        device=DeviceId(f"{number:064d}"), certificate_pem="PEM", name=f"laptop {number}",
        role="admin", added_at=NOW,
    )  # fmt: skip


BOUNDS = {"EVENTS_KEPT": 5, "COMMANDS_KEPT": 3, "AUDIT_KEPT": 6, "PRUNE_EVERY": 4}


@pytest.fixture(params=["memory", "sqlite", "failing"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again, as after a restart."""
    opened: list[Store] = []
    memory = MemoryStore()

    def open_store() -> Store:
        for store in opened:
            store.close()
        again: Store
        match request.param:
            case "memory":
                again = memory
            case "sqlite":
                again = SqliteStore(tmp_path / "agent.sqlite")
            case _:
                again = FailingStore(memory)
        opened.append(again)
        return again

    yield open_store
    for store in opened:
        store.close()


def is_untidy(store: Store) -> bool:
    return store.untidy


def test_a_new_store_holds_nothing(reopen: Open) -> None:
    loaded = reopen().load(10)
    assert list(loaded.kept.runs) == [] and loaded.kept.seq == loaded.kept.ordinal == 0
    assert loaded.kept.machine == MachineState()
    assert (loaded.runs_total, loaded.events_from, dict(loaded.meta)) == (0, 1, {})
    assert not Batch() and Batch(meta={"a": "b"}) and Batch(machine=MachineState())


def test_the_machines_own_state_is_there_again(reopen: Open) -> None:
    cordon = Cordon(reason=REASON, since=NOW, by="ann")
    first = MachineState(pause=Pause(since=NOW, by="ann"), usage={"ann": Usage(gpu_s=1.5, at=NOW)})
    second = replace(
        first,
        pause=None,
        cordons={GpuUuid("GPU-1"): cordon},
        failures={GpuUuid("GPU-1"): Failures(runs=(run_id(1),), last_at=NOW)},
        paused_tags={"night": Pause(since=NOW, note="Maintenance")},
    )
    store = reopen()
    store.commit(Batch(machine=first))
    store.commit(Batch(machine=second))
    store.commit(Batch(meta={"a": "b"}))
    assert reopen().load(10).kept.machine == second


def test_everything_is_there_again(reopen: Open) -> None:
    start = f.StartAttempt(run=run_id(2), attempt=1, spec=gpu_spec(2), lease=Lease())
    signal = f.SignalAttempt(run=run_id(1), attempt=1, signal=15)
    command = Command(command_id(1), run_id(1), 10.0, NOW)
    starting = replace(record(2), state=Starting(since=NOW, lease=Lease()))
    reopen().commit(
        Batch(
            runs=(record(1), starting),
            events=(event(1, 1), event(2, 2)),
            effects_added=(start, signal),
            commands=(command,),
            devices=(device(1), device(2)),
            audit=(AuditEntry(at=NOW, who="ann", action="submit"),),
            meta={"name": "herd"},
        )
    )
    store = reopen()
    store.commit(
        Batch(
            runs=(record(1, ended=True, seq=3),),
            events=(event(3, 1, ENDED),),
            effects_ended=(signal.id, "never wanted"),
            devices=(replace(device(2), revoked_at=NOW),),
            audit=(AuditEntry(at=NOW, who="bob", action="stop", target="run"),),
            meta={"name": "flock"},
        )
    )
    store = reopen()
    loaded = store.load(10)
    assert {run.run: run for run in loaded.kept.runs} == {
        run_id(1): record(1, ended=True, seq=3),
        run_id(2): starting,
    }
    assert list(loaded.kept.effects) == [start]
    assert list(loaded.kept.commands) == [command]
    assert (loaded.kept.seq, loaded.kept.ordinal, loaded.runs_total) == (3, 2, 2)
    assert {one.device: one.revoked_at for one in loaded.devices} == {
        device(1).device: None,
        device(2).device: NOW,
    }
    assert dict(loaded.meta) == {"name": "flock"}
    assert [entry.who for entry in store.audit(5)] == ["bob", "ann"]
    assert [entry.who for entry in store.audit(1)] == ["bob"]


def test_only_the_newest_ended_runs_are_loaded(reopen: Open) -> None:
    store = reopen()
    runs = [record(number, ended=number != 2) for number in range(1, 8)]
    store.commit(Batch(runs=tuple(runs), events=tuple(event(n, n) for n in range(1, 8))))
    kept = store.load(2).kept
    assert sorted(run.ordinal for run in kept.runs) == [2, 6, 7]
    assert kept.elsewhere_max >= run_id(5)
    assert store.load(10).kept.elsewhere_max == ""
    assert [run.ordinal for run in store.ended_before(6, 3)] == [5, 4, 3]
    assert [run.ordinal for run in store.ended_before(4, 9)] == [3, 1]
    found = store.find_runs([run_id(3), run_id(99), run_id(2)])
    assert {run.ordinal for run in found} == {2, 3}
    many = [run_id(number) for number in range(1, 1200)]
    assert len(store.find_runs(many)) == 7


def test_events_are_told_from_a_number_on(reopen: Open) -> None:
    store = reopen()
    store.commit(
        Batch(runs=(record(1, ended=True, seq=2),), events=(event(1, 1), event(2, 1, ENDED)))
    )
    told = store.events_since(0, 10)
    assert told is not None
    assert [view.seq for view in told] == [1, 2]
    assert told[0].spec == PROJECT and told[1].state == ENDED
    assert store.events_since(2, 10) == ()
    assert len(store.events_since(0, 1) or ()) == 1


def test_old_events_and_commands_are_not_kept(
    reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (interface, *_modules()):
        for name, value in BOUNDS.items():
            monkeypatch.setattr(module, name, value)
    store = reopen()
    assert not is_untidy(store)
    for number in range(1, 21):
        store.commit(
            Batch(
                runs=(record(1, seq=number),),
                events=(event(number, 1),),
                commands=(Command(command_id(number), run_id(1), 1.0, NOW),),
                audit=(AuditEntry(at=float(number), who="ann", action="stop"),),
            )
        )
        if is_untidy(store):
            store.tidy()
    assert store.events_since(3, 100) is None
    last = store.events_since(18, 100)
    assert last is not None and [view.seq for view in last] == [19, 20]
    loaded = store.load(1)
    assert 12 < loaded.events_from <= 16
    kept = [command.command for command in loaded.kept.commands]
    assert kept[-3:] == [command_id(number) for number in (18, 19, 20)] and len(kept) < 8
    audit = [entry.at for entry in store.audit(100)]
    assert audit == [float(20 - at) for at in range(len(audit))] and 6 <= len(audit) < 11


def test_what_many_short_lives_left_is_removed(
    reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (interface, *_modules()):
        for name, value in BOUNDS.items():
            monkeypatch.setattr(module, name, value)
    for number in range(1, 21):
        store = reopen()
        command = Command(command_id(number), run_id(1), 1.0, NOW)
        store.commit(Batch(runs=(record(1, seq=number),), events=(event(number, 1),)))
        store.commit(Batch(commands=(command, command)))
        if is_untidy(store):
            store.tidy()
    assert store.events_since(1, 100) is None
    assert len(list(store.load(1).kept.commands)) <= 7


def _modules() -> tuple[object, ...]:
    from lanherd_agent.persist import memory, sqlite

    return memory, sqlite


def test_a_failing_store_fails_where_it_is_told_to() -> None:
    store = FailingStore(MemoryStore(), {2: "disk_full"})
    store.commit(Batch(runs=(record(1),)))
    with pytest.raises(LanherdError) as full:
        store.commit(Batch(runs=(record(2),)))
    assert full.value.code is ErrorCode.DISK_FULL
    store.fail_next("die_before")
    with pytest.raises(Died):
        store.commit(Batch(runs=(record(3),)))
    store.fail_next("die_after")
    with pytest.raises(Died):
        store.commit(Batch(runs=(record(4),)))
    assert {run.ordinal for run in store.load(9).kept.runs} == {1, 4}
    store.fail_next("store_failed")
    for _ in range(2):
        with pytest.raises(LanherdError) as failed:
            store.commit(Batch(runs=(record(5),)))
        assert failed.value.code is ErrorCode.STORE_FAILED


# --- The file ------------------------------------------------------------------------------------


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    vfs = FaultyVfs("faulty", faults)
    yield faults
    vfs.unregister()


def code_of(action: Callable[[], object]) -> ErrorCode:
    with pytest.raises(LanherdError) as failed:
        action()
    assert failed.value.failure.remedy
    return failed.value.code


def test_the_file_is_private_and_a_finished_run_is_small(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    path.touch(0o644)
    store = SqliteStore(path)
    runs = tuple(record(number, ended=True) for number in range(1, 1001))
    store.commit(Batch(runs=runs, events=tuple(event(n, n, ENDED) for n in range(1, 1001))))
    assert path.stat().st_mode & 0o777 == 0o600
    wal = path.with_name("agent.sqlite-wal")
    assert wal.stat().st_mode & 0o777 == 0o600
    store.close()
    store.close()
    assert path.stat().st_size / len(runs) < 4096


def test_a_second_agent_can_not_open_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "agent.sqlite")
    assert code_of(lambda: SqliteStore(tmp_path / "agent.sqlite")) is ErrorCode.STORE_FAILED
    store.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 9000]
)
def test_what_is_no_database_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.sqlite"
    path.write_bytes(content)
    assert code_of(lambda: SqliteStore(path)) is ErrorCode.STORE_FAILED
    assert path.read_bytes() == content


def test_places_where_no_database_can_be(tmp_path: Path) -> None:
    assert code_of(lambda: SqliteStore(tmp_path / "no" / "a.sqlite")) is ErrorCode.STORE_FAILED
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert code_of(lambda: SqliteStore(tmp_path / "link")) is ErrorCode.STORE_FAILED
    (tmp_path / "folder").mkdir()
    assert code_of(lambda: SqliteStore(tmp_path / "folder")) is ErrorCode.STORE_FAILED


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    SqliteStore(path).close()
    database = apsw.Connection(str(path))
    database.execute("INSERT INTO schema_version VALUES (999)")
    database.close()
    with pytest.raises(LanherdError, match="newer Lanherd"):
        SqliteStore(path)


def test_a_body_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    store = SqliteStore(path)
    store.commit(Batch(runs=(record(1),)))
    store.close()
    database = apsw.Connection(str(path))
    database.execute("UPDATE runs SET body = x'ff00'")
    database.close()
    store = SqliteStore(path)
    assert code_of(lambda: store.load(1)) is ErrorCode.STORE_FAILED
    store.close()


def test_a_full_disk_keeps_nothing_and_is_survived(tmp_path: Path, faults: Faults) -> None:
    store = SqliteStore(tmp_path / "agent.sqlite", vfs="faulty")
    store.commit(Batch(runs=(record(1),)))
    faults.full = True
    for _ in range(2):
        assert code_of(lambda: store.commit(Batch(runs=(record(2),)))) is ErrorCode.DISK_FULL
    assert [run.ordinal for run in store.load(9).kept.runs] == [1]
    faults.full = False
    store.commit(Batch(runs=(record(3),)))
    assert sorted(run.ordinal for run in store.load(9).kept.runs) == [1, 3]
    store.close()


def test_a_full_disk_puts_housekeeping_off(
    tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_agent.persist.sqlite.WAL_PAGES_MAX", 1)
    store = SqliteStore(tmp_path / "agent.sqlite", vfs="faulty")
    store.commit(Batch(runs=(record(1),)))
    assert is_untidy(store)
    faults.full = True
    store.tidy()
    faults.full = False
    store.commit(Batch(runs=(record(2),)))
    assert is_untidy(store)
    store.tidy()
    assert not is_untidy(store)
    store.close()


@pytest.mark.parametrize("fault", ["fsync_fails", "reads_fail"])
def test_after_a_failed_fsync_or_read_the_store_is_not_used_again(
    tmp_path: Path, faults: Faults, fault: str
) -> None:
    path = tmp_path / "agent.sqlite"
    big = replace(record(1), owner="x" * 4_000_000)
    store = SqliteStore(path, vfs="faulty")
    store.commit(Batch(runs=(big,)))
    setattr(faults, fault, True)

    def use() -> None:
        store.find_runs([run_id(1)])
        store.commit(Batch(runs=(record(2),)))

    assert code_of(use) is ErrorCode.STORE_FAILED
    setattr(faults, fault, False)
    assert code_of(lambda: store.commit(Batch(runs=(record(3),)))) is ErrorCode.STORE_FAILED
    store.close()
    again = SqliteStore(path)
    assert RunId(run_id(3)) not in {run.run for run in again.load(9).kept.runs}
    again.close()
