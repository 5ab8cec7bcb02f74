"""What an attempt's own cgroup tells of it: here as plain files, as the kernel writes them."""

import json
from pathlib import Path

import msgspec

from lanherd_agent.runs import cgroups, shim
from lanherd_agent.runs.rundir import Exit


def test_kills_for_memory_are_counted_where_the_controller_is_on(tmp_path: Path) -> None:
    assert cgroups.oom_kills(str(tmp_path)) == 0
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 3\noom_group_kill 0\n")
    assert cgroups.oom_kills(str(tmp_path)) == 3
    events.write_text("low 0\n")
    assert cgroups.oom_kills(str(tmp_path)) == 0
    events.write_text("what\n")
    assert cgroups.oom_kills(str(tmp_path)) == 0


def test_the_controller_is_turned_on_from_above(tmp_path: Path) -> None:
    root = tmp_path / cgroups.RUNS
    cgroups.count_memory(str(root))
    root.mkdir()
    cgroups.count_memory(str(root))
    for folder in (tmp_path, root):
        assert (folder / "cgroup.subtree_control").read_text() == "+memory"


def test_an_exit_tells_what_was_seen_beside_it() -> None:
    record = shim.exit_record(b"shim", 9.0, 0, None, None, oom_kills=2, disk_full=True)
    told = msgspec.json.decode(record, type=Exit)
    assert (told.oom_kills, told.disk_full) == (2, True)
    usual = json.loads(shim.exit_record(b"shim", 9.0, 0, None, None))
    # As a launcher of before writes it.
    del usual["oom_kills"], usual["disk_full"]
    told = msgspec.convert(usual, Exit)
    assert (told.oom_kills, told.disk_full) == (0, False)
