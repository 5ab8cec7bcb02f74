"""A real agent that is killed under live runs, and finds its records gone, damaged, or at odds with
the directories: it takes up what it can prove, says what it can't, and touches nothing else."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from lanherd_agent.runs.rundir import AttemptDir, Start, open_process, read_exit, read_start
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedGap, Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.states import Ended, Queued, Running, RunView
from lanherd_protocol.values import GpuRequest, Reason, RetryRule, Telemetry
from tests.simulation.making import run_id, stop
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import (
    SOON_S,
    new_run,
    new_run_id,
    pair,
    read_log,
    submit,
    through_socket,
    wait_run,
)
from tests.support.waiting import wait_until, wait_until_async

WAITS = 'mkfifo "$LANHERD_OUTPUTS/go"; echo up; read code < "$LANHERD_OUTPUTS/go"; exit $code'
ALONE = {"gpus": GpuRequest(count=1, exclusive=True)}
MANY = 50
OTHER_BOOT = "0" * 36
OLD_RECORDS = Path(__file__).parents[1] / "compat" / "agent-tables-1.sqlite"


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "agent") as running:
        yield running


def attempt(agent: AgentProcess, run: RunId, number: int = 1) -> AttemptDir:
    return AttemptDir.of(agent.home, run, number)


def start_of(directory: AttemptDir) -> Start:
    start = read_start(directory)
    assert start is not None
    return start


def lives(start: Start) -> bool:
    process = open_process(start.pid, start.start_time)
    if process is not None:
        os.close(process)
    return process is not None


async def waiting_run(agent: AgentProcess, peer: Peer, **more: object) -> RunId:
    """A run that has begun, and waits to be let go."""
    run = await submit(peer, "sh", "-c", WAITS, **more)
    await wait_run(peer, run, Running)
    await wait_until_async((attempt(agent, run).outputs / "go").is_fifo)
    return run


async def let_go(agent: AgentProcess, run: RunId, code: int = 0, number: int = 1) -> None:
    fifo = attempt(agent, run, number).outputs / "go"
    await asyncio.to_thread(fifo.write_text, f"{code}\n")


async def let_go_unseen(agent: AgentProcess, run: RunId, code: int = 0) -> None:
    """While no agent looks, until its shim has said how it ended."""
    await let_go(agent, run, code)
    await wait_until_async(attempt(agent, run).exit.exists)


def ended(view: RunView) -> Ended:
    assert isinstance(view.state, Ended), view
    return view.state


async def problems(peer: Peer) -> dict[str, Reason]:
    status = await peer.call(methods.AGENT_STATUS, m.Empty())
    return {problem.code: problem for problem in status.problems}


def status_of(agent: AgentProcess) -> str:
    command = [sys.executable, "-m", "lanherd_agent.cli", "status", "--home", str(agent.home)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# --- With its records ----------------------------------------------------------------------------


async def test_fifty_runs_are_taken_up_again(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        runs = [await waiting_run(agent, peer) for _ in range(MANY)]
    await asyncio.to_thread(agent.kill)
    end, stay = runs[: MANY // 2], runs[MANY // 2 :]
    for code, run in enumerate(end):
        await let_go_unseen(agent, run, code)
    began = time.monotonic()
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        for code, run in enumerate(end):
            view = await wait_run(peer, run)
            assert ended(view).exit_code == code
            exit_ = read_exit(attempt(agent, run))
            assert exit_ is not None and ended(view).at == exit_.at
        # Far less on a machine that does nothing else: see the soak's figures.
        assert time.monotonic() - began < SOON_S
        status = await peer.call(methods.AGENT_STATUS, m.Empty())
        assert status.live_runs == len(stay) and status.problems == ()
        for code, run in enumerate(stay):
            await let_go(agent, run, code)
        for code, run in enumerate(stay):
            assert ended(await wait_run(peer, run)).exit_code == code


def as_after_a_reboot(agent: AgentProcess, run: RunId) -> None:
    """Its processes are gone without a word, and were of another boot."""
    directory = attempt(agent, run)
    start = start_of(directory)
    for pid in (start.shim_pid, start.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not lives(start))
    directory.start.write_bytes(msgspec.json.encode(replace(start, boot_id=OTHER_BOOT)))


async def test_a_reboot_loses_a_run_or_begins_its_next_attempt(agent: AgentProcess) -> None:
    retry = RetryRule(attempts_max=2, on=("lost",), backoff_s=0.01)
    async with through_socket(agent) as peer:
        once = await waiting_run(agent, peer)
        again = await waiting_run(agent, peer, retry=retry)
    await asyncio.to_thread(agent.kill)
    os.kill(agent.launcher_pid, signal.SIGKILL)
    for run in (once, again):
        await asyncio.to_thread(as_after_a_reboot, agent, run)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        state = ended(await wait_run(peer, once))
        assert (state.outcome, state.reason.code) == ("lost", "lost_reboot")
        await wait_until_async((attempt(agent, again, 2).outputs / "go").is_fifo)
        view = await wait_run(peer, again, Running)
        assert view.attempt == 2
        assert [(one.outcome, one.reason.code) for one in view.earlier] == [("lost", "lost_reboot")]
        await let_go(agent, again, 0, 2)
        assert ended(await wait_run(peer, again)).outcome == "succeeded"


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def foreign(path: Path) -> None:
    os.chown(path, 4712, -1)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def untouched(path: Path) -> tuple[int, ...]:
    """What is the same as long as nobody but readers came by."""
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_uid, found.st_size, found.st_mtime_ns


FLAWS = pytest.mark.parametrize("spoil", [torn, foreign, linked])


@FLAWS
async def test_a_directory_that_was_meddled_with_is_reported_and_left_alone(
    agent: AgentProcess, spoil: Callable[[Path], None]
) -> None:
    """Its run goes on, with what it holds: its launcher knows it, whatever lies on the disk."""
    async with through_socket(agent) as peer:
        run, other = [await waiting_run(agent, peer, **ALONE) for _ in range(2)]
        waiting = await submit(peer, "true", **ALONE)
    await asyncio.to_thread(agent.kill)
    directory = attempt(agent, run)
    start = start_of(directory)
    spoil(directory.start)
    spoilt = untouched(directory.start)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        await wait_until_async(lambda: "is alive and goes on" in agent.log)
        reason = (await problems(peer))["run_directory_untrusted"]
        assert reason.data["run"] == run
        assert reason.text in await asyncio.to_thread(status_of, agent)
        # It was not touched: neither the file, nor what runs, nor what it holds.
        assert untouched(directory.start) == spoilt and lives(start)
        now = await listed(peer)
        assert isinstance(now[run].state, Running) and isinstance(now[waiting].state, Queued)
        await let_go(agent, run, 3)
        over = ended(await wait_run(peer, run))
        assert (over.outcome, over.exit_code) == ("failed", 3)
        assert "run_directory_untrusted" not in await problems(peer)
        assert ended(await wait_run(peer, waiting)).outcome == "succeeded"
        await let_go(agent, other)
        assert ended(await wait_run(peer, other)).outcome == "succeeded"
    assert not lives(start)


@pytest.mark.parametrize("way", ["stopped", "by itself"])
async def test_one_of_which_nothing_else_is_left_is_known_by_its_processes(
    agent: AgentProcess, way: str
) -> None:
    """Neither a launcher, nor a shim, nor a start.json: it is held until these are gone."""
    async with through_socket(agent) as peer:
        retry = RetryRule(attempts_max=2, on=("lost",), backoff_s=0.0)
        run = await waiting_run(agent, peer, retry=retry, **ALONE)
    await asyncio.to_thread(agent.kill)
    directory = attempt(agent, run)
    start = start_of(directory)
    os.kill(agent.launcher_pid, signal.SIGKILL)
    os.kill(start.shim_pid, signal.SIGKILL)
    torn(directory.start)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        await wait_until_async(lambda: "is alive and goes on" in agent.log)
        assert lives(start)
        if way == "stopped":
            wish = m.StopRun(command=CommandId(new_run_id()), run=run, grace_s=5.0)
            await peer.call(methods.RUNS_STOP, wish)
            over = ended(await wait_run(peer, run))
            assert (over.outcome, over.reason.code) == ("cancelled", "stopped")
        else:
            await let_go(agent, run)
            over = ended(await wait_run(peer, run))
            assert (over.outcome, over.reason.code) == ("lost", "lost_untrusted")
    assert not lives(start)
    # Its files are told of as long as they are there.
    await asyncio.to_thread(agent.restart)
    async with through_socket(agent) as peer:
        assert ("run_directory_untrusted" in await problems(peer)) == (way != "stopped")
    shutil.rmtree(directory.path.parent)
    await asyncio.to_thread(agent.restart)
    async with through_socket(agent) as peer:
        assert "run_directory_untrusted" not in await problems(peer)


@pytest.mark.parametrize("way", ["stopped", "over its time"])
async def test_what_is_ended_with_neither_shim_nor_launcher_is_not_lost(
    agent: AgentProcess, way: str
) -> None:
    """Nor tried again as that."""
    limit_s = 4.0 if way == "over its time" else None
    async with through_socket(agent) as peer:
        retry = RetryRule(attempts_max=2, on=("lost",), backoff_s=0.0)
        run = await waiting_run(agent, peer, retry=retry, time_limit_s=limit_s)
    await asyncio.to_thread(agent.kill)
    start = start_of(attempt(agent, run))
    os.kill(agent.launcher_pid, signal.SIGKILL)
    os.kill(start.shim_pid, signal.SIGKILL)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        if way == "stopped":
            wish = m.StopRun(command=CommandId(new_run_id()), run=run, grace_s=5.0)
            await peer.call(methods.RUNS_STOP, wish)
        over = ended(await wait_run(peer, run))
    expected = ("cancelled", "stopped") if limit_s is None else ("timed_out", "timed_out")
    assert (over.outcome, over.reason.code) == expected
    assert "How it ended is not known" in over.reason.text
    assert not lives(start)


# --- Without its records -------------------------------------------------------------------------


def deleted(path: Path) -> None:
    path.unlink()


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def pages_flipped(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)


@pytest.mark.parametrize("spoil", [deleted, overwritten, pages_flipped])
async def test_lost_records_are_made_anew_from_the_directories(
    agent: AgentProcess, spoil: Callable[[Path], None]
) -> None:
    retry = RetryRule(attempts_max=2, on=("failed",), backoff_s=1000.0)
    device = await pair(agent)
    async with device.connected() as peer:
        good = await submit(peer, "sh", "-c", "echo good")
        bad = await submit(peer, "sh", "-c", "exit 3")
        for run in (good, bad):
            await wait_run(peer, run)
        again = await submit(peer, "sh", "-c", "exit 4", retry=retry)
        stay, leave, stop = [await waiting_run(agent, peer) for _ in range(3)]
        first = {view.run: view for view in (await listed(peer)).values()}
        seq = (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).seq
    start = start_of(attempt(agent, stay))
    # It ends well, so that all is in the one file that is spoilt.
    await asyncio.to_thread(agent.end)
    await let_go_unseen(agent, leave, 9)
    spoil(agent.home / "agent.sqlite")
    await asyncio.to_thread(agent.start)

    advert = agent.advert()
    assert advert is not None
    with pytest.raises(LanherdError) as unknown:
        await device.connect(port=int(str(advert["port"])))
    assert unknown.value.code is ErrorCode.NOT_PAIRED
    async with through_socket(agent) as peer:
        now = await listed(peer)
        assert now.keys() == first.keys()
        for run in (good, bad):
            was, state = ended(first[run]), ended(now[run])
            assert (state.outcome, state.at, state.exit_code, state.started_at) == (
                (was.outcome, was.at, was.exit_code, was.started_at)
            )
            assert now[run].spec == first[run].spec
        assert (await read_log(peer, good))[0] == b"good\n"
        assert ended(now[leave]).exit_code == 9
        assert isinstance(now[again].state, Queued) and now[again].settings.held
        assert now[again].attempt == 2 and now[again].earlier[0].exit_code == 4
        running = now[stay].state
        assert isinstance(running, Running)
        assert (running.pid, running.since) == (start.pid, start.at)

        await goes_on(agent, peer, stay, stop, again)
        said = (await problems(peer))["records_rebuilt"]
        assert (said.data["runs"], said.data["held"]) == (6, 1)
        assert said.text in await asyncio.to_thread(status_of, agent)
        assert (await telemetry(peer)).problems[0].code == "records_rebuilt"
        assert await is_told_of_a_gap(peer, seq)
    aside = list(agent.home.glob("agent.sqlite.corrupt-*Z"))
    assert len(aside) == (spoil is not deleted)
    assert "made anew" in agent.log
    await asyncio.to_thread(agent.restart)
    async with through_socket(agent) as peer:
        assert await problems(peer) == {}


async def goes_on(agent: AgentProcess, peer: Peer, stay: RunId, stop: RunId, again: RunId) -> None:
    """What lives can end and be stopped, and what is held can be released."""
    await let_go(agent, stay, 5)
    assert ended(await wait_run(peer, stay)).exit_code == 5
    command = m.StopRun(command=CommandId(new_run_id()), run=stop)
    await peer.call(methods.RUNS_STOP, command)
    assert ended(await wait_run(peer, stop)).outcome == "cancelled"
    release = m.ChangeRun(command=CommandId(new_run_id()), run=again, held=False)
    await peer.call(methods.RUNS_CHANGE, release)
    assert ended(await wait_run(peer, again)).exit_code == 4


async def listed(peer: Peer) -> dict[RunId, RunView]:
    page = await peer.call(methods.RUNS_LIST, m.ListRuns(limit=1000))
    return {view.run: view for view in page.runs}


async def telemetry(peer: Peer) -> Telemetry:
    snapshot = await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())
    assert snapshot.telemetry is not None
    return snapshot.telemetry


async def is_told_of_a_gap(peer: Peer, since: int) -> bool:
    async with (
        asyncio.timeout(SOON_S),
        peer.subscribe(methods.FEED_RUNS, m.Empty(), since=since) as feed,
    ):
        return isinstance(await anext(aiter(feed)), FeedGap)


@FLAWS
async def test_flawed_directories_never_keep_an_agent_from_its_start(
    agent: AgentProcess, spoil: Callable[[Path], None]
) -> None:
    """With the records gone, too: what is left is taken up, and the rest is said."""
    async with through_socket(agent) as peer:
        run, other = [await waiting_run(agent, peer) for _ in range(2)]
        done = await submit(peer, "true")
        await wait_run(peer, done)
    await asyncio.to_thread(agent.kill)
    directory = attempt(agent, run)
    start = start_of(directory)
    spoil(directory.start)
    spoil(attempt(agent, done).spec)
    (agent.home / "runs" / "thesis").mkdir()
    (agent.home / "runs" / new_run_id()).symlink_to("/")
    for left in agent.home.glob("agent.sqlite*"):
        left.unlink()
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        now = await listed(peer)
        assert now.keys() == {run, other}
        found = now[run].state
        assert isinstance(found, Running) and found.pid == start.pid, "its command, not its shim"
        status = await peer.call(methods.AGENT_STATUS, m.Empty())
        flawed = {p.data["run"] for p in status.problems if p.code == "run_directory_untrusted"}
        assert {run, done} < flawed and len(flawed) == 4
        assert lives(start)
        # The id of a run that was refused is not free: its directory is still there.
        await let_go(agent, run)
        assert ended(await wait_run(peer, run)).outcome == "succeeded"
        await let_go(agent, other)
        assert ended(await wait_run(peer, other)).outcome == "succeeded"
        assert ended(await wait_run(peer, await submit(peer, "true"))).outcome == "succeeded"
    await wait_until_async(lambda: not lives(start))


async def test_a_submit_that_was_acknowledged_comes_again_after_the_loss(
    agent: AgentProcess,
) -> None:
    new = new_run("sh", "-c", 'echo x >> "$HOME/ran"')
    async with through_socket(agent) as peer:
        (reply,) = (await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))).runs
        await wait_run(peer, new.run)
    await asyncio.to_thread(agent.kill)
    for left in agent.home.glob("agent.sqlite*"):
        left.unlink()
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        (again,) = (await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))).runs
        assert again == reply
    assert (Path(os.environ["HOME"]) / "ran").read_text() == "x\n"


async def test_a_start_that_was_refused_is_told_as_that_after_the_loss(agent: AgentProcess) -> None:
    """The launcher's answer is all there was of it: no shim has written anything."""
    new = new_run("sh", "-c", 'echo x >> "$HOME/ran"')
    directory = attempt(agent, new.run)
    # No log can be opened where a folder is.
    directory.log.mkdir(parents=True, mode=0o700)
    async with through_socket(agent) as peer:
        await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
        first = ended(await wait_run(peer, new.run))
        assert (first.outcome, first.reason.data["kind"]) == ("failed", "io")
    await asyncio.to_thread(agent.kill)
    for left in agent.home.glob("agent.sqlite*"):
        left.unlink()
    directory.log.rmdir()
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        again = ended((await listed(peer))[new.run])
        assert again.outcome == "failed"
        assert (again.reason.text, again.reason.data) == (first.reason.text, first.reason.data)
        assert ended(await wait_run(peer, await submit(peer, "true"))).outcome == "succeeded"
    assert not (Path(os.environ["HOME"]) / "ran").exists()


# --- Records of an older agent -------------------------------------------------------------------


async def test_an_agent_goes_on_from_the_records_of_an_older_one() -> None:
    """Their runs' directories are not there, so what lived is gone; what waited goes on."""
    home = Path(os.environ["HOME"]) / "agent"
    home.mkdir(mode=0o700)
    (home / "agent.lock").touch(0o600)
    shutil.copyfile(OLD_RECORDS, home / "agent.sqlite")
    with agent_process(home) as agent:
        async with through_socket(agent) as peer:
            *states, wished = [ended(await wait_run(peer, run_id(n))) for n in (6, 7, 8, 9, 12)]
            assert [(state.outcome, state.reason.code) for state in states] == [
                ("succeeded", "succeeded"),
                ("lost", "lost_gone"),
                ("cancelled", "stop_asked"),
                ("failed", "not_found"),
            ]
            # It was to stop as soon as it is started, and is over at once: the signal may be late.
            assert wished.outcome == "cancelled"
            assert wished.reason.code in ("stopped", "stop_asked")
            assert len(await listed(peer)) == 14
            # Each stop that it had taken is known again.
            stopped = await peer.call(methods.RUNS_STOP, stop(13, 3, 5.0))
            assert ended(stopped.view).outcome == "cancelled"
            with pytest.raises(LanherdError) as conflict:
                await peer.call(methods.RUNS_STOP, stop(13, 3, 6.0))
            assert conflict.value.code is ErrorCode.CONFLICT
            restarted = m.RestartRun(run=run_id(1), new_run=new_run_id())
            view = (await peer.call(methods.RUNS_RESTART, restarted)).view
            assert ended(await wait_run(peer, view.run)).outcome == "succeeded"
            assert await problems(peer) == {}
