"""The line after each event: prepare the first, start those that fit, tell the first why they wait.

Only the first few in line are told numbers, and at most once a second: else each start would write
the rows of all that wait behind it. Their place is told to the others when somebody looks.
"""

from lanherd_agent.core import effects as f
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.placement import decide, explain
from lanherd_agent.core.queue import shape_of
from lanherd_agent.core.run_states import Explain, Preparing, Queued, Run, Starting
from lanherd_agent.core.step import Step
from lanherd_protocol.values import Lease

EXPLAIN_TIMER = "explain"


class Line:
    """Looks at the line, and remembers when it last explained it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._explained_at = float("-inf")
        self._timer_set = False

    def on_timer(self) -> None:
        self._timer_set = False
        self._books.news_at_head = True
        self._books.line_moved = True

    def look(self, now: float, step: Step) -> None:
        """Make every decision that the last event made possible."""
        books = self._books
        self._prepare_ahead(now, step)
        if books.queue.ready:
            for start in decide(books.queue, books.ledger, books.readings, books.rules):
                self._start(books.waiting[start.ordinal], start.lease, now, step)
        books.line_moved = False
        if not books.queue.ready:
            books.news_at_head = False
            return
        since = now - self._explained_at
        if books.news_at_head or not 0 <= since < books.rules.explain_every_s:
            self._explain_head(now, step)
        elif not self._timer_set:
            self._timer_set = True
            at = self._explained_at + books.rules.explain_every_s
            step.effects.append(f.SetTimer(timer=EXPLAIN_TIMER, at=at))

    def _prepare_ahead(self, now: float, step: Step) -> None:
        books = self._books
        queue = books.queue
        while queue.unprepared and len(queue.preparing) < books.rules.prepare_ahead_max:
            run = books.waiting[queue.begin_preparing()]
            was = run.state
            assert isinstance(was, Queued)
            state = Preparing(since=now, queued_since=was.since, step="snapshot")
            books.become(run, f.PrepareRun, state, now, step)
            books.want(f.PrepareRun(run=run.run, attempt=run.attempt, spec=run.spec), step)

    def _start(self, run: Run, lease: Lease, now: float, step: Step) -> None:
        books = self._books
        was = run.state
        assert isinstance(was, Queued)
        books.ledger.take(run.holder, lease)
        books.leave_line(run)
        books.become(run, f.StartAttempt, Starting(since=now, lease=lease), now, step)
        effect = f.StartAttempt(
            run=run.run, attempt=run.attempt, spec=run.spec, lease=lease, prepared=was.prepared
        )
        books.want(effect, step)

    def _explain_head(self, now: float, step: Step) -> None:
        books = self._books
        self._explained_at = now
        books.news_at_head = False
        first = books.queue.ready[: books.rules.explained_max]
        head = [books.waiting[ordinal] for ordinal in first]
        shapes = [shape_of(run.spec.gpus) for run in head]
        found = explain(shapes, books.ledger, books.readings, books.rules)
        for run, reason in zip(head, found, strict=True):
            was = run.state
            assert isinstance(was, Queued)
            if reasons.is_news(was.reason, reason, books.rules.explain_step_bytes):
                state = Queued(since=was.since, reason=reason, prepared=was.prepared)
                books.become(run, Explain, state, now, step)
