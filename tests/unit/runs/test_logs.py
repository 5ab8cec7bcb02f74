import asyncio
import os
from pathlib import Path

import pytest

from lanherd_agent.runs import logs, rundir


async def collect(path: Path, offset: int, ended: asyncio.Event, chunk: int = 4) -> bytes:
    heard = b""
    async for part in logs.follow(path, offset, ended, chunk_bytes_max=chunk):
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
    assert (await logs.read(log, 8, 100)).data == b"89"
    assert (await logs.read(log, 100)).data == b""


async def test_a_read_is_at_most_one_chunk(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(logs.CHUNK_BYTES_MAX + 1))
    assert len((await logs.read(log, 0, 10**9)).data) == logs.CHUNK_BYTES_MAX


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
    assert (await logs.read(log, 1)).data == b"old"
