from dataclasses import replace

from msgspec.structs import replace as with_fields

from lanherd_client.mirror import Connecting, MachineView
from lanherd_desktop.state.evidence import Holder, gpu_evidence, holders
from lanherd_desktop.state.machine_card import machine_card
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.states import Running
from lanherd_protocol.values import (
    GpuInstance,
    GpuProcess,
    GpuReading,
    GpuRequest,
    Reason,
)
from tests.support.synthetic_room import (
    GIB,
    NOW,
    Card,
    gpu_id,
    lease,
    machine,
    machine_id,
    run,
    run_id,
)

WANTS = GpuRequest(count=1, vram_bytes=18 * GIB)
XID = Reason(code="cordon_xid", text="Xid 79.", data={"xid": 79, "what": "it fell off the bus"})


def kepler(*cards: Card) -> MachineView:
    return machine("kepler", "RTX 4090", 24, cards or (Card(18, 0, 97, 71, 400),))[0]


def with_reading(view: MachineView, **fields: object) -> MachineView:
    assert view.telemetry is not None
    reading = with_fields(view.telemetry.gpus[0], **fields)
    return replace(view, telemetry=with_fields(view.telemetry, gpus=(reading,)))


def with_instances(view: MachineView, *, read: bool, closed: bool = False) -> MachineView:
    facts = view.facts
    assert facts is not None
    instances = tuple(
        GpuInstance(index=n, uuid=GpuUuid(f"MIG-{n}"), profile="1g.10gb", vram_bytes=10 * GIB)
        for n in range(2)
    )
    gpu = with_fields(facts.gpus[0], mig=True, instances=instances)
    view = replace(view, facts=with_fields(facts, gpus=(gpu,)))
    parts = tuple(
        GpuReading(uuid=one.uuid, vram_used_bytes=GIB, cordon=XID if closed else None)
        for one in instances
    )
    return with_reading(view, instances=parts) if read else replace(view, telemetry=None)


def test_who_holds_a_gpu_is_told_run_by_run_and_process_by_process() -> None:
    view = kepler(Card(6, 13, 63, 62, 281), Card(0, 0, 0, 34, 21))
    live = run(3, "train", "true", Running(since=NOW, pid=1, lease=lease("kepler", 0, 6)))
    first, second = gpu_evidence(view, WANTS, [live])
    assert (first.number, first.name) == ("0", "RTX 4090")
    assert (first.ours_bytes, first.foreign_bytes, first.free_bytes) == (
        6 * GIB, 13 * GIB, 5 * GIB,
    )  # fmt: skip
    assert first.holders == (
        Holder("train", 6 * GIB, run_id(3)),
        Holder("jupyter", 13 * GIB, pid=4242, user="mallory"),
    )
    assert not first.has_room and not first.too_small and second.has_room
    assert first.fractions() == (6 / 24, 13 / 24)
    assert second.holders == ()


def test_a_promise_counts_before_it_is_held() -> None:
    view = with_reading(kepler(Card(0, 0, 0, 34, 21)), vram_leased_bytes=20 * GIB)
    (found,) = gpu_evidence(view, WANTS, [])
    assert found.free_bytes == 4 * GIB


def test_what_declares_no_vram_needs_a_gpu_that_is_mostly_free() -> None:
    (found,) = gpu_evidence(kepler(Card(0, 11, 0, 34, 21)), GpuRequest(count=1), [])
    assert found.needs_bytes == 12 * GIB and found.has_room


def test_what_is_closed_broken_or_watched_has_no_room() -> None:
    free = kepler(Card(0, 0, 0, 34, 21))
    for change in ({"cordon": XID}, {"problem": "Gone."}, {"quiet_at": NOW + 8}):
        (found,) = gpu_evidence(with_reading(free, **change), WANTS, [])
        assert not found.has_room
    (small,) = gpu_evidence(free, GpuRequest(count=1, vram_bytes=80 * GIB), [])
    assert small.too_small


def test_what_was_not_read_is_not_free() -> None:
    sick = kepler(Card(2, 0, 0, 34, 21, sick="It fell off the bus."))
    (found,) = gpu_evidence(sick, WANTS, [])
    assert found.free_bytes is None and found.ours_bytes == 2 * GIB and not found.has_room
    (unread,) = gpu_evidence(replace(sick, telemetry=None), WANTS, [])
    assert unread.free_bytes is None and unread.holders == ()


def test_nothing_is_told_of_a_machine_that_was_not_met_or_a_run_without_gpus() -> None:
    assert gpu_evidence(MachineView(machine_id("x"), "x", Connecting(1.0)), WANTS, []) == ()
    assert gpu_evidence(kepler(), GpuRequest(), []) == ()


def test_slices_are_told_one_by_one_to_those_who_want_them() -> None:
    wants = GpuRequest(count=1, vram_bytes=8 * GIB, mig="1G.10gb")
    view = with_instances(kepler(), read=True)
    assert [(one.number, one.free_bytes) for one in gpu_evidence(view, wants, [])] == [
        ("0:0", 9 * GIB), ("0:1", 9 * GIB),
    ]  # fmt: skip
    assert gpu_evidence(view, WANTS, []) == (), "a GPU in slices takes no run as a whole"
    assert gpu_evidence(view, replace_mig(wants, "3g.40gb"), []) == ()
    closed = with_reading(view, cordon=XID)
    assert all(one.cordon == XID for one in gpu_evidence(closed, wants, []))
    of_itself = with_instances(kepler(), read=True, closed=True)
    assert all(one.cordon == XID for one in gpu_evidence(of_itself, wants, []))
    unread = gpu_evidence(with_instances(kepler(), read=False), wants, [])
    assert [one.free_bytes for one in unread] == [None, None]


def replace_mig(request: GpuRequest, profile: str) -> GpuRequest:
    return with_fields(request, mig=profile)


def test_orphans_are_told_though_they_were_ours() -> None:
    live = run(3, "train", "true", Running(since=NOW, pid=1, lease=lease("kepler", 0, 6)))
    processes = (
        GpuProcess(pid=7, run=run_id(3)),
        GpuProcess(pid=8, run=run_id(3), orphan=True, container="jupyter"),
        GpuProcess(pid=9, run=run_id(4), vram_bytes=GIB),
    )
    found = holders(gpu_id("kepler", 0), processes, [live])
    assert [(one.pid, one.orphan, one.container) for one in found] == [
        (0, False, ""), (8, True, "jupyter"), (9, False, ""),
    ]  # fmt: skip


def test_a_card_names_closed_instances_by_gpu_and_instance() -> None:
    view = with_instances(kepler(), read=True, closed=True)
    assert [number for number, _ in machine_card(view, {}, ()).closed] == ["0:0", "0:1"]
    whole = with_reading(view, cordon=XID)
    assert [number for number, _ in machine_card(whole, {}, ()).closed] == ["0"]
    well = with_instances(kepler(), read=True)
    assert machine_card(well, {}, ()).closed == ()


def test_what_only_moves_a_gauge_leaves_a_card_as_high_as_it_is() -> None:
    view = kepler()
    card = machine_card(view, {}, ())
    assert machine_card(with_reading(view, vram_used_bytes=GIB), {}, ()).frame == card.frame
    assert machine_card(with_reading(view, problem="Gone."), {}, ()).frame != card.frame
    assert machine_card(with_reading(view, cordon=XID), {}, ()).frame != card.frame
