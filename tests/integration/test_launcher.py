"""Runs through a real launcher: how commands start, what they get, and how their ends are known."""

import asyncio
import errno
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from lanherd_agent.runs import launcher_client, logs, processes, rundir
from tests.support.launched import Launched, kill, launched, lives
from tests.support.waiting import wait_until, wait_until_async

ESCAPEE = """
import os, sys, time
def write():
    stat = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
    with open('escaped.new', 'w') as file:
        file.write(f'{os.getpid()} {stat[19]}')
    os.rename('escaped.new', 'escaped')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        write()
        while True:
            time.sleep(60)
    os._exit(0)
while not os.path.exists('escaped'):
    time.sleep(0.002)
"""


LOADED_S = 30.0
"""An interpreter starts in well under a second, but for a machine that is busy."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def escaped(directory: rundir.AttemptDir) -> tuple[int, int]:
    file = directory.tree / "escaped"
    wait_until(file.exists)
    pid, start_time = file.read_text().split()
    return int(pid), int(start_time)


def start_of(directory: rundir.AttemptDir) -> rundir.Start:
    start = rundir.read_start(directory)
    assert start is not None
    return start


async def test_an_exit_code_and_the_log_are_there_when_the_end_is_told(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", "echo out; echo err >&2; exit 3")
        started = await rig.start(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.signal, ended.error, ended.left) == (3, None, None, 0)
    assert ended.witness == "shim"
    assert ended.rusage is not None
    assert ended.rusage.rss_max_bytes > 0
    assert ended == rundir.read_exit(directory)
    assert directory.log.read_bytes() == b"out\nerr\n"
    start = start_of(directory)
    assert (start.pid, start.start_time) == (started.pid, started.start_time_ticks)
    assert start.boot_id == started.boot_id == rundir.boot_id()
    assert started.existing is False
    assert stat.S_IMODE(directory.log.stat().st_mode) == 0o600
    assert sorted(os.listdir(directory.path)) == [
        "exit.json", "log", "outputs", "spec.json", "start.json", "tree",
    ]  # fmt: skip


async def test_death_by_a_signal_is_told_as_that(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", "kill -9 $$")
        await rig.start(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.signal) == (None, signal.SIGKILL)


@pytest.mark.parametrize(
    ("name", "content", "mode", "number"),
    [
        ("missing", None, 0, errno.ENOENT),
        ("forbidden", "#!/bin/sh\n", 0o644, errno.EACCES),
        ("no-interpreter", "#!/no/such/shell\n", 0o755, errno.ENOENT),
        ("no-program", "not a program", 0o755, errno.ENOEXEC),
    ],
)
@pytest.mark.parametrize("by_path", [False, True])
async def test_a_command_that_cannot_be_executed(
    home: Path, name: str, content: str | None, mode: int, number: int, by_path: bool
) -> None:
    folder = home / "bin"
    folder.mkdir()
    if content is not None:
        (folder / name).write_text(content)
        (folder / name).chmod(mode)
    async with launched(home) as rig:
        argv = str(folder / name) if by_path else name
        directory = rig.make(argv, PATH=f"/no/such/folder:{folder}:/usr/bin")
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
    assert (failed.value.kind, failed.value.errno) == (launcher_client.StartFailure.EXEC, number)
    exit_ = rundir.read_exit(directory)
    assert exit_ == failed.value.exit
    assert exit_ is not None
    assert exit_.error is not None
    assert (exit_.code, exit_.error.errno) == (None, number)
    assert start_of(directory).pid == 0
    assert rig.told == 0


async def test_a_missing_working_directory(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("true", cwd=str(home / "nowhere"))
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
    assert failed.value.kind is launcher_client.StartFailure.CWD
    assert failed.value.errno == errno.ENOENT
    exit_ = rundir.read_exit(directory)
    assert exit_ is not None
    assert exit_.error is not None
    assert exit_.error.kind == "cwd"


@pytest.mark.parametrize("spec", [None, b"{", b"[]", b'{"argv":[],"cwd":"/","env":{}}'])
async def test_without_a_usable_spec_nothing_is_claimed(home: Path, spec: bytes | None) -> None:
    async with launched(home) as rig:
        directory = rig.make("true")
        directory.spec.unlink()
        if spec is not None:
            directory.spec.write_bytes(spec)
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
        assert failed.value.kind is launcher_client.StartFailure.SPEC
        assert not directory.start.exists()
        rundir.write_spec(directory, rundir.Spec(argv=("true",), cwd="/", env={"PATH": "/bin"}))
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0


async def test_a_link_in_place_of_the_log_is_refused(home: Path) -> None:
    precious = home / "precious"
    precious.write_text("mine")
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", "echo overwritten")
        directory.log.symlink_to(precious)
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
    assert failed.value.kind is launcher_client.StartFailure.IO
    assert not directory.start.exists()
    assert precious.read_text() == "mine"


async def test_what_a_command_inherits(home: Path) -> None:
    code = (
        "import os, signal\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:-1])\n"
        "print(os.readlink('/proc/self/fd/0'), os.getsid(0) == os.getpid())\n"
        "print(oct(os.umask(0)), os.getcwd())\n"
        "status = open('/proc/self/status').read().split('\\n')\n"
        "print([l for l in status if l.startswith(('SigBlk', 'SigCgt'))])\n"
        "print(sorted(os.environ))\n"
    )
    async with launched(home) as rig:
        directory = rig.make_python(code)
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0
    fds, null, mask, status, environment = directory.log.read_text().splitlines()
    assert fds == "['0', '1', '2']"
    assert null == "/dev/null True"
    assert mask == f"0o22 {directory.tree}"
    assert "SigBlk:\\t0000000000000000" in status
    assert "'LANHERD_ATTEMPT_DIR'" in environment
    assert "'PATH'" in environment
    assert "LANHERD_HOME" not in environment


async def test_ignored_signals_are_given_back(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("grep", "SigIgn", "/proc/self/status")
        await rig.start(directory)
        await rig.ended(directory)
    ignored = int(directory.log.read_text().split()[1], 16)
    libc_own = 0b11 << 31  # 32 and 33 are libc's, and not to be had by its own interface
    assert ignored & ~libc_own == 0


async def test_what_escapes_by_setsid_and_double_fork_dies_with_its_run(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make_python(ESCAPEE)
        await rig.start(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.left) == (0, 0)
    assert not lives(*escaped(directory))


async def test_a_stop_reaches_the_whole_tree(home: Path) -> None:
    code = ESCAPEE + "\nwhile True: time.sleep(60)\n"
    async with launched(home) as rig:
        directory = rig.make_python(code)
        await rig.start(directory)
        pid, start_time = escaped(directory)
        await rig.client.signal(directory.path, signal.SIGTERM)
        ended = await rig.ended(directory)
    assert ended.signal == signal.SIGTERM
    assert not lives(pid, start_time)


async def test_in_a_stop_what_a_shell_started_has_its_grace_too(home: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def save(*_):\n"
        "    time.sleep(0.3)\n"
        "    print('saved', flush=True)\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(60)\n"
    )
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", '"$@"; true', "sh", sys.executable, "-S", "-c", code)
        await rig.start(directory)
        await wait_until_async(lambda: directory.log.read_text() == "ready\n")
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=10)
        ended = await rig.ended(directory)
    assert ended.signal == signal.SIGTERM
    assert directory.log.read_text().endswith("saved\n")


async def test_what_ignores_a_stop_is_killed_after_the_grace(home: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(60)\n"
    )
    async with launched(home) as rig:
        directory = rig.make_python(code)
        await rig.start(directory)
        await wait_until_async(lambda: directory.log.read_text() == "ready\n", LOADED_S)
        await rig.client.signal(directory.path, signal.SIGTERM, kill_after_s=0.2)
        await wait_until_async(lambda: directory.log.read_text() == "ready\nno\n", LOADED_S)
        ended = await rig.ended(directory)
    assert ended.signal == signal.SIGKILL


async def test_a_stopped_process_is_killed_too(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("sleep", "60")
        await rig.start(directory)
        await rig.client.signal(directory.path, signal.SIGSTOP)
        await rig.client.signal(directory.path, signal.SIGKILL)
        assert (await rig.ended(directory)).signal == signal.SIGKILL


async def test_a_signal_to_what_is_not_live_is_refused(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("true")
        await rig.start(directory)
        await rig.ended(directory)
        with pytest.raises(launcher_client.NotRunningError):
            await rig.client.signal(directory.path, signal.SIGTERM)


async def test_starts_of_one_attempt_start_it_once(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", "echo once; sleep 0.05")
        starts = await asyncio.gather(*(rig.start(directory) for _ in range(5)))
        assert len({start.pid for start in starts}) == 1
        await rig.ended(directory)
        again = await rig.start(directory)
        assert again.existing is True
        assert again.pid == starts[0].pid
    assert directory.log.read_text() == "once\n"


async def test_many_runs_at_once_end_each_as_they_should(home: Path) -> None:
    async with launched(home) as rig:
        directories = [rig.make("sh", "-c", f"echo {n}; exit {n}") for n in range(40)]
        await asyncio.gather(*(rig.start(directory) for directory in directories))
        ends = [await rig.ended(directory) for directory in directories]
    assert [end.code for end in ends] == list(range(40))
    assert [d.log.read_text() for d in directories] == [f"{n}\n" for n in range(40)]


async def test_the_launcher_ends_when_there_is_nothing_to_do(home: Path) -> None:
    async with launched(home, idle_s=0.1) as rig:
        await rig.up()
        stat_ = processes.read_stat(rig.launcher_pid)
        assert stat_ is not None
        launcher = rig.launcher_pid, stat_[2]
        directory = rig.make("true")
        await rig.start(directory)
        await rig.ended(directory)
    await wait_until_async(lambda: not lives(*launcher))
    assert not (home / "launcher.sock").exists()
    assert (home / "launcher.log").read_text() == ""


async def test_two_agents_starting_a_launcher_get_the_same_one(home: Path) -> None:
    async with launched(home) as one, launched(home) as other:
        await one.up()
        await other.up()
        assert one.launcher_pid == other.launcher_pid


async def test_a_home_with_a_path_longer_than_a_sockets(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    home.mkdir()
    async with launched(home) as rig:
        directory = rig.make("true")
        await rig.start(directory)
        assert (await rig.ended(directory)).code == 0
    assert stat.S_IMODE((home / "launcher.lock").stat().st_mode) == 0o600


async def test_each_byte_of_a_fast_writer_is_followed_once(home: Path) -> None:
    code = "import sys\nfor n in range(2000):\n    sys.stdout.write(f'{n:07d}' * 300)\n"
    async with launched(home) as rig:
        directory = rig.make_python(code)
        ended = asyncio.Event()
        heard = bytearray()

        async def follow() -> None:
            async for chunk in logs.follow(directory.log, 0, ended):
                assert chunk.offset == len(heard)
                assert len(chunk.data) <= logs.CHUNK_BYTES_MAX
                heard.extend(chunk.data)

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            await rig.start(directory)
            await rig.ended(directory)
            ended.set()
    assert bytes(heard) == b"".join(f"{n:07d}".encode() * 300 for n in range(2000))


async def wait_for_fifo_reader(rig: Launched) -> rundir.AttemptDir:
    """A run that ends with code 7 when something is written to its fifo."""
    directory = rig.make("sh", "-c", "echo up; read line < fifo; exit 7")
    os.mkfifo(directory.tree / "fifo")
    await rig.start(directory)
    await wait_until_async(lambda: directory.log.read_text() == "up\n")
    return directory


def release(directory: rundir.AttemptDir) -> None:
    with open(directory.tree / "fifo", "w") as fifo:
        fifo.write("go\n")


def kill_shim(directory: rundir.AttemptDir) -> None:
    start = start_of(directory)
    kill(start.shim_pid, start.shim_start_time)


async def test_after_the_kill_of_a_shim_the_launcher_is_the_witness(home: Path) -> None:
    async with launched(home) as rig:
        directory = await wait_for_fifo_reader(rig)
        kill_shim(directory)
        assert rundir.is_alive(start_of(directory))
        release(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.witness) == (7, "launcher")
    assert rundir.read_exit(directory) == ended


async def test_orphans_of_killed_shims_are_told_apart(home: Path) -> None:
    async with launched(home) as rig:
        staying = rig.make_python(ESCAPEE + "\nwhile True: time.sleep(60)\n")
        await rig.start(staying)
        its_escapee = escaped(staying)
        leaving = rig.make_python(
            ESCAPEE + "\nwhile not os.path.exists('go'): time.sleep(0.002)\nsys.exit(5)\n"
        )
        await rig.start(leaving)
        other_escapee = escaped(leaving)
        kill_shim(staying)
        kill_shim(leaving)
        (leaving.tree / "go").touch()
        ended = await rig.ended(leaving)
        assert (ended.code, ended.witness) == (5, "launcher")
        assert not lives(*other_escapee)
        assert lives(*its_escapee)
        await rig.client.signal(staying.path, signal.SIGTERM)
        assert (await rig.ended(staying)).signal == signal.SIGTERM
        assert not lives(*its_escapee)


async def test_a_run_goes_on_without_its_agent_and_is_told_to_the_next(home: Path) -> None:
    async with launched(home) as first:
        later = await wait_for_fifo_reader(first)
        meanwhile = await wait_for_fifo_reader(first)
    release(meanwhile)
    await wait_until_async(meanwhile.exit.exists)
    async with launched(home) as second:
        await second.client.watch(later.path)
        await second.client.watch(meanwhile.path)
        assert (await second.ended(meanwhile)).code == 7
        assert later.path not in second.exits
        assert second.launcher_pid == first.launcher_pid
        release(later)
        assert (await second.ended(later)).code == 7


async def kill_launcher(rig: Launched) -> None:
    killed = rig.launcher_pid
    kill(killed, processes.start_time(killed))
    await wait_until_async(
        lambda: isinstance(rig.links[-1], launcher_client.LinkUp) and rig.launcher_pid != killed
    )


async def test_runs_outlive_their_launcher(home: Path) -> None:
    async with launched(home) as rig:
        directory = await wait_for_fifo_reader(rig)
        await kill_launcher(rig)
        assert any(isinstance(link, launcher_client.LinkDown) for link in rig.links)
        after = rig.make("true")
        await rig.start(after)
        assert (await rig.ended(after)).code == 0
        again = await rig.start(directory)
        assert again.existing is True
        release(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.witness) == (7, "shim")


async def test_with_shim_and_launcher_killed_the_end_is_unknown(home: Path) -> None:
    async with launched(home) as rig:
        directory = await wait_for_fifo_reader(rig)
        await kill_launcher(rig)
        kill_shim(directory)
        assert directory.path not in rig.exits
        release(directory)
        ended = await rig.ended(directory)
    assert (ended.code, ended.signal, ended.witness) == (None, None, "launcher")
    assert ended.error is not None
    assert ended.error.kind == "unknown"
    assert not ended.succeeded


async def test_a_torn_claim_is_told_and_left_alone(home: Path) -> None:
    async with launched(home) as rig:
        directory = rig.make("sh", "-c", "echo ran")
        directory.start.write_bytes(b'{"boot_id"')
        with pytest.raises(launcher_client.StartFailedError) as failed:
            await rig.start(directory)
    assert failed.value.kind is launcher_client.StartFailure.TORN
    assert directory.start.read_bytes() == b'{"boot_id"'
    assert directory.log.read_bytes() == b""
