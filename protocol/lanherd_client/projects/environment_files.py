"""The environment that a project's folder describes: by its lock, else by what could be locked.

    uv.lock → locked      requirements.txt with hashes → locked, without → the machine locks it
    pyproject.toml with dependencies → the machine locks it      nothing → the machine's own Python

A project's own file may name another file, or say that there is none.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lanherd_client.environment_orders import (
    AUTO,
    NONE,
    NOTHING_SAID,
    PYPROJECT,
    UV_LOCK,
    EnvironmentOrder,
    environment_order,
)
from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.problems import unreadable
from lanherd_client.projects.project_file import read_project_file
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import LOCK_BYTES_MAX
from lanherd_protocol.paths import PathError, check_path
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

REQUIREMENTS = "requirements.txt"
_FILE_ENDS = (".txt", ".in", ".lock", ".toml")
_PYTHON_FILE = ".python-version"
_PYTHON_VERSION = re.compile(r"(?:(?:cpython|pypy|graalpy)@?)?\d+(?:\.\d+){0,2}t?")
_UV_KEY = re.compile(r"(cpython|pypy|graalpy)-(\d+(?:\.\d+){0,2})(?:-.*)?")
_OPTION = re.compile(r"-{1,2}[A-Za-z]")
_INCLUDE = re.compile(r"(?:-[rce]|--(?:requirements?|constraints?|editable)\b)")
_NO_ENVIRONMENT = "runs use the machine's own Python."
COMPILE = f"uv pip compile requirements.in --generate-hashes -o {REQUIREMENTS}"
"""Makes a lock of what one would like to have."""
_CHOSEN_THERE = (
    "the machine chooses versions when it first builds it and keeps to them; another machine may"
    " choose others."
)


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence for the person; by `code`, `path` and `problem` a window says it in its own
    language."""

    code: Literal["no_text", "no_hashes", "no_toml", "dynamic", "no_lock"]
    text: str
    path: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FolderEnvironment:
    """What a folder says. `found` is what its runs get if nothing is said, `loose` a pyproject.toml
    that names no packages but may have extras or groups, `default` what its project file wants
    beside that, and `remarks` are for the person."""

    found: EnvironmentSpec
    loose: SourceEnvironment | None = None
    default: EnvironmentOrder = NOTHING_SAID
    remarks: tuple[Remark, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences of the remarks."""
        return tuple(one.text for one in self.remarks)


NOTHING_FOUND = FolderEnvironment(NoEnvironment())


def read_environment(folder: Path) -> FolderEnvironment:
    """Reads the files that say it, and those alone. Blocks briefly. Raises PROJECT_UNREADABLE,
    which names the path, and OSError."""
    default, named = _default(folder)
    if default.use == NONE:
        return FolderEnvironment(NoEnvironment(), default=default)
    if default.names_one:
        return FolderEnvironment(RegisteredEnvironment(name=default.use), default=default)
    python = _python_request(folder)
    if named:
        found, remarks = _named(folder, named, python)
        return FolderEnvironment(found, default=default, remarks=remarks)
    found, remarks = _usual(folder, python)
    loose = None
    if isinstance(found, NoEnvironment) and (folder / PYPROJECT).is_file():
        loose = _source(PYPROJECT, _read(folder / PYPROJECT), python)
    return FolderEnvironment(found, loose, default, remarks)


def is_hashed(requirements: str) -> bool:
    """Whether a file is a lock: each requirement has its hashes, and none is in another file."""
    found = False
    for line in _lines(requirements):
        if _INCLUDE.match(line):
            return False
        if _OPTION.match(line):
            continue
        if "--hash=" not in line:
            return False
        found = True
    return found


def _default(folder: Path) -> tuple[EnvironmentOrder, str]:
    """What the project's own file wants, and the file that it names instead of the usual ones;
    empty where it names none."""
    own = read_project_file(folder)
    if own is None:
        return NOTHING_SAID, ""
    wish = own.environment
    source = wish.source if _is_file(folder, wish.source) else ""
    # What is no file is one of the machine: a registered name, or an id.
    use = NONE if wish.none else wish.registered or (wish.source if not source else "") or AUTO
    said = {
        "environment": use,
        "packages": wish.packages,
        "extra": wish.extras,
        "group": wish.groups,
        "python": wish.python,
        "wheels_only": wish.wheels_only,
    }
    try:
        return environment_order(said), source
    except LanherdError as refused:
        failure = refused.failure
        raise _odd_default(
            folder, f"{failure.title} {failure.message}", failure.remedy
        ) from refused


def _is_file(folder: Path, source: str) -> bool:
    """Whether a file of the project is named. Raises where it must be one and isn't there."""
    looks_so = "/" in source or source.endswith(_FILE_ENDS)
    try:
        if source and (folder / check_path(source)).is_file():
            return True
        why = "there is no such file."
    except PathError:
        why = "that is no path of the project."
    if looks_so:
        raise _odd_default(
            folder,
            f"It names {source!r}, and {why}",
            f"Name a {UV_LOCK}, a {PYPROJECT} or a requirements file of the project.",
        )
    return False


def _odd_default(folder: Path, why: str, remedy: str) -> LanherdError:
    return unreadable(
        folder / PROJECT_FILE,
        f"Its environment can't be had. {why}",
        remedy,
        refusal="odd_default_environment",
    )


def _usual(folder: Path, python: str) -> tuple[EnvironmentSpec, tuple[Remark, ...]]:
    if (folder / UV_LOCK).is_file():
        return _locked(UV_LOCK, _read(folder / UV_LOCK), python), ()
    if (folder / REQUIREMENTS).is_file():
        return _of_requirements(REQUIREMENTS, _read(folder / REQUIREMENTS), python)
    if (folder / PYPROJECT).is_file():
        return _of_pyproject(_read(folder / PYPROJECT), python)
    return NoEnvironment(), ()


def _named(folder: Path, path: str, python: str) -> tuple[EnvironmentSpec, tuple[Remark, ...]]:
    """By the file that the project's own file names."""
    content = _read(folder / path)
    match path.rpartition("/")[2]:
        case "uv.lock":
            return _locked(path, content, python), ()
        case "pyproject.toml":
            return _source(path, content, python), (_no_lock(path),)
        case _:
            return _of_requirements(path, content, python)


def _of_requirements(
    path: str, content: bytes, python: str
) -> tuple[EnvironmentSpec, tuple[Remark, ...]]:
    text = _text(content)
    if text is None:
        said = (
            f"{path} is not text, so it can't be a lock: {_NO_ENVIRONMENT} Save it as UTF-8, or"
            f" write your requirements into requirements.in, then make a lock by"
            f" '{COMPILE}'."
        )
        return NoEnvironment(), (Remark("no_text", said, path),)
    if is_hashed(text):
        return _locked(path, content, python), ()
    if all(_OPTION.match(line) and not _INCLUDE.match(line) for line in _lines(text)):
        return NoEnvironment(), ()
    why = "has no hashes for all of its packages"
    said = (
        f"{path} {why}: {_CHOSEN_THERE} To fix them, rename it to requirements.in and make a lock"
        f" by '{COMPILE}'."
    )
    return _source(path, content, python), (Remark("no_hashes", said, path),)


def _of_pyproject(content: bytes, python: str) -> tuple[EnvironmentSpec, tuple[Remark, ...]]:
    """A pyproject.toml that stands without a lock."""
    try:
        table: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        said = (
            f"{PYPROJECT} can't be understood ({problem}), and no lock is there:"
            f" {_NO_ENVIRONMENT} Mend it, then make a lock by 'uv lock'."
        )
        return NoEnvironment(), (Remark("no_toml", said, PYPROJECT, str(problem)),)
    declared = table.get("project")
    if not isinstance(declared, dict):
        return NoEnvironment(), ()
    dynamic = declared.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        said = (
            f"The dependencies in {PYPROJECT} are dynamic, so only its build could name them:"
            f" {_NO_ENVIRONMENT} Make a lock by 'uv lock'."
        )
        return NoEnvironment(), (Remark("dynamic", said, PYPROJECT),)
    if not declared.get("dependencies"):
        return NoEnvironment(), ()
    return _source(PYPROJECT, content, python), (_no_lock(PYPROJECT),)


def _no_lock(path: str) -> Remark:
    text = f"{path} has no lock beside it: {_CHOSEN_THERE} 'uv lock' fixes them."
    return Remark("no_lock", text, path)


def _text(content: bytes) -> str | None:
    """None for what is none, such as a file in UTF-16."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _lines(requirements: str) -> Iterator[str]:
    """What a requirements file says, without comments, each continued line whole."""
    joined = re.sub(r"\\\r?\n", " ", requirements)
    for line in joined.splitlines():
        text = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if text:
            yield text


def _locked(path: str, content: bytes, python: str) -> LockedEnvironment:
    return LockedEnvironment(lock_path=path, lock_hash=_hash(content), python=python)


def _source(path: str, content: bytes, python: str) -> SourceEnvironment:
    return SourceEnvironment(source_path=path, source_hash=_hash(content), python=python)


def _hash(content: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(content).hexdigest())


def _python_request(folder: Path) -> str:
    """The first version in `.python-version`, as pyenv and uv write it; empty where none is."""
    path = folder / _PYTHON_FILE
    if not path.is_file():
        return ""
    for line in _read(path).decode("utf-8", "replace").splitlines():
        text = line.strip()
        key = _UV_KEY.fullmatch(text)
        if key is not None:
            return key[2] if key[1] == "cpython" else f"{key[1]}@{key[2]}"
        if _PYTHON_VERSION.fullmatch(text):
            return text
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
