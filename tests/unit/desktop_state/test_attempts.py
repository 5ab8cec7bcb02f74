import pytest
from msgspec.structs import replace

from lanherd_desktop.state.attempts import attempt_row, attempt_to_show, attempts
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.countdowns import Countdown, countdown
from lanherd_protocol.states import AttemptEnd, Ended, Queued, Running, RunState, Stopping
from lanherd_protocol.values import Lease, Reason, RunSettings
from tests.support.synthetic_room import lease, run

WHY = Reason(code="x", text="So it is.")
HELD = lease("kepler", 1, 20)
FIRST = AttemptEnd(
    attempt=1, at=20.0, outcome="failed", reason=WHY, started_at=10.0, exit_code=1, lease=HELD
)
SECOND = AttemptEnd(attempt=2, at=30.0, outcome="lost", reason=WHY)


def third(state: RunState) -> object:
    return replace(run(1, "n", "true", state), attempt=3, earlier=(FIRST, SECOND))


def test_attempts_are_listed_from_the_latest() -> None:
    view = third(Running(since=40.0, pid=1, lease=HELD))
    rows = attempts(view)
    assert [row.number for row in rows] == [3, 2, 1]
    assert [row.kind for row in rows] == [ChipKind.RUNNING, ChipKind.LOST, ChipKind.FAILED]
    assert [row.has_log for row in rows] == [True, False, True]
    assert [row.seconds(50.0) for row in rows] == [10.0, None, 10.0]
    assert rows[2].exit_code == 1 and rows[2].lease == HELD and rows[2].reason == WHY
    assert attempt_row(view, 2) == rows[1]
    assert attempt_row(view, 4) is None


def test_an_ended_attempt_says_how() -> None:
    state = Ended(at=60.0, outcome="failed", reason=WHY, started_at=50.0, signal=9, lease=HELD)
    (row, *_) = attempts(third(state))
    assert (row.kind, row.signal, row.exit_code) == (ChipKind.FAILED, 9, None)
    assert (row.started_at, row.ended_at) == (50.0, 60.0)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (Running(since=40.0, pid=1, lease=HELD), 3),
        (Queued(since=40.0, reason=WHY, not_before=90.0), 1),
        (Ended(at=60.0, outcome="failed", reason=WHY, started_at=50.0), 3),
        (Ended(at=60.0, outcome="cancelled", reason=WHY), 1),
    ],
)
def test_the_latest_that_has_begun_is_shown_first(state: RunState, shown: int) -> None:
    assert attempt_to_show(third(state)) == shown


def test_of_a_run_that_never_began_the_only_attempt_is_shown() -> None:
    assert attempt_to_show(run(1, "n", "true", Queued(since=1.0, reason=WHY))) == 1


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Running(since=0.0, pid=1, lease=HELD, limit_at=40.0), Countdown("limit", 30.0)),
        (Running(since=0.0, pid=1, lease=HELD), None),
        (Queued(since=0.0, reason=WHY, not_before=9.0), Countdown("retry", 0.0)),
        (Queued(since=0.0, reason=WHY), None),
        (
            Stopping(
                since=8.0, started_at=1.0, pid=1, lease=Lease(), kill_at=18.0, outcome="cancelled"
            ),
            Countdown("kill", 8.0),
        ),
    ],
)
def test_what_is_counted_down(state: RunState, expected: Countdown | None) -> None:
    view = run(1, "n", "true", state)
    assert countdown(view, 10.0) == expected
    held = replace(view, settings=RunSettings(held=True))
    if isinstance(state, Queued):
        assert countdown(held, 10.0) is None, "nothing comes by itself while it is held back"
