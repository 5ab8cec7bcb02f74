from dataclasses import replace

import pytest
from msgspec.structs import replace as with_fields

from lanherd_client.mirror import Connecting, Unreachable
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.filters import bytes_above, parse_query
from lanherd_desktop.state.machine_card import machine_card
from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.state.projects import ProjectRow, project_rows
from lanherd_desktop.state.run_numbers import GpuNumbers, run_numbers
from lanherd_desktop.state.runs import chip_kind, run_accepted, run_query, run_row, run_title
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.states import (
    Ended,
    Outcome,
    Preparing,
    Queued,
    Running,
    RunState,
    Starting,
    Stopping,
)
from lanherd_protocol.values import Lease, LeasedGpu, Reason, RunSettings, RunSpec
from tests.support.synthetic_room import (
    GIB,
    NOW,
    Card,
    ended,
    lease,
    machine,
    machine_id,
    run,
    run_id,
    waiting,
)

KEPLER = machine_id("kepler")
WHY = Reason(code="x", text="So it is.")
HELD = lease("kepler", 1, 20)
STOPPING = Stopping(since=9.0, started_at=2.0, pid=1, lease=HELD, kill_at=19.0, outcome="cancelled")


@pytest.mark.parametrize(
    ("state", "kind", "reason", "started_at", "ended_at"),
    [
        (Queued(since=1.0, reason=WHY), ChipKind.WAITING, WHY, None, None),
        (Preparing(since=1.0, step="environment"), ChipKind.PREPARING, None, None, None),
        (Starting(since=1.0, lease=HELD), ChipKind.STARTING, None, None, None),
        (Running(since=2.0, pid=1, lease=HELD), ChipKind.RUNNING, None, 2.0, None),
        (STOPPING, ChipKind.STOPPING, None, 2.0, None),
        (
            Ended(at=5.0, outcome="failed", reason=WHY, started_at=2.0),
            ChipKind.FAILED,
            WHY,
            2.0,
            5.0,
        ),
        (Ended(at=5.0, outcome="cancelled", reason=WHY), ChipKind.CANCELLED, WHY, None, 5.0),
    ],
)
def test_a_row_says_what_its_state_holds(
    state: RunState,
    kind: ChipKind,
    reason: Reason | None,
    started_at: float | None,
    ended_at: float | None,
) -> None:
    row = run_row(KEPLER, "kepler", run(1, "n", "true", state))
    assert (row.kind, row.reason, row.started_at, row.ended_at) == (
        kind, reason, started_at, ended_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("succeeded", ChipKind.SUCCEEDED),
        ("failed", ChipKind.FAILED),
        ("cancelled", ChipKind.CANCELLED),
        ("timed_out", ChipKind.TIMED_OUT),
        ("lost", ChipKind.LOST),
    ],
)
def test_every_outcome_has_its_chip(outcome: Outcome, kind: ChipKind) -> None:
    assert chip_kind(run(1, "", "true", ended(outcome, 1, WHY))) is kind


def test_a_row_counts_its_seconds() -> None:
    live = run_row(KEPLER, "k", run(1, "", "true", Running(since=10.0, pid=1, lease=HELD)))
    over = run_row(KEPLER, "k", run(1, "", "true", ended("failed", 30, WHY)))
    waits = run_row(KEPLER, "k", run(1, "", "true", waiting(1, 2)))
    assert live.seconds(25.0) == 15.0
    assert live.seconds(5.0) == 0.0  # a clock that was set back
    assert over.seconds(NOW) == 30.0
    assert waits.seconds(NOW) is None
    assert live.lease == HELD


def test_what_is_being_prepared_is_said() -> None:
    state = Preparing(since=1.0, step="environment", detail="installing numpy")
    assert run_row(KEPLER, "k", run(1, "", "true", state)).detail == "installing numpy"


def test_a_run_is_titled_by_its_name_its_command_or_its_id() -> None:
    named = run(1, "seed 0", "python train.py", waiting(1, 2))
    assert run_title(named) == "seed 0"
    assert run_title(run(1, "", "python train.py", waiting(1, 2))) == "python train.py"
    nothing = run(1, "", "", waiting(1, 2))
    assert nothing.spec == RunSpec(
        command=(), project="spirals", snapshot=nothing.spec.snapshot,
        environment=nothing.spec.environment, gpus=nothing.spec.gpus,
    )  # fmt: skip
    assert run_title(nothing) in run_id(1)


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("", True),
        ("SEED", True),
        ("seed kepler", True),
        ("seed tycho", False),
        ("state:waiting", True),
        ("state:running,wait", True),
        ("state:running", False),
        ("state:", True),
        ("state:,", True),
        ("machine:kep project:spirals name:0", True),
        ("machine:kep state:failed", False),
        ("colour:red", False),
        ("tag:night", True),
        ("tag:sweep,night state:waiting", True),
        ("tag:sweep", False),
        ("night", True),
        (run_id(1)[:8], True),
    ],
)
def test_a_filter_line(line: str, accepted: bool) -> None:
    view = run(1, "Seed 0", "true", waiting(1, 2))
    tagged = with_fields(view, settings=RunSettings(tags=("Night", "paper")))
    row = run_row(KEPLER, "kepler", tagged)
    assert run_accepted(row, run_query(line)) is accepted


def test_a_key_may_come_twice() -> None:
    query = parse_query("state:a state:b,c x", frozenset({"state"}))
    assert query.terms == {"state": ("a", "b", "c")}
    assert query.words == ("x",)
    assert not query.empty
    assert parse_query("  ", frozenset()).empty


@pytest.mark.parametrize(
    ("term", "found"),
    [(">20GB", 20 * GIB), ("20gb", 20 * GIB), (">=1g", GIB), ("much", None), ("", None)],
)
def test_a_size_in_a_term(term: str, found: int | None) -> None:
    assert bytes_above(term) == found


def test_marking_leaves_a_text_alone() -> None:
    assert QT_TRANSLATE_NOOP("words", "text") == "text"


def test_projects_say_what_became_of_their_newest_run() -> None:
    views = (
        run(1, "old", "true", ended("succeeded", 3, WHY)),
        run(2, "new", "true", ended("failed", 3, WHY)),
    )
    rows = project_rows(
        ["/home/ada/denoise", "/home/ada/spirals"],
        [run_row(KEPLER, "kepler", view) for view in views],
    )
    assert rows == [
        ProjectRow("/home/ada/denoise", "denoise"),
        ProjectRow("/home/ada/spirals", "spirals", 2, ChipKind.FAILED, views[1].submitted_at),
    ]


def test_the_numbers_of_a_live_run_are_those_of_its_gpu() -> None:
    view = run(1, "n", "true", Running(since=NOW - 60, pid=1, lease=HELD))
    kepler, _ = machine("kepler", "RTX", 24, (Card(1, 0, 3, 40, 50), Card(18, 2, 97, 70, 400)))
    numbers = run_numbers(view, kepler, NOW)
    assert numbers.seconds == 60
    assert numbers.gpus == (GpuNumbers("1", 20 * GIB, 97, 18 * GIB),)


def test_the_numbers_of_a_run_in_a_mig_instance_are_the_instance_s() -> None:
    part = LeasedGpu(index=1, uuid=GpuUuid("MIG-0"), vram_bytes=10 * GIB, instance=0)
    view = run(1, "n", "true", Running(since=NOW - 60, pid=1, lease=Lease(gpus=(part,))))
    kepler, _ = machine("kepler", "RTX", 24, (Card(1, 0, 3, 40, 50), Card(18, 2, 97, 70, 400)))
    telemetry = kepler.telemetry
    assert telemetry is not None
    inner = with_fields(telemetry.gpus[1], uuid=GpuUuid("MIG-0"), vram_ours_bytes=4 * GIB)
    whole = with_fields(telemetry.gpus[1], instances=(inner,))
    told = replace(kepler, telemetry=with_fields(telemetry, gpus=(telemetry.gpus[0], whole)))
    assert run_numbers(view, told, NOW).gpus == (GpuNumbers("1:0", 10 * GIB, 97, 4 * GIB),)


def test_a_silent_machine_s_run_is_as_old_as_what_is_known_of_it() -> None:
    view = run(1, "n", "true", Running(since=NOW - 60, pid=1, lease=HELD))
    gone = Unreachable(NOW, Failure(code=ErrorCode.UNREACHABLE, title="Gone."))
    silent, _ = machine(
        "kepler", "RTX", 24, (Card(1, 0, 3, 40, 50), Card(18, 2, 97, 70, 400)), gone
    )
    row = run_row(KEPLER, "kepler", view, silent)
    assert row.silent_since == NOW - 1 and row.seconds(NOW + 900) == 59
    numbers = run_numbers(view, silent, NOW + 900)
    assert numbers.seconds == 59 and numbers.silent_since == NOW - 1
    assert numbers.gpus == (GpuNumbers("1", 20 * GIB),)
    never_heard = replace(silent, telemetry=None)
    assert run_row(KEPLER, "kepler", view, never_heard).silent_since == NOW
    over = run(1, "n", "true", ended("succeeded", 30, WHY))
    assert run_row(KEPLER, "kepler", over, silent).silent_since is None
    card = machine_card(silent, {}, (view,))
    assert [card.seconds(line, NOW + 900) for line in card.lines] == [59, None]
    assert machine_card(replace(silent, link=Connecting(NOW)), {}, (view,)).silent_since is None


def test_numbers_that_are_not_known_stay_open() -> None:
    live = run(1, "n", "true", Running(since=NOW, pid=1, lease=HELD))
    unknown = (GpuNumbers("1", 20 * GIB),)
    other, _ = machine("tycho", "RTX", 24, (Card(1, 0, 3, 40, 50),))
    assert run_numbers(live, None, NOW).gpus == unknown
    assert run_numbers(live, other, NOW).gpus == unknown
    over = Ended(at=NOW, outcome="succeeded", reason=WHY, started_at=NOW - 5, lease=HELD)
    kepler, _ = machine("kepler", "RTX", 24, (Card(1, 0, 3, 40, 50), Card(18, 2, 97, 70, 400)))
    assert run_numbers(run(1, "n", "true", over), kepler, NOW).gpus == unknown
    assert run_numbers(run(1, "n", "true", waiting(1, 2)), kepler, NOW).gpus == ()
