import os
from pathlib import Path

import pytest

from lanherd_client.projects import ignore
from lanherd_client.projects.ignore import (
    CHECKPOINT_BYTES_MAX,
    RULE_FILE_BYTES_MAX,
    Rule,
    Rules,
)
from lanherd_client.projects.scan import NOTES_MAX, Scan, scan
from lanherd_protocol.errors import ErrorCode, LanherdError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    put(folder, "train.py")
    return folder


def put(folder: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def large(place: Path, size_bytes: int = CHECKPOINT_BYTES_MAX + 1) -> None:
    """A file of this size that takes no room on the disk."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.truncate(size_bytes)


def paths(scanned: Scan) -> list[str]:
    return [entry.path for entry in scanned.manifest.entries]


def left_out(scanned: Scan) -> dict[str, Rule]:
    return {one.path: one.why.rule for one in scanned.left_out_entries()}


def test_what_stays_at_home_is_said_with_its_rule(project: Path) -> None:
    put(project, ".git/config", "venv/x", "a.pyc", "b~", "data/x", "sub/old.log", "sub/x.tmp")
    (project / ".gitignore").write_text("# what git leaves out\n\ndata/\r\n*.log  \n")
    (project / "sub" / ".lanherdignore").write_text("/x.tmp\n")
    assert left_out(scan(project)) == {
        ".git": Rule(".git"),
        "a.pyc": Rule("*.pyc"),
        "b~": Rule("*~"),
        "data": Rule("data/", ".gitignore", 3),
        "sub/old.log": Rule("*.log", ".gitignore", 4),
        "sub/x.tmp": Rule("/x.tmp", "sub/.lanherdignore", 1),
        "venv": Rule("venv"),
    }


def test_checkpoints_stay_at_home_by_their_size_and_it_is_said(project: Path) -> None:
    large(project / "out" / "best.PT")
    large(project / "out" / "small.pt", CHECKPOINT_BYTES_MAX)
    large(project / "out" / "huge.csv")
    put(project, "out.bin/x")
    (project / "out" / "last.ckpt").symlink_to("best.PT")
    scanned = scan(project)
    assert paths(scanned) == [
        "out.bin/x",
        "out/huge.csv",
        "out/last.ckpt",
        "out/small.pt",
        "train.py",
    ]
    assert left_out(scanned) == {
        "out/best.PT": Rule("*.pt", over_bytes=CHECKPOINT_BYTES_MAX),
    }
    assert scanned.notes == (
        "out/best.PT (32.0 MB) stays at home: *.pt above 32.0 MB are left out as checkpoints."
        " A line '!/out/best.PT' in .lanherdignore takes it in.",
    )


@pytest.mark.parametrize("rule", ["!*.pt", "!/out/best.pt", "!best.pt"])
def test_a_rule_takes_a_checkpoint_in(project: Path, rule: str) -> None:
    large(project / "out" / "best.pt")
    (project / ".lanherdignore").write_text(rule + "\n")
    scanned = scan(project)
    assert "out/best.pt" in paths(scanned)
    assert scanned.notes == ()


def test_many_checkpoints_are_counted(project: Path) -> None:
    for number in range(NOTES_MAX + 2):
        large(project / f"{number}.npz")
    notes = scan(project).notes
    assert len(notes) == NOTES_MAX + 1
    assert notes[-1] == "2 more such files stay at home."


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_a_virtual_environment_is_known_by_what_is_in_it(project: Path, mark: str) -> None:
    put(project, f"myenv/{mark}", "myenv/bin/python", "src/a.py")
    scanned = scan(project)
    assert paths(scanned) == ["src/a.py", "train.py"]
    assert left_out(scanned) == {"myenv": Rule("a virtual environment")}
    (project / ".gitignore").write_text("!myenv/\n")
    assert "myenv/bin/python" in paths(scan(project))
    (project / ".gitignore").write_text("!myenv/\nmyenv/\n")
    assert left_out(scan(project)) == {"myenv": Rule("myenv/", ".gitignore", 2)}


def test_an_environment_that_ignores_itself_is_known_too(project: Path) -> None:
    put(project, "myenv/pyvenv.cfg", "myenv/bin/python")
    put(project, "myenv/.gitignore", text="*\n")
    assert left_out(scan(project)) == {"myenv": Rule("a virtual environment")}


def test_a_project_that_is_an_environment_is_sent(project: Path) -> None:
    put(project, "pyvenv.cfg")
    assert paths(scan(project)) == ["pyvenv.cfg", "train.py"]


def test_the_project_file_has_the_last_word(project: Path) -> None:
    put(project, "data/x", "sub/keep.log", "sub/drop.txt", "other.log")
    (project / ".gitignore").write_text("data/\n*.log\n")
    (project / "sub" / ".lanherdignore").write_text("keep.log\n!drop.txt\n")
    put(
        project,
        ".lanherd/project.toml",
        text='ignore = ["!/data/", "!keep.log", "/sub/drop.txt"]\n',
    )
    scanned = scan(project)
    assert paths(scanned) == [
        ".gitignore",
        "data/x",
        "sub/.lanherdignore",
        "sub/keep.log",
        "train.py",
    ]
    assert left_out(scanned)["sub/drop.txt"] == Rule("/sub/drop.txt", ".lanherd/project.toml", 3)


def test_nothing_takes_in_what_is_about_the_folder(project: Path) -> None:
    put(project, ".git/config", ".lanherd/x")
    (project / ".lanherdignore").write_text("!.git/\n!.lanherd/\n!*\n")
    assert paths(scan(project)) == [".lanherdignore", "train.py"]


@pytest.mark.parametrize("file", [".gitignore", "sub/.lanherdignore"])
def test_rules_that_make_no_sense_are_named_by_their_file(project: Path, file: str) -> None:
    put(project, file, text="!\n")
    with pytest.raises(LanherdError) as refused:
        scan(project)
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert refused.value.failure.data["path"] == str(project / file)
    assert refused.value.failure.data["refusal"] == "odd_ignore_rules"


def test_a_rule_file_that_is_too_long_is_no_half_of_one(project: Path) -> None:
    put(project, ".gitignore", text="#" * RULE_FILE_BYTES_MAX)
    assert paths(scan(project)) == [".gitignore", "train.py"]
    put(project, ".gitignore", text="#" * RULE_FILE_BYTES_MAX + "\n")
    with pytest.raises(LanherdError) as refused:
        scan(project)
    assert refused.value.failure.data["refusal"] == "long_rule_file"


def test_a_pipe_by_the_name_of_a_rule_file_holds_nobody_up(project: Path) -> None:
    os.mkfifo(project / ".gitignore")
    with pytest.raises(LanherdError) as refused:
        scan(project)
    assert refused.value.failure.data["path"] == str(project / ".gitignore")


def test_a_folder_by_the_name_of_a_rule_file_is_a_folder(project: Path) -> None:
    put(project, ".gitignore/x")
    assert paths(scan(project)) == [".gitignore/x", "train.py"]


def test_the_mark_of_an_editor_at_the_start_of_a_rule_file(project: Path) -> None:
    put(project, "a.log")
    (project / ".gitignore").write_bytes(b"\xef\xbb\xbf*.log\n")
    assert paths(scan(project)) == [".gitignore", "train.py"]


def test_rules_are_compiled_only_when_something_is_to_be_judged(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignore, "_compiled", lambda *_: pytest.fail("rules were compiled"))
    (project / ".gitignore").write_text("*.log\n")
    outer = Rules.of_project(str(project))
    inner = outer.entering(str(project), "", {".gitignore"})
    assert inner.key != outer.key
    assert inner.key == outer.entering(str(project), "", {".gitignore"}).key
    (project / ".gitignore").write_text("*.tmp\n")
    assert inner.key != outer.entering(str(project), "", {".gitignore"}).key
    assert Rules.of_project(str(project), ("*.log",)).key != outer.key


def test_a_rule_file_that_has_gone_says_nothing(project: Path) -> None:
    outer = Rules.of_project(str(project))
    assert outer.entering(str(project), "", {".gitignore"}) is outer
