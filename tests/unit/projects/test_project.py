import hashlib
from pathlib import Path

import pytest

from lanherd_client.projects import environment_files
from lanherd_client.projects.project import Project
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.values import LockedEnvironment, NoEnvironment, SourceEnvironment

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


def test_requirements_without_hashes_are_locked_by_the_machine_and_this_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    opened = Project.open(tmp_path)
    assert isinstance(opened.environment, SourceEnvironment)
    assert opened.environment.source_path == "requirements.txt"
    assert "has no hashes" in opened.notes[0]
    assert opened.described.found == opened.environment


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
    monkeypatch.setattr(environment_files, "LOCK_BYTES_MAX", 3)
    with pytest.raises(LanherdError, match=r"uv\.lock can't be read"):
        Project.open(tmp_path)
