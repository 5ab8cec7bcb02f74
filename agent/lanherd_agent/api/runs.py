"""Runs: submit, ask, stop, and the numbered feed of their changes."""

from collections import deque

from lanherd_agent.api.access import audit, own_or_any
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX, RUNS_PER_SUBMIT_MAX
from lanherd_protocol.messages import (
    Empty,
    GetRun,
    ListRuns,
    RunChanged,
    RunList,
    RunsSubmitted,
    StopRun,
    SubmitRuns,
)
from lanherd_protocol.methods import FEED_RUNS, RUNS_GET, RUNS_LIST, RUNS_STOP, RUNS_SUBMIT
from lanherd_protocol.states import RunView


class RunsApi:
    """The door to the shell for everything about runs."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._followers: set[_Follower] = set()
        shell.on_published(self._on_published)

    def routes(self, routes: Routes) -> None:
        routes.call(RUNS_SUBMIT, self._on_submit)
        routes.call(RUNS_GET, self._on_get)
        routes.call(RUNS_LIST, self._on_list)
        routes.call(RUNS_STOP, self._on_stop)
        routes.feed(FEED_RUNS, self._on_follow)

    async def _on_submit(self, call: IncomingCall, request: SubmitRuns) -> RunsSubmitted:
        if not 0 < len(request.runs) <= RUNS_PER_SUBMIT_MAX:
            raise error(
                ErrorCode.TOO_LARGE if request.runs else ErrorCode.INVALID_REQUEST,
                f"One submit takes 1 to {RUNS_PER_SUBMIT_MAX} runs.",
                f"This one holds {len(request.runs)}.",
                "Send them in several submits.",
            )
        target = request.runs[0].run if len(request.runs) == 1 else f"{len(request.runs)} runs"
        views = await self._shell.submit(call.caller.user, request.runs, audit(call, target))
        return RunsSubmitted(runs=views)

    async def _on_get(self, call: IncomingCall, request: GetRun) -> RunChanged:
        return RunChanged(view=await self._shell.view(request.run))

    async def _on_list(self, call: IncomingCall, request: ListRuns) -> RunList:
        if not 0 < request.limit <= RUN_LIST_PAGE_MAX:
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"A page of runs holds 1 to {RUN_LIST_PAGE_MAX}.",
                f"{request.limit} were asked for.",
                "Ask for the next page with the last run of the one before.",
            )
        return await self._shell.list_runs(request)

    async def _on_stop(self, call: IncomingCall, request: StopRun) -> RunChanged:
        owner = own_or_any(call.caller)
        return RunChanged(view=await self._shell.stop(owner, request, audit(call, request.run)))

    async def _on_follow(self, sub: IncomingSubscription, params: Empty) -> None:
        follower = _Follower(sub, self._shell.seq if sub.since < 0 else sub.since)
        self._followers.add(follower)
        try:
            await self._catch_up(follower)
            await sub.wait_closed()
        finally:
            self._followers.discard(follower)

    async def _catch_up(self, follower: "_Follower") -> None:
        """Send what is kept since the number asked for; what is published meanwhile waits."""
        missed = await self._shell.events_since(follower.sent)
        if missed is None:
            follower.subscription.gap(follower.sent + 1, self._shell.seq)
            follower.sent = self._shell.seq
        else:
            for view in missed:
                follower.offer(view)
        follower.release()

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        if not self._followers:
            return
        bodies = [(view.seq, encode_body(RunChanged(view=view))) for view in views]
        for follower in self._followers:
            for view, (seq, body) in zip(views, bodies, strict=True):
                if follower.waiting is not None:
                    follower.waiting.append(view)
                elif seq > follower.sent:
                    follower.sent = seq
                    follower.subscription.offer(seq, body)


class _Follower:
    """One subscription of the feed, and the number up to which it was told."""

    def __init__(self, subscription: IncomingSubscription, sent: int) -> None:
        self.subscription = subscription
        self.sent = sent
        # Views published while the past is still being read; bounded by that one short read.
        self.waiting: deque[RunView] | None = deque(maxlen=100_000)

    def offer(self, view: RunView) -> None:
        if view.seq > self.sent:
            self.sent = view.seq
            self.subscription.offer(view.seq, encode_body(RunChanged(view=view)))

    def release(self) -> None:
        waiting, self.waiting = self.waiting, None
        for view in waiting or ():
            self.offer(view)
