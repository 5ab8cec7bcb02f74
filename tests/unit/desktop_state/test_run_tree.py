"""The list of runs with its sweeps: in order, folded or open, and what each head says."""

from dataclasses import replace as with_values

from msgspec.structs import replace

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.groups import GroupProgress
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_tree import GroupHead, RunTree
from lanherd_desktop.state.runs import RunRow, run_row
from lanherd_protocol.states import RunState
from lanherd_protocol.values import RunGroup
from tests.support.synthetic_room import FAILED, ended, machine_id, run, run_id, waiting

KEPLER = machine_id("kepler")
BAD = ended("failed", 5, FAILED, 1)


def key(number: int) -> RunKey:
    return KEPLER, run_id(number)


def row(number: int, group: str = "", state: RunState | None = None) -> RunRow:
    view = run(number, f"run {number}", "true", state or waiting(1, 2))
    of = RunGroup(name=group, key=str(number)) if group else None
    return run_row(KEPLER, "kepler", replace(view, spec=replace(view.spec, group=of)))


def rows(groups: dict[int, str]) -> dict[RunKey, RunRow]:
    return {key(number): row(number, group) for number, group in groups.items()}


def tree(groups: dict[int, str], *, grouped: bool = True) -> RunTree:
    made = RunTree(grouped=grouped)
    assert not made.take(rows(groups))
    made.entries = made.laid()
    return made


SWEEP = {1: "", 2: "lr", 3: "other", 4: "lr", 5: ""}


def test_a_sweep_is_one_row_at_the_place_of_its_newest_run() -> None:
    runs = tree(SWEEP)
    assert runs.entries == [key(5), "lr", key(3), key(1)], "one run alone needs no head"
    assert runs.row("lr") == GroupHead("lr", GroupProgress(waiting=2), 2, open=False)
    assert runs.members("lr") == [key(4), key(2)] and runs.members("none") == []
    assert runs.group_of(key(4)) == "lr" and runs.group_of(key(3)) == "" == runs.group_of(key(9))
    assert runs.place_of("lr") == 1 and runs.place_of(key(4)) is None
    assert runs.total == len(runs.rows) == 5
    flat = tree(SWEEP, grouped=False)
    assert flat.entries == [key(number) for number in (5, 4, 3, 2, 1)]


def test_an_open_sweep_shows_its_runs_below_its_head() -> None:
    runs = tree(SWEEP)
    runs.set_open("lr", True)
    runs.entries = runs.laid()
    assert runs.entries == [key(5), "lr", key(4), key(2), key(3), key(1)]
    assert runs.place_of(key(2)) == 3 and runs.opened() == ["lr"]
    runs.set_open("lr", False)
    assert runs.laid() == [key(5), "lr", key(3), key(1)] and runs.opened() == []
    runs.set_open("gone", True)
    assert runs.opened() == [], "what is not there any more is not remembered"


def test_a_filter_opens_what_it_finds_until_it_is_another_one() -> None:
    runs = tree(SWEEP)
    runs.take({key(4): row(4, "lr", BAD)})
    runs.filter_by("state:failed")
    assert runs.laid() == ["lr", key(4)]
    assert runs.row("lr") == GroupHead("lr", GroupProgress(failed=1, waiting=1), 1, open=True)
    runs.set_open("lr", False)
    assert runs.laid() == ["lr"] and runs.opened() == []
    runs.filter_by("state:failed")
    assert runs.laid() == ["lr"]
    runs.filter_by("lr")
    assert runs.laid() == ["lr", key(4), key(2)]
    runs.set_open("lr", False)
    runs.set_open("lr", True)
    assert runs.is_open("lr")
    runs.filter_by("")
    assert not runs.is_open("lr")


def test_what_changes_in_place_is_told_from_what_moves() -> None:
    runs = tree(SWEEP)
    assert runs.take({key(4): row(4, "lr", BAD), key(1): row(1, "", BAD)})
    head = runs.row("lr")
    assert isinstance(head, GroupHead) and head.progress.failed == 1
    shown = runs.row(key(1))
    assert isinstance(shown, RunRow) and shown.kind is ChipKind.FAILED
    assert not runs.take({key(6): row(6, "lr")})
    assert runs.laid() == ["lr", key(5), key(3), key(1)], "a sweep that grows moves up"
    later = with_values(row(1), submitted_at=row(9).submitted_at)
    assert not runs.take({key(1): later})
    assert runs.laid() == [key(1), "lr", key(5), key(3)]
    assert not runs.take({key(3): row(3, "lr")})
    assert runs.laid() == [key(1), "lr", key(5)]
    runs.filter_by("state:failed")
    assert not runs.take({key(4): row(4, "lr")}) and runs.laid() == []
    assert not runs.take({key(4): row(4, "lr", BAD)}) and runs.laid() == ["lr", key(4)]


def test_a_sweep_that_loses_its_runs_loses_its_head() -> None:
    runs = tree(SWEEP)
    assert not runs.take({}, [key(2)])
    assert runs.laid() == [key(5), key(4), key(3), key(1)]
    assert not runs.take({}, [key(4), key(3)])
    assert runs.laid() == [key(5), key(1)] and runs.row(key(4)) is None
    assert runs.row("lr") == GroupHead("lr", GroupProgress(), 0, open=False)


def test_a_flat_list_has_no_heads_and_knows_its_sweeps_all_the_same() -> None:
    flat = tree(SWEEP, grouped=False)
    assert flat.entries == [key(number) for number in (5, 4, 3, 2, 1)]
    assert flat.group_of(key(4)) == "" == flat.group_of(key(1))
    grouped = tree(SWEEP)
    assert grouped.members("lr") is grouped.members("lr"), "made once until they change"
    assert grouped.reasons_of("none") == []
    (reason,) = grouped.reasons_of("lr")
    assert reason.count == 2
