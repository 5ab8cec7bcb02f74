"""What the projects page remarks of an environment, in the language of the window."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_client.projects.environment_files import Remark, read_environment
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.projects import remarks

NAMES = {"requirements", "txt", "in", "pyproject", "toml", "Python", "UTF", "uv", "lock", "pip"}
NAMES |= {"compile", "generate", "hashes", "Invalid", "statement", "at", "line", "column"}


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


MADE = [
    ("requirements.txt", b"numpy\n", "requirements.txt 没有写全软件包的哈希值"),
    ("requirements.txt", b"\xff", "requirements.txt 不是文本"),
    ("pyproject.toml", b"=", "pyproject.toml 无法理解"),
    ("pyproject.toml", b'[project]\ndynamic = ["dependencies"]\n', "依赖项是动态的"),
    ("pyproject.toml", b'[project]\ndependencies = ["numpy"]\n', "旁边没有锁文件"),
]


@pytest.mark.parametrize(("name", "content", "words"), MADE, ids=[words for *_, words in MADE])
@pytest.mark.usefixtures("chinese")
def test_a_remark_is_said_in_chinese(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    (remark,) = read_environment(tmp_path).remarks
    text = remarks.remark_text(remark)
    assert words in text and text.endswith("。") and "{" not in text
    assert not set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES, text


def test_in_english_the_own_sentence_stands(qapp: QApplication) -> None:
    assert remarks.remark_text(Remark("dynamic", "As it is.", "x")) == "As it is."


def test_every_remark_has_a_text() -> None:
    codes = get_args(get_type_hints(Remark)["code"])
    assert len(codes) == 5 and set(codes) == set(remarks._REMARKS)
