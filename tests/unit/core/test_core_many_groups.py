"""Lines of very many different wishes: each is looked at, and none is passed over for good."""

import random
from typing import Any

import pytest

from lanherd_agent.core import placement
from lanherd_agent.core.events import GpuCapacity, HostCapacity
from lanherd_agent.core.machine_state import MachineState, Pause
from lanherd_agent.core.placement import LOOKS_MAX, decide
from lanherd_agent.core.scene import Scene
from lanherd_agent.core.wants import Want
from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.values import HostRequest
from tests.simulation.making import GB, NOW, gpu
from tests.unit.core.scenes import instances, like, live, machine_of, placed, scene, share, want

MB = 1024**2


def different(count: int, **more: Any) -> list[Want]:
    """Wishes that are groups of their own, the largest first."""
    return [want(20 - number / 1024, **more) for number in range(count)]


def test_one_that_fits_is_found_behind_very_many_that_are_paused() -> None:
    rules = MachineRules()
    night = different(LOOKS_MAX + 50, tags=("night",), rules=rules)
    machine = MachineState(paused_tags={"night": Pause(since=NOW)})
    assert placed([gpu(0)], *night, want(4), machine=machine) == {len(night) + 1: [0]}


def test_one_that_fits_is_found_behind_very_many_that_others_bar() -> None:
    gpus = [gpu(0, foreign_gb=23), gpu(1)]
    barred = different(LOOKS_MAX + 50, where="index = 0")
    assert placed(gpus, *barred, want(4)) == {len(barred) + 1: [1]}


def test_the_share_that_one_of_very_many_waits_for_is_kept_for_it() -> None:
    rules = MachineRules(users={"ann": ShareRule(gpus_max=1)})
    gpus = [gpu(0, foreign_gb=23), gpu(1)]
    barred = different(LOOKS_MAX + 50, where="index = 0", owner="bob")
    two = [want(4, where="index = 1"), want(5, where="index = 0"), want(2, where="index = 1")]
    starts = placed(gpus, *barred, *two, rules=rules)
    assert starts == {len(barred) + 1: [1]}


def lab(seed: int) -> Scene:
    """A busy machine and a line of all kinds of wishes."""
    chance = random.Random(seed)
    gpus: list[GpuCapacity] = [
        like(gpu(index, chance.choice((24, 40, 80))), foreign_bytes=chance.choice((0, GB, 9 * GB)))
        for index in range(4)
    ]
    gpus += instances(4, ("1g.10gb", 10), ("1g.10gb", 10))
    runs = [
        live(
            number,
            share(index, chance.choice((4, 10, 20)), exclusive=chance.random() < 0.2),
            ends_s=chance.choice((None, 600, 7200)),
        )
        for number, index in enumerate(chance.sample(range(4), chance.randrange(4)))
    ]

    def wish() -> Want:
        return want(
            chance.choice((0, 1, 3, 8, 12, 20, 24, 40)) + chance.randrange(5) / 4,
            chance.choice((1, 1, 2, 3)),
            chance.random() < 0.2,
            limit_s=chance.choice((None, 300, 3600, 90_000)),
            owner=chance.choice(("ann", "bob")),
            where=chance.choice(("", "", "index < 2", "vram > 30GB")),
            linked=chance.random() < 0.1,
            beside=chance.choice(("rule", "wait")),
            host=HostRequest(cpu_cores=chance.choice((0.0, 0.0, 4.0))),
        )

    sliced = want(chance.choice((2, 8)), mig="1g.10gb")
    rules = chance.choice(
        (
            MachineRules(),
            MachineRules(backfill=False),
            MachineRules(vram_share_max=0.8, users={"ann": ShareRule(gpus_max=2)}),
            MachineRules(keep_free=1),
        )
    )
    host = HostCapacity(cpu_cores=8)
    wishes = [sliced if chance.random() < 0.05 else wish() for _ in range(60)]
    return scene(gpus, *wishes, runs=runs, rules=rules, host=host)


@pytest.mark.parametrize("first", range(0, 1600, 400))
def test_what_is_not_weighed_would_not_have_started(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    for seed in range(first, first + 400):
        monkeypatch.setattr(placement, "LOOKS_MAX", 10_000)
        whole = decide(lab(seed))
        monkeypatch.setattr(placement, "LOOKS_MAX", 0)
        assert decide(lab(seed)) == whole, seed


def test_a_line_of_many_kinds_is_not_weighed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = 0
    judge = placement.Judge.judge

    def counted(self: placement.Judge, place: int, want: Want) -> object:
        nonlocal weighed
        weighed += 1
        return judge(self, place, want)

    monkeypatch.setattr(placement.Judge, "judge", counted)
    runs = [live(index, share(index, 20), ends_s=3600) for index in range(3)]
    first = want(24, 4, exclusive=True)
    line = [want(20 - number / 1024, limit_s=7200) for number in range(2_000)]
    assert decide(scene(machine_of(4), first, *line, runs=runs)) == []
    assert weighed < LOOKS_MAX + 20
