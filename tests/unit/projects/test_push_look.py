"""What is said of a push before much is sent, and what a dry one asks."""

import os
from pathlib import Path

import pytest

from lanherd_client.projects import preflight
from lanherd_client.projects.fanout import scan_in_thread
from lanherd_client.projects.push import PushProgress, push
from lanherd_client.projects.push_look import SUSPECTS_SAID_MAX, find_missing, notes_on_suspects
from lanherd_client.projects.scan import scan
from lanherd_client.projects.scan_cache import ScanCache
from lanherd_protocol.limits import MIB
from tests.support.push_machine import PushMachine
from tests.unit.projects.pushing import BLOBS, make_project


def make_large(path: Path, size_mib: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    os.truncate(path, size_mib * MIB)


def test_what_looks_like_a_mistake_is_said_with_the_command_that_mends_it(tmp_path: Path) -> None:
    make_large(tmp_path / "my data" / "all of it.csv", 101)
    (note,) = notes_on_suspects(scan(tmp_path))
    assert note.startswith("my data/all of it.csv (101 MB) is sent with the project.")
    assert note.endswith("lanherd project ignore '/my data/all of it.csv'")


def test_many_mistakes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "SUSPICIOUS_FILE_BYTES", MIB)
    for number in range(SUSPECTS_SAID_MAX + 2):
        make_large(tmp_path / f"{number}.csv", 2)
    notes = notes_on_suspects(scan(tmp_path))
    assert len(notes) == SUSPECTS_SAID_MAX + 1
    assert notes[-1].startswith("2 more look like it")


async def test_it_is_said_where_much_is_sent_and_not_where_nothing_is(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "outputs").mkdir()
    (project / "outputs" / "old.raw").write_bytes(os.urandom(11 * MIB))
    machine, told = PushMachine(), list[PushProgress]()
    first = await push(machine, project, told.append)
    (note,) = first.notes
    assert "outputs" in note and "lanherd project ignore /outputs/" in note
    assert [one.notes for one in told if one.notes] == [(note,)]
    told.clear()
    assert (await push(machine, project, told.append)).notes == ()


async def test_a_dry_look_sends_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    scanned = await scan_in_thread(project, ScanCache.of(project, tmp_path / "home"))
    machine = PushMachine()
    assert len(await find_missing(machine, scanned)) == BLOBS
    await push(machine, project)
    machine.calls.clear()
    assert await find_missing(machine, scanned) == frozenset()
    assert machine.calls == ["snapshots.has"]
