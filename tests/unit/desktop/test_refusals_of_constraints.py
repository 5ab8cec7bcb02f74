"""Each slip of a constraint has its own sentence in the language of the window."""

import re
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_desktop.platform.language import apply_language
from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.constraints import CONSTRAINT_CHARS_MAX, CONSTRAINT_DEPTH_MAX, parse
from tests.unit.desktop.refusing import NAMES, said


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


SLIPS = {
    "x" * (CONSTRAINT_CHARS_MAX + 1): f"条件有 {CONSTRAINT_CHARS_MAX + 1} 个字符",
    "": "第 1 个字符处：这里应是一个属性，却结束了",
    "or": "这里应是一个属性，却是“or”",
    "vrm > 3": "没有属性“vrm”。是不是 vram？可用的属性：vram, sm",
    "zzz = 1": "没有属性“zzz”。可用的属性：vram, sm",
    "free > 3GB": "空闲的显存请在显存一栏中请求",
    "count > 3": "GPU 的数量请在 GPU 一栏中请求",
    "sm": "sm 之后应是 = != < <= > >= 之一，却结束了",
    "sm 3": "sm 之后应是 = != < <= > >= 之一，却是“3”",
    "name > 3": "name 是文本，不能用 > 比较。请用 = != ~ !~ 之一",
    "sm >=": "与 sm 比较的应是整数，却结束了",
    "sm >= (": "与 sm 比较的应是整数，却是“(”",
    "name ~ and": "如果 and 就是要比较的文本，请给它加上引号",
    'vram > "2GB"': "vram 是大小（例如 20GB），而这里是文本。请去掉引号",
    "cuda > abc": "“abc”不是版本。请写成例如 cuda >= 12.4",
    "sm > x": "sm 是整数，而“x”不是",
    "sm > -1": "sm 不会是负数。请去掉负号",
    "sm > 80GB": "sm 没有单位。请写成 80",
    "cores > 8.5": "cores 是整数。请去掉小数部分",
    "vram > 9999999999TB": "“9999999999TB”比任何机器拥有的都多",
    "sm > 9": "“9”不是计算能力。请写成例如 90 (9.0)",
    "sm > 8.65": "“8.65”不是计算能力。请写成例如 86 (8.6)",
    "sm > 8000": "“8000”不是计算能力。请写成例如 90 (9.0)",
    "vram >= 20GX": "第 9 个字符处：“GX”不是大小的单位。可用的单位：B, KB, MB, GB, TB",
    "vram > 20": "“20”没有单位。请写成例如 20GB",
    "name = 'ab": "第 8 个字符处：这个引号没有结束",
    "sm > 30 & sm > 40": "“&”在这里没有意义。请写成 and",
    "sm > 30 @": "“@”在这里没有意义。含有这种字符的文本要加引号",
    "sm > 30)": "这个“)”之前没有“(”",
    "(sm > 30": "第 1 个字符处：这个“(”没有对应的“)”",
    "(sm > 30 sm": "这里应是 and、or 或“)”，却是“sm”",
    "name ~ RTX 3090": "这里应是 and、or 或结尾，却是“3090”。含有空格的文本要加引号",
    "sm > 30 (": "这里应是 and、or 或结尾，却是“(”。请在两个比较之间写上",
    "(" * 99: f"嵌套超过 {CONSTRAINT_DEPTH_MAX} 层",
}


@pytest.mark.parametrize(("text", "words"), SLIPS.items(), ids=map(ascii, SLIPS.values()))
def test_why_a_constraint_can_not_be_read_is_said(text: str, words: str) -> None:
    NAMES.update(FACTS, re.findall("[A-Za-z]+", text), {"TB", "and", "or", "not"})
    assert words in said(lambda: parse(text))
