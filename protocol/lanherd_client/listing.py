"""Runs that were asked for page by page: those that a person wants, and those that wait for one."""

from collections.abc import Callable
from typing import Any, Protocol, TypedDict, Unpack, get_args

from lanherd_client.mirror import RunRecord
from lanherd_client.order_checks import check_words
from lanherd_client.orders import words_of
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import RunList
from lanherd_protocol.states import Outcome, RunView, StateName

PAGES_MAX = 100
"""Pages of one machine that are looked through; 100,000 runs."""

Wanted = Callable[[RunView], bool]


class RunFilters(TypedDict, total=False):
    """Which runs are listed; of several all must be met.

    `states` they are in; `outcomes` of those that ended; `held` back; their `owner`; their
    `project`; `group`, the sweep of that name, or `grouped`, of any sweep; each of the `tags`; and
    how their name begins.
    """

    states: tuple[StateName, ...]
    outcomes: tuple[Outcome, ...]
    held: bool
    owner: str | None
    project: str | None
    group: str | None
    grouped: bool
    tags: tuple[str, ...]
    name_prefix: str


def checked_filters(filters: RunFilters) -> RunFilters:
    """The filters, a single text taken as one. Raises `MisuseError` that names what is none."""
    checked: Any = {**filters}
    for name, known in (("states", get_args(StateName)), ("outcomes", get_args(Outcome))):
        checked[name] = check_words(words_of(checked.get(name, ())), name)
        for word in checked[name]:
            if word not in known:
                raise error(
                    ErrorCode.INVALID_REQUEST,
                    f"{name} are some of a few words.",
                    f"{word!r} is none of them.",
                    f"Write one or more of {', '.join(known)}.",
                )
    checked["tags"] = check_words(words_of(checked.get("tags", ())), "tags")
    taken: RunFilters = checked
    return taken


class ListsRuns(Protocol):
    """A fleet, as far as runs are listed here."""

    async def list_runs(
        self,
        machine: DeviceId,
        *,
        limit: int = 100,
        before: RunId | None = None,
        **filters: Unpack[RunFilters],
    ) -> RunList: ...


async def runs_of(
    fleet: ListsRuns,
    machine: DeviceId,
    *,
    wanted: Wanted | None = None,
    limit: int = RUN_LIST_PAGE_MAX,
    before: RunId | None = None,
    **filters: Unpack[RunFilters],
) -> tuple[list[RunView], bool]:
    """The newest runs of a machine that are wanted, at most `limit`, from behind `before`; whether
    there are more, or may be beyond the pages that are looked through."""
    found: list[RunView] = []
    for _ in range(PAGES_MAX):
        size = limit - len(found) if wanted is None else RUN_LIST_PAGE_MAX
        page = await fleet.list_runs(
            machine, limit=min(max(size, 1), RUN_LIST_PAGE_MAX), before=before, **filters
        )
        found += [view for view in page.runs if wanted is None or wanted(view)]
        if len(found) > limit:
            return found[:limit], True
        before = page.next or (page.runs[-1].run if page.runs else None)
        if not page.more or before is None:
            return found, False
        if wanted is None and len(found) == limit:
            break
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
