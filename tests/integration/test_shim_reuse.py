"""Shims that serve one attempt after the other: what stays the same, and what must not."""

import asyncio
import os
import signal
from pathlib import Path
from typing import NoReturn

import pytest

from lanherd_agent.runs import launcher_client, processes, rundir, shim_pool
from tests.support.launched import PATH, WAIT_S, Launched, kill, launched, lives
from tests.support.waiting import wait_until_async

IDLE_S = 3.0  # long enough for the next start to find the shim
LOOK = """
import os
print(sorted(os.listdir('/proc/self/fd'))[:-1], oct(os.umask(0)), os.getcwd())
shim = f'/proc/{os.getppid()}'
pending = open(f'{shim}/status').read().split('ShdPnd:')[1].split()[0]
print(f'{int(pending, 16) & ~(1 << 16):x}')  # SIGCHLD aside
print(open(f'{shim}/task/{os.getppid()}/children').read().split() == [str(os.getpid())])
print('A' in os.environ, os.getsid(0) == os.getpid())
"""


def start_of(directory: rundir.AttemptDir) -> rundir.Start:
    start = rundir.read_start(directory)
    assert start is not None
    return start


def shim_of(directory: rundir.AttemptDir) -> tuple[int, int]:
    start = start_of(directory)
    return start.shim_pid, start.shim_start_time


async def run(rig: Launched, directory: rundir.AttemptDir) -> rundir.Exit:
    await rig.start(directory)
    return await rig.ended(directory)


def open_files(pid: int, home: Path) -> list[str]:
    """Of the attempts, which a shim closes after it told of their end."""
    links = [link for name in ("cwd", *fds(pid)) if (link := read_link(f"/proc/{pid}/{name}"))]
    return [link for link in links if link.startswith(str(home / "runs"))]


def read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None  # closed since it was listed


def fds(pid: int) -> list[str]:
    return [f"fd/{number}" for number in os.listdir(f"/proc/{pid}/fd")]


async def test_one_shim_serves_one_attempt_after_the_other(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        runs = [rig.make("sh", "-c", f"echo {n}; exit {n}") for n in range(4)]
        ends = [await run(rig, directory) for directory in runs]
        assert lives(*shim_of(runs[0]))
    assert [end.code for end in ends] == [0, 1, 2, 3]
    assert [directory.log.read_text() for directory in runs] == ["0\n", "1\n", "2\n", "3\n"]
    assert len({shim_of(directory) for directory in runs}) == 1
    assert len({start_of(directory).pid for directory in runs}) == 4


async def test_nothing_of_an_attempt_reaches_the_next_one(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first = rig.make_python(LOOK)
        await run(rig, first)
        await wait_until_async(lambda: not open_files(shim_of(first)[0], tmp_path))
        fds_at_first = len(fds(shim_of(first)[0]))
        code = "trap '' TERM; setsid sleep 60 & echo up; read line < fifo"
        dirty = rig.make("sh", "-c", code)
        env = {"PATH": PATH, "A": "1"}
        spec = rundir.Spec(argv=("sh", "-c", code), cwd=str(dirty.tree), env=env, umask=0o777)
        rundir.write_spec(dirty, spec)
        os.mkfifo(dirty.tree / "fifo")
        await rig.start(dirty)
        await wait_until_async(lambda: dirty.log.read_text() == "up\n")
        await rig.client.signal(dirty.path, signal.SIGTERM, kill_after_s=0.2)
        await rig.ended(dirty)
        await wait_until_async(lambda: not open_files(shim_of(dirty)[0], tmp_path))
        assert len(fds(shim_of(dirty)[0])) == fds_at_first
        last = rig.make_python(LOOK)
        await run(rig, last)
    assert len({shim_of(directory) for directory in (first, dirty, last)}) == 1
    looks = [d.log.read_text().replace(str(d.tree), "TREE") for d in (first, last)]
    assert looks[0] == looks[1]
    assert looks[1].splitlines()[0] == "['0', '1', '2'] 0o22 TREE"
    assert looks[1].splitlines()[1:] == ["0", "True", "False True"]
    assert {d.exit.stat().st_mode & 0o777 for d in (first, dirty, last)} == {0o600}


async def test_a_stop_told_to_a_shim_is_not_the_next_attempts(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first = rig.make("true")
        await run(rig, first)
        # As when it had just ended.
        assert processes.send_signal(*shim_of(first), processes.STOPPING)
        spec = rundir.Spec(
            argv=("sh", "-c", "sleep 600 &"), cwd="/", env={"PATH": PATH}, stop_grace_s=10 * WAIT_S
        )
        second = rig.make("true")
        rundir.write_spec(second, spec)
        assert (await run(rig, second)).code == 0
    assert shim_of(first) == shim_of(second)


async def test_a_late_signal_does_not_reach_the_shims_next_attempt(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first, second = rig.make("true"), rig.make("sh", "-c", "read line < f; exit 7")
        os.mkfifo(second.tree / "f")
        await run(rig, first)
        await rig.start(second)
        assert shim_of(first) == shim_of(second)
        with pytest.raises(launcher_client.NotRunningError):
            await rig.client.signal(first.path, signal.SIGKILL)
        await asyncio.to_thread((second.tree / "f").write_text, "go\n")
        assert (await rig.ended(second)).code == 7


async def test_the_kill_of_an_idle_shim_harms_nothing(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first, second = rig.make("true"), rig.make("sh", "-c", "exit 5")
        await run(rig, first)
        kill(*shim_of(first))
        assert (await run(rig, second)).code == 5
        assert shim_of(first) != shim_of(second)
        assert rig.told == 2
    assert (tmp_path / "launcher.log").read_text() == ""


async def test_what_a_shim_was_killed_before_it_claimed_runs_in_a_new_one(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first, second = rig.make("true"), rig.make("sh", "-c", "echo once; exit 5")
        await run(rig, first)
        assert processes.send_signal(*shim_of(first), signal.SIGSTOP)
        async with asyncio.TaskGroup() as tasks:
            starting = tasks.create_task(rig.start(second))
            with pytest.raises(launcher_client.NotRunningError):
                await rig.client.signal(second.path, signal.SIGTERM)
            # Requests are served in their order: by now the shim was given the start.
            kill(*shim_of(first))
        assert starting.result().existing is False
        assert (await rig.ended(second)).code == 5
    assert shim_of(first) != shim_of(second)
    assert second.log.read_text() == "once\n"
    assert (tmp_path / "launcher.log").read_text() == ""


async def test_after_the_kill_of_a_used_shim_the_launcher_is_the_witness(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first, second = rig.make("true"), rig.make("sh", "-c", "echo up; read line < f; exit 7")
        os.mkfifo(second.tree / "f")
        await run(rig, first)
        await rig.start(second)
        await wait_until_async(lambda: second.log.read_text() == "up\n")
        assert shim_of(first) == shim_of(second)
        kill(*shim_of(second))
        (second.tree / "f").write_text("go\n")
        ended = await rig.ended(second)
    assert (ended.code, ended.witness) == (7, "launcher")


async def test_idle_shims_are_few_and_end(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=0.5) as rig:
        runs = [rig.make("sh", "-c", "echo up; read line < f") for _ in range(12)]
        for directory in runs:
            os.mkfifo(directory.tree / "f")
        await asyncio.gather(*(rig.start(directory) for directory in runs))
        shims = {shim_of(directory) for directory in runs}
        assert len(shims) == len(runs)
        for directory in runs:
            await asyncio.to_thread((directory.tree / "f").write_text, "go\n")
        for directory in runs:
            await rig.ended(directory)
        await wait_until_async(lambda: sum(lives(*one) for one in shims) <= shim_pool.IDLE_MAX)
        await wait_until_async(lambda: not any(lives(*one) for one in shims))
        after = rig.make("true")
        assert (await run(rig, after)).code == 0


async def test_a_launcher_that_is_told_to_end_takes_its_idle_shims_along(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=60.0) as rig:
        directory = rig.make("true")
        await run(rig, directory)
        assert lives(*shim_of(directory))
        launcher = rig.launcher_pid, processes.start_time(rig.launcher_pid)
        assert processes.send_signal(*launcher, signal.SIGTERM)
        await wait_until_async(lambda: not lives(*launcher) and not lives(*shim_of(directory)))


async def test_an_idle_shim_ends_with_a_killed_launcher(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make("true")
        await run(rig, directory)
        kill(rig.launcher_pid, processes.start_time(rig.launcher_pid))
        await wait_until_async(lambda: not lives(*shim_of(directory)))


async def test_a_busy_shim_of_a_killed_launcher_ends_after_its_attempt(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=IDLE_S) as rig:
        first, second = rig.make("true"), rig.make("sh", "-c", "read line < f; exit 7")
        os.mkfifo(second.tree / "f")
        await run(rig, first)
        await rig.start(second)
        kill(rig.launcher_pid, processes.start_time(rig.launcher_pid))
        await asyncio.to_thread((second.tree / "f").write_text, "go\n")
        assert (await rig.ended(second)).code == 7
        await wait_until_async(lambda: not lives(*shim_of(second)))


def forks_nothing(directory: str, channel: int, to_close: list[int]) -> NoReturn:
    raise AssertionError("no shim was to be forked here")


def idle_pool(count: int, idle_s: float) -> tuple[shim_pool.ShimPool, list[int]]:
    """A pool whose shims are mere pipes; the reading ends, the one idle for longest first."""
    pool, reading = shim_pool.ShimPool(forks_nothing, idle_s), []
    for pid in range(count):
        read, pool.channels[pid] = os.pipe()
        os.set_blocking(read, False)
        reading.append(read)
        pool.on_idle(pid)
    return pool, reading


def test_the_pool_keeps_the_latest_and_hands_over_the_very_last() -> None:
    pool, reading = idle_pool(shim_pool.IDLE_MAX + 3, 60.0)
    assert [os.read(fd, 1) for fd in reading[:3]] == [b"", b"", b""]  # their end
    assert list(pool.idle) == list(range(3, shim_pool.IDLE_MAX + 3))
    assert pool.hand_over("/a") == shim_pool.IDLE_MAX + 2
    assert os.read(reading[-1], 9) == b"/a"
    pool.close_idle(at_once=False)
    assert len(pool.idle) == shim_pool.IDLE_MAX - 1
    pool.close_idle(at_once=True)
    assert pool.next_end() is None
    pool.close(shim_pool.IDLE_MAX + 2)
    assert pool.channels == {}
    for fd in reading:
        os.close(fd)


def test_an_idle_shim_that_was_killed_is_passed_over() -> None:
    pool, reading = idle_pool(2, 60.0)
    os.close(reading.pop())
    assert pool.hand_over("/a") == 0
    assert os.read(reading[0], 9) == b"/a"
    assert pool.hand_over("/b") is None
    pool.close(0)
    os.close(reading[0])


@pytest.mark.parametrize("goes_on", [False, True])
async def test_an_end_whose_record_was_removed_is_told_though_its_shim_lives(
    tmp_path: Path, goes_on: bool
) -> None:
    """The agent is started anew; the launcher and the shim are the same, the latter idle or with
    another attempt by then."""
    async with launched(tmp_path, idle_s=60.0) as first:
        removed, other = first.make("true"), first.make("sleep", "300")
        await run(first, removed)
        removed.exit.unlink()
        if goes_on:
            await first.start(other)
            assert shim_of(other) == shim_of(removed)
    async with launched(tmp_path, idle_s=60.0) as second:
        await second.client.watch(removed.path)
        end = await second.ended(removed, 5.0)
        assert end.code is None
        assert end.error is not None
        assert end.error.kind == "unknown"
        assert end.error.text.endswith("or the record was removed")
        if goes_on:
            await second.client.watch(other.path)
            await second.client.signal(other.path, signal.SIGKILL)
            assert (await second.ended(other)).signal == signal.SIGKILL
        kill(second.launcher_pid, processes.start_time(second.launcher_pid))
