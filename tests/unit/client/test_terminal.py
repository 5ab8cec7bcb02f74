import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.cli.terminal import TerminalFilter, plain

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def cleaned(*chunks: bytes) -> str:
    clean = TerminalFilter()
    return "".join([clean.feed(chunk) for chunk in chunks]) + clean.feed(b"", final=True)


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (b"plain\ttext\r\n", "plain\ttext\r\n"),
        (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        (b"\x1b[2J\x1b[H\x1b[10;10Hmoved", "moved"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://x\x1b\\link", "link"),
        (b"\x1bP0;1|17/ab\x1b\\after", "after"),
        (b"\x1b(B\x1b7\x1b=x", "x"),
        (b"bell\x07 back\x08 null\x00 del\x7f", "bell back null del"),
        ("c1 \x9b31m csi".encode(), "c1 31m csi"),
        ("grüße 你好".encode(), "grüße 你好"),
        (b"half \xff\xc3", "half \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
        (b"end in \x1b[31", "end in 31"),
    ],
)
def test_colours_pass_and_nothing_else(log: bytes, shown: str) -> None:
    assert cleaned(log) == shown


@given(st.lists(st.sampled_from([b"\x1b", b"[", b"31", b"m", b"]0;", b"\x07", b"x", b"J", b"\\"])))
def test_nothing_steers_however_it_is_cut(parts: list[bytes]) -> None:
    for shown in (cleaned(*parts), cleaned(b"".join(parts))):
        assert not set(COLOUR.sub("", shown)) & set("\x1b\x07")


@given(st.text(st.sampled_from("ab\n\u4f60\x1b[0m")), st.integers(1, 7))
def test_a_log_looks_the_same_however_it_is_cut(text: str, size: int) -> None:
    log = re.sub(r"\x1b(?!\[0m)", "", text).encode()
    chunks = [log[at : at + size] for at in range(0, len(log), size)]
    assert cleaned(*chunks) == cleaned(log)


def test_one_line_for_a_name() -> None:
    assert plain("a\nb\x1b[31m\u202ec") == "a\ufffdb\ufffd[31m\ufffdc"
