"""A project: a folder on the user's disk, its name, and the environment that its lock describes."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.projects.problems import refused_by_system, unreadable
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import LOCK_BYTES_MAX
from lanherd_protocol.values import EnvironmentSpec, LockedEnvironment, NoEnvironment

UV_LOCK = "uv.lock"
REQUIREMENTS = "requirements.txt"
PYPROJECT = "pyproject.toml"
_NO_ENVIRONMENT = "runs use the machine's own Python."
_COMPILE = f"uv pip compile {{}} --generate-hashes -o {REQUIREMENTS}"
_PYTHON_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Project:
    """A folder as a project.

    `environment` is what its runs get by default; `notes` are sentences for the person about
    what was found, such as a requirements file without hashes.
    """

    folder: Path
    name: str
    environment: EnvironmentSpec
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path) -> "Project":
        """Looks at the folder's lock files; reads those alone. Blocks briefly.

        Raises PROJECT_UNREADABLE, which names the path.
        """
        try:
            resolved = folder.expanduser().resolve()
            if not resolved.is_dir():
                there = resolved.exists()
                raise unreadable(
                    folder,
                    "It is a file." if there else "There is no such folder.",
                    "Choose the folder that holds the program.",
                    refusal="project_is_file" if there else "no_such_folder",
                )
            environment, notes = _find_environment(resolved)
        except (OSError, RuntimeError) as refused:
            if isinstance(refused, OSError):
                raise refused_by_system(refused.filename or folder, refused) from refused
            raise unreadable(
                folder, f"{refused}.", refusal="system_refused", problem=str(refused)
            ) from refused
        return cls(resolved, resolved.name or "/", environment, notes)


def is_hashed(requirements: str) -> bool:
    """Whether each requirement of the file names a version and its hashes."""
    joined = requirements.replace("\\\n", " ").replace("\\\r\n", " ")
    found = False
    for line in joined.splitlines():
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-", "--")):
            continue
        if "--hash=" not in text:
            return False
        found = True
    return found


def _find_environment(folder: Path) -> tuple[EnvironmentSpec, tuple[str, ...]]:
    python = _python_request(folder)
    uv_lock = folder / UV_LOCK
    if uv_lock.is_file():
        return _locked(uv_lock, _read(uv_lock), python), ()
    requirements = folder / REQUIREMENTS
    if not requirements.is_file():
        return NoEnvironment(), _notes_on_pyproject(folder)
    content = _read(requirements)
    if is_hashed(content.decode("utf-8", "replace")):
        return _locked(requirements, content, python), ()
    return NoEnvironment(), (_note_on_requirements(content),)


def _note_on_requirements(content: bytes) -> str:
    if b"\0" in content or not _is_text(content):
        return (
            f"{REQUIREMENTS} is not text, so it can't be a lock: {_NO_ENVIRONMENT}"
            f" Write your requirements into requirements.in, then make a lock by"
            f" '{_COMPILE.format('requirements.in')}'."
        )
    return (
        f"{REQUIREMENTS} has no hashes, so it isn't a lock: {_NO_ENVIRONMENT}"
        f" Rename it to requirements.in, then make a lock by"
        f" '{_COMPILE.format('requirements.in')}'."
    )


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _notes_on_pyproject(folder: Path) -> tuple[str, ...]:
    """What to say of a pyproject.toml that stands without a lock."""
    path = folder / PYPROJECT
    if not path.is_file():
        return ()
    try:
        table = tomllib.loads(_read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        return (
            f"{PYPROJECT} can't be understood ({problem}), and no lock is there:"
            f" {_NO_ENVIRONMENT} Mend it, then make a lock by 'uv lock'.",
        )
    declared = table.get("project")
    if not isinstance(declared, dict) or not declared.get("dependencies"):
        return ()
    return (
        f"{PYPROJECT} has dependencies and no lock is there: {_NO_ENVIRONMENT}"
        f" Make a lock by 'uv lock' or '{_COMPILE.format(PYPROJECT)}'.",
    )


def _locked(path: Path, content: bytes, python: str) -> LockedEnvironment:
    digest = BlobHash(hashlib.sha256(content).hexdigest())
    return LockedEnvironment(lock_path=path.name, lock_hash=digest, python=python)


def _python_request(folder: Path) -> str:
    """The first version in `.python-version`, as pyenv and uv read it; empty where none is."""
    path = folder / ".python-version"
    if not path.is_file():
        return ""
    for line in _read(path).decode("utf-8", "replace").splitlines():
        if _PYTHON_VERSION.fullmatch(line.strip()):
            return line.strip()
    return ""


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LOCK_BYTES_MAX + 1)
    if len(content) > LOCK_BYTES_MAX:
        raise unreadable(
            path,
            f"It has more than {LOCK_BYTES_MAX} bytes.",
            "Make a new lock.",
            refusal="large_lock",
            bytes_max=LOCK_BYTES_MAX,
        )
    return content
