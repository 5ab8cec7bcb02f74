"""The environments of a machine as people see them: what there is, what is in it, who needs it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from lanherd_agent.disk import in_thread
from lanherd_agent.envs import failures, installed
from lanherd_agent.envs.build import tree_bytes
from lanherd_agent.envs.builder import USED, Marker
from lanherd_agent.envs.environments import Environments
from lanherd_agent.envs.problems import not_there
from lanherd_agent.envs.registry import Registered, registered_id
from lanherd_agent.envs.resolver import LOCK
from lanherd_protocol.environment_messages import (
    EnvironmentDetails,
    EnvironmentPackage,
    EnvironmentState,
)
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId, RunId, is_sha256
from lanherd_protocol.values import EnvironmentView

DAMAGED = "damaged"
"""An empty file: a comparison has found damage that is not mended yet."""
PREFIX_CHARS_MIN = 4
RUNS_TOLD_MAX = 1000
CACHE_MEASURED_S = 60.0
"""A cache of torch and friends has so many files that they aren't counted at every look."""

Needed = Mapping[str, tuple[RunId, ...]]
"""The runs that wait or are live, by the environment that they need."""


class Inventory:
    def __init__(self, environments: Environments) -> None:
        self._environments = environments
        self._builder = environments.builder
        self._cache_at: float | None = None
        self._cache_bytes = 0

    async def show(self, needed: Needed) -> tuple[EnvironmentDetails, ...]:
        """All of them, without their packages: what is being built, then the newest first."""
        found = await in_thread(lambda: self._all(needed))
        return tuple(sorted(found, key=_order))

    async def inspect(self, asked: str, needed: Needed) -> EnvironmentDetails:
        """One of them, with its packages, and measured anew. Raises NOT_FOUND and, for a beginning
        that several ids have, CONFLICT."""
        one = await self.find(asked)
        if isinstance(one, Registered):
            details = self._registered(one, needed)
            return replace(details, packages=await self._listed(one.path))
        return await in_thread(lambda: self._measured(one, needed))

    async def find(self, asked: str) -> EnvironmentId | Registered:
        """What is meant by an id, its beginning, or a registered name."""
        registered = await in_thread(lambda: self._environments.registry.find(asked))
        if registered is not None:
            return registered
        known = await in_thread(self._known)
        if asked in known:
            return EnvironmentId(asked)
        if len(asked) < PREFIX_CHARS_MIN or not (meant := _beginning(asked, known)):
            raise not_there(asked)
        if len(meant) > 1:
            raise error(
                ErrorCode.CONFLICT,
                f"{len(meant)} environments begin with {asked!r}.",
                "",
                "Write more of the id.",
                refusal="many_environments_like",
                asked=asked,
                environments=len(meant),
            )
        return EnvironmentId(meant[0])

    def used_at(self, environment: EnvironmentId) -> float:
        """When it was last used, or else built. Blocks."""
        marker = self._builder.marker(environment)
        return _used_at(self._builder.place(environment)) or (marker.built_at if marker else 0.0)

    async def cache_bytes(self) -> int:
        """What uv's cache takes, as of the last minute; much of it is shared with environments."""
        now = time.monotonic()
        if self._cache_at is None or now - self._cache_at >= CACHE_MEASURED_S:
            self._cache_at = now
            self._cache_bytes = (await in_thread(lambda: tree_bytes(self._builder.uv.cache)))[0]
        return self._cache_bytes

    async def state_of(self, environment: EnvironmentId) -> EnvironmentState:
        """What became of what has this build log. A question that was answered is done with."""
        details = await in_thread(lambda: self._one(environment, {}))
        if details is not None:
            return details.state
        answered = self._environments.resolver.place(environment) / LOCK
        return "ready" if await in_thread(answered.exists) else "failed"

    async def _listed(self, python: str) -> tuple[EnvironmentPackage, ...]:
        found = await self._builder.uv.list_packages(python)
        return tuple(EnvironmentPackage(name=name, version=version) for name, version in found)

    def _known(self) -> set[str]:
        places = {entry.name for entry in os.scandir(self._builder.folder)}
        locks = self._environments.resolver.folder
        questions = {entry.name for entry in os.scandir(locks)} if locks.is_dir() else set()
        active = {*self._builder.waiting(), *self._environments.resolver.waiting()}
        # A question that was answered is an environment by now.
        unanswered = {
            one
            for one in questions
            if (locks / one / failures.FAILED).exists() and not (locks / one / LOCK).exists()
        }
        return {one for one in places | unanswered | active if is_sha256(one)}

    def _all(self, needed: Needed) -> list[EnvironmentDetails]:
        details = [self._one(EnvironmentId(one), needed) for one in self._known()]
        registered = self._environments.registry.all()
        return [
            *(one for one in details if one is not None),
            *(self._registered(one, needed) for one in registered),
        ]

    def _one(self, environment: EnvironmentId, needed: Needed) -> EnvironmentDetails | None:
        """None where nothing but the log of a build that was cut short is left of it."""
        marker = self._builder.marker(environment)
        state = self._state(environment, marker)
        place = self._place(environment)
        failed = failures.recall(place)
        if state is None and failed is None:
            return None
        runs = needed.get(environment, ())[:RUNS_TOLD_MAX]
        if marker is None:
            view = _view(environment, failed.python_version if failed else "")
            if failed is not None and state is None:
                view = replace(view, built_at=failed.at)
            return EnvironmentDetails(
                view=view,
                state=state or "failed",
                source=self._environments.name_of(environment) or (failed.name if failed else ""),
                runs=runs,
                problem=_problem(failed) if state is None else "",
            )
        return EnvironmentDetails(
            view=EnvironmentView(
                environment=environment,
                python_version=marker.python_version,
                size_bytes=marker.size_bytes,
                built_at=marker.built_at,
                build_seconds=marker.build_seconds,
            ),
            state=state or "ready",
            source=marker.name,
            interpreter=marker.interpreter,
            own_bytes=marker.own_bytes,
            used_at=_used_at(place),
            runs=runs,
            from_source=marker.from_source,
        )

    def _state(self, environment: EnvironmentId, marker: Marker | None) -> EnvironmentState | None:
        if marker is not None:
            if self._builder.find(environment) is None:
                return "damaged"
            damaged = (self._builder.place(environment) / DAMAGED).exists()
            return "damaged" if damaged else "ready"
        if self._builder.building == environment:
            return "building"
        return "waiting" if self._environments.is_being_built(environment) else None

    def _place(self, environment: EnvironmentId) -> Path:
        return self._environments.log_path(environment).parent

    def _measured(self, environment: EnvironmentId, needed: Needed) -> EnvironmentDetails:
        details = self._one(environment, needed)
        if details is None:
            raise not_there(environment)
        venv = self._builder.place(environment) / "venv"
        if details.state not in ("ready", "damaged") or not venv.is_dir():
            return details
        size_bytes, own_bytes = tree_bytes(venv)
        return replace(
            details,
            view=replace(details.view, size_bytes=size_bytes),
            own_bytes=own_bytes,
            packages=installed.packages(venv),
        )

    def _registered(self, one: Registered, needed: Needed) -> EnvironmentDetails:
        identifier = registered_id(one.name)
        gone = "" if os.access(one.path, os.X_OK) else f"There is no {one.path} any more."
        return EnvironmentDetails(
            view=replace(_view(identifier, one.python_version), built_at=one.at),
            state="registered",
            name=one.name,
            source=one.path,
            interpreter=one.path,
            runs=needed.get(identifier, ())[:RUNS_TOLD_MAX],
            problem=gone,
        )


def _view(environment: EnvironmentId, python_version: str) -> EnvironmentView:
    return EnvironmentView(
        environment=environment,
        python_version=python_version,
        size_bytes=0,
        built_at=0.0,
        build_seconds=0.0,
    )


def _problem(failed: failures.Remembered | None) -> str:
    return "" if failed is None else f"{failed.failure.title} {failed.failure.message}".strip()


def _used_at(place: Path) -> float | None:
    try:
        return (place / USED).stat().st_mtime
    except FileNotFoundError:
        return None


def _order(one: EnvironmentDetails) -> tuple[bool, float, str]:
    return one.state not in ("building", "waiting"), -one.view.built_at, one.view.environment


def _beginning(asked: str, known: set[str]) -> list[str]:
    return [one for one in known if one.startswith(asked)]


def needed_by(environment: str, runs: tuple[RunId, ...]) -> LanherdError:
    """Why it can't be removed."""
    return error(
        ErrorCode.CONFLICT,
        f"The environment {environment[:12]} is needed.",
        f"{len(runs)} runs that wait or are live need it.",
        "Wait until they are over, or stop them first.",
        refusal="environment_needed",
        environment=environment,
        runs=len(runs),
    )
