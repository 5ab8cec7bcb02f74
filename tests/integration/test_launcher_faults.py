"""Deaths at named points, forged and torn run directories, full disks, and clocks that are set."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanherd_agent.runs import launcher_client, launcher_process, processes, rundir, shim
from tests.support.launched import WAIT_S, Launched, kill, launched, lives
from tests.support.waiting import wait_until_async

COUNTED = "echo ran >> ../ran; exit 7"


async def run_through(rig: Launched, directory: rundir.AttemptDir) -> rundir.Exit | None:
    """The exit; None if the start failed, in which case nothing may have run."""
    try:
        await rig.start(directory)
    except launcher_client.StartFailedError as failed:
        if failed.kind is launcher_client.StartFailure.EXEC:
            raise
        return None
    return await rig.ended(directory)


def times_run(directory: rundir.AttemptDir) -> int:
    ran = directory.path / "ran"
    return ran.read_text().count("ran") if ran.exists() else 0


@pytest.mark.parametrize(
    ("point", "ways"),
    [
        ("shim.claimed", {"unknown"}),
        ("shim.spawned", {"unknown", "launcher"}),
        ("shim.told", {"unknown", "launcher"}),
        ("shim.waited", {"unknown"}),
        ("shim.before_exit", {"unknown"}),
        ("shim.exit_written", {"shim"}),
        ("launcher.forked", {"shim"}),
        ("launcher.before_reply", {"shim"}),
        ("launcher.reaped", {"shim"}),
    ],
)
async def test_a_death_at_any_point_is_one_run_and_no_false_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, ways: set[str]
) -> None:
    monkeypatch.setenv(launcher_process.FAIL_POINTS, point)
    async with launched(tmp_path) as rig:
        await rig.up()
        monkeypatch.delenv(launcher_process.FAIL_POINTS)  # not for this launcher's successor
        directory = rig.make("sh", "-c", COUNTED)
        ended = await run_through(rig, directory)
        assert ended is not None
        if ended.error is not None:
            assert (ended.error.kind, ended.code) == ("unknown", None)
        else:
            assert ended.code == 7
        assert ("unknown" if ended.error else ended.witness) in ways
        assert times_run(directory) <= 1
        if ended.code is not None:
            assert times_run(directory) == 1
        after = rig.make("sh", "-c", "exit 3")
        assert (await run_through(rig, after)) is not None


async def test_fail_points_do_not_reach_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(launcher_process.AGENT_FAIL_POINTS, "shim.nowhere@3")
    async with launched(tmp_path) as rig:
        directory = rig.make("env")
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0
    assert "FAIL_POINTS" not in directory.log.read_text()


def test_an_empty_claim_of_the_dead_is_no_start(tmp_path: Path) -> None:
    directory = rundir.AttemptDir.of(tmp_path, "run", 1)
    directory.make()
    path = str(directory.path)
    assert shim.unclaim(path) is True
    dir_fd = shim.open_directory(path)
    claimed = shim.claim(dir_fd)
    assert shim.unclaim(path) is False  # whoever claimed it is alive, and has it locked
    os.close(claimed)
    assert shim.unclaim(path) is True
    assert not directory.start.exists()
    directory.start.write_bytes(b"{")
    assert shim.unclaim(path) is False
    os.close(dir_fd)
    assert shim.unclaim(str(tmp_path / "nowhere")) is True


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.communicate(b"\n")


async def test_what_a_forged_start_names_is_never_signalled(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    """As after a reuse of the pids: other processes have them, and other start times."""
    since = processes.start_time(bystander.pid)
    async with launched(tmp_path) as rig:
        for later, boot_id in ((1, rundir.boot_id()), (0, "another boot")):
            directory = rig.make("true")
            values = bystander.pid, since + later, bystander.pid, since + later, 1.5
            directory.start.write_bytes(shim.START % (boot_id.encode(), *values))
            await rig.client.watch(directory.path)
            ended = await rig.ended(directory)
            assert ended.error is not None
            assert ended.error.kind == "unknown"
            with pytest.raises(launcher_client.NotRunningError):
                await rig.client.signal(directory.path, signal.SIGKILL)
    assert bystander.poll() is None


def untouched(path: Path) -> tuple[int, ...]:
    """What is the same as long as nobody but readers came by."""
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_uid, found.st_size, found.st_mtime_ns


@pytest.mark.parametrize("name", ["start.json", "exit.json"])
@pytest.mark.parametrize("how", ["torn", "link", "foreign", "pipe"])
async def test_a_flawed_record_is_told_and_left_alone(tmp_path: Path, name: str, how: str) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make("true")
        path = directory.path / name
        if how == "link":
            path.symlink_to(tmp_path / "elsewhere")
        elif how == "pipe":
            os.mkfifo(path)
        else:
            path.write_text('{"boot_id": "' if how == "torn" else "{}")
        if how == "foreign":
            os.chown(path, 12345, 12345)
        before = untouched(path)
        await rig.client.watch(directory.path)
        ended = await rig.ended(directory)
        assert ended.error is not None
        assert ended.error.kind == "untrusted"
        assert "can't be trusted" in ended.error.text
        assert untouched(path) == before


async def test_a_link_in_place_of_start_json_is_no_place_to_start(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make("sh", "-c", COUNTED)
        directory.start.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
    assert failed.value.kind is launcher_client.StartFailure.TORN
    assert times_run(directory) == 0
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """On a file system of two megabytes."""
    home = tmp_path / "small"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", str(home)], check=True)
    try:
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


async def test_an_end_is_told_with_a_full_disk_and_written_when_there_is_room(
    small_home: Path,
) -> None:
    """A run that ends while its disk is full, under a shim and without one."""
    home = small_home
    async with launched(home) as rig:
        runs = [rig.make("sh", "-c", "read line < fifo; exit 7") for _ in range(2)]
        for directory in runs:
            os.mkfifo(directory.tree / "fifo")
            await rig.start(directory)
        start = rundir.read_start(runs[1])
        assert start is not None
        kill(start.shim_pid, start.shim_start_time)
        unstarted = rig.make("true")
        fill(home / "fill")
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(unstarted)
        assert failed.value.kind is launcher_client.StartFailure.IO
        assert not unstarted.start.exists()
        for directory in runs:
            await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")
            assert (await rig.ended(directory)).code == 7
            assert not directory.exit.exists()
        (home / "fill").unlink()
        for directory in runs:
            await wait_until_async(directory.exit.exists, WAIT_S)
            read = rundir.read_exit(directory)
            assert read is not None
            assert read.code == 7
        await rig.start(unstarted)
        assert (await rig.ended(unstarted)).code == 0
    await wait_until_async(lambda: not (home / "launcher.sock").exists())


def fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


async def test_a_clock_that_is_set_back_changes_no_more_than_what_is_told(tmp_path: Path) -> None:
    """Start times are ticks since boot: a start that says another year is adopted all the same."""
    async with launched(tmp_path) as first:
        directory = first.make("sh", "-c", "read line < fifo; exit 7")
        os.mkfifo(directory.tree / "fifo")
        await first.start(directory)
    start = json.loads(directory.start.read_bytes())
    directory.start.write_text(json.dumps(start | {"at": start["at"] + 365 * 86400.0}))
    async with launched(tmp_path) as second:
        await second.client.watch(directory.path)
        read = rundir.read_start(directory)
        assert read is not None
        assert read.at > time.time()
        assert rundir.is_alive(read)
        assert rundir.elapsed_s(read) < WAIT_S
        await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")
        assert (await second.ended(directory)).code == 7
    assert not lives(read.pid, read.start_time)
