"""Removing what runs left: all of it, nothing else, and again after a crash."""

import os
import threading
from pathlib import Path

import pytest

from lanherd_agent.trash import Trash, disk_usage

NEVER = threading.Event()


@pytest.fixture
def home() -> Path:
    folder = Path(os.environ["HOME"]) / "agent"
    (folder / "runs").mkdir(parents=True)
    return folder


def test_out_of_sight_then_gone(home: Path) -> None:
    run = home / "runs" / "one"
    (run / "1" / "outputs").mkdir(parents=True)
    (run / "1" / "log").write_text("x" * 100)
    trash = Trash(home / "trash")
    assert trash.take(run)
    assert not run.exists()
    assert not trash.take(run), "twice is once"
    assert len(os.listdir(home / "trash")) == 1
    # The agent died there; the next one finds it.
    emptied = Trash(home / "trash").empty(NEVER)
    assert (emptied.left, emptied.problems) == (0, [])
    assert emptied.removed == 4
    assert os.listdir(home / "trash") == []
    assert Trash(home / "nothing").empty(NEVER).removed == 0


def test_links_are_removed_and_not_followed(home: Path) -> None:
    kept = home / "kept"
    kept.mkdir()
    (kept / "file").write_text("dear")
    run = home / "runs" / "one"
    run.mkdir()
    (run / "folder").symlink_to(kept)
    (run / "file").symlink_to(kept / "file")
    os.link(kept / "file", run / "hard")
    os.mkfifo(run / "pipe")
    trash = Trash(home / "trash")
    trash.take(run)
    linked = home / "runs" / "two"
    linked.symlink_to(kept)
    trash.take(linked)
    assert trash.empty(NEVER).left == 0
    assert (kept / "file").read_text() == "dear"
    assert os.listdir(home / "trash") == []


def test_folders_that_the_run_has_closed(home: Path) -> None:
    run = home / "runs" / "one"
    inner = run / "closed" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    inner.chmod(0)
    (run / "closed").chmod(0o500)
    run.chmod(0o500)
    trash = Trash(home / "trash")
    trash.take(run)
    assert trash.empty(NEVER).left == 0
    assert os.listdir(home / "trash") == []


def test_deeper_than_a_path_is_long(home: Path) -> None:
    run = home / "runs" / "one"
    run.mkdir()
    folder = os.open(run, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("deeper-and-deeper", dir_fd=folder)
        below = os.open("deeper-and-deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    assert disk_usage(run, NEVER) > 0
    trash = Trash(home / "trash")
    trash.take(run)
    assert trash.empty(NEVER).removed == 601


def test_what_can_not_be_removed_is_told_and_the_rest_goes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = home / "runs" / "one"
    (run / "stuck").mkdir(parents=True)
    (run / "other").mkdir()
    trash = Trash(home / "trash")
    trash.take(run)
    rmdir = os.rmdir
    stuck: list[str] = []

    def refused(name: str, *, dir_fd: int | None = None) -> None:
        stuck.append(name)
        if len(stuck) == 1:
            raise OSError(16, "Device or resource busy")
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", refused)
    emptied = trash.empty(NEVER)
    assert emptied.left == 1
    assert emptied.problems == [f"{stuck[0]}: Device or resource busy"]
    assert os.listdir(home / "trash") == [stuck[0]]
    assert trash.empty(NEVER).left == 0


def test_it_can_be_stopped(home: Path) -> None:
    run = home / "runs" / "one"
    (run / "1").mkdir(parents=True)
    (run / "file").write_text("")
    trash = Trash(home / "trash")
    trash.take(run)
    stopped = threading.Event()
    stopped.set()
    assert trash.empty(stopped).removed == 0
    assert trash.empty(NEVER).removed == 3


def test_what_a_directory_takes(home: Path) -> None:
    run = home / "runs" / "one"
    (run / "1").mkdir(parents=True)
    before = disk_usage(run, NEVER)
    (run / "1" / "log").write_bytes(b"x" * 100_000)
    os.link(run / "1" / "log", run / "again")
    (run / "link").symlink_to("/usr")
    with (run / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    grown = disk_usage(run, NEVER) - before
    assert 100_000 <= grown < 130_000
    assert disk_usage(home / "nothing", NEVER) == 0
    stopped = threading.Event()
    stopped.set()
    assert disk_usage(run, stopped) == 0
