"""What is asked for where nothing is locked yet: a file of the snapshot, packages, another
environment; and the key under which the answer is kept."""

import hashlib
import posixpath
import tomllib
from dataclasses import dataclass

import msgspec

from lanherd_agent.envs import requirements
from lanherd_agent.envs.lock import LOCK_BYTES_MAX, Interpreter, SnapshotReader
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.paths import PathError, check_path
from lanherd_protocol.values import SourceEnvironment

PYPROJECT = "pyproject.toml"
QUESTION_FORMAT = "lanherd-question-1"
FILES_MAX = 64
NAME_CHARS_MAX = 120


@dataclass(frozen=True, slots=True)
class Source:
    """The files that are asked about, the first of them by the person. `index_lines` say where
    their packages come from, `requires_python` for which Pythons they are. Without requirements of
    its own, a project has groups alone."""

    files: tuple[tuple[str, bytes], ...] = ()
    index_lines: tuple[str, ...] = ()
    requires_python: str = ""
    has_requirements: bool = True

    @property
    def is_project(self) -> bool:
        return bool(self.files) and posixpath.basename(self.files[0][0]) == PYPROJECT

    def asked(self) -> tuple[requirements.Entry, ...]:
        """What the files ask for, with the hashes that they hold it to."""
        if self.is_project:
            return ()
        found: list[requirements.Entry] = []
        for _, content in self.files:
            found += requirements.entries(requirements.decoded(content))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Question:
    """All that the answer depends on, but for what the index has today."""

    source: Source
    spec: SourceEnvironment
    interpreter: Interpreter
    base_lock: bytes = b""

    @property
    def name(self) -> str:
        """What people call it."""
        base = f"{self.spec.base[:12]} and" if self.spec.base else ""
        words = (base, self.spec.source_path, ", ".join(self.spec.packages))
        return " ".join(word for word in words if word)[:NAME_CHARS_MAX]

    def key(self, where_from: str) -> str:
        spec, interpreter = self.spec, self.interpreter
        parts = (
            QUESTION_FORMAT,
            [(path, hashlib.sha256(content).hexdigest()) for path, content in self.source.files],
            spec.packages,
            sorted(spec.extras),
            sorted(spec.groups),
            spec.base or "",
            interpreter.implementation,
            interpreter.version,
            interpreter.platform,
            spec.wheels_only,
            where_from,
        )
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


async def read_source(
    store: SnapshotReader, snapshot: SnapshotId | None, spec: SourceEnvironment
) -> Source:
    """The source's files out of the snapshot. Raises LOCK_UNRESOLVABLE and NOT_FOUND."""
    if not spec.source_path or snapshot is None:
        return Source()
    path = spec.source_path
    content = await store.read_file(snapshot, path, bytes_max=LOCK_BYTES_MAX)
    if BlobHash(hashlib.sha256(content).hexdigest()) != spec.source_hash:
        raise _unusable(path, "It has changed since the environment was chosen.", "other_source")
    if posixpath.basename(path) == PYPROJECT:
        return _project(path, content, spec)
    return await _requirements(store, snapshot, path, content)


async def _requirements(
    store: SnapshotReader, snapshot: SnapshotId, path: str, content: bytes
) -> Source:
    files = {path: content}
    lines: list[str] = []
    waiting = [path]
    while waiting:
        at = waiting.pop(0)
        try:
            text = requirements.decoded(files[at])
        except requirements.NotTextError as refused:
            raise _unusable(at, f"It isn't text: {refused}.", "not_text") from refused
        lines += requirements.index_lines(text)
        for included in requirements.includes(text):
            place = _beside(at, included)
            if place in files:
                continue
            if len(files) == FILES_MAX:
                why = f"It takes in more than {FILES_MAX} files."
                raise _unusable(path, why, "many_files")
            files[place] = await store.read_file(snapshot, place, bytes_max=LOCK_BYTES_MAX)
            waiting.append(place)
    return Source(tuple(files.items()), tuple(dict.fromkeys(lines)))


def _beside(path: str, included: str) -> str:
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), included))
    try:
        return check_path(place)
    except PathError as refused:
        why = f"It takes in {included!r}, which is no file of the project."
        raise _unusable(path, why, "file_outside", file=included) from refused


def _project(path: str, content: bytes, spec: SourceEnvironment) -> Source:
    try:
        table = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as refused:
        why = f"It isn't valid TOML: {refused}."
        raise _unusable(path, why, "no_toml", toml=str(refused)) from refused
    project = _table(table, "project")
    if not project and not spec.groups:
        raise _unusable(path, "It has no table [project].", "no_project_table")
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        raise _unusable(
            path, "Its dependencies are dynamic: only its build could name them.", "dynamic"
        )
    tool_uv = _table(_table(table, "tool"), "uv")
    for name, sources in _table(tool_uv, "sources").items():
        for source in sources if isinstance(sources, list) else [sources]:
            if isinstance(source, dict) and ("path" in source or "workspace" in source):
                why = f"Package {name!r} comes from a folder of the project."
                raise _unusable(path, why, "package_in_folder", package=name)
    wanted = project.get("requires-python")
    return Source(
        ((path, content),),
        requirements.project_index_lines(tool_uv),
        wanted if isinstance(wanted, str) else "",
        bool(project),
    )


def _table(table: dict[str, object], name: str) -> dict[str, object]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def _unusable(path: str, why: str, refusal: str, **data: str) -> LanherdError:
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{path} can't be made into an environment.",
        why,
        "Mend it, or make a lock of it by 'uv lock' or 'uv pip compile --generate-hashes', and"
        " submit again.",
        refusal=refusal,
        lock=path,
        **data,
    )
