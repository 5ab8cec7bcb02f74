"""Interpreters and virtual environments of the machine that people have given names.

They are somebody else's: they are started and listed, and never changed.
"""

import hashlib
import os
import re
import time
from pathlib import Path

import msgspec

from lanherd_agent.disk import in_thread, write_durably
from lanherd_agent.envs.builder import BuiltEnvironment
from lanherd_agent.envs.pythons import Pythons
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PYTHONS = ("bin/python", "bin/python3", "python", "python3")
REGISTERED_MAX = 1000


class Registered(msgspec.Struct, frozen=True):
    """One line of `registered.json`. `path` is the interpreter."""

    name: str
    path: str
    python_version: str
    at: float


class Registry:
    """`folder` is the home's folder of environments."""

    def __init__(self, folder: Path, pythons: Pythons) -> None:
        self._file = folder / "registered.json"
        self._shims = folder / "registered"
        self._pythons = pythons

    async def register(self, name: str, path: str) -> Registered:
        """Give the interpreter at `path`, or that of the environment there, a name. Raises
        INVALID_REQUEST and, where the name means another one, CONFLICT."""
        if _NAME.fullmatch(name) is None:
            raise _bad_name(name)
        interpreter = await in_thread(lambda: _interpreter_at(path))
        known = await in_thread(self.all)
        same = next((one for one in known if one.name == name), None)
        if same is not None and same.path != interpreter:
            raise _name_taken(name, same.path)
        if same is None and len(known) >= REGISTERED_MAX:
            raise _too_many()
        found = await self._pythons.inspect(interpreter)
        if found is None:
            raise _bad_interpreter(path, "It is no Python, or doesn't run.")
        registered = Registered(name, interpreter, found.version, time.time())
        others = [one for one in known if one.name != name]
        await in_thread(lambda: self._write([*others, registered]))
        return registered

    async def forget(self, name: str) -> None:
        known = await in_thread(self.all)
        await in_thread(lambda: self._write([one for one in known if one.name != name]))

    def all(self) -> list[Registered]:
        """Blocks."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Registered])
        except FileNotFoundError:
            return []

    def find(self, name: str) -> Registered | None:
        return next((one for one in self.all() if one.name == name), None)

    def use(self, name: str) -> BuiltEnvironment:
        """What a run needs to run in it. Blocks. Raises NOT_FOUND and ENVIRONMENT_FAILED."""
        registered = self.find(name)
        if registered is None:
            raise no_such_name(name)
        python = Path(registered.path)
        if not os.access(python, os.X_OK):
            raise _gone(registered)
        virtual = (python.parent.parent / "pyvenv.cfg").is_file()
        return BuiltEnvironment(
            environment=registered_id(name),
            path=python.parent.parent,
            python=python,
            python_version=registered.python_version,
            built_at=registered.at,
            build_seconds=0.0,
            size_bytes=0,
            bin=None if virtual else self._bin(registered),
        )

    def _bin(self, registered: Registered) -> Path:
        """A folder where `python` is the interpreter."""
        python = Path(registered.path)
        if (python.parent / "python").exists() and (python.parent / "python").samefile(python):
            return python.parent
        folder = self._shims / registered.name
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            shim = folder / name
            if not shim.is_symlink() or os.readlink(shim) != registered.path:
                shim.unlink(missing_ok=True)
                shim.symlink_to(registered.path)
        return folder

    def _write(self, registered: list[Registered]) -> None:
        ordered = sorted(registered, key=lambda one: one.name)
        write_durably(self._file, msgspec.json.encode(ordered))


def registered_id(name: str) -> EnvironmentId:
    """The id by which runs remember it."""
    return EnvironmentId(hashlib.sha256(f"lanherd-registered\0{name}".encode()).hexdigest())


def _interpreter_at(path: str) -> str:
    place = Path(path)
    if not place.is_absolute():
        raise _bad_interpreter(path, "It is no whole path.")
    if place.is_dir():
        found = next((place / one for one in _PYTHONS if os.access(place / one, os.X_OK)), None)
        if found is None:
            raise _bad_interpreter(path, "The folder holds no Python.")
        return str(found)
    if not os.access(place, os.X_OK):
        raise _bad_interpreter(path, "There is no such program.")
    return str(place)


def no_such_name(name: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"No environment called {name!r} is registered on that machine.",
        "It was never registered there, or it has been removed since.",
        "Register it there, or choose another environment.",
        refusal="no_such_name",
        name=name,
    )


def _bad_name(name: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"{name[:80]!r} can't be an environment's name.",
        "A name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a"
        " letter or digit.",
        "Choose another name.",
        refusal="bad_environment_name",
        name=name[:80],
    )


def _name_taken(name: str, path: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"The name {name!r} is taken.",
        f"On that machine it is {path}.",
        "Choose another name, or remove the other one first.",
        refusal="name_taken",
        name=name,
        path=path,
    )


def _too_many() -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        f"The machine keeps {REGISTERED_MAX} registered environments.",
        "",
        "Remove one first.",
        refusal="many_registered",
        registered_max=REGISTERED_MAX,
    )


def _bad_interpreter(path: str, why: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"{path!r} can't be used as an environment.",
        why,
        "Give the whole path of a Python, or of a virtual environment's folder, on that machine.",
        refusal="bad_interpreter",
        path=path,
        why=why,
    )


def _gone(registered: Registered) -> LanherdError:
    return error(
        ErrorCode.ENVIRONMENT_FAILED,
        f"The environment {registered.name!r} is gone.",
        f"There is no {registered.path} on that machine any more.",
        "Put it back, or register another one under this name.",
        refusal="registered_gone",
        name=registered.name,
        path=registered.path,
    )
