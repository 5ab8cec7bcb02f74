"""Nothing that is said to a launcher, and nothing that it lacks, ends it."""

import asyncio
import os
import resource
import signal
import socket
from pathlib import Path

import pytest

from lanherd_agent.runs import launcher_client, processes, rundir
from tests.support.launched import WAIT_S, Launched, kill, launched
from tests.support.waiting import wait_until_async

DEEP = b"[" * 20_000
ODD_REQUESTS = (
    b"[]", b"{}", b"7", b"null", b"\xff", DEEP, b'{"verb": []}', b'{"verb": "start", "dir": 5}',
    b'{"verb": "start", "id": 1}', b'{"verb": "adopt", "id": 1, "dir": {}}',
    b'{"verb": "signal", "id": 1, "dir": "/", "signal": 1e999}',
)  # fmt: skip
ODD_NEWS = (
    b'{"shim": 1, "exit": {}, "idle": true}', b'{"shim": {}}', b"{", b"[]", b"\xff\xfe", b"", DEEP,
)  # fmt: skip


def ends_of_pipes(pid: int) -> list[str]:
    paths = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    return [path for path in paths if os.readlink(path).startswith("pipe:")]


async def works(rig: Launched, launcher: int) -> None:
    directory = rig.make("sh", "-c", "exit 3")
    await rig.start(directory)
    assert (await rig.ended(directory)).code == 3
    assert rig.launcher_pid == launcher
    assert processes.read_stat(launcher) is not None


async def test_odd_requests_end_their_connection_and_no_more(tmp_path: Path) -> None:
    async with launched(tmp_path, idle_s=WAIT_S) as rig:
        await rig.up()
        for request in ODD_REQUESTS:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.setblocking(False)
                sock.connect(str(tmp_path / "launcher.sock"))
                await asyncio.get_running_loop().sock_sendall(sock, request)
                async with asyncio.timeout(WAIT_S):
                    assert await asyncio.get_running_loop().sock_recv(sock, 100) == b""
        await works(rig, rig.launcher_pid)
        kill(rig.launcher_pid, processes.start_time(rig.launcher_pid))


async def test_odd_news_is_passed_over(tmp_path: Path) -> None:
    """Also a shim's that was reaped before its line was read."""
    async with launched(tmp_path) as rig:
        await rig.up()
        for path in ends_of_pipes(rig.launcher_pid):
            if os.stat(path, follow_symlinks=False).st_mode & 0o200:  # it is one to write to
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                os.write(fd, b"\n".join(ODD_NEWS) + b"\n")
                os.close(fd)
        await works(rig, rig.launcher_pid)


async def test_without_descriptors_a_launcher_waits_for_some(tmp_path: Path) -> None:
    async with launched(tmp_path) as rig:
        directory = rig.make("sleep", "300")
        await rig.start(directory)
        launcher = rig.launcher_pid
        limit = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir(f"/proc/{launcher}/fd"))
        resource.prlimit(launcher, resource.RLIMIT_NOFILE, (highest + 1, limit[1]))
        start = rundir.read_start(directory)
        assert start is not None
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.connect(str(tmp_path / "launcher.sock"))
            kill(start.shim_pid, start.shim_start_time)
            refused = rig.make("true")
            with pytest.raises(launcher_client.StartFailedError, match="fork"):
                await rig.start(refused)
            resource.prlimit(launcher, resource.RLIMIT_NOFILE, limit)
        kill(start.pid, start.start_time)
        ended = await rig.ended(directory)
        assert (ended.signal, ended.witness) == (signal.SIGKILL, "launcher")
        await works(rig, launcher)


async def test_a_deep_record_is_a_torn_one(tmp_path: Path) -> None:
    """A run can write what it likes into its directory."""
    async with launched(tmp_path) as rig:
        directory = rig.make("sleep", "300")
        await rig.start(directory)
        start = rundir.read_start(directory)
        assert start is not None
        directory.exit.write_bytes(b'{"unknown": ' + DEEP)
        with pytest.raises(rundir.RunDirError, match="torn"):
            rundir.read_exit(directory)
        launcher = rig.launcher_pid
        kill(start.shim_pid, start.shim_start_time)
        await rig.client.signal(directory.path, signal.SIGKILL)
        assert (await rig.ended(directory)).signal == signal.SIGKILL
        await works(rig, launcher)


async def test_a_shutdown_of_the_machine_is_no_end_of_a_runs_own(tmp_path: Path) -> None:
    """As systemd does it: SIGTERM to every process there is."""
    async with launched(tmp_path, idle_s=WAIT_S) as rig:
        first = rig.make("sleep", "300")
        await rig.start(first)
        start = rundir.read_start(first)
        assert start is not None
        for pid, since in ((start.shim_pid, start.shim_start_time), (start.pid, start.start_time)):
            assert processes.send_signal(pid, since, signal.SIGTERM)
        ended = await rig.ended(first)
        assert (ended.signal, ended.shutdown) == (signal.SIGTERM, True)

        after = rig.make("sleep", "300")
        await rig.start(after)
        start = rundir.read_start(after)
        assert start is not None
        assert processes.send_signal(start.pid, start.start_time, signal.SIGTERM)
        ended = await rig.ended(after)
        assert (ended.signal, ended.shutdown) == (signal.SIGTERM, False)

        by_itself = rig.make("sh", "-c", "kill -TERM $PPID; exit 3")
        await rig.start(by_itself)
        ended = await rig.ended(by_itself)
        assert (ended.code, ended.shutdown) == (3, False)
        kill(rig.launcher_pid, processes.start_time(rig.launcher_pid))
        await wait_until_async(lambda: len(rig.links) > 1)
