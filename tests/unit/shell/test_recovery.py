"""Records that are gone or damaged are made anew, aloud; what was there is kept aside."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lanherd_agent import recovery
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.sqlite import SqliteStore, damage_note
from lanherd_agent.persist.store import AuditEntry, Batch, Device, Store
from lanherd_agent.problems import Problems
from lanherd_agent.rebuild import Rebuilt
from lanherd_agent.recovery import FLAWS_TOLD_MAX, open_shell
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.messages import ListRuns
from lanherd_protocol.states import Ended, Queued
from lanherd_protocol.values import RetryRule, RunSpec
from tests.contract.faulty_vfs import Faults, FaultyVfs
from tests.simulation.making import run_id
from tests.unit.shell.run_folders import LEASE, alive, exited, lay_out, started

ANEW = "made anew"
RETRIED = RunSpec(command=("false",), retry=RetryRule(attempts_max=3))
DEVICE = Device(device=DeviceId("a" * 64), certificate_pem="P", name="x", role="user", added_at=1.0)


@pytest.fixture
def home(tmp_path: Path) -> AgentHome:
    home = AgentHome(tmp_path / "agent")
    home.runs.mkdir(parents=True)
    return home


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    faults = Faults()
    vfs = FaultyVfs("faulty", faults)
    monkeypatch.setattr(recovery, "SqliteStore", partial(SqliteStore, vfs="faulty"))
    yield faults
    vfs.unregister()


def fill(home: AgentHome) -> None:
    lay_out(home.root, 1, start=started(), exit_=exited(0))
    lay_out(home.root, 2, start=alive())
    lay_out(home.root, 3, spec=RETRIED, start=started(), exit_=exited(1))
    lay_out(home.root, 4)
    torn = lay_out(home.root, 5, start=started())
    torn.start.write_bytes(b"{")


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def wal_of_one_that_is_gone(path: Path) -> None:
    path.with_name("agent.sqlite-wal").write_bytes(b"left")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def nothing(path: Path) -> None:
    """It was deleted, or never made."""


async def test_a_new_home_has_nothing_to_say(home: AgentHome) -> None:
    problems = Problems()
    shell = await open_shell(home, problems)
    assert (shell.seq, problems.all()) == (0, ())
    await shell.close()
    again = await open_shell(home, problems)
    await again.close()
    assert problems.all() == ()


@pytest.mark.expects_logs(ANEW, reason="the records are gone here")
async def test_what_is_no_longer_known_is_counted(home: AgentHome) -> None:
    """By the number of the newest that is: files of older ones were removed."""
    lay_out(home.root, 2, start=started(), exit_=exited(0))
    lay_out(home.root, 7, start=started(), exit_=exited(0))
    problems = Problems()
    shell = await open_shell(home, problems)
    (said,) = problems.all()
    assert (said.data["runs"], said.data["forgotten"]) == (2, 5)
    assert said.text.endswith("of 2 runs. At least 5 runs are no longer known.")
    await shell.close()


@pytest.mark.expects_logs(ANEW, "can't be trusted", reason="the records are gone here")
@pytest.mark.parametrize("spoil", [nothing, empty, no_database, wal_of_one_that_is_gone])
async def test_records_are_made_anew(home: AgentHome, spoil: Callable[[Path], None]) -> None:
    fill(home)
    spoil(home.database)
    problems = Problems()
    shell = await open_shell(home, problems)
    page = await shell.list_runs(ListRuns())
    assert [view.run for view in page.runs] == [run_id(n) for n in (5, 4, 3, 2, 1)]
    states = [view.state for view in page.runs]
    assert isinstance(states[0], Ended) and states[0].reason.code == "lost_untrusted"
    assert isinstance(states[1], Queued) and states[1].reason.code == "in_line"
    assert isinstance(states[2], Queued) and states[2].reason.code == "held"
    assert page.runs[2].attempt == 2 and shell.live_runs == 1

    flawed, said = problems.all()
    assert (flawed.code, flawed.data["run"]) == ("run_directory_untrusted", run_id(5))
    assert (said.code, said.data["runs"], said.data["held"]) == ("records_rebuilt", 5, 1)
    assert "Release 1 run" in said.remedy and "Pair" in said.remedy
    assert "Rules of retention, closed GPUs and pauses are gone" in said.remedy
    assert said.data["forgotten"] == 0 and "no longer known" not in said.text
    kept = spoil in (no_database, wal_of_one_that_is_gone)
    aside = sorted(path.name for path in home.root.glob("*.corrupt-*"))
    assert bool(aside) == kept
    assert said.data["file"] == (aside[0] if kept else "")
    assert not damage_note(home.database).exists()
    assert not list(home.root.glob("*.new*"))

    # Whoever follows the changes is told of a gap, however far it had come.
    assert shell.seq > 1_000_000_000
    for number in (0, 1, 4, 50, shell.seq + 1):
        assert await shell.events_since(number) is None
    assert await shell.events_since(shell.seq) == ()
    await shell.close()
    store = SqliteStore(home.database)
    (line,) = store.audit(9)
    assert (line.who, line.action) == ("agent", "records.rebuilt")
    store.close()
    calm = Problems()
    await (await open_shell(home, calm)).close()
    assert calm.all() == ()


@pytest.mark.expects_logs(ANEW, reason="the records are damaged here")
async def test_the_damaged_file_is_kept_whole(home: AgentHome) -> None:
    store = SqliteStore(home.database)
    store.commit(Batch(devices=(DEVICE,)))
    store.close()
    content = bytearray(home.database.read_bytes())
    content[4096 : 4096 + 2048] = b"\xff" * 2048
    home.database.write_bytes(content)
    problems = Problems()
    shell = await open_shell(home, problems)
    assert shell.devices() == ()
    (said,) = problems.all()
    assert said.text.startswith("The agent's records were damaged")
    assert (home.root / str(said.data["file"])).read_bytes() == content
    await shell.close()


@pytest.mark.expects_logs(ANEW, reason="the records can't be read here")
async def test_records_whose_content_can_not_be_read_are_made_anew(home: AgentHome) -> None:
    lay_out(home.root, 1, start=started(), exit_=exited(0))
    store = SqliteStore(home.database)
    store._connection.execute("INSERT INTO runs VALUES (1, 'x', 0, x'ff00')")
    store.close()
    shell = await open_shell(home, Problems())
    assert [view.run for view in (await shell.list_runs(ListRuns())).runs] == [run_id(1)]
    await shell.close()


@pytest.mark.expects_logs(ANEW, "can't be trusted", reason="the records are gone here")
async def test_only_so_many_flaws_are_said(
    home: AgentHome, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1, FLAWS_TOLD_MAX + 11):
        (home.runs / run_id(number)).write_text("in the way")
    problems = Problems()
    with caplog.at_level(logging.WARNING):
        await (await open_shell(home, problems)).close()
    assert len(problems.all()) == FLAWS_TOLD_MAX + 1
    assert f"{FLAWS_TOLD_MAX + 10} directories of runs" in caplog.text
    assert len(caplog.records) == FLAWS_TOLD_MAX + 3


@pytest.mark.expects_logs(ANEW, "without its lease", reason="the records are gone here")
async def test_a_lease_that_clashes_is_said(home: AgentHome) -> None:
    for number in (1, 2):
        lay_out(home.root, number, start=alive(), lease=LEASE)
    await (await open_shell(home, Problems())).close()


async def test_what_is_no_file_of_ours_is_left_alone(home: AgentHome) -> None:
    fill(home)
    home.database.mkdir()
    with pytest.raises(LanherdError) as refused:
        await open_shell(home, Problems())
    assert refused.value.code is ErrorCode.STORE_FAILED
    assert home.database.is_dir()


@pytest.mark.expects_logs("are made anew", reason="the records are damaged here")
@pytest.mark.parametrize(
    ("fault", "code"), [("full", ErrorCode.DISK_FULL), ("fsync_fails", ErrorCode.STORE_FAILED)]
)
async def test_while_new_ones_can_not_be_kept_nothing_is_changed(
    home: AgentHome, faults: Faults, fault: str, code: ErrorCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    no_database(home.database)
    fill_store = recovery._fill

    def spoilt(store: Store, rebuilt: Rebuilt, seq: int, line: AuditEntry) -> None:
        setattr(faults, fault, True)
        fill_store(store, rebuilt, seq, line)

    monkeypatch.setattr(recovery, "_fill", spoilt)
    with pytest.raises(LanherdError) as failed:
        await open_shell(home, Problems())
    assert failed.value.code is code
    assert home.database.read_bytes().startswith(b"this is no database")
    assert not list(home.root.glob("*.corrupt-*")) and not list(home.root.glob("*.new*"))


@pytest.mark.expects_logs(ANEW, "can't be trusted", reason="the records are gone here")
async def test_a_crash_in_between_is_made_good(home: AgentHome) -> None:
    """Moved aside, and the new ones not yet in place."""
    fill(home)
    no_database(home.database)
    home.database.rename(home.root / "agent.sqlite.corrupt-before")
    half = SqliteStore(home.root / "agent.sqlite.new")
    half.commit(Batch(devices=(DEVICE,)))
    half.close()
    shell = await open_shell(home, Problems())
    assert shell.devices() == () and shell.live_runs == 1
    assert not list(home.root.glob("*.new*"))
    await shell.close()
