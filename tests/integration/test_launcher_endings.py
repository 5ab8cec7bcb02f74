"""How runs end that won't, in both ways to kill: by a cgroup, and by a walk over /proc."""

import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lanherd_agent.runs import cgroups, launcher_process, processes, rundir
from tests.support import fake_job
from tests.support.launched import Launched, kill, launched, lives
from tests.support.waiting import wait_until_async

GRACE_S = 0.2
LATE_S_MAX = 10.0
"""What must hold is 1 s, on a machine that does nothing else: `./dev bench endings` holds it."""
LIVES = ("--seconds", "300", "--left-for", "300")


def start_of(directory: rundir.AttemptDir) -> rundir.Start:
    start = rundir.read_start(directory)
    assert start is not None
    return start


def marked(start: rundir.Start) -> list[int]:
    """What bears the mark of the attempt's shim, itself aside, and is alive."""
    mark = processes.mark_of(start.shim_pid, start.shim_start_time)
    table = processes.process_table()
    return [
        pid
        for pid, (_, _, since) in table.items()
        if pid != start.shim_pid and processes.read_mark(pid) == mark and lives(pid, since)
    ]


async def start_job(rig: Launched, *options: str) -> rundir.AttemptDir:
    """Returns when the job has left behind all that it is to leave."""
    directory = rig.make()
    ready = directory.path / "ready"
    rig.write(directory, *fake_job.command(*options, "--ready", str(ready)), stop_grace_s=0.0)
    await rig.start(directory)
    await wait_until_async(ready.exists, 60.0)
    return directory


@pytest.mark.parametrize(
    "options",
    [
        ("--on-term", "ignore", "--leave", "deaf:2"),
        ("--on-term", "ignore", "--leave", "session,double"),
        ("--stop-self", "--leave", "stopped"),
        ("--on-term", "ignore", "--leave", "clean:2"),
        ("--on-term", "ignore", "--storm", "30", "--storm-for", "300"),
    ],
)
async def test_no_ending_is_survived(tmp_path: Path, way: str, options: tuple[str, ...]) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, *options)
        assert rig.client.kill == way
        due = time.monotonic() + GRACE_S
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=GRACE_S)
        ended = await rig.ended(directory, 60.0)
        assert time.monotonic() < due + LATE_S_MAX
    assert (ended.signal, ended.left, ended.stopped) == (signal.SIGKILL, 0, True)
    assert marked(start_of(directory)) == []


async def test_what_a_command_leaves_dies_at_once(tmp_path: Path, way: str) -> None:
    leave = "deaf,session,double,stopped,clean"
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, "--left-for", "300", "--leave", leave)
        ended = await rig.ended(directory)
    assert (ended.code, ended.left, ended.stopped) == (0, 0, False)
    assert marked(start_of(directory)) == []


async def test_the_orphans_of_two_killed_shims_are_told_apart_by_nothing_of_their_own(
    tmp_path: Path, way: str
) -> None:
    async with launched(tmp_path) as rig:
        jobs = [await start_job(rig, *LIVES, "--leave", "clean:2") for _ in range(2)]
        for directory in jobs:
            start = start_of(directory)
            kill(start.shim_pid, start.shim_start_time)
        assert all(len(marked(start_of(directory))) == 3 for directory in jobs)
        await rig.client.signal(jobs[0].path, signal.SIGKILL)
        ended = await rig.ended(jobs[0])
        assert (ended.signal, ended.witness, ended.left) == (signal.SIGKILL, "launcher", 0)
        assert marked(start_of(jobs[0])) == []
        assert len(marked(start_of(jobs[1]))) == 3
        await rig.client.signal(jobs[1].path, signal.SIGTERM, kill_after_s=5.0)
        ended = await rig.ended(jobs[1])
        assert (ended.signal, ended.stopped) == (signal.SIGTERM, True)
        assert marked(start_of(jobs[1])) == []


async def test_a_storm_of_an_orphan_ends_with_it(tmp_path: Path, way: str) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--storm", "20", "--storm-for", "300")
        start = start_of(directory)
        kill(start.shim_pid, start.shim_start_time)
        await rig.client.signal(directory.path, signal.SIGKILL)
        ended = await rig.ended(directory, 60.0)
    assert (ended.signal, ended.witness, ended.left) == (signal.SIGKILL, "launcher", 0)
    assert marked(start) == []


async def test_commands_start_and_fail_to_start_the_same_in_both_ways(
    tmp_path: Path, way: str
) -> None:
    look = (
        "import os\n"
        "status = open('/proc/self/status').read().split('\\n')\n"
        "print([l for l in status if l.startswith(('SigBlk', 'SigIgn', 'SigCgt'))])\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:-1], os.getsid(0) == os.getpid())\n"
        "print(os.readlink('/proc/self/fd/0'), os.nice(0), os.getpgrp() == os.getpid())\n"
    )
    async with launched(tmp_path) as rig:
        directory = rig.make()
        rig.write(directory, sys.executable, "-I", "-S", "-c", look, niceness=5, err="log.err")
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0
        missing = rig.make("no-such-program")
        with pytest.raises(Exception, match="exec") as failed:
            await rig.start(missing)
    signals, fds, rest = directory.log.read_text().splitlines()
    assert fds == "['0', '1', '2'] True"
    assert rest == "/dev/null 5 True"
    assert "SigBlk:\\t0000000000000000" in signals
    assert failed.type.__name__ == "StartFailedError"


async def test_without_an_agent_and_a_launcher_the_shim_kills_after_the_grace(
    tmp_path: Path, way: str
) -> None:
    async with launched(tmp_path) as rig:
        directory = await start_job(rig, *LIVES, "--on-term", "ignore", "--leave", "deaf")
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=GRACE_S)
        kill(rig.launcher_pid, processes.start_time(rig.launcher_pid))
        ended = await rig.ended(directory)
    assert (ended.signal, ended.stopped, ended.witness) == (signal.SIGKILL, True, "shim")


async def test_a_time_limit_is_carried_out_without_an_agent(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with launched(tmp_path) as rig:
        late = rig.make()
        rig.write(late, "sleep", "300", time_limit_s=0.1, stop_signal=signal.SIGINT)
        deaf = rig.make()
        words = fake_job.command(*LIVES, "--on-term", "ignore", "--leave", "session")
        rig.write(deaf, *words, time_limit_s=0.1, stop_grace_s=GRACE_S)
        for directory in (late, deaf):
            await rig.start(directory)
        first, second = await rig.ended(late), await rig.ended(deaf)
    assert (first.signal, first.timed_out, first.stopped) == (signal.SIGINT, True, False)
    assert (second.signal, second.timed_out, second.left) == (signal.SIGKILL, True, 0)


async def test_cgroups_are_gone_with_their_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="lanherd-test-", dir=cgroups.own_cgroup()))
    monkeypatch.setenv(launcher_process.CGROUP, str(folder))
    try:
        async with launched(tmp_path, idle_s=3.0) as rig:
            directory = await start_job(rig, *LIVES)
            inside = folder / cgroups.RUNS / "run1.1"
            pids = [int(line) for line in (inside / "cgroup.procs").read_text().split()]
            assert pids == [start_of(directory).pid]
            (inside / "its own").mkdir()
            await rig.client.signal(directory.path, signal.SIGKILL)
            await rig.ended(directory)
            await wait_until_async(lambda: not inside.exists())
    finally:
        assert cgroups.remove(str(folder)) == 0


async def test_where_no_cgroup_can_be_had_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(launcher_process.CGROUP, str(tmp_path))
    async with launched(tmp_path) as rig:
        await rig.up()
        assert rig.client.kill == "walk"
        assert "cgroup.kill" in rig.client.why_walk


async def test_what_became_another_users_is_told_if_it_cannot_be_killed(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a setuid program. The launcher lacks what root may kill anybody with."""
    weak = tmp_path / "python"
    weak.write_text(
        f'#!/bin/sh\nexec setpriv --inh-caps=-kill --bounding-set=-kill {sys.executable} "$@"\n'
    )
    weak.chmod(0o755)
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setuid(12345)\n"
        "    print('changed', flush=True)\n"
        "    time.sleep(300)\n"
        "time.sleep(300)\n"
    )
    python = sys.executable
    monkeypatch.setattr(sys, "executable", str(weak))
    async with launched(tmp_path) as rig:
        directory = rig.make(python, "-I", "-S", "-c", code)
        await rig.start(directory)
        await wait_until_async(lambda: "changed" in directory.log.read_text(), 30.0)
        await rig.client.signal(directory.path, signal.SIGKILL)
        ended = await rig.ended(directory)
    left = marked(start_of(directory))
    assert (ended.signal, ended.left) == (signal.SIGKILL, 1 if way == "walk" else 0)
    assert len(left) == ended.left
    for pid in left:
        kill(pid, processes.start_time(pid))
