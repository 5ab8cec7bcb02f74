"""Logs of a real agent's runs: capped, described, searched, saved, and printed for a person."""

import asyncio
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lanherd_client.log_searching import SearchFrames
from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.limits import LOG_MATCHES_MAX, LOG_PATTERN_CHARS_MAX
from lanherd_protocol.states import Running
from lanherd_protocol.values import LogRule
from tests.support.agent_process import AgentProcess
from tests.support.doors import (
    SOON_S,
    new_run_id,
    pair,
    read_log,
    submit,
    through_socket,
    wait_run,
)
from tests.support.lanherd_command import call_text
from tests.support.run_calls import refusal
from tests.support.waiting import wait_until, wait_until_async

MIB = 1 << 20
LOUD = """
import os, sys
line = b"".join(b"%07d\\n" % n for n in range(128 * 1024))
for block in range(48): os.write(1, line)
open(os.environ["LANHERD_OUTPUTS"] + "/printed", "w").close()
sys.stdin.read(); os.read(os.open("go", os.O_RDONLY), 1)
os.write(1, b"the last words\\n")
"""


@pytest.fixture(scope="module")
def agent(lasting_agent: AgentProcess) -> AgentProcess:
    return lasting_agent


@pytest.fixture
def peer(paired_peer: Peer) -> Peer:
    return paired_peer


async def describe(peer: Peer, run: RunId, **more: Any) -> lm.LogDescription:
    return await peer.call(methods.LOGS_DESCRIBE, lm.DescribeLog(run=run, **more))


async def search(
    peer: Peer, run: RunId, pattern: str, **more: Any
) -> tuple[list[lm.LogMatches], lm.LogSearched]:
    request = lm.SearchLog(run=run, pattern=pattern, **more)
    frames, parts = SearchFrames(), list[lm.LogMatches]()
    async with peer.download(methods.LOGS_SEARCH, request) as download:
        async for data in download:
            parts += frames.feed(data)
        return parts, download.response


def run_folder(agent: AgentProcess, run: RunId) -> Path:
    return agent.home / "runs" / run / "1"


# --- Both streams, and what is described ---------------------------------------------------------


async def test_stdout_and_stderr_of_a_split_log(peer: Peer) -> None:
    script = "echo out; echo err >&2; echo more"
    run = await submit(peer, "sh", "-c", script, log=LogRule(split=True))
    await wait_run(peer, run)
    assert (await read_log(peer, run))[0] == b"out\nmore\n"
    data, end = await read_log(peer, run, stream="err", follow=True)
    assert data == b"err\n"
    assert end == lm.LogEnd(attempt=1, offset=4, complete=True)
    described = await describe(peer, run, stream="err")
    assert (described.attempt, described.size_bytes, described.complete) == (1, 4, True)
    (part,), _ = await search(peer, run, "r", stream="err")
    assert part.matches == (lm.LogMatch(0, 0, b"err", 1, 2),)
    merged = await submit(peer, "sh", "-c", script)
    await wait_run(peer, merged)
    assert sorted((await read_log(peer, merged))[0].split()) == [b"err", b"more", b"out"]
    for work in (
        read_log(peer, merged, stream="err"),
        describe(peer, merged, stream="err"),
        search(peer, merged, "x", stream="err"),
    ):
        problem = await refusal(work)
        assert problem.code is ErrorCode.NOT_FOUND
        assert "stderr" in str(problem)


async def test_the_time_index_tells_what_came_when(peer: Peer, agent: AgentProcess) -> None:
    script = "for n in 1 2 3; do echo line $n; sleep 1.2; done"
    began = time.time()
    run = await submit(peer, "sh", "-c", script)
    await wait_run(peer, run)
    described = await describe(peer, run)
    assert described.size_bytes == 21
    assert described.complete
    assert not described.problem
    assert len(described.times) >= 2
    assert list(described.times) == sorted(described.times)
    for offset, at in described.times:
        assert 0 <= offset <= 21
        assert began <= at <= time.time()


# --- The cap -------------------------------------------------------------------------------------


async def test_a_capped_log_keeps_its_head_and_its_tail(agent: AgentProcess, peer: Peer) -> None:
    """A real shim gives up the middle while a reader follows; each byte that is told is right."""
    program = f"import os; os.mkfifo('go')\n{LOUD}"
    run = await submit(peer, "python3", "-c", program, log=LogRule(bytes_max=2 * MIB))
    await wait_run(peer, run, Running)
    folder = run_folder(agent, run)
    following = asyncio.create_task(follow_all(peer, run))
    slow = asyncio.create_task(follow_slowly(peer, run, folder / "log.gap"))
    await wait_until_async((folder / "outputs" / "printed").exists, SOON_S)
    size = 48 * MIB
    await wait_until_async(lambda: (folder / "log").stat().st_blocks * 512 < 20 * MIB, SOON_S)
    described = await describe(peer, run)
    assert described.size_bytes == size
    assert described.stored_bytes <= 20 * MIB
    begin, to = described.gap_from, described.gap_to
    assert MIB // 2 <= begin < to <= size - 3 * MIB // 2
    head, end = await read_log(peer, run)
    assert head == expected(0, begin)
    assert end == lm.LogEnd(attempt=1, offset=begin, complete=False, gap_to=to)
    inside = await read_log(peer, run, offset=begin + 5, length=100)
    assert inside == (b"", lm.LogEnd(attempt=1, offset=begin + 5, complete=False, gap_to=to))
    tail, _ = await read_log(peer, run, offset=to)
    assert tail == expected(to, size)
    # Searched: what is there, and nothing that is gone.
    parts, done = await search(peer, run, "0000099", matches_max=1000)
    offsets = [match.offset for part in parts for match in part.matches]
    # The block at whose middle the tail begins has lost its first lines.
    assert offsets == [n * MIB + 792 for n in range(48) if not begin - 800 < n * MIB + 792 < to]
    assert done.complete
    assert done.offset == size
    nothing, _ = await search(peer, run, "\\x00", regex=True)
    assert not [part for part in nothing if part.matches]
    (folder / "tree" / "go").write_text("x")
    await wait_run(peer, run)
    heard, gaps = await following
    assert heard.endswith(b"the last words\n")
    assert len(heard) == size + len(b"the last words\n")
    for offset in gaps:
        assert begin <= offset
    assert await slow == begin


def expected(begin: int, end: int) -> bytes:
    block = b"".join(b"%07d\n" % n for n in range(128 * 1024))
    return (block * (end // MIB + 1))[begin:end]


async def follow_all(peer: Peer, run: RunId) -> tuple[bytes, list[int]]:
    """All that a follower is told, zeros where he is told of a gap; checked as it comes."""
    heard, gaps = bytearray(), list[int]()
    while True:
        request = lm.ReadLog(run=run, offset=len(heard), follow=True)
        async with peer.download(methods.LOGS_READ, request) as download:
            async for data in download:
                if len(heard) + len(data) <= 48 * MIB:
                    assert data == expected(len(heard), len(heard) + len(data))
                heard += data
            end = download.response
        assert end.offset == len(heard)
        if end.gap_to is None:
            assert end.complete
            return bytes(heard), gaps
        gaps.append(end.offset)
        heard += bytes(end.gap_to - len(heard))


async def follow_slowly(peer: Peer, run: RunId, gap: Path) -> int:
    """Takes something, and nothing more until the log has a gap: where he is told of that."""
    request = lm.ReadLog(run=run, follow=True)
    heard = 0
    async with peer.download(methods.LOGS_READ, request, credit_bytes=65_536) as download:
        async for data in download:
            assert data == expected(heard, heard + len(data))
            heard += len(data)
            await wait_until_async(gap.exists, SOON_S)
        assert download.response.gap_to is not None
    return heard


async def test_a_gap_that_makes_no_sense_is_reported(agent: AgentProcess, peer: Peer) -> None:
    run = await submit(peer, "printf", "0123456789")
    await wait_run(peer, run)
    (run_folder(agent, run) / "log.gap").symlink_to("/etc/passwd")
    for work in (read_log(peer, run), describe(peer, run), search(peer, run, "1")):
        problem = await refusal(work)
        assert problem.code is ErrorCode.NOT_FOUND


# --- Searching -----------------------------------------------------------------------------------


async def test_what_can_not_be_searched_is_refused(peer: Peer) -> None:
    run = await submit(peer, "true")
    await wait_run(peer, run)
    bad: tuple[dict[str, Any], ...] = (
        {"pattern": ""},
        {"pattern": "x" * (LOG_PATTERN_CHARS_MAX + 1)},
        {"pattern": "a\nb"},
        {"pattern": "x", "matches_max": 0},
        {"pattern": "x", "matches_max": LOG_MATCHES_MAX + 1},
        {"pattern": "x", "offset": -1},
        {"pattern": "a(", "regex": True},
    )
    for more in bad:
        problem = await refusal(search(peer, run, **more))
        assert problem.code is ErrorCode.INVALID_REQUEST, more
        assert problem.failure.remedy
    problem = await refusal(search(peer, run, "a(b", regex=True))
    assert "Missing ), unterminated subpattern, at character 2." in str(problem)
    assert problem.failure.data["position"] == 1
    assert (await search(peer, run, "x"))[1] == lm.LogSearched(
        attempt=1, offset=0, lines=0, complete=True
    )


def searchers(agent: AgentProcess) -> list[int]:
    pids = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
    found = []
    for pid in map(int, pids):
        try:
            if "log_search_child" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            continue  # it ended meanwhile
    return found


ENDLESS = "(a+)+[bc]"


async def test_a_search_ends_with_the_wish_or_the_connection(
    agent: AgentProcess, peer: Peer
) -> None:
    run = await submit(peer, "sh", "-c", f"echo {'a' * 64}")
    await wait_run(peer, run)
    task = asyncio.create_task(search(peer, run, ENDLESS, regex=True))
    await wait_until_async(lambda: len(searchers(agent)) == 1)
    (child,) = searchers(agent)
    nicer = os.getpriority(os.PRIO_PROCESS, agent.pid) + 10
    await wait_until_async(lambda: os.getpriority(os.PRIO_PROCESS, child) == nicer)
    task.cancel()
    await wait_until_async(lambda: not searchers(agent), 1.0)
    device = await pair(agent)
    other = await device.connect()
    asked = asyncio.create_task(refusal(search(other, run, ENDLESS, regex=True)))
    await wait_until_async(lambda: len(searchers(agent)) == 1)
    await other.close()
    await wait_until_async(lambda: not searchers(agent), 1.0)
    await asked


async def test_four_search_at_once_and_calls_go_on(agent: AgentProcess, peer: Peer) -> None:
    run = await submit(peer, "sh", "-c", f"echo {'a' * 64}")
    await wait_run(peer, run)
    tasks = [asyncio.create_task(search(peer, run, ENDLESS, regex=True)) for _ in range(4)]
    await wait_until_async(lambda: len(searchers(agent)) == 4)
    waiting = asyncio.create_task(search(peer, run, "aaa"))
    slowest_s = 0.0
    for _ in range(100):
        began = time.monotonic()
        await peer.call(methods.RUNS_GET, m.GetRun(run=run))
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert len(searchers(agent)) == 4
    assert slowest_s < 1.0
    assert not waiting.done()
    tasks.pop().cancel()
    (part,), _ = await waiting
    assert len(part.matches) == 1
    for task in tasks:
        task.cancel()
    await wait_until_async(lambda: not searchers(agent))


# --- Removed files -------------------------------------------------------------------------------


async def test_a_log_that_was_removed_says_so(agent: AgentProcess, peer: Peer) -> None:
    run = await submit(peer, "echo", "words")
    await wait_run(peer, run)
    request = m.RemoveRunFiles(command=CommandId(new_run_id()), run=run)
    await peer.call(methods.RUNS_REMOVE_FILES, request)
    await wait_until_async(lambda: not run_folder(agent, run).exists(), SOON_S)

    async with asyncio.timeout(SOON_S), peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        view = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        while view.files_removed_at is None:
            item = await anext(feed)
            if isinstance(item, FeedEvent) and item.body.view.run == run:
                view = item.body.view
    for ask in (read_log(peer, run), describe(peer, run), search(peer, run, "w")):
        problem = await refusal(ask)
        assert problem.code is ErrorCode.NOT_FOUND
        assert "were removed" in problem.failure.title


# --- A person's view -----------------------------------------------------------------------------


def lanherd(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = call_text(*arguments)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def json_lines(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lanherd(*arguments, "--json").stdout.splitlines()]


PRINT = 'for n in 1 2 3; do echo "step $n loss=0.$n"; done; printf "50%%\\r100%%\\n"; echo Done'


def test_a_person_reads_searches_and_saves(agent: AgentProcess) -> None:
    home = Path(os.environ["HOME"])
    lanherd("pair", "--socket", str(agent.socket))
    lanherd("run", "-f", "--name", "person", "--", "sh", "-c", PRINT)
    text = "step 1 loss=0.1\nstep 2 loss=0.2\nstep 3 loss=0.3\n50%\r100%\nDone\n"
    assert lanherd("logs", "person").stdout == text
    assert lanherd("logs", "person", "--tail", "1").stdout == "Done\n"
    assert lanherd("logs", "person", "--tail", "0", "-f").stdout == ""
    assert lanherd("logs", "person", "--since", "1h").stdout == text
    assert lanherd("logs", "person", "--grep", "step").stdout == text[:48]
    assert lanherd("logs", "person", "--grep", "DONE", "-i").stdout == "Done\n"
    found = json_lines("logs", "person", "--grep", r"loss=0\.[23]", "-E")
    assert [(line["offset"], line["number"], line["match"]) for line in found] == [
        (16, 1, "loss=0.2"),
        (32, 2, "loss=0.3"),
    ]
    limited = lanherd("logs", "person", "--grep", "step", "--max", "2")
    assert limited.stdout == text[:32]
    assert "--offset 32" in limited.stderr
    assert "No line matches" in lanherd("logs", "person", "--grep", "nothing").stderr
    assert "character 2" in lanherd("logs", "person", "--grep", "a(", "-E", code=2).stderr
    target = home / "person.log"
    saved = lanherd("logs", "person", "-o", str(target))
    assert saved.stdout == f"{target}\n"
    assert target.read_bytes() == text.encode()
    os.truncate(target, 20)
    assert "20 B were there already" in lanherd("logs", "person", "-o", str(target)).stderr
    assert target.read_bytes() == text.encode()
    target.write_text("mine")
    assert "is something else" in lanherd("logs", "person", "-o", str(target), code=1).stderr
    assert target.read_text() == "mine"
    assert "is a folder" in lanherd("logs", "person", "-o", str(home), code=1).stderr


def test_a_person_is_told_of_a_gap(agent: AgentProcess) -> None:
    lanherd("pair", "--socket", str(agent.socket))
    identifier = lanherd("run", "--name", "gap", "--", "sh", "-c", "yes | head -c 40000").stdout
    lanherd("logs", "-f", "gap")
    folder = agent.home / "runs" / identifier.strip() / "1"
    (folder / "log.gap").write_bytes(msgspec.json.encode({"from": 4096, "to": 36_864}))
    shown = lanherd("logs", "gap")
    assert len(shown.stdout) == 4096 + 40_000 - 36_864
    (said,) = [line for line in shown.stderr.splitlines() if "cap" in line]
    assert re.search("from byte 4096 to 36864", said)
    lines = json_lines("logs", "gap")
    assert {"attempt": 1, "offset": 4096, "gap_to": 36_864} in lines
    assert not [line for line in lines if "\0" in line.get("text", "")]
    target = Path(os.environ["HOME"]) / "gap.log"
    assert "has a hole" in lanherd("logs", "gap", "-o", str(target)).stderr
    assert target.stat().st_size == 40_000
    assert target.read_bytes()[36_864:] == b"y\n" * 1568
    assert len(lanherd("logs", "gap", "--tail", "5000").stdout) == 40_000 - 36_864
    assert "given up" in lanherd("logs", "gap", "--grep", "y", "--max", "40000").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tail", "1", "--since", "1h"),
        ("--offset", "1", "--tail", "1"),
        ("--grep", "x", "--follow"),
        ("--grep", "x", "--tail", "3"),
        ("--grep", ""),
        ("--regex",),
        ("--output", "x", "--grep", "y"),
        ("--output", "x", "--json"),
        ("--build", "--stream", "err"),
        ("--build", "--grep", "x"),
        ("--since", "banana"),
    ],
)
def test_wishes_that_make_no_sense(arguments: tuple[str, ...]) -> None:
    assert "Usage:" in lanherd("logs", "x", *arguments, code=2).stderr


async def test_a_log_is_read_through_the_socket_too(agent: AgentProcess) -> None:
    async with through_socket(agent) as local:
        run = await submit(local, "echo", "here")
        await wait_run(local, run)
        assert (await describe(local, run)).size_bytes == 5
        wait_until(lambda: not searchers(agent))
