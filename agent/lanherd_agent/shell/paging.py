"""Pages of runs: the newest, from memory and the rest from the store; and those that wait."""

from collections.abc import Awaitable, Callable

from lanherd_agent.core.books import Books
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.run_states import RunRecord, view
from lanherd_agent.shell.reading import Reading
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.messages import ListRuns, RunList
from lanherd_protocol.states import Preparing, Queued, RunView

LINE_MAX = 1_000
Find = Callable[[RunId], Awaitable[RunRecord]]
EndedBefore = Callable[[int, int], Awaitable[tuple[RunRecord, ...]]]


async def page_of(
    request: ListRuns, reading: Reading, queue: Queue, find: Find, ended_before: EndedBefore
) -> RunList:
    """Raises INVALID_REQUEST, and what `find` raises for an unknown `before`."""
    if not 0 < request.limit <= limits.RUN_LIST_PAGE_MAX:
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"A page of {request.limit} runs can't be given.",
            remedy=f"Ask for 1 to {limits.RUN_LIST_PAGE_MAX}.",
            limit=request.limit,
        )
    below = None
    if request.before is not None:
        below = reading.ordinal(request.before)
        if below is None:
            below = (await find(request.before)).ordinal
    most = request.limit + 1
    seq, floor = reading.seq, reading.floor
    states = frozenset(request.states)
    page = dict(reading.page(states, below, most, queue))
    complete = len(page) == most and min(page) > floor
    if floor and not complete and (not states or "ended" in states):
        start = floor + 1 if below is None else min(below, floor + 1)
        for record in await ended_before(start, most):
            page[record.ordinal] = view(record)
    chosen = sorted(page, reverse=True)[: request.limit]
    runs = tuple(page[ordinal] for ordinal in chosen)
    return RunList(runs=runs, seq=seq, more=len(page) > request.limit)


def line_of(books: Books, reading: Reading, limit: int) -> tuple[RunView, ...]:
    """The first runs that wait, in the order of their turns; those that are held back, or wait for
    other runs, come last."""
    first = books.first_in_line(min(limit, LINE_MAX))
    views = (reading.find(run.run, books.queue) for run in first)
    # The core is a moment ahead of what was committed.
    return tuple(view for view in views if view and isinstance(view.state, Queued | Preparing))


def unknown_run(run: RunId) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"This machine has no run {short_id(run)}.",
        remedy="Look at the list of runs; it may belong to another machine.",
        run=run,
    )
