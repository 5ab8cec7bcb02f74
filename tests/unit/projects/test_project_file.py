import os
import stat
from pathlib import Path
from typing import Any

import pytest

from lanherd_client.projects import project_file, small_files
from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.project import Project
from lanherd_client.projects.project_file import (
    FILE_BYTES_MAX,
    FINDINGS_TOLD,
    EnvironmentWish,
    Finding,
    ProjectFile,
    change_project_file,
    check_project_file,
    ensure_project_file,
    ignore_lines,
    read_project_file,
    remove_run,
    save_run,
)
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import is_uuid7

ID = "01936f1c-5d2e-7abc-8def-0123456789ab"
HEAD = f'id = "{ID}"\nname = "vision"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "vision"
    made.mkdir()
    return made


def put(folder: Path, text: str) -> Path:
    place = folder / PROJECT_FILE
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    return place


def findings(text: str) -> list[Finding]:
    project, found = check_project_file(text)
    assert (project is None) == bool(found)
    return found


def refusal(made: Any) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        made()
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    return refused.value


# --- Made once ------------------------------------------------------------------------------------


def test_it_is_made_when_the_project_is_first_added(folder: Path) -> None:
    assert read_project_file(folder) is None
    assert ignore_lines(folder) == ()
    made, notes = ensure_project_file(folder)
    assert notes == ()
    assert is_uuid7(made.id)
    assert made == ProjectFile(id=made.id, name="vision")
    assert read_project_file(folder) == made
    assert ensure_project_file(folder, "other") == (made, ())
    assert os.listdir(folder / ".lanherd") == ["project.toml"]
    # What it shows as an example is right when the mark of a comment is taken away.
    text = (folder / PROJECT_FILE).read_text()
    shown = "\n".join(
        line[2:] if line.startswith(("# ignore", "# [", "# command", "# gpus", "# vram")) else line
        for line in text.splitlines()
    )
    project, found = check_project_file(shown)
    assert found == []
    assert project is not None
    assert project.ignore == ("data/", "!small.pt")
    assert project.runs["train"].gpus == 1


@pytest.mark.parametrize(
    "name", ['a "quoted" \\ name', "größe 数据", "x" * 300, "two\nlines", "🙂"]
)
def test_a_folder_of_any_name_is_a_project(tmp_path: Path, name: str) -> None:
    made, _ = ensure_project_file(tmp_path, name)
    assert read_project_file(tmp_path) == made
    if name.isprintable() and len(name) < 200:
        assert made.name == name


def test_a_folder_that_cannot_be_written_is_a_project_without_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(project_file, "create_file", refuse)
    made, notes = ensure_project_file(folder)
    assert made == ProjectFile(id="", name="vision")
    assert len(notes) == 1
    assert "can't be written (Permission denied)" in notes[0]
    failed = refusal(lambda: change_project_file(folder, {"name": "x"}))
    assert failed.failure.data["refusal"] == "no_project_file"


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    (folder / ".lanherd").write_text("")
    made, notes = ensure_project_file(folder)
    assert made.id == ""
    assert "Not a directory" in notes[0]
    assert (folder / ".lanherd").read_text() == ""


def test_of_two_that_make_it_at_once_both_have_the_same_id(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = project_file.create_file

    def late(place: Path, content: bytes) -> None:
        put(folder, HEAD)
        create(place, content)

    monkeypatch.setattr(project_file, "create_file", late)
    made, notes = ensure_project_file(folder)
    assert (made.id, notes) == (ID, ())
    assert os.listdir(folder / ".lanherd") == ["project.toml"]


def test_a_file_that_comes_and_goes_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def there(*_: object) -> None:
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(project_file, "create_file", there)
    with pytest.raises(LanherdError) as refused:
        ensure_project_file(folder)
    assert refused.value.code is ErrorCode.PROJECT_CHANGED


def test_a_file_system_without_hard_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(small_files.os, "link", refuse)
    made, notes = ensure_project_file(folder)
    assert notes == ()
    assert read_project_file(folder) == made
    assert os.listdir(folder / ".lanherd") == ["project.toml"]


def test_a_project_has_the_name_that_it_says(folder: Path) -> None:
    assert Project.open(folder).name == "vision"
    put(folder, HEAD.replace("vision", "spirals"))
    opened = Project.open(folder)
    assert opened.name == "spirals"
    assert opened.said is not None
    assert opened.said.id == ID


# --- What is wrong with it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('name = "x"\n', 1, "id", "has no id"),
        ('id = "7"\nname = "x"\n', 1, "id", "none that Lanherd made"),
        (f'# first\n\nid = "{ID}"\n', 1, "name", "a text of 1 to"),
        (f'id = "{ID}"\nname = ""\n', 2, "name", "a text of 1 to"),
        (f'id = "{ID}"\nname = "a\\nb"\n', 2, "name", "in one line"),
        (HEAD + 'ignore = "data/"\n', 3, "ignore", "no list of texts"),
        (HEAD + "ignore = [1]\n", 3, "ignore", "no list of texts"),
        (HEAD + 'ignore = ["a\\nb"]\n', 3, "ignore", "one line"),
        (HEAD + "environment = 1\n", 3, "environment", "a file of the project, or a table"),
        (HEAD + 'environment = ""\n', 3, "environment", "a file of the project"),
        (HEAD + "[environment]\nextras = 1\n", 4, "environment.extras", "a list of texts"),
        (HEAD + "[environment]\ngroups = [1]\n", 4, "environment.groups", "a list of texts"),
        (HEAD + '[environment]\npython = ""\n', 4, "environment.python", "is a text"),
        (HEAD + "[environment]\nwheels_only = 1\n", 4, "environment.wheels_only", "true or false"),
        (HEAD + '[environment]\nuse = "x"\n', 4, "environment.use", "has no use"),
        (
            HEAD + '[environment]\nregistered = "x"\nextras = ["a"]\n',
            4,
            "environment.registered",
            "as it is",
        ),
        (HEAD + "\n\nignored = []\n", 5, "ignored", "not known here"),
        (HEAD + "runs = 0\n", 3, "runs", "a table of runs"),
        (HEAD + "[runs]\ntrain = 1\n", 4, "runs.train", "is a table"),
        (HEAD + '[runs."a b"]\ncommand = "x"\n', 3, "runs.a b", "no name of a run"),
        (HEAD + "[runs.train]\ngpus = 1\n", 3, "runs.train", "has no command"),
        (HEAD + '[runs.train]\ncommand = "x"\ngpu = 1\n', 5, "runs.train.gpu", "has no gpu"),
        (HEAD + "name = [\n", 3, "", "no TOML"),
        (HEAD + "what is this\n", 3, "", "no TOML"),
        (HEAD + "a" + ".b" * 200 + " = 1\n", 3, "", "dots"),
        (HEAD + "ignore = " + "[" * 5000 + "\n", 3, "", "no TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, key: str, words: str) -> None:
    (found,) = findings(text)
    assert (found.line, found.key) == (line, key)
    assert words in found.text
    assert found.remedy.endswith((".", "]", '"'))


def test_a_close_spelling_is_offered() -> None:
    (found,) = findings(HEAD + "ignored = []\n")
    assert found.remedy == "Write ignore."
    (found,) = findings(HEAD + "colour = 1\n")
    assert found.remedy == "Known are id, name, ignore, environment, runs."


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    place = put(folder, 'name = ""\nignore = 1\ncolour = 2\n[runs.a]\n[runs.b]\n[runs.c]\n')
    failed = refusal(lambda: read_project_file(folder))
    assert failed.failure.data["path"] == str(place)
    assert failed.failure.data["findings"] == 7
    assert failed.failure.message.count("Line ") == FINDINGS_TOLD
    assert "Line 2: 'ignore' is no list of texts." in failed.failure.message
    assert failed.failure.message.endswith("2 more things are wrong.")
    assert refusal(lambda: Project.open(folder)).failure.data["findings"] == 7


def test_dots_that_are_no_key_are_no_trouble() -> None:
    rules = ", ".join(f'"*.{number}"' for number in range(200))
    assert findings(HEAD + f"ignore = [{rules}]\n# {'.' * 300}\n") == []


def test_a_scan_minds_the_rules_alone(folder: Path) -> None:
    put(folder, 'name = ""\nignore = ["data/"]\n')
    assert ignore_lines(folder) == ("data/",)
    put(folder, "ignore = 7")
    failed = refusal(lambda: ignore_lines(folder))
    assert failed.failure.data["refusal"] == "odd_ignore_list"
    put(folder, "ignore = [")
    failed = refusal(lambda: ignore_lines(folder))
    assert failed.failure.data["refusal"] == "no_toml"
    assert failed.failure.data["line"] == 1


def test_a_file_that_is_no_text_or_too_long_is_said(folder: Path) -> None:
    place = put(folder, "")
    place.write_bytes(b"# a\n# \xff\n")
    failed = refusal(lambda: read_project_file(folder))
    assert failed.failure.data["line"] == 2
    assert "no UTF-8" in failed.failure.message
    place.write_text("#" * (FILE_BYTES_MAX + 1))
    failed = refusal(lambda: read_project_file(folder))
    assert failed.failure.data["refusal"] == "long_project_file"
    place.unlink()
    place.mkdir()
    assert "system says" in refusal(lambda: read_project_file(folder)).failure.message


def test_a_file_as_windows_writes_it(folder: Path) -> None:
    place = put(folder, "")
    place.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())
    found = read_project_file(folder)
    assert found == ProjectFile(id=ID, name="vision")


# --- Changed by Lanherd ---------------------------------------------------------------------------


def test_what_is_changed_leaves_the_rest_as_it_was(folder: Path) -> None:
    place = put(
        folder,
        f'# ours\nid = "{ID}"\nname = "vision"  # for now\n\n# data lives elsewhere\n'
        'ignore = [\n  "data/",  # 2 TB\n]\n\n[runs.train]  # nightly\ncommand = "x"\n',
    )
    place.chmod(0o640)
    changed = change_project_file(
        folder, {"name": "spirals", "ignore": ["data/", "*.log"], "runs.train.gpus": 2}
    )
    assert changed == read_project_file(folder)
    assert changed.runs["train"].gpus == 2
    text = place.read_text()
    assert "# ours\n" in text
    assert 'name = "spirals"  # for now\n' in text
    assert '"data/",  # 2 TB\n' in text
    assert "[runs.train]  # nightly\n" in text
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert change_project_file(folder, {"environment": "none"}).environment.none
    assert change_project_file(folder, {"environment": None}).environment == EnvironmentWish()


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ('environment = "auto"', EnvironmentWish()),
        ('environment = "none"', EnvironmentWish(none=True)),
        ('environment = "gpu/uv.lock"', EnvironmentWish(source="gpu/uv.lock")),
        ('environment = { registered = "torch-2.5" }', EnvironmentWish(registered="torch-2.5")),
        (
            '[environment]\nsource = "pyproject.toml"\npackages = ["numpy>=2"]\nextras = ["a"]\n'
            'groups = ["b"]\npython = "3.12"\nwheels-only = true',
            EnvironmentWish(
                source="pyproject.toml",
                packages=("numpy>=2",),
                extras=("a",),
                groups=("b",),
                python="3.12",
                wheels_only=True,
            ),
        ),
    ],
)
def test_the_environment_that_a_project_wishes(said: str, wish: EnvironmentWish) -> None:
    project, found = check_project_file(HEAD + said + "\n")
    assert found == []
    assert project is not None
    assert project.environment == wish


def test_a_change_makes_the_file(folder: Path) -> None:
    changed = change_project_file(folder, {"ignore": ["data/"]})
    assert changed.ignore == ("data/",)
    assert "# What Lanherd knows" in (folder / PROJECT_FILE).read_text()


def test_what_would_be_wrong_is_not_written(folder: Path) -> None:
    place = put(folder, HEAD)
    for changes in ({"name": ""}, {"runs.train.gpus": 1}, {"id": None}):
        refusal(lambda changes=changes: change_project_file(folder, changes))
        assert place.read_text() == HEAD
    put(folder, HEAD + "runs = 1\n")
    refusal(lambda: change_project_file(folder, {"name": "x"}))


def test_a_change_that_finds_no_place_is_said(folder: Path) -> None:
    put(folder, HEAD)
    failed = refusal(lambda: change_project_file(folder, {"name.first": "x"}))
    assert failed.failure.data["refusal"] == "project_file_not_changed"
    assert (folder / PROJECT_FILE).read_text() == HEAD


def test_a_full_disk_leaves_the_file_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, HEAD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(small_files.os, "replace", full)
    failed = refusal(lambda: change_project_file(folder, {"name": "x"}))
    assert "No space left" in failed.failure.message
    assert (folder / PROJECT_FILE).read_text() == HEAD
    assert os.listdir(folder / ".lanherd") == ["project.toml"]


def test_a_run_is_kept_replaced_and_forgotten(folder: Path) -> None:
    put(folder, HEAD + '\n# all of them\n[runs.other]\ncommand = "y"\n')
    kept = save_run(
        folder,
        "train",
        {
            "command": ("python", "train.py"),
            "gpus": 1,
            "env": {"SEED": "1", "A.B": "2"},
            "tags": ["night"],
        },
    )
    assert kept.runs["train"].command == ("python", "train.py")
    assert kept.runs["train"].variables == {"SEED": "1", "A.B": "2"}
    assert kept.runs["other"].command == ("y",)
    text = (folder / PROJECT_FILE).read_text()
    (folder / PROJECT_FILE).write_text(text.replace("[runs.train]", "[runs.train]  # mine"))
    kept = save_run(folder, "train", {"command": ["python", "eval.py"], "env": {"SEED": "2"}})
    assert kept.runs["train"].command == ("python", "eval.py")
    assert kept.runs["train"].variables == {"SEED": "2"}
    assert (kept.runs["train"].gpus, kept.runs["train"].options) == (0, {})
    assert "[runs.train]  # mine" in (folder / PROJECT_FILE).read_text()
    kept = remove_run(folder, "train")
    assert list(kept.runs) == ["other"]
    assert "# all of them\n[runs.other]" in (folder / PROJECT_FILE).read_text()


def test_a_run_of_an_odd_name_is_not_kept(folder: Path) -> None:
    for name in ("", "a b", "-x", "x" * 65, "a\nb", 'a"b'):
        refusal(lambda name=name: save_run(folder, name, {"command": ["x"]}))
    assert save_run(folder, "größe.数据-1", {"command": ["x"]}).runs["größe.数据-1"].command == (
        "x",
    )
    assert read_project_file(folder) is not None
