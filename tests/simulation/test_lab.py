"""Some labs for every change; `python -m tests.simulation --lab --seeds N` for many more."""

import os
from collections import Counter

import pytest

from tests.simulation.lab import Lab

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
    for seed in range(20):
        lab = Lab(seed)
        lab.run()
        seen.update(lab.truth.seen())
    assert all(seen.values()), seen
