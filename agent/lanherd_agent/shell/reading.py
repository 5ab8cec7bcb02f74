"""The committed state, for those who ask: what is told is never ahead of the store.

Runs that wait or live, and the newest that ended, are in memory; `floor` is the highest place in
the line of a run that was left to the store, so that all ended runs above it are here.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core import reasons
from lanherd_agent.core.queue import Queue
from lanherd_agent.core.run_states import RunRecord, view
from lanherd_agent.core.step import Told
from lanherd_protocol.ids import RunId
from lanherd_protocol.run_filters import Lets
from lanherd_protocol.states import (
    Ended,
    Queued,
    Running,
    RunState,
    RunView,
    Stopping,
    is_live,
    lease_of,
)
from lanherd_protocol.values import Lease, Reason

EVENTS_IN_MEMORY_MAX = 2048


class RunsSnapshot(Struct, frozen=True, kw_only=True):
    """The runs as of event `seq`, newest first; `total` counts all that the agent knows."""

    seq: int
    runs: tuple[RunView, ...]
    total: int


class LiveAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that holds a lease; `pid` is None until it is known to be alive."""

    run: RunId
    attempt: int
    lease: Lease
    pid: int | None = None


class Reading:
    """Views of runs by id and by their place in the line."""

    def __init__(
        self, records: Iterable[RunRecord], *, seq: int, ordinal: int, total: int, ended_kept: int
    ) -> None:
        self.seq = seq
        self.total = total
        self.floor = 0
        self.recent: deque[RunView] = deque(maxlen=EVENTS_IN_MEMORY_MAX)
        self._ended_kept = ended_kept
        self._runs: dict[RunId, Told] = {}
        self._by_ordinal: dict[int, RunView] = {}
        self._order: list[int] = []
        self._ended: list[int] = []
        self._live: dict[RunId, RunView] = {}
        for record in records:
            self._enter(Told(record.ordinal, view(record)))
        if len(self._by_ordinal) < total:
            self.floor = self._ended[0] - 1 if self._ended else ordinal

    def apply(self, told: Iterable[Told]) -> list[RunId]:
        """Take the news of a committed turn; returns the ended runs that are left to the store."""
        for one in told:
            self.total += one.view.run not in self._runs and one.ordinal > self.floor
            self._enter(one)
            self.recent.append(one.view)
            self.seq = one.view.seq
        evicted: list[RunId] = []
        while len(self._ended) > self._ended_kept:
            self.floor = max(self.floor, self._ended[0])
            evicted.append(self._leave(self._ended.pop(0)))
        return evicted

    def _enter(self, told: Told) -> None:
        ordinal, run = told.ordinal, told.view
        known = self._by_ordinal.get(ordinal)
        if known is None:
            insort(self._order, ordinal)
        self._by_ordinal[ordinal] = run
        self._runs[run.run] = told
        if is_live(run.state):
            self._live[run.run] = run
        else:
            self._live.pop(run.run, None)
        # An ended run may be told again: its tags were changed, its files removed.
        if isinstance(run.state, Ended) and not (known and isinstance(known.state, Ended)):
            insort(self._ended, ordinal)

    def _leave(self, ordinal: int) -> RunId:
        run = self._by_ordinal.pop(ordinal).run
        del self._runs[run]
        del self._order[bisect_left(self._order, ordinal)]
        return run

    # --- What is asked ---------------------------------------------------------------------------

    def find(self, run: RunId, queue: Queue) -> RunView | None:
        told = self._runs.get(run)
        return None if told is None else _placed(told.ordinal, told.view, queue)

    def ordinal(self, run: RunId) -> int | None:
        told = self._runs.get(run)
        return None if told is None else told.ordinal

    def page(
        self, lets: Lets | None, below: int | None, limit: int, queue: Queue
    ) -> list[tuple[int, RunView]]:
        """Up to `limit` runs that are in memory and that `lets` lets through, newest first, from
        places below `below`."""
        at = len(self._order) if below is None else bisect_left(self._order, below)
        page: list[tuple[int, RunView]] = []
        while at and len(page) < limit:
            at -= 1
            ordinal = self._order[at]
            run = self._by_ordinal[ordinal]
            if lets is None or lets(run):
                page.append((ordinal, _placed(ordinal, run, queue)))
        return page

    def snapshot(self, ended_max: int, waiting_max: int, queue: Queue) -> RunsSnapshot:
        """The live runs, the first that wait, and the newest that ended."""
        newest_ended = set(self._ended[len(self._ended) - min(ended_max, len(self._ended)) :])
        chosen: list[RunView] = []
        waiting = 0
        for ordinal in self._order:
            run = self._by_ordinal[ordinal]
            if isinstance(run.state, Ended):
                wanted = ordinal in newest_ended
            elif is_live(run.state):
                wanted = True
            else:
                waiting += 1
                wanted = waiting <= waiting_max
            if wanted:
                chosen.append(_placed(ordinal, run, queue))
        chosen.reverse()
        return RunsSnapshot(seq=self.seq, runs=tuple(chosen), total=self.total)

    def recent_since(self, seq: int) -> tuple[RunView, ...] | None:
        """The changes after `seq`; None if memory doesn't reach so far back."""
        if seq == self.seq:
            return ()
        if not self.recent or seq + 1 < self.recent[0].seq:
            return None
        missing = self.seq - seq
        return tuple(self.recent[at] for at in range(len(self.recent) - missing, len(self.recent)))

    def live_attempts(self) -> tuple[LiveAttempt, ...]:
        return tuple(
            LiveAttempt(
                run=run.run,
                attempt=run.attempt,
                lease=lease_of(run.state),
                pid=_pid(run.state),
            )
            for run in self._live.values()
        )

    @property
    def live_runs(self) -> int:
        return len(self._live)

    @property
    def waiting_runs(self) -> int:
        return len(self._order) - len(self._live) - len(self._ended)


def _pid(state: RunState) -> int | None:
    return state.pid if isinstance(state, Running | Stopping) else None


_RANKS: dict[str, tuple[Callable[[Queue, int], int | None], Callable[[int], Reason]]] = {
    reasons.IN_LINE.code: (Queue.ready_rank, reasons.in_line),
    reasons.UNPREPARED.code: (Queue.unprepared_rank, reasons.unprepared),
}


def _placed(ordinal: int, run: RunView, queue: Queue) -> RunView:
    """A run that waits behind others is told its place only when somebody looks: it moves with
    each start, and nobody wants to write and send the rows of all that wait for that. What keeps
    the whole line waiting is told in the same way."""
    if not isinstance(run.state, Queued):
        return run
    rank = _RANKS.get(run.state.reason.code)
    if rank is None:
        return run
    reason = queue.notice
    if reason is None:
        rank_of, sentence = rank
        ahead = rank_of(queue, ordinal)
        if ahead is None:
            # The line is a moment ahead of what is told of it.
            return run
        reason = sentence(ahead)
    return replace(run, state=replace(run.state, reason=reason))
