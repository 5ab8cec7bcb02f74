"""Environments built by the real uv, from wheels made on the spot and from the index."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest
import uv

from lanherd_agent.envs.builder import BuildSettings, BuiltEnvironment, EnvironmentBuilder
from lanherd_agent.envs.failures import FAILED
from lanherd_agent.envs.progress import BuildProgress, Tell
from lanherd_agent.envs.uv_tool import MARK
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, EnvironmentId
from lanherd_protocol.values import LockedEnvironment
from tests.integration.wheels import make_slow_sdist, make_wheel, requirement
from tests.support.waiting import wait_until_async

DEMO = Path(__file__).parents[2] / "resources" / "demo"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return tmp_path / "wheels"


def settings(wheels: Path, timeout_s: float = 60.0) -> BuildSettings:
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
    }
    return BuildSettings(timeout_s=timeout_s, variables=variables)


def locked(lock: str | bytes, name: str = "requirements.txt") -> tuple[LockedEnvironment, bytes]:
    content = lock.encode() if isinstance(lock, str) else lock
    digest = BlobHash(hashlib.sha256(content).hexdigest())
    return LockedEnvironment(lock_path=name, lock_hash=digest), content


async def ensure(
    builder: EnvironmentBuilder,
    wanted: tuple[LockedEnvironment, bytes],
    tell: Tell | None = None,
    *,
    retry: bool = False,
) -> BuiltEnvironment:
    return await builder.ensure(await builder.recipe(*wanted), tell, retry=retry)


async def said_by(built: BuiltEnvironment, code: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "python", "-c", code, env=built.activate({}), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def pids_told(story: Path) -> list[int]:
    """Waits at the pipe until the build of the slow package has begun."""
    return [int(word) for word in (await asyncio.to_thread(story.read_text)).split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_an_environment_is_built_once_and_then_simply_there(
    tmp_path: Path, wheels: Path
) -> None:
    lock = requirement("tiny", make_wheel(wheels, "tiny"))
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    told: list[BuildProgress] = []
    told_too: list[BuildProgress] = []
    one, two = await asyncio.gather(
        ensure(builder, locked(lock), told.append), ensure(builder, locked(lock), told_too.append)
    )
    assert one == two
    assert builder.builds == 1
    for heard in (told, told_too):
        assert heard[0].phase == "waiting"
        assert heard[-1].phase == "done"
    assert await said_by(one, "import tiny; print(tiny.word)") == "tiny"
    assert await said_by(one, "import sys; print(sys.prefix)") == str(one.path)
    assert "tiny==1.0" in builder.log_path(one.environment).read_text()
    assert (await builder.recipe(*locked(lock))).environment == one.environment

    # The wheels are gone: the cache is enough. Afterwards even the cache is.
    (wheels / "tiny-1.0-py3-none-any.whl").unlink()
    reopened = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    assert await ensure(reopened, locked(lock)) == one
    assert reopened.builds == 0
    (listed,) = await reopened.list()
    assert listed.environment == one.environment
    assert listed.size_bytes > 0
    assert listed.python_version == one.python_version


async def test_an_environment_whose_python_is_gone_is_built_again(
    tmp_path: Path, wheels: Path
) -> None:
    lock = requirement("tiny", make_wheel(wheels, "tiny"))
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    built = await ensure(builder, locked(lock))
    built.python.unlink()
    assert await builder.list() == ()
    again = await ensure(builder, locked(lock))
    assert again.environment == built.environment
    assert builder.builds == 2
    assert await said_by(again, "import tiny; print(tiny.word)") == "tiny"


async def test_uvs_own_lock_is_built_without_its_project(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, "tiny")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "3"\nrequires-python = ">=3.11"\n'
        'dependencies = ["tiny"]\n'
    )
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), "lock", "-q", "--no-index", "--find-links", str(wheels), cwd=project
    )
    assert await process.wait() == 0
    built = await ensure(builder, locked((project / "uv.lock").read_bytes(), "uv.lock"))
    assert await said_by(built, "import tiny; print(tiny.word)") == "tiny"


async def test_a_lock_that_can_not_be_resolved_shows_uvs_own_words(
    tmp_path: Path, wheels: Path
) -> None:
    make_wheel(wheels, "tiny")
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    unknown = locked(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    both = await asyncio.gather(
        ensure(builder, unknown), ensure(builder, unknown), return_exceptions=True
    )
    for failed in both:
        assert isinstance(failed, LanherdError)
        assert failed.code is ErrorCode.LOCK_UNRESOLVABLE
        assert "no-such-package was not found" in failed.failure.message
        assert failed.failure.message.startswith("error: No solution found")
    assert builder.builds == 1
    environment = (await builder.recipe(*unknown)).environment
    log = builder.log_path(environment)
    assert "no-such-package" in log.read_text()
    assert sorted(os.listdir(log.parent)) == [log.name, FAILED]


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (f"tiny==1.0 --hash=sha256:{'0' * 64}\n", "Hash mismatch"),
        ("tiny==1.0\n", "--require-hashes"),
        ("this is no requirement\n", "Couldn't parse requirement"),
    ],
)
async def test_a_lock_that_is_not_kept_is_refused(
    tmp_path: Path, wheels: Path, lock: str, words: str
) -> None:
    make_wheel(wheels, "tiny")
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    with pytest.raises(LanherdError) as refused:
        await ensure(builder, locked(lock))
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE
    assert words in refused.value.failure.message
    assert await builder.list() == ()


async def test_a_lock_that_is_not_the_one_that_was_meant_is_refused(
    tmp_path: Path, wheels: Path
) -> None:
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    spec, _ = locked("one")
    with pytest.raises(LanherdError) as refused:
        await ensure(builder, (spec, b"another"))
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE
    with pytest.raises(ValueError, match="no environment's id"):
        builder.log_path(EnvironmentId("../x"))


async def test_a_cancelled_build_leaves_no_process_and_the_next_one_takes_over(
    tmp_path: Path, wheels: Path
) -> None:
    hold, story = tmp_path / "hold", tmp_path / "story"
    lock = requirement("slow", make_slow_sdist(wheels, hold, story))
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(ensure(builder, locked(lock)))
        pids = await pids_told(story)
        assert all(is_alive(pid) for pid in pids)
        second = tasks.create_task(ensure(builder, locked(lock)))
        # The first build still waits at the pipe that had this name.
        hold.unlink()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        # They were killed; that the kernel is done with each of them nobody waits for.
        await wait_until_async(lambda: not any(is_alive(pid) for pid in pids))
        built = await second
    assert builder.builds == 2
    assert await said_by(built, "import slow; print(slow.word)") == "slow"


async def test_a_build_that_hangs_is_stopped_with_all_it_started(
    tmp_path: Path, wheels: Path
) -> None:
    hold, story = tmp_path / "hold", tmp_path / "story"
    lock = requirement("slow", make_slow_sdist(wheels, hold, story))
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels, timeout_s=3.0))
    async with asyncio.TaskGroup() as tasks:
        told = tasks.create_task(pids_told(story))
        with pytest.raises(LanherdError) as refused:
            await ensure(builder, locked(lock))
        pids = await told
    assert refused.value.code is ErrorCode.TIMED_OUT
    assert refused.value.failure.data["timeout_s"] == 3.0
    assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


async def test_what_a_killed_agent_was_building_is_cleared_away(
    tmp_path: Path, wheels: Path
) -> None:
    home = tmp_path / "home"
    lock = requirement("tiny", make_wheel(wheels, "tiny"))
    builder = await EnvironmentBuilder.open(home, settings(wheels))
    built = await ensure(builder, locked(lock))
    half = home / "envs" / ("0" * 64)
    (half / "venv").mkdir(parents=True)
    (half / "build.log").write_text("it began")
    left = await asyncio.create_subprocess_exec(
        "sleep", "600", env={MARK: str(home / "envs")}, start_new_session=True
    )
    other = await asyncio.create_subprocess_exec(
        "sleep", "600", env={MARK: str(tmp_path / "another-home")}
    )
    try:
        reopened = await EnvironmentBuilder.open(home, settings(wheels))
        async with asyncio.timeout(10):
            await left.wait()
        assert is_alive(other.pid)
    finally:
        other.kill()
        await other.wait()
    assert os.listdir(half) == ["build.log"]
    assert [view.environment for view in await reopened.list()] == [built.environment]


async def test_a_python_that_is_not_there_is_said(tmp_path: Path, wheels: Path) -> None:
    builder = await EnvironmentBuilder.open(tmp_path / "home", settings(wheels))
    spec, lock = locked("")
    absent = LockedEnvironment(lock_path=spec.lock_path, lock_hash=spec.lock_hash, python="3.99")
    with pytest.raises(LanherdError, match=r"no Python 3\.99") as refused:
        await ensure(builder, (absent, lock))
    assert refused.value.code is ErrorCode.ENVIRONMENT_FAILED


async def test_the_sample_project_is_built_from_its_lock_and_trains(tmp_path: Path) -> None:
    lock = (DEMO / "requirements.txt").read_bytes()
    builder = await EnvironmentBuilder.open(tmp_path / "home")
    built = await ensure(builder, locked(lock))
    begun = time.monotonic()
    assert await ensure(builder, locked(lock)) == built
    assert time.monotonic() - begun < 5
    outputs = tmp_path / "outputs"
    process = await asyncio.create_subprocess_exec(
        "python", str(DEMO / "train.py"), "--epochs", "4", "--seconds", "0.4",
        env=built.activate({"LANHERD_OUTPUTS": str(outputs), "CUDA_VISIBLE_DEVICES": "GPU-7"}),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"GPU given to this run: GPU-7" in said
    assert said.decode().splitlines()[-1].startswith("\x1b[32mdone")
    assert sorted(os.listdir(outputs)) == ["decision.png", "losses.csv", "result.json"]
    assert (outputs / "decision.png").read_bytes().startswith(b"\x89PNG")
    assert len((outputs / "losses.csv").read_text().splitlines()) == 5
