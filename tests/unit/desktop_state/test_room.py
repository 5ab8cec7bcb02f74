from dataclasses import replace

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from lanherd_client.discovery import Sighting
from lanherd_client.mirror import Connecting, GpuPoint, MachineView, RunRecord
from lanherd_desktop.state.room import Room, RoomUpdate, is_ended, merged, parted
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import Running, RunState, RunView
from lanherd_protocol.values import Lease
from tests.support import synthetic_room
from tests.support.synthetic_room import FINE, ended, machine_id, run, run_id, waiting

A, B = machine_id("a"), machine_id("b")
GPU = GpuUuid("GPU-0")
STATES: tuple[RunState, ...] = (
    waiting(1, 2),
    Running(since=1.0, pid=1, lease=Lease()),
    ended("succeeded", 5, FINE),
)


def machine(name: str, live: int = 0) -> MachineView:
    return MachineView(machine_id(name), name, Connecting(0.0), runs_live=live)


def view(number: int, state: RunState = STATES[0]) -> RunView:
    return run(number, f"run {number}", "true", state)


def sighting(name: str) -> Sighting:
    return Sighting(
        machine=machine_id(name),
        name=name,
        version="1",
        addresses=(),
        port=1,
        source="local",
        socket="agent.sock",
        simulated=True,
    )


class World:
    """A fleet as the bridge reads it: the truth now, and what changed since it was read last."""

    def __init__(self) -> None:
        self.machines: dict[DeviceId, MachineView] = {}
        self.histories: dict[DeviceId, dict[GpuUuid, tuple[GpuPoint, ...]]] = {}
        self.runs: dict[tuple[DeviceId, RunId], RunView] = {}
        self.sightings: tuple[Sighting, ...] = ()
        self.begin()

    def begin(self) -> None:
        self.touched: set[DeviceId] = set()
        self.sampled: set[DeviceId] = set()
        self.replaced: set[DeviceId] = set()
        self.moved: set[tuple[DeviceId, RunId]] = set()
        self.seen = False

    def forget(self, name: str) -> None:
        gone = machine_id(name)
        self.machines.pop(gone, None)
        self.histories.pop(gone, None)
        self.touched.add(gone)
        self.moved |= {key for key in self.runs if key[0] == gone}
        self.runs = {key: one for key, one in self.runs.items() if key[0] != gone}

    def know(self, name: str, live: int) -> None:
        self.machines[machine_id(name)] = machine(name, live)
        self.touched.add(machine_id(name))

    def sample(self, name: str, at: int) -> None:
        if machine_id(name) in self.machines:
            self.histories[machine_id(name)] = {GPU: (GpuPoint(at, 1.0, 1),)}
            self.sampled.add(machine_id(name))

    def change(self, name: str, number: int, state: int) -> None:
        if machine_id(name) in self.machines:
            key = machine_id(name), run_id(number)
            self.runs[key] = view(number, STATES[state])
            self.moved.add(key)

    def lose(self, name: str, number: int) -> None:
        key = machine_id(name), run_id(number)
        self.runs.pop(key, None)
        self.moved.add(key)

    def begin_anew(self, name: str) -> None:
        known = machine_id(name)
        self.runs = {key: one for key, one in self.runs.items() if key[0] != known}
        self.replaced.add(known)

    def see(self, names: frozenset[str]) -> None:
        self.sightings = tuple(sighting(name) for name in sorted(names))
        self.seen = True

    def update(self) -> RoomUpdate:
        update = RoomUpdate(
            machines={m: self.machines.get(m) for m in self.touched | self.sampled},
            histories={
                m: self.histories.get(m, {})
                for m in self.touched | self.sampled
                if m in self.machines
            },
            runs={key: self.runs.get(key) for key in self.moved if key[0] not in self.replaced},
            runs_replaced={
                m: tuple(RunRecord(*key_and_run(k, v)) for k, v in self.runs.items() if k[0] == m)
                for m in self.replaced
            },
            sightings=self.sightings if self.seen else None,
        )
        self.begin()
        return update


def key_and_run(key: tuple[DeviceId, RunId], one: RunView) -> tuple[DeviceId, RunView]:
    return key[0], one


names = st.sampled_from(["a", "b"])
numbers = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("know"), names, numbers),
    st.tuples(st.just("forget"), names),
    st.tuples(st.just("sample"), names, numbers),
    st.tuples(st.just("change"), names, numbers, st.integers(0, 2)),
    st.tuples(st.just("lose"), names, numbers),
    st.tuples(st.just("begin_anew"), names),
    st.tuples(st.just("see"), st.frozensets(names)),
    st.just(("tick",)),
)


@example([("know", "a", 0), ("sample", "a", 0), ("tick",), ("forget", "a"), ("know", "a", 0)])
@given(st.lists(steps, max_size=40))
def test_one_merged_update_says_what_many_say(history: list[tuple[object, ...]]) -> None:
    world, step_by_step = World(), Room()
    together = RoomUpdate()
    for name, *arguments in history:
        if name == "tick":
            update = world.update()
            step_by_step.apply(update)
            together = merged(together, update)
        else:
            getattr(world, str(name))(*arguments)
    last = world.update()
    step_by_step.apply(last)
    at_once = Room()
    at_once.apply(merged(together, last))
    for room in (step_by_step, at_once):
        assert room.machines == world.machines
        assert room.runs == world.runs
        assert room.sightings == world.sightings
        assert room.histories.keys() <= world.machines.keys()
        assert {m: lines for m, lines in room.histories.items() if lines} == world.histories
        for known in (A, B):
            open_ids = {one.run for one in room.open_runs_of(known)}
            assert open_ids == {
                key[1] for key, one in world.runs.items() if key[0] == known and not is_ended(one)
            }


@given(st.lists(steps, max_size=30))
def test_a_change_names_every_run_and_machine_that_differs(
    history: list[tuple[object, ...]],
) -> None:
    world, room = World(), Room()
    for name, *arguments in [*history, ("tick",)]:
        if name != "tick":
            getattr(world, str(name))(*arguments)
            continue
        machines, runs = dict(room.machines), dict(room.runs)
        change = room.apply(world.update())
        assert change.machines >= {
            m for m in machines | room.machines if machines.get(m) != room.machines.get(m)
        }
        assert change.runs >= {k for k in runs | room.runs if runs.get(k) != room.runs.get(k)}
        assert change.machines_came_or_went == (machines.keys() != room.machines.keys())
        assert change.runs_came_or_went >= (runs.keys() != room.runs.keys())


def test_a_machine_that_is_forgotten_and_paired_again_in_one_tick_begins_anew() -> None:
    room = Room()
    room.apply(
        RoomUpdate(
            machines={A: machine("a")}, histories={A: {GPU: ()}}, runs={(A, run_id(1)): view(1)}
        )
    )
    gone = RoomUpdate(machines={A: None}, runs_replaced={A: ()})
    for first in (gone, RoomUpdate(machines={A: None})):
        back = RoomUpdate(machines={A: machine("a", 1)}, runs={(A, run_id(2)): view(2)})
        room.apply(merged(first, back))
        assert list(room.runs) == [(A, run_id(2))]
        assert room.histories == {A: {}}


def test_what_came_before_a_machine_was_forgotten_does_not_come_back() -> None:
    before = RoomUpdate(
        machines={A: machine("a")},
        histories={A: {GPU: ()}},
        runs={(A, run_id(1)): view(1)},
        runs_replaced={A: (RunRecord(A, view(2)),)},
    )
    room = Room()
    room.apply(merged(before, RoomUpdate(machines={A: None})))
    assert (room.machines, room.runs, room.histories) == ({}, {}, {})


def test_nothing_is_heard_before_the_first_update() -> None:
    room = Room()
    assert not room.heard
    change = room.apply(RoomUpdate(sightings=()))
    assert room.heard
    assert not change.sightings and not change.machines_came_or_went


def test_machines_are_in_the_order_of_their_names() -> None:
    room = Room()
    room.apply(
        RoomUpdate(
            machines={machine_id(name): machine(name) for name in ("Tycho", "brahe", "kepler")}
        )
    )
    assert [one.name for one in room.machines_by_name()] == ["brahe", "kepler", "Tycho"]


def test_open_runs_are_live_ones_first_and_newest_first() -> None:
    room = Room()
    waits, lives, over = STATES
    views = (view(1, lives), view(2, waits), view(3, over), view(4, lives), view(5, waits))
    room.apply(RoomUpdate(machines={A: machine("a")}, runs={(A, one.run): one for one in views}))
    assert [one.spec.name for one in room.open_runs_of(A)] == ["run 4", "run 1", "run 5", "run 2"]
    room.apply(RoomUpdate(runs={(A, views[0].run): msgspec.structs.replace(views[0], state=over)}))
    assert len(room.open_runs_of(A)) == 3
    assert room.open_runs_of(B) == []


def test_neighbours_in_the_line_wait_on_the_same_machine() -> None:
    room = Room()
    waits, lives, _ = STATES
    views = (view(1, waits), view(2, lives))
    room.apply(RoomUpdate(machines={A: machine("a")}, runs={(A, one.run): one for one in views}))
    room.apply(RoomUpdate(runs={(B, run_id(3)): view(3, waits)}))
    assert not room.others_in_line((A, run_id(1)))
    room.apply(RoomUpdate(runs={(A, run_id(4)): view(4, waits)}))
    assert room.others_in_line((A, run_id(1))) and not room.others_in_line((B, run_id(3)))
    assert not room.others_in_line((machine_id("c"), run_id(1)))


def test_a_found_machine_is_one_that_is_not_paired() -> None:
    room = Room()
    room.apply(RoomUpdate(sightings=(sighting("b"), sighting("a"))))
    assert [one.name for one in room.found()] == ["a", "b"]
    room.apply(RoomUpdate(machines={A: machine("a")}))
    assert [one.name for one in room.found()] == ["b"]


def test_a_history_of_an_unknown_machine_is_not_kept() -> None:
    room = Room()
    room.apply(RoomUpdate(histories={A: {GPU: ()}}))
    assert room.histories == {}


def test_the_synthetic_room_is_whole() -> None:
    room = Room()
    change = room.apply(synthetic_room.room())
    assert change.machines_came_or_went and change.runs_came_or_went and change.sightings
    later = replace(synthetic_room.room(), sightings=None)
    assert not room.apply(later).sightings


def test_a_machine_that_is_told_anew_has_just_those_runs() -> None:
    room = Room()
    room.apply(RoomUpdate(runs={(A, view(1).run): view(1)}))
    change = room.apply(RoomUpdate(runs_replaced={A: (RunRecord(A, view(2)),)}))
    assert set(room.runs) == {(A, view(2).run)}
    assert change.runs == {(A, view(1).run), (A, view(2).run)}


def test_some_runs_of_a_room_are_over_and_some_are_not() -> None:
    room = Room()
    room.apply(synthetic_room.room())
    assert {is_ended(run) for run in room.runs.values()} == {True, False}


def test_much_at_once_is_taken_in_parts_and_comes_to_the_same() -> None:
    known = {(A, run_id(n)): view(n) for n in (1, 2)} | {(B, run_id(1)): view(1)}
    fresh = tuple(RunRecord(A, view(n)) for n in range(2, 8))
    update = RoomUpdate(
        machines={A: machine("a")}, runs={(B, run_id(9)): view(9)}, runs_replaced={A: fresh}
    )
    assert parted(update, known, 7) == (update, None)
    whole, room = Room(), Room()
    for one in (whole, room):
        one.apply(RoomUpdate(machines={B: machine("b")}, runs=known))
    whole.apply(update)
    sizes: list[int] = []
    rest: RoomUpdate | None = update
    while rest is not None:
        now, rest = parted(rest, tuple(room.runs), 3)
        change = room.apply(now)
        sizes.append(len(change.runs))
        if len(sizes) == 1:
            assert (A, run_id(1)) in change.runs and (A, run_id(1)) not in room.runs
            assert {(B, run_id(9)), (A, run_id(7)), (A, run_id(2))} <= room.runs.keys()
    assert sizes == [3, 3, 2] and room.runs == whole.runs and room.machines == whole.machines
    all_now = parted(RoomUpdate(runs_replaced={A: fresh}), (), 5)[1]
    assert all_now is not None and len(all_now.runs) == 1
    gone = RoomUpdate(runs_replaced={A: fresh}, runs={(A, run_id(7)): None})
    assert parted(gone, (), 6)[1] is None
