"""What an environment may be asked for by; what isn't a requirement, a name or a version is never
handed to a program."""

import pytest

from lanherd_agent.core.environment_checks import check_environment
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, EnvironmentId
from lanherd_protocol.limits import ENVIRONMENT_PACKAGES_MAX
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

HASH = BlobHash("a" * 64)
PACKAGES = (
    "numpy",
    "numpy==2.1",
    "Zope.Interface >= 5, <7",
    "torch[cuda,extra]~=2.4; python_version > '3.9'",
    "tiny @ https://example.invalid/tiny-1.0-py3-none-any.whl",
    "x",
)
NO_PACKAGES = (
    "",
    "-r /etc/passwd",
    "--index-url=https://evil.invalid",
    "-e .",
    "./tiny",
    "/tmp/tiny.whl",
    "../tiny",
    "tiny\n--index-url=https://evil.invalid",
    "tiny other",
    "tiny --hash=sha256:0",
    "https://example.invalid/tiny.whl",
    "t" * 1001,
)
PYTHONS = ("3.12", "3", "3.11.7", "3.13t", "cpython@3.12", "pypy3.10", ">=3.11,<3.13", "== 3.12.*")
NO_PYTHONS = ("-3", "--help", "/usr/bin/python3", "python", "3.x", ">=3" + "0" * 64, "3.1 ; true")


@pytest.mark.parametrize(
    "spec",
    [
        NoEnvironment(),
        RegisteredEnvironment(name="lab"),
        LockedEnvironment(lock_path="uv.lock", lock_hash=HASH, extras=("gpu",), groups=("dev.a",)),
        SourceEnvironment(source_path="pyproject.toml", source_hash=HASH, extras=("a-b",)),
        SourceEnvironment(packages=PACKAGES),
        SourceEnvironment(base=EnvironmentId("b" * 64), packages=("tiny",)),
        *(SourceEnvironment(packages=("tiny",), python=python) for python in PYTHONS),
    ],
)
def test_what_can_be_built(spec: EnvironmentSpec) -> None:
    check_environment(spec, True)


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        (RegisteredEnvironment(name=""), "bad_environment"),
        (RegisteredEnvironment(name="n" * 65), "bad_environment"),
        (SourceEnvironment(), "empty_environment"),
        (SourceEnvironment(source_path="../x", source_hash=HASH), "bad_environment"),
        (SourceEnvironment(source_path="requirements.txt"), "bad_environment"),
        (
            SourceEnvironment(source_path="r.txt", source_hash=BlobHash("A" * 64)),
            "bad_environment",
        ),
        (SourceEnvironment(base=EnvironmentId("../x")), "bad_environment"),
        (SourceEnvironment(packages=("a",) * (ENVIRONMENT_PACKAGES_MAX + 1)), "many_packages"),
        (SourceEnvironment(packages=("a",), extras=("--x",)), "bad_environment"),
        (SourceEnvironment(packages=("a",), groups=("a:b",)), "bad_environment"),
        (SourceEnvironment(packages=("a",), groups=("g" * 65,)), "bad_environment"),
        *((SourceEnvironment(packages=(one,)), "bad_environment") for one in NO_PACKAGES),
        *(
            (SourceEnvironment(packages=("a",), python=one), "bad_environment")
            for one in NO_PYTHONS
        ),
        (LockedEnvironment(lock_path="uv.lock", lock_hash=HASH, python="-h"), "bad_environment"),
    ],
)
def test_what_can_never_be_built(spec: EnvironmentSpec, refusal: str) -> None:
    with pytest.raises(LanherdError) as refused:
        check_environment(spec, True)
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert refused.value.failure.data["refusal"] == refusal
    assert refused.value.failure.remedy


@pytest.mark.parametrize(
    "spec",
    [
        LockedEnvironment(lock_path="uv.lock", lock_hash=HASH),
        SourceEnvironment(source_path="requirements.txt", source_hash=HASH),
    ],
)
def test_a_file_needs_a_snapshot_that_holds_it(spec: EnvironmentSpec) -> None:
    with pytest.raises(LanherdError) as refused:
        check_environment(spec, False)
    assert refused.value.failure.data["field"] == "environment"
    check_environment(SourceEnvironment(packages=("tiny",)), False)
