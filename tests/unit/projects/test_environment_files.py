"""The environment that a folder describes."""

import hashlib
from pathlib import Path

import pytest

from lanherd_client.environment_orders import EnvironmentOrder
from lanherd_client.new_ids import new_id
from lanherd_client.projects import environment_files
from lanherd_client.projects.environment_files import is_hashed, read_environment
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

HASHED = "numpy==2.2.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n# a comment\n"
PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy"]\n'


def hash_of(text: str) -> BlobHash:
    return BlobHash(hashlib.sha256(text.encode()).hexdigest())


def locked(path: str, text: str, python: str = "") -> EnvironmentSpec:
    return LockedEnvironment(lock_path=path, lock_hash=hash_of(text), python=python)


def source(path: str, text: str, python: str = "") -> EnvironmentSpec:
    return SourceEnvironment(source_path=path, source_hash=hash_of(text), python=python)


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        place = folder / {"uv": "uv.lock", "pyproject": "pyproject.toml"}.get(
            name, "requirements.txt"
        )
        place.write_text(text)


def own_file(folder: Path, environment: str) -> None:
    place = folder / ".lanherd" / "project.toml"
    place.parent.mkdir()
    place.write_text(f'id = "{new_id()}"\nname = "x"\n{environment}\n')


def test_a_folder_with_nothing_has_none(tmp_path: Path) -> None:
    found = read_environment(tmp_path)
    assert (found.found, found.loose, found.notes) == (NoEnvironment(), None, ())
    assert found.default == EnvironmentOrder()


def test_a_lock_comes_before_what_could_be_locked(tmp_path: Path) -> None:
    put(tmp_path, pyproject=PROJECT, requirements=HASHED)
    assert read_environment(tmp_path).found == locked("requirements.txt", HASHED)
    put(tmp_path, uv="version = 1\n")
    (tmp_path / ".python-version").write_text("# which\n3.12\n")
    found = read_environment(tmp_path)
    assert found.found == locked("uv.lock", "version = 1\n", "3.12")
    assert found.notes == ()


@pytest.mark.parametrize(
    "text", ["numpy\n", "numpy==1 --hash=sha256:0\nsix\n", "-r more.txt\n", "-e .\n"]
)
def test_requirements_without_hashes_are_locked_by_the_machine(text: str, tmp_path: Path) -> None:
    put(tmp_path, requirements=text)
    found = read_environment(tmp_path)
    assert found.found == source("requirements.txt", text)
    (note,) = found.notes
    assert "has no hashes for all of its packages" in note
    assert "another machine may choose others" in note and "uv pip compile" in note


@pytest.mark.parametrize("text", ["", "# nothing\n", "--index-url https://x\n", "\n\n"])
def test_requirements_that_name_nothing_are_no_environment(text: str, tmp_path: Path) -> None:
    put(tmp_path, requirements=text)
    found = read_environment(tmp_path)
    assert (found.found, found.notes) == (NoEnvironment(), ())


@pytest.mark.parametrize("content", [b"\x7fELF\0\xff", b"\xff\xfen\0u\0m\0", b"numpy\0"])
def test_requirements_that_are_no_text_are_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(content)
    found = read_environment(tmp_path)
    assert found.found == NoEnvironment()
    assert "is not text" in found.notes[0] and "the machine's own Python" in found.notes[0]


def test_a_pyproject_with_dependencies_is_locked_by_the_machine(tmp_path: Path) -> None:
    put(tmp_path, pyproject=PROJECT)
    found = read_environment(tmp_path)
    assert found.found == source("pyproject.toml", PROJECT)
    assert "'uv lock' fixes them" in found.notes[0] and found.loose is None


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[project]\ndependencies = []\n", ""),
        ("project = 3\n", ""),
        ("[tool.ruff]\n", ""),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', "are dynamic"),
        ("[project", "can't be understood"),
    ],
)
def test_a_pyproject_that_names_no_packages_may_have_extras(
    text: str, note: str, tmp_path: Path
) -> None:
    put(tmp_path, pyproject=text)
    found = read_environment(tmp_path)
    assert found.found == NoEnvironment()
    assert found.loose == source("pyproject.toml", text)
    assert note in "".join(found.notes) and bool(note) == bool(found.notes)


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("3.12\n", "3.12"),
        ("3.13t\n", "3.13t"),
        ("system\n3.11.4\n", "3.11.4"),
        ("pypy3.10\n", "pypy3.10"),
        ("cpython-3.12.4-linux-x86_64-gnu\n", "3.12.4"),
        ("pypy-3.10.1-linux-x86_64-gnu\n", "pypy@3.10.1"),
        ("my-environment\n", ""),
        ("", ""),
    ],
)
def test_the_version_of_python_is_that_of_its_file(text: str, python: str, tmp_path: Path) -> None:
    put(tmp_path, requirements="numpy\n")
    (tmp_path / ".python-version").write_text(text)
    assert read_environment(tmp_path).found == source("requirements.txt", "numpy\n", python)


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        (HASHED, True),
        (HASHED.replace("\n", "\r\n"), True),
        ("--index-url https://x\n" + HASHED, True),
        (HASHED + "-r more.txt\n", False),
        (HASHED + "-c limits.txt\n", False),
        ("", False),
        ("# nothing\n", False),
        ("--index-url https://x\n", False),
        ("numpy==1 --hash=sha256:0\nsix\n", False),
        ("numpy==1 # --hash=sha256:0\n", False),
    ],
)
def test_a_lock_has_a_hash_for_each_requirement(text: str, hashed: bool) -> None:
    assert is_hashed(text) is hashed


# --- The project's own file ----------------------------------------------------------------------


def test_the_projects_file_says_that_there_is_none(tmp_path: Path) -> None:
    put(tmp_path, requirements=HASHED)
    own_file(tmp_path, 'environment = "none"')
    found = read_environment(tmp_path)
    assert (found.found, found.default.use) == (NoEnvironment(), "none")


def test_the_projects_file_names_another_file(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "gpu.txt").write_text(HASHED)
    own_file(tmp_path, 'environment = "locks/gpu.txt"')
    assert read_environment(tmp_path).found == locked("locks/gpu.txt", HASHED)


@pytest.mark.parametrize(
    ("name", "text"), [("uv.lock", "version = 1\n"), ("pyproject.toml", PROJECT)]
)
def test_a_named_file_may_be_a_uv_lock_or_a_pyproject(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / name).write_text(text)
    own_file(tmp_path, f'environment = "train/{name}"')
    make = locked if name == "uv.lock" else source
    assert read_environment(tmp_path).found == make(f"train/{name}", text)


@pytest.mark.parametrize("named", ["../uv.lock", "nowhere.txt", "/etc/passwd", "a/b"])
def test_a_named_file_that_is_not_there_is_said(named: str, tmp_path: Path) -> None:
    own_file(tmp_path, f'environment = "{named}"')
    with pytest.raises(LanherdError) as refused:
        read_environment(tmp_path)
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert named in refused.value.failure.message
    assert refused.value.failure.data["path"].endswith("project.toml")


@pytest.mark.parametrize("text", ['environment = "lab"', '[environment]\nregistered = "lab"'])
def test_the_projects_file_names_one_of_the_machine(text: str, tmp_path: Path) -> None:
    put(tmp_path, requirements=HASHED)
    own_file(tmp_path, text)
    found = read_environment(tmp_path)
    assert found.found == RegisteredEnvironment(name="lab")
    assert found.default == EnvironmentOrder("lab")


@pytest.mark.parametrize("wheels_only", ["wheels-only", "wheels_only"])
def test_the_projects_file_wants_more(wheels_only: str, tmp_path: Path) -> None:
    put(tmp_path, uv="version = 1\n")
    own_file(
        tmp_path,
        '[environment]\npackages = ["six"]\nextras = ["cuda"]\ngroups = ["dev"]\npython = "3.12"\n'
        f"{wheels_only} = true",
    )
    found = read_environment(tmp_path)
    assert found.found == locked("uv.lock", "version = 1\n")
    assert found.default == EnvironmentOrder("auto", ("six",), ("cuda",), ("dev",), "3.12", True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense = 1", "nonsense"),
        ('packages = ["--index"]', "packages can't be '--index'."),
        ('python = "three"', "python can't be 'three'."),
        ('extras = ["a b"]', "extra can't be 'a b'."),
    ],
)
def test_what_is_wrong_in_the_projects_file_is_said(line: str, why: str, tmp_path: Path) -> None:
    own_file(tmp_path, f"[environment]\n{line}")
    with pytest.raises(LanherdError) as refused:
        read_environment(tmp_path)
    assert refused.value.code is ErrorCode.PROJECT_UNREADABLE
    assert why in refused.value.failure.message


def test_a_lock_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_files, "LOCK_BYTES_MAX", 3)
    put(tmp_path, uv="too long")
    with pytest.raises(LanherdError, match=r"uv\.lock can't be read"):
        read_environment(tmp_path)
