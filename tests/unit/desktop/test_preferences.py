import os
from pathlib import Path

import pytest

from lanherd_desktop.platform import preferences
from lanherd_desktop.platform.preferences import (
    COMMANDS_MAX,
    PROJECTS_MAX,
    Preferences,
    PreferencesFile,
    PreferencesProblem,
)


@pytest.fixture
def home() -> Path:
    return Path(os.environ["LANHERD_HOME"]) / "deep"


def written(home: Path, text: str) -> PreferencesFile:
    home.mkdir(exist_ok=True)
    (home / preferences.FILE_NAME).write_text(text)
    return PreferencesFile(home)


def test_a_home_without_a_file_begins_with_what_is_usual(home: Path) -> None:
    file = PreferencesFile(home)
    assert file.value == Preferences()
    assert file.problem is None
    assert not home.exists()


def test_what_is_changed_is_there_the_next_time(home: Path) -> None:
    file = PreferencesFile(home)
    file.change(theme="light", language="zh_CN", folded=True)
    file.remember_project("/x/b")
    file.remember_project("/x/a")
    file.remember_project("/x/b")
    file.remember_command("python b.py")
    file.remember_command("python a.py")
    again = PreferencesFile(home)
    assert again.value == file.value
    assert again.value.projects == ("/x/b", "/x/a")
    assert again.value.commands == ("python a.py", "python b.py")
    again.forget_project("/x/b")
    assert PreferencesFile(home).value.projects == ("/x/a",)
    assert [path.name for path in home.iterdir()] == [preferences.FILE_NAME]


def test_comments_and_what_is_not_known_are_kept(home: Path) -> None:
    file = written(home, '# mine\ntheme = "dark"  # at night\nnewer = 3\n')
    file.change(theme="light")
    text = (home / preferences.FILE_NAME).read_text()
    assert "# mine" in text and "# at night" in text and "newer = 3" in text
    assert PreferencesFile(home).value.theme == "light"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("theme = ", "line 1"),
        ('theme = "pink"', "'pink' is none of system, dark, light"),
        ('language = "fr"', "'fr' is none of"),
        ('folded = "yes"', "neither true nor false"),
        ("projects = 3", "projects is not a list"),
        ("commands = [1]", "commands is not a list"),
    ],
)
def test_a_broken_file_is_kept_aside(home: Path, text: str, why: str) -> None:
    file = written(home, text)
    assert file.value == Preferences()
    assert file.problem is not None and file.problem.what == "broken"
    assert why in file.problem.why
    assert (home / file.problem.aside).read_text() == text
    file.change(folded=True)
    assert PreferencesFile(home).value.folded
    second = written(home, text)
    assert second.problem is not None
    assert sorted(path.name for path in home.glob("*broken*")) == [
        "desktop.broken-1.toml", "desktop.broken-2.toml",
    ]  # fmt: skip


def test_bytes_that_are_no_text_are_kept_aside(home: Path) -> None:
    home.mkdir()
    (home / preferences.FILE_NAME).write_bytes(b"\xff\xfe")
    file = PreferencesFile(home)
    assert file.problem is not None and file.problem.what == "broken"


def test_a_file_that_cannot_be_read_is_said_and_left(home: Path) -> None:
    (home / preferences.FILE_NAME).mkdir(parents=True)
    file = PreferencesFile(home)
    assert file.value == Preferences()
    assert file.problem is not None and file.problem.what == "unreadable"


def test_a_change_that_cannot_be_written_holds_and_is_told(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    told: list[PreferencesProblem] = []
    file = PreferencesFile(home)
    file.tell = told.append
    assert file.change(folded=True).folded
    assert file.value.folded
    assert [problem.what for problem in told] == ["unwritable"]
    assert file.problem == told[0]


def test_lists_are_bounded(home: Path) -> None:
    file = written(
        home,
        f"projects = {[f'/x/{n}' for n in range(PROJECTS_MAX)]}\n"
        f"commands = {[f'c {n}' for n in range(COMMANDS_MAX)]}\n",
    )
    assert len(file.remember_project("/x/new").projects) == PROJECTS_MAX
    assert len(file.remember_command("new").commands) == COMMANDS_MAX
