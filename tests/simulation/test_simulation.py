"""Some hundred worlds for every change; `python -m tests.simulation --seeds N` for many more."""

import os
import time

import pytest

from lanherd_agent.core.invariants import InvariantBroken
from lanherd_protocol.errors import LanherdError
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import World

SEEDS = int(os.environ.get("LANHERD_SIMULATION_SEEDS", "200"))
FASTER_THAN_REAL_TIME = 100


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_worlds(first: int) -> None:
    for seed in range(first, min(first + 50, SEEDS)):
        try:
            World(seed).run()
        except BaseException as failure:
            failure.add_note(f"python -m tests.simulation --from {seed} --seeds 1")
            raise


def test_the_same_seed_is_the_same_world() -> None:
    assert World(7).run() == World(7).run() != World(8).run()


def test_everything_that_can_happen_happens() -> None:
    seen: dict[str, int] = {}
    for seed in range(10):
        world = World(seed)
        world.run()
        for what, count in world.truth.seen().items():
            seen[what] = seen.get(what, 0) + count
    assert all(seen.values()), seen


def test_worlds_are_faster_than_real_time() -> None:
    began = time.process_time()
    simulated_s = 0.0
    for seed in range(5):
        world = World(seed)
        world.run()
        simulated_s += world.simulated_s
    assert simulated_s >= FASTER_THAN_REAL_TIME * (time.process_time() - began)


def _live_through(seeds: int) -> None:
    for seed in range(seeds):
        World(seed).run()


@pytest.mark.parametrize("bug", MUTANTS)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    mutant = MUTANTS[bug]
    monkeypatch.setattr(mutant.owner, mutant.name, mutant.bug)
    with pytest.raises((InvariantBroken, LanherdError, AssertionError, KeyError, ValueError)):
        _live_through(mutant.seeds)
