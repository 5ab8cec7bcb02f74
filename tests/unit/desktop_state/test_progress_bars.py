"""Progress bars as tqdm really writes them: one line each, wherever the stream was cut."""

import pytest

from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.state.log_rows import LogRows
from lanherd_desktop.state.log_search import LogSearch

# The bytes of tqdm 4.68 for a bar that stays and one that wipes itself (leave=False).
TQDM = (
    "\rtrain:   0%|                          | 0/4 [00:00<?, ?it/s]"
    "\rtrain:  25%|███▌          | 1/4 [00:00<00:00, 127100.12it/s]"
    "\rtrain:  50%|███████▌       | 2/4 [00:00<00:00, 20661.60it/s]"
    "\rtrain:  75%|███████████▎   | 3/4 [00:00<00:00, 20341.31it/s]"
    "\rtrain: 100%|███████████████| 4/4 [00:00<00:00, 21117.46it/s]"
    "\rtrain: 100%|███████████████| 4/4 [00:00<00:00, 16256.99it/s]\n"
    "\rval:   0%|        | 0/3 [00:00<?, ?it/s]"
    "\rval:  33%|▎| 1/3 [00:00<00:00, 349525.33"
    "\rval:  67%|▋| 2/3 [00:00<00:00, 28250.07i"
    "\rval: 100%|█| 3/3 [00:00<00:00, 26419.48i"
    "\r                                        "
    "\r"
).encode()
LAST = "train: 100%|███████████████| 4/4 [00:00<00:00, 16256.99it/s]"


def texts(buffer: LogBuffer) -> list[str]:
    rows = LogRows(buffer)
    return [rows.text(row) for row in range(buffer.first_row, buffer.end_row)]


def fed(data: bytes, size: int) -> LogBuffer:
    buffer = LogBuffer()
    for at in range(0, len(data), size):
        buffer.append(data[at : at + size], at)
    return buffer


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bar_is_one_line_that_shows_its_last_state(size: int, end: bytes) -> None:
    data = b"before" + end + TQDM.replace(b"\n", end) + b"after" + end
    shown = texts(fed(data, size))
    assert shown == ["before", LAST, "after"]


def test_a_bar_that_is_under_way_is_never_more_than_a_line() -> None:
    for cut in range(1, len(TQDM) + 1):
        shown = texts(fed(TQDM[:cut], 5))
        assert len(shown) <= 2 and not any("\r" in text or "^M" in text for text in shown)
        whole, _, open_row = TQDM[:cut].rpartition(b"\n")
        last = (open_row or whole).rstrip(b"\r").rpartition(b"\r")[2]
        assert shown[-1] == last.decode("utf-8", "replace")


def test_only_what_a_bar_shows_is_found_in_it() -> None:
    buffer = fed(b"before\n" + TQDM, 64)
    for text, count in (("25%", 0), ("4/4", 1), ("val:", 0), ("train", 1)):
        search = LogSearch(buffer, text)
        while not search.advance():
            pass
        assert search.total == count, text
