"""What the soak's controller does all the time: submits, stops, sends again, and reads along."""

import random
import time
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RANDOM_BYTES_PER_ID, CommandId, uuid7
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import RunView, StateName, is_live
from tests.soak.kinds import EPOCH_MS, Runs
from tests.soak.link import AGAIN, AGAIN_S, Link, passed
from tests.soak.machine import Machine

LIVE = 50
OPEN_MAX = 120
LOOK_EVERY_S = 0.2
OPEN_STATES: tuple[StateName, ...] = ("queued", "preparing", "starting", "running", "stopping")
PAGE = 1000
RESENT_SHARE = 0.15
STOPPED_SHARE = 0.15
CHANGED_SHARE = 0.3
RESTARTED_SHARE = 0.05
FOLLOWED_SHARE = 0.1
FOLLOWERS = 4


@dataclass
class Sent:
    """A run that was submitted, and all that was asked about it."""

    new: NewRun
    reply: bytes = b""
    stopped_at: float | None = None
    """When the first stop was sent, before it was answered."""
    followed: bytearray | None = None
    """Its log as a follower got it, through every cut; None if nobody followed."""
    followed_whole: bool = False


Change = TypeVar("Change", m.StopRun, m.ChangeRun, m.RestartRun)


def differing(first: RunView, second: RunView) -> str:
    """Only what is not the same."""
    before, after = msgspec.structs.asdict(first), msgspec.structs.asdict(second)
    return "; ".join(f"{name} {before[name]} → {after[name]}" for name in before
                     if before[name] != after[name])  # fmt: skip


@dataclass
class Load:
    """Keeps LIVE runs alive until `filling` ends."""

    machine: Machine
    link: Link
    runs: Runs
    chance: random.Random
    sent: dict[str, Sent] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    live: int = 0
    filling: bool = True
    faults: list[str] = field(default_factory=list)
    resends: int = 0
    stops: int = 0
    _commands: int = 0

    async def fill(self) -> None:
        """Submits whenever fewer than LIVE runs are alive."""
        while True:
            views = await self.listed(OPEN_STATES)
            self.open = {view.run for view in views}
            self.live = sum(is_live(view.state) for view in views)
            lacking = min(LIVE - self.live, OPEN_MAX - len(views)) if self.filling else 0
            while lacking > 0:
                batch = min(self.chance.choice((1, 1, 3, 10)), lacking)
                await self.submit([self.runs.make() for _ in range(batch)])
                lacking -= batch
            await passed(LOOK_EVERY_S)

    async def submit(self, batch: list[NewRun]) -> None:
        for new in batch:
            self.sent[new.run] = Sent(new)
        reply = await self.link.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=tuple(batch)))
        for view in reply.runs:
            self.sent[view.run].reply = msgspec.msgpack.encode(view)
            self.open.add(view.run)

    async def disturb(self) -> None:
        """Stops and sends again, in between."""
        while True:
            await passed(self.chance.uniform(0, LOOK_EVERY_S))
            if self.sent and self.chance.random() < RESENT_SHARE:
                await self.resend(self.chance.choice(list(self.sent.values())))
            if not (self.open and self.filling):
                continue
            if self.chance.random() < STOPPED_SHARE:
                await self.stop(self.chance.choice(sorted(self.open)))
            if self.chance.random() < CHANGED_SHARE:
                await self.change(self.chance.choice(sorted(self.open)))
            if self.chance.random() < RESTARTED_SHARE:
                await self.restart(self.chance.choice(list(self.sent.values())))

    async def resend(self, sent: Sent) -> None:
        if not sent.reply:
            return
        reply = await self.link.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(sent.new,)))
        self.resends += 1
        if msgspec.msgpack.encode(reply.runs[0]) != sent.reply:
            first = msgspec.msgpack.decode(sent.reply, type=RunView)
            told = differing(first, reply.runs[0])
            self.faults.append(f"run {sent.new.run}: the same submit got another reply: {told}")

    async def stop(self, run: str, grace_s: float | None = None) -> None:
        sent = self.sent[run]
        sent.stopped_at = sent.stopped_at or time.time()
        if grace_s is None:
            grace_s = self.chance.choice((0.0, 0.2, 1.0))
        request = m.StopRun(command=self._command(), run=sent.new.run, grace_s=grace_s)
        await self._ask(methods.RUNS_STOP, request)
        self.stops += 1

    async def change(self, run: str) -> None:
        """What may be changed at any time; a hold is for those that wait, and released again."""
        request = m.ChangeRun(
            command=self._command(),
            run=self.sent[run].new.run,
            priority=self.chance.choice((None, -5, 7)),
            held=self.chance.choice((None, True)),
            tags=self.chance.choice((None, ("soaked",))),
        )
        await self._ask(methods.RUNS_CHANGE, request)
        if request.held:
            release = m.ChangeRun(command=self._command(), run=request.run, held=False)
            await passed(self.chance.uniform(0, LOOK_EVERY_S))
            await self._ask(methods.RUNS_CHANGE, release)

    async def restart(self, sent: Sent) -> None:
        """The same run once more, as a run of its own."""
        if not sent.reply or sent.new.spec.secrets:
            return  # its secrets may be gone with its end
        again = self.runs.repeat(sent.new)
        self.sent[again.run] = Sent(again)
        request = m.RestartRun(run=sent.new.run, new_run=again.run)
        if not await self._ask(methods.RUNS_RESTART, request):
            del self.sent[again.run]

    async def _ask(self, method: "methods.Method[Change, m.RunChanged]", request: Change) -> bool:
        """Sent twice now and then, as it is: the same reply. False if it is refused, as it may be
        when the run has gone on meanwhile."""
        replies: list[RunView | str] = []
        for _ in range(self.chance.choice((1, 1, 2))):
            try:
                replies.append((await self.link.call(method, request)).view)
            except LanherdError as problem:
                if problem.code is not ErrorCode.CONFLICT:
                    raise
                replies.append("refused")
        first = replies[0]
        if isinstance(first, RunView):
            for other in replies[1:]:
                told = differing(first, other) if isinstance(other, RunView) else other
                if told:
                    self.faults.append(f"run {first.run}: the same {method.name}: {told}")
        return isinstance(first, RunView)

    def _command(self) -> CommandId:
        self._commands += 1
        noise = self.chance.randbytes(RANDOM_BYTES_PER_ID)
        return CommandId(uuid7(EPOCH_MS + self._commands, noise))

    async def listed(self, states: tuple[StateName, ...] = ()) -> list[RunView]:
        """All runs in these states (all runs: none), page by page."""
        views: list[RunView] = []
        before = None
        while True:
            request = m.ListRuns(states=states, limit=PAGE, before=before)
            page = await self.link.call(methods.RUNS_LIST, request)
            views.extend(page.runs)
            if not page.more:
                return views
            before = page.runs[-1].run

    async def follow(self) -> None:
        """One reader: follows one log after the other to its end, through every cut."""
        while True:
            open_runs = [self.sent[run] for run in sorted(self.open) if run in self.sent]
            unread = [sent for sent in open_runs if sent.followed is None]
            if not unread:
                await passed(LOOK_EVERY_S)
                continue
            sent = self.chance.choice(unread)
            sent.followed = bytearray()
            while not sent.followed_whole:
                await self._follow(sent, sent.followed)

    async def _follow(self, sent: Sent, data: bytearray) -> None:
        request = lm.ReadLog(run=sent.new.run, attempt=1, offset=len(data), follow=True)
        peer = await self.link.peer()
        try:
            async with peer.download(methods.LOGS_READ, request) as download:
                async for chunk in download:
                    data += chunk
                sent.followed_whole = download.response.complete
        except LanherdError as problem:
            if problem.code is ErrorCode.NOT_FOUND:
                pass  # it has not been started yet
            elif problem.code not in AGAIN:
                raise
            await passed(AGAIN_S)
