"""Removing, collecting and repairing environments, never under a run that needs them."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from lanherd_agent.disk import in_thread
from lanherd_agent.envs import failures, installed
from lanherd_agent.envs.build import LOCKED_AS, MARKER, Build, tree_bytes
from lanherd_agent.envs.builder import Marker
from lanherd_agent.envs.environments import Environments
from lanherd_agent.envs.installed import Verified
from lanherd_agent.envs.inventory import DAMAGED, Inventory, Needed, needed_by
from lanherd_agent.envs.lock import UV_LOCK, Interpreter, LockKind
from lanherd_agent.envs.problems import not_there
from lanherd_agent.envs.progress import silent
from lanherd_agent.envs.recipe import Recipe
from lanherd_agent.envs.registry import Registered, registered_id
from lanherd_agent.trash import Trash
from lanherd_protocol.environment_messages import EnvironmentRepaired
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId

HIDDEN = f".{MARKER}"
ROUNDS_MAX = 2
"""First out of uv's cache; if that is damaged too, by fetching anew."""

AskNeeded = Callable[[], Awaitable[Needed]]


class Upkeep:
    def __init__(self, environments: Environments, inventory: Inventory) -> None:
        self._environments = environments
        self._builder = environments.builder
        self._inventory = inventory
        self._trash = Trash(self._builder.folder / "trash")

    async def empty_trash(self) -> None:
        """What was being removed when an agent ended."""
        await in_thread(self._empty)

    async def remove(self, asked: str, needed: AskNeeded) -> int:
        """Remove an environment, what is left of a failed one, or a registered name; the bytes that
        this gives back to the disk. Raises NOT_FOUND, and CONFLICT while a run needs it."""
        one = await self._inventory.find(asked)
        if isinstance(one, Registered):
            runs = (await needed()).get(registered_id(one.name), ())
            if runs:
                raise needed_by(one.name, runs)
            await self._environments.registry.forget(one.name)
            return 0
        return await self._remove(one, needed)

    async def collect(
        self,
        needed: AskNeeded,
        now: float,
        *,
        age_s: float | None,
        size_bytes: int | None,
        dry_run: bool,
    ) -> tuple[tuple[EnvironmentId, ...], int]:
        """Remove what is older and what is too much, the longest unused first; which, and the bytes
        that this gives back."""
        chosen = await self._chosen(await needed(), now, age_s, size_bytes)
        freed = 0
        removed = []
        for environment in chosen:
            if dry_run:
                freed += await in_thread(partial(self._own_bytes, environment))
            else:
                try:
                    freed += await self._remove(environment, needed)
                except LanherdError as refused:
                    if refused.code is not ErrorCode.CONFLICT:
                        raise
                    continue  # a run has come to need it meanwhile
            removed.append(environment)
        return tuple(removed), freed

    async def repair(self, asked: str, *, dry_run: bool) -> EnvironmentRepaired:
        """Compare the files of an environment with what their packages say of them, and install
        damaged ones again. Raises ENVIRONMENT_FAILED where that doesn't help."""
        one = await self._inventory.find(asked)
        if isinstance(one, Registered):
            raise _not_ours(one.name)
        if await in_thread(lambda: self._builder.find(one)) is None:
            raise not_there(one)
        async with self._builder.turn(one):
            verified = await self._verify(one)
            found = verified
            for round_ in range(ROUNDS_MAX):
                if dry_run or not found.packages:
                    break
                await self._install_again(one, found.packages, fetch=round_ > 0)
                venv = self._builder.place(one) / "venv"
                await in_thread(partial(installed.drop_compiled, venv, verified.damage))
                found = await self._verify(one)
        if found.packages and not dry_run:
            raise _still_damaged(one, found)
        return EnvironmentRepaired(
            files=verified.files,
            damaged=verified.named,
            repaired=bool(verified.packages) and not dry_run,
        )

    async def _verify(self, environment: EnvironmentId) -> Verified:
        place = self._builder.place(environment)

        def verified() -> Verified:
            found = installed.verify(place / "venv")
            if found.packages:
                (place / DAMAGED).touch()
            else:
                (place / DAMAGED).unlink(missing_ok=True)
            return found

        return await in_thread(verified)

    async def _install_again(
        self, environment: EnvironmentId, packages: Sequence[str], *, fetch: bool
    ) -> None:
        build = await in_thread(lambda: self._build_of(environment))
        if fetch:
            # What the environment shares with the cache is damaged there as well.
            await self._builder.uv.run(
                ["cache", "clean", *packages],
                folder=build.project,
                log=build.log,
                on_line=_unheard,
            )
        await build.install(silent, *(f"--reinstall-package={name}" for name in packages))

    def _build_of(self, environment: EnvironmentId) -> Build:
        place = self._builder.place(environment)
        marker = self._builder.marker(environment)
        if marker is None:
            raise not_there(environment)
        return Build(place, _recipe(environment, marker, place / "project"), self._builder.uv)

    async def _remove(self, environment: EnvironmentId, needed: AskNeeded) -> int:
        if self._environments.is_being_built(environment):
            raise _busy(environment)
        runs = (await needed()).get(environment, ())
        if runs:
            raise needed_by(environment, runs)
        freed = 0
        async with self._builder.alone(environment):
            # From here on, whoever asks for it waits, and then builds it anew.
            if await in_thread(lambda: self._hide(environment)):
                runs = (await needed()).get(environment, ())
                freed = await in_thread(lambda: self._own_bytes(environment))
            if runs:
                await in_thread(lambda: self._unhide(environment))
            else:
                await in_thread(lambda: self._forget(environment))
        if runs:
            raise needed_by(environment, runs)
        return freed

    def _hide(self, environment: EnvironmentId) -> bool:
        """Whether there is an environment, and not only the log of one."""
        place = self._builder.place(environment)
        try:
            (place / MARKER).rename(place / HIDDEN)
        except FileNotFoundError:
            return False
        return True

    def _unhide(self, environment: EnvironmentId) -> None:
        place = self._builder.place(environment)
        (place / HIDDEN).rename(place / MARKER)

    def _forget(self, environment: EnvironmentId) -> None:
        question = self._environments.resolver.place(environment)
        if question.is_dir():
            failures.forget(question)
        self._trash.take(self._builder.place(environment))
        self._empty()

    def _empty(self) -> None:
        self._trash.empty(threading.Event())

    def _own_bytes(self, environment: EnvironmentId) -> int:
        venv = self._builder.place(environment) / "venv"
        return tree_bytes(venv)[1] if venv.is_dir() else 0

    async def _chosen(
        self, needed: Needed, now: float, age_s: float | None, size_bytes: int | None
    ) -> list[EnvironmentId]:
        views = await self._builder.list()
        total = sum(view.size_bytes for view in views)
        unused = []
        for view in views:
            if not needed.get(view.environment):
                at = await in_thread(partial(self._inventory.used_at, view.environment))
                unused.append((at, view))
        chosen = []
        for at, view in sorted(unused, key=lambda one: one[0]):
            too_old = age_s is not None and now - at >= age_s
            too_much = size_bytes is not None and total > size_bytes
            if too_old or too_much:
                chosen.append(view.environment)
                total -= view.size_bytes
        return chosen


def _recipe(environment: EnvironmentId, marker: Marker, project: Path) -> Recipe:
    kind: LockKind = "uv" if (project / UV_LOCK).exists() else "requirements"
    lock = project / (UV_LOCK if kind == "uv" else LOCKED_AS)
    interpreter = Interpreter(marker.interpreter, marker.python_version, "", "")
    return Recipe(
        environment,
        marker.name,
        kind,
        lock.read_bytes(),
        interpreter,
        marker.extras,
        marker.groups,
        wheels_only=False,
        is_resolved=True,
    )


def _busy(environment: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"The environment {environment[:12]} is being built.",
        "Somebody waits for it.",
        "Wait until it is there, or stop the runs that need it.",
        refusal="environment_busy",
        environment=environment,
    )


def _not_ours(name: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"The environment {name!r} is not repaired.",
        "It is registered, so it belongs to somebody else and is never changed.",
        "Repair it with what made it.",
        refusal="registered_unchanged",
        name=name,
    )


def _still_damaged(environment: str, found: Verified) -> LanherdError:
    return error(
        ErrorCode.ENVIRONMENT_FAILED,
        f"The environment {environment[:12]} could not be repaired.",
        f"After installing them again, {len(found.named)} files are not as their packages say:"
        f" {', '.join(found.named[:3])}.",
        "Look at the machine's disk; then remove the environment and build it again.",
        refusal="still_damaged",
        environment=environment,
        files=len(found.named),
    )


def _unheard(_: str) -> None:
    return
