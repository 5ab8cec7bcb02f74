"""Runs: submit, ask, stop, change, and the numbered feed of their changes.

The values of secrets end here: they are kept for the run before it is submitted, and go no further.
"""

import asyncio
from contextlib import AbstractContextManager

from msgspec import Raw
from msgspec.structs import replace

from lanherd_agent.api.access import audit, own_or_any, shown_to, without_log
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.api.submits import check_answer, check_submit, read_submit
from lanherd_agent.secrets import Secrets, secrets_of
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, NotFoundError, error
from lanherd_protocol.ids import RunId, is_sha256, short_id
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import (
    ChangeRun,
    Empty,
    GetRun,
    ListRuns,
    NewRun,
    RemoveRunFiles,
    RestartRun,
    RunChanged,
    RunList,
    RunsSubmitted,
    StopRun,
    SubmitRuns,
    SubmitStream,
    SubmitStreamed,
)
from lanherd_protocol.methods import (
    FEED_RUNS,
    RUNS_CHANGE,
    RUNS_GET,
    RUNS_LIST,
    RUNS_REMOVE_FILES,
    RUNS_RESTART,
    RUNS_STOP,
    RUNS_SUBMIT,
    RUNS_SUBMIT_STREAM,
)
from lanherd_protocol.states import RunView

STREAMED_AT_ONCE_MAX = 2
"""Submits that are read from a stream at once; further ones wait, with what their credit holds."""


class RunsApi:
    """The door to the shell for everything about runs."""

    def __init__(self, shell: Shell, secrets: Secrets, snapshots: SnapshotStore) -> None:
        self._shell = shell
        self._snapshots = snapshots
        self._secrets = secrets
        self._followers: set[_Follower] = set()
        self._streamed = asyncio.Semaphore(STREAMED_AT_ONCE_MAX)
        shell.on_published(self._on_published)

    def routes(self, routes: Routes) -> None:
        routes.call(RUNS_SUBMIT, self._on_submit)
        routes.call(RUNS_SUBMIT_STREAM, self._on_submit_stream)
        routes.call(RUNS_GET, self._on_get)
        routes.call(RUNS_LIST, self._on_list)
        routes.call(RUNS_STOP, self._on_stop)
        routes.call(RUNS_CHANGE, self._on_change)
        routes.call(RUNS_RESTART, self._on_restart)
        routes.call(RUNS_REMOVE_FILES, self._on_remove_files)
        routes.feed(FEED_RUNS, self._on_follow)

    async def _on_submit(self, call: IncomingCall, request: SubmitRuns) -> RunsSubmitted:
        check_submit(request)
        check_answer(request)
        return await self._submit(call, request)

    async def _on_submit_stream(self, call: IncomingCall, request: SubmitStream) -> SubmitStreamed:
        async with self._streamed:
            submit = await read_submit(call.upload, request.size_bytes)
            check_submit(submit)
            answer = bytes(encode_body(await self._submit(call, submit)))
        await call.send(answer)
        return SubmitStreamed(size_bytes=len(answer))

    async def _submit(self, call: IncomingCall, request: SubmitRuns) -> RunsSubmitted:
        values = secrets_of(request.runs)
        runs = tuple(replace(new, secrets={}) if new.secrets else new for new in request.runs)
        target = runs[0].run if len(runs) == 1 else f"{len(runs)} runs"
        async with self._secrets.offered(values):
            with await self._using_snapshots(call.caller.user, runs):
                views = await self._shell.submit(call.caller.user, runs, audit(call, target))
        return RunsSubmitted(runs=views)

    async def _using_snapshots(
        self, user: str, runs: tuple[NewRun, ...]
    ) -> AbstractContextManager[None]:
        """Holds the snapshots of new runs. NOT_FOUND for one that the user hasn't pushed; those of
        runs that are known already were his when they came."""
        named = {new.spec.snapshot for new in runs if new.spec.snapshot is not None}
        wanted = {one for one in named if is_sha256(one)}  # the core says what is wrong with others
        lacking = {one for one in wanted if self._snapshots.find(user, one) is None}
        if lacking:
            known = await self._shell.find(new.run for new in runs if new.spec.snapshot in lacking)
            wanted -= {record.spec.snapshot for record in known.values() if record.owner == user}
        return self._snapshots.used(user, wanted)

    async def _on_get(self, call: IncomingCall, request: GetRun) -> RunChanged:
        return RunChanged(view=shown_to(call.caller, await self._shell.view(request.run)))

    async def _on_list(self, call: IncomingCall, request: ListRuns) -> RunList:
        if not 0 < request.limit <= RUN_LIST_PAGE_MAX:
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"A page of runs holds 1 to {RUN_LIST_PAGE_MAX}.",
                f"{request.limit} were asked for.",
                "Ask for the next page with the last run of the one before.",
                refusal="bad_page",
                limit=request.limit,
                limit_max=RUN_LIST_PAGE_MAX,
            )
        page = await self._shell.list_runs(request)
        shown = tuple(shown_to(call.caller, view) for view in page.runs)
        runs = first_that_fit(shown, encoded_size)
        if len(runs) < len(page.runs):
            return replace(page, runs=runs, more=True, next=runs[-1].run)
        return replace(page, runs=runs)

    async def _on_stop(self, call: IncomingCall, request: StopRun) -> RunChanged:
        owner = own_or_any(call.caller)
        return RunChanged(view=await self._shell.stop(owner, request, audit(call, request.run)))

    async def _on_change(self, call: IncomingCall, request: ChangeRun) -> RunChanged:
        owner = own_or_any(call.caller)
        return RunChanged(view=await self._shell.change(owner, request, audit(call, request.run)))

    async def _on_restart(self, call: IncomingCall, request: RestartRun) -> RunChanged:
        values = await self._secrets_again(request)
        async with self._secrets.offered(values):
            view = await self._shell.restart(
                own_or_any(call.caller), call.caller.user, request, audit(call, request.run)
            )
        return RunChanged(view=view)

    async def _secrets_again(self, request: RestartRun) -> dict[RunId, dict[str, str]]:
        """The secrets of the run, for the new one. Raises CONFLICT when they are gone."""
        if not (await self._shell.view(request.run)).spec.secrets:
            return {}
        try:
            await self._shell.view(request.new_run)
        except NotFoundError:
            values = await self._secrets.values(request.run)
            if values is None:
                raise _secrets_gone(request.run) from None
            return {request.new_run: values}
        return {}  # it was asked before, and has them

    async def _on_remove_files(self, call: IncomingCall, request: RemoveRunFiles) -> RunChanged:
        owner = own_or_any(call.caller)
        entry = audit(call, request.run)
        return RunChanged(view=await self._shell.remove_files(owner, request, entry))

    async def _on_follow(self, sub: IncomingSubscription, params: Empty) -> None:
        follower = _Follower(sub, self._shell.seq if sub.since < 0 else sub.since)
        await self._catch_up(follower)
        # Nothing can be published between the last look and this: there is no await.
        self._followers.add(follower)
        try:
            await sub.wait_closed()
        finally:
            self._followers.discard(follower)

    async def _catch_up(self, follower: "_Follower") -> None:
        """Send what is kept since the number asked for, until there is no more of it."""
        while follower.sent != self._shell.seq:
            missed = await self._shell.events_since(follower.sent)
            if missed is None:
                follower.skip_to(self._shell.seq)
                continue
            for view in missed:
                shown = view if follower.sees_logs_of(view) else without_log(view)
                follower.tell(view.seq, encode_body(RunChanged(view=shown)))

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        if not self._followers:
            return
        for view in views:
            body = encode_body(RunChanged(view=view))
            for_others = without_log(view)
            other = body if for_others is view else encode_body(RunChanged(view=for_others))
            for follower in self._followers:
                follower.tell(view.seq, body if follower.sees_logs_of(view) else other)


def _secrets_gone(run: RunId) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"The secrets of run {short_id(run)} are gone.",
        "They are removed when a run has ended.",
        "Submit it anew, with its secrets.",
        refusal="secrets_gone",
        run=run,
    )


class _Follower:
    """One subscription of the feed, and the number up to which it was told."""

    def __init__(self, subscription: IncomingSubscription, sent: int) -> None:
        self.sent = sent
        self._subscription = subscription
        self._owner = own_or_any(subscription.caller)

    def sees_logs_of(self, view: RunView) -> bool:
        return self._owner is None or self._owner == view.owner

    def tell(self, seq: int, body: Raw) -> None:
        self.sent = seq
        self._subscription.offer(seq, body)

    def skip_to(self, seq: int) -> None:
        """These are not kept any more; or the subscriber is ahead of us, since our past was lost:
        either way what it has is not what is, and it takes a fresh snapshot."""
        self._subscription.gap(min(self.sent + 1, seq), seq)
        self.sent = seq
