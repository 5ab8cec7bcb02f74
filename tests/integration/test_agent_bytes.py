"""Bytes of a real agent's runs by address: logs, outputs, and listings that must fit a message."""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import pytest

from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.limits import CONTROL_FRAME_BYTES_MAX
from lanherd_protocol.states import Ended, Running
from tests.support.agent_process import AgentProcess
from tests.support.doors import (
    SOON_S,
    new_run,
    pair,
    read_log,
    read_output,
    submit,
    through_socket,
    wait_run,
)
from tests.support.run_calls import refusal, stopped
from tests.support.waiting import wait_until_async


@pytest.fixture(scope="module")
def agent(lasting_agent: AgentProcess) -> AgentProcess:
    return lasting_agent


@pytest.fixture
def peer(paired_peer: Peer) -> Peer:
    return paired_peer


async def refused(work: Awaitable[object]) -> ErrorCode:
    return (await refusal(work)).code


async def test_a_log_by_offset_and_length(peer: Peer) -> None:
    run = await submit(peer, "printf", "0123456789")
    await wait_run(peer, run)
    assert await read_log(peer, run) == (
        b"0123456789",
        lm.LogEnd(attempt=1, offset=10, complete=True),
    )
    assert await read_log(peer, run, offset=4, length=3) == (
        b"456",
        lm.LogEnd(attempt=1, offset=7, complete=False),
    )
    assert await read_log(peer, run, offset=8, length=100, follow=True) == (
        b"89",
        lm.LogEnd(attempt=1, offset=10, complete=True),
    )
    assert (await read_log(peer, run, length=0))[0] == b""
    assert (await read_log(peer, run, offset=10))[1].complete
    assert (await read_log(peer, run, offset=2**62))[0] == b""
    for more in (
        {"offset": -1},
        {"length": -1},
        {"offset": 2**63 - 1},
        {"offset": 2**64 - 1},
        {"length": 2**64 - 1},
    ):
        assert await refused(read_log(peer, run, **more)) is ErrorCode.INVALID_REQUEST, more
    for attempt in (-1, 2, 10**9):
        assert await refused(read_log(peer, run, attempt=attempt)) is ErrorCode.NOT_FOUND
    assert await refused(read_log(peer, run, source="build")) is ErrorCode.NOT_FOUND


async def test_no_bytes_are_asked_for_of_a_log_that_has_none_yet(peer: Peer) -> None:
    run = await submit(peer, "sleep", "600")
    await wait_run(peer, run, Running)
    async with asyncio.timeout(SOON_S):
        assert (await read_log(peer, run, length=0, follow=True))[0] == b""
        assert (await read_log(peer, run))[1] == lm.LogEnd(attempt=1, offset=0, complete=False)
    await stopped(peer, run)
    assert (await read_log(peer, run, follow=True))[1].complete


HOSTILE = """
cd "$LANHERD_OUTPUTS"
echo inside > file; mkdir folder; echo deep > folder/file
echo secret > ../secret; ln -s ../secret link; ln -s /etc/passwd passwd; ln -s .. up; ln -s . here
mkfifo pipe; echo closed > closed; chmod 0 closed; mkdir -m 0 locked
"""


async def test_outputs_by_hostile_paths(peer: Peer) -> None:
    run = await submit(peer, "sh", "-c", HOSTILE)
    await wait_run(peer, run)
    assert await read_output(peer, run, "file") == b"inside\n"
    assert await read_output(peer, run, "folder/file", offset=2, length=2) == b"ep"
    assert await read_output(peer, run, "file", length=0) == b""
    assert await read_output(peer, run, "file", offset=2**62) == b""
    for path in (
        *("", ".", "/", "..", "../secret", "folder/../../secret", "/etc/passwd", "//etc/passwd"),
        *("link", "passwd", "up/secret", "here/file", "pipe", "folder", "nothing", "file/x"),
        *("a\0b", "x" * 300, "/".join(["x"] * 5000), "folder//..//..//secret", "\n"),
    ):
        assert await refused(read_output(peer, run, path)) is ErrorCode.NOT_FOUND, path
    for more in ({"offset": -1}, {"length": -1}, {"offset": 2**63}):
        assert await refused(read_output(peer, run, "file", **more)) is ErrorCode.INVALID_REQUEST
    assert await refused(read_output(peer, run, "file", attempt=2)) is ErrorCode.NOT_FOUND
    listed = await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run))
    kinds = {entry.path: entry.kind for entry in listed.entries}
    assert kinds["passwd"] == kinds["up"] == "link"
    assert "pipe" not in kinds
    assert kinds["locked"] == "directory"


async def test_an_output_that_is_replaced_while_it_is_read(agent: AgentProcess, peer: Peer) -> None:
    """What is fetched is one of the two files and never half of each."""
    size = 12 << 20
    script = 'cd "$LANHERD_OUTPUTS"; head -c %d /dev/zero > file; echo made; exec sleep 600'
    run = await submit(peer, "sh", "-c", script % size)
    async with peer.download(methods.LOGS_READ, lm.ReadLog(run=run, follow=True)) as said:
        async for _ in said:
            break
    outputs = agent.home / "runs" / run / "1" / "outputs"
    request = m.ReadOutput(run=run, path="file")
    async with peer.download(methods.OUTPUTS_READ, request, credit_bytes=1 << 20) as download:
        got = bytearray()
        async for chunk in download:
            if not got:
                await asyncio.to_thread(replace, outputs / "file", size)
            got += chunk
    assert got == bytes(size)
    await stopped(peer, run)


def replace(file: Path, size: int) -> None:
    fresh = file.with_name("fresh")
    fresh.write_bytes(b"1" * size)
    fresh.rename(file)


async def test_outputs_are_told_until_the_run_ends(agent: AgentProcess, peer: Peer) -> None:
    script = 'cd "$LANHERD_OUTPUTS"; echo 1 > one; read go < go; echo 2 > two'
    run = await submit(peer, "sh", "-c", f'mkfifo "$LANHERD_OUTPUTS/go"; {script}')
    told: list[m.OutputsChanged] = []
    async with (
        asyncio.timeout(SOON_S),
        peer.subscribe(methods.FEED_OUTPUTS, m.WatchOutputs(run=run), since=5) as feed,
    ):
        async for item in feed:
            assert isinstance(item, FeedEvent)
            told.append(item.body)
            assert item.seq == 5 + len(told)
            if [entry.path for entry in item.body.entries] == ["one"]:
                fifo = agent.home / "runs" / run / "1" / "outputs" / "go"
                await asyncio.to_thread(fifo.write_text, "go\n")
    # It ended by itself, and what came last was told before.
    assert [entry.path for entry in told[-1].entries] == ["one", "two"]
    assert len(told) <= 4
    async with peer.subscribe(methods.FEED_OUTPUTS, m.WatchOutputs(run=run)) as late:
        assert [
            [entry.path for entry in item.body.entries]
            async for item in late
            if isinstance(item, FeedEvent)
        ] == [["one", "two"]]


async def test_what_has_no_place_in_a_listing_is_counted(peer: Peer) -> None:
    """It is no sign that there are too many."""
    script = 'cd "$LANHERD_OUTPUTS"; echo x > file; mkfifo pipe; : > "$(printf \'\\377\')"'
    run = await submit(peer, "sh", "-c", script)
    await wait_run(peer, run)
    listed = await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run))
    assert [entry.path for entry in listed.entries] == ["file"]
    assert (listed.unlisted, listed.truncated) == (2, False)


async def test_more_outputs_than_a_message_takes(peer: Peer) -> None:
    script = """
import os
os.chdir(os.environ["LANHERD_OUTPUTS"])
for number in range(6000): open("n" * 240 + str(number), "w").close()
"""
    run = await submit(peer, "python3", "-c", script)
    await wait_run(peer, run)
    listed = await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run))
    assert listed.truncated
    assert 2000 < len(listed.entries) < 6000
    async with peer.subscribe(methods.FEED_OUTPUTS, m.WatchOutputs(run=run)) as feed:
        (told,) = [item async for item in feed if isinstance(item, FeedEvent)]
    assert told.body.entries == listed.entries


async def test_large_runs_hide_nobody_elses(agent: AgentProcess, peer: Peer) -> None:
    """A machine full of runs with long commands is still seen, and each of its changes told."""
    variables = {f"V{number}": "y" * 60_000 for number in range(4)}
    async with peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        for _ in range(4):
            await submit(peer, "true", *["x" * 60_000] * 4, variables=variables)
        small = await submit(peer, "true")
        await wait_run(peer, small)
        seen: set[str] = set()
        async with asyncio.timeout(SOON_S):
            async for item in feed:
                assert isinstance(item, FeedEvent)
                if isinstance(item.body.view.state, Ended):
                    seen.add(item.body.view.run)
                if len(seen) == 5:
                    break
    snapshot = await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())
    assert snapshot.runs[0].run == small
    assert len(snapshot.runs) < snapshot.runs_total
    # Page by page everything is there.
    listed: list[str] = []
    before = None
    more = True
    while more:
        page = await peer.call(methods.RUNS_LIST, m.ListRuns(limit=1000, before=before))
        listed += [view.run for view in page.runs]
        before, more = page.runs[-1].run, page.more
    assert seen <= set(listed)
    assert len(listed) == len(set(listed)) == snapshot.runs_total


async def test_a_run_too_large_to_be_told_is_not_taken(agent: AgentProcess, peer: Peer) -> None:
    room = CONTROL_FRAME_BYTES_MAX - 2000
    assert await refused(submit(peer, "true", project="p" * room)) is ErrorCode.TOO_LARGE
    many = tuple(new_run("true", name="n" * 100) for _ in range(2500))
    code = await refused(peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=many)))
    assert code is ErrorCode.TOO_LARGE
    async with through_socket(agent) as local:
        for new in (many[0], many[-1]):
            asked = local.call(methods.RUNS_GET, m.GetRun(run=new.run))
            assert await refused(asked) is ErrorCode.NOT_FOUND
    few = many[:400]
    answer = await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=few))
    assert [view.run for view in answer.runs] == [new.run for new in few]
    # The same again, while they run and when they are over: the same answer.
    assert await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=few)) == answer
    for new in few:
        await wait_run(peer, new.run)
    assert await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=few)) == answer


async def test_telemetry_reaches_every_watcher(agent: AgentProcess) -> None:
    device = await pair(agent)
    peers = [await device.connect() for _ in range(8)]
    seen: list[set[float]] = [set() for _ in peers]

    async def watch(peer: Peer, times: set[float]) -> None:
        numbers: list[int] = []
        async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
            async for item in feed:
                assert isinstance(item, FeedEvent)
                assert len(item.body.gpus) == 2
                numbers.append(item.seq)
                times.add(item.body.at)
                if len(times) == 3:
                    break
        assert numbers == sorted(set(numbers))

    async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as tasks:
        for peer, times in zip(peers, seen, strict=True):
            tasks.create_task(watch(peer, times))
    assert len(set.intersection(*seen)) >= 2, "they see the same samples"
    for peer in peers:
        await peer.close()


async def test_a_reader_who_leaves_costs_nothing(agent: AgentProcess, peer: Peer) -> None:
    """Followers that go away in the middle leave no descriptor behind."""
    run = await submit(peer, "sh", "-c", "yes | head -c 40000000; exec sleep 600")
    await wait_run(peer, run, Running)
    folder = Path(f"/proc/{agent.pid}/fd")

    def logs_open() -> int:
        opened = 0
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):
                opened += os.readlink(folder / name).endswith("/1/log")
        return opened

    for _ in range(20):
        async with peer.download(methods.LOGS_READ, lm.ReadLog(run=run, follow=True)) as download:
            async for _ in download:
                break
    await wait_until_async(lambda: logs_open() == 0)
    await stopped(peer, run)
