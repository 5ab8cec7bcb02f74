"""The list of projects: a memory aid that nothing depends on."""

from pathlib import Path

import pytest

from lanherd_client.projects import project_book
from lanherd_client.projects.project_book import NOTED_EVERY_S, ProjectBook


def names(book: ProjectBook) -> list[str]:
    return [project.name for project in book.projects()]


def test_the_one_that_was_used_last_comes_first(tmp_path: Path) -> None:
    book = ProjectBook.of(tmp_path / "home")
    assert book.projects() == []
    for at, name in enumerate(("a", "b", "c")):
        book.note(tmp_path / name, name, now=at * 2 * NOTED_EVERY_S)
    assert names(book) == ["c", "b", "a"]
    book.note(tmp_path / "a", "a", now=9 * NOTED_EVERY_S)
    assert names(book) == ["a", "c", "b"]


def test_a_push_after_the_other_writes_nothing(tmp_path: Path) -> None:
    book = ProjectBook.of(tmp_path / "home")
    book.note(tmp_path, "a", now=1000.0)
    before = book.path.stat().st_mtime_ns, book.path.stat().st_ino
    book.note(tmp_path, "a", now=1000.0 + NOTED_EVERY_S / 2)
    assert (book.path.stat().st_mtime_ns, book.path.stat().st_ino) == before
    book.note(tmp_path, "b", now=1001.0 + NOTED_EVERY_S / 2)
    assert names(book) == ["b"]


def test_a_folder_that_was_moved_is_the_same_project_and_a_copy_another(tmp_path: Path) -> None:
    book = ProjectBook.of(tmp_path / "home")
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    book.note(old, "a", "id-1", now=1.0)
    new.mkdir()
    book.note(new, "a", "id-1", now=2.0)
    assert [project.folder for project in book.projects()] == [str(new), str(old)]
    old.rmdir()
    book.note(new, "a", "id-1", now=3.0 + NOTED_EVERY_S)
    assert [project.folder for project in book.projects()] == [str(new)]


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_book, "PROJECTS_MAX", 2)
    book = ProjectBook.of(tmp_path / "home")
    for at, name in enumerate(("a", "b", "c")):
        book.note(tmp_path / name, name, now=float(at))
    assert names(book) == ["c", "b"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff"])
def test_a_list_that_is_damaged_is_empty(tmp_path: Path, damage: bytes) -> None:
    book = ProjectBook.of(tmp_path / "home")
    book.note(tmp_path, "a")
    book.path.write_bytes(damage)
    assert book.projects() == []
    book.note(tmp_path, "a")
    assert names(book) == ["a"]


def test_a_home_that_can_not_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    book = ProjectBook.of(tmp_path / "home")
    book.note(tmp_path, "a")
    assert book.projects() == []
