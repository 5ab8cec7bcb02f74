"""Which GPUs a run gets of those with room: strategies, links, MIG, constraints, from and to."""

import pytest

from lanherd_agent.core import matching as matching_module
from lanherd_agent.core.choosing import Links, best_linked
from lanherd_agent.core.events import GpuCapacity, HostCapacity, ReadingsTaken, RunUse
from lanherd_agent.core.matching import Matching
from lanherd_agent.core.placement import decide
from lanherd_agent.core.room import Room
from lanherd_agent.core.slots import Slot
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules, ShareRule, Strategy
from lanherd_protocol.values import GpuLink, HostRequest, LinkKind
from tests.simulation.making import GB, gpu, run_id
from tests.unit.core.scenes import (
    CPU,
    instances,
    like,
    live,
    machine_of,
    placed,
    scene,
    share,
    want,
)


def link(first: int, second: int, kind: LinkKind = "nvlink", nvlinks: int = 0) -> GpuLink:
    return GpuLink(first=first, second=second, kind=kind, nvlinks=nvlinks)


# --- Strategies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "chosen"),
    [("pack", 1), ("spread", 3), ("most_free", 2), ("coolest", 0)],
)
def test_the_owner_says_which_gpu_is_taken_first(strategy: Strategy, chosen: int) -> None:
    gpus = [
        like(gpu(0), temperature_c=30.0),
        like(gpu(1), temperature_c=50.0),
        like(gpu(2, 80), temperature_c=None),
        like(gpu(3, 48), temperature_c=60.0),
    ]
    runs = [live(0, share(0, 4)), live(1, share(1, 8)), live(2, share(2, 4))]
    rules = MachineRules(strategy=strategy)
    assert placed(gpus, want(4, rules=rules), runs=runs, rules=rules) == {1: [chosen]}


def test_runs_that_start_together_are_spread() -> None:
    rules = MachineRules(strategy="spread")
    assert placed(machine_of(2), want(4), want(4), want(4), rules=rules) == {1: [0], 2: [1], 3: [0]}


# --- From and to ---------------------------------------------------------------------------------


def test_a_run_takes_what_is_free_up_to_its_most() -> None:
    some = want(10, 2, count_max=4)
    assert placed(machine_of(6), some) == {1: [0, 1, 2, 3]}
    assert placed(machine_of(3), some) == {1: [0, 1, 2]}
    assert placed(machine_of(1), some) == {}


# --- Links ---------------------------------------------------------------------------------------


def test_of_the_free_sets_the_best_linked_is_taken() -> None:
    links = [link(0, 1, "system"), link(0, 2, "host_bridge"), link(1, 3, "nvlink", 4), link(2, 3)]
    linked = want(4, 2, linked=True)
    assert placed(machine_of(4), linked, links=links) == {1: [1, 3]}
    runs = [live(0, share(3, 24))]
    assert placed(machine_of(4), linked, links=links, runs=runs) == {1: [0, 2]}
    assert placed(machine_of(4), linked) == {1: [0, 1]}
    assert placed(machine_of(4), want(4, linked=True), links=links) == {1: [0]}


def test_a_set_is_as_good_as_its_worst_link() -> None:
    links = Links([link(1, 0, "nvlink", 12), link(1, 2, "system"), link(0, 2, "pcie_switch")])
    assert links.score([0, 1, 2]) == (6, -12, 8)
    assert links.score([0, 9]) == (7, 0, 7)


def test_the_owners_bounds_hold_for_linked_sets_too() -> None:
    links = [link(0, 1, "nvlink", 4), link(2, 3, "system")]
    rules = MachineRules(keep_free=1)
    runs = [live(0, share(2, 4)), live(1, share(3, 4))]
    linked = want(4, 2, linked=True)
    assert placed(machine_of(4), linked, links=links, runs=runs, rules=rules) == {1: [2, 3]}


def slots_of(count: int) -> list[Slot]:
    return Room(scene(machine_of(count))).slots


def test_large_sets_grow_from_each_gpu() -> None:
    links = Links([link(a, b, "nvlink", 1) for a in range(8, 16) for b in range(a + 1, 16)])
    grown = best_linked(slots_of(16), 8, links, lambda some: True)
    assert sorted(slot.index for slot in grown) == list(range(8, 16))
    assert best_linked(slots_of(16), 8, links, lambda some: len(some) < 5) == []
    assert best_linked(slots_of(4), 2, links, lambda some: False) == []


# --- MIG -----------------------------------------------------------------------------------------


def mig_machine() -> list[GpuCapacity]:
    return [gpu(0, 80), *instances(1, ("1g.10gb", 10), ("1g.10gb", 10), ("3g.40gb", 40)), gpu(1)]


def test_instances_are_given_to_those_that_ask_for_their_profile() -> None:
    (start,) = decide(scene(mig_machine(), want(8, 2, mig="1g.10gb")))
    assert [(one.index, one.instance, one.uuid) for one in start.lease.gpus] == [
        (1, 0, "MIG-1-0"),
        (1, 1, "MIG-1-1"),
    ]
    assert placed(mig_machine(), want(8, 3, mig="1g.10gb")) == {}
    assert placed(mig_machine(), want(20, mig="3g.40gb", linked=True)) == {1: [1]}


def test_a_gpu_that_is_cut_up_takes_no_run_itself() -> None:
    assert placed(mig_machine(), want(4, 2)) == {}
    assert placed(mig_machine(), want(4)) == {1: [0]}


def test_instances_of_one_gpu_count_as_one() -> None:
    rules = MachineRules(users={"ann": ShareRule(gpus_max=1)}, keep_free=1)
    wanted = want(4, 2, mig="1g.10gb")
    assert placed(mig_machine()[:-1], wanted, rules=rules) == {1: [1, 1]}


# --- Constraints ---------------------------------------------------------------------------------


def test_only_gpus_that_match_are_taken() -> None:
    gpus = [like(gpu(0), name="RTX 3090"), like(gpu(1, 80), name="A100", compute_capability=(8, 0))]
    assert placed(gpus, want(4, where="sm >= 80")) == {1: [1]}
    assert placed(gpus, want(4, where='name ~ "3090"')) == {1: [0]}
    assert placed(gpus, want(4, where="vram > 90GB")) == {}


def test_facts_are_looked_at_once_until_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_module, "KNOWN_MAX", 20)
    matching = Matching()
    sample = ReadingsTaken(gpus=(gpu(0), gpu(1, 80)), facts={"machine": "attic"})
    matching.see(sample)
    found = matching.matches("vram > 30GB and machine = attic")
    assert found == {GpuUuid("GPU-1")}
    matching.see(ReadingsTaken(gpus=(gpu(0, foreign_gb=3), gpu(1, 80)), facts=sample.facts))
    assert matching.matches("vram > 30GB and machine = attic") is found
    matching.see(ReadingsTaken(gpus=(gpu(0, 40),)))
    assert matching.matches("vram > 30GB") == {GpuUuid("GPU-0")}
    for size in range(1, 50):
        matching.matches(f"vram > {size}GB")
    assert matching.matches("vram > 30GB") == {GpuUuid("GPU-0")}
    assert matching.why_not("vram > 30GB", [GpuUuid("GPU-0")]) == ""


# --- What is left --------------------------------------------------------------------------------


def test_for_each_run_the_larger_of_promise_and_measure_counts() -> None:
    uses = (RunUse(run=run_id(1000), vram_bytes=10 * GB), RunUse(run=run_id(1001), vram_bytes=GB))
    measured = like(gpu(0), uses=uses, ours_bytes=12 * GB)
    runs = [live(0, share(0, 4)), live(1, share(0, 6))]
    assert placed([measured], want(7), runs=runs) == {1: [0]}
    assert placed([measured], want(7.1), runs=runs) == {}
    assert placed([measured], want(8, limit_s=60), runs=runs) == {}


def test_nothing_is_packed_above_the_owners_share() -> None:
    rules = MachineRules(vram_share_max=0.5)
    assert placed([gpu(0)], want(24), rules=rules) == {1: [0]}
    runs = [live(0, share(0, 4))]
    assert placed([gpu(0)], want(8), runs=runs, rules=rules) == {1: [0]}
    assert placed([gpu(0)], want(9), runs=runs, rules=rules) == {}


def test_cores_memory_and_disk_are_promised_at_once() -> None:
    host = HostCapacity(cpu_cores=8, memory_bytes=64 * GB, disk_free_bytes=100 * GB)
    half = want(count=0, host=HostRequest(cpu_cores=4.0))
    assert placed((), half, half, half, host=host) == {1: [], 2: []}
    tenths = [want(count=0, host=HostRequest(cpu_cores=0.1)) for _ in range(80)]
    assert len(placed((), *tenths, host=HostCapacity(cpu_cores=8), own=scene(()).rules)) == 64
    held = live(0, host=HostRequest(memory_bytes=60 * GB, disk_bytes=60 * GB))
    memory = want(count=0, host=HostRequest(memory_bytes=5 * GB))
    disk = want(count=0, host=HostRequest(disk_bytes=50 * GB))
    assert placed((), memory, runs=[held], host=host) == {}
    assert placed((), disk, runs=[held], host=host) == {}
    assert placed((), memory, disk, CPU, host=host) == {1: [], 2: [], 3: []}
    assert placed((), want(count=0, host=HostRequest(cpu_cores=999))) == {1: []}


def test_a_constraint_of_another_version_matches_nothing_and_says_so() -> None:
    matching = Matching()
    matching.see(ReadingsTaken(gpus=(gpu(0),)))
    assert matching.matches("speed >= 9") == frozenset()
    assert "speed" in matching.why_not("speed >= 9", [gpu(0).uuid])
