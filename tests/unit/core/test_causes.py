"""The causes that the ends of logs show: a corpus of logs, and what no log of it holds.

A file of the corpus begins with what is expected of it; `␛` stands for the escape character and
`␍` for a carriage return.
"""

import time
from pathlib import Path
from typing import get_args

import pytest
from msgspec import msgpack

from lanherd_agent.core.cause_lines import LINES_MAX
from lanherd_agent.core.cause_shown import LINES_BYTES_MAX, TRACE_LINES_MAX
from lanherd_agent.core.cause_table import RULES
from lanherd_agent.core.causes import (
    TAIL_BYTES_MAX,
    VALUE_CHARS_MAX,
    Failed,
    OutOfMemory,
    Tail,
    cause_of,
    may_be_of_gpu,
    without_lines,
)

LOGS = Path(__file__).with_name("failure_logs")
CORPUS = sorted(path.stem for path in LOGS.glob("*.txt"))


def read(name: str) -> tuple[dict[str, str], bytes]:
    head, _, body = (LOGS / f"{name}.txt").read_text().partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return fields, body.replace("␛", "\x1b").replace("␍", "\r").encode()


def memory(killed: str) -> OutOfMemory:
    return next(one for one in get_args(OutOfMemory) if one == killed)


def failed_as(fields: dict[str, str]) -> Failed:
    return Failed(
        code=int(fields["exit"]) if "exit" in fields else None,
        signal=int(fields["signal"]) if "signal" in fields else None,
        out_of_memory=memory(fields.get("out of memory", "")),
    )


@pytest.mark.parametrize("name", CORPUS)
def test_corpus(name: str) -> None:
    fields, log = read(name)
    cause = cause_of(failed_as(fields), [Tail(log)])
    if fields["expect"] == "-":
        assert cause is None
        return
    assert cause is not None
    assert cause.code == fields["expect"], cause
    assert fields.get("says", "") in f"{cause.text} {cause.remedy} {cause.data.get('what', '')}"
    assert "{" not in cause.text + cause.remedy.replace("{lr}", "")
    assert cause.text.endswith((".", cause.data.get("what", "."))) and cause.remedy
    if "offset" in cause.data:
        check_lines(log, cause.data["offset"], cause.data["lines"])


def check_lines(log: bytes, offset: object, lines: object) -> None:
    """What is shown is found in the log where it says."""
    assert isinstance(offset, int) and isinstance(lines, str)
    plain = log[offset:].decode()
    for escape in ("\x1b[35m", "\x1b[0m", "\x1b[1;35m", "\x1b[31m", "\x1b[1;31m"):
        plain = plain.replace(escape, "")
    first = lines.splitlines()[0].rstrip("…")
    assert plain.translate({9: " "}).startswith(first)


def test_corpus_shows_every_rule() -> None:
    expected = {read(name)[0]["expect"] for name in CORPUS}
    assert {rule.code for rule in RULES} <= expected
    assert len(expected) >= 20


def test_nothing_is_shown_of_no_log() -> None:
    assert cause_of(Failed(code=1), []) is None
    assert cause_of(Failed(signal=15), [Tail(b"bye")]) is None


def test_first_log_that_shows_it_counts() -> None:
    stderr = Tail(b"MemoryError\n", stream="err")
    cause = cause_of(Failed(code=1), [stderr, Tail(b"cat: x: No such file or directory\n")])
    assert cause is not None and cause.code == "out_of_memory"
    assert cause.data["stream"] == "err"


def test_address_is_that_in_the_log() -> None:
    log = b"no \x1b[31mwhole line\nstep\n\x1b[1mMemoryError\x1b[0m\n"
    cause = cause_of(Failed(code=1), [Tail(log, 1_000_000)])
    assert cause is not None
    assert cause.data["offset"] == 1_000_000 + log.index(b"MemoryError")


def test_line_that_begins_before_the_tail_is_not_read() -> None:
    tail = b"MemoryError\nstep\n"
    assert cause_of(Failed(code=1), [Tail(tail, 10)]) is None
    assert cause_of(Failed(code=1), [Tail(tail)]) is not None


def test_only_the_end_of_a_longer_tail_is_read() -> None:
    log = b"cat: x: No such file or directory\n" + b" " * TAIL_BYTES_MAX + b"\nMemoryError\n"
    cause = cause_of(Failed(code=1), [Tail(log)])
    assert cause is not None
    assert cause.data["offset"] == log.index(b"MemoryError")


def test_long_lines_are_told_cut() -> None:
    log = b"MemoryError: " + b"x" * 500
    cause = cause_of(Failed(code=1), [Tail(log)])
    assert cause is not None
    lines = cause.data["lines"]
    assert isinstance(lines, str) and len(lines) == 300 and lines.endswith("…")


def test_exit_is_part_of_the_evidence() -> None:
    cause = cause_of(Failed(code=1, signal=6), [Tail(b"MemoryError")])
    assert cause is not None
    assert cause.data["exit_code"] == 1 and cause.data["signal"] == 6


def test_what_may_be_of_the_gpu() -> None:
    assert may_be_of_gpu("gpu_xid") and may_be_of_gpu("exit_code") and may_be_of_gpu("segfault")
    assert not may_be_of_gpu("missing_module") and not may_be_of_gpu("usage")
    assert not may_be_of_gpu("out_of_vram")


def took_s(log: bytes) -> float:
    """The best of several: others use this machine too."""
    times = []
    for _ in range(5):
        began = time.process_time()
        cause_of(Failed(code=1), [Tail(log)])
        times.append(time.process_time() - began)
    return min(times)


def test_whole_tail_takes_milliseconds() -> None:
    _, oom = read("torchrun_oom_rank")
    step = "Epoch 3: 45%|████▌     | 450/1000 [03:10<03:52,  2.36it/s]\r".encode()
    log = (b"\x1b[32mstep\x1b[0m 1 loss 1.23 lr 0.001 grad 2.31 tok/s 12345\n" + step) * 480 + oom
    log = log[-TAIL_BYTES_MAX:]
    took = took_s(log)
    print(f"{took * 1000:.2f} ms")
    assert took < 0.010


WORDS = b" ".join(needle for rule in RULES for needle in rule.needles)


@pytest.mark.parametrize(
    "log",
    [
        b" " * TAIL_BYTES_MAX,
        b"\n" * TAIL_BYTES_MAX,
        b"a\n" * (TAIL_BYTES_MAX // 2),
        b"\x1b[0m" * (TAIL_BYTES_MAX // 4),
        b"host='" * 10_000 + b"name resolution",
        b": a" * 20_000 + b": command not found",
        b"port:1" * 10_000 + b"address already in use",
        (b"Traceback (most recent call last):\n" * 2_000),
        (WORDS[:1_990] + b"\n") * 32,
        (WORDS[-1_990:] + b"\n") * 32,
        (b"Traceback (most recent call last):\nValueError: x\n") * 1_300,
        (b"Traceback (most recent call last):\n" + b"  x\n" * 3_000 + b"ValueError: x\n") * 4,
    ],
    ids=range(12),
)
def test_no_log_takes_long(log: bytes) -> None:
    assert len(log) > LINES_MAX
    took = took_s(log[-TAIL_BYTES_MAX:])
    print(f"{took * 1000:.2f} ms")
    assert took < 0.1


def test_signal_says_more_than_an_exception_before_it() -> None:
    log = b"Traceback (most recent call last):\n  File\nValueError: x\n"
    cause = cause_of(Failed(signal=11), [Tail(log)])
    assert cause is not None and cause.code == "segfault"


def test_a_process_of_it_that_was_killed_for_memory_is_the_cause_where_the_log_shows_none() -> None:
    log = b"RuntimeError: DataLoader worker (pid 5) is killed by signal: Killed. \n"
    for tails, more in (([], set()), ([Tail(log)], {"lines", "offset", "stream", "pid"})):
        cause = cause_of(Failed(code=1, out_of_memory="part"), tails)
        assert cause is not None and cause.code == "out_of_memory"
        assert "a process of it" in cause.text
        assert cause.data.keys() == {"killed", "exit_code", *more}
    other = cause_of(
        Failed(code=1, out_of_memory="part"), [Tail(b"ModuleNotFoundError: No module named 'x'\n")]
    )
    assert other is not None and other.code == "missing_module"
    itself = cause_of(Failed(signal=9, out_of_memory="part"), [])
    assert itself is not None and itself.data["killed"] == "run"


def test_root_cause_may_name_no_rank() -> None:
    log = b"MemoryError\nRoot Cause (first observed failure):\n  host : gpu7\n"
    cause = cause_of(Failed(code=1), [Tail(log)])
    assert cause is not None and cause.code == "out_of_memory"


def test_what_is_told_has_a_bound() -> None:
    wide = "é" * 600
    frames = "".join(f"  {'文' * 600}\n" for _ in range(4))
    log = f"Traceback (most recent call last):\n{frames}ValueError: {wide}\n".encode()
    cause = cause_of(Failed(code=1), [Tail(log)])
    assert cause is not None and cause.code == "exception"
    lines, offset = cause.data["lines"], cause.data["offset"]
    assert isinstance(lines, str) and len(lines.encode()) <= LINES_BYTES_MAX
    assert offset == log.index(b"ValueError")
    assert len(str(cause.data["what"])) == VALUE_CHARS_MAX
    assert len(msgpack.encode(cause)) < 4096
    earlier = without_lines(cause)
    assert "lines" not in earlier.data and len(msgpack.encode(earlier)) < 2048
    assert without_lines(earlier) is earlier


def test_what_is_led_by_spaces_but_by_no_frame_is_no_quoted_code() -> None:
    for before in ("", "step\n", "  note\n" * 20):
        cause = cause_of(Failed(code=1), [Tail(f"{before}  Too many open files\n".encode())])
        assert cause is not None and cause.code == "too_many_files"


def test_a_library_is_called_by_its_name() -> None:
    log = b"./a.out: /opt/lib/libfoo.so.2: cannot open shared object file: No such file\n"
    cause = cause_of(Failed(code=127), [Tail(log)])
    assert cause is not None and cause.data["library"] == "libfoo.so.2"


# --- Which lines are shown -----------------------------------------------------------------------

OURS = """  File "/w/train.py", line 12, in <module>
    loss = step(x)
"""
THEIRS = """  File "/e/lib/python3.12/site-packages/torch/nn/modules/module.py", line {}, in _call
    return forward_call(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
SHAPES = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x784 and 512x10)"


def lines_of(log: str, offset: int = 0) -> str:
    cause = cause_of(Failed(code=1), [Tail(log.encode(), offset)])
    assert cause is not None
    lines = cause.data["lines"]
    assert isinstance(lines, str)
    check_lines(log.encode(), cause.data["offset"], lines)
    return lines


@pytest.mark.parametrize("name", ["assertion", "shapes", "syntax", "indentation", "key_error"])
def test_the_line_that_is_to_be_looked_at_is_shown(name: str) -> None:
    fields, log = read(name)
    cause = cause_of(failed_as(fields), [Tail(log)])
    assert cause is not None
    assert 'train.py", line ' in str(cause.data["lines"])


@pytest.mark.parametrize("error", [SHAPES, "AssertionError", "ValueError: bad", "MemoryError"])
def test_the_users_own_frame_is_shown_where_packages_were_called(error: str) -> None:
    head = "step 1\nTraceback (most recent call last):\n"
    deep = head + OURS + "".join(THEIRS.format(number) for number in range(5)) + f"{error}\n"
    lines = lines_of(deep).splitlines()
    assert lines[:3] == [*OURS.splitlines(), "  …"]
    assert lines[3:] == [*THEIRS.format(4).splitlines(), error]
    plain = head + OURS + THEIRS.format(7) + f"{error}\n"
    assert "…" not in lines_of(plain) and lines_of(plain).startswith(OURS)


def test_where_a_frame_is_long_no_part_of_one_is_shown() -> None:
    long = THEIRS.format(7) + "    more\n" * 4
    log = "Traceback (most recent call last):\n" + OURS + long + "AssertionError\n"
    assert lines_of(log) == f"{OURS}  …\nAssertionError"


def test_an_exception_is_told_with_the_users_own_line() -> None:
    log = "Traceback (most recent call last):\n" + OURS + THEIRS.format(7) + "ValueError: bad\n"
    cause = cause_of(Failed(code=1), [Tail(log.encode())])
    assert cause is not None
    assert (cause.data["file"], cause.data["line"]) == ("/w/train.py", "12")


@pytest.mark.parametrize(
    "file",
    [
        "/usr/lib/python3.12/json/decoder.py", "/usr/lib/python3/dist-packages/yaml/x.py",
        "<frozen importlib._bootstrap>", "<__array_function__ internals>",
        "/opt/python313.zip/json/decoder.py", "/opt/py/lib/python3.13t/json/decoder.py",
    ],
)  # fmt: skip
def test_what_is_not_the_users_code(file: str) -> None:
    other = f'  File "{file}", line 3, in f\n'
    head = "Traceback (most recent call last):\n"
    both = lines_of(head + OURS + other * 9 + "AssertionError\n")
    assert both.startswith(OURS)
    alone = lines_of(head + other * 2 + "AssertionError\n")
    assert alone == f"{other}AssertionError"


@pytest.mark.parametrize("file", ["<string>", "/w/lib/python/x.py", "/w/my_site-packages/x.py"])
def test_what_is_the_users_code(file: str) -> None:
    mine = f'  File "{file}", line 1, in <module>\n'
    log = "Traceback (most recent call last):\n" + OURS + mine + "AssertionError\n"
    assert lines_of(log) == f"{mine}AssertionError"


def test_frames_of_another_process_are_none_of_it() -> None:
    other = '[rank1]:   File "/w/other.py", line 9, in <module>\n'
    log = (
        "[rank0]: Traceback (most recent call last):\n"
        '[rank0]:   File "/w/train.py", line 12, in <module>\n'
        f"{other}[rank0]: AssertionError\n"
    )
    assert lines_of(log).startswith('[rank0]:   File "/w/train.py", line 12')


def test_a_frame_far_above_is_not_looked_for() -> None:
    head = "Traceback (most recent call last):\n"
    log = head + OURS + THEIRS.format(7) * TRACE_LINES_MAX + "AssertionError\n"
    assert "train.py" not in lines_of(log)


def test_a_frame_that_would_be_too_much_is_left_out() -> None:
    name, words = "文" * 99, "错" * 300
    log = (
        f'Traceback (most recent call last):\n  File "/w/{name}.py", line 1\nValueError: {words}\n'
    )
    assert lines_of(log).startswith("ValueError: ")
