"""Ten thousand runs of a sweep: no turn of the window may grow with them."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace as with_values
from functools import partial

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from lanherd_client.mirror import RunRecord
from lanherd_desktop.app import Desktop
from lanherd_desktop.state.room import RoomChange, RoomUpdate, RunKey
from lanherd_desktop.views.context import RUNS_AT_ONCE
from lanherd_protocol.states import RunState, RunView
from lanherd_protocol.values import RunGroup
from tests.support.synthetic_room import FAILED, ended, machine_id, run, run_id, waiting

KEPLER, TYCHO = machine_id("kepler"), machine_id("tycho")
FIRST = 1_000
FEW, MANY = 2 * RUNS_AT_ONCE, 8 * RUNS_AT_ONCE


def sweep(count: int, first: int = FIRST, state: RunState | None = None) -> dict[RunKey, RunView]:
    view = run(0, "", "true", state or waiting(1, 2))
    made = {}
    for number in range(first, first + count):
        of = RunGroup(name="big", key=str(number))
        spec = replace(view.spec, name=f"big {number}", group=of)
        at = 1e9 + number
        made[KEPLER, run_id(number)] = replace(view, run=run_id(number), submitted_at=at, spec=spec)
    return made


@pytest.fixture
def turns(desktop: Desktop) -> Iterator[list[RoomChange]]:
    """What each turn of the window took over."""
    seen: list[RoomChange] = []
    desktop.window.show_page("runs")
    desktop.context.room_changed.connect(seen.append)
    yield seen
    desktop.context.room_changed.disconnect(seen.append)


def arrive(desktop: Desktop, update: RoomUpdate, qtbot: QtBot) -> None:
    desktop.bridge.room_updated.emit(update)
    qtbot.waitUntil(lambda: desktop.context.settled)


def test_many_runs_come_in_parts_the_newest_first(
    desktop: Desktop, turns: list[RoomChange], qtbot: QtBot
) -> None:
    model = desktop.window.runs.model
    runs = sweep(MANY)
    desktop.bridge.room_updated.emit(RoomUpdate(runs=runs))
    assert model.members("big")[0] == (KEPLER, run_id(FIRST + MANY - 1))
    assert model.progress_of("big").total == RUNS_AT_ONCE and not desktop.context.settled
    # What comes meanwhile is newer than what still waits for its turn.
    oldest = (KEPLER, run_id(FIRST))
    over = replace(runs[oldest], state=ended("failed", 5, FAILED, 1))
    arrive(desktop, RoomUpdate(runs={oldest: over}), qtbot)
    progress = model.progress_of("big")
    assert (progress.total, progress.failed) == (MANY, 1)
    assert len(model.members("big")) == MANY == len(desktop.context.rows()) - len(known(desktop))
    assert len(turns) == MANY // RUNS_AT_ONCE
    assert all(len(turn.runs) <= RUNS_AT_ONCE for turn in turns)


def known(desktop: Desktop) -> list[RunKey]:
    """The runs of the room that were there before."""
    views = desktop.context.room.runs.items()
    return [key for key, view in views if not view.spec.name.startswith("big ")]


def test_a_machine_that_tells_all_its_runs_again_keeps_them_on_the_screen(
    desktop: Desktop, turns: list[RoomChange], qtbot: QtBot
) -> None:
    runs = sweep(MANY)
    arrive(desktop, RoomUpdate(runs=runs), qtbot)
    model, total = desktop.window.runs.model, len(desktop.context.room.runs)
    of_others = {key for key in desktop.context.room.runs if key[0] != KEPLER}
    least: list[int] = []
    desktop.context.room_changed.connect(lambda _: least.append(model.progress_of("big").total))
    turns.clear()
    again = tuple(RunRecord(KEPLER, view) for view in list(runs.values())[1:])
    arrive(desktop, RoomUpdate(runs_replaced={KEPLER: again}), qtbot)
    assert min(least) == MANY - 1 == model.progress_of("big").total
    assert of_others <= desktop.context.room.runs.keys() and len(least) == len(turns) > 1
    assert len(desktop.context.room.runs) < total
    assert (KEPLER, run_id(FIRST)) not in desktop.context.room.runs


def test_a_machine_with_many_runs_gets_another_name_in_parts(
    desktop: Desktop, turns: list[RoomChange], qtbot: QtBot
) -> None:
    arrive(desktop, RoomUpdate(runs=sweep(MANY)), qtbot)
    turns.clear()
    named = with_values(desktop.context.room.machines[KEPLER], name="johannes")
    arrive(desktop, RoomUpdate(machines={KEPLER: named}), qtbot)
    assert {row.machine_name for row in desktop.context.rows().values() if row.machine == KEPLER} \
        == {"johannes"}  # fmt: skip
    assert all(len(turn.runs) <= RUNS_AT_ONCE for turn in turns)


def test_runs_of_a_machine_that_goes_meanwhile_do_not_come(
    desktop: Desktop, turns: list[RoomChange], qtbot: QtBot
) -> None:
    desktop.bridge.room_updated.emit(RoomUpdate(runs=sweep(MANY)))
    arrive(desktop, RoomUpdate(machines={KEPLER: None}), qtbot)
    assert desktop.window.runs.model.progress_of("big").total == 0
    assert {machine for machine, _ in desktop.context.rows()} == {TYCHO} | {
        machine for machine, _ in desktop.context.room.runs
    }


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called: of time a busy machine has more to tell than the code."""
    count = 0

    def tell(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_what_is_done_with_a_sweep_does_not_cost_more_when_it_is_large(
    desktop: Desktop, turns: list[RoomChange], qtbot: QtBot
) -> None:
    pane, context = desktop.window.runs.list, desktop.context

    def come(number: int, state: RunState | None = None) -> Callable[[], None]:
        return partial(arrive, desktop, RoomUpdate(runs=sweep(1, number, state)), qtbot)

    costs: list[dict[str, int]] = []
    sent = 0
    for size in (FEW, MANY):
        arrive(desktop, RoomUpdate(runs=sweep(size - sent, FIRST + sent)), qtbot)
        sent = size
        pane.choose_group("lr grid")
        pane.view.grab()
        work: dict[str, Callable[[], object]] = {
            "choose": lambda: pane.choose_group("big"),
            "one more": come(50_000 + size),
            "one ends": come(FIRST + 5, ended("failed", 5, FAILED, size)),
            "a second": context.second_passed.emit,
            "open": lambda: pane.set_open("big", True),
            "one more, open": come(60_000 + size),
            "all chosen": pane.view.selectAll,
            "fold": lambda: pane.set_open("big", False),
        }
        costs.append({what: calls_of(do) for what, do in work.items()})
    few, many = costs
    # Qt itself asks for each row that is chosen; nothing else may.
    assert many.pop("all chosen") < 20 * MANY
    assert all(calls <= 1.5 * few[what] + 500 for what, calls in many.items()), (few, many)
