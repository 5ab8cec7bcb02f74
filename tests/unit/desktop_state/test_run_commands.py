import pytest
from msgspec.structs import replace

from lanherd_desktop.state.run_commands import (
    RunCommand,
    commands,
    commands_of,
    not_in_line,
    shifted_priority,
)
from lanherd_desktop.state.run_settings import (
    notes_problem,
    split_tags,
    tags_line,
    tags_problem,
)
from lanherd_protocol.limits import NOTES_CHARS_MAX, PRIORITY_MAX, TAG_CHARS_MAX, TAGS_PER_RUN_MAX
from lanherd_protocol.states import (
    AttemptEnd,
    Ended,
    Preparing,
    Queued,
    Running,
    RunState,
    RunView,
    Starting,
    Stopping,
)
from lanherd_protocol.values import Lease, Reason, RunSettings
from tests.support.synthetic_room import run

C = RunCommand
WHY = Reason(code="x", text="So it is.")
ALWAYS = {C.AGAIN, C.EDIT, C.COPY_ID}
WAITING = Queued(since=1.0, reason=WHY)
RUNNING = Running(since=1.0, pid=1, lease=Lease())
LINED = {C.STOP, C.HOLD, C.RAISE, C.LOWER, C.MOVE_UP, C.MOVE_DOWN, C.PIN}
STOPPING = Stopping(
    since=1.0, started_at=1.0, pid=1, lease=Lease(), kill_at=2.0, outcome="cancelled"
)
ENDED = Ended(at=2.0, outcome="failed", reason=WHY, started_at=1.0)
UNSTARTED = Ended(at=2.0, outcome="cancelled", reason=WHY)


def view(state: RunState, **settings: object) -> RunView:
    return replace(run(1, "n", "true", state), settings=RunSettings(**settings))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (WAITING, LINED),
        (Preparing(since=1.0, step="snapshot"), LINED),
        (Starting(since=1.0, lease=Lease()), {C.STOP, C.STOP_NOW, C.PIN, C.SAVE_LOG}),
        (RUNNING, {C.STOP, C.STOP_NOW, C.PIN, C.SAVE_LOG}),
        (STOPPING, {C.STOP_NOW, C.PIN, C.SAVE_LOG}),
        (ENDED, {C.RESTART, C.PIN, C.REMOVE_FILES, C.SAVE_LOG}),
        (UNSTARTED, {C.RESTART, C.PIN, C.REMOVE_FILES}),
    ],
)
def test_each_state_has_its_commands(state: RunState, expected: set[RunCommand]) -> None:
    assert commands(view(state)) == ALWAYS | expected


def test_settings_decide_too() -> None:
    assert C.RELEASE in commands(view(WAITING, held=True))
    assert C.HOLD not in commands(view(WAITING, held=True))
    assert C.RAISE not in commands(view(WAITING, priority=PRIORITY_MAX))
    assert C.LOWER not in commands(view(WAITING, priority=-PRIORITY_MAX))
    pinned = commands(view(ENDED, pinned=True))
    assert C.UNPIN in pinned and not pinned & {C.PIN, C.REMOVE_FILES}


def test_only_what_waits_for_its_turn_stands_in_the_line() -> None:
    parked = replace(WAITING, reason=Reason(code="waits_for", text="It waits for another."))
    whys = [
        not_in_line([]),
        not_in_line([view(WAITING), view(WAITING)]),
        not_in_line([view(ENDED)]),
        not_in_line([view(WAITING, held=True)]),
        not_in_line([view(parked)]),
        not_in_line([view(WAITING)], others=False),
        not_in_line([view(WAITING)]),
    ]
    assert whys == ["several", "several", "not_waiting", "held", "parked", "alone", None]
    assert C.MOVE_UP not in commands(view(parked)) | commands(view(WAITING, held=True))


def test_without_files_nothing_is_done_with_them() -> None:
    gone = replace(view(ENDED), files_removed_at=5.0)
    assert commands(gone) == ALWAYS | {C.RESTART}


def test_a_run_that_waits_for_its_next_attempt_has_a_log() -> None:
    end = AttemptEnd(attempt=1, at=2.0, outcome="failed", reason=WHY)
    assert C.SAVE_LOG in commands(replace(view(WAITING), attempt=2, earlier=(end,)))


def test_several_have_what_makes_sense_for_some() -> None:
    chosen = [commands(view(WAITING)), commands(view(ENDED))]
    assert commands_of(chosen[:1], 1) == chosen[0]
    assert commands_of([], 0) == frozenset()
    together = commands_of(chosen, 2)
    assert {C.STOP, C.RESTART, C.REMOVE_FILES, C.COPY_ID} <= together
    assert not together & {C.AGAIN, C.EDIT, C.SAVE_LOG}
    assert C.AGAIN not in commands_of(chosen[:1], 2), "two that are alike"


def test_a_priority_stays_within_its_bounds() -> None:
    assert shifted_priority(0, 1) == 10
    assert shifted_priority(-5, -1) == -15
    assert shifted_priority(PRIORITY_MAX - 1, 1) == PRIORITY_MAX
    assert shifted_priority(-PRIORITY_MAX, -1) == -PRIORITY_MAX


def test_tags_are_written_with_commas() -> None:
    assert split_tags(" sweep,  lr   3e-4 ,,sweep\uff0c \u4e8c") == ("sweep", "lr 3e-4", "\u4e8c")
    assert split_tags("") == ()
    assert tags_line(("a", "b c")) == "a, b c"


def test_too_much_is_said() -> None:
    assert tags_problem(tuple(map(str, range(TAGS_PER_RUN_MAX)))) is None
    assert tags_problem(tuple(map(str, range(TAGS_PER_RUN_MAX + 1)))) == "tags_many"
    assert tags_problem(("t" * (TAG_CHARS_MAX + 1),)) == "tag_long"
    assert notes_problem("n" * NOTES_CHARS_MAX) is None
    assert notes_problem("n" * (NOTES_CHARS_MAX + 1)) == "notes_long"
