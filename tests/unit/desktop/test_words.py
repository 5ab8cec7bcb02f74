"""What machines say, in the language of the window: nothing of it stays English in Chinese."""

import inspect
import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace as with_fields
from PySide6.QtGui import QColor, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QListView

from lanherd_agent import rebuild
from lanherd_agent.core import place_reasons, reasons
from lanherd_agent.core.events import LostCause
from lanherd_agent.core.stage_words import Unrun
from lanherd_agent.problems import live_untrusted, untrusted
from lanherd_agent.runs.rundir import SHUT_DOWN
from lanherd_agent.runs.watch import NO_RECORD
from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.state.runs import run_row
from lanherd_desktop.views.failures import NEXTS, WHYS
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_desktop.views.words import (
    failure_texts,
    lease_text,
    reason_remedy,
    reason_text,
    run_signs,
    run_signs_tooltip,
    run_spoken,
)
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import Dependency, Lease, LeasedGpu, Reason, RunSettings
from tests.support.synthetic_room import GIB, REBUILT, gpu_id, machine_id, run, run_id, waiting

OTHERS = tuple(Dependency(run=run_id(n), kind="after_ok") for n in (7, 8, 9))
VRAM = reasons.gpu_vram(1, 4 * GIB, 24 * GIB, 18 * GIB, 0)

GIVEN: dict[str, tuple[Reason, ...]] = {
    "in_line": (reasons.IN_LINE, reasons.in_line(1), reasons.in_line(3)),
    "unprepared": (reasons.UNPREPARED, reasons.unprepared(2)),
    "ready": (reasons.READY,),
    "no_readings": (reasons.NO_READINGS,),
    "runs_at_once": (reasons.runs_at_once(500),),
    "kept_for_earlier": (place_reasons.kept_for_earlier(0, 9 * GIB),),
    "gpu_unavailable": (reasons.gpu_unavailable(0, "Xid 79"),),
    "gpu_missing": (
        reasons.gpu_missing((2, 18 * GIB, False), 0),
        reasons.gpu_missing((2, 0, False), 1),
    ),
    "gpu_busy": (
        reasons.gpu_busy(0, 2, 0),
        reasons.gpu_busy(0, 0, 3 * GIB),
        reasons.gpu_busy(0, 1, 3 * GIB),
    ),
    "gpu_exclusive": (reasons.gpu_exclusive(3),),
    "gpu_vram": (VRAM, reasons.gpu_vram(0, 4 * GIB, 24 * GIB, 18 * GIB, 2 * GIB)),
    "gpu_undeclared": (
        reasons.gpu_undeclared(0, 4 * GIB, 24 * GIB, 2),
        reasons.gpu_undeclared(0, 4 * GIB, 24 * GIB, 0),
    ),
    "too_few_gpus": (reasons.too_few_free(1, 4, VRAM),),
    "held": (reasons.HELD,),
    "waits_for": (reasons.waits_for(OTHERS[:1]), reasons.waits_for(OTHERS)),
    "backoff": (reasons.backoff(2, 5, "timed_out", 1e9),),
    "low_disk": (reasons.low_disk(300 << 20, 2 * GIB),),
    "succeeded": (reasons.SUCCEEDED,),
    "cancelled": (reasons.CANCELLED_WAITING,),
    "cancelled_between": (reasons.CANCELLED_BETWEEN,),
    "stopped": (reasons.STOPPED,),
    "stop_asked": (reasons.STOP_ASKED,),
    "exit_code": (reasons.exit_code(3),),
    "signal": tuple(map(reasons.ended_by_signal, (1, 9, 11, 13, 14, 15, 24, 25, 31, 60))),
    "exit_unknown": (reasons.exit_unknown(),),
    "pre_failed": (
        reasons.pre_failed(2, None),
        reasons.pre_failed(None, 9),
        reasons.pre_failed(None, None),
        reasons.pre_failed(127, None, Unrun("7", "七")),
        reasons.pre_failed(127, None, Unrun("/7", "七")),
        reasons.pre_failed(126, None, Unrun("7", "七")),
    ),
    "timed_out": (reasons.timed_out(7_200.0),),
    "dependency_failed": (reasons.dependency_failed(run_id(7), "lost"),),
    "lost_reboot": (reasons.lost("reboot", ""),),
    "lost_unknown": (reasons.lost("unknown", ""),),
    "lost_untrusted": (reasons.lost("untrusted", ""),),
    "lost_gone": (reasons.lost("gone", ""),),
}
SAMPLES = [reason for several in GIVEN.values() for reason in several]
NAMES = {"GPU", "VRAM", "Lanherd", "SIGKILL", "Xid", "GB", "MB", "TB", "h", "min", "s"}
NAMES |= {"SIGHUP", "SIGSEGV", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU", "SIGXFSZ", "SIGSYS"}
NAMES |= {"Ctrl", "ulimit", "chmod"}
"""What is the same in both languages."""
NO_REASONS = {
    "disk_size", "duration", "plural", "gb", "is_news", "failure", "with_rest", "unseen",
}  # fmt: skip
"""What isn't a sentence of its own: `with_rest` and `unseen` have tests below, and a failure has
its own texts."""


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def english_words(text: str) -> set[str]:
    known = NAMES | {run_id(n)[-8:] for n in (7, 8, 9)}
    return set(re.findall(r"(?<![A-Za-z0-9])[A-Za-z]{2,}", text)) - known


def test_every_sentence_of_the_core_is_tried_here() -> None:
    """A new function or constant there has to be given an example here."""
    source = inspect.getsource(reasons)
    makers = set(re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE)) - NO_REASONS
    tried = inspect.getsource(inspect.getmodule(english_words) or reasons)
    assert not [name for name in sorted(makers) if f"reasons.{name}(" not in tried]
    constants = [name for name, value in vars(reasons).items() if isinstance(value, Reason)]
    assert not [name for name in constants if f"reasons.{name}" not in tried]
    assert all(reason.code == code for code, several in GIVEN.items() for reason in several)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("reason", SAMPLES, ids=lambda reason: reason.text[:40])
def test_a_reason_is_chinese_and_says_its_values(reason: Reason) -> None:
    text = reason_text(reason)
    assert text and not english_words(text), text
    assert "{" not in text
    for key in ("gpu", "ahead", "needs_gpus", "exit_code", "signal", "live"):
        assert str(reason.data.get(key, "")) in text


@pytest.mark.usefixtures("chinese")
def test_values_that_are_none_are_left_out() -> None:
    assert reason_text(reasons.gpu_busy(0, 2, 0)) == "需要独占一块 GPU；GPU 0 上有 2 个运行。"
    assert reason_text(reasons.waits_for(OTHERS[:1])).count(" 3 ") == 0
    assert "3" in reason_text(reasons.waits_for(OTHERS))
    low = reason_text(reasons.low_disk(300 << 20, 2 * GIB), remedy=False)
    assert low == "机器磁盘空闲 300 MB；低于 2 GB 时不启动运行。"
    nearest = reason_text(reasons.too_few_free(1, 4, VRAM))
    assert nearest == "需要 4 块 GPU，目前空闲 1 块。GPU 1：共 24 GB，空闲 4 GB，需要 18 GB。"


@pytest.mark.usefixtures("chinese")
def test_the_rest_of_an_end_is_said_too() -> None:
    both = reasons.with_rest(reasons.exit_code(1), post_failed=True, left=2)
    assert not english_words(reason_text(both)) and "2" in reason_text(both)

    def posted(code: int | None, signal: int | None, why: str = "") -> str:
        return reason_text(
            reasons.with_rest(
                reasons.SUCCEEDED,
                post_failed=True,
                left=0,
                post_code=code,
                post_signal=signal,
                post_refused=Unrun("7", why) if why else None,
            )
        )

    assert "后置命令以退出码 3 结束。" in posted(3, None)
    assert "后置命令被信号 9 结束。" in posted(None, 9)
    assert "后置命令失败。" in posted(None, None)
    assert "机器上没有“7”或它的解释器（退出码 127）" in posted(127, None, "七")
    assert "后置命令无法执行（7：七；退出码 126）。" in posted(126, None, "七")


@pytest.mark.usefixtures("chinese")
def test_what_to_do_about_a_signal_is_said_of_that_one() -> None:
    assert "SIGKILL 通常" in reason_remedy(reasons.ended_by_signal(9))
    assert "SIGKILL" not in reason_remedy(reasons.ended_by_signal(15))
    assert reason_remedy(reasons.ended_by_signal(60)) == "请查看日志末尾。"
    assert "ulimit -t" in reason_remedy(reasons.ended_by_signal(24))
    assert "chmod +x" in reason_remedy(
        reasons.pre_failed(126, None, Unrun("7", "Permission denied"))
    )


@pytest.mark.usefixtures("chinese")
def test_what_a_kill_and_a_full_disk_add_is_said_too() -> None:
    for reason, number in (
        (reasons.killed_after_grace(reasons.STOPPED, 3.0), "3"),
        (reasons.exit_code(137), "9"),
    ):
        text = reason_text(reason)
        assert number in text and not english_words(text.replace("shell", ""))
    full = reasons.with_rest(reasons.exit_code(1), post_failed=False, left=0, disk_full=True)
    assert "磁盘已满" in reason_text(full)


@pytest.mark.usefixtures("chinese")
def test_a_stop_that_nobody_saw_end_says_what_was_lost() -> None:
    lost = reasons.lost("reboot", "")
    text = reason_text(reasons.unseen(reasons.STOPPED, lost))
    assert text == reason_text(reasons.STOPPED) + reason_text(lost, remedy=False)
    assert not english_words(text)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("cause", "why"),
    [
        ("reboot", SHUT_DOWN),
        ("unknown", f"How it ended is not known: {NO_RECORD}."),
        ("untrusted", "How it ended is not known: its run directory can't be trusted: x (1)."),
        ("untrusted", "Its run directory can't be trusted: x (1). No process of it was found."),
        ("unknown", rebuild._NO_EXIT),
        ("untrusted", rebuild._UNTRUSTED.format(flaw="x (1)")),
    ],
)
def test_what_was_lost_is_said_as_exactly_as_the_machine_says_it(
    cause: LostCause, why: str
) -> None:
    lost = reasons.lost(cause, why)
    text = reason_text(lost, remedy=False)
    assert not english_words(text) and ("x (1)" in text) == ("x (1)" in why)
    assert reason_text(reasons.unseen(reasons.STOPPED, lost), remedy=False).endswith(text)
    other = reasons.lost("unknown", "The dog ate it.")
    assert "dog" not in reason_text(other), "no English where a general sentence is known"


@pytest.mark.usefixtures("chinese")
def test_files_that_cannot_be_trusted_are_told_with_what_to_do_now() -> None:
    why = "They can't be trusted: x (1)."
    over, alive = untrusted(run_id(7), "r/1", why), live_untrusted(run_id(7), "r/1", why)
    for reason in (over, alive):
        text = reason_text(reason)
        assert not english_words(text) - {"runs"}
        assert text.count("这些文件不可信：x (1)。") == 1 and "runs/r/1" in text
    assert "停止" in reason_remedy(alive) and "停止" not in reason_remedy(over)
    assert "仍在运行" in reason_text(alive)


@pytest.mark.usefixtures("chinese")
def test_records_made_anew_say_what_is_gone_with_them() -> None:
    text = reason_text(REBUILT)
    assert not english_words(text) - {"agent", "sqlite", "corrupt"}
    assert "至少有 3 个" in text and "暂停" in text and "放行 2 个" in text
    data = {**REBUILT.data, "forgotten": 0, "held": 0, "file": ""}
    nothing = reason_text(with_fields(REBUILT, data=data))
    assert "至少" not in nothing and "放行" not in nothing and nothing.endswith("请重新设置。")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_failure_has_a_chinese_title(code: ErrorCode) -> None:
    title, _, _ = failure_texts(Failure(code=code, title="It failed."))
    assert title and not english_words(title) - {"ID"}


def test_every_why_says_what_next() -> None:
    assert WHYS.keys() == NEXTS.keys()


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("code", "data"),
    [(code, {}) for code in (ErrorCode.CONNECTION_LOST, ErrorCode.NOT_PAIRED, ErrorCode.DISK_FULL)]
    + [(code, {}) for code in (ErrorCode.SHUTTING_DOWN, ErrorCode.OVERLOADED)]
    + [
        (ErrorCode.INVALID_REQUEST, {"position": 4}),
        (ErrorCode.INVALID_REQUEST, {"grace_s": 90_000.0}),
        (ErrorCode.TIMED_OUT, {"environment": "e", "timeout_s": 1_800}),
        (ErrorCode.NOT_ALLOWED, {"owner": "阿达"}),
        (ErrorCode.PROJECT_EMPTY, {"path": "/项目"}),
    ],
)
def test_a_failure_that_people_meet_is_chinese_whole(
    code: ErrorCode, data: dict[str, str | int | float]
) -> None:
    failure = Failure(code=code, title="It failed.", message="So.", remedy="Do.", data=data)
    title, why, what_next = failure_texts(failure)
    assert title and why and what_next
    assert not english_words(title + why + what_next)
    if "position" in data:
        assert "第 5 个字符" in why


@pytest.mark.usefixtures("chinese")
def test_what_no_table_knows_keeps_the_machine_s_words() -> None:
    failure = Failure(code=ErrorCode.INVALID_REQUEST, title="No.", message="So.", remedy="Do.")
    assert failure_texts(failure) == ("请求无效。", "No. So.", "Do.")


def test_signs_of_a_run_are_words_too(qapp: QApplication) -> None:
    settings = RunSettings(priority=10, pinned=True, tags=("sweep", "a<b>"))
    view = with_fields(run(1, "n", "true", waiting(1, 2)), settings=settings)
    row = run_row(machine_id("kepler"), "kepler", view)
    signs = ["priority +10", "pinned: its files are kept", "tags: sweep, a<b>"]
    assert run_signs(row) == signs and run_spoken(row).endswith(", ".join(signs))
    assert "a&lt;b&gt;" in run_signs_tooltip(row)
    plain = run_row(machine_id("kepler"), "kepler", run(1, "n", "true", waiting(1, 2)))
    assert run_signs_tooltip(plain) == "" and run_signs(plain) == []


def test_signs_leave_room_for_what_is_read_first(qapp: QApplication) -> None:
    model = QStandardItemModel()
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(ListRowDelegate(view))
    for tags in (
        (),
        ("t",),
        ("a-rather-long-tag",) * 6,
        ("one tag that is longer than a row" * 3,),
    ):
        item = QStandardItem()
        for role, value in (
            (RowRole.TITLE, "train"), (RowRole.SUBTITLE, "why " * 40), (RowRole.TRAILING, "2 min"),
            (RowRole.TAGS, tags), (RowRole.PRIORITY, -100), (RowRole.PINNED, True),
        ):  # fmt: skip
            item.setData(value, role)
        model.appendRow(item)
    view.resize(386, 300)
    picture = view.grab().toImage()
    ground = picture.pixelColor(2, 30)
    margin = [picture.pixelColor(380, y) for y in range(4, 236) if y % 60 not in (58, 59, 0, 1)]
    assert set(map(QColor.name, margin)) == {ground.name()}, "a tag stands over the edge"
    view.deleteLater()


def test_a_lease_names_gpus_and_mig_instances() -> None:
    whole = LeasedGpu(index=1, uuid=gpu_id("kepler", 1), vram_bytes=GIB)
    part = LeasedGpu(index=3, uuid=GpuUuid("MIG-0"), vram_bytes=GIB, instance=0)
    assert lease_text(Lease(gpus=(whole, part))) == "GPU 1, 3:0" and lease_text(Lease()) == ""
