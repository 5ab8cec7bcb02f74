"""The line after each event: prepare the first, start those that fit, tell the first why they wait.

Only the first few in line are told numbers, and at most once a second: else each start would write
the rows of all that wait behind it. Their place is told to the others when somebody looks, and so
is the gate that keeps all of them waiting while the disk is low.
"""

from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.explaining import explain, gate_reason
from lanherd_agent.core.placement import decide, looks_again_at
from lanherd_agent.core.run_states import Explain, Preparing, Queued, Run, Starting
from lanherd_agent.core.step import Step
from lanherd_agent.core.waiting import explained
from lanherd_protocol.values import Lease, Reason

EXPLAIN_TIMER = "explain"
LOOK_TIMER = "look"


class Line:
    """Looks at the line, and remembers when it last explained it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._explained_at = float("-inf")
        self._timer_set = False
        self._looks_at: float | None = None
        self._gate_was_lifted = True

    def on_look_timer(self) -> None:
        """Time alone may let a run start now."""
        self._looks_at = None
        self._books.line_moved = True

    def on_timer(self) -> None:
        self._timer_set = False
        self._books.news_at_head = True
        self._books.line_moved = True

    def on_disk(self, event: e.DiskRead) -> None:
        """Nothing is started on a low disk; it has to be a good deal better to count as mended."""
        books, queue = self._books, self._books.queue
        enough = event.low_bytes * (books.rules.low_disk_lifts_at if queue.gate else 1.0)
        gate = None
        if event.free_bytes < enough:
            gate = reasons.low_disk(event.free_bytes, event.low_bytes)
        if gate == queue.gate:
            return
        if gate is None or queue.gate is None:
            books.news_at_head = True
            self._gate_was_lifted = gate is None
        queue.gate = gate
        books.line_moved = True

    def look(self, now: float, step: Step) -> None:
        """Make every decision that the last event made possible."""
        books = self._books
        books.look_around(now)
        queue = books.queue
        if queue.gate is None:
            self._prepare_ahead(now, step)
            self._start_all(now, step)
            if self._gate_was_lifted:
                self._gate_was_lifted = False
                self._forget_gate(now, step)
        queue.notice = queue.gate or gate_reason(books.scene(now))
        books.line_moved = False
        if not queue.ready and (queue.gate is None or not queue.unprepared):
            books.news_at_head = False
            return
        since = now - self._explained_at
        if books.news_at_head or not 0 <= since < books.rules.explain_every_s:
            self._explain_head(now, step)
        elif not self._timer_set:
            self._timer_set = True
            at = self._explained_at + books.rules.explain_every_s
            step.effects.append(f.SetTimer(timer=EXPLAIN_TIMER, at=at))

    def _start_all(self, now: float, step: Step) -> None:
        """Until nothing more can start: what passes may leave another choice to those behind, and
        what takes the GPU that is kept for it lets those ahead share that one."""
        books = self._books
        rules = books.owner_rules
        counted = bool(rules.users or rules.tags or rules.keep_free)
        again = True
        while again and books.queue.ready:
            starts = decide(books.scene(now))
            for start in starts:
                self._start(books.waiting[start.place], start.lease, now, step)
            again = any(counted or start.passes for start in starts)
        if books.queue.ready:
            at = looks_again_at(books.scene(now))
            if at is not None and at != self._looks_at:
                self._looks_at = at
                step.effects.append(f.SetTimer(timer=LOOK_TIMER, at=at))

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
            run=run.run,
            attempt=run.attempt,
            spec=run.spec,
            lease=lease,
            prepared=was.prepared,
            owner=run.owner,
            submitted_at=run.submitted_at,
            ordinal=run.ordinal,
            settings=run.settings,
        )
        books.want(effect, step)

    def _explain_head(self, now: float, step: Step) -> None:
        books, queue = self._books, self._books.queue
        most = books.rules.explained_max
        self._explained_at = now
        books.news_at_head = False
        if queue.gate is not None:
            first = sorted([*queue.first(most), *queue.unprepared[:most]])[:most]
            for place in first:
                self._tell(books.waiting[place], queue.gate, now, step)
            return
        head = [(place, queue.want(place)) for place in queue.first(most)]
        found = explain(
            books.scene(now), head, {place: books.waiting[place].run for place, _ in head}
        )
        for (place, _), reason in zip(head, found, strict=True):
            self._tell(books.waiting[place], reason, now, step)

    def _tell(self, run: Run, reason: Reason, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Queued)
        if reasons.is_news(was.reason, reason, self._books.rules.explain_step_bytes):
            self._books.become(run, Explain, replace(was, reason=reason), now, step)

    def _forget_gate(self, now: float, step: Step) -> None:
        """Those that were told of the gate, now or before a restart, wait for their turn again."""
        books = self._books
        for run in list(books.waiting.values()):
            was = run.state
            if isinstance(was, Queued) and was.reason.code == reasons.LOW_DISK:
                books.become(run, Explain, explained(run, was), now, step)
