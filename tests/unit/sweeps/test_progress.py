"""A sweep's runs beside its plan, and how far they are."""

from dataclasses import dataclass
from itertools import count

import pytest
from msgspec.structs import replace

from lanherd_client.sweeps.comparing import compare, newest_of_keys, summary
from lanherd_client.sweeps.options import sweep_order
from lanherd_client.sweeps.progress import progress_of, waits
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended, Outcome, Queued, Running, RunState, RunView
from lanherd_protocol.values import Lease, Reason, RunGroup, RunSpec

REASON = Reason(code="x", text="X.")
WAITING = Queued(since=0, reason=REASON)
ALIVE = Running(since=90, pid=1, lease=Lease())


def ended(at: float, started_at: float | None = 0, outcome: Outcome = "succeeded") -> Ended:
    return Ended(at=at, outcome=outcome, reason=REASON, started_at=started_at)


@dataclass
class Views:
    """Makes views, each submitted a second after the one before."""

    numbers: "count[int]"

    def __call__(self, state: RunState, key: str = "") -> RunView:
        number = next(self.numbers)
        return RunView(
            run=RunId(f"0197a5d4-0000-7000-8000-{number:012}"),
            spec=RunSpec(command=("x",), group=RunGroup(name="s", key=key)),
            owner="me",
            submitted_at=100.0 + number,
            state=state,
            seq=1,
        )


@pytest.fixture
def view() -> Views:
    return Views(count(1))


def test_only_what_is_new_is_new(view: Views) -> None:
    rows: list[dict[str, object]] = [{"a": 1}, {"a": 2}, {"a": 3, "done": "x"}, {"a": 4}]
    plan = sweep_order(rows, "s", command=["t", "{a}"]).plan
    (done,) = plan.done_keys
    one, two, four = (run.key for run in plan.runs)
    views = [
        view(ended(1, outcome="failed"), one),
        view(ended(1, outcome="failed"), two),
        view(ended(5), two),  # It was started again, and is well now.
        view(WAITING, done),
        view(WAITING, "of a row that was removed"),
        view(WAITING),
    ]
    found = compare(plan, reversed(views))
    assert [run.key for run in found.new] == [four]
    assert found.there == (views[0], views[2])
    assert found.ill == (views[0],)
    assert found.gone == (views[4], views[5])
    said = summary(plan, found)
    assert said[0] == "2 already there, 1 new."
    assert "1 ended without success" in said[1]
    assert "2 there that no row asks for" in said[2]
    assert said[3] == "1 row is marked as done, and left out."
    assert summary(plan, compare(plan, []))[0] == "3 new."


def test_the_progress_counts_each_run_by_what_it_does(view: Views) -> None:
    views = [
        view(ended(20), "a"),
        view(ended(40, outcome="failed"), "b"),
        view(ended(50, None, "cancelled"), "c"),
        view(ALIVE, "d"),
        view(WAITING, "e"),
        view(WAITING, "b"),
    ]
    progress = progress_of("s", newest_of_keys(views[::-1]), now=100.0)
    assert progress.total == 5
    assert {word: n for word, n in progress.counts.items() if n} == {
        "succeeded": 1,
        "cancelled": 1,
        "live": 1,
        "waiting": 2,
    }
    assert (progress.ended, progress.succeeded, progress.submitted_at) == (2, False, 101.0)
    # One run ended in 100 s, and three are left.
    assert progress.rate_per_s == pytest.approx(0.01)
    assert progress.eta_s == pytest.approx(300)
    assert [waits(one) for one in views[2:5]] == [False, False, True]


def test_the_rate_is_that_of_the_last(view: Views) -> None:
    slow = [view(ended(at * 100, at * 100 - 100)) for at in range(1, 51)]
    quick = [view(ended(5000 + at, 5000 + at - 1)) for at in range(1, 51)]
    progress = progress_of("s", [view(WAITING), *quick[::-1], *slow[::-1]], now=5050.0)
    assert progress.rate_per_s == pytest.approx(1.0)


def test_what_was_submitted_at_once_keeps_the_order_of_its_machine(view: Views) -> None:
    together = [replace(view(WAITING, key), submitted_at=1.0) for key in "zyx"]
    assert newest_of_keys(together) == tuple(reversed(together))


def test_nothing_is_foretold_from_nothing(view: Views) -> None:
    for views in ([view(WAITING)], [view(ended(5, 5))], [view(ended(5, 5)), view(WAITING)], []):
        progress = progress_of("s", views, now=5.0)
        assert (progress.rate_per_s, progress.eta_s) == (None, None)
    assert not progress.succeeded
    assert progress_of("s", [view(ended(5))], now=9).succeeded
