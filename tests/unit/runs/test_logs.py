import asyncio
import math
import os
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lanherd_agent.runs import logs, rundir
from lanherd_protocol.limits import LOG_TIMES_MAX


async def collect(path: Path, offset: int, ended: asyncio.Event, chunk: int = 4) -> bytes:
    heard = b""
    async for part in logs.follow(path, offset, ended, chunk_bytes_max=chunk):
        assert isinstance(part, logs.LogChunk)
        assert part.offset == offset + len(heard)
        assert 0 < len(part.data) <= chunk
        heard += part.data
    return heard


async def test_reads_are_by_offset(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert logs.size(log) == 0
    assert await logs.read(log, 3) == logs.LogChunk(3, b"")
    log.write_bytes(b"0123456789")
    assert logs.size(log) == 10
    assert await logs.read(log, 3, 4) == logs.LogChunk(3, b"3456")
    assert await logs.read(log, 8, 100) == logs.LogChunk(8, b"89")
    assert await logs.read(log, 100) == logs.LogChunk(100, b"")


async def test_a_read_is_at_most_one_chunk(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(logs.CHUNK_BYTES_MAX + 1))
    chunk = logs.LogChunk(0, bytes(logs.CHUNK_BYTES_MAX))
    assert await logs.read(log, 0, 10**9) == chunk


async def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "log").symlink_to(tmp_path / "secret")
    with pytest.raises(rundir.RunDirError):
        await logs.read(tmp_path / "log", 0)
    with pytest.raises(rundir.RunDirError):
        logs.size(tmp_path / "log")
    with pytest.raises(rundir.RunDirError):
        await collect(tmp_path / "log", 0, asyncio.Event())


async def test_following_an_ended_log_gives_all_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ended = asyncio.Event()
    ended.set()
    assert await collect(log, 0, ended) == b""
    log.write_bytes(b"0123456789")
    assert await collect(log, 0, ended) == b"0123456789"
    assert await collect(log, 7, ended) == b"789"


async def test_following_sees_what_comes_and_what_came_last(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(collect(log, 0, ended, chunk=1024))
        reading = asyncio.Event()
        asyncio.get_running_loop().call_later(0.03, reading.set)
        await reading.wait()
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for n in range(50):
            os.write(fd, f"{n}\n".encode())
            turn = asyncio.Event()
            asyncio.get_running_loop().call_later(0.002, turn.set)
            await turn.wait()
        os.write(fd, b"last")
        os.close(fd)
        ended.set()
    assert following.result() == "".join(f"{n}\n" for n in range(50)).encode() + b"last"


async def test_where_the_page_cache_cannot_be_asked_a_thread_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def would_block(*_: object) -> int:
        raise BlockingIOError(11, "would have to wait for the disk")

    log = tmp_path / "log"
    log.write_bytes(b"cold")
    monkeypatch.setattr(os, "preadv", would_block)
    assert await logs.read(log, 1) == logs.LogChunk(1, b"old")


# --- Gaps ----------------------------------------------------------------------------------------


def give_up(log: Path, begin: int, to: int) -> None:
    """As the shim does it: the record by a rename, then zeros."""
    record = log.with_name("gap.new")
    record.write_bytes(msgspec.json.encode({"from": begin, "to": to}))
    record.rename(log.with_name(f"{log.name}.gap"))
    with log.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(to - begin))


async def parts(path: Path, offset: int, ended: asyncio.Event) -> list[logs.LogChunk | logs.LogGap]:
    return [part async for part in logs.follow(path, offset, ended, chunk_bytes_max=4)]


@pytest.fixture
def over() -> asyncio.Event:
    ended = asyncio.Event()
    ended.set()
    return ended


async def test_a_gap_is_told_and_what_is_around_it_is_read(
    tmp_path: Path, over: asyncio.Event
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"0123456789")
    give_up(log, 3, 7)
    chunk, gap = logs.LogChunk, logs.LogGap
    assert await parts(log, 0, over) == [chunk(0, b"012"), gap(3, 7), chunk(7, b"789")]
    assert await parts(log, 5, over) == [gap(5, 7), chunk(7, b"789")]
    assert await parts(log, 7, over) == [chunk(7, b"789")]
    assert await logs.read(log, 1, 100) == chunk(1, b"12")
    assert await logs.read(log, 4, 100) == gap(4, 7)
    assert await logs.read(log, 8, 1) == chunk(8, b"8")


async def test_a_reader_whom_the_gap_overtakes_is_told_of_it(
    tmp_path: Path, over: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are given up between its look at the log and its look at the gap, or before."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 20)
    give_up(log, 4, 8)
    real, reads = os.preadv, 0

    def punched_meanwhile(*arguments: Any) -> int:
        nonlocal reads
        reads += 1
        if reads == 3:
            give_up(log, 4, 12)
        return real(*arguments)

    monkeypatch.setattr(os, "preadv", punched_meanwhile)
    told = await parts(log, 0, over)
    assert told[:3] == [logs.LogChunk(0, b"xxxx"), logs.LogGap(4, 8), logs.LogGap(8, 12)]
    assert b"".join(p.data for p in told if isinstance(p, logs.LogChunk)) == b"x" * 12


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b'{"from": 3', rundir.Flaw.TORN),
        (b'{"from": 7, "to": 3}', rundir.Flaw.INVALID),
        (b'{"from": -1, "to": 3}', rundir.Flaw.INVALID),
        (b"[]", rundir.Flaw.INVALID),
        (b" " * 5000, rundir.Flaw.TOO_LARGE),
    ],
)
async def test_a_gap_that_makes_no_sense_is_no_gap_and_no_zeros(
    tmp_path: Path, over: asyncio.Event, content: bytes, flaw: rundir.Flaw
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"0123456789")
    (tmp_path / "log.gap").write_bytes(content)
    with pytest.raises(rundir.RunDirError) as caught:
        await parts(log, 0, over)
    assert caught.value.flaw is flaw


def test_a_log_is_described(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert logs.describe(log) == logs.LogFacts(0, 0, logs.NO_GAP, ())
    log.write_bytes(b"0123456789")
    points = [(0, 5.0), (4, 6.0), (8, math.nan), (2, 7.0), (6, 1.0), (10, 8.0), (99, 9.0)]
    index = b"".join(struct.pack("<Qd", *point) for point in points)
    (tmp_path / "log.times").write_bytes(index + b"torn")
    (tmp_path / "log.gap").write_bytes(b'{"problem": "This disk can\'t."}')
    facts = logs.describe(log)
    assert facts.size_bytes == 10
    assert facts.stored_bytes == log.stat().st_blocks * 512
    # In order of both: the clock was set back at 6.
    assert facts.times == ((0, 5.0), (4, 6.0), (6, 6.0), (10, 8.0))
    assert (facts.gap.from_, facts.gap.to, facts.gap.problem) == (0, 0, "This disk can't.")
    (tmp_path / "log.times").unlink()
    (tmp_path / "log.times").symlink_to("/etc/passwd")
    with pytest.raises(rundir.RunDirError):
        logs.describe(log)


def test_a_long_time_index_is_thinned(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 10_000)
    index = b"".join(struct.pack("<Qd", n, float(n)) for n in range(10_000))
    (tmp_path / "log.times").write_bytes(index)
    times = logs.describe(log).times
    assert len(times) == LOG_TIMES_MAX
    assert (times[0], times[-1]) == ((0, 0.0), (9999, 9999.0))
    assert list(times) == sorted(set(times))
