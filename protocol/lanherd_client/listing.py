"""Runs that were asked for page by page: those that a person wants, and those that wait for one."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from lanherd_client.mirror import RunRecord
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import RunList
from lanherd_protocol.states import RunView, StateName

PAGES_MAX = 100
"""Pages of one machine that are looked through; 100,000 runs."""

Wanted = Callable[[RunView], bool]


class ListsRuns(Protocol):
    """A fleet, as far as runs are listed here."""

    async def list_runs(
        self,
        machine: DeviceId,
        *,
        states: tuple[StateName, ...] = (),
        limit: int = 100,
        before: RunId | None = None,
    ) -> RunList: ...


async def runs_of(
    fleet: ListsRuns,
    machine: DeviceId,
    *,
    states: tuple[StateName, ...] = (),
    wanted: Wanted | None = None,
    limit: int = RUN_LIST_PAGE_MAX,
) -> tuple[list[RunView], bool]:
    """The newest runs of a machine that are wanted, at most `limit`; whether there are more, or may
    be beyond the pages that are looked through."""

    def ask(before: RunId | None) -> Awaitable[RunList]:
        size = limit if wanted is None else RUN_LIST_PAGE_MAX
        return fleet.list_runs(
            machine, states=states, limit=min(size, RUN_LIST_PAGE_MAX), before=before
        )

    found: list[RunView] = []
    before: RunId | None = None
    for _ in range(PAGES_MAX):
        page = await ask(before)
        found += [view for view in page.runs if wanted is None or wanted(view)]
        if len(found) > limit:
            return found[:limit], True
        if not page.more or not page.runs:
            return found, False
        if wanted is None and len(found) == limit:
            break
        before = page.runs[-1].run
    return found, True


async def dependants_of(fleet: ListsRuns, record: RunRecord) -> list[tuple[RunView, str]]:
    """The runs that still wait, and name this one as what they wait for, and how they do."""
    run = record.view.run
    views, _ = await runs_of(
        fleet,
        record.machine,
        states=("queued", "preparing"),
        wanted=lambda view: any(d.run == run for d in view.spec.dependencies),
    )
    return [(view, next(d.kind for d in view.spec.dependencies if d.run == run)) for view in views]
