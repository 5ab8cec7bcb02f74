import os
import stat
from pathlib import Path

import pytest

from lanherd_client.projects import preflight as looking
from lanherd_client.projects.ignore import RULE_FILE_BYTES_MAX
from lanherd_client.projects.preflight import (
    LARGEST_SHOWN,
    OUTPUT_FOLDER_BYTES,
    SUSPICIOUS_FILE_BYTES,
    Preflight,
    Sized,
    add_rule,
    rule_for,
)
from lanherd_client.projects.scan import Scan, scan
from lanherd_protocol.errors import ErrorCode, LanherdError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    put(folder, "train.py")
    return folder


def put(folder: Path, *paths: str, size: int = 1) -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(size))


def paths(scanned: Scan) -> list[str]:
    return [entry.path for entry in scanned.manifest.entries]


def test_the_largest_come_first(project: Path) -> None:
    put(project, "data/a.csv", size=300)
    put(project, "data/deep/b.csv", size=500)
    put(project, "src/c.py", size=10)
    (project / "src" / "link").symlink_to("c.py")
    seen = Preflight(scan(project))
    assert (seen.files, seen.bytes_total, seen.sent_bytes) == (4, 811, 811)
    assert seen.largest_files[:2] == (
        Sized("data/deep/b.csv", 1, 500, is_folder=False),
        Sized("data/a.csv", 1, 300, is_folder=False),
    )
    assert seen.largest_folders == (
        Sized("data", 2, 800, is_folder=True),
        Sized("data/deep", 1, 500, is_folder=True),
        Sized("src", 1, 10, is_folder=True),
    )
    assert seen.suspects == ()
    put(project, *(f"many/{number}" for number in range(LARGEST_SHOWN + 5)))
    assert len(Preflight(scan(project)).largest_files) == LARGEST_SHOWN


def test_what_a_machine_has_is_not_sent(project: Path) -> None:
    put(project, "a.csv", "b.csv", size=300)
    (project / "c.csv").write_bytes((project / "a.csv").read_bytes())
    scanned = scan(project)
    assert Preflight(scanned).sent_bytes == 601
    train = next(entry for entry in scanned.manifest.entries if entry.path == "train.py")
    assert Preflight(scanned, train.blobs).sent_bytes == 1
    assert Preflight(scanned, ()).sent_bytes == 0


def test_what_is_suspicious_is_told_with_the_rule_that_leaves_it_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SUSPICIOUS_FILE_BYTES", 1000)
    monkeypatch.setattr(looking, "SUSPICIOUS_FOLDER_BYTES", 2000)
    monkeypatch.setattr(looking, "SUSPICIOUS_FOLDER_FILES", 20)
    monkeypatch.setattr(looking, "OUTPUT_FOLDER_BYTES", 50)
    put(project, "big.csv", size=1001)
    put(project, "holds/one.csv", size=3000)
    put(project, *(f"data/deep/{number}.csv" for number in range(3)), size=900)
    put(project, *(f"tiles/{number}.png" for number in range(21)))
    put(project, "exp/wandb/log", size=51)
    put(project, "outputs/note", size=50)
    seen = Preflight(scan(project))
    assert [(one.what.path, one.rule) for one in seen.suspects] == [
        ("holds/one.csv", "/holds/one.csv"),
        ("data/deep", "/data/deep/"),
        ("big.csv", "/big.csv"),
        ("exp/wandb", "/exp/wandb/"),
        ("tiles", "/tiles/"),
    ]
    assert all(one.why.endswith(".") for one in seen.suspects)
    for one in seen.suspects:
        assert add_rule(project, one.rule)
    again = Preflight(scan(project))
    assert again.suspects == ()
    assert [one.path for one in again.left_out] == [
        "big.csv",
        "tiles",
        "data/deep",
        "exp/wandb",
        "holds/one.csv",
    ]
    assert paths(scan(project)) == [
        ".lanherdignore",
        "data",
        "exp",
        "holds",
        "outputs/note",
        "train.py",
    ]


def test_the_bounds_are_what_they_are_called(project: Path) -> None:
    with (project / "big.csv").open("wb") as file:
        file.truncate(SUSPICIOUS_FILE_BYTES + 1)
    put(project, "runs/1/events", size=OUTPUT_FOLDER_BYTES + 1)
    assert [one.what.path for one in Preflight(scan(project)).suspects] == ["big.csv", "runs"]


@pytest.mark.parametrize(
    "name",
    ["plain", "#x", "!x", "a b ", " a", "a*b", "a?", "[ab]", "-", "größe", "{x}", "a\tb", "^"],
)
def test_a_rule_is_about_its_path_alone(project: Path, name: str) -> None:
    put(project, "x", "ab", "a", "b", "sub/x", "aab", "ax", name, f"sub/{name}")
    (project / "folder").mkdir()
    put(project, f"folder/{name}/in", "folder/other/in")
    before = paths(scan(project))
    assert name in before
    add_rule(project, rule_for(name, is_folder=False))
    assert set(before) - set(paths(scan(project))) == {name}
    add_rule(project, rule_for(f"folder/{name}", is_folder=True))
    assert set(before) - set(paths(scan(project))) == {name, f"folder/{name}/in"}


def test_a_name_over_two_lines_has_a_rule_too(project: Path) -> None:
    put(project, "a\nb", "ab")
    add_rule(project, rule_for("a\nb", is_folder=False))
    assert paths(scan(project)) == [".lanherdignore", "ab", "train.py"]


def test_a_rule_is_put_behind_what_is_there(project: Path) -> None:
    place = project / ".lanherdignore"
    assert add_rule(project, "/data/")
    assert place.read_bytes() == b"/data/\n"
    place.write_bytes(b"# mine\n\n*.log  # all\n/data/")
    place.chmod(0o640)
    assert add_rule(project, "*.tmp")
    assert place.read_bytes() == b"# mine\n\n*.log  # all\n/data/\n*.tmp\n"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert not add_rule(project, "/data/")
    place.write_bytes(b"*.log\r\n")
    assert add_rule(project, "/data/")
    assert place.read_bytes() == b"*.log\r\n/data/\r\n"


def test_a_rule_that_was_taken_back_is_put_again(project: Path) -> None:
    (project / ".lanherdignore").write_text("/data/\n!/data/\n")
    put(project, "data/x")
    assert "data/x" in paths(scan(project))
    assert add_rule(project, "/data/")
    assert "data/x" not in paths(scan(project))


def test_a_rule_file_that_is_a_link_stays_one(project: Path, tmp_path: Path) -> None:
    real = project / "rules"
    real.write_text("*.log\n")
    (project / ".lanherdignore").symlink_to("rules")
    add_rule(project, "/data/")
    assert (project / ".lanherdignore").is_symlink()
    assert real.read_text() == "*.log\n/data/\n"


@pytest.mark.parametrize("rule", ["", "  ", "a\nb", "a\rb"])
def test_what_is_no_rule_is_refused(project: Path, rule: str) -> None:
    with pytest.raises(LanherdError) as refused:
        add_rule(project, rule)
    assert refused.value.failure.data["refusal"] == "odd_rule"


def test_a_rule_file_that_cannot_be_changed_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / ".lanherdignore"
    place.mkdir()
    with pytest.raises(LanherdError) as refused:
        add_rule(project, "/data/")
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert refused.value.failure.data["path"] == str(place)
    place.rmdir()
    place.write_text("x" * (RULE_FILE_BYTES_MAX + 1))
    with pytest.raises(LanherdError) as refused:
        add_rule(project, "/data/")
    assert refused.value.failure.data["refusal"] == "long_rule_file"
    place.write_text("*.log\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(LanherdError) as refused:
        add_rule(project, "/data/")
    assert "No space left" in refused.value.failure.message
    assert sorted(os.listdir(project)) == [".lanherdignore", "train.py"]
    assert place.read_text() == "*.log\n"
