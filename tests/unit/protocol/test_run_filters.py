"""Which runs a listing lets through."""

from typing import Any

import pytest

from lanherd_protocol.ids import RunId
from lanherd_protocol.messages import ListRuns
from lanherd_protocol.run_filters import filter_of
from lanherd_protocol.states import Ended, Outcome, Queued, RunView
from lanherd_protocol.values import Reason, RunGroup, RunSettings, RunSpec

WHY = Reason(code="x", text="x")


def view(outcome: Outcome | None = None, **more: Any) -> RunView:
    settings = RunSettings(tags=tuple(more.pop("tags", ())), held=more.pop("held", False))
    owner = more.pop("owner", "ann")
    queued = Queued(since=1.0, reason=WHY)
    state = queued if outcome is None else Ended(at=2.0, outcome=outcome, reason=WHY)
    spec = RunSpec(command=("true",), **more)
    return RunView(
        run=RunId("r"),
        spec=spec,
        owner=owner,
        submitted_at=1.0,
        state=state,
        seq=1,
        settings=settings,
    )


def test_without_a_filter_there_is_nothing_to_ask() -> None:
    assert filter_of(ListRuns()) is None


@pytest.mark.parametrize(
    ("asked", "through", "kept_out"),
    [
        ({"states": ("queued",)}, [view()], [view("failed")]),
        ({"outcomes": ("failed",)}, [view("failed"), view()], [view("succeeded")]),
        ({"held": True}, [view(held=True)], [view(), view("failed", held=True)]),
        ({"owner": "ann"}, [view()], [view(owner="bob")]),
        ({"project": "digits"}, [view(project="digits")], [view(), view(project="digit")]),
        ({"project": ""}, [view()], [view(project="digits")]),
        (
            {"group": "s"},
            [view(group=RunGroup(name="s"))],
            [view(), view(group=RunGroup(name="s2"))],
        ),
        ({"grouped": True}, [view(group=RunGroup(name="s"))], [view()]),
        ({"tags": ("a", "b")}, [view(tags=("b", "c", "a"))], [view(tags=("a",)), view()]),
        ({"name_prefix": "re"}, [view(name="resnet")], [view(), view(name="are")]),
        (
            {"name_prefix": "re", "owner": "ann", "tags": ("a",)},
            [view(name="resnet", tags=("a",))],
            [view(name="resnet"), view(name="resnet", tags=("a",), owner="bob"), view(tags=("a",))],
        ),
    ],
)
def test_each_filter_alone_and_several_at_once(
    asked: dict[str, Any], through: list[RunView], kept_out: list[RunView]
) -> None:
    lets = filter_of(ListRuns(**asked))
    assert lets is not None
    assert all(map(lets, through)) and not any(map(lets, kept_out))
