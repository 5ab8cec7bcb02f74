"""Pythons of the machine, and such as come out of a directory of archives."""

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
from pathlib import Path

import pytest

from lanherd_agent.envs.pythons import ARCHIVES, Pythons
from lanherd_agent.envs.uv_tool import UvTool
from lanherd_protocol.errors import ErrorCode, LanherdError

# Says that it is 3.99, whatever it is asked.
FOREIGN = """#!{python} -IS
import platform, sys
version = "3.99.1"
sys.executable = sys._base_executable = sys.argv[0]
platform.python_version = lambda: version
platform.python_version_tuple = lambda: tuple(version.split("."))
arguments = sys.argv[1:]
while arguments and arguments[0] != "-c":
    arguments.pop(0)
sys.argv = ["-c", *arguments[2:]]
exec(arguments[1])
"""
RELEASES = "https://github.com/astral-sh/python-build-standalone/releases/download"
ARCHIVE = "20990101/cpython-3.99.1+20990101-{arch}-unknown-linux-gnu-install_only.tar.gz"


def pythons(home: Path, **more: str) -> Pythons:
    given = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **more}
    (home / "envs").mkdir(parents=True, exist_ok=True)
    return Pythons(UvTool(home / "cache", str(home / "envs"), given), home)


def put_archive(folder: Path) -> Path:
    """An archive of a Python as uv brings them, and the list that names it."""
    path = folder / ARCHIVE.format(arch=platform.machine())
    path.parent.mkdir(parents=True)
    program = FOREIGN.format(python=sys.executable).encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("python/bin/python3.99")
        entry.size, entry.mode = len(program), 0o755
        archive.addfile(entry, io.BytesIO(program))
    listed = {
        f"cpython-3.99.1-linux-{platform.machine()}-gnu": {
            "name": "cpython",
            "arch": {"family": platform.machine(), "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": 3,
            "minor": 99,
            "patch": 1,
            "prerelease": "",
            "url": f"{RELEASES}/{ARCHIVE.format(arch=platform.machine())}".replace("+", "%2B"),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "variant": None,
            "build": "20990101",
        }
    }
    names = folder / "downloads.json"
    names.write_text(json.dumps(listed))
    return names


async def test_a_python_is_brought_out_of_the_archives_of_the_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    names = put_archive(home / ARCHIVES)
    found = await pythons(home, UV_PYTHON_DOWNLOADS_JSON_URL=str(names)).choose("3.99")
    assert found.version == "3.99.1"
    assert Path(found.path).is_relative_to(home / "pythons")
    # It is there by now, also without the archives.
    for path in (home / ARCHIVES).rglob("*.tar.gz"):
        path.unlink()
    again = await pythons(home, UV_PYTHON_DOWNLOADS_JSON_URL=str(names)).choose("3.99")
    assert again == found


async def test_archives_named_by_the_machines_owner(tmp_path: Path) -> None:
    archives = tmp_path / "archives"
    names = put_archive(archives)
    more = {"UV_PYTHON_DOWNLOADS_JSON_URL": str(names), "UV_PYTHON_INSTALL_MIRROR": str(archives)}
    found = await pythons(tmp_path / "home", **more).choose(">=3.99")
    assert found.version == "3.99.1"


async def test_archives_without_the_one_that_is_asked_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ARCHIVES).mkdir(parents=True)
    with pytest.raises(LanherdError, match=r"no Python 3\.99") as refused:
        await pythons(home).choose("3.99")
    assert refused.value.code is ErrorCode.ENVIRONMENT_FAILED
    assert "could not be brought" in str(refused.value.failure.data["there"])


async def test_shims_of_a_version_manager_are_passed_by(tmp_path: Path) -> None:
    manager = tmp_path / "manager"
    shim, real = manager / "shims" / "python3.99", manager / "versions" / "3.99.1" / "bin"
    for folder in (shim.parent, real):
        folder.mkdir(parents=True)
    shim.write_text("#!/bin/sh\necho 'no such version' >&2; exit 127\n")
    (real / "python3.99").write_text(FOREIGN.format(python=sys.executable))
    for program in (shim, real / "python3.99"):
        program.chmod(0o755)
    found = await pythons(tmp_path / "home", PATH=f"{shim.parent}:/usr/bin:/bin").choose("3.99")
    assert found.version == "3.99.1"
    assert Path(found.path).parent == real
