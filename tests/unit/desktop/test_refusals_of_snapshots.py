"""What is refused of pushed projects and of environments, in the language of the window."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_agent.api import once
from lanherd_agent.api import snapshots as snapshot_calls
from lanherd_agent.envs import failures, inventory, upkeep
from lanherd_agent.envs import problems as env_problems
from lanherd_agent.envs.installed import Verified
from lanherd_agent.snapshots import problems
from lanherd_client import environment_calls, environment_choosing
from lanherd_client.environment_orders import (
    EnvironmentOrder,
    check_none,
    copy_of,
    environment_order,
    spec_of,
)
from lanherd_client.projects.environment_files import read_environment
from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.project_file import FILE_BYTES_MAX, read_project_file
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import EnvironmentId
from lanherd_protocol.limits import ENVIRONMENT_PACKAGES_MAX
from lanherd_protocol.values import NoEnvironment, RegisteredEnvironment
from tests.support.synthetic_room import run_id
from tests.unit.desktop.refusing import NAMES, Ask, in_chinese, said

ID = "7" * 64
SHORT = "7" * 12


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def test_an_id_is_said_short_and_the_beginning_of_one_as_it_is() -> None:
    assert f"快照 {SHORT} 不在" in in_chinese(problems.not_yours(ID).failure)
    asked = error(
        ErrorCode.CONFLICT, "", refusal="several_snapshots", snapshot="7" * 20, snapshots=8
    )
    assert f"有 8 个快照以“{'7' * 20}”开头" in in_chinese(asked.failure)


SNAPSHOTS: dict[str, tuple[LanherdError, str]] = {
    "base": (problems.no_base(ID), f"用来比较的快照 {SHORT} 已不在"),
    "pinned": (problems.pinned(ID, "七"), "特意保留：七。请先取消固定"),
    "pinned without a note": (problems.pinned(ID, ""), "特意保留。请先取消固定"),
    "needed": (problems.needed(ID, 8), "有 8 个等待或进行中的运行要用它。请等"),
    "page": (snapshot_calls._bad_page(0), "请求的却是 0 个"),
    "age": (snapshot_calls._bad_age(-7.0), "请给出 0 或更大"),
    "command": (once._no_command("7"), "“7”不是命令"),
    "other change": (once._other_change("7"), "请作为新的命令发送"),
    "environment's runs": (
        inventory.needed_by(ID, (run_id(1), run_id(2))),
        f"有 2 个等待或进行中的运行需要环境 {SHORT}。",
    ),
    "busy": (upkeep._busy(ID), f"环境 {SHORT} 正在构建"),
    "not ours": (upkeep._not_ours("七"), "环境“七”是登记的"),
    "damaged": (
        upkeep._still_damaged(ID, Verified(9, (), ("7", "8"))),
        f"无法修复环境 {SHORT}：重新安装软件包之后，仍有 2 个文件",
    ),
    "no log": (env_problems.no_build_log("七"), "没有构建日志"),
    "old": (environment_choosing.too_old("7"), "7 上的 Lanherd 太旧"),
    "endless": (environment_calls._endless("7"), "7 发来的锁文件没有尽头"),
}


@pytest.mark.parametrize(("made", "words"), SNAPSHOTS.values(), ids=SNAPSHOTS.keys())
def test_what_is_refused_there_is_said(made: LanherdError, words: str) -> None:
    NAMES.update({"UUIDv"})
    assert words in in_chinese(made.failure)


@pytest.mark.parametrize(("field", "words"), [("note", "备注"), ("project", "项目的名称")])
def test_a_text_that_is_not_kept_is_said(field: str, words: str) -> None:
    text = said(lambda: snapshot_calls._check_text(field, "长" * 9, 7))
    assert f"无法保存{words}：它有 9 个字符；最多 7 个" in text


def wanted(**said_of_it: object) -> Ask:
    return lambda: environment_order(said_of_it)


SIX = EnvironmentOrder(packages=("six",))
ORDERS: dict[str, tuple[Ask, str]] = {
    "none and more": (
        lambda: check_none(EnvironmentOrder("none", packages=("six",))),
        "没有请求环境，却又写了环境的内容：packages。",
    ),
    "registered": (
        lambda: spec_of(SIX, RegisteredEnvironment(name="7")),
        "所以不能对它提出：packages。",
    ),
    "of nothing": (
        lambda: spec_of(EnvironmentOrder(python="3.12"), NoEnvironment()),
        "没有可以应用 python 的环境",
    ),
    "no extras": (
        lambda: copy_of(EnvironmentOrder(extras=("7",)), EnvironmentId(ID)),
        "所以 extra 在这里无可选择",
    ),
    "odd": (wanted(environment=7), "环境应是文本，给出的却是 7。"),
    "option": (wanted(packages="-7"), "-7 不是软件包的需求"),
    "extra": (wanted(extra="-7"), "“-7”不能用作可选依赖的名称"),
    "group": (wanted(group="-7"), "“-7”不能用作依赖组的名称"),
    "version": (wanted(python="七"), "“七”不是 Python 的版本"),
    "switch": (wanted(wheels_only="7"), "不能是 7"),
    "many": (
        wanted(packages=[f"p{n}" for n in range(ENVIRONMENT_PACKAGES_MAX + 1)]),
        f"一个运行最多写 {ENVIRONMENT_PACKAGES_MAX} 个",
    ),
}


@pytest.mark.parametrize(("ask", "words"), ORDERS.values(), ids=ORDERS.keys())
def test_what_is_wrong_with_an_environment_is_said(ask: Ask, words: str) -> None:
    NAMES.update({"packages", "python", "extra", "pyproject", "toml", "auto", "none", "name"})
    NAMES.update({"wheels", "only", "True", "False"})
    assert words in said(ask)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("building", f"环境 {SHORT} 正在构建。请等它构建完成"),
        ("waiting", "正在排队等待构建"),
        ("failed", "构建失败。请查看其日志"),
        ("damaged", "有文件已损坏。请修复它"),
        ("newer", "现在不能使用"),
    ],
)
def test_why_an_environment_can_not_be_used_is_said(state: str, words: str) -> None:
    refused = error(
        ErrorCode.CONFLICT, "", refusal="environment_not_ready", environment=ID, state=state
    )
    assert words in in_chinese(refused.failure)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7 = 7\n", "处错误：第一处在第 "),
        (b"\n\xff", "有 1 处错误：第一处在第 2 行。请用编辑器"),
        ("#" * (FILE_BYTES_MAX + 1), "超过 "),
    ],
)
def test_what_is_wrong_with_a_project_file_is_said(
    text: str | bytes, words: str, tmp_path: Path
) -> None:
    place = tmp_path / PROJECT_FILE
    place.parent.mkdir()
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LanherdError) as caught:
        read_project_file(tmp_path)
    assert words in "".join(failure_texts(caught.value.failure))


def test_an_environment_that_a_project_file_names_in_vain_is_said(tmp_path: Path) -> None:
    place = tmp_path / PROJECT_FILE
    place.parent.mkdir()
    place.write_text(
        'id = "01936f70-0000-7000-8000-000000000000"\nname = "x"\nenvironment = "7/7.txt"\n'
    )
    with pytest.raises(LanherdError) as caught:
        read_environment(tmp_path)
    assert "中写的环境无法得到" in "".join(failure_texts(caught.value.failure))


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (env_problems.no_python("7.7", "7.8"), "没有 Python 7.7"),
        (error(ErrorCode.ENVIRONMENT_FAILED, "", lock="7.lock"), "按 7.lock 构建环境时出错"),
        (error(ErrorCode.TIMED_OUT, ""), ""),
    ],
)
def test_a_build_that_is_not_tried_again_says_what_it_failed_with(
    first: LanherdError, words: str
) -> None:
    remembered = failures.Remembered(failure=first.failure, fingerprint="7", at=time.time())
    text = in_chinese(failures.refusal(remembered).failure)
    assert words in text
    assert re.search(r"它在 \d\d:\d\d 失败过，此后没有变化。请", text)
