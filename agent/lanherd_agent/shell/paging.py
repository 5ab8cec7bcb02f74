"""Pages of runs: the newest, from memory and the rest from the store; and those that wait."""

from collections.abc import Awaitable, Callable
from itertools import islice

from lanherd_agent.core.books import Books
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.run_states import RunRecord, view
from lanherd_agent.shell.reading import Reading
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.messages import ListRuns, RunList
from lanherd_protocol.run_filters import Lets, filter_of
from lanherd_protocol.states import Preparing, Queued, RunView

LINE_MAX = 1_000
LOOKED_AT_ONCE = 500
"""Ended runs that are read in the store in one go: about 10 ms."""
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
    lets = filter_of(request)
    page = dict(reading.page(lets, below, most, queue))
    complete = len(page) == most and min(page) > floor
    tired: RunRecord | None = None
    if floor and not complete and (not request.states or "ended" in request.states):
        start = floor + 1 if below is None else min(below, floor + 1)
        ended, tired = await _ended_before(start, most, lets, ended_before)
        page.update(ended)
    if tired is not None:
        # What lies below is not known yet: it comes behind what is looked through next.
        page = {ordinal: run for ordinal, run in page.items() if ordinal >= tired.ordinal}
    chosen = sorted(page, reverse=True)[: request.limit]
    runs = tuple(page[ordinal] for ordinal in chosen)
    if len(page) > request.limit:
        return RunList(runs=runs, seq=seq, more=True, next=runs[-1].run)
    if tired is not None:
        return RunList(runs=runs, seq=seq, more=True, next=tired.run)
    return RunList(runs=runs, seq=seq)


async def _ended_before(
    start: int, most: int, lets: Lets | None, ended_before: EndedBefore
) -> tuple[dict[int, RunView], RunRecord | None]:
    """The newest ended runs of the store that are let through, at most `most`; and the last that
    was looked at, where it was left off before that many were found."""
    found: dict[int, RunView] = {}
    looked_at = 0
    at_once = most if lets is None else LOOKED_AT_ONCE
    while True:
        # Bit by bit: what waits to be written goes in between.
        records = await ended_before(start, at_once)
        for record in records:
            run = view(record)
            if lets is None or lets(run):
                found[record.ordinal] = run
        looked_at += len(records)
        if len(records) < at_once or len(found) >= most:
            return dict(islice(found.items(), most)), None
        if looked_at >= limits.RUNS_LOOKED_THROUGH_MAX:
            return found, records[-1]
        start = records[-1].ordinal


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
        refusal="no_run",
        run=run,
    )
