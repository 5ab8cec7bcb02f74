import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state.ansi import (
    PLAIN,
    Columns,
    Span,
    Style,
    after_sgr,
    last_state,
    parse,
    readable,
    strip_escapes,
    style_after,
)

ESC = b"\x1b"
# Escape characters and what may follow them come often enough to meet each other.
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from([ESC, b"[", b"]", b"m", b"\x07", b"\x1b\\", b"0", b";", b"31", b"38;5;"]),
        st.binary(max_size=6),
    ),
    max_size=30,
).map(b"".join)


def test_colour_and_weight_become_spans() -> None:
    line = parse(b"loss \x1b[1;31m0.69\x1b[0m end")
    assert line.text == "loss 0.69 end"
    assert line.spans == (
        Span(0, 5, PLAIN),
        Span(5, 9, Style(fg=1, bold=True)),
        Span(9, 13, PLAIN),
    )
    assert line.style_after == PLAIN


def test_neighbours_of_one_style_are_one_span() -> None:
    assert parse(b"a\x1b[0mb").spans == (Span(0, 2, PLAIN),)
    assert parse(b"").spans == ()


def test_a_line_begins_in_the_style_that_was_left_on() -> None:
    red = Style(fg=1)
    line = parse(b"still red\x1b[39m not", red)
    assert [span.style for span in line.spans] == [red, PLAIN]
    assert style_after(b"x\x1b[31my\x1b[2Kz") == red


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[2K",
        b"\x1b[10;20H",
        b"\x1b[?25l",
        b"\x1b]0;title\x07",
        b"\x1b]8;;http://example.org\x1b\\",
        b"\x1bPq...\x1b\\",
        b"\x1b(B",
        b"\x1bM",
        b"\x1b=",
        b"\x1b_app\x07",
        b"\x1b[>4;2m",
    ],
)
def test_other_sequences_are_dropped(sequence: bytes) -> None:
    line = parse(b"a" + sequence + b"b")
    assert line.text == "ab"
    assert line.style_after == PLAIN
    assert strip_escapes(b"a" + sequence + b"b") == b"ab"


def test_a_string_that_does_not_end_cannot_hide_the_line() -> None:
    assert parse(b"\x1b]0;hidden secret").text == "^[]0;hidden secret"
    assert parse(b"\x1b[").text == "^[["
    assert parse(b"tail\x1b").text == "tail^["


def test_concealed_text_is_shown() -> None:
    line = parse(b"\x1b[8mhere")
    assert line.text == "here"
    assert line.style_after == PLAIN


@pytest.mark.parametrize(
    ("parameters", "style"),
    [
        (b"", PLAIN),
        (b"0", PLAIN),
        (b"1", Style(bold=True)),
        (b"1;22", PLAIN),
        (b"2", Style(dim=True)),
        (b"3", Style(italic=True)),
        (b"3;23", PLAIN),
        (b"4", Style(underline=True)),
        (b"21;24", PLAIN),
        (b"7", Style(inverse=True)),
        (b"7;27", PLAIN),
        (b"9", Style(strike=True)),
        (b"9;29", PLAIN),
        (b"31", Style(fg=1)),
        (b"97", Style(fg=15)),
        (b"42", Style(bg=2)),
        (b"103", Style(bg=11)),
        (b"31;39", PLAIN),
        (b"41;49", PLAIN),
        (b"38;5;9", Style(fg=9)),
        (b"48:5:4", Style(bg=4)),
        (b"38;5;196", Style(fg=9)),
        (b"38;5;250", Style(fg=15)),
        (b"38;5;232", Style(fg=0)),
        (b"38;5;300", PLAIN),
        (b"38;2;250;10;10", Style(fg=9)),
        (b"38;2;10;120;10", Style(fg=2)),
        (b"38;2;999;0;0", PLAIN),
        (b"38;2;1", PLAIN),
        (b"38", PLAIN),
        (b"99999;1", Style(bold=True)),
        (b"8;5;6", PLAIN),
        (b"?25", PLAIN),
    ],
)
def test_the_allow_list(parameters: bytes, style: Style) -> None:
    assert after_sgr(PLAIN, parameters) == style


def test_invisible_characters_become_visible() -> None:
    assert readable(b"a\x00b\x07c\x7f") == "a^@b^Gc^?"
    assert readable("x\u202egnp.exe".encode()) == "x\ufffdgnp.exe"
    assert readable(b"tab\tstays") == "tab\tstays"
    assert readable("nbsp\u00a0 wide\u3000".encode()) == "nbsp\u00a0 wide\u3000"
    assert readable("join\u200der".encode()) == "join\u200der"
    assert readable("\U000e0041tag".encode()) == "\ufffdtag"
    assert readable(b"bad \xff utf") == "bad \ufffd utf"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (b"plain\n", b"plain"),
        (b"windows\r\n", b"windows"),
        (b" 10%\r 20%\r 30%\n", b" 30%"),
        (b" 10%\r 20%\r", b" 20%"),
        (b"\r\n", b""),
        (b"", b""),
    ],
)
def test_a_rewritten_line_shows_its_last_state(row: bytes, shown: bytes) -> None:
    assert last_state(row) == shown


@given(HOSTILE)
def test_whatever_comes_the_text_is_printable_and_the_spans_cover_it(row: bytes) -> None:
    line = parse(row)
    assert re.fullmatch(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f]*", line.text)
    at = 0
    for span in line.spans:
        assert span.start == at < span.end
        at = span.end
    assert at == len(line.text)


@given(HOSTILE)
def test_text_is_the_same_with_and_without_styles(row: bytes) -> None:
    stripped = strip_escapes(row)
    # Bytes of one character that an escape sequence tore apart meet again when it is gone.
    if stripped.isascii():
        assert parse(row).text == readable(stripped)


def test_plain_text_stands_where_its_index_says() -> None:
    columns = Columns("abc")
    assert columns.plain
    assert (columns.width, columns.column(2), columns.index(1), columns.index(99)) == (3, 2, 1, 3)
    assert columns.column(-1) == 0
    assert columns.index(-4) == 0


def test_wide_characters_take_two_cells_and_tabs_go_to_the_next_stop() -> None:
    columns = Columns("中a\tb")
    assert not columns.plain
    assert [columns.column(n) for n in range(5)] == [0, 2, 3, 8, 9]
    assert columns.index(1) == 0
    assert columns.index(2) == 1
    assert columns.index(5) == 2
    assert columns.index(9) == 4


def test_marks_that_combine_take_no_cell() -> None:
    columns = Columns("e\u0301x\u200d")
    assert columns.width == 2
    assert columns.index(1) == 2


@given(st.text(alphabet="ab\t中é\u0301🙂", max_size=30), st.integers(-2, 90))
def test_a_column_leads_back_to_a_character_that_covers_it(text: str, column: int) -> None:
    columns = Columns(text)
    index = columns.index(column)
    assert 0 <= index <= len(text)
    if 0 <= column < columns.width:
        assert columns.column(index) <= column < columns.column(index + 1)
