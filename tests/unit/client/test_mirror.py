"""The mirror always ends at the machine's own truth, whatever comes twice, late or not at all."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from lanherd_client import mirror as mirror_module
from lanherd_client.changes import MachineChanged, RunChanged, RunsChanged, TelemetryChanged
from lanherd_client.mirror import (
    Connecting,
    FeedReached,
    LinkMoved,
    MachineForgotten,
    MachineKnown,
    MachineView,
    Mirror,
    Online,
    ProblemsSeen,
    RestSeen,
    RunGone,
    RunSeen,
    SnapshotTaken,
    TelemetrySeen,
)
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.messages import MachineSnapshot
from lanherd_protocol.states import Ended, RunState, RunView, is_live
from lanherd_protocol.values import Reason, RunSpec
from tests.support.scripted_agent import (
    GPU,
    MACHINE,
    ended,
    facts,
    queued,
    run_id,
    running,
    telemetry,
)


def view(number: int, state: RunState, seq: int, submitted_at: float = 1.0) -> RunView:
    return RunView(
        run=run_id(number),
        spec=RunSpec(command=("true",)),
        owner="me",
        submitted_at=submitted_at,
        state=state,
        seq=seq,
    )


def snapshot(seq: int, *runs: RunView, total: int | None = None, **more: Any) -> MachineSnapshot:
    total = len(runs) if total is None else total
    return MachineSnapshot(facts=facts(), seq=seq, runs=runs, runs_total=total, **more)


def known() -> Mirror:
    mirror = Mirror()
    mirror.apply(MachineKnown(MACHINE, "box", 5.0))
    return mirror


def machine(mirror: Mirror) -> MachineView:
    found = mirror.machine(MACHINE)
    assert found is not None
    return found


def test_a_machine_begins_as_connecting_with_nothing_known() -> None:
    mirror = Mirror()
    assert mirror.apply(MachineKnown(MACHINE, "box", 5.0)) == (MachineChanged(MACHINE),)
    assert machine(mirror) == MachineView(MACHINE, "box", Connecting(5.0))
    assert not machine(mirror).simulated
    assert not machine(mirror).online


def test_a_new_name_is_a_change_and_the_same_is_none() -> None:
    mirror = known()
    assert mirror.apply(MachineKnown(MACHINE, "box", 9.0)) == ()
    assert mirror.apply(MachineKnown(MACHINE, "shelf", 9.0)) == (MachineChanged(MACHINE),)
    assert machine(mirror).name == "shelf"


def test_machines_come_by_name() -> None:
    mirror = known()
    other = DeviceId("b" * 64)
    mirror.apply(MachineKnown(other, "Attic", 5.0))
    assert [view.name for view in mirror.machines()] == ["Attic", "box"]


def test_a_forgotten_machine_is_gone_and_late_news_of_it_is_nothing() -> None:
    mirror = known()
    assert mirror.apply(MachineForgotten(MACHINE)) == (
        MachineChanged(MACHINE),
        RunsChanged(MACHINE),
    )
    assert mirror.apply(TelemetrySeen(MACHINE, telemetry(1.0))) == ()
    assert mirror.machine(MACHINE) is None
    assert mirror.machines() == ()
    assert mirror.seq(MACHINE) == 0
    assert mirror.runs(MACHINE) == ()
    assert mirror.run(MACHINE, run_id(1)) is None
    assert mirror.doubtful(MACHINE) == frozenset()
    assert mirror.history(MACHINE, GPU) == ()


def test_a_link_that_moves() -> None:
    mirror = known()
    online = Online(7.0, "admin", "0.1.0", "10.0.0.1")
    assert mirror.apply(LinkMoved(MACHINE, online)) == (MachineChanged(MACHINE),)
    assert machine(mirror).online


def test_a_snapshot_tells_facts_runs_and_telemetry() -> None:
    mirror = known()
    run = view(1, running(), 3)
    changes = mirror.apply(SnapshotTaken(MACHINE, snapshot(4, run, telemetry=telemetry(9.0))))
    assert set(changes) == {
        MachineChanged(MACHINE),
        TelemetryChanged(MACHINE),
        RunChanged(MACHINE, run.run),
    }
    assert machine(mirror).simulated
    assert machine(mirror).runs_live == 1
    assert mirror.seq(MACHINE) == 4
    assert mirror.runs(MACHINE) == (run,)
    assert mirror.run(MACHINE, run.run) == run


def test_a_run_is_counted_in_each_of_its_states() -> None:
    mirror = known()
    expected = ((queued(), (0, 1)), (running(), (1, 0)), (ended(), (0, 0)))
    for seq, (state, counts) in enumerate(expected, start=1):
        changes = mirror.apply(RunSeen(MACHINE, view(1, state, seq)))
        assert changes == (RunChanged(MACHINE, run_id(1)), MachineChanged(MACHINE))
        assert (machine(mirror).runs_live, machine(mirror).runs_waiting) == counts
        assert machine(mirror).runs_total == 1


def test_old_news_and_the_same_news_change_nothing() -> None:
    mirror = known()
    mirror.apply(RunSeen(MACHINE, view(1, ended(), 3)))
    assert mirror.apply(RunSeen(MACHINE, view(1, running(), 2))) == ()
    assert mirror.apply(RunSeen(MACHINE, view(1, ended(), 3))) == ()


def test_a_change_that_moves_no_count_names_the_run_alone() -> None:
    mirror = known()
    mirror.apply(RunSeen(MACHINE, view(1, queued(), 1)))
    changes = mirror.apply(RunSeen(MACHINE, view(1, replace(queued(), prepared=True), 2)))
    assert changes == (RunChanged(MACHINE, run_id(1)),)


def test_the_feed_position_never_goes_back() -> None:
    mirror = known()
    assert mirror.apply(FeedReached(MACHINE, 7)) == ()
    mirror.apply(FeedReached(MACHINE, 5))
    assert mirror.seq(MACHINE) == 7


def test_a_live_run_that_a_snapshot_leaves_out_is_doubtful_until_asked() -> None:
    mirror = known()
    for number in (1, 2, 3):
        mirror.apply(RunSeen(MACHINE, view(number, running(), number)))
    mirror.apply(RunSeen(MACHINE, view(4, ended(), 4)))
    mirror.apply(RunSeen(MACHINE, view(5, running(), 9)))
    mirror.apply(SnapshotTaken(MACHINE, snapshot(8, total=5)))
    # 4 has ended for good, and 5 is newer than the snapshot.
    assert mirror.doubtful(MACHINE) == {run_id(1), run_id(2), run_id(3)}
    mirror.apply(RunSeen(MACHINE, view(1, running(), 1)))
    mirror.apply(RunSeen(MACHINE, view(2, ended(), 6)))
    gone = mirror.apply(RunGone(MACHINE, run_id(3)))
    assert gone == (RunChanged(MACHINE, run_id(3)), MachineChanged(MACHINE))
    assert mirror.doubtful(MACHINE) == frozenset()
    assert mirror.apply(RunGone(MACHINE, run_id(3))) == ()
    assert machine(mirror).runs_live == 2


def test_a_log_that_began_anew_forgets_what_was() -> None:
    mirror = known()
    mirror.apply(SnapshotTaken(MACHINE, snapshot(50, view(1, running(), 40)), first=True))
    fresh = view(2, queued(), 2)
    changes = mirror.apply(SnapshotTaken(MACHINE, snapshot(3, fresh), first=True))
    assert changes == (MachineChanged(MACHINE), RunsChanged(MACHINE))
    assert mirror.runs(MACHINE) == (fresh,)
    assert mirror.seq(MACHINE) == 3
    assert (machine(mirror).runs_live, machine(mirror).runs_waiting) == (0, 1)
    assert machine(mirror).runs_total == 1


def test_a_later_snapshot_that_was_overtaken_by_events_takes_nothing_back() -> None:
    mirror = known()
    mirror.apply(RunSeen(MACHINE, view(1, ended(), 9)))
    mirror.apply(FeedReached(MACHINE, 9))
    mirror.apply(SnapshotTaken(MACHINE, snapshot(8, view(1, running(), 5))))
    assert isinstance(mirror.runs(MACHINE)[0].state, Ended)
    assert mirror.seq(MACHINE) == 9


def test_the_total_counts_runs_that_are_not_kept_here() -> None:
    mirror = known()
    first = view(1, queued(), 3, submitted_at=100.0)
    mirror.apply(SnapshotTaken(MACHINE, snapshot(3, first, total=500)))
    mirror.apply(RunSeen(MACHINE, view(2, queued(), 4, submitted_at=101.0)))
    mirror.apply(RunSeen(MACHINE, view(0, ended(), 1, submitted_at=50.0)))
    assert machine(mirror).runs_total == 501


def test_old_ended_runs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "ENDED_RUNS_MAX", 2)
    mirror = known()
    for number in (1, 2):
        mirror.apply(RunSeen(MACHINE, view(number, ended(), number)))
    mirror.apply(RunGone(MACHINE, run_id(1)))
    changes = mirror.apply(RunSeen(MACHINE, view(3, ended(), 3)))
    # Run 1 was gone already: its place costs nobody anything.
    assert run_id(2) in {run.run for run in mirror.runs(MACHINE)}
    changes = mirror.apply(RunSeen(MACHINE, view(4, ended(), 4)))
    assert {RunChanged(MACHINE, run_id(2)), RunChanged(MACHINE, run_id(4))} <= set(changes)
    assert [run.run for run in mirror.runs(MACHINE)] == [run_id(3), run_id(4)]


def test_an_ended_run_that_is_told_again_newer_is_kept_once() -> None:
    mirror = known()
    mirror.apply(RunSeen(MACHINE, view(1, ended(), 1)))
    mirror.apply(RunSeen(MACHINE, view(1, ended("lost"), 2)))
    assert [run.seq for run in mirror.runs(MACHINE)] == [2]


def test_the_reply_to_a_submit_is_older_than_all_news() -> None:
    mirror = known()
    taken = view(1, queued(), 0)
    assert mirror.apply(RunSeen(MACHINE, taken))
    assert mirror.run(MACHINE, run_id(1)) == taken
    assert mirror.apply(RunSeen(MACHINE, taken)) == ()
    mirror.apply(RunSeen(MACHINE, view(1, running(), 4)))
    assert mirror.apply(RunSeen(MACHINE, taken)) == ()
    assert mirror.run(MACHINE, run_id(1)) == view(1, running(), 4)
    assert (machine(mirror).runs_live, machine(mirror).runs_waiting) == (1, 0)
    assert machine(mirror).runs_total == 1


def test_what_a_snapshot_left_out_is_counted_until_it_is_told() -> None:
    mirror = known()
    named = [view(number, queued(), number, number) for number in (1, 2)]
    taken = snapshot(9, *named, total=7, runs_live=1, runs_waiting=5)

    def counts() -> tuple[int, int, int]:
        found = machine(mirror)
        return found.runs_live, found.runs_waiting, found.runs_total

    mirror.apply(SnapshotTaken(MACHINE, taken, first=True))
    assert counts() == (1, 5, 7)
    # One that was left out is told as it was, one as it is since, and one has ended since.
    mirror.apply(RunSeen(MACHINE, view(3, queued(), 3, 3.0)))
    assert counts() == (1, 5, 7)
    mirror.apply(RunSeen(MACHINE, view(4, running(), 4, 1.5)))
    assert counts() == (1, 5, 7)
    mirror.apply(RunSeen(MACHINE, view(3, ended(), 10, 3.0)))
    assert counts() == (1, 4, 7)
    # A new one is one more.
    mirror.apply(RunSeen(MACHINE, view(8, queued(), 11, 8.0)))
    assert counts() == (1, 5, 8)
    mirror.apply(RunSeen(MACHINE, view(5, queued(), 5, 5.0)))
    mirror.apply(RunSeen(MACHINE, view(6, queued(), 6, 6.0)))
    assert counts() == (1, 5, 8)
    assert mirror.apply(RestSeen(MACHINE)) == ()
    assert counts() == (1, 5, 8)


def test_when_all_are_told_only_these_count() -> None:
    mirror = known()
    mirror.apply(SnapshotTaken(MACHINE, snapshot(9, total=7, runs_live=2, runs_waiting=5)))
    assert mirror.apply(RestSeen(MACHINE)) == (MachineChanged(MACHINE),)
    assert (machine(mirror).runs_live, machine(mirror).runs_waiting) == (0, 0)
    # A mirror that knows more than the snapshot names isn't counted twice.
    for number in (1, 2):
        mirror.apply(RunSeen(MACHINE, view(number, queued(), number)))
    mirror.apply(SnapshotTaken(MACHINE, snapshot(10, total=7, runs_live=0, runs_waiting=2)))
    assert machine(mirror).runs_waiting == 2


def test_problems_of_a_machine_come_with_its_samples_and_its_status() -> None:
    mirror = known()
    low = Reason(code="low_disk", text="The disk is nearly full.")
    sick = replace(telemetry(1.0), problems=(low,))
    told = (TelemetryChanged(MACHINE), MachineChanged(MACHINE))
    assert mirror.apply(TelemetrySeen(MACHINE, sick)) == told
    assert machine(mirror).problems == (low,)
    assert mirror.apply(TelemetrySeen(MACHINE, replace(sick, at=2.0))) == told[:1]
    assert mirror.apply(TelemetrySeen(MACHINE, telemetry(3.0))) == told
    assert machine(mirror).problems == ()
    assert mirror.apply(ProblemsSeen(MACHINE, (low,))) == (MachineChanged(MACHINE),)
    assert mirror.apply(ProblemsSeen(MACHINE, (low,))) == ()
    assert machine(mirror).problems == (low,)
    mirror.apply(SnapshotTaken(MACHINE, snapshot(1, telemetry=telemetry(4.0))))
    assert machine(mirror).problems == ()


def test_history_holds_a_minute() -> None:
    mirror = known()
    for second in range(100):
        changes = mirror.apply(TelemetrySeen(MACHINE, telemetry(float(second), second)))
        assert changes == (TelemetryChanged(MACHINE),)
    points = mirror.history(MACHINE, GPU)
    assert [point.at for point in points] == [float(at) for at in range(39, 100)]
    assert points[-1].vram_used_bytes == 99
    assert machine(mirror).telemetry == telemetry(99.0, 99)


def test_the_same_sample_is_one_point_and_a_clock_set_back_begins_again() -> None:
    mirror = known()
    for at in (10.0, 11.0, 11.0, 12.0, 10.5):
        mirror.apply(TelemetrySeen(MACHINE, telemetry(at)))
    assert [point.at for point in mirror.history(MACHINE, GPU)] == [10.0, 10.5]


def test_the_history_of_a_gpu_that_is_gone_is_dropped() -> None:
    mirror = known()
    mirror.apply(TelemetrySeen(MACHINE, telemetry(1.0, gpus=2)))
    mirror.apply(TelemetrySeen(MACHINE, telemetry(2.0, gpus=1)))
    assert mirror.history(MACHINE, GpuUuid("GPU-1")) == ()
    assert len(mirror.history(MACHINE, GPU)) == 2


# --- Whatever happens on the way -----------------------------------------------------------------

_steps = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40)


@settings(max_examples=200)
@given(steps=_steps, data=st.data())
def test_any_order_with_losses_and_repeats_ends_at_the_truth(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    states: tuple[RunState, ...] = (queued(), running(), ended())
    truth: dict[RunId, RunView] = {}
    events: list[RunView] = []
    for seq, (number, which) in enumerate(steps, start=1):
        before = truth.get(run_id(number))
        if before is not None and isinstance(before.state, Ended):
            continue
        event = view(number, states[which], seq, submitted_at=float(number))
        truth[event.run] = event
        events.append(event)
    mirror = known()
    if events:
        for event in data.draw(st.lists(st.sampled_from(events), max_size=60)):
            mirror.apply(RunSeen(MACHINE, event))
    kept = data.draw(st.integers(0, len(truth)))
    live_first = sorted(truth.values(), key=lambda v: (isinstance(v.state, Ended), -v.seq))
    seq = len(steps)
    mirror.apply(SnapshotTaken(MACHINE, snapshot(seq, *live_first[:kept], total=len(truth))))
    for run in live_first[kept:]:
        mirror.apply(RunSeen(MACHINE, run))
    for doubtful in mirror.doubtful(MACHINE):
        mirror.apply(RunSeen(MACHINE, truth[doubtful]))
    assert {run.run: run for run in mirror.runs(MACHINE)} == truth
    assert machine(mirror).runs_live == sum(is_live(run.state) for run in truth.values())
    waiting = [r for r in truth.values() if not isinstance(r.state, Ended) and not is_live(r.state)]
    assert machine(mirror).runs_waiting == len(waiting)
    assert mirror.doubtful(MACHINE) == frozenset()
