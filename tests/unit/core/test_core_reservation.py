"""What is kept for the first run that finds no room, and who may pass it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity, HostCapacity, RunUse
from lanherd_agent.core.explaining import explain
from lanherd_agent.core.placement import Judge, Start, decide
from lanherd_agent.core.room import Room
from lanherd_agent.core.scene import Live
from lanherd_agent.core.wants import Want
from lanherd_protocol.ids import short_id
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.values import HostRequest, Lease, Reason
from tests.simulation.making import GB, NOW, gpu, run_id
from tests.unit.core.scenes import (
    CPU,
    instances,
    ledger_of,
    like,
    live,
    machine_of,
    placed,
    scene,
    share,
    told,
    want,
    why,
)

FULL = want(24)
BUSY = [live(0, share(0, 20), ends_s=100), live(1, share(1, 10), ends_s=50)]


def test_a_run_may_pass_if_it_is_over_before_the_first_finds_room() -> None:
    gpus = machine_of(2)
    first = want(24, 2)
    in_time, too_long = want(4, limit_s=100), want(4, limit_s=101)
    assert placed(gpus, first, in_time, runs=BUSY) == {2: [0]}
    assert placed(gpus, first, too_long, runs=BUSY) == {}
    assert placed(gpus, first, want(4), runs=BUSY) == {}


def test_a_run_may_pass_on_what_the_first_will_not_need() -> None:
    gpus = machine_of(3)
    runs = [*BUSY, live(2, share(2, 20))]
    assert placed(gpus, want(24), want(4), want(4), runs=runs) == {2: [0], 3: [2]}
    assert placed(gpus, want(12, 2), want(4), want(6), runs=runs) == {2: [2], 3: [1]}


def test_the_first_is_kept_its_earliest_place() -> None:
    reason = why(machine_of(2), FULL, runs=BUSY)
    assert reason.text == (
        "GPU 1: 14 of 24 GB free, needs 24; run 000003e9 holds 10 GB. "
        "First in line; expected in about 50 s."
    )
    assert (reason.data["expected_at"], reason.data["first"]) == (NOW + 50, 1)
    late = [live(0, share(0, 20), ends_s=-5)]
    assert why([gpu(0)], FULL, runs=late).data["expected_at"] == NOW


def test_a_gpu_is_free_of_a_user_s_runs_when_the_last_of_them_is_over() -> None:
    rules = MachineRules(keep_free=1, users={"ann": ShareRule(gpus_max=1)})
    runs = [live(0, share(0, 10), ends_s=50), live(1, share(0, 10), ends_s=100)]
    reason = why(machine_of(3), want(24), runs=runs, rules=rules)
    assert reason.code == "share_full"
    other = why(machine_of(2), want(24, owner="bob"), runs=runs, rules=rules)
    assert other.data["expected_at"] == NOW + 100


def test_those_that_may_not_pass_are_told_why() -> None:
    gpus = machine_of(2)
    assert why(gpus, want(24, 2), want(4), runs=BUSY).code == "needs_limit"
    kept = why(gpus, want(24, 2), want(4, limit_s=999), runs=BUSY)
    assert (kept.code, kept.data) == ("kept_for_earlier", {"gpu": 0, "free_bytes": 4 * GB})
    cores = want(count=0, host=HostRequest(cpu_cores=6.0))
    held = [live(0, host=HostRequest(cpu_cores=4.0), ends_s=60)]
    some = want(count=0, host=HostRequest(cpu_cores=3.0), limit_s=999)
    reason = why((), cores, some, runs=held, host=HostCapacity(cpu_cores=8))
    assert reason.code == "kept_for_first"


def test_where_nobody_knows_when_all_that_the_first_could_use_is_kept() -> None:
    gpus = [gpu(0, 80), gpu(1, 24)]
    runs = [live(0, share(0, 40))]
    assert placed(gpus, want(60), want(4, limit_s=1), CPU, runs=runs) == {2: [1], 3: []}
    assert placed([gpu(0)], FULL, want(1, limit_s=1), runs=[live(0, share(0, 1))]) == {}


ALONE = want(24, exclusive=True)


def test_what_others_keep_from_the_first_is_lent_to_runs_with_a_limit() -> None:
    used = [gpu(0, foreign_gb=2)]
    assert placed(used, ALONE, want(4), want(4, limit_s=90), want(20)) == {3: [0]}
    for first in (FULL, want(2, beside="wait")):
        assert placed(used, first, want(4), want(4, limit_s=90)) == {3: [0]}
    most = [gpu(0, foreign_gb=14)]
    assert placed(most, want(), want(4), want(4, limit_s=90)) == {3: [0]}
    strict = MachineRules(backfill=False)
    assert placed(used, ALONE, want(4, limit_s=90), rules=strict) == {}


def test_once_the_others_are_gone_it_is_kept_again() -> None:
    runs = [live(0, share(0, 4), ends_s=90)]
    assert placed(machine_of(1), ALONE, want(4, limit_s=91), runs=runs) == {}
    first = told(machine_of(1), ALONE, runs=runs)[0]
    assert first.data["expected_at"] == NOW + 90
    watched = {gpu(0).uuid: NOW - 1.0}
    assert placed(machine_of(1), ALONE, want(4, limit_s=9), crowded_until=watched) == {}


def test_what_the_first_gets_without_the_others_leaving_is_not_lent() -> None:
    runs = [live(0, share(0, 4))]
    used = [gpu(0), gpu(1, foreign_gb=20)]
    short = want(1, limit_s=9)
    assert placed(used, ALONE, short, want(20, limit_s=9), runs=runs) == {2: [1]}
    two = want(24, 2, exclusive=True)
    assert placed(used, two, short, want(20, limit_s=9), runs=runs) == {2: [1], 3: [0]}
    slices = list(instances(0, ("a", 10), ("a", 10)))
    slices[1] = like(slices[1], foreign_bytes=2 * GB)
    held = [live(0, replace(share(0, 4), uuid=slices[0].uuid, instance=0))]
    alone, small = want(4, exclusive=True, mig="a"), want(1, mig="a", limit_s=9)
    (start,) = decide(scene(slices, alone, small, runs=held))
    assert start.lease.gpus[0].instance == 1


def test_cores_and_places_are_lent_with_the_gpus() -> None:
    host = HostCapacity(cpu_cores=4)
    some = HostRequest(cpu_cores=2.0)
    used = [gpu(0, foreign_gb=2)]
    first = want(24, exclusive=True, host=some)
    short, long = want(count=0, host=some, limit_s=9), want(count=0, host=some)
    rules = MachineRules(runs_at_once_max=1)
    assert placed(used, first, long, short, host=host) == {3: []}
    assert placed(used, first, long, short, host=host, rules=rules) == {3: []}


def test_those_behind_are_told_who_is_ahead_and_what_helps() -> None:
    used = [gpu(0, foreign_gb=2)]
    runs = {1: run_id(7)}

    def said(gpus: Sequence[GpuCapacity], *wants: Want, **more: Any) -> Reason:
        return explain(scene(gpus, *wants, **more), enumerate(wants, 1), runs)[-1]

    reason = said(used, ALONE, want(4))
    assert reason.text == (
        "There is room, but without a time limit it might delay run "
        f"{short_id(run_id(7))}, which is ahead in the line, and waits until others leave its GPUs."
    )
    assert reason.code == "needs_limit" and "time limit" in reason.remedy
    assert reason.data == {"run": run_id(7)}
    reason = said(machine_of(1), ALONE, want(4), runs=[live(0, share(0, 4))])
    assert reason.text == (
        f"GPU 0 has room, but is kept for run {short_id(run_id(7))}, which is ahead in the line."
    )
    assert reason.data == {"gpu": 0, "free_bytes": 20 * GB, "run": run_id(7)}
    assert reason.remedy == "Move it ahead in the line, if it can't wait."
    late = [live(0, share(0, 4), ends_s=50)]
    reason = said(machine_of(1), ALONE, want(4, limit_s=51), runs=late)
    assert reason.remedy.startswith("Give it a shorter time limit, or move it ahead")


def test_cores_and_places_are_kept_as_well() -> None:
    host = HostCapacity(cpu_cores=8)
    held = [live(0, host=HostRequest(cpu_cores=4.0))]
    many = want(count=0, host=HostRequest(cpu_cores=6.0))
    few = want(count=0, host=HostRequest(cpu_cores=1.0), limit_s=1)
    assert placed((), many, few, CPU, runs=held, host=host) == {3: []}
    rules = MachineRules(runs_at_once_max=2)
    assert placed([gpu(0)], FULL, CPU, runs=[live(0, share(0, 1))], rules=rules) == {}


def test_what_the_owner_lets_the_first_have_is_kept_as_well() -> None:
    rules = MachineRules(keep_free=1)
    runs = [live(0, share(0, 20)), live(1, share(1, 4)), live(2, share(2, 4))]
    gpus = [gpu(0, 80), *machine_of(5)[1:]]
    first = want(70)
    assert placed(gpus, first, want(10), want(24), runs=runs, rules=rules) == {2: [1]}
    mine = MachineRules(users={"ann": ShareRule(gpus_max=2)})
    assert placed(gpus, first, want(4), want(4, owner="bob"), runs=runs[:1], rules=mine) == {3: [1]}
    assert placed(gpus, first, CPU, runs=runs[:1], rules=mine) == {2: []}


def test_a_run_that_asks_for_more_takes_less_to_pass() -> None:
    gpus = machine_of(3)
    runs = [live(0, share(0, 20), ends_s=100), live(1, share(1, 1), ends_s=100)]
    found = placed(gpus, want(24, 2), want(4, 1, count_max=3), runs=runs)
    assert len(found[2]) == 1


def test_the_first_counts_those_that_start_before_it() -> None:
    gpus = machine_of(1)
    first = want(24)
    wants = [want(20, limit_s=50), first, want(4, limit_s=50), want(4, limit_s=60)]
    assert placed(gpus, *wants) == {1: [0], 3: [0]}


def test_what_was_measured_of_a_run_is_gone_with_it() -> None:
    uses = (RunUse(run=run_id(1000), vram_bytes=22 * GB), RunUse(run=run_id(1001), vram_bytes=GB))
    measured = like(gpu(0), uses=uses, ours_bytes=23 * GB)
    runs = [live(0, share(0, 4), ends_s=60), live(1, share(0, 1))]
    assert why([measured], want(23), runs=runs).data["expected_at"] == NOW + 60
    assert "expected_at" not in why([measured], FULL, runs=runs).data


def test_strictly_one_after_the_other_without_backfill() -> None:
    rules = MachineRules(backfill=False)
    gpus = [gpu(0, 80), gpu(1, 24), gpu(2, 24)]
    runs = [live(0, share(0, 40), ends_s=10), live(1, share(1, 20), ends_s=10)]
    wants = [want(60), want(24, limit_s=1), want(2, limit_s=1)]
    assert placed(gpus, *wants, runs=runs, rules=rules) == {2: [2], 3: [1]}
    second = [want(60), want(24, 2), want(2, limit_s=1)]
    assert placed(gpus, *second, runs=runs, rules=rules) == {}


# --- Whatever the line and the machine -----------------------------------------------------------

sizes = st.sampled_from((0.0, 2.0, 6.0, 12.0, 20.0, 24.0))
limits = st.sampled_from((None, 10.0, 60.0, 600.0))
wants = st.builds(
    lambda vram_gb, count, exclusive, limit_s, owner, cores, most, beside: want(
        vram_gb,
        count,
        exclusive and count > 0,
        limit_s=limit_s,
        owner=owner,
        host=HostRequest(cpu_cores=cores),
        count_max=most if count else 0,
        beside=beside,
    ),
    sizes,
    st.integers(0, 3),
    st.booleans(),
    limits,
    st.sampled_from(("ann", "bob")),
    st.sampled_from((0.0, 0.0, 2.0)),
    st.sampled_from((0, 4)),
    st.sampled_from(("rule", "wait")),
)
machines = st.lists(
    st.tuples(st.sampled_from((12, 24, 80)), st.sampled_from((0, 0, 0, 0.5, 6)), st.booleans()),
    min_size=1,
    max_size=5,
).map(
    lambda some: [
        gpu(index, size, others, problem="Lost." if lost and others else None)
        for index, (size, others, lost) in enumerate(some)
    ]
)
owners = st.builds(
    lambda free, most, least, backfill, strategy, share_max: MachineRules(
        keep_free=free,
        users={"ann": ShareRule(gpus_max=most), "bob": ShareRule(gpus_min=least)},
        backfill=backfill,
        strategy=strategy,
        vram_share_max=share_max,
    ),
    st.integers(0, 1),
    st.sampled_from((None, 1, 2)),
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from(("pack", "spread", "most_free", "coolest")),
    st.sampled_from((1.0, 0.8)),
)
HOST = HostCapacity(cpu_cores=4)


def started(some: Sequence[Want], starts: Sequence[Start], first: int) -> list[Live]:
    """The starts as live runs."""
    found = []
    for number, start in enumerate(starts, first):
        one = some[start.place - 1]
        ends_s = one.ends_s
        found.append(
            Live(
                holder=(run_id(1000 + number), 1),
                lease=start.lease,
                owner=one.owner,
                ends_at=None if ends_s is None else NOW + ends_s,
                since=NOW,
            )
        )
    return found


def used(runs: Sequence[Live]) -> set[int]:
    return {gpu.index for run in runs for gpu in run.lease.gpus}


def check_all(
    gpus: Sequence[GpuCapacity], rules: MachineRules, runs: Sequence[Live], new: Sequence[Live]
) -> None:
    for one in gpus:
        shares = [gpu for run in (*runs, *new) for gpu in run.lease.gpus if gpu.uuid == one.uuid]
        held = sum(gpu.vram_bytes for gpu in shares)
        assert not shares or held + one.foreign_bytes <= one.total_bytes, "promised twice"
        assert len(shares) < 2 or not any(gpu.exclusive for gpu in shares), "shared"
        assert len(shares) < 2 or held <= rules.vram_share_max * one.total_bytes, "packed"
        assert one.problem is None or not shares, "on a GPU that is lost"
    working = {one.index for one in gpus if one.problem is None}
    before, after = working - used(runs), working - used([*runs, *new])
    assert after == before or len(after) >= rules.keep_free, "what stays free was taken"
    for user, rule in rules.users.items():
        if rule.gpus_max is not None:
            assert len(used([run for run in (*runs, *new) if run.owner == user])) <= rule.gpus_max
    promised = sum(run.lease.host.cpu_cores for run in (*runs, *new))
    assert promised <= HOST.cpu_cores


def check_first(
    gpus: Sequence[GpuCapacity], rules: MachineRules, runs: Sequence[Live], some: Sequence[Want]
) -> None:
    """Whoever has a reservation finds room by then, if those that live end at their limits."""
    here = scene(gpus, *some, runs=runs, rules=rules, host=HOST)
    judge = Judge(here)
    for place, one in enumerate(some, 1):
        found = judge.judge(place, one)
        if isinstance(found, Lease):
            judge.start(place, one, found)
    first = judge.reservation
    if first is None or first.at is None:
        return
    new = started(some, decide(here), 100)
    at = first.at
    left = [run for run in (*runs, *new) if run.ends_at is None or run.ends_at > at]
    then = scene(gpus, runs=left, rules=rules, host=HOST, now=at)
    assert Room(then).holds(first.want), "the first was delayed"


@given(machines, owners, st.lists(wants, max_size=8), st.lists(wants, max_size=12))
def test_whatever_is_asked_for_nothing_is_given_twice_and_nobody_delays_the_first(
    gpus: list[GpuCapacity], rules: MachineRules, before: list[Want], some: list[Want]
) -> None:
    starts = decide(scene(gpus, *before, rules=rules, host=HOST))
    runs = started(before, starts, 1)
    check_all(gpus, rules, [], runs)
    here = scene(gpus, *some, runs=runs, rules=rules, host=HOST)
    starts = decide(here)
    assert starts == decide(scene(gpus, *some, runs=runs, rules=rules, host=HOST))
    check_all(gpus, rules, runs, started(some, starts, 100))
    check_first(gpus, rules, runs, some)
    assert ledger_of(*runs).leases() == here.ledger.leases()
    explained = explain(here, enumerate(some, 1))
    assert len(explained) == len(some) and all(reason.text for reason in explained)
