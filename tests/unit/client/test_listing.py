"""Runs listed page by page, as a person's filters let them through."""

from typing import Unpack

import pytest

from lanherd_client.listing import RunFilters, runs_of
from lanherd_client.machine_calls import MachineCalls
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import RunList
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunSettings, RunSpec
from tests.support.scripted_agent import MACHINE, ScriptedAgent, desk, ended, queued, run_id

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
        limit: int = 100,
        before: RunId | None = None,
        **filters: Unpack[RunFilters],
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


async def test_a_page_that_found_little_is_gone_on_from_where_it_ended() -> None:
    lister = Lister()
    views, more = await runs_of(lister, MACHINE, limit=3, before=run_id(3000), wanted=rare)
    assert ([view.seq for view in views], more) == ([2007, 1007, 7], False)

    class Tired(Lister):
        """It looks through a thousand runs at once, and says so."""

        async def list_runs(
            self,
            machine: DeviceId,
            *,
            limit: int = 100,
            before: RunId | None = None,
            **filters: Unpack[RunFilters],
        ) -> RunList:
            page = await super().list_runs(machine, limit=1000, before=before)
            runs = tuple(filter(rare, page.runs))[:limit]
            return RunList(runs=runs, seq=1, more=page.more, next=page.runs[-1].run)

    views, more = await runs_of(Tired(), MACHINE, limit=50, tags=("rare",))
    assert ([view.seq for view in views], more) == ([4007, 3007, 2007, 1007, 7], False)


@pytest.mark.parametrize("filters", [True, False])
async def test_the_agent_chooses_and_an_older_one_that_lists_all_does_no_harm(
    filters: bool,
) -> None:
    agent = ScriptedAgent()
    agent.filters = filters
    for number in range(1, 31):
        settings = RunSettings(tags=("a",) if number % 10 == 0 else ())
        spec = RunSpec(command=("true",), name=f"n{number}")
        agent.change(run_id(number), queued() if number % 2 else ended(), spec, settings)
    async with desk(agent) as one:
        calls = MachineCalls(lambda machine: one.session, one.take)
        page = await calls.list_runs(MACHINE, limit=5, tags=("a",))
        numbers = [view.spec.name for view in page.runs]
        if filters:
            assert (numbers, page.more, page.next) == (["n30", "n20", "n10"], False, None)
        else:
            assert (numbers, page.more, page.next) == (["n30"], True, run_id(26))
        views, more = await runs_of(calls, MACHINE, limit=5, tags=("a",))
        assert ([view.spec.name for view in views], more) == (["n30", "n20", "n10"], False)
        views, more = await runs_of(calls, MACHINE, limit=2, name_prefix="n1", states=("queued",))
        assert ([view.spec.name for view in views], more) == (["n19", "n17"], True)
