import os
from pathlib import Path

import pytest

from tests.support import live_files
from tests.support.live_files import contents_below, entries_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1")
    (tmp_path / "b" / "two").write_bytes(b"2")
    (tmp_path / "link").symlink_to("b/two")
    (tmp_path / "dangling").symlink_to("nowhere")
    return tmp_path


def test_all_of_it(folder: Path) -> None:
    names = [path.name for path, _ in entries_below(folder)]
    assert sorted(names) == ["a", "b", "dangling", "link", "one", "two"]
    held = {path.name: content for path, content in contents_below(folder)}
    assert held == {"one": b"1", "two": b"2", "link": b"2"}


def test_what_goes_away_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file between the listing and the look, another between the look and the reading, and a
    folder between its listing and its turn."""
    lstat = Path.lstat

    def removing(self: Path) -> os.stat_result:
        found = lstat(self)
        if self.name == "a":
            (self / "one").unlink()
            self.rmdir()
        return found

    monkeypatch.setattr(Path, "lstat", removing)
    assert {path.name for path, _ in entries_below(folder)} == {
        *("a", "b", "two", "link", "dangling"),
    }

    read = Path.read_bytes

    def gone(self: Path) -> bytes:
        self.unlink()
        return read(self)

    monkeypatch.setattr(live_files.Path, "read_bytes", gone)
    assert list(contents_below(folder)) == []
