"""Attempts whose shim and launcher are both killed: the next launcher is told to adopt them."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.runs import processes, rundir, shim, watch
from tests.support import fake_job
from tests.support.launched import WAIT_S, Launched, kill, launched, lives
from tests.support.waiting import wait_until_async

LEAVE = "plain,deaf,session,double,stopped,clean"
LIVES = ("--seconds", "300", "--left-for", "300")


def start_of(directory: rundir.AttemptDir) -> rundir.Start:
    start = rundir.read_start(directory)
    assert start is not None
    return start


def marked(start: rundir.Start) -> dict[int, int]:
    mark = processes.mark_of(start.shim_pid, start.shim_start_time)
    table = processes.process_table()
    return {pid: table[pid][2] for pid in table if processes.read_mark(pid) == mark}


async def start_job(rig: Launched, *options: str, **spec: object) -> rundir.AttemptDir:
    directory = rig.make()
    ready = directory.path / "ready"
    rig.write(directory, *fake_job.command(*options, "--ready", str(ready)), **spec)
    await rig.start(directory)
    await wait_until_async(ready.exists, 60.0)
    return directory


def kill_launcher(rig: Launched) -> int:
    pid = rig.launcher_pid
    kill(pid, processes.start_time(pid))
    return pid


def kill_shim(directory: rundir.AttemptDir) -> None:
    start = start_of(directory)
    kill(start.shim_pid, start.shim_start_time)


async def kill_both(rig: Launched, directory: rundir.AttemptDir) -> None:
    before = kill_launcher(rig)
    kill_shim(directory)
    await wait_until_async(lambda: rig.launcher_pid != before, WAIT_S)


async def test_what_a_strangers_command_leaves_ends_with_it(tmp_path: Path, way: str) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--leave", LEAVE)
        start = start_of(directory)
        await kill_both(rig, directory)
        assert len(marked(start)) == 7
        kill(start.pid, start.start_time)
        ended = await rig.ended(directory)
    assert ended.error is not None
    assert (ended.error.kind, ended.witness, ended.left) == ("unknown", "launcher", 0)
    assert marked(start) == {}
    assert rundir.read_exit(directory) == ended


async def test_what_is_left_of_a_stranger_ends_if_its_command_is_gone_before(
    tmp_path: Path, way: str
) -> None:
    """Nobody was there when it ended: not even an agent."""
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--leave", LEAVE)
        start = start_of(directory)
    kill_launcher(rig)
    kill_shim(directory)
    kill(start.pid, start.start_time)
    assert len(marked(start)) == 6
    async with launched(tmp_path) as rig:
        await rig.client.watch(directory.path)
        ended = await rig.ended(directory)
    assert ended.error is not None
    assert marked(start) == {}


async def test_a_strangers_stop_is_carried_out_without_an_agent(tmp_path: Path, way: str) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--on-term", "ignore", "--leave", LEAVE)
        start = start_of(directory)
        await kill_both(rig, directory)
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=0.5)
    await wait_until_async(directory.exit.exists, WAIT_S)
    assert marked(start) == {}
    ended = rundir.read_exit(directory)
    assert ended is not None
    assert ended.stopped


async def test_the_next_agent_finds_a_stranger_with_its_launcher(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES)
        await kill_both(rig, directory)
        await rig.client.signal(directory.path, signal.SIGCONT)
    async with launched(tmp_path) as rig:
        await rig.client.watch(directory.path)
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=WAIT_S)
        ended = await rig.ended(directory)
    assert (ended.stopped, ended.witness) == (True, "launcher")


@pytest.mark.parametrize("strange", [True, False])
async def test_an_orphans_time_limit_is_carried_out_without_an_agent(
    tmp_path: Path, strange: bool
) -> None:
    limit_s = 1.0
    async with launched(tmp_path) as rig:
        options = (*LIVES, "--on-term", "ignore", "--leave", "deaf")
        directory = await start_job(rig, *options, time_limit_s=limit_s, stop_grace_s=0.2)
        start = start_of(directory)
        if strange:
            await kill_both(rig, directory)
            await rig.client.signal(directory.path, signal.SIGCONT)
        else:
            kill_shim(directory)
    await wait_until_async(directory.exit.exists, watch.LIMIT_SLACK_S + limit_s + WAIT_S)
    ended = rundir.read_exit(directory)
    assert ended is not None
    assert ended.timed_out
    assert ended.at > start.at + watch.LIMIT_SLACK_S
    assert marked(start) == {}


async def killed_while_it_started(rig: Launched, directory: rundir.AttemptDir) -> rundir.Start:
    """It was claimed, and no start of its command was written down."""
    start = start_of(directory)
    kill_launcher(rig)
    kill_shim(directory)
    unknown = msgspec.to_builtins(start) | {"pid": 0, "start_time": 0}
    shim.fill_start(str(directory.path), unknown)
    return start


async def test_a_stranger_of_which_no_start_was_written_down_lives_on(
    tmp_path: Path, way: str
) -> None:
    """It is known by its mark and its session, whatever it has started since."""
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--leave", LEAVE, time_limit_s=300.0)
        start = await killed_while_it_started(rig, directory)
        await wait_until_async(lambda: start_of(directory).pid > 0, WAIT_S)
        assert start_of(directory) == start
        assert len(marked(start)) == 7
        # Another launcher is told of it as of any other.
        before = kill_launcher(rig)
        await wait_until_async(lambda: rig.launcher_pid != before, WAIT_S)
        assert await rig.client.signal(directory.path, signal.SIGCONT)
        assert lives(start.pid, start.start_time)
        assert rig.told == 0
        kill(start.pid, start.start_time)
        ended = await rig.ended(directory)
    assert ended.error is not None
    assert (ended.error.kind, ended.timed_out, ended.stopped) == ("unknown", False, False)
    assert marked(start) == {}
    assert rig.told == 1


async def test_time_goes_on_for_a_stranger_killed_while_it_started(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, time_limit_s=1.0, stop_grace_s=0.2)
        start = await killed_while_it_started(rig, directory)
        ended = await rig.ended(directory, watch.LIMIT_SLACK_S + WAIT_S)
    assert ended.timed_out
    assert marked(start) == {}


async def test_of_a_stranger_without_its_command_nothing_can_be_said(tmp_path: Path) -> None:
    """What it has left in its session ends, and nobody knows how it did."""
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--leave", "plain,deaf")
        command = start_of(directory)
        kill_launcher(rig)
        kill_shim(directory)
        kill(command.pid, command.start_time)
        assert len(marked(command)) == 2
        unknown = msgspec.to_builtins(command) | {"pid": 0, "start_time": 0}
        shim.fill_start(str(directory.path), unknown)
        ended = await rig.ended(directory)
    assert ended.error is not None
    assert (ended.error.kind, ended.timed_out) == ("unknown", False)
    assert start_of(directory).pid == 0
    assert marked(command) == {}


async def test_the_grace_of_a_run_whose_launcher_is_dead_needs_no_agent(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--on-term", "ignore")
        before = kill_launcher(rig)
        await wait_until_async(lambda: rig.launcher_pid != before, WAIT_S)
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=0.3)
    await wait_until_async(directory.exit.exists, WAIT_S)
    ended = rundir.read_exit(directory)
    assert ended is not None
    assert (ended.signal, ended.stopped, ended.witness) == (signal.SIGKILL, True, "shim")


async def test_a_launcher_that_drains_is_the_better_witness(tmp_path: Path) -> None:
    """The next agent can't reach it, and gives its orphan to the next launcher."""
    async with launched(tmp_path) as rig:
        directory = rig.make("sh", "-c", "read line < fifo; exit 7")
        os.mkfifo(directory.tree / "fifo")
        await rig.start(directory)
        old = rig.launcher_pid, processes.start_time(rig.launcher_pid)
        kill_shim(directory)
        assert processes.send_signal(*old, signal.SIGTERM)
        await wait_until_async(lambda: rig.launcher_pid != old[0], WAIT_S)
    async with launched(tmp_path) as rig:
        await rig.client.watch(directory.path)
        await rig.client.signal(directory.path, signal.SIGCONT)
        assert lives(*old)
        await asyncio.to_thread((directory.tree / "fifo").write_text, "go\n")
        ended = await rig.ended(directory)
    assert (ended.code, ended.witness) == (7, "launcher")


async def test_a_bystander_is_no_part_of_a_stranger(tmp_path: Path) -> None:
    """Neither another run, nor what has a pid that the run has had before."""
    async with launched(tmp_path) as rig:
        directory, other = await start_job(rig, *LIVES), await start_job(rig, *LIVES)
        await kill_both(rig, directory)
        start = start_of(directory)
        forged = rundir.AttemptDir.of(tmp_path, "forged", 1)
        forged.make()
        rig.write(forged, "true")
        record = json.loads(directory.start.read_bytes())
        victim = start_of(other)
        record |= {"pid": victim.pid, "start_time": victim.start_time + 1}
        record["shim_start_time"] = start.shim_start_time + 1
        forged.start.write_text(json.dumps(record))
        await rig.client.watch(forged.path)
        ended = await rig.ended(forged)
        assert ended.error is not None
        await rig.client.signal(directory.path, signal.SIGKILL)
        await rig.ended(directory)
        assert lives(victim.pid, victim.start_time)
        assert other.path not in rig.exits
        await rig.client.signal(other.path, signal.SIGKILL)
        assert (await rig.ended(other)).signal == signal.SIGKILL


async def test_a_kill_of_the_adopter_changes_nothing(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--leave", LEAVE)
        start = start_of(directory)
        await kill_both(rig, directory)
        for _ in range(2):
            before = kill_launcher(rig)
            await wait_until_async(lambda before=before: rig.launcher_pid != before, WAIT_S)
        begin = time.monotonic()
        kill(start.pid, start.start_time)
        await rig.ended(directory)
        assert time.monotonic() - begin < WAIT_S
    assert marked(start) == {}
    assert rig.told == 1
