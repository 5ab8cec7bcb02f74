"""A log's way into the window: bounded, in order, and over when nobody looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from lanherd_client.fleet import Fleet
from lanherd_client.run import LogChunk
from lanherd_desktop.streams import (
    LOG_BYTES_PER_TICK,
    LOG_QUEUE_BYTES_MAX,
    LOG_QUEUE_CHUNKS_MAX,
    LogStream,
    OutputsStream,
    Stream,
)
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, Failure, error
from lanherd_protocol.messages import OutputsChanged
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
        self.listings = 0

    def run_at(self, *place: object) -> "ScriptedRun":
        return self

    async def follow(self, offset: int, **where: object) -> AsyncIterator[LogChunk]:
        for number in range(self.chunks):
            self.given += 1
            yield LogChunk(1, offset + number * self.size, b"x" * self.size)
        if self.problem is not None:
            raise self.problem

    async def watch_outputs(self) -> AsyncIterator[OutputsChanged]:
        for number in range(self.listings):
            yield OutputsChanged(attempt=number, entries=())


class Taken:
    def __init__(self) -> None:
        self.chunks: list[tuple[int, int]] = []
        self.ends: list[Failure | None] = []

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


def log_stream(taken: Taken) -> LogStream:
    return LogStream(*PLACE, on_chunk=taken.on_chunk, on_end=taken.ends.append)


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
