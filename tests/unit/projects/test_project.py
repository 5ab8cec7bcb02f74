import hashlib
from pathlib import Path

import pytest

from lanherd_client.projects import project as projects
from lanherd_client.projects.project import Project, is_hashed
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.values import LockedEnvironment, NoEnvironment

HASHED = "numpy==2.2.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n# a comment\n"


def test_a_project_is_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "spirals"
    folder.mkdir()
    opened = Project.open(folder)
    assert (opened.name, opened.folder) == ("spirals", folder.resolve())
    assert opened.environment == NoEnvironment()
    assert opened.notes == ()


def test_a_hashed_requirements_file_is_a_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(HASHED)
    (tmp_path / ".python-version").write_text("# which\n3.12\n")
    assert Project.open(tmp_path).environment == LockedEnvironment(
        lock_path="requirements.txt",
        lock_hash=BlobHash(hashlib.sha256(HASHED.encode()).hexdigest()),
        python="3.12",
    )


def test_a_uv_lock_comes_first(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(HASHED)
    (tmp_path / "uv.lock").write_text("version = 1\n")
    (tmp_path / ".python-version").write_text("pypy3.10\n")
    environment = Project.open(tmp_path).environment
    assert isinstance(environment, LockedEnvironment)
    assert (environment.lock_path, environment.python) == ("uv.lock", "")


def test_requirements_without_hashes_are_no_lock_and_this_is_said(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    opened = Project.open(tmp_path)
    assert opened.environment == NoEnvironment()
    assert "has no hashes" in opened.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("requirements.txt", b"numpy\n", "has no hashes"),
        ("requirements.txt", b"\x7fELF\0\xff", "is not text"),
        ("requirements.txt", b"\xff\xfe", "is not text"),
        ("pyproject.toml", b'[project]\ndependencies = ["numpy"]\n', "and no lock is there"),
        ("pyproject.toml", b"[project", "can't be understood"),
    ],
)
def test_what_leaves_a_run_without_an_environment_is_said(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    opened = Project.open(tmp_path)
    assert opened.environment == NoEnvironment()
    (note,) = opened.notes
    assert words in note
    assert "machine's own Python" in note
    assert "Make a lock by 'uv" in note or "make a lock by 'uv" in note


@pytest.mark.parametrize("content", ["", "[project]\ndependencies = []\n", "project = 3\n"])
def test_a_pyproject_without_dependencies_needs_no_lock(content: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    assert Project.open(tmp_path).notes == ()


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        (HASHED, True),
        (HASHED.replace("\n", "\r\n"), True),
        ("", False),
        ("# nothing\n", False),
        ("--index-url https://x\n", False),
        ("numpy==1 --hash=sha256:0\nsix\n", False),
        ("numpy==1 # --hash=sha256:0\n", False),
    ],
)
def test_a_lock_has_a_hash_for_each_requirement(text: str, hashed: bool) -> None:
    assert is_hashed(text) is hashed


def test_folders_and_locks_that_can_not_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(LanherdError) as refused:
            Project.open(place)
        assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
        assert refused.value.failure.data["path"] == str(place)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(LanherdError) as refused:
        Project.open(tmp_path / "loop")
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    (tmp_path / "uv.lock").write_text("too long")
    monkeypatch.setattr(projects, "LOCK_BYTES_MAX", 3)
    with pytest.raises(LanherdError, match=r"uv\.lock can't be read"):
        Project.open(tmp_path)
