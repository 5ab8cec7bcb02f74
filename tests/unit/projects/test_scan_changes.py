"""Folders that change while they are read."""

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lanherd_client.projects import walking
from lanherd_client.projects.problems import CancelledHere
from lanherd_client.projects.reading import RANGE_BYTES, TOLD_BYTES_MAX, Found
from lanherd_client.projects.scan import Scan, scan
from lanherd_client.projects.scan_cache import Stamp
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import BLOB_BYTES_MAX


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "stays.py").write_text(name)
    return folder


def paths(scanned: Scan) -> list[str]:
    return [entry.path for entry in scanned.manifest.entries]


def refusal(folder: Path) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        scan(folder)
    return refused.value


def wait_tick(folder: Path) -> None:
    """Returns when the clock that stamps files has gone on, so that the next change is seen."""
    probe = folder / "probe"
    probe.write_text("")
    before = probe.stat().st_ctime_ns
    deadline = time.monotonic() + 10
    while probe.stat().st_ctime_ns == before:
        assert time.monotonic() < deadline
        probe.write_text("")


def when_listed(monkeypatch: pytest.MonkeyPatch, change: Callable[[str, int], None]) -> list[str]:
    """Calls `change` with each folder behind its listing, and with how many were listed before."""
    scandir = os.scandir
    listed: list[str] = []

    class Listing(list["os.DirEntry[str]"]):
        def __enter__(self) -> "Listing":
            return self

        def __exit__(self, *_: object) -> None:
            return

    def listing(path: object) -> object:
        if not isinstance(path, str):
            return scandir(path)
        with scandir(path) as opened:
            found = Listing(opened)
        listed.append(path)
        change(path, len(listed) - 1)
        return found

    monkeypatch.setattr(os, "scandir", listing)
    return listed


def test_what_moves_into_a_folder_that_was_listed_is_found_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a" / "moves.py").write_text("m")
    (project / "b" / "moves.py").write_text("m")

    def move(path: str, before: int) -> None:
        # Whichever of the two comes first takes the other's file once that can't be seen any more.
        if before == 1:
            first = Path(path)
            other = project / ("b" if first.name == "a" else "a")
            (other / "moves.py").rename(first / "moved.py")

    listed = when_listed(monkeypatch, move)
    scanned = scan(project)
    first = os.path.basename(listed[1])
    assert f"{first}/moved.py" in paths(scanned)
    assert len(paths(scanned)) == 4


def test_what_is_renamed_behind_its_listing_is_found_by_its_new_name(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "old.py").write_text("x")

    def rename(path: str, before: int) -> None:
        if before == 0:
            (project / "old.py").rename(project / "new.py")

    when_listed(monkeypatch, rename)
    scanned = scan(project)
    assert paths(scanned) == ["a/stays.py", "b/stays.py", "new.py"]
    assert scanned.vanished == ("old.py",)


def test_a_folder_that_is_renamed_is_found(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(path: str, before: int) -> None:
        if before == 0:
            (project / "a").rename(project / "c")

    when_listed(monkeypatch, rename)
    assert paths(scan(project)) == ["b/stays.py", "c/stays.py"]


def test_a_folder_that_becomes_a_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(path: str, before: int) -> None:
        if before == 2:
            (project / "a" / "stays.py").unlink(missing_ok=True)
            (project / "a").rmdir()
            (project / "a").write_text("now a file")

    when_listed(monkeypatch, swap)
    assert paths(scan(project)) == ["a", "b/stays.py"]


def test_a_file_that_becomes_a_folder_or_a_link(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("folder", "link"):
        (project / name).write_text("x")
    (project / "file").symlink_to("a")

    def swap(path: str, before: int) -> None:
        if before == 0:
            for name in ("folder", "link", "file"):
                (project / name).unlink()
            (project / "folder").mkdir()
            (project / "folder" / "in.py").write_text("x")
            (project / "link").symlink_to("a")
            (project / "file").write_text("x")

    when_listed(monkeypatch, swap)
    scanned = scan(project)
    assert paths(scanned) == ["a/stays.py", "b/stays.py", "file", "folder/in.py", "link"]
    assert [entry.kind for entry in scanned.manifest.entries][2:] == ["file", "file", "link"]


def test_a_folder_in_which_names_come_and_go_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def churn(path: str, before: int) -> None:
        if path.endswith("/a"):
            (project / "a" / f"{before}.tmp").write_text("x")

    when_listed(monkeypatch, churn)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_CHANGED
    assert failed.failure.data["path"] == str(project / "a")


def test_what_comes_and_goes_but_stays_at_home_is_no_change(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".lanherdignore").write_text("*.tmp\n")

    def churn(path: str, before: int) -> None:
        if path.endswith("/a"):
            (project / "a" / "x.tmp").write_text("x")
            (project / "a" / "x.tmp").unlink()

    when_listed(monkeypatch, churn)
    assert paths(scan(project)) == [".lanherdignore", "a/stays.py", "b/stays.py"]


def test_a_name_that_is_listed_and_never_there_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        return None

    monkeypatch.setattr(walking, "read_file", read)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_CHANGED


@pytest.mark.parametrize("seed", range(20))
def test_what_moves_about_is_in_a_snapshot_once(
    project: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    folders = [project / name for name in ("a", "b", "a/deep", "b/deep")]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / "own").write_text("x")
    token = [folders[0] / "token"]
    token[0].write_text("x")

    def move(path: str, before: int) -> None:
        if before < 12 and chance.random() < 0.4:
            goal = chance.choice(folders) / "token"
            wait_tick(tmp_path)
            token[0].rename(goal)
            token[0] = goal

    when_listed(monkeypatch, move)
    try:
        found = [path for path in paths(scan(project)) if path.endswith("token")]
    except LanherdError as refused:
        found = [refused.code]
    assert found == [ErrorCode.PROJECT_CHANGED] or len(found) == 1


def test_what_is_put_in_place_of_another_is_seen_within_one_tick(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the clock that stamps is coarse: the folder's stamp stays what it was."""
    stamp = walking.Walk._stamp
    first: dict[str, Stamp] = {}
    monkeypatch.setattr(
        walking.Walk, "_stamp", lambda walk, path: first.setdefault(path, stamp(walk, path))
    )
    (project / "draft").write_text("draft")

    def swap(path: str, before: int) -> None:
        if before == 0:
            (project / "old.py").write_text("x")
            (project / "draft").rename(project / "new.py")

    when_listed(monkeypatch, swap)
    assert paths(scan(project)) == ["a/stays.py", "b/stays.py", "new.py", "old.py"]


def test_a_project_that_goes_away_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = project.with_name("away")

    def rename(path: str, before: int) -> None:
        if before == 0:
            project.rename(away)

    when_listed(monkeypatch, rename)
    assert refusal(project).code is ErrorCode.PROJECT_CHANGED


# --- Large files ----------------------------------------------------------------------------------


def hashes_of(content: bytes) -> tuple[str, ...]:
    starts = range(0, len(content), BLOB_BYTES_MAX)
    return tuple(hashlib.sha256(content[at : at + BLOB_BYTES_MAX]).hexdigest() for at in starts)


@pytest.mark.parametrize("size", [BLOB_BYTES_MAX + 1, RANGE_BYTES, RANGE_BYTES + 1])
def test_large_files_are_read_in_parts(project: Path, size: int) -> None:
    content = os.urandom(4099) * (size // 4099 + 1)
    (project / "large").write_bytes(content[:size])
    scanned = scan(project)
    entry = next(entry for entry in scanned.manifest.entries if entry.path == "large")
    assert entry.size_bytes == size
    assert entry.blobs == hashes_of(content[:size])


def test_a_large_file_that_grows_once_is_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / "large"
    place.write_bytes(bytes(2 * BLOB_BYTES_MAX))
    _while_read(monkeypatch, [lambda: _append(place)])
    scanned = scan(project)
    entry = next(entry for entry in scanned.manifest.entries if entry.path == "large")
    assert entry.size_bytes == 2 * BLOB_BYTES_MAX + 1
    assert entry.blobs == hashes_of(place.read_bytes())


def test_a_large_file_that_keeps_growing_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / "large"
    place.write_bytes(bytes(2 * BLOB_BYTES_MAX))
    _while_read(monkeypatch, [lambda: _append(place)] * 50)
    failed = refusal(project)
    assert failed.code is ErrorCode.PROJECT_CHANGED
    assert failed.failure.data["path"] == str(place)


def test_a_large_file_that_vanishes_is_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / "large"
    place.write_bytes(bytes(2 * BLOB_BYTES_MAX))
    opened = os.open

    def gone(path: str, flags: int, *rest: int, **named: int) -> int:
        if path == str(place):
            place.unlink(missing_ok=True)
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", gone)
    scanned = scan(project)
    assert paths(scanned) == ["a/stays.py", "b/stays.py"]
    assert scanned.vanished == ("large",)


def _append(place: Path) -> None:
    with place.open("ab") as file:
        file.write(b"x")


def _while_read(monkeypatch: pytest.MonkeyPatch, changes: list[Callable[[], object]]) -> None:
    """Does one change at each reading of a megabyte."""
    left = list(changes)
    lock = threading.Lock()
    pread = os.pread

    def read(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        with lock:
            change = left.pop() if left and length == BLOB_BYTES_MAX else None
        if change is not None:
            change()
        return data

    monkeypatch.setattr(os, "pread", read)


def test_a_large_file_is_given_up_when_told(project: Path) -> None:
    (project / "large").write_bytes(bytes(2 * RANGE_BYTES))
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledHere):
        scan(project, cancelled=stop)


# --- What is told while the walk goes on ----------------------------------------------------------


def test_what_was_read_is_told_with_its_bytes(project: Path) -> None:
    (project / "a" / "middle").write_bytes(os.urandom(TOLD_BYTES_MAX + 1))
    (project / "a" / "large").write_bytes(os.urandom(2 * BLOB_BYTES_MAX + 5))
    (project / "a" / "nothing").write_bytes(b"")
    for number in range(600):
        (project / "b" / f"{number}.py").write_text(str(number))
    told: list[list[Found]] = []
    scanned = scan(project, on_found=lambda found: told.append(list(found)))
    assert len(told) > 2
    found = {one.blob: one for part in told for one in part}
    assert {blob: one.source for blob, one in found.items()} == scanned.sources
    for blob, one in found.items():
        with open(one.source.path, "rb") as file:
            content = os.pread(file.fileno(), one.source.length, one.source.offset)
        assert hashlib.sha256(content).hexdigest() == blob
        assert one.data is None if one.source.path.endswith(("middle", "large")) else content


def test_much_is_told_before_it_gathers(project: Path) -> None:
    for number in range(100):
        (project / "a" / f"{number}").write_bytes(os.urandom(TOLD_BYTES_MAX))
    told: list[int] = []
    scan(project, on_found=lambda found: told.append(len(found)))
    assert sum(told) == 102
    assert len(told) >= 2


def test_what_the_listener_raises_ends_the_scan(project: Path) -> None:
    def refuse(found: object) -> None:
        raise CancelledHere

    with pytest.raises(CancelledHere):
        scan(project, on_found=refuse)
