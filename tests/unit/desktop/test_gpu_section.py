"""The GPUs of a machine in its panel: readings, who holds them, closing them, and their past."""

import math
from dataclasses import replace as with_values

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from lanherd_desktop.app import Desktop
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.past_plot import SPANS
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.views.machines.gpu_section import GpuSection
from lanherd_desktop.views.machines.gpu_texts import gpu_rows, links_text, slices_text
from lanherd_desktop.views.widgets.labels import Label
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.history_messages import History, HistoryLine
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_messages import MachineControls
from lanherd_protocol.retention_messages import RetentionState
from lanherd_protocol.values import (
    GpuFacts,
    GpuInstance,
    GpuLink,
    GpuProcess,
    GpuReading,
    HostReading,
    Reason,
    RetentionRules,
    Telemetry,
)
from tests.support import sample_past
from tests.support.asked import Asked
from tests.support.synthetic_room import GIB, gpu_id, machine_id

BRAHE = machine_id("brahe")
BARE = GpuFacts(index=0, uuid=GpuUuid("GPU-x"), name="GPU", vram_bytes=24 * GIB)


@pytest.fixture
def section(desktop: Desktop, asked: Asked) -> GpuSection:
    asked.fleet.answers = {
        "retention": RetentionState(rules=RetentionRules(), size_bytes=0, runs=0),
        "cordon": MachineControls(),
        "uncordon": MachineControls(),
    }
    asked.fleet.history = sample_past.of_gpu("short")[0]
    desktop.window.show_page("machines")
    desktop.window.machines.open_machine(BRAHE)
    asked.answer()
    return desktop.window.machines.panel.gpus


def test_each_reading_has_its_place_also_where_nothing_is_known() -> None:
    known = dict(gpu_rows(BARE, GpuReading(uuid=BARE.uuid)))
    assert set(known.values()) == {"–", "none", "0 GB"}
    full = replace(BARE, compute_capability=(8, 9), pci_address="0000:01:00.0", numa_node=1)
    reading = GpuReading(
        uuid=BARE.uuid, utilisation_percent=97, vram_used_bytes=18 * GIB, vram_ours_bytes=6 * GIB,
        temperature_c=71, power_w=402, power_limit_w=450, sm_clock_mhz=2520, fan_percent=55,
        ecc_errors=2, xid=79,
    )  # fmt: skip
    rows = dict(gpu_rows(full, reading))
    assert rows["Power"] == "402 of 450 W" and rows["VRAM not ours"] == "12.0 GB"
    assert rows["Clock"] == "2520 MHz" and rows["Capability"] == "8.9" and rows["Last Xid"] == "79"
    assert dict(gpu_rows(full, replace(reading, power_w=None)))["Power"] == "– of 450 W"


def test_links_and_slices_are_told() -> None:
    links = (
        GpuLink(first=0, second=1, kind="nvlink", nvlinks=4),
        GpuLink(first=0, second=2, kind="system"),
        GpuLink(first=1, second=2, kind="same_board"),
    )
    assert links_text(0, links) == "GPU 1: NVLink × 4 · GPU 2: between NUMA nodes"
    assert links_text(2, links).endswith("GPU 1: on the same board") and links_text(5, links) == ""
    one = GpuInstance(index=1, uuid=GpuUuid("MIG"), profile="1g.10gb", vram_bytes=10 * GIB)
    mig = replace(BARE, instances=(one,))
    part = GpuReading(uuid=one.uuid, vram_used_bytes=2 * GIB)
    shown = slices_text(mig, GpuReading(uuid=BARE.uuid, instances=(part,)))
    assert shown == "0:1 · 1g.10gb · 2.00 / 10 GB"
    assert slices_text(BARE, part) == ""


def test_gpus_and_the_host_are_chosen(section: GpuSection) -> None:
    assert [button.text() for button in section.buttons] == ["GPU 0", "GPU 1", "Host"]
    assert section.gpu.rows.text_of("Temperature") == "38 °C" and section.gpu.free.isVisible()
    section.buttons[1].click()
    assert section.gpu.rows.text_of("VRAM not ours") == "6.00 GB"
    assert section.buttons[1].isChecked() and not section.buttons[0].isChecked()
    section.buttons[2].click()
    assert not section.gpu.isVisible() and section.host.rows.text_of("CPU") == "31%"
    assert [plot.accessibleName() for plot in section.past.plots] == ["CPU", "Memory", "Network"]


def test_what_is_closed_or_left_over_says_what_to_do(section: GpuSection, asked: Asked) -> None:
    section.choose(1)
    first, second = section.gpu.notices.notices
    assert first.text() == "No run starts on it. ada closed it: new fan comes on Monday"
    assert "pid 31337" in second.text() and "kill 31337" in second.accessibleName()
    assert section.gpu.close_button.isHidden()
    section.gpu.release_button.click()
    assert not section.gpu.release_button.isEnabled()
    assert asked.answer()[-1] == "uncordon"
    assert asked.fleet.said[-1][1:3] == (BRAHE, (gpu_id("brahe", 1),))
    assert section.gpu.release_button.isEnabled()


def test_a_gpu_is_closed_with_a_reason(
    section: GpuSection, asked: Asked, qtbot: QtBot, desktop: Desktop
) -> None:
    gpu = section.gpu
    gpu.close_button.click()
    assert gpu.why.isVisible() and gpu.close_button.isHidden()
    gpu.cancel_button.click()
    assert not gpu.why.isVisible()
    gpu.close_button.click()
    gpu.why.setText(" new fan ")
    asked.fleet.problem = error(ErrorCode.NOT_ALLOWED, "You may not.", "You look on.", "Ask Ada.")
    qtbot.keyClick(gpu.why, Qt.Key.Key_Return)
    asked.answer()
    assert gpu.why.text() == " new fan " and gpu.confirm_button.isEnabled()
    asked.fleet.problem = None
    gpu.confirm_button.click()
    asked.answer()
    verb, where, arguments, _ = asked.fleet.said[-1]
    assert (verb, where, arguments) == ("cordon", BRAHE, (gpu_id("brahe", 0), "new fan"))
    assert not gpu.why.isVisible()


def test_a_form_for_one_gpu_is_not_left_open_for_another(section: GpuSection) -> None:
    section.gpu.close_button.click()
    section.choose(1)
    assert not section.gpu.why.isVisible()


def test_news_change_values_in_place_and_a_gpu_may_go(
    section: GpuSection, desktop: Desktop
) -> None:
    section.choose(1)
    view = desktop.context.room.machines[BRAHE]
    assert view.facts is not None
    gone = with_values(
        view, facts=replace(view.facts, gpus=view.facts.gpus[:1], gpu_source="nvml"), telemetry=None
    )
    desktop.bridge.room_updated.emit(RoomUpdate(machines={BRAHE: gone}))
    assert [button.text() for button in section.buttons] == ["GPU 0", "Host"]
    assert section.gpu.rows.text_of("Temperature") == "–"
    broken = GpuReading(
        uuid=gpu_id("brahe", 0), problem="It is lost.",
        processes=(GpuProcess(pid=9, command="x"),),
    )  # fmt: skip
    sampled = with_values(gone, telemetry=Telemetry(at=1.0, gpus=(broken,), host=HostReading()))
    desktop.bridge.room_updated.emit(RoomUpdate(machines={BRAHE: sampled}))
    (notice,) = section.gpu.notices.notices
    assert notice.text() == "It is lost." and section.gpu.holders.isVisible()
    none = with_values(gone, facts=replace(view.facts, gpus=()))
    desktop.bridge.room_updated.emit(RoomUpdate(machines={BRAHE: none}))
    assert [button.text() for button in section.buttons] == ["Host"]
    assert section.host.rows.text_of("Load") == "–" and section.buttons[0].isChecked()
    unmet = with_values(gone, facts=None)
    desktop.bridge.room_updated.emit(RoomUpdate(machines={BRAHE: unmet}))
    assert not section.isVisible()


# --- The past ---------------------------------------------------------------------------------


def test_the_past_is_asked_while_it_is_seen(
    section: GpuSection, asked: Asked, desktop: Desktop
) -> None:
    machine, gpu, options = asked.fleet.pasts[0]
    assert (machine, gpu) == (BRAHE, gpu_id("brahe", 0)) and "since" in options
    past = section.past
    assert [plot.accessibleName() for plot in past.plots] == [
        "Utilisation", "VRAM", "Temperature", "Power",
    ]  # fmt: skip
    assert "ours" in past.plots[1].told() and past.plots[0].told().endswith("%")
    assert past._timer.isActive()
    past.spans["week"].click()
    assert past.plots[0].told() == "–", "nothing is known of the week yet"
    shown = [plot._data is not None and plot._data.scaled for plot in past.plots]
    assert shown == [True, True, False, True], "no scale from 0 to 1 °C where nothing is known"
    asked.answer()
    since = asked.fleet.pasts[-1][2]["since"]
    first = asked.fleet.pasts[0][2]["since"]
    assert isinstance(since, float) and isinstance(first, float)
    assert first - since == pytest.approx(SPANS["week"] - SPANS["short"], abs=60)
    desktop.window.show_page("runs")
    assert not past._timer.isActive()
    past._timer.timeout.emit()
    count = len(asked.jobs)
    past.ask()
    assert len(asked.jobs) == count, "one question at a time"


def test_a_past_that_cannot_be_had_says_why(section: GpuSection, asked: Asked) -> None:
    asked.fleet.problem = error(ErrorCode.CONNECTION_LOST, "It broke off.", "So.", "Wait.")
    section.past.show_span("day")
    asked.answer()
    assert section.past.problem.isVisible() and "Wait." in section.past.problem.text()
    asked.fleet.problem = None
    section.past.ask()
    asked.answer()
    assert not section.past.problem.isVisible()


def test_pointing_tells_time_and_value_and_gaps_have_none(
    section: GpuSection, qtbot: QtBot
) -> None:
    past, plot = section.past, section.past.plots[0]
    history, now = sample_past.of_gpu("short")
    past.show_history(history, now)
    plot.resize(420, plot.height())
    plot.point_at(now - 5)
    assert plot.told().endswith("%") and ":" in plot.told()
    plot.point_at(now - 600 * 0.64)
    assert plot.told().endswith("–"), "the machine was off"
    plot.setFocus()
    plot.point_at(None)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot._at is not None and plot._at < now
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot._at == now
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    qtbot.mouseMove(plot, QPoint(300, 50))
    qtbot.waitUntil(lambda: plot._at is not None and plot._at < now)
    plot.grab()
    plot.leaveEvent(None)
    assert plot._at is None


def test_a_single_sample_is_a_dot_and_no_sample_is_no_line(section: GpuSection) -> None:
    past = section.past
    one = HistoryLine(metric="power_w", means=(300.0,), peaks=(math.inf,))
    past.show_history(History(step_s=1.0, starts=(50.0,), lines=(one,)), 60.0)
    assert past.plots[3].told() == "300 W"
    assert [plot.grab().isNull() for plot in past.plots] == [False] * 4
    past.show_past(None)
    assert past.plots == []
    past.ask()


def test_a_card_tells_of_closed_gpus_and_left_over_processes(desktop: Desktop) -> None:
    card = desktop.window.machines.cards[BRAHE]
    assert card._card is not None and card._card.closed[0][0] == "1"
    (line,) = card._card.lines
    assert line.kind is ChipKind.ORPHAN and line.text == "python train.py (pid 31337)"
    assert not card._free.isVisible()
    notes = [label.text() for label in card.findChildren(Label) if "closed" in label.text()]
    assert notes == ["ada closed GPU 1: new fan comes on Monday"]
    by_ada = replace(card._card.closed[0][1], data={"by": "ada", "why": ""})
    xid = Reason(code="cordon_xid", text="The driver reported Xid 79 for it.", data={})
    assert card._closed_text("1", by_ada) == "ada closed GPU 1."
    said = card._closed_text("0", xid)
    assert said == "GPU 0 is closed. The driver reported Xid 79 for it."
