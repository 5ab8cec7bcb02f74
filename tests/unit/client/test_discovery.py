import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lanherd_client.discovery import Sighting, merge
from lanherd_client.discovery import local as local_module
from lanherd_client.discovery.local import LocalSource
from lanherd_protocol.ids import DeviceId

ADVERT = {
    "machine": "a" * 64,
    "name": "box",
    "version": "0.1.0",
    "addresses": ["127.0.0.1"],
    "port": 47470,
    "socket": "/run/agent.sock",
    "pid": os.getpid(),
    "simulated": True,
    "from_a_newer_version": 1,
}


def advertise(folder: Path, **changes: Any) -> None:
    (folder / "a.json").write_text(json.dumps({**ADVERT, **changes}))


def test_sees_what_an_agent_wrote(tmp_path: Path) -> None:
    advertise(tmp_path)
    assert LocalSource(tmp_path).look() == (
        Sighting(
            DeviceId("a" * 64),
            "box",
            "0.1.0",
            ("127.0.0.1",),
            47470,
            "local",
            "/run/agent.sock",
            True,
        ),
    )


def test_the_agent_writes_what_is_read_here() -> None:
    from lanherd_agent import advert

    one = advert.Advert(
        machine=DeviceId("a" * 64),
        name="box",
        version="0.1.0",
        addresses=("127.0.0.1",),
        port=1,
        socket="/run/agent.sock",
        pid=os.getpid(),
        simulated=False,
    )
    with advert.published(one):
        assert [sighting.name for sighting in LocalSource().look()] == ["box"]
    assert not list(LocalSource().look())


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 0},
        {"pid": -1},
        {"pid": "one"},
        {"port": 0},
        {"port": 70000},
        {"machine": "box"},
        {"name": None},
        {"addresses": "127.0.0.1"},
    ],
)
def test_what_no_agent_wrote_is_no_sighting(changes: dict[str, Any], tmp_path: Path) -> None:
    advertise(tmp_path, **changes)
    assert LocalSource(tmp_path).look() == ()


def test_broken_files_and_folders_are_no_sightings(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"machine":')
    (tmp_path / "folder.json").mkdir()
    assert LocalSource(tmp_path).look() == ()
    assert LocalSource(tmp_path / "missing").look() == ()


def test_an_agent_that_was_killed_left_its_advert(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    advertise(tmp_path, pid=child.pid)
    assert LocalSource(tmp_path).look() == ()


def test_another_users_process_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    advertise(tmp_path)
    assert len(LocalSource(tmp_path).look()) == 1


def test_another_users_folder_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advertise(tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    os.chown(tmp_path, 4712, -1)
    assert LocalSource(tmp_path).look() == ()


async def test_tells_at_once_and_at_each_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "POLL_S", 0.001)
    advertise(tmp_path)
    reports: asyncio.Queue[tuple[Sighting, ...]] = asyncio.Queue()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(LocalSource(tmp_path).watch(reports.put_nowait))
        assert [seen.port for seen in await reports.get()] == [47470]
        advertise(tmp_path, port=5)
        while [seen.port for seen in await reports.get()] != [5]:
            pass  # The file was read while it was being written.
        os.unlink(tmp_path / "a.json")
        assert await reports.get() == ()
        assert reports.empty()
        watching.cancel()


def test_each_machine_is_seen_once_per_source() -> None:
    box = Sighting(DeviceId("a" * 64), "box", "0.1.0", ("10.0.0.1",), 1, "local")
    same = Sighting(DeviceId("a" * 64), "box", "0.1.0", ("10.0.0.1",), 1, "mdns")
    attic = Sighting(DeviceId("b" * 64), "Attic", "0.1.0", ("10.0.0.2",), 1, "mdns")
    assert merge({"local": (box,), "mdns": (same, attic)}) == (attic, box, same)
