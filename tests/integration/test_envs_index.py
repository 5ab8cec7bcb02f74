"""A package index that is down, slow, wants a password or shows a bad certificate; a disk that is
full; and a package that is only for others. What is said names the cause and what to do."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.values import LockedEnvironment, SourceEnvironment
from tests.integration.wheels import make_wheel, requirement
from tests.support.environments import (
    EnvironmentsOfTest,
    environments,
    hash_of,
    variables,
    words_of,
)
from tests.support.index_server import Index, index_server, self_signed

REPOSITORY = Path(__file__).parents[2]
HASTY = {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "1"}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    make_wheel(tmp_path / "wheels", "tiny")
    return tmp_path / "wheels"


async def opened(home: Path, url: str, **more: str) -> EnvironmentsOfTest:
    return await environments(home, variables(None, UV_DEFAULT_INDEX=url, **HASTY, **more))


async def refusals(made: EnvironmentsOfTest, wheels: Path) -> list[LanherdError]:
    """Of the package by its name, and by a lock that holds it."""
    lock = requirement("tiny", wheels / "tiny-1.0-py3-none-any.whl").encode()
    snapshot = made.snapshots.put({"requirements.txt": lock})
    locked = LockedEnvironment(lock_path="requirements.txt", lock_hash=hash_of(lock))
    told: list[LanherdError] = []
    for spec in (SourceEnvironment(packages=("tiny",)), locked):
        with pytest.raises(LanherdError) as refused:
            await made.provide(spec, snapshot)
        told.append(refused.value)
    return told


def check(told: list[LanherdError], code: ErrorCode, data: Mapping[str, str]) -> None:
    for one in told:
        assert one.code is code, one
        assert {key: one.failure.data[key] for key in data} == data, one
        assert one.failure.title
        assert one.failure.message
        assert one.failure.remedy


def host_of(index: Index) -> str:
    return index.url.split("/")[2]


async def test_an_index_that_serves(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels, password="s3cr3t") as index:
        made = await opened(tmp_path / "home", index.with_password("lab", "s3cr3t"))
        built = await made.provide(SourceEnvironment(packages=("tiny",)))
        assert await words_of(built, "tiny") == ["tiny"]
        assert "s3cr3t" not in await made.lock(built)
        assert "s3cr3t" not in made.builder.log_path(built.environment).read_text()
    # All of it is in the cache by now.
    again = await environments(
        tmp_path / "home", variables(None, UV_DEFAULT_INDEX=index.url, **HASTY)
    )
    await again.provide(SourceEnvironment(packages=("tiny==1.0",)))
    assert (again.all.resolver.resolved, again.builder.builds) == (1, 0)


async def test_an_index_that_is_down(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels) as index:
        url, host = index.url, host_of(index)
        index.status = 503
        made = await opened(tmp_path / "home", url)
        told = await refusals(made, wheels)
        check(told, ErrorCode.ENVIRONMENT_FAILED, {"refusal": "index_down", "host": host})
        # For a moment, all who ask hear the same without another try.
        again = await refusals(made, wheels)
        check(again, ErrorCode.ENVIRONMENT_FAILED, {"refusal": "failed_before"})
        assert made.builder.builds == 1
    other = await opened(tmp_path / "other", url)
    told = await refusals(other, wheels)
    check(told, ErrorCode.ENVIRONMENT_FAILED, {"refusal": "index_down", "host": host})


async def test_an_index_that_is_slow(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels) as index:
        index.hold.clear()
        made = await opened(tmp_path / "home", index.url)
        told = await refusals(made, wheels)
        check(told, ErrorCode.ENVIRONMENT_FAILED, {"refusal": "index_slow", "host": host_of(index)})


async def test_an_index_that_wants_a_password(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels, password="s3cr3t") as index:
        for number, url in enumerate((index.url, index.with_password("lab", "wr0ng"))):
            made = await opened(tmp_path / f"home{number}", url)
            told = await refusals(made, wheels)
            data = {"refusal": "index_password", "host": host_of(index)}
            check(told, ErrorCode.ENVIRONMENT_FAILED, data)
            assert "wr0ng" not in str([one.failure for one in told])
        # With the right one it is tried again at once, for the settings have changed.
        made = await opened(tmp_path / "home0", index.with_password("lab", "s3cr3t"))
        built = await made.provide(SourceEnvironment(packages=("tiny",)))
        assert await words_of(built, "tiny") == ["tiny"]


async def test_an_index_with_a_bad_certificate(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels, certificate=self_signed(tmp_path)) as index:
        made = await opened(tmp_path / "home", index.url)
        told = await refusals(made, wheels)
        data = {"refusal": "index_certificate", "host": host_of(index)}
        check(told, ErrorCode.ENVIRONMENT_FAILED, data)


async def test_a_package_that_is_nowhere_or_for_others(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, "theirs", tag="py3-none-win_amd64")
    make_wheel(wheels, "older", tag="cp38-cp38-linux_x86_64")
    with index_server(wheels) as index:
        made = await opened(tmp_path / "home", index.url)
        for package, data in (
            ("absent", {"refusal": "no_package", "package": "absent"}),
            ("theirs", {"refusal": "other_platform", "package": "theirs"}),
            ("older", {"refusal": "other_python", "package": "older"}),
        ):
            with pytest.raises(LanherdError) as refused:
                await made.provide(SourceEnvironment(packages=(package,)))
            check([refused.value], ErrorCode.LOCK_UNRESOLVABLE, data)


async def test_a_uv_lock_of_another_platform(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, "theirs", tag="py3-none-win_amd64")
    lock = (
        'version = 1\nrevision = 2\nrequires-python = ">=3.11"\n'
        f'[[package]]\nname = "theirs"\nversion = "1.0"\nsource = {{ registry = "{wheels}" }}\n'
        f'wheels = [{{ path = "{wheels}/theirs-1.0-py3-none-win_amd64.whl" }}]\n'
        '[[package]]\nname = "mine"\nversion = "3"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "theirs" }]\n'
    ).encode()
    made = await environments(tmp_path / "home", variables(wheels))
    snapshot = made.snapshots.put({"uv.lock": lock})
    with pytest.raises(LanherdError) as refused:
        await made.provide(
            LockedEnvironment(lock_path="uv.lock", lock_hash=hash_of(lock)), snapshot
        )
    data = {"refusal": "other_platform", "package": "theirs", "lock": "uv.lock"}
    check([refused.value], ErrorCode.LOCK_UNRESOLVABLE, data)


async def test_a_resolution_that_hangs_is_stopped(tmp_path: Path, wheels: Path) -> None:
    with index_server(wheels) as index:
        index.hold.clear()
        given = variables(None, UV_DEFAULT_INDEX=index.url, UV_HTTP_TIMEOUT="600")
        made = await environments(tmp_path / "home", given, timeout_s=1.0)
        with pytest.raises(LanherdError) as refused:
            await made.provide(SourceEnvironment(packages=("tiny",)))
        assert refused.value.code is ErrorCode.TIMED_OUT
        assert made.builder.uv.kill_all() == 0


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "unshare", "--user", "--map-root-user", "--mount",
        sys.executable, "-m", "tests.integration.full_disk_envs", str(tmp_path),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    story = json.loads(said)
    assert story["first"] == "tiny"
    assert story["code"] == "disk_full"
    assert story["title"] == "The machine's disk is full."
    assert story["left"] == []
    assert story["list"] == 1
    assert story["after"] == "big"
