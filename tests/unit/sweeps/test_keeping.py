"""What a controller keeps of its sweeps."""

import os
from pathlib import Path

import pytest

from lanherd_client.sweeps import keeping
from lanherd_client.sweeps.keeping import Sent, SweepBook
from lanherd_protocol.errors import ConflictError, ErrorCode, LanherdError
from lanherd_protocol.ids import DeviceId, RunId

SENT = Sent(name="a/b", machine=DeviceId("d" * 64), ids={"k": RunId("r")})


def test_what_is_kept_is_found_again_by_its_name(tmp_path: Path) -> None:
    book = SweepBook(tmp_path / "home")
    assert book.load("a/b") is None
    book.put(SENT)
    assert book.load("a/b") == SENT
    assert book.load("a/c") is None
    (path,) = (tmp_path / "home/sweeps").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    assert book.load("a/b") is None


def test_one_program_sends_a_sweep_at_a_time(tmp_path: Path) -> None:
    book = SweepBook(tmp_path)
    others = SweepBook(tmp_path)
    with book.sending("a"), others.sending("b"), pytest.raises(ConflictError), others.sending("a"):
        raise AssertionError
    with SweepBook(tmp_path).sending("a"):
        book.put(SENT)


def test_the_least_recent_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEPT_MAX", 2)
    book = SweepBook(tmp_path)
    for at, name in enumerate("abc"):
        with book.sending(name):
            book.put(Sent(name=name, machine=SENT.machine))
        for path in (tmp_path / "sweeps").glob("*.json"):
            if path.stat().st_mtime > 1000:
                os.utime(path, (at, at))
    assert [book.load(name) is not None for name in "abc"] == [False, True, True]
    assert len([*(tmp_path / "sweeps").iterdir()]) == 4


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweeps").write_text("a file")
    book = SweepBook(tmp_path)
    with pytest.raises(LanherdError, match="can't be used") as caught:
        book.put(SENT)
    assert caught.value.code is ErrorCode.HOME_UNUSABLE
    with pytest.raises(LanherdError, match="can't be used"), book.sending("a"):
        raise AssertionError
