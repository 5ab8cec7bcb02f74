"""Searches of logs: what is found against a plain reference, and how a child is held in bounds."""

import asyncio
import contextlib
import json
import os
import random
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lanherd_agent.runs import log_search, log_search_child, rundir
from lanherd_agent.runs.log_search import LogSearches, Query, Searched, SearchProblem
from lanherd_protocol.limits import LOG_MATCH_LINE_BYTES_MAX
from lanherd_protocol.messages import LogMatch, LogMatches
from tests.support.waiting import wait_until_async

SHOWN = LOG_MATCH_LINE_BYTES_MAX


class Found:
    """What a search has sent, taken apart."""

    def __init__(self) -> None:
        self.parts: list[LogMatches] = []

    async def take(self, data: bytes) -> None:
        length = int.from_bytes(data[:4], "big")
        assert length == len(data) - 4
        part = msgspec.msgpack.decode(data[4:], type=LogMatches)
        assert not self.parts or self.parts[-1].searched_to <= part.searched_to
        self.parts.append(part)

    @property
    def matches(self) -> list[LogMatch]:
        return [match for part in self.parts for match in part.matches]


async def find(log: Path, pattern: str, **more: Any) -> tuple[list[LogMatch], Searched]:
    found = Found()
    done = await LogSearches().search(log, Query(pattern=pattern, **more), found.take)
    return found.matches, done


def reference(data: bytes, pattern: "re.Pattern[str]", offset: int = 0) -> list[LogMatch]:
    """Line by line, as slowly as it is plain."""
    matches = []
    for number, line in enumerate(data[offset:].split(b"\n")):
        if offset >= len(data):
            break
        text = line.decode("utf-8", "surrogateescape")
        hit = pattern.search(text)
        if hit is not None:
            start, end = (
                len(text[:place].encode("utf-8", "surrogateescape")) for place in hit.span()
            )
            matches.append(LogMatch(offset, number, line, start, end))
        offset += len(line) + 1
    return matches


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def sample(seed: int) -> bytes:
    chance = random.Random(seed)
    words = [
        b"loss=0.5",
        b"ERROR",
        b"error",
        b"",
        b"\r",
        b"\xff\xfe",
        "größe".encode(),
        b"\0",
        b" ",
    ]
    lines = [b" ".join(chance.choices(words, k=chance.randrange(6))) for _ in range(3000)]
    return b"\n".join(lines) + chance.choice((b"", b"\n"))


PATTERNS = (
    ("error", False, False),
    ("error", False, True),
    ("größe", False, False),
    ("GRÖSSE", False, True),
    ("GRÖßE", False, True),
    (r"loss=(\d+\.\d+)", True, False),
    (r"^ERROR", True, False),
    (r"error$", True, True),
    (r"^$", True, False),
    (r"r.ß", True, False),
    (r"(?<!\s)loss", True, False),
    (r"\A.{3}\Z", True, False),
    (r"[^x]+", True, False),
)


@pytest.mark.parametrize(("pattern", "regex", "ignore_case"), PATTERNS)
async def test_finds_what_a_plain_search_finds(
    log: Path, pattern: str, regex: bool, ignore_case: bool
) -> None:
    data = sample(len(pattern))
    write(log, data)
    flags = re.IGNORECASE if ignore_case else 0
    compiled = re.compile(pattern if regex else re.escape(pattern), flags)
    for offset in (0, 1000, len(data) - 1, len(data), len(data) + 5):
        matches, done = await find(
            log,
            pattern,
            regex=regex,
            ignore_case=ignore_case,
            offset=offset,
            matches_max=100_000,
        )
        assert matches == reference(data, compiled, offset)
        assert done.complete
        assert done.offset == max(offset, len(data))
        rest = data[offset:]
        assert done.lines == rest.count(b"\n") + (bool(rest) and not rest.endswith(b"\n"))


async def test_goes_on_behind_the_last_match_and_finds_none_twice(log: Path) -> None:
    data = sample(7)
    write(log, data)
    for pattern, regex in (("error", False), ("err.r", True)):
        wanted = [match.offset for match in reference(data, re.compile(pattern))]
        got: list[int] = []
        offset = 0
        complete = False
        while not complete:
            matches, done = await find(log, pattern, regex=regex, offset=offset, matches_max=100)
            got += [match.offset for match in matches]
            assert len(matches) == 100 or done.complete
            offset, complete = done.offset, done.complete
        assert got == wanted


def blocks_of(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    for name in ("BLOCK_BYTES", "LINE_BYTES_MAX", "ROW_CHARS_MAX"):
        monkeypatch.setattr(log_search_child, name, size)
    monkeypatch.setattr(log_search_child, "OVERLAP_BYTES", size // 4)
    monkeypatch.setattr(log_search_child, "ROW_OVERLAP_CHARS", size // 4)


class Heard:
    """A channel in place of the child's socket."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data

    def matches(self) -> list[LogMatch]:
        matches: list[LogMatch] = []
        rest = self.data
        while rest:
            length = int.from_bytes(rest[:4], "big")
            if length < log_search_child.LAST:
                part = msgspec.msgpack.decode(rest[4 : 4 + length], type=LogMatches)
                matches += part.matches
            rest = rest[4 + (length & ~log_search_child.LAST) :]
        return matches


@pytest.fixture
def no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the child's code runs in the test's own process, which shall live on."""
    monkeypatch.setattr(log_search_child, "show_life", lambda: None)


def search_here(log: Path, pattern: str, *, regex: bool = False, offset: int = 0) -> list[LogMatch]:
    heard: Any = Heard()
    with opened(log) as (descriptor, directory):
        file = log_search_child.Log(descriptor, directory, "log.gap")
        answer = log_search_child.Answer(heard, 10_000, offset)
        finder = log_search_child.finder_of(pattern, regex, False)
        log_search_child.search(file, offset, finder, answer)
        answer.finish(file.end)
    matches: list[LogMatch] = heard.matches()
    return matches


@contextlib.contextmanager
def opened(log: Path) -> Iterator[tuple[int, int]]:
    descriptors = os.open(log, os.O_RDONLY), os.open(log.parent, os.O_RDONLY)
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@pytest.mark.usefixtures("no_timer")
def test_block_ends_fall_anywhere(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample(3)[:4000]
    write(log, data)
    longest = max(map(len, data.split(b"\n")))
    for size in (longest + 1, longest + 2, 101, 1000):
        blocks_of(monkeypatch, size)
        for pattern, regex in (("error", False), (r"ERR\w+", True), (r"g.+e$", True)):
            compiled = re.compile(pattern if regex else re.escape(pattern))
            assert search_here(log, pattern, regex=regex) == reference(data, compiled)


@pytest.mark.usefixtures("no_timer")
@pytest.mark.parametrize("regex", [False, True])
def test_a_match_in_a_long_line_is_found_wherever_it_is_cut(
    log: Path, monkeypatch: pytest.MonkeyPatch, regex: bool
) -> None:
    """Each place of a needle in a line of many parts, over every cut; and what comes after it."""
    blocks_of(monkeypatch, 64)
    for place in range(300):
        data = b"first\n" + b"-" * place + b"needle" + b"-" * (300 - place) + b"\nafter needle"
        write(log, data)
        first, second = search_here(log, "needl[e]" if regex else "needle", regex=regex)
        assert first.offset + first.cut + first.start == 6 + place
        assert data[6 + place :].startswith(first.line[first.start : first.end])
        assert (first.number, second.number) == (1, 2)
        assert second == LogMatch(data.index(b"after"), 2, b"after needle", 6, 12)


@pytest.mark.usefixtures("no_timer")
def test_a_line_of_carriage_returns_is_cut_at_them(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_of(monkeypatch, 100)
    bars = [f"{n:03d} it/s".encode() for n in range(100)]
    write(log, b"\r".join(bars))
    matches = search_here(log, r"^\d+ it", regex=True)
    assert {match.number for match in matches} == {0}
    assert all(match.line[match.start : match.end] in b"\r".join(bars) for match in matches)
    assert len(matches) > 5, "each part of it is looked at as a line"


@pytest.mark.parametrize("regex", [False, True])
async def test_a_long_line_is_shown_around_its_match(log: Path, regex: bool) -> None:
    for before, after in ((0, 10**5), (3000, 10**5), (10**5, 10**5), (10**5, 10), (4090, 0)):
        data = b"x" * before + b"needle" + b"y" * after
        write(log, b"one\n" + data + b"\n")
        (match,), _ = await find(log, "needle", regex=regex)
        assert (match.offset, match.number) == (4, 1)
        assert len(match.line) == min(SHOWN, len(data))
        assert match.line == data[match.cut : match.cut + len(match.line)]
        assert match.line[match.start : match.end] == b"needle"


async def test_a_line_without_end_takes_no_more_memory_than_others(log: Path) -> None:
    """A line of 600 MB, which is more than a child may have."""
    with log.open("wb") as file:
        file.truncate(600 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"needle")
    for regex in (False, True):
        (match,), done = await find(log, "needle", regex=regex)
        assert match.offset + match.cut + match.start == 600 << 20
        assert done == Searched(offset=(600 << 20) + 6, lines=1, complete=True)


def give_up(log: Path, begin: int, to: int) -> None:
    new = log.with_name("new")
    new.write_text(f'{{"from": {begin}, "to": {to}}}')
    new.rename(log.with_name("log.gap"))
    with log.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(to - begin))


async def test_what_was_given_up_is_passed_over(log: Path) -> None:
    data = b"".join(b"line %04d\n" % n for n in range(1000))
    write(log, data)
    give_up(log, 25, 9975)
    matches, done = await find(log, "line")
    # The third line ends at the gap; the first one behind it has lost its beginning.
    assert [match.offset for match in matches] == [0, 10, 20, 9980, 9990]
    assert [match.number for match in matches] == [0, 1, 2, 4, 5]
    assert [match.line for match in matches[1:4]] == [b"line 0001", b"line ", b"line 0998"]
    assert done == Searched(offset=10_000, lines=6, complete=True)
    assert not (await find(log, r"\x00", regex=True))[0]
    inside, _ = await find(log, "line", offset=5000)
    assert [match.number for match in inside] == [1, 2]
    give_up(log, 25, 10_000)
    assert (await find(log, "line", offset=30))[1] == Searched(
        offset=10_000, lines=0, complete=True
    )


@pytest.mark.usefixtures("no_timer")
def test_zeros_of_a_gap_that_comes_meanwhile_are_never_searched(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_of(monkeypatch, 64)
    write(log, b"".join(b"line %04d\n" % n for n in range(100)))
    real, reads = os.pread, 0

    def punched_meanwhile(*arguments: Any) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 3:
            give_up(log, 100, 500)
        return real(*arguments)

    monkeypatch.setattr(os, "pread", punched_meanwhile)
    offsets = [match.offset for match in search_here(log, r"^line|\x00", regex=True)]
    # The second read ended at 128, before they were given up.
    assert offsets == [*range(0, 130, 10), *range(500, 1000, 10)]


async def test_a_log_that_grows_is_searched_to_where_it_ended(log: Path) -> None:
    write(log, b"needle\n" * 200_000)
    found = Found()

    async def grow(data: bytes) -> None:
        with log.open("ab") as file:
            file.write(b"needle\n" * 1000)
        await found.take(data)

    query = Query(pattern="needle", matches_max=10**6)
    done = await LogSearches().search(log, query, grow)
    assert done == Searched(offset=1_400_000, lines=200_000, complete=True)
    assert len(found.matches) == 200_000
    assert [part.lines for part in found.parts] == [part.searched_to // 7 for part in found.parts]


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
    assert (await problem_of(log, "(a+)+b")).kind == "slow"


async def test_a_search_is_killed_when_nobody_wants_it(log: Path) -> None:
    """In the middle of a match too; its turn is free at once."""
    write(log, b"a" * 64 + b"\n")
    searches = LogSearches(at_once=1)
    found = Found()
    endless = Query(pattern="(a+)+b", regex=True)
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
        task = group.create_task(problem_of(log, "(a+)+b"))
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


@pytest.mark.usefixtures("no_timer")
def test_a_pattern_that_needs_too_much_memory(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, b"x\n")

    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(log_search_child, "finder_of", greedy)
    ours, theirs = socket.socketpair()
    with ours, theirs, opened(log) as (descriptor, directory):
        request = {"pattern": "x", "regex": True, "ignore_case": False, "offset": 0}
        request |= {"matches_max": 1, "log": descriptor, "directory": directory}
        data = json.dumps(request | {"gap_name": "log.gap"}).encode()
        ours.sendall(len(data).to_bytes(4, "big") + data)
        log_search_child.serve(theirs)
        assert json.loads(ours.recv(1000)[4:])["problem"] == "memory"


def test_both_sides_mean_the_same_bounds() -> None:
    assert log_search_child.SHOWN_BYTES_MAX == LOG_MATCH_LINE_BYTES_MAX
    assert log_search.PART_BYTES_MAX > log_search_child.PART_BYTES + 2 * SHOWN
