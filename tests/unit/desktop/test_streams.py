"""A log's way into the window: bounded, in order, and over when nobody looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_desktop.state.log_buffer import GapKind
from lanherd_desktop.state.remote_search import SearchQuery
from lanherd_desktop.streams import (
    LOG_BYTES_PER_TICK,
    LOG_QUEUE_BYTES_MAX,
    LOG_QUEUE_CHUNKS_MAX,
    LOG_TAIL_BYTES,
    LOG_WHOLE_BYTES_MAX,
    LogPart,
    LogStream,
    OutputsStream,
    SearchStream,
    Stream,
)
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, Failure, error
from lanherd_protocol.log_messages import LogDescription, LogMatch, LogMatches, LogSearched
from lanherd_protocol.messages import OutputList, OutputsChanged
from tests.support.scripted_agent import eventually
from tests.support.synthetic_room import machine_id, run_id

PLACE = machine_id("kepler"), run_id(1)


class ScriptedRun:
    """Stands for the fleet and its run: gives chunks of one size as fast as they are taken."""

    def __init__(self, chunks: int, size: int) -> None:
        self.chunks = chunks
        self.size = size
        self.given = 0
        self.problem: Exception | None = None
        self.asked: list[tuple[object, ...]] = []
        self.gap_after = -1
        self.long_bytes: int | None = None
        self.listings = 0

    def run_at(self, *place: object) -> "ScriptedRun":
        return self

    async def logs(self, offset: int, **where: object) -> AsyncIterator[LogBytes | LogGap]:
        self.asked.append((offset, where["length"], where["attempt"], where["stream"]))
        for number in range(self.chunks):
            self.given += 1
            yield LogBytes(1, offset + number * self.size, b"x" * self.size)
            if number == self.gap_after:
                yield LogGap(1, offset + (number + 1) * self.size, 5000)
        if self.problem is not None:
            raise self.problem

    async def describe_log(self, **where: object) -> LogDescription:
        if self.long_bytes is None:
            raise error(ErrorCode.NOT_FOUND, "It is not there.")
        return LogDescription(attempt=1, size_bytes=self.long_bytes, stored_bytes=self.long_bytes)

    async def search_log(self, text: str, **how: object) -> AsyncIterator[LogMatches | LogSearched]:
        match = LogMatch(7, 1, text.encode(), 0, 1)
        for number in range(self.chunks):
            yield LogMatches(number * 10, (match,))
            yield LogMatches(number * 10 + 5)
        if self.problem is not None:
            raise self.problem
        yield LogSearched(attempt=1, offset=99, lines=3, complete=True)

    async def outputs(self, attempt: int) -> OutputList:
        return OutputList(attempt=attempt, entries=(), truncated=True, unlisted=3)

    async def watch_outputs(self) -> AsyncIterator[OutputsChanged]:
        for number in range(self.listings):
            yield OutputsChanged(attempt=number, entries=())


class Taken:
    def __init__(self) -> None:
        self.chunks: list[tuple[int, int]] = []
        self.ends: list[Failure | None] = []
        self.gaps: list[tuple[int, GapKind]] = []

    def on_gap(self, to: int, kind: GapKind) -> None:
        self.gaps.append((to, kind))

    def on_chunk(self, data: bytes, offset: int) -> None:
        self.chunks.append((offset, len(data)))

    @property
    def size(self) -> int:
        return sum(size for _, size in self.chunks)


@asynccontextmanager
async def filled(stream: Stream, source: ScriptedRun) -> AsyncIterator[None]:
    async with TaskOwner("test") as tasks:
        stream.begin(tasks.spawn(stream.fill(cast(Fleet, source)), "fill"))
        yield


def log_stream(taken: Taken, part: LogPart | None = None) -> LogStream:
    return LogStream(
        *PLACE,
        on_chunk=taken.on_chunk,
        on_end=taken.ends.append,
        on_gap=taken.on_gap,
        part=part or LogPart(),
    )


@pytest.mark.parametrize(
    ("size", "bound"),
    [(64 * 1024, LOG_QUEUE_BYTES_MAX // (64 * 1024)), (1, LOG_QUEUE_CHUNKS_MAX)],
)
async def test_a_log_waits_for_a_window_that_does_not_look(size: int, bound: int) -> None:
    source, taken = ScriptedRun(bound * 2, size), Taken()
    stream = log_stream(taken)
    async with filled(stream, source):
        await eventually(lambda: source.given == bound + 1)
        for _ in range(100):
            await asyncio.sleep(0)
        assert source.given == bound + 1
        stream.deliver()
        assert taken.size <= LOG_BYTES_PER_TICK
        await eventually(lambda: source.given > bound + 1)

        def all_taken() -> bool:
            stream.deliver()
            return stream.over

        await eventually(all_taken)
    assert taken.size == bound * 2 * size
    assert taken.chunks == [(n * size, size) for n in range(bound * 2)]
    assert taken.ends == [None]


async def test_a_closed_stream_ends_its_reader_and_gives_nothing_more() -> None:
    source, taken = ScriptedRun(10_000, 64 * 1024), Taken()
    stream = log_stream(taken)
    async with TaskOwner("test") as tasks:
        task = tasks.spawn(stream.fill(cast(Fleet, source)), "fill")
        stream.begin(task)
        await eventually(lambda: source.given > 10)
        stream.close()
        await eventually(task.done)
        stream.deliver()
    assert task.cancelled() and stream.over
    assert (taken.chunks, taken.ends) == ([], [])


async def test_a_stream_that_is_closed_before_it_began_does_not_begin() -> None:
    source, taken = ScriptedRun(3, 1), Taken()
    stream = log_stream(taken)
    stream.close()
    async with filled(stream, source):
        pass
    assert source.given == 0


async def test_a_failure_comes_after_what_was_read() -> None:
    source, taken = ScriptedRun(2, 5), Taken()
    source.problem = error(ErrorCode.NOT_FOUND, "It is not there.")
    stream = log_stream(taken)
    async with filled(stream, source):
        await eventually(lambda: stream._result is not None)
    stream.deliver()
    assert taken.size == 10
    assert [end.code for end in taken.ends if end] == [ErrorCode.NOT_FOUND]


@pytest.mark.expects_logs("a stream of the window failed", reason="the bug is the subject")
async def test_a_bug_ends_the_stream_with_words() -> None:
    source, taken = ScriptedRun(0, 1), Taken()
    source.problem = ValueError("odd")
    stream = log_stream(taken)
    async with filled(stream, source):
        await eventually(lambda: stream._result is not None)
    stream.deliver()
    assert [end.message for end in taken.ends if end] == ["ValueError: odd"]


async def test_of_listings_the_latest_is_given() -> None:
    source = ScriptedRun(0, 1)
    source.listings = 50
    seen: list[int] = []
    ends: list[Failure | None] = []
    stream = OutputsStream(
        *PLACE, on_listing=lambda listing: seen.append(listing.attempt), on_end=ends.append
    )
    async with filled(stream, source):
        await eventually(lambda: stream._result is not None)
    stream.deliver()
    stream.deliver()
    assert (seen, ends) == ([49], [None])


async def drained(stream: Stream, source: ScriptedRun) -> None:
    async with filled(stream, source):
        await eventually(lambda: stream._result is not None)
    stream.deliver()


async def test_what_was_given_up_is_told_in_its_place() -> None:
    source, taken = ScriptedRun(3, 10), Taken()
    source.gap_after = 0
    await drained(log_stream(taken), source)
    assert taken.gaps == [(5000, GapKind.CAPPED)] and taken.size == 30


@pytest.mark.parametrize(
    ("size", "begin"),
    [
        (LOG_WHOLE_BYTES_MAX, 0),
        (LOG_WHOLE_BYTES_MAX + 1, LOG_WHOLE_BYTES_MAX + 1 - LOG_TAIL_BYTES),
        (None, 0),
    ],
)
async def test_of_a_long_log_the_end_comes_first(size: int | None, begin: int) -> None:
    source, taken = ScriptedRun(1, 10), Taken()
    source.long_bytes = size
    part = LogPart(attempt=2, stream="err", tail_bytes=LOG_TAIL_BYTES)
    await drained(log_stream(taken, part), source)
    assert source.asked == [(begin, None, 2, "err")]
    assert taken.gaps == ([(begin, GapKind.NOT_LOADED)] if begin else [])


async def test_a_part_of_a_log_is_not_followed() -> None:
    source, taken = ScriptedRun(1, 10), Taken()
    await drained(log_stream(taken, LogPart(offset=700, length=50)), source)
    assert source.asked == [(700, 50, 0, "out")]
    assert taken.gaps == [(700, GapKind.NOT_LOADED)] and taken.chunks == [(700, 10)]


async def test_a_search_tells_every_match_and_the_latest_progress() -> None:
    source, found = ScriptedRun(3, 1), list[LogMatches]()
    ends: list[Failure | None] = []
    stream = SearchStream(
        *PLACE,
        query=SearchQuery("loss"),
        part=LogPart(),
        on_found=found.append,
        on_end=ends.append,
    )
    await drained(stream, source)
    assert [part.searched_to for part in found] == [0, 10, 20, 25]
    assert ends == [None] and stream.over


async def test_a_search_that_fails_says_why_after_what_it_found() -> None:
    source, found = ScriptedRun(1, 1), list[LogMatches]()
    source.problem = error(ErrorCode.INVALID_REQUEST, "That is no pattern.")
    ends: list[Failure | None] = []
    stream = SearchStream(
        *PLACE, query=SearchQuery("("), part=LogPart(), on_found=found.append, on_end=ends.append
    )
    await drained(stream, source)
    assert len(found) == 2 and [end.title for end in ends if end] == ["That is no pattern."]


async def test_what_an_earlier_attempt_left_comes_once() -> None:
    seen: list[OutputsChanged] = []
    ends: list[Failure | None] = []
    stream = OutputsStream(*PLACE, on_listing=seen.append, on_end=ends.append, attempt=2)
    await drained(stream, ScriptedRun(0, 1))
    stream.deliver()
    assert ends == [None]
    assert seen == [OutputsChanged(attempt=2, entries=(), truncated=True, unlisted=3)]
