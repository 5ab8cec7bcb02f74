"""Locks: where they come from, and what makes two environments the same.

An environment belongs to a lock, not to a project: everything with the same lock shares it. So
the project itself is not installed into it (its files are in the run's tree, where the run
starts), and a lock that names other folders of the project can't be built from the lock alone.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import Literal, Protocol

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId, SnapshotId
from lanherd_protocol.limits import MIB
from lanherd_protocol.values import LockedEnvironment

LOCK_BYTES_MAX = 16 * MIB
UV_LOCK = "uv.lock"
ID_FORMAT = "lanherd-environment-1"

LockKind = Literal["uv", "requirements"]
_REQUIRES = re.compile(rb'^requires-python = "([^"\n]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine. `platform` names its binary interface, C library included."""

    path: str
    version: str
    implementation: str
    platform: str


class SnapshotReader(Protocol):
    """What reading a lock needs of the snapshot store."""

    async def read_file(self, snapshot: SnapshotId, path: str, *, bytes_max: int) -> bytes: ...


async def read_lock(store: SnapshotReader, snapshot: SnapshotId, spec: LockedEnvironment) -> bytes:
    """The lock's bytes out of the snapshot, checked against the hash in the specification."""
    lock = await store.read_file(snapshot, spec.lock_path, bytes_max=LOCK_BYTES_MAX)
    check_lock(spec, lock)
    return lock


def check_lock(spec: LockedEnvironment, lock: bytes) -> None:
    """Raises LOCK_UNRESOLVABLE where the bytes aren't those that the specification means."""
    if hashlib.sha256(lock).hexdigest() != spec.lock_hash:
        raise error(
            ErrorCode.LOCK_UNRESOLVABLE,
            f"{spec.lock_path} is not the lock that the run asks for.",
            "It has changed since the environment was chosen.",
            "Submit the run again.",
            refusal="other_lock",
            lock=spec.lock_path,
        )


def lock_kind(spec: LockedEnvironment) -> LockKind:
    return "uv" if spec.lock_path.rpartition("/")[2] == UV_LOCK else "requirements"


def environment_id(
    kind: LockKind,
    lock: bytes,
    interpreter: Interpreter,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> EnvironmentId:
    """The id of the environment that this lock makes with this interpreter."""
    parts = (
        ID_FORMAT,
        kind,
        hashlib.sha256(lock).hexdigest(),
        interpreter.implementation,
        interpreter.version,
        interpreter.platform,
        *sorted(extras),
        # No extra's name holds a colon.
        *(f"group:{group}" for group in sorted(groups)),
    )
    return EnvironmentId(hashlib.sha256("\0".join(parts).encode()).hexdigest())


def requires_python(kind: LockKind, lock: bytes) -> str:
    """The range of Pythons that a uv.lock is for; it stands before its first package."""
    found = _REQUIRES.search(lock.partition(b"[[package]]")[0]) if kind == "uv" else None
    return "" if found is None else found[1].decode("utf-8", "replace")


def stand_in_project(lock: bytes) -> str:
    """A pyproject.toml that uv takes for the project of a uv.lock.

    `uv sync --frozen` installs what the lock says and reads only the project's name and Python
    range from its pyproject.toml; both are in the lock. Raises LOCK_UNRESOLVABLE.
    """
    try:
        content = tomllib.loads(lock.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as refused:
        raise _unusable(
            f"It isn't valid TOML: {refused}.", "no_toml", toml=str(refused)
        ) from refused
    name = ""
    packages = content.get("package", [])
    if not isinstance(packages, list):
        raise _unusable("Its packages are no list.", "no_list")
    for package in packages:
        source = package.get("source", {}) if isinstance(package, dict) else {}
        place = _local_place(source)
        if place == ".":
            name = str(package.get("name", ""))
        elif place:
            raise _unusable(
                f"Package {package.get('name')!r} comes from the folder {place!r} of the project.",
                "package_in_folder",
                package=str(package.get("name", "")),
                folder=place,
            )
    if not name:
        raise _unusable("It names no project: no package in it comes from '.'.", "names_no_project")
    python = str(content.get("requires-python", ">=3.8"))
    return (
        f'[project]\nname = {_quoted(name)}\nversion = "0"\nrequires-python = {_quoted(python)}\n'
        # A table of its own keeps uv from looking for settings in the folders above.
        "[tool.uv]\npackage = false\n[tool.uv.workspace]\n"
    )


def _local_place(source: object) -> str:
    if not isinstance(source, dict):
        return ""
    for kind in ("editable", "virtual", "directory", "path"):
        if kind in source:
            return str(source[kind])
    return ""


def _quoted(text: str) -> str:
    """A TOML basic string; names and ranges hold nothing that would need more than this."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _unusable(why: str, refusal: str, **data: str) -> LanherdError:
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{UV_LOCK} can't be made into an environment.",
        why,
        "Export what is to be installed by"
        " 'uv export --no-emit-project --no-emit-workspace -o requirements.txt'"
        " and remove uv.lock from the project.",
        refusal=refusal,
        lock=UV_LOCK,
        **data,
    )
