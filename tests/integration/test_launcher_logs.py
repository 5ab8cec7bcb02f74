"""Logs as a real shim keeps them: split, capped with a told gap, and indexed by time."""

import asyncio
import json
import os
import resource
import struct
import time
from pathlib import Path

import pytest

from lanherd_agent.runs import log_keeper, rundir
from tests.support.launched import Launched, kill, launched
from tests.support.waiting import wait_until_async

MIB = 1024 * 1024
CAP = 8 * MIB
WRITER = """
import os, sys
block = b''.join(b'%015d\\n' % n for n in range(65536))
for n in range(int(sys.argv[1])):
    os.write(1, block)
print('written', flush=True)
"""


def numbered(blocks: int) -> bytes:
    return b"".join(b"%015d\n" % n for n in range(65536)) * blocks


def gap_of(directory: rundir.AttemptDir) -> tuple[int, int]:
    gap = json.loads(rundir.log_paths(directory).gap.read_bytes())
    return gap["from"], gap["to"]


def make_writer(rig: Launched, blocks: int, *, then: str = "") -> rundir.AttemptDir:
    directory = rig.make()
    words = ("sh", "-c", f'python3 -S -c "$0" "$1"; {then}', WRITER, str(blocks))
    rig.write(directory, *words, log_bytes_max=CAP)
    return directory


def used(path: Path) -> int:
    return path.stat().st_blocks * 512


async def test_stderr_may_have_a_log_of_its_own(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make()
        rig.write(directory, "sh", "-c", "echo out; echo err >&2", err="log.err")
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0
    assert (directory.log.read_text(), directory.err.read_text()) == ("out\n", "err\n")


async def test_above_its_cap_a_log_keeps_head_and_tail(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = make_writer(rig, 64)
        await rig.start(directory)
        assert (await rig.ended(directory, 60.0)).code == 0
    whole = numbered(64) + b"written\n"
    start, end = gap_of(directory)
    assert directory.log.stat().st_size == len(whole)
    assert CAP // 4 <= start < CAP // 4 + log_keeper.BLOCK
    assert end >= len(whole) - CAP - log_keeper.SLACK_BYTES
    assert end <= len(whole) - (CAP - CAP // 4)
    log = directory.log.read_bytes()
    assert log[:start] == whole[:start]
    assert log[end:] == whole[end:]
    assert log[start:end].count(0) == end - start
    assert used(directory.log) <= CAP + log_keeper.SLACK_BYTES + MIB


async def test_a_log_is_kept_after_the_kill_of_its_shim(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = make_writer(rig, 40, then='read line < fifo; python3 -S -c "$0" "$1"')
        os.mkfifo(directory.tree / "fifo")
        await rig.start(directory)
        await wait_until_async(rundir.log_paths(directory).gap.exists, 60.0)
        start = rundir.read_start(directory)
        assert start is not None
        kill(start.shim_pid, start.shim_start_time)
        before = gap_of(directory)
        await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")
        ended = await rig.ended(directory, 60.0)
    assert (ended.code, ended.witness) == (0, "launcher")
    start_of_gap, end_of_gap = gap_of(directory)
    assert start_of_gap == before[0]
    assert end_of_gap > before[1]
    assert used(directory.log) <= CAP + log_keeper.SLACK_BYTES + MIB


async def test_a_short_run_leaves_no_index(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make()
        rig.write(directory, "echo", "short", log_bytes_max=CAP)
        await rig.start(directory)
        await rig.ended(directory)
    assert sorted(os.listdir(directory.path)) == [
        "exit.json", "log", "outputs", "spec.json", "start.json", "tree",
    ]  # fmt: skip


class Clocked:
    """A keeper on a file of the test's, looked at when the test says."""

    def __init__(self, folder: Path, bytes_max: int | None) -> None:
        self.folder, self.log = folder, folder / "log"
        self.dir_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.keeper = log_keeper.LogKeeper(self.dir_fd, "log", fd, bytes_max)
        self.now = self.keeper.next_at

    def grow(self, size: int) -> None:
        os.truncate(self.log, self.log.stat().st_size + size)

    def look(self, after_s: float = 1.0) -> float:
        """Until when it would wait."""
        self.now += after_s
        self.keeper.look(self.now)
        return self.keeper.next_at - self.now

    def records(self) -> list[tuple[int, float]]:
        data = (self.folder / "log.times").read_bytes()
        return [(offset, at) for offset, at in struct.iter_unpack("<Qd", data)]

    def close(self) -> None:
        self.keeper.close()
        os.close(self.dir_fd)


def test_the_index_has_one_record_a_second_and_fewer_later(tmp_path: Path) -> None:
    clocked = Clocked(tmp_path, None)
    before = time.time()
    for _ in range(3):
        clocked.grow(100)
        clocked.look()
    clocked.look()
    assert [offset for offset, _ in clocked.records()] == [100, 200, 300]
    assert all(before <= at <= time.time() for _, at in clocked.records())
    clocked.grow(100)
    clocked.look(0.5)
    clocked.grow(100)
    clocked.look(0.1)
    assert [offset for offset, _ in clocked.records()][3:] == [400]
    clocked.keeper.records = log_keeper.RECORDS_PER_INTERVAL - 1
    clocked.grow(100)
    clocked.look()
    clocked.grow(100)
    clocked.look()
    assert clocked.keeper.records == log_keeper.RECORDS_PER_INTERVAL
    clocked.look()
    assert clocked.keeper.records == log_keeper.RECORDS_PER_INTERVAL + 1
    clocked.close()


def test_looks_are_rare_far_from_the_cap_and_frequent_near_it(tmp_path: Path) -> None:
    clocked = Clocked(tmp_path, 10 * 1024 * MIB)
    clocked.grow(100)
    assert clocked.look() == pytest.approx(1.0)
    waits = [clocked.look() for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(log_keeper.PAUSE_S_MAX)
    clocked.keeper.bytes_max = 10 * MIB
    clocked.grow(20 * MIB)
    near_s = clocked.look()
    assert near_s * log_keeper.RATE_BYTES_MAX <= 2 * log_keeper.SLACK_BYTES
    clocked.close()


def test_a_file_system_that_punches_no_holes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked = Clocked(tmp_path, MIB)

    def refuse(offset: int, length: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(clocked.keeper, "fallocate", refuse)
    clocked.grow(20 * MIB)
    clocked.look()
    gap = json.loads((tmp_path / "log.gap").read_bytes())
    assert (gap["from"], gap["to"]) == (0, 0)
    assert "punches no holes" in gap["problem"]
    assert clocked.look() >= 1.0
    clocked.close()


def test_a_small_cap_is_kept_to(tmp_path: Path) -> None:
    """While it grows by a quarter at most, and exactly once it is over."""
    cap = 2 * MIB
    clocked = Clocked(tmp_path, cap)
    block = bytes(range(1, 256)) * (MIB // 255)
    for _ in range(8):
        with clocked.log.open("ab") as log:
            log.write(block)
        clocked.look()
        assert used(clocked.log) <= cap + cap // 4 + 2 * log_keeper.BLOCK
    with clocked.log.open("ab") as log:
        log.write(block[: cap // 8])
    clocked.close()
    assert used(clocked.log) <= cap + 2 * log_keeper.BLOCK
    gap = json.loads((tmp_path / "log.gap").read_bytes())
    whole = block * 8 + block[: cap // 8]
    assert clocked.log.stat().st_size == len(whole)
    kept = clocked.log.read_bytes()
    assert kept[: gap["from"]] == whole[: gap["from"]]
    assert kept[gap["to"] :] == whole[gap["to"] :]
    assert cap // 4 <= gap["from"] and len(whole) - gap["to"] >= cap - cap // 4


def test_a_full_disk_and_a_deleted_directory_are_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "attempt"
    folder.mkdir()
    clocked = Clocked(folder, MIB)
    clocked.grow(40 * MIB)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # no file may be written to
    try:
        assert clocked.look() == log_keeper.PAUSE_S
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert used(clocked.log) == 0
    assert not (folder / "log.gap").exists()
    clocked.look()
    assert (folder / "log.gap").exists()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    clocked.keeper.recorded = 0
    clocked.look()
    clocked.close()


def test_a_gap_is_on_the_disk_before_the_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not while the log is written: that would wait for all that its writer has in flight."""
    synced: list[str] = []
    sync = os.fsync

    def note(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        sync(fd)

    monkeypatch.setattr(os, "fsync", note)
    clocked = Clocked(tmp_path, MIB)
    clocked.grow(40 * MIB)
    clocked.look()
    assert (tmp_path / "log.gap").exists()
    assert synced == []
    clocked.close()
    assert synced == [str(tmp_path / "log.gap")]
