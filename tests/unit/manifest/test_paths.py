import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.limits import PATH_NAMES_MAX
from lanherd_protocol.paths import PathError, check_path, check_target, parent

NAMES = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=6).map("/".join)


@given(PATHS)
def test_names_joined_by_slashes_are_a_path(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("a//b", "empty name"),
        ("a/", "empty name"),
        (".", "'.'"),
        ("a/./b", "'.'"),
        ("..", "'..'"),
        ("a/../b", "'..'"),
        ("a\0b", "NUL"),
        ("a\\b", "backslash"),
        ("a\ud800", "Unicode"),
        ("x" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
        ("/".join(["abc"] * 1100), "4096 bytes"),
        ("/".join(["a"] * (PATH_NAMES_MAX + 1)), "deeper"),
    ],
)
def test_what_is_no_path_is_refused_with_its_name_and_the_reason(path: str, why: str) -> None:
    with pytest.raises(PathError, match=why) as refused:
        check_path(path)
    assert refused.value.path == path


@given(st.text(st.sampled_from("ab./\\\0"), max_size=12))
def test_an_accepted_path_is_normal_and_stays_inside(path: str) -> None:
    try:
        check_path(path)
    except PathError:
        return
    assert posixpath.normpath(path) == path
    assert posixpath.join("/root", path).startswith("/root/")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", "file"),
        ("link", "."),
        ("a/link", "../b"),
        ("a/b/link", "../../c/d"),
        ("a/link", ".."),
        ("a/link", "inner/x"),
    ],
)
def test_targets_inside_the_tree(path: str, target: str) -> None:
    assert check_target(path, target) == target


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", ""),
        ("link", ".."),
        ("link", "/etc"),
        ("link", "../x"),
        ("a/link", "../../x"),
        # Through another link, the step up could start anywhere.
        ("a/link", "b/../x"),
        ("a/link", "./x"),
        ("link", "x\0y"),
        ("link", "x\\y"),
        ("../link", "x"),
    ],
)
def test_targets_that_may_lead_out_are_refused(path: str, target: str) -> None:
    with pytest.raises(PathError):
        check_target(path, target)


@given(PATHS, st.text(st.sampled_from("ab./"), max_size=12))
def test_an_accepted_target_resolves_to_a_place_inside(path: str, target: str) -> None:
    try:
        check_target(path, target)
    except PathError:
        return
    resolved = posixpath.normpath(posixpath.join("/root", posixpath.dirname(path), target))
    assert (resolved + "/").startswith("/root/")


def test_the_parent_of_a_path() -> None:
    assert parent("a/b/c") == "a/b"
    assert parent("a") == ""
