"""Some hundred worlds for every change; `python -m tests.simulation --seeds N` for many more."""

import os

import pytest

from lanherd_agent.core import placement
from lanherd_agent.core.books import Books
from lanherd_agent.core.invariants import InvariantBroken
from lanherd_agent.core.ledger import Holder, Ledger
from lanherd_agent.core.queue import Shape
from lanherd_agent.core.step import Step
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.errors import LanherdError
from tests.simulation.world import World

SEEDS = int(os.environ.get("LANHERD_SIMULATION_SEEDS", "200"))


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


def _worlds(seeds: int) -> None:
    for seed in range(seeds):
        World(seed).run()


def _fits_anywhere(room: placement.Room, slot: placement.Slot, shape: Shape) -> bool:
    return slot.usable


def _keeps_leases(ledger: Ledger, holder: Holder) -> None:
    """A release that forgets to release."""


def _remembers_effects(books: Books, step: Step, *ids: str) -> None:
    """An end of effects that ends none."""


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (placement.Room, "fits", _fits_anywhere),
        (placement.Room, "keep", lambda room, shape: None),
        (Ledger, "release", _keeps_leases),
        (Books, "end_effects", _remembers_effects),
        (Turn, "acting", lambda turn: ()),
    ],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, bug: object
) -> None:
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises((InvariantBroken, LanherdError, AssertionError, KeyError)):
        _worlds(40)
