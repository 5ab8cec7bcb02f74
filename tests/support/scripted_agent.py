"""An agent in memory that does what a test tells it: the client's half of the contract.

It keeps runs and an event log, and can lose the connection, its past, and hold an answer back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from msgspec import Raw, Struct
from msgspec.structs import replace

from lanherd_client.attempts import attempts_of
from lanherd_client.changes import RunChanged
from lanherd_client.mirror import Input, MachineKnown, Mirror
from lanherd_client.run import Run
from lanherd_client.session import Session
from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import retention_messages as rm
from lanherd_protocol.aio.memory import LOCAL_ADMIN, MemoryPair, memory_pair
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.codec import decode_body, encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.run_filters import filter_of
from lanherd_protocol.states import (
    Ended,
    RunState,
    RunView,
    is_live,
)
from lanherd_protocol.values import (
    OutputEntry,
    Reason,
    Removal,
    RetentionRules,
    RunSettings,
    RunSpec,
    Telemetry,
)
from tests.support.scripted_values import (
    DONE,
    GIB,
    GPU,
    MACHINE,
    WAITS,
    ended,
    facts,
    queued,
    run_id,
    running,
    telemetry,
)

__all__ = [
    "DONE",
    "GIB",
    "GPU",
    "MACHINE",
    "WAITS",
    "Desk",
    "ScriptedAgent",
    "Wire",
    "desk",
    "ended",
    "eventually",
    "facts",
    "queued",
    "run_id",
    "running",
    "telemetry",
]


class ScriptedAgent:
    """The dispatcher of an agent whose runs, log and outputs are set by the test."""

    def __init__(self) -> None:
        self.facts = facts()
        self.telemetry: Telemetry | None = telemetry(10.0)
        self.seq = 0
        self.runs: dict[RunId, RunView] = {}
        self.events: list[tuple[int, RunView]] = []
        self.snapshot_runs_max = 1000
        self.counts = True
        """Whether its snapshots count the live and the waiting runs, as newer agents' do."""
        self.takes_streams = True
        self.filters = True
        """Whether it knows submits in streams, and filters beside states, as newer agents do."""
        self.submitted: dict[RunId, m.NewRun] = {}
        self.changes: list[Struct] = []
        """The changes that it was asked for, repeated ones too."""
        self.commands: dict[str, tuple[bytes, RunView]] = {}
        self.retention = RetentionRules()
        self.logs: dict[RunId, bytearray] = {}
        self.complete: set[RunId] = set()
        self.outputs: dict[RunId, dict[str, bytes]] = {}
        self.outputs_modified_at = 5.0
        self.calls: list[str] = []
        self.before_answer: Callable[[str, int], None] | None = None
        """Told of each method and how many of it came, after its effect, before its answer."""
        self.while_sending: Callable[[int], None] | None = None
        """Told how many bytes of a download were sent so far."""
        self.feeds: list[IncomingSubscription] = []
        self.grown = asyncio.Event()

    # the truth

    def change(
        self,
        run: RunId,
        state: RunState,
        spec: RunSpec | None = None,
        settings: RunSettings | None = None,
    ) -> RunView:
        """A run changes, or comes; it is an event."""
        self.seq += 1
        known = self.runs.get(run)
        if known is None:
            view = RunView(
                run=run,
                spec=spec or RunSpec(command=("true",)),
                owner="me",
                submitted_at=float(self.seq),
                state=state,
                seq=self.seq,
                settings=settings or RunSettings(),
            )
        else:
            view = replace(known, state=state, seq=self.seq, settings=settings or known.settings)
        self.runs[run] = view
        self.events.append((self.seq, view))
        for feed in self.feeds:
            if feed.feed.name == "runs":
                feed.offer(self.seq, m.RunChanged(view=view))
        self._grow()
        return view

    def retry(self, run: RunId, state: RunState) -> RunView:
        """The run's attempt is over, and another one follows."""
        known = self.runs[run]
        last = attempts_of(replace(known, state=ended("failed")))
        self.runs[run] = replace(known, attempt=known.attempt + 1, earlier=last)
        return self.change(run, state)

    def sample(self, sample: Telemetry) -> None:
        self.telemetry = sample
        for number, feed in enumerate(self.feeds):
            if feed.feed.name == "telemetry":
                feed.offer(int(sample.at * 1000) + number, sample)

    def write_log(self, run: RunId, data: bytes, complete: bool = False) -> None:
        self.logs.setdefault(run, bytearray()).extend(data)
        if complete:
            self.complete.add(run)
        self._grow()

    def put_output(self, run: RunId, path: str, content: bytes) -> None:
        self.outputs.setdefault(run, {})[path] = content
        listing = self._listing(run)
        for feed in self.feeds:
            if feed.feed.name == "outputs" and cast("m.WatchOutputs", feed.params).run == run:
                self.seq += 1
                body = m.OutputsChanged(attempt=listing.attempt, entries=listing.entries)
                feed.offer(self.seq, body)

    def forget_events(self) -> None:
        """The log is shortened: older events can't be had any more."""
        self.events.clear()

    def begin_anew(self) -> None:
        """The database was lost: another log, no runs."""
        self.seq = 0
        self.runs.clear()
        self.events.clear()
        self.feeds.clear()

    def snapshot(self) -> m.MachineSnapshot:
        def rank(view: RunView) -> tuple[bool, int]:
            return isinstance(view.state, Ended), -view.seq

        views = sorted(self.runs.values(), key=rank)
        live = [view for view in views if is_live(view.state)]
        over = [view for view in views if isinstance(view.state, Ended)]
        return m.MachineSnapshot(
            facts=self.facts,
            seq=self.seq,
            runs=tuple(views[: self.snapshot_runs_max]),
            telemetry=self.telemetry,
            runs_total=len(views),
            runs_live=len(live) if self.counts else None,
            runs_waiting=len(views) - len(live) - len(over) if self.counts else None,
        )

    def _grow(self) -> None:
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()

    # the dispatcher

    async def on_call(self, call: IncomingCall) -> Struct:
        self.calls.append(call.method.name)
        answer = await self._answer(call)
        if self.before_answer is not None:
            self.before_answer(call.method.name, self.calls.count(call.method.name))
        return answer

    async def _answer(self, call: IncomingCall) -> Struct:
        match call.request:
            case m.Empty() | rm.PlanRetention() | rm.ApplyRetention() | rm.PutRetention():
                return self._answer_of_the_machine(call.method.name, call.request)
            case m.GetRun(run=run):
                return m.RunChanged(view=self._run(run))
            case m.ListRuns():
                return self._page(call.request)
            case m.SubmitStream():
                return await self._submit_stream(call)
            case lm.ReadLog():
                return await self._send_log(call, call.request)
            case m.ListOutputs(run=run):
                return self._listing(run)
            case m.ReadOutput():
                return await self._send_output(call, call.request)
            case _:
                return self._answer_to_a_change(call.method.name, call.request)

    def _answer_of_the_machine(self, method: str, request: Struct) -> Struct:
        match request:
            case rm.PutRetention(rules=rules):
                self.retention = rules
                return self._retention_state()
            case rm.PlanRetention(rules=rules):
                return self._removals(rules or self.retention)
            case rm.ApplyRetention():
                return self._removals(self.retention)
            case m.Empty() if method == "machine.snapshot":
                return self.snapshot()
            case m.Empty() if method == "retention.get":
                return self._retention_state()
            case _:
                raise error(ErrorCode.UNKNOWN_METHOD, f"The script has no {method}.")

    def _answer_to_a_change(self, method: str, request: Struct) -> Struct:
        self.changes.append(request)
        match request:
            case m.SubmitRuns(runs=runs):
                return m.RunsSubmitted(runs=tuple(map(self._take, runs)))
            case m.RestartRun(run=run, new_run=new_run):
                old = self._run(run)
                spec = replace(old.spec, restart_of=run, dependencies=())
                new = m.NewRun(run=new_run, spec=spec, settings=old.settings)
                return m.RunChanged(view=self._take(new))
            case m.StopRun() | m.ChangeRun() | m.RemoveRunFiles():
                return self._command(request)
            case _:
                raise error(ErrorCode.UNKNOWN_METHOD, f"The script has no {method}.")

    def _retention_state(self) -> rm.RetentionState:
        return rm.RetentionState(
            rules=self.retention, size_bytes=3 * GIB, runs=3, free_bytes=9 * GIB
        )

    def _run(self, run: RunId) -> RunView:
        if run not in self.runs:
            raise error(ErrorCode.NOT_FOUND, "There is no such run.")
        return self.runs[run]

    def _take(self, new: m.NewRun) -> RunView:
        """The reply is the run as it was taken, however often and late it is asked for."""
        self.submitted.setdefault(new.run, new)
        if new.run not in self.runs:
            self.change(new.run, queued(), new.spec, new.settings)
        known = self.runs[new.run]
        return replace(known, state=queued(), seq=0, attempt=1, settings=new.settings, earlier=())

    def _command(self, request: m.StopRun | m.ChangeRun | m.RemoveRunFiles) -> m.RunChanged:
        """The same command has the same reply, and is done once."""
        body = bytes(encode_body(request))
        known = self.commands.get(request.command)
        if known is None:
            self._obey(request)
            known = body, self._run(request.run)
            self.commands[request.command] = known
        if known[0] != body:
            raise error(ErrorCode.CONFLICT, "That command was another one.")
        return m.RunChanged(view=known[1])

    def _obey(self, request: m.StopRun | m.ChangeRun | m.RemoveRunFiles) -> None:
        view = self._run(request.run)
        match request:
            case m.StopRun():
                self.change(view.run, ended("cancelled"))
            case m.ChangeRun():
                wishes = {
                    name: value
                    for name in ("priority", "held", "tags", "notes", "pinned")
                    if (value := getattr(request, name)) is not None
                }
                self.change(view.run, view.state, settings=replace(view.settings, **wishes))
            case m.RemoveRunFiles():
                if view.settings.pinned:
                    raise error(ErrorCode.CONFLICT, "The run is pinned.", "", "Unpin it first.")
                self.runs[view.run] = replace(view, files_removed_at=9.0)
                self.change(view.run, view.state)

    def _removals(self, rules: RetentionRules) -> rm.RetentionPlan:
        most = min((r.runs_max for r in rules.rules if r.runs_max is not None), default=99)
        over = [view for view in self.runs.values() if isinstance(view.state, Ended)][most:]
        reason = Reason(code="runs_max", text=f"Only the newest {most} are kept.")
        removals = tuple(Removal(run=v.run, size_bytes=GIB, reason=reason) for v in over)
        return rm.RetentionPlan(removals=removals, size_bytes=GIB * len(over), runs=len(over))

    def _page(self, request: m.ListRuns) -> m.RunList:
        lets = filter_of(request if self.filters else m.ListRuns(states=request.states))
        views = [
            view
            for view in sorted(self.runs.values(), key=lambda v: v.run, reverse=True)
            if (lets is None or lets(view))
            and (request.before is None or view.run < request.before)
        ]
        page = views[: request.limit]
        return m.RunList(runs=tuple(page), seq=self.seq, more=len(views) > len(page))

    async def _submit_stream(self, call: IncomingCall) -> m.SubmitStreamed:
        if not self.takes_streams:
            raise error(ErrorCode.UNKNOWN_METHOD, "This agent doesn't know that request.")
        whole = b"".join([part async for part in call.upload])
        submit = decode_body(m.SubmitRuns, Raw(whole))
        answer = bytes(encode_body(self._answer_to_a_change(call.method.name, submit)))
        await self._send(call, answer)
        return m.SubmitStreamed(size_bytes=len(answer))

    async def _send_log(self, call: IncomingCall, request: lm.ReadLog) -> lm.LogEnd:
        offset = request.offset
        stop = None if request.length is None else offset + request.length
        while True:
            data = bytes(self.logs.get(request.run, b"")[offset:stop])
            await self._send(call, data)
            offset += len(data)
            complete = request.run in self.complete
            if complete or not request.follow:
                return lm.LogEnd(attempt=request.attempt or 1, offset=offset, complete=complete)
            await self.grown.wait()

    async def _send_output(self, call: IncomingCall, request: m.ReadOutput) -> m.OutputEnd:
        content = self.outputs[request.run][request.path]
        stop = None if request.length is None else request.offset + request.length
        await self._send(call, content[request.offset : stop])
        return m.OutputEnd(size_bytes=len(content), modified_at=self.outputs_modified_at)

    async def _send(self, call: IncomingCall, data: bytes) -> None:
        for start in range(0, len(data), 1000):
            await call.send(data[start : start + 1000])
            if self.while_sending is not None:
                self.while_sending(start + 1000)
                await asyncio.sleep(0)

    def _listing(self, run: RunId) -> m.OutputList:
        entries = tuple(
            OutputEntry(
                path=path,
                kind="file",
                size_bytes=len(content),
                modified_at=self.outputs_modified_at,
            )
            for path, content in sorted(self.outputs.get(run, {}).items())
        )
        return m.OutputList(attempt=1, entries=entries)

    async def on_subscribe(self, sub: IncomingSubscription) -> None:
        if sub.feed.name == "runs" and sub.since >= 0:
            self._replay(sub)
        self.feeds.append(sub)
        await sub.wait_closed()
        if sub in self.feeds:
            self.feeds.remove(sub)

    def _replay(self, sub: IncomingSubscription) -> None:
        kept_from = self.events[0][0] if self.events else self.seq + 1
        if sub.since + 1 < kept_from:
            sub.gap(sub.since + 1, kept_from - 1)
        for seq, view in self.events:
            if seq > sub.since:
                sub.offer(seq, m.RunChanged(view=view))


class Wire:
    """Dials the scripted agent through memory; can refuse, cut, and let a test wait for a dial."""

    def __init__(self, agent: ScriptedAgent) -> None:
        self.agent = agent
        self.pairs: list[MemoryPair] = []
        self.refuse: LanherdError | None = None
        self.dials = 0

    async def dial(self) -> Peer:
        self.dials += 1
        if self.refuse is not None:
            raise self.refuse
        pair = await memory_pair(self.agent, caller=LOCAL_ADMIN)
        self.pairs.append(pair)
        return pair.peer

    def cut(self) -> None:
        """The newest connection is lost on both sides."""
        self.pairs[-1].link.cut()

    async def close(self) -> None:
        for pair in self.pairs:
            await pair.close()


async def eventually(reached: Callable[[], bool]) -> None:
    """Looks again in every turn of the loop, for ten seconds at most, until it is true."""
    async with asyncio.timeout(10):
        while True:
            if reached():
                return
            await asyncio.sleep(0)


class Desk:
    """A session with its mirror, joined to a scripted agent."""

    def __init__(self, agent: ScriptedAgent, wire: Wire) -> None:
        self.agent = agent
        self.wire = wire
        self.mirror = Mirror()
        self.taken: list[Input] = []
        self.now = 100.0
        self.session = Session(
            MACHINE,
            "box",
            wire.dial,
            self.mirror,
            self.take,
            clock=lambda: self.now,
            random=lambda: 0.0,
        )

    def take(self, fact: Input) -> None:
        self.taken.append(fact)
        for change in self.mirror.apply(fact):
            if isinstance(change, RunChanged):
                self.session.run_changed(change.run)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Looks again and again, for ten seconds at most, until it is true."""
        await eventually(reached)

    async def until_mirrored(self) -> None:
        """Waits until the mirror holds exactly the agent's runs."""
        await self.until(lambda: self.mirrored() == self.agent.runs)

    def mirrored(self) -> dict[RunId, RunView]:
        return {view.run: view for view in self.mirror.runs(MACHINE)}

    def run(self, run: RunId) -> Run:
        numbers = iter(range(1000, 2000))
        return Run(
            MACHINE, run, self.session, self.mirror, self.take, lambda: run_id(next(numbers))
        )


@asynccontextmanager
async def desk(agent: ScriptedAgent, *, started: bool = True) -> AsyncIterator[Desk]:
    """A session that is connected to the agent, unless `started` is False."""
    wire = Wire(agent)
    async with TaskOwner("desk") as tasks:
        one = Desk(agent, wire)
        one.take(MachineKnown(MACHINE, "box", 0.0))
        tasks.spawn(one.session.run(), "session")
        if started:
            await one.session.reconnected()
        yield one
    await wire.close()
    # The threads of `asyncio.to_thread` would outlive the test by a moment.
    await asyncio.get_running_loop().shutdown_default_executor()
