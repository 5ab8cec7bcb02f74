"""Why a run finds no place, a GPU takes none, and a run failed, in the language of the window."""

import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication

from lanherd_agent.core import machine_reasons, place_reasons, reasons
from lanherd_agent.core.causes import Failed, Tail, cause_of
from lanherd_agent.core.events import ForeignProcess, GpuCapacity
from lanherd_agent.core.health import XIDS
from lanherd_agent.core.machine_state import Pause
from lanherd_agent.core.wants import Want
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.views.words import reason_remedy, reason_text
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import HostRequest, Reason
from tests.support.synthetic_room import GIB, NOW, gpu_id

AHEAD = RunId("1a2b3c4d-0000-4000-8000-000000000000")
OURS = place_reasons.Ours(runs=((AHEAD, 8 * GIB),), all_bytes=8 * GIB)
PAUSE = Pause(since=NOW, by="阿达", note="换电源")
PYTHON = ForeignProcess(pid=4242, user="阿波", command="/usr/bin/python x.py", vram_bytes=9 * GIB)
GPU = GpuCapacity(index=1, uuid=gpu_id("kepler", 1), total_bytes=24 * GIB, foreign_bytes=9 * GIB)
WITH_ONE = replace(GPU, foreign=(PYTHON,))
WITH_MORE = replace(GPU, foreign=(PYTHON, replace(PYTHON, pid=4243)), foreign_bytes=12 * GIB)
WANT = Want(host=HostRequest(cpu_cores=8, memory_bytes=64 * GIB, disk_bytes=64 * GIB))
XID = machine_reasons.xid(79, XIDS[79])

GIVEN = (
    place_reasons.paused(PAUSE),
    place_reasons.paused(Pause(since=NOW)),
    place_reasons.paused_tag("快", replace(PAUSE, note="")),
    place_reasons.out_of_hours(95, NOW),
    place_reasons.power(1_234.0, 1_000.0),
    place_reasons.share_full(("user", "阿达"), 2, 2, 1),
    place_reasons.share_full(("user", "阿达"), 4, 2, 1),
    place_reasons.behind_share(("tag", "快")),
    place_reasons.kept_free(2, 1, 1),
    place_reasons.cordoned(GPU, replace(XID, text="出错。")),
    place_reasons.not_allowed(1),
    place_reasons.backing_off(1, 2, NOW + 600, NOW),
    place_reasons.too_hot(replace(GPU, temperature_c=88.0), 85.0),
    place_reasons.used_by_others(GPU),
    place_reasons.used_by_others(WITH_ONE),
    place_reasons.waits_for_quiet(1, NOW + 8, NOW),
    place_reasons.vram(GPU, 4 * GIB, 18 * GIB),
    place_reasons.vram(WITH_ONE, 4 * GIB, 18 * GIB),
    place_reasons.vram(WITH_MORE, 4 * GIB, 18 * GIB),
    place_reasons.vram(WITH_ONE, 4 * GIB, 18 * GIB, OURS),
    place_reasons.packed(GPU, 4 * GIB, 18 * GIB, 50.0, OURS),
    place_reasons.undeclared(GPU, 4 * GIB, OURS),
    place_reasons.held_alone(1, AHEAD),
    place_reasons.of_instance(place_reasons.held_alone(1, AHEAD), replace(GPU, instance=2)),
    place_reasons.with_turn(place_reasons.vram(GPU, 0, 18 * GIB), NOW + 2_400, NOW),
    place_reasons.with_turn(place_reasons.vram(GPU, 0, 18 * GIB), None, NOW),
    place_reasons.no_match("sm >= 90", 0, 1, ""),
    place_reasons.no_instance("1g.10gb", 0, 1),
    place_reasons.impossible(5),
    place_reasons.host("cpu_cores", 2.5, WANT),
    place_reasons.host("memory_bytes", 8.0 * GIB, WANT),
    place_reasons.host("disk_bytes", 8.0 * GIB, WANT),
    place_reasons.needs_limit(),
    place_reasons.needs_limit(AHEAD, bars=True),
    place_reasons.kept_for_first(),
    place_reasons.kept_for_first(AHEAD),
    place_reasons.kept_for_earlier(1, 9 * GIB),
    place_reasons.kept_for_earlier(1, 9 * GIB, AHEAD, known=True),
    XID,
    machine_reasons.ecc(5, 2),
    machine_reasons.unreadable("读不到。"),
    replace(machine_reasons.unreadable("version mismatch"), data={"problem": "不一致。"}),
    replace(machine_reasons.unreadable("It is lost."), data={"problem": "丢了。"}),
    machine_reasons.no_gpu("读不到。", 2),
    machine_reasons.unread("读不到。"),
    machine_reasons.NO_READINGS,
    machine_reasons.failures(3, "it failed"),
    machine_reasons.by_person("阿达", ""),
    machine_reasons.by_person("阿达", "换风扇"),
    machine_reasons.over_use(1, 20 * GIB, 12 * GIB),
    machine_reasons.stopped_for_over_use(1, 20 * GIB, 12 * GIB),
)
NAMES = {"GPU", "VRAM", "Lanherd", "Xid", "ECC", "CPU", "MIG", "GB", "min", "pid", "python", "sm"}
NO_REASONS = {"about", "coarse_s"}


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def english_words(text: str) -> set[str]:
    return set(re.findall(r"(?<![A-Za-z0-9])[A-Za-z]{2,}", text)) - NAMES


@pytest.mark.parametrize("module", [place_reasons, machine_reasons], ids=["places", "machine"])
def test_every_sentence_of_it_is_tried_here(module: ModuleType) -> None:
    name = module.__name__.rpartition(".")[2]
    source = inspect.getsource(module)
    makers = set(re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE)) - NO_REASONS
    tried = inspect.getsource(inspect.getmodule(english_words) or reasons)
    assert not [maker for maker in sorted(makers) if f"{name}.{maker}(" not in tried]
    constants = [name for name, value in vars(module).items() if isinstance(value, Reason)]
    assert not [one for one in constants if f"{name}.{one}" not in tried]


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("reason", GIVEN, ids=lambda reason: reason.text[:40])
def test_it_is_chinese_and_says_its_values(reason: Reason) -> None:
    text = reason_text(reason)
    assert text and not english_words(text), text
    assert "{" not in text
    for key in ("gpu", "needs_gpus", "pid", "xid", "gpus", "failures"):
        if key in reason.data and reason.code != "share_full":
            assert str(reason.data[key]) in text


@pytest.mark.usefixtures("chinese")
def test_who_holds_a_gpu_and_when_it_is_expected_are_said() -> None:
    held = place_reasons.vram(WITH_ONE, 4 * GIB, 18 * GIB)
    assert reason_text(place_reasons.with_turn(held, NOW + 2_400, NOW)) == (
        "GPU 1：共 24 GB，空闲 4 GB，需要 18 GB；阿波 的 python（pid 4242，非本系统进程）占用 "
        "9 GB。排在第一位。预计约 40 min 后启动。"
    )


def cause(log: str, code: int = 1) -> Reason:
    found = cause_of(Failed(code=code), [Tail(log.encode())])
    assert found is not None
    return found


OUT_OF_VRAM = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n"


@pytest.mark.usefixtures("chinese")
def test_a_cause_is_said_as_the_log_names_it() -> None:
    named = cause(OUT_OF_VRAM)
    assert reason_text(named, remedy=False) == "尝试分配 2.50 GiB 时，GPU 显存不足。"
    assert "显存" in reason_remedy(named)
    plain = cause("RuntimeError: CUDA error: out of memory\n")
    assert reason_text(plain, remedy=False) == "GPU 显存不足。"
    module = cause("ModuleNotFoundError: No module named 'cv2'\n")
    assert "opencv-python-headless" in reason_remedy(module)


@pytest.mark.usefixtures("chinese")
def test_words_of_a_newer_agent_stand_as_they_came() -> None:
    newer = Reason(code="out_of_vram", text="No room.", data={"lines": "x"}, remedy="Do it.")
    assert "No room." in reason_text(newer)


def test_english_stays_the_machine_s_own(qapp: QApplication) -> None:
    assert reason_text(XID) == f"{XID.text} {XID.remedy}"
