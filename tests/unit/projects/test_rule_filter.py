import random
from pathlib import Path

import pathspec
import pytest

from lanherd_client.projects import ignore
from lanherd_client.projects.ignore import Rules
from lanherd_client.projects.rule_filter import RuleFilter


def quick(*lines: str) -> RuleFilter:
    return RuleFilter.of(lines)


@pytest.mark.parametrize("line", ["build/", "build", "!build/", "build  "])
def test_a_name_is_looked_for_in_the_whole_path(line: str) -> None:
    found = quick(line)
    assert found.names == {"build"}
    assert found.rest == ()
    assert found.may_match("build/")
    assert found.may_match("src/build/x.py")
    assert not found.may_match("src/rebuild/builds.py")


def test_beginnings_ends_and_anchored_paths() -> None:
    found = quick("*.log", "*~", ".coverage.*", "/data/", "docs/_build", "!/x")
    assert found.ends == (".log", "~")
    assert found.beginnings == (".coverage.",)
    assert found.anchored == ("data", "docs/_build", "x")
    for path in ("a/b.log", "c~", "a.log/x", "q/.coverage.1", "data/", "docs/_build/x", "x"):
        assert found.may_match(path)
    for path in ("a/b.logs", "src/data.py", "src/data/", "docs/build/", "log", "a/x"):
        assert not found.may_match(path)


@pytest.mark.parametrize(
    "line",
    ["*", "**", "!", "!/", "//", "a?", "[ab]", "a\\ ", "*.py[cod]", "a*b", "*a*", "a/*", "a//b"],
)
def test_whatever_else_is_left_to_the_library(line: str) -> None:
    assert quick(line).rest == (line,)


def test_comments_and_empty_lines_are_none() -> None:
    found = quick("", "   ", "# *.log", "/", "\t")
    assert (found.names, found.ends, found.rest) == (frozenset(), (), ())
    assert not found.may_match("x")


_PARTS = ("a", "b", "ab", ".a", "*", "*a", "a*", "**", "?", "[ab]", "\\a", "a b", "ü", "")
_NAMES = ("a", "b", "ab", ".a", "ba", "aab", "a b", "ü", "c")


def _line(chance: random.Random) -> str:
    text = "/".join(chance.choice(_PARTS) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    return (
        chance.choice(("", "", "!"))
        + chance.choice(("", "", "/"))
        + text
        + chance.choice(("", "", "/", " ", "/ "))
    )


def _valid(line: str) -> bool:
    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("seed", range(20))
def test_it_never_says_no_where_the_library_says_yes(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for number in range(40):
        lines = [line for _ in range(chance.randint(1, 6)) if _valid(line := _line(chance))]
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ".gitignore").write_text("\n".join(lines))
        rules = Rules.of_project(str(folder)).entering(str(folder), "", {".gitignore"})
        whole = pathspec.GitIgnoreSpec.from_lines([line or "#" for line in lines] or ["#"])
        for _ in range(40):
            path = "/".join(chance.choice(_NAMES) for _ in range(chance.randint(1, 3)))
            is_folder = chance.random() < 0.3
            found = whole.check_file(f"{path}/" if is_folder else path)
            rule = rules.about(path, path.rpartition("/")[2], is_folder=is_folder)
            if found.include:
                assert rule is not None
                assert rule.line == (found.index or 0) + 1
            else:
                assert rule is None, (lines, path)


def test_the_library_is_not_needed_for_plain_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignore, "_compiled", lambda *_: pytest.fail("rules were compiled"))
    (tmp_path / ".gitignore").write_text("# Python\n__pycache__/\n*.log\n/build\n!keep.txt\n")
    rules = Rules.of_project(str(tmp_path)).entering(str(tmp_path), "", {".gitignore"})
    assert rules.about("src/train.py", "train.py", is_folder=False) is None
    assert rules.about("src", "src", is_folder=True) is None
