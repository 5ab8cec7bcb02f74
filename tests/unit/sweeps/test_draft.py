"""Where a sweep goes, and what is done about what is there, against a fleet that only remembers."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import pytest
from msgspec.structs import replace

from lanherd_client.choosing import Choice, find_machine, find_machines, require_online
from lanherd_client.listing import RunFilters
from lanherd_client.mirror import MachineView, Online, Unreachable
from lanherd_client.orders import Order
from lanherd_client.run import Run
from lanherd_client.sweeps.draft import draft_sweep
from lanherd_client.sweeps.keeping import Sent, SweepBook
from lanherd_client.sweeps.options import SweepOrder, sweep_order
from lanherd_client.sweeps.sweep import find_sweep, list_sweeps
from lanherd_protocol.errors import ConflictError, ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.messages import ListRuns, RunList
from lanherd_protocol.run_filters import filter_of
from lanherd_protocol.states import Queued, RunView
from lanherd_protocol.values import GpuFacts, GpuRequest, MachineFacts, Reason

REASON = Reason(code="x", text="X.")
GONE = Unreachable(0, Failure(code=ErrorCode.UNREACHABLE, title="It is off."))


def machine_of(name: str) -> MachineView:
    return MachineView(DeviceId(name * 64), name, Online(0, "admin", "1", "", "me"))


@dataclass
class Rooms:
    """A fleet of machines that keep what they are sent."""

    home: Path
    views: list[MachineView]
    kept: dict[DeviceId, list[RunView]] = field(default_factory=dict)
    more: bool = False

    def machines(self) -> tuple[MachineView, ...]:
        return tuple(self.views)

    def new_run_id(self) -> RunId:
        return RunId(f"0197a5d4-0000-7000-8000-{sum(map(len, self.kept.values())):012}")

    def run_at(self, machine: DeviceId, run: RunId) -> Run:
        raise AssertionError

    def choose(
        self, request: GpuRequest, machine: Any = None, beside: Any = (), host: Any = None
    ) -> Choice:
        if not isinstance(machine, str):
            allowed = find_machines(self.views, machine) or self.views
            return Choice(next(view for view in allowed if view.online), "it is the first.")
        return Choice(require_online(find_machine(self.views, machine)), "it was named.")

    async def list_runs(
        self,
        machine: DeviceId,
        *,
        limit: int = 100,
        before: RunId | None = None,
        **filters: Unpack[RunFilters],
    ) -> RunList:
        lets = filter_of(ListRuns(**filters))
        runs = tuple(filter(lets, reversed(self.kept.get(machine, []))))
        return RunList(runs=runs, seq=1, more=self.more)

    async def submit_many(
        self,
        orders: Iterable[Order],
        *,
        project: Path | str | None = None,
        machine: Any = None,
        environment: Any = "auto",
        progress: Callable[[Any], None] | None = None,
    ) -> tuple[Run, ...]:
        for order in orders:
            view = RunView(
                run=order.id,
                spec=order.spec,
                owner="me",
                submitted_at=1.0,
                state=Queued(since=0, reason=REASON),
                seq=1,
            )
            self.kept.setdefault(machine, []).append(view)
        return ()


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path, [machine_of("a"), machine_of("b"), machine_of("c")])


def asked(*values: int, machine: str | None = None) -> SweepOrder:
    return sweep_order([{"n": value} for value in values], "s", command=["t{n}"], machine=machine)


async def homes(rooms: Rooms, order: SweepOrder) -> tuple[str, int]:
    draft = await draft_sweep(rooms, order)
    return draft.choice.machine.name, len(draft.comparison.new)


async def test_a_sweep_goes_where_it_went_before(rooms: Rooms) -> None:
    assert await homes(rooms, asked(1)) == ("a", 1)
    sweep, _ = await (await draft_sweep(rooms, asked(1, machine="b"))).send()
    assert sweep.machines == (rooms.views[1].machine,)
    assert await homes(rooms, asked(1, 2)) == ("b", 1)
    # What the controller kept is not needed for it.
    for path in (rooms.home / "sweeps").iterdir():
        path.unlink()
    assert await homes(rooms, asked(1, 2)) == ("b", 1)
    # Somebody else's of the same name is another sweep.
    (view,) = rooms.kept[rooms.views[1].machine]
    rooms.kept[rooms.views[1].machine] = [replace(view, owner="you")]
    assert await homes(rooms, asked(1, 2)) == ("a", 2)


async def test_a_machine_that_cannot_be_asked_is_no_reason_to_send_elsewhere(rooms: Rooms) -> None:
    await (await draft_sweep(rooms, asked(1, machine="b"))).send()
    rooms.views[1] = MachineView(rooms.views[1].machine, "b", GONE)
    with pytest.raises(LanherdError, match="It is off"):
        await draft_sweep(rooms, asked(1))
    assert await homes(rooms, asked(1, machine="c")) == ("c", 1)
    with pytest.raises(LanherdError, match="No connected machine") as caught:
        await find_sweep(rooms, "s")
    assert caught.value.code is ErrorCode.UNREACHABLE


async def test_a_sweep_on_several_machines_asks_which_is_meant(rooms: Rooms) -> None:
    for name in "ab":
        await (await draft_sweep(rooms, asked(1, machine=name))).send()
    for path in (rooms.home / "sweeps").iterdir():
        path.unlink()
    with pytest.raises(ConflictError, match="Several machines"):
        await draft_sweep(rooms, asked(1))
    assert await homes(rooms, asked(1, machine="b")) == ("b", 0)
    sweep = await find_sweep(rooms, "s")
    assert sweep.machines == tuple(view.machine for view in rooms.views[:2])
    assert [record.machine for record in await sweep.records()] == [*sweep.machines]
    assert repr(sweep) == "<Sweep 's' on 2 machines>"
    assert [one.name for one in await list_sweeps(rooms)] == ["s"]
    assert [one.name for one in await list_sweeps(rooms, "c")] == []


async def test_ids_that_were_kept_for_another_machine_are_not_used(rooms: Rooms) -> None:
    order = asked(1, machine="a")
    key = order.plan.runs[0].key
    kept = Sent(name="s", machine=rooms.views[1].machine, ids={key: RunId("of b")})
    SweepBook(rooms.home).put(kept)
    await (await draft_sweep(rooms, order)).send()
    (view,) = rooms.kept[rooms.views[0].machine]
    assert view.run != "of b"


def with_gpus(view: MachineView, count: int, size_bytes: int) -> MachineView:
    gpus = tuple(
        GpuFacts(index=at, uuid=GpuUuid(f"GPU-{at}"), name="A100", vram_bytes=size_bytes)
        for at in range(count)
    )
    facts = MachineFacts(
        machine=view.machine,
        name=view.name,
        version="1",
        os="Linux",
        cpu_count=8,
        memory_bytes=64 << 30,
        disk_bytes=1 << 40,
        gpu_source="nvml",
        gpus=gpus,
    )
    return dataclasses.replace(view, facts=facts)


async def test_nothing_is_sent_where_not_all_of_it_can_ever_run(rooms: Rooms) -> None:
    many, large = with_gpus(rooms.views[0], 8, 8 << 30), with_gpus(rooms.views[1], 1, 80 << 30)
    rows: list[dict[str, object]] = [
        {"n": 1, "gpus": "1..4"},
        {"n": 2, "gpus": 1, "vram": "40GB"},
        {"n": 3, "gpus": 0},
    ]

    def order(count: int, machine: str | list[str] | None = None) -> SweepOrder:
        return sweep_order(
            rows[:count], "s", command=["t{n}"], where="name ~ A100", machine=machine
        )

    rooms.views[:] = [many, large]
    assert await homes(rooms, order(1)) == ("a", 1)
    draft = await draft_sweep(rooms, order(3))
    assert draft.choice.reason == "b: only this one suits every row."
    assert [run.gpus.where != "" for run in draft.plan.runs] == [True, True, False]
    for machine in ("a", ["a"]):
        with pytest.raises(LanherdError, match="a can't run all of the sweep") as caught:
            await draft_sweep(rooms, order(3, machine))
        assert caught.value.failure.message.startswith("row 2: a has 8 × 8.00 GB")
    third = with_gpus(machine_of("c"), 2, 80 << 30)
    rooms.views.append(third)
    assert await homes(rooms, order(3)) == ("b", 3)
    assert rooms.kept == {}


async def test_more_runs_than_can_be_looked_through(rooms: Rooms) -> None:
    await (await draft_sweep(rooms, asked(1, machine="a"))).send()
    rooms.more = True
    with pytest.raises(LanherdError, match="more runs than can be looked through"):
        await draft_sweep(rooms, asked(1, machine="a"))
