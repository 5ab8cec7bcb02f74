"""Runs listed page by page, as a person's filters let them through."""

import pytest

from lanherd_client.listing import runs_of
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import RunList
from lanherd_protocol.states import RunView, StateName
from lanherd_protocol.values import RunSettings, RunSpec
from tests.support.scripted_agent import MACHINE, queued, run_id

RUNS = 5 * RUN_LIST_PAGE_MAX


class Lister:
    """A machine with many runs, of which each thousandth has the tag."""

    def __init__(self) -> None:
        self.pages = 0
        self._views = [
            RunView(
                run=run_id(number),
                spec=RunSpec(command=("true",)),
                owner="me",
                submitted_at=float(number),
                state=queued(),
                seq=number,
                settings=RunSettings(tags=("rare",) if number % 1000 == 7 else ()),
            )
            for number in range(RUNS, 0, -1)
        ]

    async def list_runs(
        self,
        machine: DeviceId,
        *,
        states: tuple[StateName, ...] = (),
        limit: int = 100,
        before: RunId | None = None,
    ) -> RunList:
        self.pages += 1
        rest = [view for view in self._views if before is None or view.run < before]
        return RunList(runs=tuple(rest[:limit]), seq=RUNS, more=len(rest) > limit)


def rare(view: RunView) -> bool:
    return "rare" in view.settings.tags


@pytest.mark.parametrize(
    ("limit", "found", "more"), [(1, 1, True), (4, 4, True), (5, 5, False), (50, 5, False)]
)
async def test_as_many_as_are_asked_for_are_found_and_more_is_said_only_where_there_are(
    limit: int, found: int, more: bool
) -> None:
    views, there_are = await runs_of(Lister(), MACHINE, wanted=rare, limit=limit)
    assert [view.seq for view in views] == [4007, 3007, 2007, 1007, 7][:found]
    assert there_are is more


async def test_without_a_filter_no_page_too_many_is_asked_for() -> None:
    lister = Lister()
    views, more = await runs_of(lister, MACHINE, limit=50)
    assert (len(views), more, lister.pages) == (50, True, 1)
