import pytest

from lanherd_agent.envs.python_range import is_range, satisfies


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (">=3.11", True),
        (">=3.11.7", True),
        (">=3.11.8", False),
        (">3.11", True),
        ("<3.11", False),
        ("<=3.11", False),
        ("<=3.11.7", True),
        (">=3.9, <4", True),
        (">=3.9,<3.11", False),
        ("==3.11.*", True),
        ("==3.11", False),
        ("==3.11.7", True),
        ("!=3.11.*", False),
        ("!=3.11.6", True),
        ("~=3.10", True),
        ("~=3.11.5", True),
        ("~=3.10.5", False),
        (">=3.12.0rc1", False),
        (">=3.8.dev0", True),
        ("", True),
        (" , ", True),
    ],
)
def test_a_version_in_a_range(wanted: str, fits: bool) -> None:
    assert satisfies("3.11.7", wanted) is fits


def test_versions_of_other_lengths_and_kinds() -> None:
    assert satisfies("3.13.0rc2", ">=3.13")
    assert satisfies("3.11", "<=3.11.0")
    assert not satisfies("2.7.18", ">=3")


@pytest.mark.parametrize("wanted", ["3.11", ">=3.x", "===3.11", ">=3.*", "banana", ">= "])
def test_what_is_no_range(wanted: str) -> None:
    with pytest.raises(ValueError, match="is no range"):
        satisfies("3.11.7", wanted)


def test_what_is_no_version() -> None:
    with pytest.raises(ValueError, match="is no version"):
        satisfies("banana", ">=3")


def test_ranges_are_told_from_versions() -> None:
    assert is_range(">=3.11")
    assert is_range("~=3.11")
    assert not is_range("3.11")
    assert not is_range("cpython@3.11")
