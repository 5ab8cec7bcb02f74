"""Environments of what nobody has locked: files without hashes, packages, copies of others."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_agent.envs.failures import FAILED
from lanherd_agent.envs.progress import BuildProgress
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import EnvironmentId
from lanherd_protocol.values import LockedEnvironment, RegisteredEnvironment, SourceEnvironment
from tests.integration.wheels import make_sdist, make_wheel, requirement, sha256
from tests.support.environments import (
    EnvironmentsOfTest,
    environments,
    hash_of,
    said_by,
    variables,
    words_of,
)

PROJECT = """
[project]
name = "mine"
version = "3"
requires-python = ">=3.11"
dependencies = ["tiny"]
[project.optional-dependencies]
gpu = ["big"]
[dependency-groups]
dev = ["tool"]
"""
UV_LOCK = """version = 1
revision = 2
requires-python = "{python}"

[[package]]
name = "big"
version = "1.0"
source = {{ registry = "{wheels}" }}
wheels = [{{ path = "{wheels}/big-1.0-py3-none-any.whl" }}]

[[package]]
name = "mine"
version = "3"
source = {{ virtual = "." }}
dependencies = [{{ name = "tiny" }}]

[package.optional-dependencies]
gpu = [{{ name = "big" }}]

[package.dev-dependencies]
dev = [{{ name = "tool" }}]

[package.metadata]
requires-dist = [
    {{ name = "big", marker = "extra == 'gpu'" }},
    {{ name = "tiny" }},
]
provides-extras = ["gpu"]

[package.metadata.requires-dev]
dev = [{{ name = "tool" }}]

[[package]]
name = "tiny"
version = "1.0"
source = {{ registry = "{wheels}" }}
wheels = [{{ path = "{wheels}/tiny-1.0-py3-none-any.whl" }}]

[[package]]
name = "tool"
version = "1.0"
source = {{ registry = "{wheels}" }}
wheels = [{{ path = "{wheels}/tool-1.0-py3-none-any.whl" }}]
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    for name in ("tiny", "big", "tool"):
        make_wheel(folder, name)
    return folder


async def opened(tmp_path: Path, wheels: Path, **more: str) -> EnvironmentsOfTest:
    return await environments(tmp_path / "home", variables(wheels, **more))


async def failing(made: EnvironmentsOfTest, spec: SourceEnvironment) -> LanherdError:
    with pytest.raises(LanherdError) as refused:
        await made.provide(spec)
    return refused.value


async def test_a_requirements_file_without_hashes(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    built = await made.from_files(
        "sub/requirements.txt",
        {"sub/requirements.txt": "-r ../base.txt\ntiny>=1\n", "base.txt": "big # the large one\n"},
    )
    assert await words_of(built, "tiny", "big", "tool") == ["tiny", "big", "-"]
    assert await made.lock(built) == (
        f"big==1.0 \\\n    --hash=sha256:{sha256(wheels / 'big-1.0-py3-none-any.whl')}\n"
        f"tiny==1.0 \\\n    --hash=sha256:{sha256(wheels / 'tiny-1.0-py3-none-any.whl')}\n"
    )


async def test_the_same_question_has_the_same_answer_until_it_is_asked_anew(
    tmp_path: Path, wheels: Path
) -> None:
    made = await opened(tmp_path, wheels)
    spec = SourceEnvironment(packages=("tiny",))
    first = await made.provide(spec)
    make_wheel(wheels, "tiny", "2.0", word="newer")
    assert await made.provide(spec) == first
    reopened = await opened(tmp_path, wheels)
    begun = time.monotonic()
    assert await reopened.provide(spec) == first
    # Usually a few milliseconds.
    assert time.monotonic() - begun < 1.0
    assert reopened.all.resolver.resolved == reopened.builder.builds == 0

    newer = await reopened.provide(spec, renew=True)
    assert newer.environment != first.environment
    assert await words_of(newer, "tiny") == ["newer"]
    assert await reopened.provide(spec) == newer
    # The first is still there for whoever has locked it.
    assert {view.environment for view in await reopened.builder.list()} == {
        first.environment,
        newer.environment,
    }


async def test_two_questions_with_one_answer_share_the_environment(
    tmp_path: Path, wheels: Path
) -> None:
    made = await opened(tmp_path, wheels)
    one = await made.provide(SourceEnvironment(packages=("tiny", "big")))
    two = await made.from_files("requirements.txt", {"requirements.txt": "big\ntiny==1.0\n"})
    assert one == two
    assert (made.all.resolver.resolved, made.builder.builds) == (2, 1)


async def test_those_who_ask_at_once_wait_for_one_answer(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    spec = SourceEnvironment(packages=("tiny",))
    told: list[BuildProgress] = []
    one, two, _ = await asyncio.gather(
        made.provide(spec), made.provide(spec), made.all.provide(spec, None, told.append)
    )
    assert one == two
    assert (made.all.resolver.resolved, made.builder.builds) == (1, 1)
    phases = [progress.phase for progress in told]
    assert phases.index("resolving") < phases.index("creating") < phases.index("done")


async def test_a_project_without_a_lock(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    snapshot, spec = made.source("pyproject.toml", {"pyproject.toml": PROJECT})
    plain = await made.provide(spec, snapshot)
    assert await words_of(plain, "tiny", "big", "tool") == ["tiny", "-", "-"]
    whole = await made.provide(replace(spec, extras=("gpu",), groups=("dev",)), snapshot)
    assert await words_of(whole, "tiny", "big", "tool") == ["tiny", "big", "tool"]
    with pytest.raises(LanherdError, match="nope") as refused:
        await made.provide(replace(spec, extras=("nope",)), snapshot)
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE


async def test_extras_and_groups_of_a_uv_lock(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    lock = UV_LOCK.format(wheels=wheels, python=">=3.11").encode()
    snapshot = made.snapshots.put({"uv.lock": lock})
    spec = LockedEnvironment(lock_path="uv.lock", lock_hash=hash_of(lock))
    plain = await made.provide(spec, snapshot)
    assert await words_of(plain, "tiny", "big", "tool") == ["tiny", "-", "-"]
    whole = await made.provide(replace(spec, extras=("gpu",), groups=("dev",)), snapshot)
    assert whole.environment != plain.environment
    assert await words_of(whole, "tiny", "big", "tool") == ["tiny", "big", "tool"]
    assert await made.lock(whole) == "big==1.0\ntiny==1.0\ntool==1.0\n"
    with pytest.raises(LanherdError) as refused:
        await made.provide(replace(spec, groups=("nope",)), snapshot)
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE


async def test_hashes_of_the_source_are_kept_to(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    right = requirement("tiny", wheels / "tiny-1.0-py3-none-any.whl")
    built = await made.from_files("requirements.txt", {"requirements.txt": f"{right}big\n"})
    assert await words_of(built, "tiny", "big") == ["tiny", "big"]
    wrong = f"tiny==1.0 --hash=sha256:{'0' * 64}\nbig\n"
    with pytest.raises(LanherdError, match="another tiny") as refused:
        await made.from_files("requirements.txt", {"requirements.txt": wrong})
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE
    assert refused.value.failure.data["refusal"] == "other_hash"


async def test_a_copy_of_another_with_more_in_it(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    base = await made.provide(SourceEnvironment(packages=("tiny",)))
    # What the base has stays as it is, though there is something newer by now.
    make_wheel(wheels, "tiny", "2.0", word="newer")
    more = await made.provide(SourceEnvironment(base=base.environment, packages=("big",)))
    assert more.environment != base.environment
    assert await words_of(more, "tiny", "big") == ["tiny", "big"]
    with pytest.raises(LanherdError) as refused:
        await made.provide(SourceEnvironment(base=base.environment, packages=("tiny>=2",)))
    assert refused.value.code is ErrorCode.LOCK_UNRESOLVABLE
    with pytest.raises(LanherdError) as refused:
        await made.provide(SourceEnvironment(base=EnvironmentId("0" * 64), packages=("big",)))
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert await made.builder.list()


async def test_a_copy_of_what_a_uv_lock_has_made(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    lock = UV_LOCK.format(wheels=wheels, python=">=3.11").encode()
    snapshot = made.snapshots.put({"uv.lock": lock})
    base = await made.provide(
        LockedEnvironment(lock_path="uv.lock", lock_hash=hash_of(lock)), snapshot
    )
    more = await made.provide(SourceEnvironment(base=base.environment, packages=("tool",)))
    assert await words_of(more, "tiny", "big", "tool") == ["tiny", "-", "tool"]


async def test_what_has_no_wheel_is_said_before_its_code_runs(tmp_path: Path, wheels: Path) -> None:
    tale = tmp_path / "tale"
    make_sdist(wheels, "raw", tale)
    make_sdist(wheels, "rough", tale)
    make_wheel(wheels, "rough", tag="py3-none-win_amd64")
    made = await opened(tmp_path, wheels)
    spec = SourceEnvironment(packages=("raw", "rough", "tiny"), wheels_only=True)
    for wanted in (spec, replace(spec, packages=("tiny", "raw"))):
        refused = await failing(made, wanted)
        assert refused.code is ErrorCode.LOCK_UNRESOLVABLE
        assert refused.failure.data["refusal"] == "from_source"
        assert "raw" in str(refused.failure.data["packages"])
    assert not tale.exists()

    told: list[tuple[str, bool]] = []
    await made.all.provide(
        replace(spec, wheels_only=False),
        None,
        lambda progress: told.append((progress.line, tale.exists())),
    )
    (said,) = [one for one in told if one[0].startswith("No wheel for this machine")]
    assert said == (
        "No wheel for this machine: raw, rough. Building from source runs code of the package.",
        False,
    )
    assert sorted(tale.read_text().split()) == ["raw", "rough"]
    (view,) = await made.builder.list()
    marker = made.builder.marker(view.environment)
    assert marker is not None
    assert marker.from_source == ("raw", "rough")
    assert said[0] in made.builder.log_path(view.environment).read_text()
    # It is there by now, so that nothing has to be built for the next one.
    lock = (await made.all.frozen(view.environment)).decode()
    snapshot = made.snapshots.put({"requirements.txt": lock.encode()})
    locked = LockedEnvironment(
        lock_path="requirements.txt", lock_hash=hash_of(lock.encode()), wheels_only=True
    )
    assert (await made.provide(locked, snapshot)).environment == view.environment


async def test_a_uv_lock_whose_packages_have_no_wheel(tmp_path: Path, wheels: Path) -> None:
    tale = tmp_path / "tale"
    for name in ("raw", "rough"):
        make_sdist(wheels, name, tale)
    lock = (
        'version = 1\nrevision = 2\nrequires-python = ">=3.11"\n'
        + "".join(
            f'[[package]]\nname = "{name}"\nversion = "1.0"\n'
            f'source = {{ registry = "{wheels}" }}\n'
            f'sdist = {{ path = "{wheels}/{name}-1.0.tar.gz" }}\n'
            for name in ("raw", "rough")
        )
        + '[[package]]\nname = "mine"\nversion = "3"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "raw" }, { name = "rough" }]\n'
    ).encode()
    made = await opened(tmp_path, wheels)
    snapshot = made.snapshots.put({"uv.lock": lock})
    spec = LockedEnvironment(lock_path="uv.lock", lock_hash=hash_of(lock), wheels_only=True)
    with pytest.raises(LanherdError) as refused:
        await made.provide(spec, snapshot)
    assert refused.value.failure.data["packages"] == "raw, rough"
    assert not tale.exists()
    # That it was forbidden is no reason to refuse it where it isn't.
    built = await made.provide(replace(spec, wheels_only=False), snapshot)
    assert await words_of(built, "raw", "rough") == ["raw", "rough"]


async def test_a_failure_is_remembered_until_something_changes(
    tmp_path: Path, wheels: Path
) -> None:
    made = await opened(tmp_path, wheels)
    spec = SourceEnvironment(packages=("absent",))
    first = await failing(made, spec)
    assert first.code is ErrorCode.LOCK_UNRESOLVABLE
    assert first.failure.data["refusal"] == "no_package"
    assert first.failure.data["package"] == "absent"
    reopened = await opened(tmp_path, wheels)
    again = await failing(reopened, spec)
    assert again.code is first.code
    assert again.failure.data["refusal"] == "failed_before"
    assert again.failure.data["before"] == "no_package"
    assert "absent was not found" in again.failure.message
    assert "--retry" in again.failure.remedy
    assert time.time() - float(again.failure.data["failed_at"]) < 60
    assert reopened.all.resolver.resolved == 0
    with pytest.raises(LanherdError) as refused:
        await reopened.provide(spec, retry=True)
    assert refused.value.failure.data["refusal"] == "no_package"
    assert reopened.all.resolver.resolved == 1

    make_wheel(wheels, "absent")
    built = await reopened.provide(spec)
    assert await words_of(built, "absent") == ["absent"]
    place = reopened.all.resolver.folder
    assert not list(place.glob(f"*/{FAILED}"))


async def test_a_build_that_failed_is_tried_again_with_other_settings(
    tmp_path: Path, wheels: Path
) -> None:
    lock = requirement("tiny", wheels / "tiny-1.0-py3-none-any.whl").encode()
    spec = LockedEnvironment(lock_path="requirements.txt", lock_hash=hash_of(lock))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    made = await opened(tmp_path, nothing)
    snapshot = made.snapshots.put({"requirements.txt": lock})
    for builds in (1, 1):
        with pytest.raises(LanherdError):
            await made.provide(spec, snapshot)
        assert made.builder.builds == builds
    log = made.builder.log_path(EnvironmentId(await made.all.identify(spec, snapshot)))
    assert "tiny" in log.read_text()
    elsewhere = await opened(tmp_path, wheels)
    assert await words_of(await elsewhere.provide(spec, snapshot), "tiny") == ["tiny"]
    assert os.listdir(log.parent).count(FAILED) == 0


async def test_the_python_is_chosen_by_the_lock_and_by_the_person(
    tmp_path: Path, wheels: Path
) -> None:
    made = await opened(tmp_path, wheels)
    default = made.builder.pythons.default.version
    lock = UV_LOCK.format(wheels=wheels, python=">=3.99").encode()
    snapshot = made.snapshots.put({"uv.lock": lock})
    spec = LockedEnvironment(lock_path="uv.lock", lock_hash=hash_of(lock))
    with pytest.raises(LanherdError, match=r"no Python >=3\.99") as refused:
        await made.provide(spec, snapshot)
    assert refused.value.failure.data["refusal"] == "no_python"
    assert default in str(refused.value.failure.data["there"])
    with pytest.raises(LanherdError, match=r"is for Python >=3\.99") as refused:
        await made.provide(replace(spec, python=default), snapshot)
    assert refused.value.failure.data["refusal"] == "other_python"
    exact = await made.provide(SourceEnvironment(packages=("tiny",), python=f"=={default}"))
    assert exact.python_version == default
    assert await said_by(exact, "import platform; print(platform.python_version())") == default
    refusal = await failing(made, SourceEnvironment(packages=("tiny",), python=">=3.x"))
    assert refusal.failure.data["refusal"] == "bad_python"


async def test_a_source_that_can_not_be_asked_about(tmp_path: Path, wheels: Path) -> None:
    made = await opened(tmp_path, wheels)
    for path, text, refusal in (
        ("pyproject.toml", "= no", "no_toml"),
        ("pyproject.toml", "[tool.x]\n", "no_project_table"),
        ("pyproject.toml", '[project]\nname="x"\ndynamic=["dependencies"]\n', "dynamic"),
        (
            "pyproject.toml",
            '[project]\nname="x"\n[tool.uv.sources]\na = { path = "../a" }\n',
            "package_in_folder",
        ),
        ("requirements.txt", "-r ../../etc/passwd\n", "file_outside"),
    ):
        with pytest.raises(LanherdError) as refused:
            await made.from_files(path, {path: text})
        assert refused.value.failure.data.get("refusal") == refusal, refused.value
        assert str(tmp_path) not in refused.value.failure.title
    snapshot, spec = made.source("requirements.txt", {"requirements.txt": "tiny"})
    with pytest.raises(LanherdError) as refused:
        await made.provide(replace(spec, source_hash=hash_of(b"other")), snapshot)
    assert refused.value.failure.data["refusal"] == "other_source"


async def test_a_registered_interpreter_is_used_and_never_changed(
    tmp_path: Path, wheels: Path
) -> None:
    made = await opened(tmp_path, wheels)
    built = await made.provide(SourceEnvironment(packages=("tiny",)))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "python3").symlink_to(built.python.resolve())
    registry = made.all.registry
    await registry.register("venv", str(built.path))
    await registry.register("bare", str(theirs))
    # Twice the same is no conflict.
    await registry.register("bare", str(theirs))
    with pytest.raises(LanherdError) as refused:
        await registry.register("bare", str(built.path))
    assert refused.value.failure.data["refusal"] == "name_taken"
    for name, path, refusal in (
        ("../x", str(theirs), "bad_environment_name"),
        ("x", "theirs", "bad_interpreter"),
        ("x", str(wheels), "bad_interpreter"),
        ("x", str(tmp_path / "absent"), "bad_interpreter"),
        ("x", "/bin/true", "bad_interpreter"),
    ):
        with pytest.raises(LanherdError) as refused:
            await registry.register(name, path)
        assert refused.value.failure.data["refusal"] == refusal

    reopened = await opened(tmp_path, wheels)
    venv = await reopened.all.provide(RegisteredEnvironment(name="venv"), None)
    bare = await reopened.all.provide(RegisteredEnvironment(name="bare"), None)
    assert venv is not None
    assert bare is not None
    assert await words_of(venv, "tiny") == ["tiny"]
    assert venv.activate({})["VIRTUAL_ENV"] == str(built.path)
    assert await words_of(bare, "tiny") == ["-"]
    assert "VIRTUAL_ENV" not in bare.activate({"VIRTUAL_ENV": "/elsewhere"})
    assert os.listdir(theirs) == ["python3"]
    (theirs / "python3").unlink()
    with pytest.raises(LanherdError, match="is gone"):
        await reopened.all.provide(RegisteredEnvironment(name="bare"), None)
    await reopened.all.registry.forget("bare")
    with pytest.raises(LanherdError, match="No environment called"):
        await reopened.all.provide(RegisteredEnvironment(name="bare"), None)
