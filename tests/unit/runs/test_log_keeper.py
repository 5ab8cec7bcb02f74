"""Whether a log's disk is full, as its keeper sees it."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from lanherd_agent.runs import log_keeper


@pytest.mark.parametrize(
    ("blocks", "free", "available", "user", "full"),
    [
        (100, 0, 0, 1000, True),
        (100, 5, 0, 1000, True),
        (100, 5, 0, 0, False),
        (100, 5, 5, 1000, False),
        (0, 0, 0, 1000, False),
    ],
)
def test_a_disk_without_room_for_this_user_is_full(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    blocks: int,
    free: int,
    available: int,
    user: int,
    full: bool,
) -> None:
    disk = SimpleNamespace(f_blocks=blocks, f_bfree=free, f_bavail=available)
    monkeypatch.setattr(os, "fstatvfs", lambda fd: disk)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ended(tmp_path).full is full


def test_a_disk_that_tells_nothing_is_not_said_to_be_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(os, "fstatvfs", refuse)
    assert ended(tmp_path).full is False


def test_a_disk_that_was_full_while_it_ran_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keeper = kept(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda fd, data, offset: 0)
        os.truncate(tmp_path / "log", 10)
        keeper.look(keeper.next_at)
    keeper.close()
    os.close(keeper.dir_fd)
    assert keeper.full


def kept(folder: Path) -> log_keeper.LogKeeper:
    fd = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    dir_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return log_keeper.LogKeeper(dir_fd, "log", fd, None)


def ended(folder: Path) -> log_keeper.LogKeeper:
    keeper = kept(folder)
    keeper.close()
    os.close(keeper.dir_fd)
    return keeper
