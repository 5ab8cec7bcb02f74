import hashlib
import os
import random
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from lanherd_client.projects import ignore
from lanherd_client.projects.ignore import Rule
from lanherd_client.projects.reading import Found
from lanherd_client.projects.scan import Scan, scan
from lanherd_client.projects.scan_cache import CACHES_KEPT_MAX, NO_STAMP, RACY_NS, ScanCache
from lanherd_protocol import manifest as manifests
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import BLOB_BYTES_MAX


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    put(folder, "train.py", "src/a.py", "src/b.py", "src/deep/c.py", "data/x.csv")
    (folder / "src" / "link").symlink_to("a.py")
    (folder / "empty").mkdir()
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "run.log").write_text("log")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def put(folder: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def later() -> int:
    """A clock by which everything was written long ago."""
    return time.time_ns() + 10 * RACY_NS


def wait_tick(folder: Path) -> None:
    """Returns when the clock that stamps files has gone on, so that the next change is seen."""
    probe = folder / "probe"
    probe.write_text("")
    before = probe.stat().st_ctime_ns
    deadline = time.monotonic() + 10
    while probe.stat().st_ctime_ns == before:
        assert time.monotonic() < deadline
        probe.write_text("")


def look(folder: Path, home: Path, clock: Callable[[], int] = later) -> tuple[Scan, list[str]]:
    """A scan with the folder's cache, and the names of the files that it read."""
    read: list[str] = []

    def found(blobs: Sequence[Found]) -> None:
        read.extend(os.path.relpath(one.source.path, folder) for one in blobs)

    return scan(folder, cache=ScanCache.of(folder, home), on_found=found, clock=clock), read


def test_what_has_not_changed_is_not_read_again(project: Path, home: Path) -> None:
    first, read = look(project, home)
    assert sorted(read) == [
        ".gitignore",
        "data/x.csv",
        "src/a.py",
        "src/b.py",
        "src/deep/c.py",
        "train.py",
    ]
    second, read = look(project, home)
    assert read == []
    assert (second.snapshot, second.encoded) == (first.snapshot, first.encoded)
    assert (second.files, second.bytes_total) == (first.files, first.bytes_total)
    assert second.left_out == first.left_out == 1
    assert second.before is None
    assert "manifest" not in vars(second)
    assert second.manifest == first.manifest == scan(project).manifest
    assert second.sources == first.sources


def test_of_one_changed_file_that_one_is_read(project: Path, home: Path, tmp_path: Path) -> None:
    first, _ = look(project, home)
    wait_tick(tmp_path)
    (project / "src" / "b.py").write_text("y")
    second, read = look(project, home)
    assert read == ["src/b.py"]
    assert second.snapshot == scan(project).snapshot != first.snapshot
    assert second.before is not None
    assert second.before.snapshot == first.snapshot
    assert second.before.manifest == first.manifest
    known = {id(entry) for entry in second.before.manifest.entries}
    fresh = [entry.path for entry in second.manifest.entries if id(entry) not in known]
    assert fresh == ["src/b.py"]
    assert look(project, home)[1] == []


def test_a_change_that_keeps_size_and_mtime_is_seen(
    project: Path, home: Path, tmp_path: Path
) -> None:
    place = project / "train.py"
    before = place.stat()
    first, _ = look(project, home)
    wait_tick(tmp_path)
    place.write_text("z")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    second, read = look(project, home)
    assert read == ["train.py"]
    assert second.snapshot == scan(project).snapshot != first.snapshot


def test_what_was_written_just_before_it_was_read_is_read_again(project: Path, home: Path) -> None:
    first, _ = look(project, home, time.time_ns)
    kept = ScanCache.of(project, home).load()
    assert kept is not None
    assert set(kept.folders[""].files.values()) == {NO_STAMP}
    second, read = look(project, home, time.time_ns)
    assert "train.py" in read
    assert second.snapshot == first.snapshot
    assert second.before is None
    look(project, home)
    kept = ScanCache.of(project, home).load()
    assert kept is not None
    assert NO_STAMP not in kept.folders[""].files.values()
    assert look(project, home)[1] == []


def test_a_file_from_the_future_is_never_trusted(project: Path, home: Path) -> None:
    future = time.time_ns() + 3_600_000_000_000
    os.utime(project / "train.py", ns=(future, future))
    look(project, home)
    assert look(project, home)[1] == ["train.py"]


def test_one_cache_serves_one_scan_after_the_other(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ScanCache.of(project, home)
    first = scan(project, cache=cache, clock=later)
    monkeypatch.setattr(ScanCache, "_read", lambda _: pytest.fail("it was read again"))
    assert scan(project, cache=cache, clock=later).snapshot == first.snapshot


def _flip(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize(
    "damage",
    [
        _flip,
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"lanherd scan 0\n" + content[15:],
        lambda content: content + b"x",
        lambda content: os.urandom(4096),
    ],
    ids=["flipped", "cut", "empty", "older", "longer", "noise"],
)
def test_a_damaged_cache_is_none(
    project: Path, home: Path, damage: Callable[[bytes], bytes]
) -> None:
    first, _ = look(project, home)
    path = ScanCache.of(project, home).path
    path.write_bytes(damage(path.read_bytes()))
    again, read = look(project, home)
    assert len(read) == 6
    assert again.snapshot == first.snapshot
    assert look(project, home)[1] == []


def test_a_cache_of_another_shape_or_folder_is_none(project: Path, home: Path) -> None:
    look(project, home)
    path = ScanCache.of(project, home).path
    good = path.read_bytes()
    head, body = good[:15], good[47:]
    for other in (b"\x93\x01\x02\x03", b"\xc1", body.replace(b"project", b"prosect")):
        path.write_bytes(head + hashlib.sha256(other).digest() + other)
        assert len(look(project, home)[1]) == 6


def test_a_home_that_cannot_be_written_costs_nothing_but_time(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_text("no folder")
    assert len(look(project, home)[1]) == 6
    assert look(project, home)[0].snapshot == scan(project).snapshot
    home.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert len(look(project, home)[1]) == 6
    assert os.listdir(home / "cache" / "scans") == []


def test_the_caches_of_folders_long_unseen_go(tmp_path: Path, home: Path) -> None:
    folders = [tmp_path / f"p{number}" for number in range(CACHES_KEPT_MAX + 2)]
    for age, folder in enumerate(folders):
        put(folder, "x")
        look(folder, home)
        os.utime(ScanCache.of(folder, home).path, (age, age))
    put(folders[-1], "y")
    look(folders[-1], home)
    kept = {path.name for path in (home / "cache" / "scans").iterdir()}
    assert kept == {ScanCache.of(folder, home).path.name for folder in folders[2:]}


def test_a_scan_that_fails_leaves_what_the_one_before_found(
    project: Path, home: Path, tmp_path: Path
) -> None:
    (project / "large").write_bytes(os.urandom(BLOB_BYTES_MAX + 1))
    cache = ScanCache.of(project, home)
    first = scan(project, cache=cache, clock=later)
    wait_tick(tmp_path)
    (project / "large").write_bytes(os.urandom(BLOB_BYTES_MAX + 1))
    os.mkfifo(project / "zz-pipe")
    with pytest.raises(LanherdError):
        scan(project, cache=cache, clock=later)
    (project / "zz-pipe").unlink()
    second = scan(project, cache=cache, clock=later)
    assert second.snapshot == scan(project).snapshot != first.snapshot


def test_the_rules_are_asked_again_when_they_change(
    project: Path, home: Path, tmp_path: Path
) -> None:
    put(project, "src/z.log", "src/z.tmp")
    look(project, home)
    for rules in ("*.tmp\n", "", "src/deep/\n", "*.log\n*.tmp\n"):
        wait_tick(tmp_path)
        (project / ".gitignore").write_text(rules)
        assert look(project, home)[0].snapshot == scan(project).snapshot
    (project / "src" / ".lanherdignore").write_text("!*.log\n")
    scanned, _ = look(project, home)
    assert scanned.snapshot == scan(project).snapshot
    assert "src/z.log" in [entry.path for entry in scanned.manifest.entries]
    (project / ".lanherd").mkdir()
    (project / ".lanherd" / "project.toml").write_text('ignore = ["src/"]\n')
    scanned, _ = look(project, home)
    assert not any(entry.path.startswith("src") for entry in scanned.manifest.entries)
    assert scanned.snapshot == scan(project).snapshot


def test_other_usual_rules_are_other_rules(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(project, home)
    monkeypatch.setitem(ignore._USUAL_BY_NAME, "data", Rule("data"))
    scanned, read = look(project, home)
    assert read == []
    assert "data/x.csv" not in [entry.path for entry in scanned.manifest.entries]


def test_an_edit_beside_small_checkpoints_asks_no_rule(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "small.pt")
    look(project, home)
    wait_tick(tmp_path)
    (project / "train.py").write_text("y")
    monkeypatch.setattr(ignore, "_compiled", lambda *_: pytest.fail("rules were compiled"))
    assert look(project, home)[1] == ["train.py"]


def test_a_checkpoint_that_grows_stays_at_home_and_comes_back(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ignore._CHECKPOINTS, ".pt", Rule("*.pt", over_bytes=10))
    put(project, "out/best.pt")
    for text in ("x" * 11, "x" * 12, "x", "y" * 11, "z"):
        look(project, home)
        wait_tick(tmp_path)
        (project / "out" / "best.pt").write_text(text)
        scanned, _ = look(project, home)
        assert scanned.snapshot == scan(project).snapshot
        assert scanned.left_out == (2 if len(text) > 10 else 1)
        said = [one.why.size_bytes for one in scanned.left_out_entries() if one.why.size_bytes]
        assert said == ([len(text)] if len(text) > 10 else [])


def test_a_project_that_is_reached_by_a_link_is_the_same(
    project: Path, home: Path, tmp_path: Path
) -> None:
    look(project, home)
    link = tmp_path / "link"
    link.symlink_to(project)
    scanned, read = look(link, home)
    assert read == []
    assert scanned.snapshot == scan(project).snapshot
    place = next(iter(scanned.sources.values())).path
    assert place.startswith(f"{link}/")


def test_a_name_that_is_no_unicode_and_stays_at_home(project: Path, home: Path) -> None:
    with open(os.path.join(os.fsencode(project), b"odd-\xe9.log"), "wb"):
        pass
    first, _ = look(project, home)
    second, read = look(project, home)
    assert read == []
    assert first.left_out == second.left_out == 2
    assert [one.path for one in second.left_out_entries()] == ["odd-\\xe9.log", "run.log"]


def test_a_folder_that_is_all_gone_is_said(project: Path, home: Path) -> None:
    look(project, home)
    for entry in project.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    with pytest.raises(LanherdError) as refused:
        look(project, home)
    assert refused.value.code is ErrorCode.PROJECT_EMPTY


# --- Whatever happens to a folder ---------------------------------------------------------------

_NAMES = ("a", "b.py", "c.log", "d", "e.pt", "ü", ".gitignore", ".lanherdignore", "venv")
_RULES = ("*.log\n", "d/\n", "!venv/\n", "a\n!a/b.py\n", "/b.py\n", "!*.pt\n", "", "*\n!a\n!a/**\n")


class _Edits:
    """Random changes to a folder."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._random = random.Random(seed)
        self.story: list[str] = []

    def step(self) -> None:
        edit = self._random.choice(
            (
                self._write,
                self._write,
                self._write_silently,
                self._remove,
                self._rename,
                self._chmod,
                self._link,
                self._folder,
                self._rules,
                self._touch,
                self._mark,
            )
        )
        place = self._place()
        self.story.append(f"{edit.__name__} {place.relative_to(self._root)}")
        edit(place)

    def settled(self) -> bool:
        return self._random.random() < 0.7

    def _place(self) -> Path:
        place = self._root
        for _ in range(self._random.randint(1, 3)):
            place = place / self._random.choice(_NAMES)
            if not place.is_dir() or place.is_symlink():
                break
        return place

    def _clear(self, place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    def _write(self, place: Path) -> None:
        self._clear(place)
        size = self._random.choice((0, 3, 3, 12, BLOB_BYTES_MAX + 1))
        text = self._random.choice(_RULES) if place.name.endswith("ignore") else ""
        place.write_bytes(text.encode() or self._random.randbytes(1) * size)

    def _write_silently(self, place: Path) -> None:
        if not place.is_file() or place.is_symlink() or place.name.endswith("ignore"):
            return
        before = place.stat()
        place.write_bytes(self._random.randbytes(1) * before.st_size)
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _remove(self, place: Path) -> None:
        self._clear(place)

    def _rename(self, place: Path) -> None:
        other = self._place()
        inside = str(other).startswith(f"{place}/") or str(place).startswith(f"{other}/")
        if not os.path.lexists(place) or inside or other == place:
            return
        self._clear(other)
        place.rename(other)

    def _chmod(self, place: Path) -> None:
        if place.is_file() and not place.is_symlink():
            place.chmod(place.stat().st_mode ^ stat.S_IXUSR)

    def _link(self, place: Path) -> None:
        if not place.name.endswith("ignore"):
            self._clear(place)
            place.symlink_to(self._random.choice(_NAMES))

    def _folder(self, place: Path) -> None:
        self._clear(place)
        place.mkdir()
        for name in self._random.sample(_NAMES, self._random.randint(0, 3)):
            self._write(place / name)

    def _rules(self, place: Path) -> None:
        name = self._random.choice((".gitignore", ".lanherdignore"))
        self._clear(place.with_name(name))
        place.with_name(name).write_text(self._random.choice(_RULES))

    def _touch(self, place: Path) -> None:
        if place.exists():
            os.utime(place)

    def _mark(self, place: Path) -> None:
        mark = place.with_name("pyvenv.cfg")
        mark.unlink() if mark.exists() else mark.write_text("")


def _outcome(made: Callable[[], Scan]) -> tuple[str, int]:
    """What a scan says, in a form that can be compared."""
    try:
        scanned = made()
    except LanherdError as refused:
        return f"{refused.code} {refused}", 0
    manifests.validate(scanned.manifest)
    assert manifests.encode(scanned.manifest) == scanned.encoded
    return scanned.snapshot, scanned.left_out


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changes_the_cache_says_the_same(
    seed: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Rule("*.pt", over_bytes=10)
    monkeypatch.setitem(ignore._CHECKPOINTS, ".pt", small)
    root = tmp_path / "tree"
    put(root, "train.py")
    edits = _Edits(root, seed)
    held = ScanCache.of(root, home)
    for step in range(40):
        for _ in range(step % 4):
            edits.step()
        cache = held if step % 3 else ScanCache.of(root, home)
        clock: Callable[[], int] = time.time_ns
        if edits.settled():
            wait_tick(tmp_path)
            clock = later
        told = _outcome(partial(scan, root, cache=cache, clock=clock))
        assert told == _outcome(partial(scan, root)), edits.story
        wait_tick(tmp_path)
