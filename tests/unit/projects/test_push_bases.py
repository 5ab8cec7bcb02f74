"""What is remembered of each machine: never needed, never trusted unseen."""

from pathlib import Path

import pytest

from lanherd_client.projects import push_bases
from lanherd_client.projects.push_bases import PushBases
from lanherd_client.projects.scan import Scan, scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def scanned(folder: Path, text: str) -> Scan:
    (folder / "a.py").write_text(text)
    return scan(folder)


def test_each_machine_has_its_own(folder: Path, tmp_path: Path) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    assert bases.known("m1") is None
    one, other = scanned(folder, "one"), scanned(folder, "other")
    bases.keep("m1", one)
    bases.keep("m2", other)
    assert (bases.known("m1"), bases.known("m2")) == (one.snapshot, other.snapshot)
    base = bases.base(one.snapshot)
    assert base is not None and base.manifest == one.manifest
    assert PushBases.of(folder / ".." / "project", tmp_path / "home").known("m1") == one.snapshot
    assert PushBases.of(tmp_path, tmp_path / "home").known("m1") is None


def test_what_no_machine_has_any_more_is_removed(folder: Path, tmp_path: Path) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    one, other = scanned(folder, "one"), scanned(folder, "other")
    bases.keep("m1", one)
    bases.keep("m1", other)
    assert bases.base(one.snapshot) is None
    assert {path.name for path in bases.place.iterdir()} == {"machines", other.snapshot}


def test_a_machine_that_is_not_named_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    bases.keep("", scanned(folder, "one"))
    assert bases.known("") is None
    assert not bases.place.exists()


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x81\xa2m1\xa3../"])
def test_an_index_that_is_damaged_is_none(folder: Path, tmp_path: Path, damage: bytes) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    one = scanned(folder, "one")
    bases.keep("m1", one)
    (bases.place / "machines").write_bytes(damage)
    assert bases.known("m1") is None
    bases.keep("m1", one)
    assert bases.known("m1") == one.snapshot


def test_a_manifest_that_is_damaged_is_none(folder: Path, tmp_path: Path) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    one = scanned(folder, "one")
    bases.keep("m1", one)
    (bases.place / one.snapshot).write_bytes(one.encoded[:-1])
    assert bases.base(one.snapshot) is None


def test_the_machines_and_folders_of_long_ago_are_forgotten(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_bases, "MACHINES_MAX", 2)
    monkeypatch.setattr(push_bases, "FOLDERS_MAX", 2)
    bases = PushBases.of(folder, tmp_path / "home")
    for number in range(3):
        bases.keep(f"m{number}", scanned(folder, f"{number}"))
    assert [bases.known(f"m{number}") is None for number in range(3)] == [True, False, False]
    for number in range(3):
        PushBases.of(tmp_path / f"other{number}", tmp_path / "home").keep(
            "m1", scanned(folder, "x")
        )
    assert len([*bases.place.parent.iterdir()]) == 2


def test_a_home_that_can_not_be_written_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    bases = PushBases.of(folder, tmp_path / "home")
    bases.keep("m1", scanned(folder, "one"))
    assert bases.known("m1") is None


def test_what_can_not_be_put_in_place_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    bases = PushBases.of(folder, tmp_path / "home")
    one = scanned(folder, "one")
    (bases.place / "machines").mkdir(parents=True)
    bases.keep("m1", one)
    assert {path.name for path in bases.place.iterdir()} == {"machines", one.snapshot}
