"""The environment of a run, whatever it is asked for by: found, or made ready now."""

from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from lanherd_agent.disk import in_thread
from lanherd_agent.envs.build import BUILD_LOG, LOCKED_AS
from lanherd_agent.envs.builder import BuiltEnvironment, EnvironmentBuilder
from lanherd_agent.envs.lock import UV_LOCK, Interpreter, SnapshotReader, read_lock
from lanherd_agent.envs.problems import build_failed, no_project, not_there
from lanherd_agent.envs.progress import Tell, silent
from lanherd_agent.envs.recipe import Recipe, recipe_of
from lanherd_agent.envs.registry import Registered, Registry, registered_id
from lanherd_agent.envs.resolver import Resolver
from lanherd_agent.envs.sources import Question, read_source
from lanherd_protocol.ids import EnvironmentId, SnapshotId
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)


class Environments:
    """One per agent: all ways to an environment."""

    def __init__(self, builder: EnvironmentBuilder, snapshots: SnapshotReader) -> None:
        self.builder = builder
        self.resolver = Resolver(builder)
        self.registry = Registry(builder.folder, builder.pythons)
        self._snapshots = snapshots

    async def provide(
        self,
        spec: EnvironmentSpec,
        snapshot: SnapshotId | None,
        tell: Tell = silent,
        *,
        retry: bool = False,
        renew: bool = False,
    ) -> BuiltEnvironment | None:
        """The environment, built if it isn't there; None if none is asked for. With `retry` what
        failed before is tried again, with `renew` packages that are named get today's versions.

        Raises INVALID_REQUEST, NOT_FOUND, LOCK_UNRESOLVABLE, ENVIRONMENT_FAILED, TIMED_OUT and
        DISK_FULL.
        """
        match spec:
            case NoEnvironment():
                return None
            case RegisteredEnvironment(name=name):
                return await in_thread(lambda: self.registry.use(name))
            case LockedEnvironment():
                recipe = await self._locked(spec, snapshot)
            case SourceEnvironment(base=str() as base) if _is_base_alone(spec):
                return await self._there(base)
            case SourceEnvironment():
                question = await self._question(spec, snapshot)
                lock = await self.resolver.lock_of(question, tell, retry=retry, renew=renew)
                recipe = _resolved(question, lock)
            case _:
                assert_never(spec)
        return await self.builder.ensure(recipe, tell, retry=retry or renew)

    async def identify(self, spec: EnvironmentSpec, snapshot: SnapshotId | None) -> str:
        """What its log goes by: the id that it has or would have; before its packages are locked,
        the question's; empty where nothing is ever built for it. Raises as `provide` does."""
        match spec:
            case NoEnvironment():
                return ""
            case RegisteredEnvironment(name=name):
                return registered_id(name)
            case LockedEnvironment():
                return (await self._locked(spec, snapshot)).environment
            case SourceEnvironment(base=str() as base) if _is_base_alone(spec):
                return base
            case SourceEnvironment():
                question = await self._question(spec, snapshot)
                lock = await in_thread(lambda: self.resolver.known(question))
                if lock is None:
                    return self.resolver.key(question)
                return _resolved(question, lock).environment
            case _:
                assert_never(spec)

    async def log_of(self, spec: EnvironmentSpec, snapshot: SnapshotId | None) -> Path | None:
        """The log of what was built for it: of its build, or of what should have locked it."""
        if isinstance(spec, NoEnvironment | RegisteredEnvironment):
            return None
        return self.log_path(await self.identify(spec, snapshot))

    def log_path(self, environment: str) -> Path:
        """Of an environment, or of a question. There may be none yet."""
        of_question = self.resolver.place(environment)
        place = of_question if of_question.is_dir() else self.builder.place(environment)
        return place / BUILD_LOG

    def name_of(self, environment: str) -> str:
        """What people call the lock or the question of one that is being built."""
        return self.builder.name_of(environment) or self.resolver.name_of(environment)

    def is_being_built(self, environment: str) -> bool:
        """Whether somebody waits for it."""
        return environment in (*self.builder.waiting(), *self.resolver.waiting())

    def note_used(self, environment: EnvironmentId) -> None:
        """A run uses it now. Blocks."""
        if self.builder.marker(environment) is not None:
            self.builder.note_used(environment)

    async def frozen(self, environment: EnvironmentId) -> bytes:
        """What a lock has put into it, as a requirements file. Raises NOT_FOUND."""
        place = self.builder.place(environment)
        marker = await in_thread(lambda: self.builder.marker(environment))
        if marker is None:
            raise not_there(environment)
        project = place / "project"
        if not (project / UV_LOCK).exists():
            try:
                return await in_thread((project / LOCKED_AS).read_bytes)
            except FileNotFoundError as gone:
                raise not_there(environment) from gone
        target = place / "frozen.txt"
        log = place / "freeze.log"
        await in_thread(lambda: log.unlink(missing_ok=True))
        done = await self.builder.uv.run(
            ["export", "--frozen", "--offline", "--no-emit-project", "--no-header",
             "--no-annotate", "--no-default-groups", "--python", str(place / "venv"),
             *_chosen(marker.extras, marker.groups), "--output-file", str(target)],
            folder=project,
            log=log,
            on_line=_unheard,
        )  # fmt: skip
        if done.code != 0:
            raise build_failed(environment, marker.name, done.words)
        return await in_thread(target.read_bytes)

    async def frozen_registered(self, registered: Registered) -> bytes:
        """What a registered one has, by versions alone: nobody knows from which files."""
        found = await self.builder.uv.list_packages(registered.path)
        return "".join(f"{name}=={version}\n" for name, version in found).encode()

    async def _locked(self, spec: LockedEnvironment, snapshot: SnapshotId | None) -> Recipe:
        if snapshot is None:
            raise no_project()
        return await self.builder.recipe(spec, await read_lock(self._snapshots, snapshot, spec))

    async def _question(self, spec: SourceEnvironment, snapshot: SnapshotId | None) -> Question:
        if spec.source_path and snapshot is None:
            raise no_project()
        source = await read_source(self._snapshots, snapshot, spec)
        wanted = source.requires_python
        if spec.base is None:
            interpreter = await self.builder.pythons.choose(spec.python, wanted, spec.source_path)
            return Question(source, spec, interpreter)
        base = await self._base(spec.base)
        interpreter = base
        if spec.python:
            interpreter = await self.builder.pythons.choose(spec.python, wanted, spec.source_path)
        return Question(source, spec, interpreter, await self.frozen(spec.base))

    async def _there(self, environment: EnvironmentId) -> BuiltEnvironment:
        built = await in_thread(lambda: self.builder.find(environment))
        if built is None:
            raise not_there(environment)
        return built

    async def _base(self, environment: EnvironmentId) -> Interpreter:
        """The interpreter of the environment that another one begins as a copy of."""
        built = await self._there(environment)
        found = await self.builder.pythons.inspect(str(built.python.resolve()))
        if found is None:
            raise not_there(environment)
        return found


def _is_base_alone(spec: SourceEnvironment) -> bool:
    """Whether nothing is to be added to the base, so that it is what is meant."""
    return not (spec.packages or spec.source_path or spec.python)


def _resolved(question: Question, lock: bytes) -> Recipe:
    return recipe_of(
        question.name,
        "requirements",
        lock,
        question.interpreter,
        wheels_only=question.spec.wheels_only,
        is_resolved=True,
    )


def _chosen(extras: Iterable[str], groups: Iterable[str]) -> list[str]:
    return [*(f"--extra={one}" for one in extras), *(f"--group={one}" for one in groups)]


def _unheard(_: str) -> None:
    return
