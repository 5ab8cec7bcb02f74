"""Environments: built once from a lock, then shared by everything that has the same lock.

A virtual environment holds its own path, so it is built where it stays, and counts only once its
marker is there: `ready.json`, written last. Whatever has no marker when the agent starts is a
build that was cut short, and is removed; its log stays, and so does why a build failed.

One build runs at a time: a second would only slow down the first.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from lanherd_agent.disk import in_thread, write_durably
from lanherd_agent.envs import failures
from lanherd_agent.envs.build import BUILD_LOG, MARKER, Build, clear
from lanherd_agent.envs.lock import check_lock, lock_kind, requires_python
from lanherd_agent.envs.problems import build_took_too_long, disk_refused
from lanherd_agent.envs.progress import BuildProgress, Gate, Gates, Tell, silent
from lanherd_agent.envs.pythons import Pythons
from lanherd_agent.envs.recipe import Recipe, recipe_of
from lanherd_agent.envs.requirements import index_lines, wheel_folders
from lanherd_agent.envs.surroundings import fingerprint
from lanherd_agent.envs.uv_tool import UvTool, last_words
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import EnvironmentId, is_sha256
from lanherd_protocol.values import EnvironmentView, LockedEnvironment

BUILD_TIMEOUT_S = 3600.0
USED = "used"
"""An empty file; its time is when a run last used the environment."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """`variables` is the agent's own environment: indexes, certificates and proxies are in it."""

    timeout_s: float = BUILD_TIMEOUT_S
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    uv_binary: str | None = None


class Marker(msgspec.Struct, frozen=True):
    """`ready.json`."""

    python_version: str
    built_at: float
    build_seconds: float
    size_bytes: int
    own_bytes: int = 0
    name: str = ""
    kind: str = ""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    interpreter: str = ""
    from_source: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltEnvironment:
    """An environment that can be used: `path` is the virtual environment's folder.

    `bin` is where its Python is found, if that isn't the folder's `bin`: an interpreter that was
    registered needs no virtual environment.
    """

    environment: EnvironmentId
    path: Path
    python: Path
    python_version: str
    built_at: float
    build_seconds: float
    size_bytes: int
    bin: Path | None = None

    def activate(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a process that is to run in the environment."""
        activated = {
            name: text
            for name, text in variables.items()
            if name not in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV")
        }
        before = activated.get("PATH", os.defpath)
        activated["PATH"] = f"{self.bin or self.path / 'bin'}{os.pathsep}{before}"
        if self.bin is None:
            activated["VIRTUAL_ENV"] = str(self.path)
        return activated


class EnvironmentBuilder:
    """All environments of one agent's home that a lock makes; `open` makes one."""

    def __init__(self, home: Path, settings: BuildSettings) -> None:
        self.folder = home / "envs"
        self.uv = UvTool(
            home / "cache" / "uv", str(self.folder), settings.variables, settings.uv_binary
        )
        self.pythons = Pythons(self.uv, home)
        self.timeout_s = settings.timeout_s
        self._gates = Gates()
        self._one_at_a_time = asyncio.Semaphore(1)
        self._building = ""
        self.builds = 0
        """Builds begun since the start."""

    @classmethod
    async def open(cls, home: Path, settings: BuildSettings | None = None) -> "EnvironmentBuilder":
        """Makes the folders, and clears away builds that were cut short with an agent."""
        builder = cls(home, settings or BuildSettings())
        await in_thread(builder._clear_cut_short)
        return builder

    async def recipe(self, spec: LockedEnvironment, lock: bytes) -> Recipe:
        """What a lock of a snapshot makes on this machine."""
        check_lock(spec, lock)
        kind = lock_kind(spec)
        wanted = requires_python(kind, lock)
        interpreter = await self.pythons.choose(spec.python, wanted, spec.lock_path)
        return recipe_of(
            spec.lock_path,
            kind,
            lock,
            interpreter,
            extras=spec.extras if kind == "uv" else (),
            groups=spec.groups if kind == "uv" else (),
            wheels_only=spec.wheels_only,
        )

    async def ensure(
        self, recipe: Recipe, progress: Tell | None = None, *, retry: bool = False
    ) -> BuiltEnvironment:
        """The environment of a lock, built now if it isn't there yet.

        Whoever asks while it is being built gets the same environment or the same failure. When
        the one whose call builds is cancelled, the next one takes over. What failed before and
        would fail again is only tried with `retry`. Raises LOCK_UNRESOLVABLE, ENVIRONMENT_FAILED,
        TIMED_OUT and DISK_FULL.
        """
        environment = recipe.environment
        ready = await in_thread(lambda: self.find(environment))
        if ready is not None:
            return ready
        tell = progress or silent
        tell(BuildProgress(environment, "waiting"))
        async with self._gates.passing(environment, tell, recipe.name) as gate:
            return await self._build_once(gate, recipe, retry)

    @asynccontextmanager
    async def alone(self, environment: str) -> AsyncIterator[None]:
        """Inside, nobody builds this environment. What is raised there, those who wait for it are
        told as the end of its build."""
        async with self._gates.passing(environment, silent):
            yield

    @asynccontextmanager
    async def turn(self, what: str) -> AsyncIterator[None]:
        """One's turn in the line of builds."""
        async with self._one_at_a_time:
            self._building = what
            try:
                yield
            finally:
                self._building = ""

    def log_path(self, environment: EnvironmentId) -> Path:
        """The log of the environment's last build, also of one that runs or has failed."""
        return self.place(environment) / BUILD_LOG

    def place(self, environment: str) -> Path:
        if not is_sha256(environment):
            raise ValueError(f"{environment!r} is no environment's id")
        return self.folder / environment

    @property
    def building(self) -> str:
        """What is being built now; empty where nothing is."""
        return self._building

    def name_of(self, environment: str) -> str:
        """What people call the lock of one that somebody waits for; empty for others."""
        return self._gates.name_of(environment)

    def waiting(self) -> tuple[str, ...]:
        """What somebody waits for, with what is being built."""
        return self._gates.keys()

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

    def find(self, environment: EnvironmentId) -> BuiltEnvironment | None:
        """The environment, if it is whole and its interpreter is still on the machine. Blocks."""
        marker = self.marker(environment)
        if marker is None:
            return None
        built = _built(environment, self.folder / environment, marker)
        return built if os.access(built.python, os.X_OK) else None

    def marker(self, environment: str) -> Marker | None:
        """What was noted of it when it was built. Blocks."""
        try:
            content = (self.folder / environment / MARKER).read_bytes()
            return msgspec.json.decode(content, type=Marker)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def note_used(self, environment: EnvironmentId) -> None:
        """A run uses it now. Blocks."""
        (self.place(environment) / USED).touch()

    async def _build_once(self, gate: Gate, recipe: Recipe, retry: bool) -> BuiltEnvironment:
        ready = await in_thread(lambda: self.find(recipe.environment))
        if ready is not None:
            return ready
        place = self.place(recipe.environment)
        seen = await self.surroundings(recipe)
        if not retry:
            await in_thread(lambda: failures.check(place, seen))
        async with self.turn(recipe.environment):
            try:
                return await self._build(recipe, gate.tell)
            except LanherdError as failed:
                remembered = failures.Remembered(
                    time.time(), seen, failed.failure, recipe.name, recipe.interpreter.version
                )
                await in_thread(lambda: failures.remember(place, remembered))
                raise

    async def surroundings(self, recipe: Recipe) -> str:
        """What decides, beside the lock, how its build ends."""
        version = await self.uv.version()
        interpreter = recipe.interpreter
        lines: tuple[str, ...] = ()
        if recipe.kind == "requirements":
            lines = index_lines(recipe.lock.decode("utf-8", "replace"))
        return await in_thread(
            lambda: fingerprint(
                self.uv.variables,
                *self.uv.index_arguments,
                version,
                interpreter.path,
                interpreter.version,
                str(recipe.wheels_only),
                folders=wheel_folders(lines),
            )
        )

    async def _build(self, recipe: Recipe, tell: Tell) -> BuiltEnvironment:
        self.builds += 1
        begun = time.monotonic()
        environment = recipe.environment
        place = self.place(environment)
        build = Build(place, recipe, self.uv)
        try:
            await in_thread(lambda: failures.forget(place))
            await in_thread(build.prepare)
            async with asyncio.timeout(self.timeout_s):
                from_source = await build.run(tell)
            size_bytes, own_bytes = await in_thread(build.settle)
            marker = Marker(
                python_version=recipe.interpreter.version,
                built_at=time.time(),
                build_seconds=time.monotonic() - begun,
                size_bytes=size_bytes,
                own_bytes=own_bytes,
                name=recipe.name,
                kind=recipe.kind,
                extras=recipe.extras,
                groups=recipe.groups,
                interpreter=recipe.interpreter.path,
                from_source=from_source,
            )
            await in_thread(lambda: write_durably(place / MARKER, msgspec.json.encode(marker)))
        except TimeoutError:
            await in_thread(build.remove)
            words = last_words(place / BUILD_LOG, 0)
            raise build_took_too_long(environment, self.timeout_s, words) from None
        except OSError as refused:
            await in_thread(build.remove)
            raise disk_refused(environment, refused) from refused
        except BaseException:
            await in_thread(build.remove)
            raise
        tell(BuildProgress(environment, "done"))
        return _built(environment, place, marker)

    def _find_all(self) -> tuple[BuiltEnvironment, ...]:
        found = [
            built
            for entry in os.scandir(self.folder)
            if is_sha256(entry.name) and (built := self.find(EnvironmentId(entry.name)))
        ]
        return tuple(sorted(found, key=lambda built: built.built_at, reverse=True))

    def _clear_cut_short(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.uv.cache.mkdir(parents=True, exist_ok=True)
        self.uv.kill_all()
        for entry in list(os.scandir(self.folder)):
            place = Path(entry.path)
            if is_sha256(entry.name) and not (place / MARKER).exists():
                clear(place)


def _built(environment: EnvironmentId, place: Path, marker: Marker) -> BuiltEnvironment:
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
