"""A real agent that is killed, restarted and told to end: nothing acknowledged is lost, nothing
runs twice, and runs go on without it.

As this is about the process, each is executed as a service manager does it, never forked."""

import asyncio
import contextlib
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.runs import shim
from lanherd_agent.runs.rundir import AttemptDir, read_start
from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, FeedGap, Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.states import Ended, Running, RunView
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
from tests.support.live_files import entries_below
from tests.support.waiting import wait_until, wait_until_async

BURST = 24
WAITS = 'mkfifo "$LANHERD_OUTPUTS/go"; echo up; read go < "$LANHERD_OUTPUTS/go"; echo over'


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "agent", executed=True) as running:
        yield running


async def killed_and_started(agent: AgentProcess) -> None:
    await asyncio.to_thread(agent.kill)
    await asyncio.to_thread(agent.start)


def fifo(agent: AgentProcess, run: RunId) -> Path:
    return agent.home / "runs" / run / "1" / "outputs" / "go"


async def let_go(agent: AgentProcess, run: RunId) -> None:
    await asyncio.to_thread(fifo(agent, run).write_text, "go\n")


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def has_ended(view: RunView, outcome: str) -> bool:
    return isinstance(view.state, Ended) and view.state.outcome == outcome


async def test_killed_in_the_middle_of_submits(agent: AgentProcess) -> None:
    """At many moments: after each of these numbers of answers, with the rest under way."""
    device = await pair(agent)
    told: dict[RunId, RunView] = {}
    news: list[m.NewRun] = []
    ran = Path(os.environ["HOME"])
    for answers in (0, 0, 1, 2, 5, 11, BURST - 1):
        burst = [new_run("sh", "-c", f'echo x >> "{ran}/$LANHERD_RUN_ID"') for _ in range(BURST)]
        news += burst
        peer = await device.connect()
        told |= await killed_after(agent, peer, burst, answers)
        await peer.close()
        device = await pair(agent)

    async with device.connected() as peer:
        for new in news:
            reply = await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
            (view,) = reply.runs
            known = told.get(new.run, view)
            assert (view.run, view.spec, view.owner) == (new.run, new.spec, known.owner)
            assert view.submitted_at == known.submitted_at
        for new in news:
            assert has_ended(await wait_run(peer, new.run), "succeeded")
            assert (ran / new.run).read_text() == "x\n", "it ran twice, or not at all"
        listed = await peer.call(methods.RUNS_LIST, m.ListRuns(limit=1000))
        assert sorted(view.run for view in listed.runs) == sorted(new.run for new in news)
        # The same id for something else is no repetition.
        other = m.NewRun(run=news[0].run, spec=new_run("false").spec)
        with pytest.raises(LanherdError) as caught:
            await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(other,)))
        assert caught.value.code is ErrorCode.CONFLICT


async def killed_after(
    agent: AgentProcess, peer: Peer, burst: list[m.NewRun], answers: int
) -> dict[RunId, RunView]:
    """Submits them all at once, and kills the agent when so many were answered; those answers."""
    told: dict[RunId, RunView] = {}
    enough = asyncio.Event()
    failures: set[ErrorCode] = set()

    async def send(new: m.NewRun) -> None:
        try:
            reply = await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
        except LanherdError as lost:
            failures.add(lost.code)
            return
        told[new.run] = reply.runs[0]
        if len(told) >= answers:
            enough.set()

    async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as tasks:
        for new in burst:
            tasks.create_task(send(new))
        if answers:
            await enough.wait()
        await killed_and_started(agent)
    assert failures <= {ErrorCode.CONNECTION_LOST}
    return told


async def test_runs_go_on_while_the_agent_is_away(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        ends, stays = [await submit(peer, "sh", "-c", WAITS) for _ in range(2)]
        for run in (ends, stays):
            async with peer.download(methods.LOGS_READ, lm.ReadLog(run=run, follow=True)) as log:
                async for _ in log:
                    break
        before = (await wait_run(peer, stays, Running)).state
        assert isinstance(before, Running)
        seq = (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).seq
    await asyncio.to_thread(agent.kill)
    await let_go(agent, ends)
    await wait_until_async((agent.home / "runs" / ends / "1" / "exit.json").exists)
    assert is_alive(before.pid)
    await asyncio.to_thread(agent.start)

    async with through_socket(agent) as peer:
        assert has_ended(await wait_run(peer, ends), "succeeded")
        assert await read_log(peer, ends) == (
            b"up\nover\n",
            lm.LogEnd(attempt=1, offset=8, complete=True),
        )
        after = (await wait_run(peer, stays, Running)).state
        assert isinstance(after, Running)
        assert (after.pid, after.since) == (before.pid, before.since)
        # A follower goes on from the byte that it has.
        request = lm.ReadLog(run=stays, offset=3, follow=True)
        async with (
            asyncio.timeout(SOON_S),
            peer.download(methods.LOGS_READ, request) as log,
            peer.subscribe(methods.FEED_RUNS, m.Empty(), since=seq) as feed,
        ):
            await let_go(agent, stays)
            assert b"".join([chunk async for chunk in log]) == b"over\n"
            numbers: list[int] = []
            async for item in feed:
                assert isinstance(item, FeedEvent)
                numbers.append(item.seq)
                if item.body.view.run == stays and isinstance(item.body.view.state, Ended):
                    break
        # Nothing that happened over the restart was left out.
        assert numbers == list(range(seq + 1, numbers[-1] + 1))


async def test_a_feed_is_resumed_by_its_number(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        runs = [await submit(peer, "true") for _ in range(5)]
        for run in runs:
            await wait_run(peer, run)
        seq = (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).seq
        whole = await events(peer, 0, seq)
    await killed_and_started(agent)
    async with through_socket(agent) as peer:
        again = await events(peer, 0, seq)
        assert [(item.seq, item.body.view.state) for item in again] == [
            (item.seq, item.body.view.state) for item in whole
        ]
        assert [item.seq for item in await events(peer, seq - 3, seq)] == [seq - 2, seq - 1, seq]
        # Whoever knows more than the agent does has another picture: it is told to look again.
        async with (
            asyncio.timeout(SOON_S),
            peer.subscribe(methods.FEED_RUNS, m.Empty(), since=seq + 1000) as feed,
        ):
            stream = aiter(feed)
            assert isinstance(await anext(stream), FeedGap)
            run = await submit(peer, "true")
            told = await anext(stream)
            assert isinstance(told, FeedEvent)
            assert (told.seq, told.body.view.run) == (seq + 1, run)


async def events(peer: Peer, since: int, last: int) -> list[FeedEvent[m.RunChanged]]:
    found: list[FeedEvent[m.RunChanged]] = []
    async with (
        asyncio.timeout(SOON_S),
        peer.subscribe(methods.FEED_RUNS, m.Empty(), since=since) as feed,
    ):
        async for item in feed:
            assert isinstance(item, FeedEvent)
            found.append(item)
            if item.seq == last:
                break
    return found


async def test_sigterm_ends_the_agent_and_no_run(agent: AgentProcess) -> None:
    device = await pair(agent)
    peers = [await device.connect() for _ in range(3)]
    strangers = [await asyncio.open_connection("127.0.0.1", device.paired.port) for _ in range(3)]
    run = await submit(peers[0], "sh", "-c", WAITS)
    request = lm.ReadLog(run=run, follow=True)
    async with peers[0].download(methods.LOGS_READ, request) as log:
        async for _ in log:
            break
        running = (await wait_run(peers[1], run, Running)).state
        assert isinstance(running, Running)
        began = time.monotonic()
        assert await asyncio.to_thread(agent.end) == 0
        took = time.monotonic() - began
    assert took < 2.0
    failure = await peers[2].wait_closed()
    assert failure is not None
    assert failure.code is ErrorCode.SHUTTING_DOWN
    assert agent.advert() is None
    assert not agent.socket.exists()
    assert is_alive(running.pid)
    for peer in peers:
        await peer.close()
    for _, writer in strangers:
        writer.transport.abort()
    # The launcher goes on for its run alone, and then it isn't needed any more.
    launcher = agent.launcher_pid
    agent.end_launcher()
    assert is_alive(launcher)
    await let_go(agent, run)
    await wait_until_async(lambda: not is_alive(launcher))
    assert not is_alive(running.pid)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        assert has_ended(await wait_run(peer, run), "succeeded")


async def test_a_run_can_be_stopped_after_its_launcher_was_killed(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        run = await submit(peer, "sh", "-c", "sleep 600 & wait")
        state = (await wait_run(peer, run, Running)).state
        assert isinstance(state, Running)
        os.kill(agent.launcher_pid, 9)
        stop = m.StopRun(command=CommandId(new_run_id()), run=run, grace_s=0.5)
        await peer.call(methods.RUNS_STOP, stop)
        await wait_run(peer, run)
        wait_until(lambda: not is_alive(state.pid))
        # And the next one finds a launcher.
        assert has_ended(await wait_run(peer, await submit(peer, "true")), "succeeded")


async def test_a_run_whose_start_was_cut_short_lives_on(agent: AgentProcess) -> None:
    """Agent, launcher and shim were killed between its command's start and the note of its pid."""
    async with through_socket(agent) as peer:
        run = await submit(peer, "sh", "-c", WAITS)
        before = (await wait_run(peer, run, Running)).state
        assert isinstance(before, Running)
        await wait_until_async(fifo(agent, run).is_fifo)
    await asyncio.to_thread(agent.kill)
    os.kill(agent.launcher_pid, 9)
    directory = AttemptDir.of(agent.home, run, 1)
    start = read_start(directory)
    assert start is not None
    os.kill(start.shim_pid, 9)
    wait_until(lambda: not is_alive(start.shim_pid))
    cut_short = msgspec.structs.replace(start, pid=0, start_time=0)
    shim.fill_start(str(directory.path), msgspec.to_builtins(cut_short))
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as peer:
        await wait_until_async(lambda: read_start(directory) == start)
        assert (await wait_run(peer, run, Running)).state == before
        await let_go(agent, run)
        over = (await wait_run(peer, run)).state
        assert isinstance(over, Ended)
        assert (over.outcome, over.reason.code) == ("lost", "lost_unknown")
        assert (await read_log(peer, run))[0] == b"up\nover\n", "once, and to its end"


async def test_one_run_that_can_not_be_laid_out_fails_alone(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        new = new_run("true")
        (agent.home / "runs" / new.run).write_text("in the way")
        await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
        view = await wait_run(peer, new.run)
        assert has_ended(view, "failed")
        assert isinstance(view.state, Ended)
        assert "directory could not be made" in view.state.reason.text
        assert has_ended(await wait_run(peer, await submit(peer, "true")), "succeeded")


async def test_a_variable_that_is_no_text_stops_no_run() -> None:
    agent = AgentProcess(
        Path(os.environ["HOME"]) / "agent",
        variables={"ODD": "\udcff", "EVEN": "even"},
        executed=True,
    )
    agent.start()
    try:
        async with through_socket(agent) as peer:
            run = await submit(peer, "sh", "-c", 'echo "$EVEN-$ODD-$LANHERD_RUNTIME_DIR"')
            assert has_ended(await wait_run(peer, run), "succeeded")
            assert (await read_log(peer, run))[0] == b"even--\n"
        assert "'ODD': it isn't UTF-8" in agent.log
    finally:
        agent.end()
        agent.end_launcher()


def test_the_service_manager_is_told_how_it_is() -> None:
    folder = Path(os.environ["HOME"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(SOON_S)
        variables = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"}
        agent = AgentProcess(folder / "agent", variables=variables, executed=True)
        agent.start()
        try:
            assert manager.recv(100) == b"READY=1"
            assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        finally:
            agent.end()
            agent.end_launcher()
        while (told := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert told == b"STOPPING=1"


@pytest.mark.parametrize("umask", [0o000, 0o022])
async def test_nothing_is_readable_by_others(umask: int) -> None:
    before = os.umask(umask)
    try:
        agent = AgentProcess(Path(os.environ["HOME"]) / "agent", executed=True)
        agent.start()
    finally:
        os.umask(before)
    try:
        await pair(agent)
        async with through_socket(agent) as peer:
            run = await submit(peer, "sh", "-c", 'echo log; echo x > "$LANHERD_OUTPUTS/x"; umask')
            await wait_run(peer, run)
            # What a run makes is its own affair, inside a directory that is closed.
            assert (await read_log(peer, run))[0] == b"log\n0022\n"
        assert open_to_others(agent, run) == []
        assert stat.S_IMODE(agent.home.stat().st_mode) == 0o700
        assert stat.S_IMODE(agent.socket.stat().st_mode) == 0o600
    finally:
        agent.end()
        agent.end_launcher()


def open_to_others(agent: AgentProcess, run: RunId) -> list[str]:
    """What has a mode that lets others in, but for what the run itself has made."""
    advert = next(Path(os.environ["LANHERD_RUNTIME_DIR"]).glob("lanherd/agents/*.json"))
    own = agent.home / "runs" / run / "1"
    around = [(path, path.lstat()) for path in (agent.home, advert, advert.parent)]
    return [
        f"{stat.filemode(entry.st_mode)} {path}"
        for path, entry in [*around, *entries_below(agent.home)]
        if entry.st_mode & 0o077
        and not stat.S_ISLNK(entry.st_mode)
        and not {own / "outputs", own / "tree"} & set(path.parents)
    ]
