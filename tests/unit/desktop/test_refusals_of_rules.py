"""Each finding in a rules file has its own sentence in the language of the window."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from lanherd_agent import machine_rules
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.machines.rule_texts import edit_problem_text, finding_texts
from lanherd_protocol.rules_check import (
    DOTS_PER_LINE_MAX,
    KEYS,
    RULES_BYTES_MAX,
    SHARE_KEYS,
    SHARES_MAX,
    check_rules,
)
from lanherd_protocol.rules_edit import apply_edit
from lanherd_protocol.rules_lines import RulesEditError
from lanherd_protocol.rules_messages import RuleFinding

GPUS = {0: "GPU-0", 1: "GPU-1"}


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


WRONG = {
    "#" * (RULES_BYTES_MAX + 1): ("规则有 64 KB；最多 64 KB。", "请少写一些"),
    "a." * (DOTS_PER_LINE_MAX + 1): ("这一行的点超过 100 个。", "请写成表"),
    "keep_free = 1\nkeep_free = 2\n": ("keep_free 写了两次。", "请保留两行中的一行。"),
    "[users.ada]\n[users.ada]\n": ("[users.ada] 写了两次。", "请保留一个 [users.ada]"),
    "keep_free = \n": ("第 13 个字符处：无效的值。", "每行写一个“键 = 值”"),
    "keep_free 3": ("第 11 个字符处：键之后应有“=”。", "每行写一个“键 = 值”"),
    f"gpus = {'[' * 9_000}": ("这不是有效的 TOML：括号嵌套太深。", "每行写一个“键 = 值”"),
    "users = true\n": (f"users 是最多含 {SHARES_MAX} 个名称的表，这里却是 true。", "请写 [users"),
    "[tags]\nada = [1, 2, 3, 4]\n": (
        "tags.ada 是一个表，这里却是 [1, 2, 3, …]。",
        "请写 tags.ada = { gpus_max = 2 }。",
    ),
    "[users]\ngpus_max = 3\n": ("users.gpus_max 是一个表，这里却是 3。", "写 [users.NAME]"),
    "keep_fre = 1\n": ("没有规则 keep_fre。", "是不是 keep_free？"),
    "zzzzzz = 1\n": ("没有规则 zzzzzz。", "可用的规则：gpus, keep_free, "),
    'strategy = "x"\n': (
        'strategy 应是 pack、spread、coolest、most_free 之一，这里却是 "x"。',
        '请写成例如 strategy = "pack"。',
    ),
    "[users.ada]\ngpus_max = {}\n": (
        "users.ada.gpus_max 应是 0 到 64 的整数，这里却是 {}。",
        "2。",
    ),
    "failures_max = {a = 1}\n": ("应是 0 到 1000 的整数，这里却是 {…}。", "failures_max = 3。"),
    'hours = ["soon"]\n': ('时间段的列表，可以带星期，这里却是 ["soon"]。', "星期写作 mon"),
    f'over_use = "{"x" * 99}"\n': (f'这里却是 "{"x" * 60}…"。', '请写成例如 over_use = "stop"。'),
    "keep_free = 2\n": ("Lanherd 可以使用 2 个 GPU：没有运行能得到", "最多保留 1 个空闲"),
    "gpus = [0, 0]\n": ("gpus 中 GPU 0 写了两次。", "每个 GPU 只写一次。"),
    "gpus = [9]\n": ("这台机器没有 GPU 9。", "它有 0 (GPU-0), 1 (GPU-1)。"),
    "[users.ada]\ngpus_min = 2\ngpus_max = 0\n": (
        "users.ada：gpus_min 是 2，大于 gpus_max 的 0。",
        "请减小 gpus_min，或增大 gpus_max。",
    ),
    "gpus = []\n[tags.x]\ngpus_min = 1\n": (
        "tags 的 gpus_min 合计 1，而 Lanherd 能分配 0 个 GPU。",
        "请减小 gpus_min 或 keep_free。",
    ),
}


@pytest.mark.parametrize(("text", "words"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_wrong_in_a_rules_file_is_said(text: str, words: tuple[str, str]) -> None:
    said = [finding_texts(one) for one in check_rules(text, GPUS).findings]
    assert any(words[0] in what and words[1] in remedy for what, remedy in said), said


@pytest.mark.parametrize("key", {**KEYS, **SHARE_KEYS}.values(), ids=lambda key: key.wants)
def test_what_a_rule_wants_is_chinese(key: object) -> None:
    wants = getattr(key, "wants", "")
    assert QCoreApplication.translate("phrases", wants) != wants


def test_a_finding_of_an_older_or_newer_agent_is_said_as_far_as_it_is_known() -> None:
    (found,) = check_rules("keep_fre = 1\n").findings
    older = replace(found, data={"nearest": "keep_free"})
    assert finding_texts(older) == finding_texts(found)
    newer = replace(found, data={"refusal": "newer", "column": 3})
    assert finding_texts(newer) == ("没有规则 keep_fre。", found.remedy)
    unknown = RuleFinding(
        line=1,
        key="zzz",
        code="wrong_value",
        text="So.",
        data={"refusal": "wrong_rule", "found": "1", "example": "2"},
    )
    assert finding_texts(unknown) == ("zzz 不能是 1。", "请写成例如 zzz = 2。")


def edited(text: str, key: str) -> str:
    with pytest.raises(RulesEditError) as caught:
        apply_edit(text, {key: 1})
    return edit_problem_text(caught.value)


def test_why_a_rule_can_not_be_changed_by_its_field_is_said() -> None:
    assert edited("", "a b") == ("“a b”不能用作键。请写用点分隔的名称，例如 users.ada.gpus_max。")
    assert edited("keep_free =", "keep_free").startswith("规则现在的样子无法改动：")
    assert edited("users = 3\n", "users.ada.gpus_max") == (
        "users 在这个文件中不是表。请直接修改文本。"
    )
    assert edit_problem_text(RulesEditError("No.", refusal="rule_out_of_reach", key="tags.x")) == (
        "tags.x 在它所在的位置无法改动。请直接修改文本。"
    )
    assert edit_problem_text(ValueError("So.")) == "So."


def test_why_the_file_of_the_rules_can_not_be_read_is_said(tmp_path: Path) -> None:
    place = tmp_path / "rules.toml"

    def found() -> tuple[str, str]:
        finding = machine_rules._text_of(place)
        assert isinstance(finding, RuleFinding)
        return finding_texts(finding)

    place.mkdir()
    mended = "请让 rules.toml 成为代理的用户可以读取的纯文本文件。"
    assert found() == ("规则文件不是普通文件。", mended)
    place.rmdir()
    place.symlink_to(place)
    assert found() == (f"规则文件无法读取：{os.strerror(errno.ELOOP)}。", mended)
    place.unlink()
    place.write_bytes(b"\xff")
    assert found() == ("这不是 UTF-8 文本。", "请将文件存为 UTF-8。")
    place.write_bytes(b"\xff" * (RULES_BYTES_MAX + 1))
    assert found() == ("规则文件超过 64 KB。", "请减少其中的内容。")
