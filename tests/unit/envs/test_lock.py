import hashlib
import tomllib
from pathlib import Path

import pytest

from lanherd_agent.envs.lock import (
    Interpreter,
    environment_id,
    lock_kind,
    read_lock,
    stand_in_project,
)
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.values import LockedEnvironment
from tests.unit.snapshots.samples import put_snapshot

PYTHON = Interpreter("/usr/bin/python3", "3.11.2", "cpython", "linux-x86_64 cpython-311")


def spec(path: str, lock: bytes) -> LockedEnvironment:
    return LockedEnvironment(lock_path=path, lock_hash=BlobHash(hashlib.sha256(lock).hexdigest()))


def test_everything_that_makes_an_environment_another_is_in_its_id() -> None:
    others = {
        environment_id("requirements", b"a", PYTHON),
        environment_id("uv", b"a", PYTHON),
        environment_id("requirements", b"b", PYTHON),
        environment_id("requirements", b"a", PYTHON, ("gpu",)),
        environment_id("requirements", b"a", Interpreter("/x", "3.11.3", "cpython", "p")),
        environment_id("requirements", b"a", Interpreter("/x", "3.11.3", "pypy", "p")),
        environment_id("requirements", b"a", Interpreter("/x", "3.11.3", "pypy", "q")),
    }
    assert len(others) == 7
    elsewhere = Interpreter("/opt/python", PYTHON.version, PYTHON.implementation, PYTHON.platform)
    assert environment_id("uv", b"a", elsewhere) == environment_id("uv", b"a", PYTHON)
    assert environment_id("uv", b"a", PYTHON, ("x", "y")) == environment_id(
        "uv", b"a", PYTHON, ("y", "x")
    )


def test_the_kind_of_a_lock_is_in_its_name() -> None:
    assert lock_kind(spec("uv.lock", b"")) == "uv"
    assert lock_kind(spec("sub/uv.lock", b"")) == "uv"
    assert lock_kind(spec("requirements-gpu.txt", b"")) == "requirements"


async def test_a_lock_is_read_from_the_snapshot_and_checked(tmp_path: Path) -> None:
    store = await SnapshotStore.open(tmp_path)
    snapshot = await put_snapshot(store, {"requirements.txt": b"numpy"})
    assert await read_lock(store, snapshot, spec("requirements.txt", b"numpy")) == b"numpy"
    with pytest.raises(LanherdError) as refused:
        await read_lock(store, snapshot, spec("requirements.txt", b"other"))
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE
    with pytest.raises(LanherdError) as refused:
        await read_lock(store, snapshot, spec("uv.lock", b""))
    assert refused.value.code is ErrorCode.NOT_FOUND
    await store.close()


@pytest.mark.parametrize("kind", ["virtual", "editable"])
def test_the_stand_in_has_the_name_and_the_range_of_the_lock(kind: str) -> None:
    lock = (
        'version = 1\nrequires-python = ">=3.11"\n'
        '[[package]]\nname = "idna"\nsource = { registry = "x" }\n'
        f'[[package]]\nname = "my-project"\nsource = {{ {kind} = "." }}\n'
    )
    project = tomllib.loads(stand_in_project(lock.encode()))
    assert project["project"]["name"] == "my-project"
    assert project["project"]["requires-python"] == ">=3.11"
    assert project["tool"]["uv"]["package"] is False


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        (b"\xff", "TOML"),
        (b"= no", "TOML"),
        (b"version = 1", "no project"),
        (b"package = 3", "no list"),
        (b"package = [3]", "no project"),
        (b'[[package]]\nname = "a"\nsource = 3', "no project"),
        (b'[[package]]\nname = "a"\nsource = { directory = "../lib" }', "folder '../lib'"),
    ],
)
def test_locks_that_can_not_stand_alone_are_said(lock: bytes, why: str) -> None:
    with pytest.raises(LanherdError, match=why) as refused:
        stand_in_project(lock)
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE


def test_names_are_quoted() -> None:
    lock = '[[package]]\nname = "a\\"\\n[x]"\nsource = { virtual = "." }'
    assert tomllib.loads(stand_in_project(lock.encode()))["project"]["name"] == 'a"\n[x]'
