"""What makes an environment another one, and for which Pythons a lock is."""

from pathlib import Path

import pytest

from lanherd_agent.envs.build import locked_names, tree_bytes
from lanherd_agent.envs.lock import Interpreter, environment_id, requires_python
from lanherd_agent.envs.recipe import recipe_of
from lanherd_agent.envs.sources import Question, Source
from lanherd_protocol.ids import BlobHash, EnvironmentId
from lanherd_protocol.values import SourceEnvironment

PYTHON = Interpreter("/usr/bin/python3", "3.11.2", "cpython", "linux-x86_64 cpython-311")
OTHER = Interpreter("/usr/bin/python3", "3.12.1", "cpython", "linux-x86_64 cpython-312")


def test_extras_and_groups_make_another_environment() -> None:
    ids = {
        environment_id("uv", b"a", PYTHON),
        environment_id("uv", b"a", PYTHON, ("x",)),
        environment_id("uv", b"a", PYTHON, (), ("x",)),
        environment_id("uv", b"a", PYTHON, ("x",), ("x",)),
        environment_id("uv", b"a", PYTHON, ("x", "y")),
    }
    assert len(ids) == 5
    assert environment_id("uv", b"a", PYTHON, (), ("x", "y")) == environment_id(
        "uv", b"a", PYTHON, (), ("y", "x")
    )


def test_that_nothing_may_be_built_makes_no_other_environment() -> None:
    one = recipe_of("uv.lock", "uv", b"a", PYTHON)
    two = recipe_of("lib/uv.lock", "uv", b"a", PYTHON, wheels_only=True, is_resolved=True)
    assert one.environment == two.environment


def test_the_range_of_a_uv_lock_stands_before_its_packages() -> None:
    lock = b'version = 1\nrequires-python = ">=3.11, <4"\n[[package]]\nname = "a"\n'
    assert requires_python("uv", lock) == ">=3.11, <4"
    assert requires_python("requirements", lock) == ""
    assert requires_python("uv", b'[[package]]\nrequires-python = "no"\n') == ""
    assert locked_names(lock + b'[[package]]\nname = "b"\n') == ("a", "b")


def test_a_question_is_another_as_soon_as_its_answer_may_be() -> None:
    spec = SourceEnvironment(packages=("tiny",), extras=("b", "a"))
    questions = [
        ("", Question(Source(), SourceEnvironment(packages=("tiny",)), PYTHON)),
        ("elsewhere", Question(Source(), SourceEnvironment(packages=("tiny",)), PYTHON)),
        ("", Question(Source(), SourceEnvironment(packages=("tiny", "big")), PYTHON)),
        ("", Question(Source(), SourceEnvironment(packages=("tiny",)), OTHER)),
        ("", Question(Source((("r.txt", b"1"),)), SourceEnvironment(packages=("tiny",)), PYTHON)),
        ("", Question(Source((("r.txt", b"2"),)), SourceEnvironment(packages=("tiny",)), PYTHON)),
        ("", Question(Source(), spec, PYTHON)),
        ("", Question(Source(), SourceEnvironment(packages=("tiny",), groups=("a", "b")), PYTHON)),
        ("", Question(Source(), SourceEnvironment(packages=("tiny",), wheels_only=True), PYTHON)),
        (
            "",
            Question(
                Source(),
                SourceEnvironment(packages=("tiny",), base=EnvironmentId("b" * 64)),
                PYTHON,
            ),
        ),
    ]
    keys = {one.key(where) for where, one in questions}
    assert len(keys) == len(questions)
    same = SourceEnvironment(
        packages=("tiny",), extras=("a", "b"), source_hash=BlobHash("c" * 64), python="3.11"
    )
    assert Question(Source(), same, PYTHON).key("") == Question(Source(), spec, PYTHON).key("")


def test_a_question_has_a_name_for_people() -> None:
    base = EnvironmentId("b" * 64)
    spec = SourceEnvironment(base=base, source_path="requirements.txt", packages=("tiny", "big"))
    assert Question(Source(), spec, PYTHON).name == "bbbbbbbbbbbb and requirements.txt tiny, big"
    many = SourceEnvironment(packages=("tiny",) * 100)
    assert len(Question(Source(), many, PYTHON).name) == 120


@pytest.mark.parametrize("links", [1, 2])
def test_what_is_shared_is_not_its_own(tmp_path: Path, links: int) -> None:
    folder = tmp_path / "venv" / "lib"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"12345")
    (folder / "b").symlink_to("a")
    if links == 2:
        (tmp_path / "elsewhere").hardlink_to(folder / "a")
    assert tree_bytes(tmp_path / "venv") == (5, 5 if links == 1 else 0)
    assert tree_bytes(tmp_path / "absent") == (0, 0)
