from dataclasses import asdict
from typing import get_args

from msgspec.structs import replace

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.groups import GroupProgress, GroupSums, group_progress, rows_of_group
from lanherd_desktop.state.runs import RunRow, run_accepted, run_query, run_row
from lanherd_protocol.states import (
    Outcome,
    Preparing,
    Queued,
    Running,
    RunState,
    Starting,
    Stopping,
)
from lanherd_protocol.values import Reason, RunGroup
from tests.support.synthetic_room import (
    FAILED,
    FINE,
    NOW,
    ended,
    lease,
    machine_id,
    run,
    waiting,
)

LEASE = lease("kepler", 0, 2)
COUNTED_AS = {
    "held": "waiting",
    "preparing": "waiting",
    "starting": "running",
    "stopping": "running",
}
NOT_OF_RUNS = frozenset(
    {
        ChipKind.UNREACHABLE,
        ChipKind.NOT_OURS,
        ChipKind.SIMULATED,
        ChipKind.ORPHAN,
        ChipKind.CLOSED,
    }
)


def row(number: int, state: RunState, group: str = "lr sweep") -> RunRow:
    view = run(number, f"run {number}", "true", state)
    of = RunGroup(name=group, key=str(number)) if group else None
    view = replace(view, spec=replace(view.spec, group=of))
    return run_row(machine_id("kepler"), "kepler", view)


ROWS = [
    row(1, ended("succeeded", 5, FINE)),
    row(2, ended("failed", 5, FAILED, 1)),
    row(3, ended("cancelled", 5, FINE)),
    row(4, Running(since=NOW, pid=1, lease=lease("kepler", 0, 2))),
    row(5, waiting(1, 2)),
    row(6, waiting(1, 2), "other"),
    row(7, waiting(1, 2), ""),
]


def test_the_runs_of_a_group_have_one_progress() -> None:
    mine = rows_of_group(ROWS, "lr sweep")
    told = group_progress(mine)
    assert told == GroupProgress(succeeded=1, failed=1, cancelled=1, running=1, waiting=1)
    assert (told.total, told.ended, told.bad) == (5, 3, 1)
    assert group_progress([]).total == 0 and rows_of_group(ROWS, "") == []


def test_a_run_of_any_state_is_in_one_count() -> None:
    states: dict[str, RunState] = {
        "waiting": waiting(1, 2),
        "held": Queued(since=NOW, reason=Reason(code="held", text="It is held back.")),
        "preparing": Preparing(since=NOW, step="environment"),
        "starting": Starting(since=NOW, lease=LEASE),
        "running": Running(since=NOW, pid=1, lease=LEASE),
        "stopping": Stopping(
            since=NOW, started_at=NOW, pid=1, lease=LEASE, kill_at=NOW + 9, outcome="cancelled"
        ),
        **{outcome: ended(outcome, 5, FAILED) for outcome in get_args(Outcome)},
    }
    rows = {name: row(number, state) for number, (name, state) in enumerate(states.items())}
    assert {one.kind for one in rows.values()} == set(ChipKind) - NOT_OF_RUNS
    for name, one in rows.items():
        progress = group_progress([one])
        counts = {field: count for field, count in asdict(progress).items() if count}
        assert counts == {COUNTED_AS.get(name, name): 1} and progress.total == 1, name
    assert group_progress(rows.values()).total == len(rows)


def test_runs_are_found_by_their_group() -> None:
    def found(line: str) -> int:
        return sum(run_accepted(one, run_query(line)) for one in ROWS)

    assert found("group:other") == 1 and found("group:lr sweep") == 5 and found("sweep") == 5


def test_what_is_told_of_a_group_is_kept_as_its_runs_change() -> None:
    sums = GroupSums()
    failing, waits = row(1, ended("failed", 5, FAILED, 1)), row(2, waiting(1, 2))
    again = row(3, waiting(2, 2))
    fine = row(4, ended("succeeded", 5, FINE))
    for one in (waits, failing, again, fine):
        sums.add(one)
    assert len(sums) == 4 and sums.progress() == GroupProgress(failed=1, waiting=2, succeeded=1)
    told = [(one.kind, one.count, one.reason) for one in sums.reasons()]
    assert told == [
        (ChipKind.FAILED, 1, failing.reason),
        (ChipKind.WAITING, 2, again.reason),
    ], "the worst first, in the words of the one that said it last"
    for one in (failing, again, fine):
        sums.remove(one)
    assert [(one.count, one.reason) for one in sums.reasons()] == [(1, waits.reason)]
    sums.remove(waits)
    assert len(sums) == 0 and sums.reasons() == []
