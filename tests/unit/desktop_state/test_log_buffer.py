import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_desktop.state.log_buffer import Gap, GapKind, LogBuffer, RowNumber
from lanherd_desktop.state.log_rows import LogRows
from lanherd_desktop.state.log_search import ROW_BYTES_SHOWN_MAX

LOG = st.text(alphabet="ab\n\r\x1b[m1", max_size=200).map(str.encode)


def lines_of(log: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in log.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def rows_of(buffer: LogBuffer) -> list[bytes]:
    return [buffer.read(*buffer.span(row)) for row in range(buffer.first_row, buffer.end_row)]


def shown_of(buffer: LogBuffer) -> list[bytes]:
    return [buffer.read(*buffer.shown_span(row)) for row in range(buffer.first_row, buffer.end_row)]


def test_an_open_line_counts_from_its_first_byte() -> None:
    buffer = LogBuffer()
    assert (buffer.row_count, buffer.end) == (0, 0)
    buffer.append(b"one\ntw")
    assert rows_of(buffer) == [b"one\n", b"tw"]
    buffer.append(b"o\n")
    assert rows_of(buffer) == [b"one\n", b"two\n"]
    assert buffer.end == 8
    assert buffer.byte_count == 8
    assert buffer.position_start == 0


@given(LOG, st.lists(st.integers(0, 200), max_size=8))
def test_appending_in_pieces_is_appending_at_once(log: bytes, cuts: list[int]) -> None:
    whole, pieces = LogBuffer(), LogBuffer()
    whole.append(log)
    at = 0
    for cut in [*sorted(min(c, len(log)) for c in cuts), len(log)]:
        pieces.append(log[at:cut], at)
        at = cut
    assert rows_of(pieces) == rows_of(whole) == lines_of(log)


@given(LOG)
def test_rows_are_the_lines_and_their_addresses_are_right(log: bytes) -> None:
    buffer = LogBuffer()
    buffer.append(log)
    at = 0
    for row, line in enumerate(rows_of(buffer)):
        assert buffer.address(row) == at
        assert buffer.number(row) == RowNumber(row + 1, exact=True)
        assert buffer.row_at(at) == row
        at += len(line)
    assert at == len(log) == buffer.end


@given(LOG, st.integers(0, 60), st.integers(0, 60))
def test_what_comes_twice_is_kept_once(log: bytes, back: int, more: int) -> None:
    buffer = LogBuffer()
    first = log[: len(log) - more]
    buffer.append(first, 0)
    resumed = max(0, len(first) - back)
    buffer.append(log[resumed:], resumed)
    assert b"".join(rows_of(buffer)) == log


@pytest.mark.parametrize(
    ("line", "shown"),
    [(b"a\r\n", b"a"), (b"10%\r20%\n", b"20%"), (b"10%\r20%\r", b"20%"), (b"\r\n", b"")],
)
def test_a_rewritten_line_shows_its_last_state(line: bytes, shown: bytes) -> None:
    buffer = LogBuffer()
    buffer.append(line)
    assert shown_of(buffer) == [shown]


def test_a_hole_is_a_row_and_ends_the_line_before_it() -> None:
    buffer = LogBuffer()
    buffer.append(b"one\ncut", 0)
    buffer.append(b"tail\nmore", 100)
    gap = buffer.gap(2)
    assert gap is not None
    assert (gap.kind, gap.start, gap.end, gap.byte_count) == (GapKind.MISSING, 7, 100, 93)
    assert shown_of(buffer) == [b"one", b"cut", b"", b"tail", b"more"]
    assert buffer.number(3) == RowNumber(1, exact=False)
    assert buffer.number(1) == RowNumber(2, exact=True)
    assert buffer.address(3) == 100
    assert buffer.end == 109
    assert buffer.gap_rows(0, 5) == [2]
    assert buffer.next_gap(0) == 7
    assert buffer.next_gap(7) == 16


def test_two_holes_without_a_byte_between_are_two_rows() -> None:
    buffer = LogBuffer()
    buffer.append(b"", 10)
    buffer.append(b"x", 20)
    gaps = [buffer.gap(row) for row in range(buffer.end_row)]
    assert [(g.start, g.end) if g else None for g in gaps] == [(0, 10), (10, 20), None]
    assert (buffer.end, buffer.address(2)) == (21, 20)


def test_a_log_may_begin_in_its_middle() -> None:
    buffer = LogBuffer(start=50)
    buffer.append(b"tail\n", 50)
    assert buffer.gap(0) is not None
    assert buffer.number(1) == RowNumber(1, exact=False)
    assert buffer.end == 55


def test_the_head_is_let_go_and_the_reader_is_told() -> None:
    buffer = LogBuffer(bytes_max=64)
    for n in range(40):
        buffer.append(b"line %02d\n" % n)
    assert buffer.byte_count <= 64
    first = buffer.first_row
    gap = buffer.gap(first)
    assert gap is not None
    assert (gap.kind, gap.start) == (GapKind.TRIMMED, 0)
    assert gap.end == buffer.address(first + 1) == (first + 1) * 8
    assert buffer.number(first + 1) == RowNumber(first + 2, exact=True)
    assert rows_of(buffer)[-1] == b"line 39\n"
    assert buffer.end == 320


def test_too_many_short_rows_are_let_go_too() -> None:
    buffer = LogBuffer(rows_max=10)
    for _ in range(100):
        buffer.append(b"\n")
    assert buffer.row_count <= 11
    assert buffer.end == 100
    assert buffer.number(buffer.end_row - 1) == RowNumber(100, exact=True)


def test_one_endless_line_keeps_its_end() -> None:
    buffer = LogBuffer(bytes_max=64)
    buffer.append(b"a line\n")
    for n in range(30):
        buffer.append(b"%08d" % n)
    assert buffer.byte_count <= 64
    assert buffer.row_count == 2
    assert shown_of(buffer)[-1].endswith(b"00000029")
    gap = buffer.gap(buffer.first_row)
    assert gap is not None
    assert (gap.start, gap.end) == (0, buffer.address(buffer.first_row + 1))
    assert buffer.end == 7 + 240
    assert buffer.number(buffer.end_row - 1) == RowNumber(2, exact=True)


def test_a_hole_in_the_trimmed_head_is_part_of_what_is_gone() -> None:
    buffer = LogBuffer(bytes_max=32, start=10)
    buffer.append(b"aaaa\n", 10)
    buffer.append(b"bbbb\n", 100)
    buffer.append(b"cccc\n" * 8, 105)
    gap = buffer.gap(buffer.first_row)
    assert gap is not None
    assert (gap.kind, gap.start, gap.end) == (GapKind.TRIMMED, 0, buffer.end - buffer.byte_count)
    assert buffer.gap_rows(buffer.first_row + 1, buffer.end_row) == []


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), max_size=40),
    st.integers(8, 40),
)
def test_addresses_hold_through_holes_and_trims(steps: list[tuple[int, int]], size: int) -> None:
    """Byte n of this log is chr(97 + n % 26), with a line end at every seventh."""
    buffer = LogBuffer(bytes_max=size, rows_max=6)
    for length, hole in steps:
        at = buffer.end + (hole if hole > 6 else 0)
        data = bytes(10 if n % 7 == 0 else 97 + n % 26 for n in range(at, at + length))
        buffer.append(data, at)
        assert buffer.byte_count <= size
        for row in range(buffer.first_row, buffer.end_row):
            address = buffer.address(row)
            for n, byte in enumerate(buffer.read(*buffer.span(row)), address):
                assert byte == (10 if n % 7 == 0 else 97 + n % 26)


def test_rows_outside_are_refused() -> None:
    buffer = LogBuffer()
    buffer.append(b"one\n")
    for row in (-1, 2):
        with pytest.raises(IndexError):
            buffer.span(row)


def test_a_colour_left_on_colours_the_next_rows() -> None:
    buffer = LogBuffer()
    buffer.append(b"\x1b[31mred\nstill\n\x1b[0mplain\nend\n")
    rows = LogRows(buffer)
    assert [rows.row(n).spans[0].style.fg for n in range(4)] == [1, 1, None, None]
    assert rows.text(1) == "still"


def test_a_very_long_row_is_cut_and_says_so() -> None:
    buffer = LogBuffer()
    buffer.append(b"x" * 1_000_000 + b"\n")
    row = LogRows(buffer).row(0)
    assert len(row.text) == ROW_BYTES_SHOWN_MAX
    assert row.left_out == 1_000_000 - ROW_BYTES_SHOWN_MAX


def test_rows_are_remembered_until_they_grow() -> None:
    buffer = LogBuffer()
    buffer.append(b"open")
    rows = LogRows(buffer)
    assert rows.row(0) is rows.row(0)
    buffer.append(b" more")
    assert rows.text(0) == "open more"
    buffer.append(b"\n" * 600, 200)
    gap = rows.row(1)
    assert gap.gap is not None
    assert [rows.text(n) for n in range(2, 602)] == [""] * 600


def test_bytes_that_are_skipped_on_purpose_say_why() -> None:
    buffer = LogBuffer()
    buffer.skip(0, GapKind.NOT_LOADED)
    assert buffer.row_count == 0
    buffer.append(b"head\n")
    buffer.skip(1000, GapKind.CAPPED)
    buffer.append(b"tail\nlast", 1000)
    assert buffer.gap(1) == Gap(GapKind.CAPPED, 5, 1000)
    assert buffer.end == 1009
    assert not buffer.number(2).exact


def test_an_address_leads_to_its_row() -> None:
    buffer = LogBuffer(start=100)
    buffer.append(b"one\ntwo\n", 100)
    buffer.skip(500, GapKind.CAPPED)
    buffer.append(b"three\n", 500)
    rows = {address: buffer.row_of(address) for address in (0, 99, 100, 104, 107, 108, 499, 500)}
    assert rows == {0: None, 99: None, 100: 1, 104: 2, 107: 2, 108: None, 499: None, 500: 4}
    assert buffer.row_of(506) is None


def test_an_address_that_was_let_go_has_no_row() -> None:
    buffer = LogBuffer(bytes_max=64)
    for number in range(40):
        buffer.append(b"line %02d\n" % number)
    assert buffer.row_of(0) is None
    last = buffer.row_of(39 * 8)
    assert last is not None and buffer.read(*buffer.span(last)) == b"line 39\n"
