"""Pictures need the window's texts compiled: a fresh clone has none."""

import os
import shutil
from pathlib import Path

import pytest

from lanherd_desktop.platform.resources import resources_path
from tests import shots
from tests.support.translations import compile_missing

SOURCE = resources_path() / "translations" / "lanherd_zh_CN.ts"
LANGUAGES = ("en", "zh_CN")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The texts of a checkout in which nothing was compiled yet."""
    shutil.copy(SOURCE, tmp_path)
    return tmp_path


def test_what_is_missing_or_old_is_compiled_and_nothing_else(clone: Path) -> None:
    compiled = clone / "lanherd_zh_CN.qm"
    assert compile_missing(clone, LANGUAGES) == ["zh_CN"]
    assert compiled.stat().st_size > 10_000 and len(list(clone.iterdir())) == 2
    assert compile_missing(clone, LANGUAGES) == []
    os.utime(compiled, (0, 0))
    assert compile_missing(clone, ["en"]) == [] and compile_missing(clone, LANGUAGES) == ["zh_CN"]


def test_what_cant_be_compiled_is_said_with_what_to_do(clone: Path) -> None:
    with pytest.raises(SystemExit, match=r"\./dev shots"):
        compile_missing(clone, LANGUAGES, clone / "no-such-compiler")
    (clone / SOURCE.name).write_text("<nothing")
    with pytest.raises(SystemExit, match=r"lanherd_zh_CN\.ts can't be compiled"):
        compile_missing(clone, LANGUAGES)
    assert [path.name for path in clone.iterdir()] == [SOURCE.name]


def test_texts_are_compiled_before_the_first_picture(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    resources = clone.parent / "resources"
    resources.mkdir()
    clone.rename(resources / "translations")
    monkeypatch.setattr(shots, "resources_path", lambda: resources)

    def no_application(_arguments: list[str]) -> None:
        steps.extend(path.name for path in (resources / "translations").glob("*.qm"))
        raise KeyboardInterrupt

    monkeypatch.setattr(shots, "make_application", no_application)
    with pytest.raises(KeyboardInterrupt):
        shots.main(["--out", str(resources / "pictures")])
    assert steps == ["lanherd_zh_CN.qm"]
