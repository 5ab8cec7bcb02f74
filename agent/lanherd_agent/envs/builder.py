"""Environments: built once from a lock, then shared by everything that has the same lock.

A virtual environment holds its own path, so it is built where it stays, and counts only once its
marker is there: `ready.json`, written last. Whatever has no marker when the agent starts is a
build that was cut short, and is removed; its log stays.

One build runs at a time: a second would only slow down the first. uv is asked first to do with
what it has in its cache, which needs no index at all, and only then to fetch the rest.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from lanherd_agent.disk import in_thread, sync_file_system, write_durably
from lanherd_agent.envs.lock import (
    UV_LOCK,
    Interpreter,
    check_lock,
    environment_id,
    lock_kind,
    stand_in_project,
)
from lanherd_agent.envs.problems import (
    build_failed,
    build_took_too_long,
    disk_refused,
    is_final,
    no_python,
)
from lanherd_agent.envs.uv_tool import UvTool, last_words, this_python
from lanherd_protocol.errors import LanherdError, from_failure
from lanherd_protocol.ids import EnvironmentId, is_sha256
from lanherd_protocol.values import EnvironmentView, LockedEnvironment

Phase = Literal["waiting", "interpreter", "creating", "installing", "done"]
MARKER = "ready.json"
BUILD_LOG = "build.log"
BUILD_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is; `line` is the last line that uv has written."""

    environment: EnvironmentId
    phase: Phase
    line: str = ""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """`variables` is the agent's own environment: indexes, certificates and proxies are in it."""

    timeout_s: float = BUILD_TIMEOUT_S
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    uv_binary: str | None = None


@dataclass(frozen=True, slots=True)
class BuiltEnvironment:
    """An environment that can be used: `path` is the virtual environment's folder."""

    environment: EnvironmentId
    path: Path
    python: Path
    python_version: str
    built_at: float
    build_seconds: float
    size_bytes: int

    def activate(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a process that is to run in the environment."""
        activated = {
            name: text
            for name, text in variables.items()
            if name not in ("PYTHONHOME", "__PYVENV_LAUNCHER__")
        }
        before = activated.get("PATH", os.defpath)
        activated["PATH"] = f"{self.path / 'bin'}{os.pathsep}{before}"
        activated["VIRTUAL_ENV"] = str(self.path)
        return activated


class _Marker(msgspec.Struct, frozen=True):
    """`ready.json`."""

    python_version: str
    built_at: float
    build_seconds: float
    size_bytes: int


class _Gate:
    """Those who wait for one environment: the first builds, and all hear how it goes and ends."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting: list[Callable[[BuildProgress], None]] = []
        self.failed: LanherdError | None = None

    def tell(self, progress: BuildProgress) -> None:
        for tell in tuple(self.waiting):
            tell(progress)


class EnvironmentBuilder:
    """All environments of one agent's home; `open` makes one."""

    def __init__(self, home: Path, settings: BuildSettings) -> None:
        self._folder = home / "envs"
        self._cache = home / "cache" / "uv"
        self._timeout_s = settings.timeout_s
        self._uv = UvTool(self._cache, str(self._folder), settings.variables, settings.uv_binary)
        self._default = this_python()
        self._interpreters: dict[str, Interpreter] = {}
        self._gates: dict[EnvironmentId, _Gate] = {}
        self._one_at_a_time = asyncio.Semaphore(1)
        self.builds = 0
        """Builds begun since the start."""

    @classmethod
    async def open(cls, home: Path, settings: BuildSettings | None = None) -> "EnvironmentBuilder":
        """Makes the folders, and clears away builds that were cut short with an agent."""
        builder = cls(home, settings or BuildSettings())
        await in_thread(builder._clear_cut_short)
        return builder

    async def identify(self, spec: LockedEnvironment, lock: bytes) -> EnvironmentId:
        """The id that the environment has or would have on this machine."""
        check_lock(spec, lock)
        interpreter = await self._interpreter(spec.python)
        return environment_id(lock_kind(spec), lock, interpreter)

    async def ensure(
        self,
        spec: LockedEnvironment,
        lock: bytes,
        progress: Callable[[BuildProgress], None] | None = None,
    ) -> BuiltEnvironment:
        """The environment of a lock, built now if it isn't there yet.

        Whoever asks while it is being built gets the same environment or the same failure. When
        the one whose call builds is cancelled, the next one takes over. Raises
        LOCK_UNRESOLVABLE, ENVIRONMENT_FAILED, TIMED_OUT and DISK_FULL.
        """
        environment = await self.identify(spec, lock)
        ready = await in_thread(lambda: self._find(environment))
        if ready is not None:
            return ready
        tell = progress or _silent
        tell(BuildProgress(environment, "waiting"))
        gate = self._gates.setdefault(environment, _Gate())
        gate.waiting.append(tell)
        try:
            async with gate.lock:
                return await self._build_once(gate, environment, spec, lock)
        finally:
            gate.waiting.remove(tell)
            if not gate.waiting:
                self._gates.pop(environment, None)

    def log_path(self, environment: EnvironmentId) -> Path:
        """The log of the environment's last build, also of one that runs or has failed."""
        if not is_sha256(environment):
            raise ValueError(f"{environment!r} is no environment's id")
        return self._folder / environment / BUILD_LOG

    async def list(self) -> tuple[EnvironmentView, ...]:
        """The environments that can be used, the newest first."""
        built = await in_thread(self._find_all)
        return tuple(
            EnvironmentView(
                environment=one.environment,
                python_version=one.python_version,
                size_bytes=one.size_bytes,
                built_at=one.built_at,
                build_seconds=one.build_seconds,
            )
            for one in built
        )

    async def _interpreter(self, request: str) -> Interpreter:
        default = self._default
        if not request or f"{default.version}.".startswith(f"{request}."):
            return default
        known = self._interpreters.get(request)
        if known is None or not os.access(known.path, os.X_OK):
            known = await self._uv.find_python(request)
            if known is None:
                raise no_python(request, default.version)
            self._interpreters[request] = known
        return known

    async def _build_once(
        self,
        gate: _Gate,
        environment: EnvironmentId,
        spec: LockedEnvironment,
        lock: bytes,
    ) -> BuiltEnvironment:
        if gate.failed is not None:
            raise from_failure(gate.failed.failure)
        ready = await in_thread(lambda: self._find(environment))
        if ready is not None:
            return ready
        async with self._one_at_a_time:
            try:
                return await self._build(environment, spec, lock, gate.tell)
            except LanherdError as failed:
                gate.failed = failed
                raise

    async def _build(
        self,
        environment: EnvironmentId,
        spec: LockedEnvironment,
        lock: bytes,
        tell: Callable[[BuildProgress], None],
    ) -> BuiltEnvironment:
        self.builds += 1
        begun = time.monotonic()
        place = self._folder / environment
        interpreter = await self._interpreter(spec.python)
        build = _Build(environment, place, spec, lock, interpreter)
        try:
            await in_thread(build.prepare)
            async with asyncio.timeout(self._timeout_s):
                await self._run_uv(build, tell)
            size_bytes = await in_thread(build.settle)
            marker = _Marker(interpreter.version, time.time(), time.monotonic() - begun, size_bytes)
            await in_thread(lambda: write_durably(place / MARKER, msgspec.json.encode(marker)))
        except TimeoutError:
            await in_thread(build.remove)
            words = last_words(place / BUILD_LOG, 0)
            raise build_took_too_long(environment, self._timeout_s, words) from None
        except OSError as refused:
            await in_thread(build.remove)
            raise disk_refused(environment, refused) from refused
        except BaseException:
            await in_thread(build.remove)
            raise
        tell(BuildProgress(environment, "done"))
        return _built(environment, place, marker)

    async def _run_uv(self, build: "_Build", tell: Callable[[BuildProgress], None]) -> None:
        environment, log = build.environment, build.place / BUILD_LOG

        def creating(line: str) -> None:
            tell(BuildProgress(environment, "creating", line))

        def installing(line: str) -> None:
            tell(BuildProgress(environment, "installing", line))

        creating(f"Python {build.interpreter.version}")
        created = await self._uv.run(
            build.create_arguments(), folder=build.project, log=log, on_line=creating
        )
        if created.code != 0:
            raise build_failed(environment, build.spec.lock_path, created.words)
        installing("")
        for offline in (True, False):
            installed = await self._uv.run(
                [*build.install_arguments(offline=offline), *self._uv.index_arguments],
                folder=build.project,
                log=log,
                on_line=installing,
                variables={"UV_PROJECT_ENVIRONMENT": str(build.venv)},
            )
            if installed.code == 0:
                return
            if is_final(installed.words):
                break
        raise build_failed(environment, build.spec.lock_path, installed.words)

    def _find(self, environment: EnvironmentId) -> BuiltEnvironment | None:
        """The environment, if it is whole and its interpreter is still on the machine."""
        place = self._folder / environment
        try:
            marker = msgspec.json.decode((place / MARKER).read_bytes(), type=_Marker)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        built = _built(environment, place, marker)
        return built if os.access(built.python, os.X_OK) else None

    def _find_all(self) -> tuple[BuiltEnvironment, ...]:
        found = [
            built
            for entry in os.scandir(self._folder)
            if is_sha256(entry.name) and (built := self._find(EnvironmentId(entry.name)))
        ]
        return tuple(sorted(found, key=lambda built: built.built_at, reverse=True))

    def _clear_cut_short(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._cache.mkdir(parents=True, exist_ok=True)
        self._uv.kill_all()
        for entry in list(os.scandir(self._folder)):
            place = Path(entry.path)
            if is_sha256(entry.name) and not (place / MARKER).exists():
                _clear(place)


@dataclass(frozen=True, slots=True)
class _Build:
    """One build: where it happens and what uv is asked. Its methods block."""

    environment: EnvironmentId
    place: Path
    spec: LockedEnvironment
    lock: bytes
    interpreter: Interpreter

    @property
    def venv(self) -> Path:
        return self.place / "venv"

    @property
    def project(self) -> Path:
        return self.place / "project"

    def prepare(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / MARKER).unlink(missing_ok=True)
        (self.place / BUILD_LOG).unlink(missing_ok=True)
        _clear(self.place)
        self.project.mkdir()
        (self.place / BUILD_LOG).touch()
        if lock_kind(self.spec) == "uv":
            (self.project / "pyproject.toml").write_text(stand_in_project(self.lock))
            (self.project / UV_LOCK).write_bytes(self.lock)
        else:
            # With a table of its own uv doesn't take settings from the folders above.
            (self.project / "pyproject.toml").write_text("[tool.uv]\n")
            (self.project / "requirements.txt").write_bytes(self.lock)

    def create_arguments(self) -> list[str]:
        return ["venv", "--no-project", "--python", self.interpreter.path, str(self.venv)]

    def install_arguments(self, *, offline: bool) -> list[str]:
        before = ["--offline"] if offline else []
        if lock_kind(self.spec) == "uv":
            return [*before, "sync", "--frozen", "--no-install-project", "--no-default-groups"]
        python = str(self.venv / "bin" / "python")
        return [
            *before, "pip", "sync", "--require-hashes", "--allow-empty-requirements",
            "--python", python, "requirements.txt",
        ]  # fmt: skip

    def settle(self) -> int:
        """Makes the files safe on disk, for the marker will say that they are; their size."""
        sync_file_system(self.place)
        return _tree_bytes(self.venv)

    def remove(self) -> None:
        """Removes what was built; the log stays, since it says why."""
        _clear(self.place)


def _built(environment: EnvironmentId, place: Path, marker: _Marker) -> BuiltEnvironment:
    venv = place / "venv"
    return BuiltEnvironment(
        environment=environment,
        path=venv,
        python=venv / "bin" / "python",
        python_version=marker.python_version,
        built_at=marker.built_at,
        build_seconds=marker.build_seconds,
        size_bytes=marker.size_bytes,
    )


def _clear(place: Path) -> None:
    for name in ("venv", "project"):
        if (place / name).exists():
            shutil.rmtree(place / name)


def _tree_bytes(folder: Path) -> int:
    """The size of a tree's files; those that the cache shares are counted as well."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _silent(_: BuildProgress) -> None:
    return
