import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state import log_search
from lanherd_desktop.state.log_buffer import Gap, LogBuffer
from lanherd_desktop.state.log_rows import LogRows
from lanherd_desktop.state.log_search import ROW_BYTES_SHOWN_MAX, LogSearch, Match
from lanherd_desktop.state.log_selection import Place, Selection, moved, selected_text, word_at


def buffer_of(data: bytes) -> LogBuffer:
    buffer = LogBuffer()
    buffer.append(data)
    return buffer


def all_of(search: LogSearch) -> list[Match]:
    while not search.advance():
        pass
    return [search.match(n) for n in range(search.total)]


def gap_text(gap: Gap) -> str:
    return f"[{gap.byte_count} missing]"


def test_matches_are_counted_by_row_and_in_it() -> None:
    search = LogSearch(buffer_of(b"Loss loss\nnone\nLOSS\n"), "loss")
    assert all_of(search) == [Match(0, 0), Match(0, 1), Match(2, 0)]
    assert search.at_or_after(1) == 2
    assert search.at_or_after(3) == search.total == 3


def test_what_is_not_shown_is_not_found() -> None:
    log = b"\x1b[1mlo\x1b[0mss\n 10% loss\r done\n\x1b]0;loss\x07x\nloss"
    assert all_of(LogSearch(buffer_of(log), "loss")) == [Match(0, 0), Match(3, 0)]


def test_nothing_is_found_of_nothing() -> None:
    search = LogSearch(buffer_of(b"a\n"), "")
    assert search.done
    assert all_of(search) == []
    assert all_of(LogSearch(buffer_of(b"a\nb\n"), "a\nb")) == [Match(0, 0)]


def test_a_growing_log_is_searched_on() -> None:
    buffer = buffer_of(b"loss\nlos")
    search = LogSearch(buffer, "loss")
    assert all_of(search) == [Match(0, 0)]
    buffer.append(b"s")
    assert all_of(search) == [Match(0, 0), Match(1, 0)]
    buffer.append(b" loss\n\nloss")
    assert all_of(search) == [Match(0, 0), Match(1, 0), Match(1, 1), Match(3, 0)]


def test_rows_behind_a_hole_keep_their_numbers() -> None:
    buffer = buffer_of(b"loss\nlo")
    buffer.append(b"ss\nloss\n", 100)
    assert all_of(LogSearch(buffer, "loss")) == [Match(0, 0), Match(4, 0)]


def test_what_was_let_go_is_forgotten() -> None:
    buffer = LogBuffer(bytes_max=60)
    buffer.append(b"loss\n" * 10)
    search = LogSearch(buffer, "loss")
    assert len(all_of(search)) == 10
    buffer.append(b"loss\n" * 20)
    rows = {match.row for match in all_of(search)}
    assert min(rows) == buffer.first_row + 1
    assert len(rows) == buffer.row_count - 1


def test_steps_are_bounded_and_end_at_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "STEP_BYTES", 16)
    buffer = buffer_of(b"loss\n" * 5 + b"x" * 40 + b" loss\nloss\n")
    search = LogSearch(buffer, "loss")
    assert not search.advance(16)
    assert 0 < search.total < 5
    assert not search.done
    assert [match.row for match in all_of(search)] == [0, 1, 2, 3, 4, 5, 6]


def test_beyond_the_shown_part_of_a_row_nothing_is_found() -> None:
    far = b"x" * ROW_BYTES_SHOWN_MAX + b"loss\n"
    assert all_of(LogSearch(buffer_of(b"loss" + far), "loss")) == [Match(0, 0)]


def test_matches_are_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "MATCHES_MAX", 7)
    search = LogSearch(buffer_of(b"aaaa\n" * 9 + b"a"), "a")
    assert len(all_of(search)) == 7
    assert search.capped
    assert search.advance()


@given(
    st.lists(st.text(alphabet="aAb\r\x1b[1m", max_size=12), max_size=12),
    st.text(alphabet="aAb1", min_size=1, max_size=2),
    st.integers(1, 20),
)
def test_a_search_finds_what_the_shown_rows_hold(lines: list[str], text: str, step: int) -> None:
    buffer = buffer_of("\n".join(lines).encode())
    search = LogSearch(buffer, text)
    while not search.advance(step):
        pass
    rows = LogRows(buffer)
    pattern = re.compile(re.escape(text), re.IGNORECASE | re.ASCII)
    expected = [
        Match(row, n)
        for row in range(buffer.end_row)
        for n, _ in enumerate(pattern.finditer(rows.text(row).replace("^[", "\x1b")))
    ]
    assert [search.match(n) for n in range(search.total)] == expected


# --- Selection


def text_of(buffer: LogBuffer, start: Place, end: Place, bytes_max: int = 1 << 20) -> object:
    return selected_text(buffer, LogRows(buffer), Selection(end, start), gap_text, bytes_max)


def test_a_selection_within_a_row_and_over_rows() -> None:
    buffer = buffer_of(b"alpha\n\x1b[31mbeta\x1b[0m\n 1%\r 2%\ngamma\n")
    assert text_of(buffer, Place(0, 1), Place(0, 3)) == ("lp", False)
    assert text_of(buffer, Place(0, 4), Place(3, 2)) == ("a\nbeta\n 2%\nga", False)
    assert text_of(buffer, Place(0, 0), Place(9, 0)) == ("alpha\nbeta\n 2%\ngamma", False)
    assert text_of(buffer, Place(2, 0), Place(2, 0)) == ("", False)
    assert text_of(buffer, Place(8, 0), Place(9, 0)) == ("", False)


def test_a_copied_gap_is_named() -> None:
    buffer = buffer_of(b"a\nb\n")
    buffer.append(b"c\nd\ne\n", 50)
    assert text_of(buffer, Place(0, 0), Place(6, 0)) == ("a\nb\n[46 missing]\nc\nd\ne", False)
    assert text_of(buffer, Place(2, 0), Place(3, 1)) == ("[46 missing]\nc", False)
    assert text_of(buffer, Place(1, 0), Place(2, 3)) == ("b\n[46", False)


def test_a_long_row_is_copied_whole() -> None:
    line = b"x" * (ROW_BYTES_SHOWN_MAX + 10)
    text, cut = selected_text(
        buffer_of(line + b"\n"),
        LogRows(buffer_of(line + b"\n")),
        Selection(Place(0, 0), Place(1, 0)),
        gap_text,
    )
    assert (len(text), cut) == (len(line), False)


def test_a_copy_has_a_bound_and_says_that_it_was_cut() -> None:
    buffer = buffer_of(b"".join(b"line %03d\n" % n for n in range(100)))
    text, cut = selected_text(
        buffer, LogRows(buffer), Selection(Place(0, 0), Place(100, 0)), gap_text, 90
    )
    assert cut
    assert text.splitlines() == [f"line {n:03d}" for n in range(11)]


def test_what_is_selected_of_a_row() -> None:
    selection = Selection(Place(3, 2), Place(1, 4))
    assert (selection.start, selection.end) == (Place(1, 4), Place(3, 2))
    assert selection.in_row(0, 9) is None
    assert selection.in_row(1, 9) == (4, 10)
    assert selection.in_row(1, 2) == (2, 3)
    assert selection.in_row(2, 5) == (0, 6)
    assert selection.in_row(3, 9) == (0, 2)
    assert Selection(Place(1, 1), Place(1, 1)).in_row(1, 5) is None


@pytest.mark.parametrize(
    ("text", "index", "word"),
    [
        ("save outputs/a.pt now", 8, "outputs/a.pt"),
        ("a = b", 2, "="),
        ("word", 4, "word"),
        ("", 0, ""),
        ("end ", 4, ""),
    ],
)
def test_a_word_is_what_one_would_copy(text: str, index: int, word: str) -> None:
    start, end = word_at(text, index)
    assert text[start:end] == word


@pytest.mark.parametrize(
    ("place", "rows", "characters", "expected"),
    [
        (Place(1, 2), 1, 0, Place(2, 2)),
        (Place(1, 2), 99, 0, Place(3, 2)),
        (Place(1, 2), -1, 0, Place(0, 2)),
        (Place(1, 2), -5, 0, Place(0, 0)),
        (Place(1, 2), 0, 1, Place(1, 3)),
        (Place(1, 4), 0, 1, Place(2, 0)),
        (Place(3, 0), 0, 1, Place(3, 0)),
        (Place(1, 0), 0, -1, Place(0, 4)),
        (Place(0, 0), 0, -1, Place(0, 0)),
        (Place(3, 0), 0, -1, Place(2, 4)),
    ],
)
def test_keys_move_a_place(place: Place, rows: int, characters: int, expected: Place) -> None:
    assert moved(place, rows, characters, (0, 3), lambda _row: 4) == expected
