"""A database that is no sound one any more: found at opening, or late; and one that is only old."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import check
from lanherd_agent.core.run_states import Queued, RunRecord, Starting
from lanherd_agent.persist.sqlite import SqliteStore, damage_note
from lanherd_agent.persist.store import (
    SEQ_FLOOR,
    AuditEntry,
    Batch,
    DamagedError,
    Store,
)
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Reason
from tests.contract.faulty_vfs import Faults, FaultyVfs
from tests.simulation.making import NOW, PROJECT, run_id

PAGE_BYTES = 4096
REASON = Reason(code="why", text="Because.")
OLD = Path(__file__).parents[1] / "compat" / "agent-tables-1.sqlite"


def record(number: int, owner: str = "ann") -> RunRecord:
    state = Queued(since=NOW, reason=REASON)
    return RunRecord(number, run_id(number), PROJECT, owner, NOW, state, number)


def filled(path: Path, runs: int = 200, vfs: str | None = None) -> SqliteStore:
    store = SqliteStore(path, vfs=vfs)
    store.commit(Batch(runs=tuple(record(n, "x" * 2000) for n in range(1, runs + 1))))
    return store


def flip(path: Path, page: int, count: int = 1) -> None:
    """Overwrite pages, numbered from 1, with what is no page."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES * count)


def damage_of(action: Callable[[], object]) -> DamagedError:
    with pytest.raises(DamagedError) as failed:
        action()
    assert failed.value.code is ErrorCode.STORE_FAILED
    assert "directories of the runs" in failed.value.failure.remedy
    return failed.value


def header_torn(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 50)


def header_of_another(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(16)
        file.write(b"\xff" * 16)


def cut_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(5 * PAGE_BYTES)


def middle_flipped(path: Path) -> None:
    flip(path, path.stat().st_size // PAGE_BYTES // 2, 3)


def tables_gone(path: Path) -> None:
    database = apsw.Connection(str(path))
    database.execute("DROP TABLE effects")
    database.close()


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize(
    "spoil",
    [header_torn, header_of_another, cut_short, middle_flipped, tables_gone, no_database],
)
def test_damage_is_found_at_opening_and_the_file_is_left(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "agent.sqlite"
    filled(path).close()
    spoil(path)
    found = path.read_bytes()
    damage_of(lambda: SqliteStore(path))
    assert path.read_bytes() == found
    assert "damaged" in damage_note(path).read_text()


def test_a_flipped_body_is_damage_too(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    filled(path, runs=1).close()
    database = apsw.Connection(str(path))
    database.execute("UPDATE runs SET body = x'ff00'")
    database.close()
    store = SqliteStore(path)
    damage_of(lambda: store.load(1))
    damage_of(lambda: store.commit(Batch(runs=(record(2),))))
    store.close()
    store.close()


@pytest.mark.parametrize("met_by", ["read", "commit"])
def test_damage_that_is_met_late_ends_the_store_and_is_remembered(
    tmp_path: Path, met_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_agent.persist.sqlite.CHECK_BYTES_MAX", 0)
    path = tmp_path / "agent.sqlite"
    filled(path).close()
    middle_flipped(path)
    store = SqliteStore(path)  # It is large, and was closed well: nobody looks.

    def use() -> None:
        if met_by == "read":
            store.find_runs([run_id(number) for number in range(1, 201)])
        else:
            for number in range(1, 201):
                store.commit(Batch(runs=(record(number),)))

    damage_of(use)
    damage_of(lambda: store.commit(Batch(runs=(record(300),))))
    store.close()
    damage_of(lambda: SqliteStore(path))


def test_a_large_file_is_looked_through_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_agent.persist.sqlite.CHECK_BYTES_MAX", 0)
    path = tmp_path / "agent.sqlite"
    filled(path).close()
    middle_flipped(path)
    path.with_name("agent.sqlite-wal").write_bytes(b"\0" * 64)
    damage_of(lambda: SqliteStore(path))


@pytest.mark.expects_logs("could not be noted", reason="the note's place is taken")
def test_damage_that_can_not_be_noted_is_damage_still(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    no_database(path)
    damage_note(path).mkdir()
    damage_of(lambda: SqliteStore(path))


# --- Its disk ------------------------------------------------------------------------------------


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    vfs = FaultyVfs("faulty", faults)
    yield faults
    vfs.unregister()


def failed_for_good(action: Callable[[], object]) -> None:
    with pytest.raises(LanherdError) as failed:
        action()
    assert failed.value.code is ErrorCode.STORE_FAILED
    assert not isinstance(failed.value, DamagedError)


def test_an_fsync_that_fails_in_a_checkpoint_ends_the_store(
    tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_agent.persist.sqlite.WAL_PAGES_MAX", 1)
    path = tmp_path / "agent.sqlite"
    store = filled(path, vfs="faulty")
    faults.fsync_fails = True
    failed_for_good(store.tidy)
    faults.fsync_fails = False
    failed_for_good(lambda: store.commit(Batch(runs=(record(300),))))
    failed_for_good(lambda: store.find_runs([run_id(1)]))
    store.close()
    # The log was not folded in and removed on the way out: all that was acknowledged is in it.
    assert path.with_name("agent.sqlite-wal").stat().st_size > 200 * 2000
    again = SqliteStore(path)
    assert again.load(9).runs_total == 200
    again.close()
    assert not damage_note(path).exists()


def test_an_fsync_that_fails_in_the_last_checkpoint_is_told(tmp_path: Path, faults: Faults) -> None:
    store = filled(tmp_path / "agent.sqlite", vfs="faulty")
    faults.fsync_fails = True
    failed_for_good(store.fold)
    store.close()


def test_the_log_is_folded_in(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    store = filled(path)
    store.fold()
    assert path.with_name("agent.sqlite-wal").stat().st_size == 0
    assert path.stat().st_size > 200 * 2000
    store.close()


def test_a_note_is_about_one_file_only(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    no_database(path)
    damage_of(lambda: SqliteStore(path))
    # A copy from before takes its place.
    filled(tmp_path / "copy.sqlite", runs=1).close()
    (tmp_path / "copy.sqlite").rename(path)
    store = SqliteStore(path)
    assert store.load(9).runs_total == 1
    store.close()


# --- Records that are only old -------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "agent.sqlite"
    shutil.copyfile(OLD, path)
    store = SqliteStore(path)
    yield store
    store.close()


def test_records_of_the_first_version_are_read(old: Store) -> None:
    loaded = old.load(100)
    runs = {run.ordinal: run for run in loaded.kept.runs}
    states = {number: type(run.state).__name__ for number, run in runs.items()}
    ended = dict.fromkeys((1, 2, 3, 4, 5, 13, 14), "Ended")
    assert states == ended | {
        6: "Starting", 7: "Running", 8: "Stopping", 9: "Preparing", 10: "Queued", 11: "Queued",
        12: "Starting",
    }  # fmt: skip
    first, stopped = runs[1].state, runs[12].state
    assert isinstance(first, Ended) and (first.outcome, first.exit_code) == ("succeeded", 0)
    assert isinstance(stopped, Starting) and stopped.stop is not None
    assert loaded.kept.seq == 33 and len(loaded.devices) == 2
    assert len(list(loaded.kept.effects)) == 4
    assert len(old.events_since(0, 100) or ()) == 33
    assert [entry.who for entry in old.audit(9)] == ["bob", "ann"]
    core = AgentCore(loaded.kept)
    check(core)
    assert len(core.resume()) == 6
    old.commit(Batch(runs=tuple(loaded.kept.runs), audit=(AuditEntry(at=1, who="x", action="y"),)))
    assert {run.ordinal: run for run in old.load(100).kept.runs} == runs


def test_numbers_of_changes_begin_above_what_was_lost(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "agent.sqlite")
    store.commit(Batch(runs=(replace(record(1), seq=5001),), meta={SEQ_FLOOR: "5001"}))
    loaded = store.load(9)
    assert (loaded.kept.seq, loaded.events_from) == (5001, 5002)
    assert store.events_since(3, 9) is None
    assert store.events_since(5001, 9) == ()
    store.close()


@pytest.mark.parametrize("gone", ["agent.sqlite", "agent.sqlite-wal"])
@pytest.mark.parametrize("another", [False, True])
def test_nothing_is_acknowledged_once_the_file_is_gone(
    tmp_path: Path, gone: str, another: bool
) -> None:
    SqliteStore(tmp_path / "agent.sqlite").close()
    store = SqliteStore(tmp_path / "agent.sqlite")
    store.commit(Batch(meta={"a": "1"}))
    (tmp_path / gone).unlink()
    if another:
        (tmp_path / gone).write_bytes(b"")
    for _ in range(2):
        with pytest.raises(LanherdError) as caught:
            store.commit(Batch(meta={"b": "2"}))
        assert caught.value.code is ErrorCode.STORE_FAILED
    assert "removed or replaced" in str(caught.value)
    store.close()
