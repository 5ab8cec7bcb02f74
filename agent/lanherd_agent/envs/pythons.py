"""Which Python an environment gets: the agent's own, another of the machine, or a brought one.

A machine with no way out can be given interpreters: a directory of archives, as
`uv python install --mirror` takes it, in UV_PYTHON_INSTALL_MIRROR of the agent or as
`python-archives` in its home. Out of these a version is unpacked when it is first asked for.
"""

import os
from pathlib import Path

from lanherd_agent.disk import in_thread
from lanherd_agent.envs.lock import Interpreter
from lanherd_agent.envs.problems import bad_python_request, no_python, other_python
from lanherd_agent.envs.python_range import is_range, satisfies
from lanherd_agent.envs.uv_tool import UvTool, this_python
from lanherd_protocol.errors import LanherdError

ARCHIVES = "python-archives"
LISTED_MAX = 12


class Pythons:
    """`folder` is where brought ones are unpacked."""

    def __init__(self, uv: UvTool, home: Path) -> None:
        self._uv = uv
        self._folder = home / "pythons"
        self._archives = home / ARCHIVES
        self.default = this_python()
        self._known: dict[str, Interpreter] = {}

    async def choose(self, request: str, wanted: str = "", lock: str = "") -> Interpreter:
        """The Python for a version request; for none, one in the range `wanted` of the lock.

        Raises ENVIRONMENT_FAILED where none is there, LOCK_UNRESOLVABLE where they don't agree.
        """
        if not request:
            fits = not wanted or _in_range(self.default.version, wanted)
            return self.default if fits else await self._find(wanted)
        chosen = self.default if self._is_default(request) else await self._find(request)
        if wanted and not _in_range(chosen.version, wanted):
            raise other_python(lock, wanted, chosen.version)
        return chosen

    async def inspect(self, path: str) -> Interpreter | None:
        return await self._uv.inspect_python(path)

    def _is_default(self, request: str) -> bool:
        if is_range(request):
            return _in_range(self.default.version, request)
        return f"{self.default.version}.".startswith(f"{request}.")

    async def _find(self, request: str) -> Interpreter:
        known = self._known.get(request)
        if known is None or not os.access(known.path, os.X_OK):
            known = await self._uv.find_python(request)
            if known is None:
                known = await self._bring(request)
            self._known[request] = known
        return known

    async def _bring(self, request: str) -> Interpreter:
        """Out of the archives, where there are any."""
        there = await self._there()
        absent = no_python(request, self.default.version, ", ".join(there[:LISTED_MAX]))
        mirror = self._uv.variables.get("UV_PYTHON_INSTALL_MIRROR", "")
        if not mirror and self._archives.is_dir():
            mirror = self._archives.as_uri()
        if not mirror:
            raise absent
        found = await self._uv.find_python(request, self._folder)
        if found is not None:
            return found
        words = await self._install(request, mirror)
        found = await self._uv.find_python(request, self._folder)
        if found is None:
            raise _not_brought(absent, mirror, words)
        return found

    async def _install(self, request: str, mirror: str) -> str:
        await in_thread(lambda: self._folder.mkdir(parents=True, exist_ok=True))
        if mirror.startswith("/"):
            mirror = Path(mirror).as_uri()
        done = await self._uv.run(
            ["python", "install", "--no-bin", "--mirror", mirror,
             "--install-dir", str(self._folder), "--", request],
            folder=self._folder,
            log=self._folder / "install.log",
            on_line=_unheard,
            variables={"UV_PYTHON_DOWNLOADS": "manual"},
        )  # fmt: skip
        return done.words

    async def _there(self) -> tuple[str, ...]:
        """The versions on the machine, newest first."""
        return tuple(dict.fromkeys(await self._uv.list_pythons()))


def _in_range(version: str, wanted: str) -> bool:
    try:
        return satisfies(version, wanted)
    except ValueError as refused:
        raise bad_python_request(wanted) from refused


def _not_brought(absent: LanherdError, mirror: str, words: str) -> LanherdError:
    failure = absent.failure
    return no_python(
        str(failure.data["python"]),
        str(failure.data["default"]),
        f"{failure.data['there']}; from {mirror} it could not be brought: {words}",
    )


def _unheard(_: str) -> None:
    return
