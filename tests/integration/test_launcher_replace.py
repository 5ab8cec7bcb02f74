"""A launcher that is told to end, killed, or of another version, while runs are live."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from lanherd_agent.runs import launcher_client, launcher_process, processes, rundir
from tests.support.launched import Launched, kill, launched, lives
from tests.support.waiting import wait_until_async

FILES = (
    "launcher", "launcher_socket", "shim", "shim_pool", "orphans", "watch", "cgroups",
    "processes", "log_keeper", "spawning",
)  # fmt: skip


async def waiting_run(rig: Launched) -> rundir.AttemptDir:
    """A run that ends with code 7 when something is written to its fifo."""
    directory = rig.make("sh", "-c", "echo up; read line < fifo; exit 7")
    os.mkfifo(directory.tree / "fifo")
    await rig.start(directory)
    await wait_until_async(lambda: directory.log.read_text() == "up\n")
    return directory


async def release(directory: rundir.AttemptDir) -> None:
    await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")


def identity(pid: int) -> tuple[int, int]:
    return pid, processes.start_time(pid)


async def next_launcher(rig: Launched, before: tuple[int, int]) -> tuple[int, int]:
    await wait_until_async(
        lambda: isinstance(rig.links[-1], launcher_client.LinkUp) and rig.launcher_pid != before[0]
    )
    return identity(rig.launcher_pid)


async def test_beside_a_launcher_that_drains_a_new_one_takes_the_starts(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        staying, stopped = await waiting_run(rig), await waiting_run(rig)
        old = identity(rig.launcher_pid)
        assert processes.send_signal(*old, signal.SIGTERM)
        after = rig.make("sh", "-c", "exit 5")
        await rig.start(after)
        assert (await rig.ended(after)).code == 5
        new = await next_launcher(rig, old)
        assert lives(*old)
        assert lives(*new)
        await rig.client.signal(stopped.path, signal.SIGTERM, kill_after_s=10)
        ended = await rig.ended(stopped)
        assert (ended.signal, ended.stopped) == (signal.SIGTERM, True)
        await release(staying)
        ended = await rig.ended(staying)
        assert (ended.code, ended.witness) == (7, "shim")
        await wait_until_async(lambda: not lives(*old))
        assert rig.told == 3
        last = rig.make("true")
        await rig.start(last)
        assert (await rig.ended(last)).code == 0
        assert rig.launcher_pid == new[0]


async def test_the_kill_of_a_draining_launcher_loses_no_end(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await waiting_run(rig)
        old = identity(rig.launcher_pid)
        assert processes.send_signal(*old, signal.SIGTERM)
        await next_launcher(rig, old)
        kill(*old)
        await release(directory)
        assert (await rig.ended(directory)).code == 7


async def test_the_next_agent_finds_the_runs_of_a_draining_launcher(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await waiting_run(rig)
        old = identity(rig.launcher_pid)
        assert processes.send_signal(*old, signal.SIGTERM)
        await next_launcher(rig, old)
    async with launched(tmp_path) as rig:
        await rig.client.watch(directory.path)
        await rig.client.signal(directory.path, signal.SIGTERM)
        assert (await rig.ended(directory)).signal == signal.SIGTERM


async def test_a_launcher_of_another_version_keeps_its_runs_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = tmp_path / "home", tmp_path / "older"
    home.mkdir()
    folder.mkdir()
    for name in FILES:
        shutil.copy(launcher_process.LAUNCHER.with_name(f"{name}.py"), folder)
    older = folder / "launcher.py"
    text = older.read_text()
    assert "VERSION = 2\n" in text
    older.write_text(text.replace("VERSION = 2\n", "VERSION = 1\n"))
    monkeypatch.setattr(launcher_process, "LAUNCHER", older)
    monkeypatch.setattr(launcher_client, "VERSION", 1)
    async with launched(home) as rig:
        directory = await waiting_run(rig)
        old = identity(rig.launcher_pid)
    monkeypatch.undo()
    async with launched(home) as rig:
        await rig.client.watch(directory.path)
        after = rig.make()
        after = rundir.AttemptDir.of(home, "other", 1)
        after.make()
        rig.write(after, "sh", "-c", "exit 5")
        await rig.start(after)
        assert (await rig.ended(after)).code == 5
        assert rig.launcher_pid != old[0]
        assert lives(*old)
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=10)
        assert (await rig.ended(directory)).signal == signal.SIGTERM
        await wait_until_async(lambda: not lives(*old))
