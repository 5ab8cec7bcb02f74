"""Searches of logs: what is found, against a plain reference."""

import os
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lanherd_agent.runs import log_search, log_search_child
from lanherd_agent.runs.log_search import LogSearches, Query, Searched
from lanherd_protocol.limits import LOG_MATCH_LINE_BYTES_MAX
from lanherd_protocol.log_messages import LogMatch, LogMatches
from tests.unit.runs.searching import Found, find, opened, write

SHOWN = LOG_MATCH_LINE_BYTES_MAX


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
    """One that is longer than a child's memory may be."""
    size = log_search_child.MEMORY_BYTES_MAX
    with log.open("wb") as file:
        file.truncate(size)
        file.seek(0, os.SEEK_END)
        file.write(b"needle")
    (match,), done = await find(log, "needle")
    assert match.offset + match.cut + match.start == size
    assert done == Searched(offset=size + 6, lines=1, complete=True)


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


NEEDED = (
    ("ERROR.*needle", "needle"),
    (r"step=\d+ loss=(nan|inf)", " loss="),
    ("ab*c+d{2}e", "a"),
    ("größe", "größe"),
    (r"foo\.bar|x", ""),
    ("(?:abc)", ""),
    ("(?i)abc", ""),
    (r"\x41bc", ""),
    ("[]x]yy[^]z]", "yy"),
    ("(a(b)c)long", ""),
    ("([)]|b)long", "long"),
)
TOKENS = (
    *("a", "b", "ab", "ba", "aab", ".", "*", "?", "+", "{0,2}", "{0}", "^", "$", "|", "(", ")"),
    *(
        "[ab]",
        "[^a]",
        "[]a]",
        r"\b",
        r"\w",
        r"\.",
        r"\1",
        "(?:",
        "(?!a)",
        "(?<=a)",
        "(?x)",
        "{",
        "}",
    ),
)


@pytest.mark.parametrize(("pattern", "text"), NEEDED)
def test_what_a_match_has_for_sure(pattern: str, text: str) -> None:
    assert log_search_child.needed_text(pattern) == text


def test_no_match_is_without_what_it_has_for_sure() -> None:
    chance = random.Random(5)
    tried = 0
    for _ in range(20_000):
        pattern = "".join(chance.choices(TOKENS, k=chance.randrange(1, 7)))
        needed = log_search_child.needed_text(pattern)
        try:
            compiled = re.compile(pattern)
        except re.error:
            continue
        for _ in range(8):
            text = "".join(chance.choices("ab.{} ", k=chance.randrange(8)))
            if compiled.search(text):
                assert needed in text, (pattern, text)
                tried += bool(needed)
    assert tried > 1000


def test_both_sides_mean_the_same_bounds() -> None:
    assert log_search_child.SHOWN_BYTES_MAX == LOG_MATCH_LINE_BYTES_MAX
    assert log_search.PART_BYTES_MAX > log_search_child.PART_BYTES + 2 * SHOWN
