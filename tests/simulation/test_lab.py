"""Some labs for every change; `python -m tests.simulation --lab --seeds N` for many more."""

import os
from collections import Counter

import pytest

from lanherd_agent.core.invariants import InvariantBroken
from lanherd_protocol.errors import LanherdError
from tests.simulation.lab import Lab
from tests.simulation.lab_mutants import MUTANTS

SEEDS = int(os.environ.get("LANHERD_SIMULATION_SEEDS", "200"))


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_labs(first: int) -> None:
    for seed in range(first, min(first + 50, SEEDS)):
        try:
            Lab(seed).run()
        except BaseException as failure:
            failure.add_note(f"python -m tests.simulation --lab --from {seed} --seeds 1")
            raise


def test_the_same_seed_is_the_same_lab() -> None:
    assert Lab(7).run() == Lab(7).run() != Lab(8).run()


def test_everything_that_can_happen_happens() -> None:
    seen: Counter[str] = Counter()
    for seed in (*range(20), *range(70, 80)):
        lab = Lab(seed)
        lab.run()
        seen.update(lab.truth.seen())
    assert all(seen.values()), seen


def _live_through(seeds: int) -> None:
    for seed in range(seeds):
        Lab(seed).run()


@pytest.mark.parametrize("bug", MUTANTS)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    mutant = MUTANTS[bug]
    monkeypatch.setattr(mutant.owner, mutant.name, mutant.bug)
    with pytest.raises((InvariantBroken, LanherdError, AssertionError)):
        _live_through(mutant.seeds)
