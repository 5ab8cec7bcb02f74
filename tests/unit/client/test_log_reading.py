"""A log read, searched and saved through cuts and over gaps: over a connection in memory."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from msgspec import Struct

from lanherd_client.log_reading import (
    LogBytes,
    LogGap,
    latest_attempt,
    line_offset_at,
    offset_at,
    tail_offset,
)
from lanherd_client.log_saving import save_log
from lanherd_client.log_searching import SearchFrames, search_log
from lanherd_client.run import Run
from lanherd_protocol import log_messages as lm
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ConflictError, ErrorCode, LanherdError, error
from lanherd_protocol.states import AttemptEnd, RunState
from tests.support.scripted_agent import (
    DONE,
    Desk,
    ScriptedAgent,
    desk,
    ended,
    queued,
    run_id,
    running,
)

RUN = run_id(1)


class LogAgent(ScriptedAgent):
    """Has one log with a gap and a time index; can be cut in the middle of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.log = b""
        self.gap = (0, 0)
        self.times: tuple[tuple[int, float], ...] = ()
        self.over = True
        self.found: list[lm.LogMatches] = []
        self.problem: LanherdError | None = None
        self.taken = asyncio.Event()
        self.left = asyncio.Event()
        self.searches: list[lm.SearchLog] = []
        self.reads: list[lm.ReadLog] = []
        self.change(RUN, running())
        self.change(RUN, ended())

    async def on_call(self, call: IncomingCall) -> Struct:
        match call.request:
            case lm.ReadLog() as request:
                self.reads.append(request)
                return await self._send_log(call, request)
            case lm.DescribeLog():
                return lm.LogDescription(
                    attempt=1,
                    size_bytes=len(self.log),
                    stored_bytes=len(self.log),
                    gap_from=self.gap[0],
                    gap_to=self.gap[1],
                    times=self.times,
                    complete=self.over,
                )
            case lm.SearchLog() as request:
                self.searches.append(request)
                try:
                    return await self._search(call, request)
                finally:
                    self.left.set()
            case _:
                return await super().on_call(call)

    async def _send_log(self, call: IncomingCall, request: lm.ReadLog) -> lm.LogEnd:
        begin, to = self.gap
        offset = request.offset
        stop = len(self.log) if request.length is None else offset + request.length
        inside = begin <= offset < to
        end = offset if inside else min(stop, begin) if offset < begin < to else stop
        await self._send(call, self.log[offset:end])
        offset = max(offset, min(end, len(self.log)))
        if inside or (offset == begin < to and offset < stop):
            return lm.LogEnd(attempt=1, offset=offset, complete=False, gap_to=to)
        return lm.LogEnd(attempt=1, offset=offset, complete=self.over)

    async def _search(self, call: IncomingCall, request: lm.SearchLog) -> lm.LogSearched:
        for part in self.found:
            if part.searched_to > request.offset:
                data = msgspec.msgpack.encode(part)
                await self._send(call, len(data).to_bytes(4, "big") + data)
        if self.problem is not None:
            await self.taken.wait()
            problem, self.problem = self.problem, None
            raise problem
        return lm.LogSearched(attempt=1, offset=len(self.log), lines=7, complete=True)


@pytest.fixture
def agent() -> LogAgent:
    return LogAgent()


@pytest_asyncio.fixture
async def one(agent: LogAgent) -> AsyncIterator[Desk]:
    async with desk(agent) as one:
        yield one


@pytest.fixture
def run(one: Desk) -> Run:
    return one.run(RUN)


def cut_after(one: Desk, agent: LogAgent, bytes_sent: int) -> None:
    """The connection is lost once, in the middle of a download."""

    def look(sent: int) -> None:
        if sent >= bytes_sent:
            agent.while_sending = None
            one.wire.cut()

    agent.while_sending = look


async def test_a_gap_is_told_once_through_a_cut(one: Desk, agent: LogAgent, run: Run) -> None:
    agent.log = os.urandom(20_000)
    agent.gap = (7000, 12_000)
    cut_after(one, agent, 3000)
    got = bytearray()
    gaps = []
    async for item in run.logs():
        if isinstance(item, LogGap):
            gaps.append(item)
            got += bytes(item.to - item.offset)
        else:
            assert item.offset == len(got)
            got += item.data
    assert gaps == [LogGap(1, 7000, 12_000)]
    assert got == agent.log[:7000] + bytes(5000) + agent.log[12_000:]
    inside = [item async for item in run.logs(9000, length=3500)]
    assert inside == [LogGap(1, 9000, 12_000), LogBytes(1, 12_000, agent.log[12_000:12_500])]
    assert [item async for item in run.logs(8000, length=100)] == [LogGap(1, 8000, 12_000)]


async def test_following_waits_for_more_and_ends_with_the_log(agent: LogAgent, run: Run) -> None:
    agent.log, agent.over = b"one\n", False
    chunks = run.logs(follow=True)
    assert await anext(chunks) == LogBytes(1, 0, b"one\n")
    agent.log, agent.over = b"one\ntwo\n", True
    assert [item async for item in chunks] == [LogBytes(1, 4, b"two\n")]


async def test_the_log_of_a_run_between_two_attempts_is_that_of_the_last(
    one: Desk, agent: LogAgent
) -> None:
    assert await latest_attempt(one.session, RUN) == 1
    before = AttemptEnd(attempt=2, at=1.0, outcome="failed", reason=DONE)
    view = msgspec.structs.replace(agent.runs[RUN], attempt=3, earlier=(before,))
    latest: tuple[tuple[RunState, int], ...] = (
        (queued(), 2),
        (running(), 3),
        (ended(), 3),
        (ended("cancelled", started_at=None), 2),
    )
    for state, attempt in latest:
        agent.runs[RUN] = msgspec.structs.replace(view, state=state)
        assert await latest_attempt(one.session, RUN) == attempt
    agent.runs[RUN] = msgspec.structs.replace(view, state=queued(), earlier=(), attempt=1)
    assert await latest_attempt(one.session, RUN) == 1


def test_an_offset_by_time() -> None:
    times = [(0, 10.0), (50, 11.0), (90, 11.0), (200, 15.0)]
    at = {9.0: 0, 10.0: 0, 11.0: 90, 14.9: 90, 15.0: 200, 99.0: 200}
    assert {moment: offset_at(times, moment) for moment in at} == at
    assert offset_at([], 5.0) == 0


async def test_lines_since_a_moment_begin_with_a_whole_one(agent: LogAgent, run: Run) -> None:
    agent.log = b"old line\nhalf an old line\nnew\n"
    for offset, begin in ((0, 0), (9, 9), (10, 26), (25, 26), (26, 26), (30, 30)):
        agent.times = ((0, 1.0), (offset, 2.0))
        description = await run.describe_log()
        assert await line_offset_at(run, description, 2.0) == begin, offset
        assert await line_offset_at(run, description, 1.5) == 0
    agent.gap = (8, 20)
    agent.times = ((9, 2.0),)
    assert await line_offset_at(run, await run.describe_log(), 2.0) == 9


@pytest.mark.parametrize("ending", [b"", b"\n"])
async def test_the_last_lines_are_found_from_the_end(
    agent: LogAgent, run: Run, ending: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanherd_client.log_reading.TAIL_BLOCK_BYTES", 100)
    lines = [b"line %d" % n * (n % 7) for n in range(200)] + [b"last"]
    agent.log = b"\n".join(lines) + ending
    for count in (0, 1, 2, 9, 100, 201, 202, 10**6):
        begin = await tail_offset(run, await run.describe_log(), count)
        wanted = b"\n".join(lines[max(0, len(lines) - count) :]) + ending if count else b""
        assert agent.log[begin:] == wanted, count
    # Only the end was read for the last lines.
    agent.reads.clear()
    await tail_offset(run, await run.describe_log(), 3)
    assert min(read.offset for read in agent.reads) > len(agent.log) - 300


async def test_the_last_lines_are_not_looked_for_before_a_gap(agent: LogAgent, run: Run) -> None:
    agent.log = b"a\n" * 1000
    agent.gap = (500, 1900)
    assert await tail_offset(run, await run.describe_log(), 10) == 1980
    assert await tail_offset(run, await run.describe_log(), 60) == 1900
    agent.log = b""
    assert await tail_offset(run, await run.describe_log(), 5) == 0


def match(offset: int, number: int) -> lm.LogMatch:
    return lm.LogMatch(offset, number, b"x" * 500, 0, 1)


async def test_a_search_goes_on_behind_what_has_arrived(
    one: Desk, agent: LogAgent, run: Run
) -> None:
    agent.log = bytes(1000)
    first = lm.LogMatches(300, (match(0, 0), match(100, 1)), 3)
    agent.found = [first, lm.LogMatches(600, tuple(match(400, 4) for _ in range(9)), 6)]
    cut_after(one, agent, 4000)
    found = run.search_log("x", matches_max=50)
    assert await anext(found) == first
    # What comes now is counted by the machine from where the search went on.
    agent.found = [lm.LogMatches(600, (match(400, 1),), 3)]
    assert [item async for item in found] == [
        lm.LogMatches(600, (match(400, 4),), 6),
        lm.LogSearched(attempt=1, offset=1000, lines=10, complete=True),
    ]
    assert [(s.offset, s.matches_max, s.attempt) for s in agent.searches] == [
        (0, 50, 1),
        (300, 48, 1),
    ]


async def test_a_search_that_was_ended_for_a_slow_reader_goes_on(agent: LogAgent, run: Run) -> None:
    agent.found = [lm.LogMatches(300, (match(0, 0),), 3)]
    agent.problem = error(ErrorCode.TIMED_OUT, "The search was ended.")
    found = run.search_log("x")
    assert await anext(found) == agent.found[0]
    agent.taken.set()
    assert len([item async for item in found]) == 1
    assert agent.searches[1].offset == 300
    # One that was ended before anything came would only be ended again.
    agent.problem = error(ErrorCode.TIMED_OUT, "The search was ended.")
    agent.found = []
    with pytest.raises(LanherdError, match="was ended"):
        await anext(run.search_log("x"))


async def test_a_search_that_is_left_ends_on_the_machine(one: Desk, agent: LogAgent) -> None:
    agent.found = [lm.LogMatches(300, (), 3)]
    agent.problem = error(ErrorCode.INTERNAL, "Nobody waits for this.")
    async with aclosing(search_log(one.session, RUN, "x")) as found:
        assert await anext(found) == agent.found[0]
        assert not agent.left.is_set()
    async with asyncio.timeout(10):
        await agent.left.wait()


def test_parts_of_a_search_are_cut_anywhere_and_bounded() -> None:
    parts = [lm.LogMatches(n, (match(n, n),), n) for n in range(20)]
    data = b""
    for part in parts:
        body = msgspec.msgpack.encode(part)
        data += len(body).to_bytes(4, "big") + body
    for size in (1, 3, 4, 500, 10**6):
        frames = SearchFrames()
        got = [
            part for at in range(0, len(data), size) for part in frames.feed(data[at : at + size])
        ]
        assert got == parts
    for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\2\x91\xc3"):
        with pytest.raises(LanherdError) as caught:
            SearchFrames().feed(nonsense)
        assert caught.value.code is ErrorCode.PROTOCOL_ERROR


# --- Saving --------------------------------------------------------------------------------------


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


async def test_a_log_is_saved_and_gone_on_with(
    one: Desk, agent: LogAgent, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "saved.log"
    agent.log = os.urandom(300_000)
    cut_after(one, agent, 100_000)
    told: list[tuple[int, int]] = []
    saved = await save_log(run, target, progress=lambda *done: told.append(done))
    assert content(target) == agent.log
    assert (saved.size_bytes, saved.continued_at, saved.gaps) == (300_000, 0, ())
    assert told[-1] == (300_000, 300_000)
    # It has grown, and what is there is not brought again.
    agent.log += os.urandom(50_000)
    agent.reads.clear()
    saved = await save_log(run, target)
    assert content(target) == agent.log
    assert saved.continued_at == 300_000
    assert sum(read.length or 50_000 for read in agent.reads) < 200_000
    # A part of it, to the very end.
    os.truncate(target, 1234)
    assert (await save_log(run, target)).continued_at == 1234
    assert content(target) == agent.log


async def test_a_gap_is_a_hole_in_the_file(agent: LogAgent, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "saved.log"
    agent.log = os.urandom(300_000)
    agent.gap = (100_000, 200_000)
    saved = await save_log(run, target)
    assert saved.gaps == (LogGap(1, 100_000, 200_000),)
    assert content(target) == agent.log[:100_000] + bytes(100_000) + agent.log[200_000:]
    agent.gap = (100_000, 290_000)
    agent.log += b"more"
    assert (await save_log(run, target)).continued_at == 300_000
    assert content(target).endswith(b"more")
    agent.gap = (100_000, len(agent.log))
    os.truncate(target, 50_000)
    assert (await save_log(run, target)).size_bytes == len(agent.log) == len(content(target))


async def test_only_a_part_of_this_log_is_gone_on_with(
    agent: LogAgent, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "saved.log"
    agent.log = os.urandom(300_000)
    end_differs = agent.log[:200_000] + b"?"
    for other in (b"my notes", end_differs, agent.log + b"more"):
        put(target, other)
        with pytest.raises(ConflictError, match="is something else"):
            await save_log(run, target)
        assert content(target) == other


async def test_what_is_no_plain_file_is_never_written(
    agent: LogAgent, run: Run, tmp_path: Path
) -> None:
    agent.log = b"log"
    kept = tmp_path / "kept"
    put(kept, b"")
    os.symlink(kept, tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "no/folder"):
        with pytest.raises(ConflictError):
            await save_log(run, tmp_path / name)
    assert content(kept) == b""
