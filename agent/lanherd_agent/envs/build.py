"""One build: where it happens, and what uv is asked.

Nothing is built from source at first: that runs code of the package. Only where uv says that it
can't do without, it is said which packages are concerned, and then allowed unless it is forbidden.

uv is asked first to do with what it has in its cache, which needs no index at all, and only then
to fetch the rest.
"""

import contextlib
import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.disk import sync_file_system
from lanherd_agent.envs import requirements
from lanherd_agent.envs.lock import UV_LOCK, stand_in_project
from lanherd_agent.envs.problems import build_failed, is_final, needs_source, source_forbidden
from lanherd_agent.envs.progress import BuildProgress, Tell
from lanherd_agent.envs.recipe import Recipe
from lanherd_agent.envs.uv_tool import Outcome, UvTool
from lanherd_protocol.errors import LanherdError

MARKER = "ready.json"
BUILD_LOG = "build.log"
LOCKED_AS = "requirements.txt"
GUARD = "[tool.uv]\n"
"""A pyproject.toml with a table of its own: uv doesn't take settings from the folders above."""
_SOURCES_MAX = 64
"""How often uv is asked which package is the next without a wheel."""


@dataclass(frozen=True, slots=True)
class Build:
    """Its methods block, but for `run`."""

    place: Path
    recipe: Recipe
    uv: UvTool

    @property
    def venv(self) -> Path:
        return self.place / "venv"

    @property
    def project(self) -> Path:
        return self.place / "project"

    @property
    def log(self) -> Path:
        return self.place / BUILD_LOG

    def prepare(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / MARKER).unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        clear(self.place)
        self.log.touch()
        write_project(self.project, self.recipe)

    def settle(self) -> tuple[int, int]:
        """Makes the files safe on disk, for the marker will say that they are; their size, and
        what of it is the environment's own."""
        sync_file_system(self.place)
        return tree_bytes(self.venv)

    def remove(self) -> None:
        """Removes what was built; the log stays, since it says why."""
        clear(self.place)

    async def run(self, tell: Tell) -> tuple[str, ...]:
        """Makes the environment; returns the packages that were built from source."""
        recipe = self.recipe

        def creating(line: str) -> None:
            tell(BuildProgress(recipe.environment, "creating", line))

        creating(f"Python {recipe.interpreter.version}")
        created = await self.uv.run(
            ["venv", "--no-project", "--python", recipe.interpreter.path, str(self.venv)],
            folder=self.project,
            log=self.log,
            on_line=creating,
        )
        if created.code != 0:
            raise build_failed(recipe.environment, recipe.name, created.words)
        return await self.install(tell)

    async def install(self, tell: Tell, *more: str) -> tuple[str, ...]:
        """Brings what the lock names into the environment."""

        def installing(line: str) -> None:
            tell(BuildProgress(self.recipe.environment, "installing", line))

        installing("")
        tries = await self._install(installing, "--no-build", *more)
        if tries[-1].code == 0:
            return ()
        found = next((names for one in tries[::-1] if (names := needs_source(one.words))), ())
        if not found:
            raise self._failed(tries[-1])
        packages = await self._all_from_source(found)
        if self.recipe.wheels_only:
            raise source_forbidden(self.recipe.environment, self.recipe.name, packages)
        said = (
            f"No wheel for this machine: {', '.join(packages)}."
            " Building from source runs code of the package."
        )
        with self.log.open("a") as log:
            log.write(f"{said}\n")
        installing(said)
        tries = await self._install(installing, *more)
        if tries[-1].code != 0:
            raise self._failed(tries[-1])
        return packages

    async def _install(self, on_line: Callable[[str], None], *more: str) -> list[Outcome]:
        """Without an index first; of two failures, that of the index says more."""
        tries: list[Outcome] = []
        for before in (["--offline"], []):
            tries.append(await self._uv([*before, *self._install_arguments(), *more], on_line))
            if tries[-1].code == 0 or is_final(tries[-1].words):
                break
        return tries

    async def _uv(self, arguments: list[str], on_line: Callable[[str], None]) -> Outcome:
        return await self.uv.run(
            [*arguments, *self.uv.index_arguments],
            folder=self.project,
            log=self.log,
            on_line=on_line,
            variables={"UV_PROJECT_ENVIRONMENT": str(self.venv)},
        )

    def _install_arguments(self) -> list[str]:
        recipe = self.recipe
        if recipe.kind == "uv":
            return [
                "sync", "--frozen", "--no-install-project", "--no-default-groups",
                *(f"--extra={one}" for one in recipe.extras),
                *(f"--group={one}" for one in recipe.groups),
            ]  # fmt: skip
        text = recipe.lock.decode("utf-8", "replace")
        entries = requirements.entries(text)
        commits = recipe.is_resolved and any(not one.hashes for one in entries)
        # A commit has no hash, though it is as fixed; what has hashes is held to them anyway.
        hashes = ["--verify-hashes"] if commits else ["--require-hashes"]
        if len(requirements.index_lines(text)) > 1:
            # Each package is fixed by its hashes, so that it may come from any of the indexes.
            hashes.append("--index-strategy=unsafe-best-match")
        return [
            "pip", "sync", *hashes, "--allow-empty-requirements",
            "--python", str(self.venv / "bin" / "python"), LOCKED_AS,
        ]  # fmt: skip

    async def _all_from_source(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """All that would be built, while uv names the first that it meets."""
        if self.recipe.kind == "uv":
            return await self._next_from_source(found)
        target = "pylock.toml"
        asked = await self._uv(
            ["pip", "compile", "--no-deps", "--no-header", "--no-annotate", "--generate-hashes",
             "--python", str(self.venv / "bin" / "python"), "-q", "-o", target, LOCKED_AS],
            _unheard,
        )  # fmt: skip
        if asked.code != 0:
            return found
        table = tomllib.loads((self.project / target).read_text())
        without = {
            str(package["name"]) for package in table.get("packages", ()) if "sdist" in package
            and "wheels" not in package
        }  # fmt: skip
        return tuple(sorted(without.union(found)))

    async def _next_from_source(self, found: tuple[str, ...]) -> tuple[str, ...]:
        names = locked_names(self.recipe.lock)
        known = list(found)
        for _ in range(_SOURCES_MAX):
            others = [f"--no-build-package={name}" for name in names if name not in known]
            asked = await self._uv([*self._install_arguments(), "--dry-run", *others], _unheard)
            more = [name for name in needs_source(asked.words) if name not in known]
            if asked.code == 0 or not more:
                break
            known += more
        return tuple(sorted(known))

    def _failed(self, done: Outcome) -> LanherdError:
        return build_failed(self.recipe.environment, self.recipe.name, done.words)


def write_project(project: Path, recipe: Recipe) -> None:
    """The folder from which uv builds it."""
    project.mkdir()
    if recipe.kind == "uv":
        (project / "pyproject.toml").write_text(stand_in_project(recipe.lock))
        (project / UV_LOCK).write_bytes(recipe.lock)
    else:
        (project / "pyproject.toml").write_text(GUARD)
        (project / LOCKED_AS).write_bytes(recipe.lock)


def clear(place: Path) -> None:
    for name in ("venv", "project"):
        if (place / name).exists():
            shutil.rmtree(place / name)


def locked_names(lock: bytes) -> tuple[str, ...]:
    """The packages of a uv.lock."""
    packages = tomllib.loads(lock.decode()).get("package", [])
    return tuple(dict.fromkeys(str(package["name"]) for package in packages))


def tree_bytes(folder: Path) -> tuple[int, int]:
    """The size of a tree's files, and of those among them that nothing else shares. What goes
    while it is counted isn't counted."""
    total = own = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    status = _status(entry)
                    total += status[0]
                    own += status[0] if status[1] == 1 else 0
    return total, own


def _status(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Size and links of a file; nothing where it has just gone."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_nlink


def _unheard(_: str) -> None:
    return
