"""Who lacks what: batches, answers, and how long anybody is waited for."""

import asyncio
from collections.abc import Sequence

import pytest

from lanherd_client.projects import push_planning
from lanherd_client.projects.packing import Pack, Press
from lanherd_client.projects.push_planning import Batch, Planner
from lanherd_client.projects.reading import Found, Source
from lanherd_protocol.ids import BlobHash


class Machine:
    """Notes what it is offered and told."""

    def __init__(self, planner: Planner) -> None:
        self.batches: list[Batch] = []
        self.packs: list[Pack] = []
        self.told = 0
        planner.join(self)

    def offer(self, batch: Batch) -> None:
        self.batches.append(batch)

    def lacks(self, batch: Batch, packs: Sequence[Pack]) -> None:
        self.told += 1
        self.packs.extend(packs)

    @property
    def lacking(self) -> list[str]:
        return [one.blob[-1] for pack in self.packs for one in pack.found]


def found(number: int, data: bytes | None = b"12345") -> Found:
    return Found(BlobHash(f"{number:064x}"), Source(f"/{number}", 0, 5), data)


def names(batch: Batch) -> list[str]:
    return [blob[-1] for blob in batch.blobs]


def of(*numbers: int) -> frozenset[BlobHash]:
    return frozenset(found(number).blob for number in numbers)


@pytest.fixture
async def planner() -> Planner:
    return Planner(Press())


async def test_the_first_is_offered_at_once_and_the_others_are_gathered(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_planning, "GATHERED_BLOBS", 3)
    machine = Machine(planner)
    planner.offer([found(1)])
    planner.offer([found(2), found(1)])
    planner.offer([found(3)])
    assert [names(batch) for batch in machine.batches] == [["1"]]
    planner.offer([found(4)])
    assert [names(batch) for batch in machine.batches] == [["1"], ["2", "3", "4"]]
    planner.offer([found(5)])
    planner.offer_gathered()
    planner.offer_gathered()
    assert names(machine.batches[-1]) == ["5"]
    assert len(machine.batches) == 3
    assert planner.unoffered([found(5).blob, found(6).blob]) == (found(6).blob,)


async def test_machines_that_lack_the_same_share_a_pack(planner: Planner) -> None:
    machines = [Machine(planner) for _ in range(3)]
    planner.offer([found(number) for number in range(1, 6)])
    (batch,) = machines[0].batches
    planner.answered(batch, machines[0], of(1, 2, 3))
    planner.answered(batch, machines[1], of(1, 2, 4))
    assert [machine.told for machine in machines] == [0, 0, 0]
    planner.answered(batch, machines[2], of())
    assert [machine.lacking for machine in machines] == [["1", "2", "3"], ["1", "2", "4"], []]
    assert [machine.told for machine in machines] == [1, 1, 1]
    assert machines[0].packs[0] is machines[1].packs[0]
    assert len({pack for machine in machines for pack in machine.packs}) == 3


async def test_a_machine_that_is_late_is_waited_for_once(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_planning, "PATIENCE_S", 0.0)
    quick, slow = Machine(planner), Machine(planner)
    planner.offer([found(1)])
    planner.answered(quick.batches[0], quick, of(1))
    assert quick.told == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert quick.lacking == ["1"]
    planner.offer([found(2)])
    planner.offer_gathered()
    planner.answered(quick.batches[1], quick, of(2))
    assert quick.lacking == ["1", "2"]
    planner.answered(slow.batches[0], slow, of(1))
    assert slow.lacking == ["1"]
    # It is read once more for that one.
    assert slow.packs[0].found[0].data is None


async def test_a_machine_that_leaves_is_not_waited_for(planner: Planner) -> None:
    one, other = Machine(planner), Machine(planner)
    planner.offer([found(1)])
    planner.answered(one.batches[0], one, of(1))
    assert one.told == 0
    planner.leave(other)
    planner.leave(other)
    assert one.lacking == ["1"]


async def test_the_rest_waits_for_those_that_may_join_it(planner: Planner) -> None:
    one, other, third = Machine(planner), Machine(planner), Machine(planner)
    sources = {found(number).blob: Source(f"/{number}", 0, 5) for number in (1, 2)}
    rest = tuple(sources)
    planner.offer_rest(one, rest, sources)
    planner.decided(one)
    (batch,) = one.batches
    planner.answered(batch, one, of(1, 2))
    assert one.told == 0
    planner.offer_rest(other, rest, sources)
    planner.decided(other)
    assert other.batches == [batch]
    planner.answered(batch, other, of(2))
    assert one.told == 0
    # The third has it all.
    planner.decided(third)
    assert (one.lacking, other.lacking) == (["1", "2"], ["2"])
    assert one.packs[1] is other.packs[0]


async def test_a_long_rest_is_asked_about_in_parts(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_planning, "ASKED_TOGETHER_MAX", 2)
    machine = Machine(planner)
    sources = {found(number).blob: Source(f"/{number}", 0, 5) for number in range(1, 6)}
    planner.offer_rest(machine, tuple(sources), sources)
    assert [names(batch) for batch in machine.batches] == [["1", "2"], ["3", "4"], ["5"]]
    planner.offer_rest(machine, (), {})
    assert len(machine.batches) == 3
