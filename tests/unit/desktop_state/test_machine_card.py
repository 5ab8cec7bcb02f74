from dataclasses import replace

import msgspec
import pytest

from lanherd_client.mirror import Connecting, LinkState, MachineView, Refused, Unreachable
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.machine_card import (
    LINES_MAX,
    GpuGroup,
    MachineCard,
    Totals,
    gauge,
    gpu_groups,
    machine_accepted,
    machine_card,
    machine_query,
    totals,
)
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.states import Queued, Running
from lanherd_protocol.values import GpuProcess, GpuReading
from tests.support import synthetic_room
from tests.support.synthetic_room import (
    GIB,
    NOW,
    ONLINE,
    Card,
    gpu_id,
    lease,
    machine,
    machine_id,
    run,
    run_id,
    waiting,
)

CARDS = (Card(18, 0, 97, 71, 400), Card(6, 13, 63, 62, 280), Card(0, 0, 0, 34, 21))
FAILURE = Failure(code=ErrorCode.UNREACHABLE, title="Gone.")


def kepler(link: LinkState = ONLINE) -> MachineView:
    return machine("kepler", "RTX 4090", 24, CARDS, link)[0]


def card_of(view: MachineView) -> MachineCard:
    return machine_card(view, {}, ())


def unknown() -> MachineView:
    return MachineView(machine_id("new"), "new", Connecting(1.0))


def test_a_card_shows_gauges_groups_and_what_is_not_ours() -> None:
    view, histories = machine("kepler", "RTX 4090", 24, CARDS)
    card = machine_card(view, histories, ())
    assert card.groups == (GpuGroup(3, "RTX 4090", 24 * GIB),)
    assert [g.vram_ours_bytes for g in card.gauges] == [18 * GIB, 6 * GIB, 0]
    assert [g.vram_foreign_bytes for g in card.gauges] == [0, 13 * GIB, 0]
    assert all(len(g.history) == 60 for g in card.gauges)
    assert [(line.kind, line.text, line.vram_bytes) for line in card.lines] == [
        (ChipKind.NOT_OURS, "jupyter (pid 4242)", 13 * GIB)
    ]
    assert (card.link, card.failure, card.picture_at) == ("online", None, NOW - 1)
    assert (card.load_1m, card.cpu_count, card.driver_version) == (1.0, 32, "570.86")


def test_a_machine_of_which_nothing_is_known() -> None:
    card = card_of(unknown())
    assert not card.known and card.link == "connecting"
    assert card.gauges == card.groups == card.lines == ()
    assert card.picture_at is card.load_1m is card.driver_version is None


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        (Unreachable(since=1.0, failure=FAILURE), "unreachable"),
        (Refused(since=1.0, failure=FAILURE), "refused"),
    ],
)
def test_a_machine_that_is_not_there_keeps_its_picture(link: LinkState, kind: str) -> None:
    card = card_of(kepler(link))
    assert (card.link, card.failure) == (kind, FAILURE)
    assert card.gauges[0].utilisation_percent == 97


def test_runs_come_before_what_is_not_ours_and_the_rest_is_counted() -> None:
    views = [
        run(9, "live", "true", Running(since=NOW - 5, pid=1, lease=lease("kepler", 0, 2))),
        *(run(n, f"waits {n}", "true", waiting(1, 2)) for n in range(LINES_MAX)),
    ]
    card = machine_card(kepler(), {}, views)
    assert len(card.lines) == LINES_MAX
    assert card.lines_more == 2
    first, second = card.lines[:2]
    assert (first.kind, first.run, first.started_at) == (ChipKind.RUNNING, run_id(9), NOW - 5)
    assert first.reason is None and second.reason is not None
    assert isinstance(views[1].state, Queued)


def test_a_process_of_ours_is_no_stranger_and_a_nameless_one_is() -> None:
    view = kepler()
    assert view.telemetry is not None
    processes = (
        GpuProcess(pid=1, run=run_id(1)),
        GpuProcess(pid=2, vram_bytes=5),
    )
    reading = msgspec.structs.replace(view.telemetry.gpus[0], processes=processes)
    changed = msgspec.structs.replace(view.telemetry, gpus=(reading,))
    card = card_of(replace(view, telemetry=changed))
    assert [line.text for line in card.lines] == ["– (pid 2)"]


def test_a_gpu_without_a_reading_is_unknown_but_for_its_size() -> None:
    view = kepler()
    assert view.facts is not None
    shown = gauge(view.facts.gpus[0], None, ())
    assert shown.vram_total_bytes == 24 * GIB
    assert shown.utilisation_percent is shown.vram_used_bytes is None


def test_what_is_used_bounds_what_is_ours() -> None:
    view = kepler()
    assert view.facts is not None
    reading = GpuReading(uuid=gpu_id("kepler", 0), vram_used_bytes=5, vram_ours_bytes=9)
    shown = gauge(view.facts.gpus[0], reading, ())
    assert (shown.vram_ours_bytes, shown.vram_foreign_bytes) == (5, 0)
    blind = GpuReading(uuid=gpu_id("kepler", 0), problem="Lost.", vram_ours_bytes=9)
    shown = gauge(view.facts.gpus[0], blind, ())
    assert (shown.vram_ours_bytes, shown.vram_foreign_bytes, shown.sick) == (None, None, "Lost.")


def test_equal_gpus_are_counted_together() -> None:
    a, _ = machine("a", "A100", 80, CARDS[:1])
    b, _ = machine("b", "T4", 16, CARDS[:2])
    assert a.facts is not None and b.facts is not None
    assert gpu_groups((*b.facts.gpus, *a.facts.gpus)) == (
        GpuGroup(2, "T4", 16 * GIB),
        GpuGroup(1, "A100", 80 * GIB),
    )


def test_totals_count_what_is_online_and_known() -> None:
    sick, _ = machine("galle", "RTX", 48, (Card(0, 0, 0, 80, 60, "It fell off the bus."),))
    gone = kepler(Unreachable(since=1.0, failure=FAILURE))
    blind = replace(kepler(), telemetry=None)
    busy = replace(kepler(), runs_live=2, runs_waiting=3)
    assert totals((busy, sick, gone, unknown())) == Totals(
        gpus=4, gpus_free=1, vram_used_bytes=37 * GIB, vram_total_bytes=120 * GIB,
        running=2, waiting=3,
    )  # fmt: skip
    assert totals((blind,)) == Totals(gpus=3, vram_total_bytes=72 * GIB)
    assert totals(()) == Totals()


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("", True),
        ("kep", True),
        ("4090", True),
        ("tycho", False),
        ("state:online", True),
        ("state:unreachable", False),
        ("gpu:4090", True),
        ("gpu:a100", False),
        ("free:>20GB", True),
        ("free:>25GB", False),
        ("free:>1GB free:>25GB", False),
        ("free:soon", True),
        ("free:>20GB tycho", False),
    ],
)
def test_a_filter_line(line: str, accepted: bool) -> None:
    assert machine_accepted(card_of(kepler()), machine_query(line)) is accepted


def test_what_is_not_known_is_not_free() -> None:
    query = machine_query("free:>1GB")
    sick, _ = machine("galle", "RTX", 48, (Card(0, 0, 0, 80, 60, "It fell off the bus."),))
    gone = kepler(Unreachable(since=1.0, failure=FAILURE))
    for view in (sick, gone, replace(kepler(), telemetry=None), unknown()):
        assert not machine_accepted(card_of(view), query)


def test_a_card_says_what_is_paused_the_whole_line_first() -> None:
    of_tag = PauseView(since=NOW, tag="sweep")
    whole = PauseView(since=NOW, by="ada", note="new fan")
    view = next(iter(synthetic_room.room().machines.values()))
    card = machine_card(view, {}, (), (of_tag, whole))
    assert [reason.code for reason in card.paused] == ["paused", "paused_tag"]
    assert card.paused[0].data == {"by": "ada", "note": "new fan", "since": NOW}
    assert card.paused[1].data["tag"] == "sweep"
    assert [reason.text for reason in card.paused] == [
        "No run starts on this machine now: ada paused it (new fan).",
        "No run with the tag sweep starts here now: it is paused.",
    ]
    by_bo = machine_card(view, {}, (), (PauseView(since=NOW, by="bo"),)).paused
    assert by_bo[0].text.endswith("now: bo paused it.")
    assert card.frame != machine_card(view, {}, ()).frame, "a card is higher with it"
