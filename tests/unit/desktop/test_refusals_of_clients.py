"""What the client refuses before anything is sent, in the language of the window."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_client import choosing, order_checks
from lanherd_client.mirror import Connecting, MachineView, Online, Unreachable
from lanherd_client.orders import order, run_of
from lanherd_client.projects.ignore import PROJECT_FILE
from lanherd_client.projects.problems import changed, empty
from lanherd_client.projects.project_file import ignore_lines
from lanherd_client.projects.scan import scan
from lanherd_client.submitting import submit_to
from lanherd_desktop.platform.language import apply_language
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import RUNS_PER_SUBMIT_MAX
from lanherd_protocol.values import GpuRequest, HostRequest, RetryRule
from tests.support.scripted_agent import GIB, facts
from tests.unit.desktop.refusing import NAMES, Ask, in_chinese, said


@pytest.fixture(autouse=True)
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def machine(name: str, gpus: int = 1) -> MachineView:
    known = facts(DeviceId(name * 64), name, gpus)
    return MachineView(DeviceId(name * 64), name, Online(1.0, "admin", "1", "7"), known)


ONE, TWO = machine("7"), machine("8", 2)
OFF = Unreachable(1.0, error(ErrorCode.UNREACHABLE, "No.").failure)


def chosen(*machines: MachineView, **asked: object) -> Ask:
    return lambda: choosing.choose(machines, GpuRequest(**asked))


MACHINES: dict[str, tuple[Ask, str]] = {
    "several": (
        lambda: choosing.find_machine([replace(ONE, name="71"), replace(ONE, name="72")], "7"),
        "“7”对应多台机器：71, 72。请把名称写得更完整",
    ),
    "no such": (
        lambda: choosing.find_machine([ONE, TWO], "9"),
        "没有名为“9”的机器；已知的机器：7, 8",
    ),
    "none known": (lambda: choosing.find_machine([], "9"), "还不知道任何机器"),
    "empty": (lambda: choosing.find_machines([ONE], ""), "机器的名称是空的"),
    "not yet": (
        lambda: choosing.require_online(replace(ONE, link=Connecting(1.0))),
        "7 还没有应答：正在建立连接。请过几秒再试",
    ),
    "elsewhere": (
        lambda: choosing.choose_for([ONE, TWO], [ONE], [TWO], GpuRequest(), HostRequest()),
        "它要去 7，却在等待 8 上的运行",
    ),
    "none paired": (chosen(), "还没有配对任何机器"),
    "none connected": (
        chosen(replace(ONE, link=OFF), replace(TWO, link=OFF)),
        "已配对的机器都没有应答：7, 8",
    ),
    "none suits": (
        lambda: choosing.choose(
            [ONE, TWO],
            GpuRequest(count=9, vram_bytes=GIB, where="sm >= 80"),
            HostRequest(cpu_cores=2.0, memory_bytes=GIB),
        ),
        "它要求：GPU 9, VRAM 1.00 GB, sm >= 80, CPU 2, memory 1.00 GB。现有：7 (GPU 1, 1 × ",
    ),
    "none has said what it has": (
        chosen(replace(ONE, facts=None), replace(TWO, facts=None), count=1, mig="1g.10gb"),
        "它要求：GPU 1, MIG 1g.10gb。现有：7; 8。",
    ),
}


@pytest.mark.parametrize(("ask", "words"), MACHINES.values(), ids=MACHINES.keys())
def test_why_no_machine_takes_a_run_is_said(ask: Ask, words: str) -> None:
    NAMES.update({"sm", "memory", "disk", "MIG", "CPU", "VRAM"})
    assert words in said(ask)


def ordered(**options: object) -> Ask:
    options.setdefault("command", ("true",))
    return lambda: order(**options)


ORDERS: dict[str, tuple[Ask, str]] = {
    "command": (ordered(command="ls"), "command 应是词的列表，给出的却是 'ls'"),
    "no command": (ordered(command=7), "command 应是词的列表，给出的却是 7"),
    "word": (ordered(command=("ls", 7)), "command[1] 是 7，不是文本"),
    "empty secret": (ordered(secrets={"A": ""}), "机密值 A 是空的"),
    "secret": (ordered(secrets={"A": 7}), "secrets['A'] 应是文本，给出的却不是"),
    "gpus' variable": (
        ordered(variables={"CUDA_VISIBLE_DEVICES": ""}),
        "它说明运行有哪些 GPU，应由机器设置",
    ),
    "own variable": (ordered(variables={"LANHERD_7": ""}), "以 LANHERD_ 开头的名称由 Lanherd"),
    "variable": (ordered(variables={"A": 7}), "variables['A'] 应是文本，给出的却是 7"),
    "variables": (ordered(variables=7), "variables 应是名称和文本的字典，给出的却是 7"),
    "switch": (ordered(hold=7), "hold 应是 True 或 False，给出的却是 7"),
    "number": (ordered(priority="7"), "priority 应是整数，给出的却是 '7'"),
    "huge": (ordered(priority=1 << 70), "priority 太大。请给出较小的值"),
    "signals": (ordered(retries=1, retry_signals="7x"), "retry_signals 应是信号，给出的却是 '7x'"),
    "duration": (ordered(grace="7x"), "grace 应是时长，给出的却是 '7x'"),
    "no duration": (ordered(grace=True), "grace 应是时长，给出的却是 True"),
    "long": (ordered(grace=1 << 70), "grace 超过 30 年"),
    "size": (ordered(memory="7x"), "memory 应是大小，给出的却是 '7x'"),
    "no size": (ordered(memory=-7), "memory 应是大小，给出的却是 -7"),
    "huge size": (ordered(memory=1 << 70), "memory 太大"),
    "no unit": (ordered(memory=7), "memory 会是 7 字节。请写上单位，例如 7GB"),
    "stop signal": (ordered(stop_signal="7"), "不能用信号 7 停止运行。请写 TERM, INT"),
    "run": (lambda: run_of("7"), "“7”不是运行"),
    "limit": (ordered(time_limit=1e-9), "时间限制至少是一毫秒"),
    "retries twice": (ordered(retry=RetryRule(), retries=1), "规则中和 retries 中都有"),
    "retries unsaid": (ordered(backoff=7), "给出了 backoff，但没有说明重试几次"),
    "cause": (ordered(retries=1, retry_on="7"), "7 不在其中。请写 failed"),
    "cores": (ordered(cpus="7"), "CPU 核数应是数字，给出的却是 '7'"),
    "gpus": (ordered(gpus="7x"), "GPU 的数量应是整数或范围，给出的却是 '7x'"),
    "gpus' order": (ordered(gpus="4..1"), "从 1 开始；给出的却是 4..1"),
    "many gpus": (ordered(gpus=9_999), "请求的却是 9999"),
    "no gpu": (ordered(where="sm >= 80"), "对 GPU 有要求（where），却没有请求 GPU"),
    "both": (ordered(gpus=1, exclusive=True, shared=True), "GPU"),
    "linked": (ordered(gpus=1, linked=True), "只有多个 GPU 才能互联"),
    "profile": (ordered(gpus=1, mig="7"), "“7”不是 MIG 实例的规格"),
    "beside": (ordered(gpus=1, beside_others="7"), "给出的却是 7。请写 rule"),
}


@pytest.mark.parametrize(("ask", "words"), ORDERS.values(), ids=ORDERS.keys())
def test_what_is_wrong_with_a_run_is_said(ask: Ask, words: str) -> None:
    NAMES.update(order.__annotations__, order_checks.NAMES_IN_THE_SHELL.values())
    NAMES.update(re.findall("[A-Za-z]+", words), {"gb", "nvidia", "smi", "linked", "MIG", "SEGV"})
    NAMES.update({"INT", "HUP", "QUIT", "USR", "KILL", "failed", "lost", "timed", "out"})
    NAMES.update({"CUDA", "VISIBLE", "DEVICES", "wait", "share", "rule", "CPU", "retry", "on"})
    assert words in said(ask)


async def test_a_submit_of_too_many_runs_is_said() -> None:
    many = [order(("true",))] * (RUNS_PER_SUBMIT_MAX + 1)
    with pytest.raises(LanherdError) as caught:
        await submit_to(None, many, None, "none", None)
    assert f"共有 {len(many)} 个运行" in in_chinese(caught.value.failure)


def link(to: str) -> Callable[[Path], object]:
    return lambda home: (home / "7").symlink_to(to)


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda home: None, "中没有文件。请选择程序所在的文件夹"),
    "left out": (lambda home: (home / "7.pyc").write_text(""), "全部 1 项都被忽略规则排除了"),
    "pipe": (lambda home: os.mkfifo(home / "7"), "是管道，不能放进快照"),
    "name": (
        lambda home: (home / "7\\7").write_text(""),
        "的名称不是每台机器都能保存：它含有反斜杠",
    ),
    "link": (link("/7"), "是指向 /7 的链接，它在项目之外"),
    "gone": (lambda home: home.rmdir(), "没有文件夹 /"),
    "file": (lambda home: (home.rmdir(), home.write_text("")), "是文件，不是文件夹"),
    "rules": (
        lambda home: (home / ".gitignore").write_bytes(b"\xff"),
        "/.gitignore 中的规则无法理解：",
    ),
    "loop": (lambda home: (home.rmdir(), home.symlink_to(home)), "无法读取 /"),
}


@pytest.mark.parametrize(("make", "words"), FOLDERS.values(), ids=FOLDERS.keys())
def test_what_is_wrong_with_a_project_is_said(
    make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    home = tmp_path / "7"
    home.mkdir()
    make(home)
    decoding = "utf codec can decode byte xff in position invalid start"
    words_of_others = f"{tmp_path} pyc gitignore {decoding} {os.strerror(errno.ELOOP)}"
    NAMES.update(re.findall("[A-Za-z]+", words_of_others))
    assert words in said(lambda: scan(home))


@pytest.mark.parametrize(
    ("text", "words"), [("=", "不是有效的 TOML："), ("ignore = 7", "中的 ignore 不是文本的列表。")]
)
def test_what_is_wrong_with_the_file_of_a_project_is_said(
    text: str, words: str, tmp_path: Path
) -> None:
    place = tmp_path / PROJECT_FILE
    place.parent.mkdir()
    place.write_text(text)
    NAMES.update(
        re.findall("[A-Za-z]+", f"{place} ignore data log Invalid statement at line column")
    )
    assert words in said(lambda: ignore_lines(tmp_path))


def test_a_file_that_keeps_changing_is_said() -> None:
    assert "/7 在读取时被改动" in in_chinese(changed("/7").failure)
    NAMES.add("gitignore")
    assert "/7 中没有文件" in in_chinese(empty(Path("/7"), 0).failure)
