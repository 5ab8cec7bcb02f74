"""How searches of logs are held in bounds: their processor time, their turns, their readers."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from lanherd_agent.runs import log_search_child, rundir
from lanherd_agent.runs.log_search import LogSearches, Query, Searched, SearchProblem
from tests.support.waiting import wait_until_async
from tests.unit.runs.searching import Found, find, opened, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def problem_of(log: Path, pattern: str, **more: Any) -> SearchProblem:
    with pytest.raises(SearchProblem) as caught:
        await find(log, pattern, regex=True, **more)
    return caught.value


async def test_what_is_no_pattern_is_said_in_the_words_of_re(log: Path) -> None:
    write(log, b"line\n")
    problem = await problem_of(log, "a(b")
    assert (problem.kind, problem.position) == ("pattern", 1)
    assert problem.text == "missing ), unterminated subpattern"
    for pattern in ("*", "[", "(?P<n", r"\8", "(" * 4000, "a{99999999999999999999}"):
        assert (await problem_of(log, pattern)).kind == "pattern", pattern


async def test_a_pattern_that_never_ends_is_ended(log: Path) -> None:
    write(log, b"fine\n" * 1000 + b"a" * 64 + b"\n")
    searches, found = LogSearches(cpu_s=0.2), Found()
    with pytest.raises(SearchProblem, match="slow"):
        await searches.search(log, Query(pattern="(a+)+[bc]", regex=True), found.take)


async def test_a_search_is_killed_when_nobody_wants_it(log: Path) -> None:
    """In the middle of a match too; its turn is free at once."""
    write(log, b"a" * 64 + b"\n")
    searches = LogSearches(at_once=1)
    found = Found()
    endless = Query(pattern="(a+)+[bc]", regex=True)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(searches.search(log, endless, found.take))
        await wait_until_async(lambda: bool(children()))
        (child,) = children()
        task.cancel()
    assert child not in children()
    assert (await searches.search(log, Query(pattern="b"), found.take)).complete


def children() -> list[int]:
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in map(int, pids) if "log_search_child" in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""  # it ended meanwhile


async def test_a_reader_who_takes_nothing_stops_the_child(log: Path) -> None:
    write(log, b"needle\n" * 200_000)
    took, gate = 0, asyncio.Event()

    async def slow(data: bytes) -> None:
        nonlocal took
        took += 1
        await gate.wait()

    query = Query(pattern="needle", matches_max=10**6)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(LogSearches().search(log, query, slow))
        await wait_until_async(lambda: took == 1)
        (child,) = children()
        # It waits for its socket: asleep, and with no more in memory than before.
        await wait_until_async(lambda: state_of(child) == "S")
        assert took == 1
        gate.set()
    assert task.result().lines == 200_000


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_reader_who_stays_away_gives_his_turn_back(log: Path) -> None:
    write(log, b"needle\n")
    searches = LogSearches(at_once=1, turn_wait_s=0.05)

    async def never(data: bytes) -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(searches.search(log, Query(pattern="e"), never))
        await wait_until_async(lambda: bool(children()))
        with pytest.raises(SearchProblem, match="busy"):
            await searches.search(log, Query(pattern="e"), never)
        first.cancel()
    with pytest.raises(SearchProblem, match="stalled"):
        await searches.search(log, Query(pattern="e"), never, reader_wait_s=0.05)


async def test_a_child_that_is_killed_by_others_is_told(log: Path) -> None:
    write(log, b"a" * 64 + b"\n")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(problem_of(log, "(a+)+[bc]"))
        await wait_until_async(lambda: bool(children()))
        os.kill(children()[0], 9)
    assert task.result().kind == "died"
    assert "-9" in task.result().text


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


async def test_logs_that_are_none(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await find(log, "x") == ([], Searched(offset=0, lines=0, complete=True))
    link(log)
    with pytest.raises(rundir.RunDirError):
        await find(log, "root")
    os.unlink(log)
    write(log, b"root")
    link(log.with_name("log.gap"))
    with pytest.raises(SearchProblem, match="unreadable"):
        await find(log, "root")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(SearchProblem, match="can't be started"):
        await find(log, "root")


def test_a_pattern_that_needs_too_much_memory(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Here the child's code runs in the test's own process, which shall live on.
    monkeypatch.setattr(log_search_child, "show_life", lambda: None)
    write(log, b"x\n")

    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(log_search_child, "finder_of", greedy)
    ours, theirs = socket.socketpair()
    with ours, theirs, opened(log) as (descriptor, directory):
        request = {"pattern": "x", "regex": True, "ignore_case": False, "offset": 0}
        request |= {"matches_max": 1, "cpu_ms": 5000, "log": descriptor, "directory": directory}
        data = json.dumps(request | {"gap_name": "log.gap"}).encode()
        ours.sendall(len(data).to_bytes(4, "big") + data)
        log_search_child.serve(theirs)
        assert json.loads(ours.recv(1000)[4:])["problem"] == "memory"
