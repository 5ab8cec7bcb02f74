"""Why a run waits and why it failed, with what shows it."""

from collections.abc import Callable
from dataclasses import replace as dataclass_replace

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from lanherd_agent.core import place_reasons
from lanherd_agent.core.machine_state import Pause
from lanherd_desktop.app import Desktop
from lanherd_desktop.state.evidence import GpuEvidence, Holder
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_desktop.views.runs.cause_panel import CausePanel
from lanherd_desktop.views.runs.detail import TAB_LOG, TAB_OVERVIEW, RunDetail
from lanherd_desktop.views.runs.resume_line import ResumeLine
from lanherd_desktop.views.runs.why_card import WhyCard, evidence_text
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.machine_messages import MachineControls
from lanherd_protocol.states import Ended, Queued, Running, RunView
from lanherd_protocol.values import Reason
from tests.support import synthetic_room
from tests.support.asked import Asked
from tests.support.synthetic_gpus import CLOSED_BY_ADA
from tests.support.synthetic_room import GIB, GONE, NOW, ONLINE, machine_id, run_id

Shown = Callable[[str], RunDetail]
FREE = GpuEvidence("0", "RTX", 24 * GIB, 18 * GIB, free_bytes=20 * GIB)


@pytest.fixture
def shown(desktop: Desktop) -> Shown:
    """Show the overview of a run of the room, by its name."""

    def show(name: str) -> RunDetail:
        desktop.window.show_run(key_of(desktop, name), TAB_OVERVIEW)
        return desktop.window.runs.detail

    return show


def key_of(desktop: Desktop, name: str) -> RunKey:
    return next(key for key, v in desktop.context.room.runs.items() if v.spec.name == name)


def change(desktop: Desktop, key: RunKey, view: RunView) -> None:
    desktop.bridge.room_updated.emit(RoomUpdate(runs={key: view}))


def test_a_waiting_run_says_why_with_each_gpu(desktop: Desktop, shown: Shown) -> None:
    why = shown("eval full").overview.why
    assert why.isVisible() and why.text.text().startswith("GPU 1: 19 of 80 GB free")
    assert "expected at about" in why._expected.text() and "in " in why._expected.text()
    assert [row.text.text() for row in why.rows] == ["19.0 GB of 80 GB free, needs 80 GB"] * 2
    (line,) = why.rows[0].holders.lines
    line.activated.emit()
    assert desktop.window.runs.detail.view is not None
    assert desktop.window.runs.detail.view.spec.name == "sweep 17"
    assert not desktop.window.runs.detail.overview.why.isVisible()


def test_news_of_the_machine_change_the_evidence_in_place(desktop: Desktop, shown: Shown) -> None:
    why = shown("eval full").overview.why
    rows = list(why.rows)
    view = desktop.context.room.machines[machine_id("tycho")]
    assert view.telemetry is not None
    first, second = view.telemetry.gpus
    reading = replace(second, cordon=CLOSED_BY_ADA)
    telemetry = replace(view.telemetry, gpus=(first, reading))
    changed = type(view)(view.machine, view.name, view.link, view.facts, telemetry)
    desktop.bridge.room_updated.emit(RoomUpdate(machines={view.machine: changed}))
    assert why.rows == rows and why.rows[1].closed.isVisible()
    assert "ada closed it: new fan comes on Monday" in why.rows[1].closed.text()


def test_a_run_without_gpus_and_one_of_an_unmet_machine_say_the_sentence_alone(
    desktop: Desktop, shown: Shown
) -> None:
    detail = shown("ablation")
    why = detail.overview.why
    assert why.isVisible() and why.text.text() == "It is held back."
    assert why._remedy.text() == "Release it, and it waits its turn again."
    key, view = detail.key, detail.view
    assert key is not None and view is not None
    change(desktop, key, replace(view, spec=replace(view.spec, gpus=type(view.spec.gpus)())))
    assert why.rows == [] and not why._divider.isVisible()


def test_a_crowded_gpu_is_cut(desktop: Desktop, qtbot: QtBot) -> None:
    card = WhyCard(desktop.context)
    qtbot.addWidget(card)
    many = tuple(Holder(f"p{n}", None, pid=n, user="bo", container="web") for n in range(9))
    crowded = [GpuEvidence(str(n), "RTX", 24 * GIB, GIB, holders=many) for n in range(20)]
    card._show_gpus(machine_id("kepler"), crowded)
    assert len(card.rows) == 16 and card._more.text() == "and 4 more GPUs"
    holders = card.rows[0].holders
    assert len(holders.lines) == 6 and holders._more.text() == "and 3 more"
    assert "bo · pid 0 · container web" in holders.lines[0].accessibleName()
    holders.lines[0].activated.emit()  # leads nowhere
    card._show_gpus(machine_id("kepler"), crowded[:1])
    assert len(card.rows) == 1


def test_what_a_gpu_lacks_is_said_in_words() -> None:
    tight = GpuEvidence("0", "RTX", 24 * GIB, 18 * GIB, free_bytes=11 * GIB, quiet_at=NOW + 8)
    texts = [
        evidence_text(one, NOW)
        for one in (FREE, tight, GpuEvidence("0", "", GIB, 8 * GIB), GpuEvidence("0", "", GIB, 0))
    ]
    assert texts == [
        "has room: 20.0 GB of 24 GB free",
        "11.0 GB of 24 GB free, needs 18 GB · quiet in 8 s",
        "too small: 1 GB in all, needs 8 GB",
        "not read now; 1 GB in all, needs 0 GB",
    ]


def test_a_failed_run_shows_its_cause_and_the_lines_and_leads_to_them(
    desktop: Desktop, shown: Shown, qtbot: QtBot
) -> None:
    detail = shown("train lr=1e-2 seed=0")
    panel = detail.overview.problem
    assert panel.isVisible() and "CUDA out of memory" in panel.lines.text()
    assert "smaller batch" in panel.details() and "CUDA out of memory" in panel.details()
    panel.log_button.click()
    assert detail.tabs.current() == TAB_LOG
    assert detail.log._goal == 9_120
    detail.log._on_chunk(b"x" * 80 + b"\nthe cause\n", 9_120 - 81)
    assert detail.log._goal is None and not detail.log.pane.following()


def test_what_no_log_shows_has_no_lines(desktop: Desktop, shown: Shown) -> None:
    panel = shown("old sweep 3").overview.problem
    assert panel.isVisible() and not panel.lines.isVisible()
    assert panel.log_button.isHidden()


def test_the_stream_of_errors_is_named(qtbot: QtBot) -> None:
    panel = CausePanel()
    qtbot.addWidget(panel)
    seen: list[tuple[str, int]] = []
    panel.log_wanted.connect(lambda stream, offset: seen.append((stream, offset)))
    data: dict[str, str | int | float] = {"lines": "no", "offset": 1 << 33, "stream": "err"}
    panel.show_reason(run_id(1), Reason(code="permission", text="It may not.", data=data))
    panel.log_button.click()
    assert seen == [("err", 1 << 33)]
    panel.show_reason(run_id(1), Reason(code="exit_code", text="Ended."))
    panel._on_log()
    assert len(seen) == 1


def test_a_run_that_takes_more_than_it_was_promised_is_warned_of(
    desktop: Desktop, shown: Shown
) -> None:
    detail = shown("train lr=3e-4 seed=0")
    key, view = detail.key, detail.view
    assert key is not None and view is not None and isinstance(view.state, Running)
    assert detail.overview.warnings.notices == []
    warning = Reason(code="over_use", text="It holds 22 GB of GPU 0.", remedy="Declare it.")
    change(desktop, key, replace(view, seq=99, state=replace(view.state, warning=warning)))
    (notice,) = detail.overview.warnings.notices
    assert notice.text() == "It holds 22 GB of GPU 0."
    row = desktop.context.row(key)
    assert row is not None and row.reason == warning


def test_the_room_has_a_run_of_each_kind() -> None:
    kinds = {type(view.state) for view in synthetic_room.runs().values()}
    assert {Queued, Running, Ended} <= kinds


PAUSE = Pause(since=NOW, by="ada", note="The fan is changed.")
PAUSED, PAUSED_TAG = place_reasons.paused(PAUSE), place_reasons.paused_tag("sweep", PAUSE)


@pytest.fixture
def paused(desktop: Desktop, shown: Shown, asked: Asked) -> ResumeLine:
    """Of a run that waits for nothing but a pause of its machine."""
    detail = shown("eval full")
    why_now(desktop, PAUSED)
    asked.answer()
    asked.fleet.answers["resume_queue"] = MachineControls()
    return detail.overview.why.resume


def why_now(desktop: Desktop, reason: Reason) -> None:
    key = key_of(desktop, "eval full")
    view = desktop.context.room.runs[key]
    change(desktop, key, replace(view, state=Queued(since=NOW, reason=reason)))


def test_a_pause_is_ended_where_a_run_says_that_it_waits_for_it(
    desktop: Desktop, paused: ResumeLine, asked: Asked
) -> None:
    assert paused.isVisible() and paused.button.text() == "Resume the line"
    paused.button.click()
    assert not paused.button.isEnabled()
    paused.resume()
    assert asked.answer() == ["resume_queue"]
    assert asked.fleet.said[-1][1:3] == (machine_id("tycho"), ("",))
    assert "Resumed" in paused.note.text() and not paused.button.isEnabled()
    why_now(desktop, PAUSED_TAG)
    assert paused.button.isEnabled() and not paused.note.isVisible()
    assert paused.button.accessibleName() == "Resume the tag sweep"
    paused.button.click()
    why_now(desktop, Reason(code="in_line", text="Waits its turn."))
    assert not paused.isVisible()
    asked.answer()
    assert asked.fleet.said[-1][2] == ("sweep",)
    why_now(desktop, PAUSED_TAG)
    assert paused.button.isEnabled(), "it was asked of what was shown before"


def test_what_cannot_be_resumed_says_why(paused: ResumeLine, asked: Asked) -> None:
    asked.fleet.problem = error(ErrorCode.NOT_ALLOWED, "You may not.", "You look on.", "Ask Ada.")
    paused.button.click()
    asked.answer()
    assert paused.problem.isVisible() and "Ask Ada." in paused.problem.text()
    asked.fleet.problem = None
    paused.button.click()
    assert not paused.problem.isVisible()


def test_a_pause_is_ended_by_those_who_may(desktop: Desktop, paused: ResumeLine) -> None:
    view = desktop.context.room.machines[machine_id("tycho")]
    for link, note in (
        (dataclass_replace(ONLINE, role="user"), "Ask an operator of the machine."),
        (GONE, ""),
    ):
        changed = type(view)(view.machine, view.name, link, view.facts, view.telemetry)
        desktop.bridge.room_updated.emit(RoomUpdate(machines={view.machine: changed}))
        assert not paused.button.isVisible() and paused.note.text() == note
        assert paused.isVisible() == bool(note)
