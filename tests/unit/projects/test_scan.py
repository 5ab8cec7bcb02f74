import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lanherd_client.projects import reading, walking
from lanherd_client.projects.problems import CancelledHere
from lanherd_client.projects.reading import READ_TRIES, Content
from lanherd_client.projects.scan import Scan, scan
from lanherd_client.projects.scan_cache import Stamp
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import BLOB_BYTES_MAX
from lanherd_protocol.values import ManifestEntry


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("print()")
    return folder


def put(folder: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def paths(scanned: Scan) -> list[str]:
    return [entry.path for entry in scanned.manifest.entries]


def entry(scanned: Scan, path: str) -> ManifestEntry:
    return next(one for one in scanned.manifest.entries if one.path == path)


def refusal(folder: Path) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        scan(folder)
    return refused.value


@contextmanager
def without_root() -> Iterator[None]:
    """Root may read everything, so the test looks at the folder as another user."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)


def test_a_folder_is_read_as_it_is(project: Path) -> None:
    put(project, "data/größe 数据.txt", "z/deep/er/f")
    (project / "run.sh").write_text("#!/bin/sh")
    (project / "run.sh").chmod(0o755)
    (project / "empty").mkdir()
    (project / "nothing.txt").write_text("")
    (project / "z" / "link").symlink_to("./deep//er/f")
    (project / "here").symlink_to(".")
    large = os.urandom(BLOB_BYTES_MAX + 3)
    (project / "large.bin").write_bytes(large)
    scanned = scan(project)
    assert paths(scanned) == [
        "data/größe 数据.txt",
        "empty",
        "here",
        "large.bin",
        "nothing.txt",
        "run.sh",
        "train.py",
        "z/deep/er/f",
        "z/link",
    ]
    assert entry(scanned, "empty").kind == "directory"
    assert entry(scanned, "run.sh").kind == "executable"
    assert entry(scanned, "train.py").kind == "file"
    assert entry(scanned, "z/link").target == "deep/er/f"
    assert entry(scanned, "here").target == "."
    assert entry(scanned, "nothing.txt").blobs == ()
    blobs = entry(scanned, "large.bin").blobs
    assert [scanned.sources[blob].length for blob in blobs] == [BLOB_BYTES_MAX, 3]
    assert scanned.files == 6
    assert scanned.bytes_total == 7 + 1 + 1 + 9 + len(large)


def test_the_same_content_is_the_same_snapshot(project: Path, tmp_path: Path) -> None:
    put(project, "b/c", "a")
    other = tmp_path / "copy"
    other.mkdir()
    put(other, "a", "b/c")
    (other / "train.py").write_text("print()")
    os.utime(other / "a", (1, 1))
    assert scan(other).snapshot == scan(project).snapshot
    put(other, "a", text="changed")
    assert scan(other).snapshot != scan(project).snapshot


def test_what_is_no_part_of_a_program_stays_at_home(project: Path) -> None:
    put(
        project,
        ".git/config",
        ".lanherd/notes.txt",
        ".venv/bin/python",
        "venv/x",
        "src/__pycache__/a.pyc",
        "src/a.py",
        "src/b.pyc",
        "node_modules/x/y",
        ".mypy_cache/x",
    )
    scanned = scan(project)
    assert paths(scanned) == ["src/a.py", "train.py"]
    assert scanned.left_out == 8


def test_rules_of_folders_add_up_and_the_later_ones_win(project: Path) -> None:
    put(project, "a.log", "keep.log", "data/big.bin", "data/small.csv", "runs/1/x", "venv/x")
    put(project, "sub/a.log", "sub/b.tmp", "other/b.tmp", "out/x", "sub/out/x")
    (project / ".gitignore").write_text("*.log\n!keep.log\n/out/\ndata/\n# comment\n")
    (project / ".lanherdignore").write_text("!data/\ndata/*.bin\nruns/\n!venv/\n")
    (project / "sub" / ".gitignore").write_text("*.tmp\n!a.log\n")
    assert paths(scan(project)) == [
        ".gitignore",
        ".lanherdignore",
        "data/small.csv",
        "keep.log",
        "other/b.tmp",
        "sub/.gitignore",
        "sub/a.log",
        "sub/out/x",
        "train.py",
        "venv/x",
    ]


def test_a_rule_file_that_is_no_text_is_named(project: Path) -> None:
    (project / ".gitignore").write_bytes(b"\xff\xfe\x00")
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert ".gitignore" in failed.failure.title


def test_a_missing_folder_and_a_file_are_named(tmp_path: Path) -> None:
    missing = refusal(tmp_path / "nowhere")
    assert missing.code is ErrorCode.PROJECT_UNREADABLE
    assert missing.failure.data["path"] == str(tmp_path / "nowhere")
    assert "no such folder" in missing.failure.message
    (tmp_path / "file").write_text("")
    assert "not a folder" in refusal(tmp_path / "file").failure.message
    assert "system says" in refusal(tmp_path / "file" / "below").failure.message


def test_an_empty_folder_is_said_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert refusal(folder).code is ErrorCode.PROJECT_EMPTY
    put(folder, ".git/config")
    failed = refusal(folder)
    assert failed.code is ErrorCode.PROJECT_EMPTY
    assert "left out by ignore rules" in failed.failure.message


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_is_named(what: str) -> None:
    # Not below tmp_path, whose folders other users can't enter.
    with tempfile.TemporaryDirectory(prefix="lh-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        put(folder, "ok.py", "closed/x")
        closed = folder / "closed" / "x" if what == "file" else folder / "closed"
        closed.chmod(0o000)
        with without_root():
            failed = refusal(folder)
        closed.chmod(0o700)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert failed.failure.data["path"] == str(closed)
    assert "Permission denied" in failed.failure.message
    assert ".lanherdignore" in failed.failure.remedy


def test_sockets_and_pipes_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(project / "pipe")
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert "a pipe" in failed.failure.message
    (project / "pipe").unlink()
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("sock")
        assert "a socket" in refusal(project).failure.message
    (project / ".lanherdignore").write_text("sock\n")
    assert "sock" not in paths(scan(project))


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../x"])
def test_links_that_lead_out_are_named(project: Path, target: str) -> None:
    (project / "link").symlink_to(target)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert failed.failure.data["path"] == str(project / "link")
    assert target in failed.failure.message


@pytest.mark.parametrize("name", [b"back\\slash", b"latin-\xe9"])
def test_names_that_others_can_not_hold_are_named(project: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(project), name), "wb"):
        pass
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert "can't be kept" in failed.failure.message
    assert failed.failure.title.encode()


def test_a_file_that_changes_once_is_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = _changing(project / "train.py", monkeypatch, times=1)
    scanned = scan(project)
    assert changes == [0]
    assert entry(scanned, "train.py").size_bytes == len("print()") + 1


def test_a_file_that_keeps_changing_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _changing(project / "train.py", monkeypatch, times=READ_TRIES + 1)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_CHANGED
    assert failed.failure.data["path"] == str(project / "train.py")


def _changing(path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Lets another program write to the file while it is read."""
    left = [times]
    pread = os.pread

    def read(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        if left[0]:
            left[0] -= 1
            with path.open("a") as other:
                other.write("!")
        return data

    monkeypatch.setattr(os, "pread", read)
    return left


def test_a_file_that_shrinks_is_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pread = os.pread
    left = [1]

    def shrink(descriptor: int, length: int, offset: int) -> bytes:
        if left[0]:
            left[0] -= 1
            os.truncate(project / "train.py", 1)
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", shrink)
    assert entry(scan(project), "train.py").size_bytes == 1


def test_what_vanishes_during_the_scan_is_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "gone.txt", "sub/gone.txt")
    (project / "gone.link").symlink_to("train.py")
    scandir = os.scandir

    def vanish(path: Path) -> object:
        listing = scandir(path)
        if str(path) == str(project):
            found = list(listing)
            if (project / "gone.txt").exists():
                (project / "gone.txt").unlink()
                (project / "gone.link").unlink()
                (project / "sub" / "gone.txt").unlink()
                (project / "sub").rmdir()
            return _Listing(found)
        return listing

    monkeypatch.setattr(os, "scandir", vanish)
    scanned = scan(project)
    assert paths(scanned) == ["train.py"]
    assert scanned.vanished == ("gone.link", "gone.txt", "sub")
    assert any("gone.txt vanished" in note for note in scanned.notes)


class _Listing(list[object]):
    def __enter__(self) -> "_Listing":
        return self

    def __exit__(self, *_: object) -> None:
        return


def test_a_pipe_in_place_of_a_file_does_not_hold_the_scan_up(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reading._read_small

    def swap(place: str, stamp: Stamp) -> Content | None:
        (project / "train.py").unlink()
        os.mkfifo(project / "train.py")
        return read(place, stamp)

    monkeypatch.setattr(reading, "_read_small", swap)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_UNREADABLE
    assert "a pipe" in failed.failure.message


def test_too_many_entries_are_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MANIFEST_ENTRIES_MAX", 3)
    put(project, "a", "b", "c")
    failed = refusal(project)
    assert failed.code is ErrorCode.TOO_LARGE
    assert failed.failure.data["path"] == str(project)


def test_a_scan_tells_how_far_it_is_and_stops_when_told(project: Path) -> None:
    put(project, *(f"f{number}" for number in range(200)))
    told: list[tuple[int, int, str]] = []
    scan(project, lambda files, size, path: told.append((files, size, path)))
    assert [files for files, _, _ in told] == [64, 128, 192]
    stop = threading.Event()
    with pytest.raises(CancelledHere):
        scan(project, lambda *_: stop.set(), stop)
