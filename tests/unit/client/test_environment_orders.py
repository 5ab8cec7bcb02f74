"""What is said of an environment, beside what a folder says: one specification, or why not."""

from typing import Any

import pytest

from lanherd_client.environment_orders import (
    EnvironmentOrder,
    Grown,
    check_none,
    copy_of,
    described,
    environment_order,
    spec_of,
)
from lanherd_client.orders import order
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import BlobHash, EnvironmentId
from lanherd_protocol.values import (
    EnvironmentSpec,
    LockedEnvironment,
    NoEnvironment,
    RegisteredEnvironment,
    SourceEnvironment,
)

HASH = BlobHash("a" * 64)
BASE = EnvironmentId("b" * 64)
UV = LockedEnvironment(lock_path="uv.lock", lock_hash=HASH, python="3.11")
HASHED = LockedEnvironment(lock_path="requirements.txt", lock_hash=HASH)
LOOSE = SourceEnvironment(source_path="requirements.txt", source_hash=HASH)
PROJECT = SourceEnvironment(source_path="sub/pyproject.toml", source_hash=HASH, python="3.12")


def refused(said: dict[str, Any]) -> str:
    with pytest.raises(LanherdError) as told:
        environment_order(said)
    failure = told.value.failure
    assert told.value.code is ErrorCode.INVALID_REQUEST
    assert failure.title and failure.message and failure.remedy and failure.data["refusal"]
    return f"{failure.title} {failure.message}"


def test_what_is_said_is_read_once_in_order() -> None:
    said = environment_order(
        {
            "environment": "torch",
            "packages": [" numpy ", "torch>=2,<3", "numpy"],
            "extra": "cuda",
            "group": ("dev", "test"),
            "python": " >=3.11,<3.13 ",
            "wheels_only": True,
        }
    )
    assert said == EnvironmentOrder(
        "torch", ("numpy", "torch>=2,<3"), ("cuda",), ("dev", "test"), ">=3.11,<3.13", True
    )
    assert said.details == ("packages", "extra", "group", "python", "wheels_only")
    assert environment_order({}) == EnvironmentOrder()
    assert EnvironmentOrder().details == ()


@pytest.mark.parametrize(
    "package",
    ["numpy", "numpy==2.1", "torch[cuda]>=2,<3", "six @ https://x/six.whl", "a ; os_name == 'nt'"],
)
def test_requirements_are_taken_as_they_are_written(package: str) -> None:
    assert environment_order({"packages": package}).packages == (package,)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"packages": ["--index-url=http://x"]}, "An option is for the machine's uv"),
        ({"packages": [""]}, "packages can't be ''"),
        ({"packages": ["./wheel"]}, "It is no requirement."),
        ({"packages": ["a\nb"]}, "It is no requirement."),
        ({"packages": ["a" * 1001]}, "It is no requirement."),
        ({"packages": [f"a{n}" for n in range(1001)]}, "1001 packages are too many"),
        ({"packages": 3}, "packages is a sequence of words."),
        ({"extra": "-x"}, "extra can't be '-x'"),
        ({"group": ["a b"]}, "group can't be 'a b'"),
        ({"python": "three"}, "python can't be 'three'"),
        ({"python": None}, "python can't be 'None'"),
        ({"wheels_only": "yes"}, "wheels_only can't be 'yes'"),
        ({"environment": ""}, "environment is a text."),
        ({"environment": None}, "environment is a text."),
    ],
)
def test_a_slip_names_its_argument(said: dict[str, Any], why: str) -> None:
    assert why in refused(said)


def test_an_order_carries_what_was_said() -> None:
    made = order(["true"], packages=["numpy"], python="3.12")
    assert made.environment == EnvironmentOrder(packages=("numpy",), python="3.12")
    with pytest.raises(LanherdError):
        order(["true"], extra="!")


NUMPY = EnvironmentOrder(packages=("numpy",))


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (EnvironmentOrder(), UV, UV),
        (EnvironmentOrder(), NoEnvironment(), NoEnvironment()),
        (NUMPY, NoEnvironment(), SourceEnvironment(packages=("numpy",))),
        (
            EnvironmentOrder(extras=("cuda",), groups=("dev",), python="3.13", wheels_only=True),
            UV,
            LockedEnvironment(
                lock_path="uv.lock", lock_hash=HASH, python="3.13", extras=("cuda",),
                groups=("dev",), wheels_only=True,
            ),
        ),
        (
            EnvironmentOrder(wheels_only=True),
            UV,
            LockedEnvironment(lock_path="uv.lock", lock_hash=HASH, python="3.11", wheels_only=True),
        ),
        (
            NUMPY,
            HASHED,
            SourceEnvironment(
                source_path="requirements.txt", source_hash=HASH, packages=("numpy",)
            ),
        ),
        (
            NUMPY,
            LOOSE,
            SourceEnvironment(
                source_path="requirements.txt", source_hash=HASH, packages=("numpy",)
            ),
        ),
        (
            EnvironmentOrder(extras=("cuda",)),
            PROJECT,
            SourceEnvironment(
                source_path="sub/pyproject.toml", source_hash=HASH, extras=("cuda",), python="3.12"
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_said_is_added_to_what_the_folder_has(
    wanted: EnvironmentOrder, found: EnvironmentSpec, expected: EnvironmentSpec
) -> None:
    assert spec_of(wanted, found) == expected


def test_packages_beside_a_uv_lock_are_put_upon_its_environment() -> None:
    grown = spec_of(EnvironmentOrder(packages=("numpy",), extras=("cuda",)), UV)
    assert isinstance(grown, Grown)
    assert (grown.lock.lock_path, grown.lock.extras) == ("uv.lock", ("cuda",))
    assert grown.upon(BASE) == SourceEnvironment(packages=("numpy",), base=BASE)


def test_extras_may_be_those_of_a_pyproject_that_is_not_used_otherwise() -> None:
    chosen = spec_of(EnvironmentOrder(extras=("cuda",)), NoEnvironment(), PROJECT)
    assert isinstance(chosen, SourceEnvironment) and chosen.extras == ("cuda",)
    # Without a wish for them it stays unused: it names no packages.
    assert spec_of(NUMPY, NoEnvironment(), PROJECT) == SourceEnvironment(packages=("numpy",))


@pytest.mark.parametrize(
    ("wanted", "found", "why"),
    [
        (EnvironmentOrder(extras=("x",)), HASHED, "requirements.txt has none"),
        (EnvironmentOrder(extras=("x",), groups=("y",)), LOOSE, "extra and group"),
        (EnvironmentOrder(groups=("x",)), NoEnvironment(), "what is asked for here has none"),
        (EnvironmentOrder(python="3.12"), NoEnvironment(), "no environment that python could"),
        (NUMPY, RegisteredEnvironment(name="lab"), "The environment lab can't have packages."),
    ],
)
def test_what_does_not_go_together_is_said(
    wanted: EnvironmentOrder, found: EnvironmentSpec, why: str
) -> None:
    with pytest.raises(LanherdError) as told:
        spec_of(wanted, found)
    failure = told.value.failure
    assert why in f"{failure.title} {failure.message}"
    assert failure.remedy and failure.data["options"]


def test_nothing_can_be_said_of_no_environment() -> None:
    check_none(EnvironmentOrder("none"))
    check_none(NUMPY)
    with pytest.raises(LanherdError, match="No environment was asked for, and yet packages"):
        check_none(NUMPY.used("none"))


def test_a_copy_of_an_environment_may_have_more() -> None:
    wanted = EnvironmentOrder("bbbb", ("numpy",), python="3.12", wheels_only=True)
    assert wanted.names_one and not EnvironmentOrder().names_one
    assert copy_of(wanted, BASE) == SourceEnvironment(
        packages=("numpy",), base=BASE, python="3.12", wheels_only=True
    )
    with pytest.raises(LanherdError, match="nothing that extra could choose from"):
        copy_of(EnvironmentOrder("bbbb", extras=("x",)), BASE)


def test_what_is_said_comes_before_the_projects_default() -> None:
    default = EnvironmentOrder("auto", ("numpy",), ("cuda",), (), "3.11", True)
    assert EnvironmentOrder().over(default) == default
    said = EnvironmentOrder(packages=("torch",), python="3.12")
    assert said.over(default) == EnvironmentOrder("auto", ("torch",), ("cuda",), (), "3.12", True)
    assert said.used("none").over(default) == said.used("none")
    assert EnvironmentOrder().over(EnvironmentOrder("lab")).use == "lab"
    # Of a project without an environment the packages that are said are all that there is.
    assert said.over(EnvironmentOrder("none")).use == "auto"
    assert EnvironmentOrder().over(EnvironmentOrder("none")).use == "none"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (NoEnvironment(), ""),
        (RegisteredEnvironment(name="lab"), "lab"),
        (UV, "uv.lock"),
        (
            LockedEnvironment(lock_path="uv.lock", lock_hash=HASH, extras=("a",), groups=("b",)),
            "uv.lock with a, b",
        ),
        (SourceEnvironment(packages=("numpy", "six")), "numpy + six"),
        (SourceEnvironment(base=BASE, packages=("six",)), "bbbbbbbbbbbb + six"),
        (PROJECT, "sub/pyproject.toml"),
    ],
)
def test_a_specification_in_words(spec: EnvironmentSpec, text: str) -> None:
    assert described(spec) == text
