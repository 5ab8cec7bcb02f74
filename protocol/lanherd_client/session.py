"""One machine, kept connected.

    dial → snapshot → Online → feeds … lost → Unreachable → wait (backoff) → dial → …

Each connection begins with a snapshot, for the facts and for runs that changed meanwhile, and
resumes feed `runs` behind the last event that the mirror holds, so that nothing in between is
skipped; a gap is closed with another snapshot. A machine that refuses us is asked again rarely: at
once only when it is seen anew or a person asks.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

from msgspec import Struct

from lanherd_client.backoff import LONGEST_S, Backoff
from lanherd_client.mirror import (
    Connecting,
    FeedReached,
    Input,
    LinkMoved,
    LinkState,
    Mirror,
    Online,
    Refused,
    RestSeen,
    RunGone,
    RunSeen,
    SnapshotTaken,
    TelemetrySeen,
    Unreachable,
)
from lanherd_client.sending import sendable
from lanherd_protocol.aio.peer import FeedEvent, FeedGap, Peer
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.limits import CALLS_IN_FLIGHT_MAX, RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import Empty, GetRun, ListRuns, MachineSnapshot
from lanherd_protocol.methods import (
    FEED_RUNS,
    FEED_TELEMETRY,
    MACHINE_SNAPSHOT,
    RUNS_GET,
    RUNS_LIST,
    Method,
)
from lanherd_protocol.states import StateName
from lanherd_protocol.values import Telemetry

SNAPSHOT_TIMEOUT_S = 10.0
REFUSED_PAUSE_S = 60.0
STEADY_AFTER_S = 10.0
"""A connection that lasted this long starts the backoff anew."""

CALLS_AT_ONCE_MAX = CALLS_IN_FLIGHT_MAX // 2
"""Further questions wait here for their turn; the other half is for logs that are followed."""

LOST_CODES = frozenset({ErrorCode.CONNECTION_LOST, ErrorCode.SHUTTING_DOWN})
"""A question that failed so may have been heard or not."""
_REFUSED_CODES = frozenset(
    {
        ErrorCode.NOT_PAIRED,
        ErrorCode.NOT_ALLOWED,
        ErrorCode.WRONG_IDENTITY,
        ErrorCode.VERSION_MISMATCH,
    }
)
_UNENDED: tuple[StateName, ...] = ("queued", "preparing", "starting", "running", "stopping")

Dial = Callable[[], Awaitable[Peer]]
Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)
Answer = TypeVar("Answer")


class Session:
    """Connects to one machine for as long as `run` runs, and feeds the mirror through `take`.

    `clock` gives Unix seconds, `random` numbers from 0 up to 1.
    """

    def __init__(
        self,
        machine: DeviceId,
        name: str,
        dial: Dial,
        mirror: Mirror,
        take: Callable[[Input], None],
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.machine = machine
        self.name = name
        self._dial = dial
        self._mirror = mirror
        self._take = take
        self._clock = clock
        self._backoff = Backoff(random)
        self._peer: Peer | None = None
        self._link: LinkState = Connecting(clock())
        self._moved = asyncio.Event()
        self._wake = asyncio.Event()
        self._watchers: dict[RunId, set[asyncio.Event]] = {}
        self._odd_gpus: frozenset[str] = frozenset()
        self.turns = asyncio.Semaphore(CALLS_AT_ONCE_MAX)
        """Held during each call that ends by itself."""
        self.connections = 0
        """How often it was connected: another number later means a cut in between."""
        self.settled = asyncio.Event()
        """Set once the machine has answered or failed for the first time."""

    # --- for those who ask -------------------------------------------------------------------

    @property
    def link(self) -> LinkState:
        return self._link

    def wake(self) -> None:
        """Tries again at once instead of at the end of the pause."""
        self._wake.set()

    async def connected(self) -> Peer:
        """The connection, after the first try at most. Raises why there is none."""
        while self._peer is None and isinstance(self._link, Connecting):
            await self._moved.wait()
        match self._link:
            case Unreachable(failure=failure) | Refused(failure=failure):
                raise from_failure(failure)
            case _ if self._peer is None:
                raise self._lost_error()
            case _:
                return self._peer

    async def reconnected(self, lost: Peer | None = None) -> Peer:
        """The connection, for as long as it takes; another one than `lost`.

        Raises only when the machine refuses us.
        """
        while True:
            if self._peer is not None and self._peer is not lost:
                return self._peer
            if isinstance(self._link, Refused):
                raise from_failure(self._link.failure)
            await self._moved.wait()

    async def ask(
        self, method: Method[Request, Response], request: Request, timeout_s: float = 30.0
    ) -> Response:
        """One question. Raises when the machine isn't connected or the connection is lost."""
        async with self.turns:
            peer = await self.connected()
            with sendable():
                return await peer.call(method, request, timeout_s=timeout_s)

    async def insist(self, method: Method[Request, Response], request: Request) -> Response:
        """The same question after each cut, until it is answered: only for idempotent ones."""
        return await self._until_answered(lambda peer: peer.call(method, request))

    async def insist_in_stream(
        self, method: Method[Request, Response], request: Request, sent: bytes, answer_max: int
    ) -> bytes:
        """As `insist`, of a question whose content and answer are streams; the answer's bytes."""
        answered = await self._until_answered(
            lambda peer: peer.exchange(method, request, sent, answer_max)
        )
        return answered[0]

    async def _until_answered(self, ask: Callable[[Peer], Awaitable[Answer]]) -> Answer:
        lost: Peer | None = None
        while True:
            peer = await self.reconnected(lost)
            try:
                async with self.turns:
                    with sendable():
                        return await ask(peer)
            except LanherdError as problem:
                if problem.code not in LOST_CODES:
                    raise
                lost = peer

    @contextlib.contextmanager
    def watching(self, run: RunId) -> Iterator[asyncio.Event]:
        """An event that is set when the run changed, or when the machine refuses us."""
        news = asyncio.Event()
        self._watchers.setdefault(run, set()).add(news)
        try:
            yield news
        finally:
            watchers = self._watchers[run]
            watchers.discard(news)
            if not watchers:
                del self._watchers[run]

    def run_changed(self, run: RunId) -> None:
        """Tells those who watch the run. Called by the fleet."""
        for news in self._watchers.get(run, ()):
            news.set()

    def everything_changed(self) -> None:
        """Tells all who watch any run."""
        for watchers in self._watchers.values():
            for news in watchers:
                news.set()

    def forget(self) -> None:
        """The machine is no longer paired: those who wait for it are told."""
        failure = error(
            ErrorCode.NOT_FOUND,
            f"{self.name} was forgotten.",
            "Its pairing was dropped on this side.",
            "Pair it again with 'lanherd pair'.",
            machine=self.name,
        ).failure
        self._move(Refused(self._clock(), failure))
        self.everything_changed()

    # --- the connection ----------------------------------------------------------------------

    async def run(self) -> None:
        """Connects, serves and reconnects until cancelled."""
        while True:
            self._wake.clear()
            failure = await self._connect_and_serve()
            self._on_lost(failure)
            pause_s = REFUSED_PAUSE_S if isinstance(self._link, Refused) else self._backoff.next_s()
            await self._pause(pause_s)

    async def _connect_and_serve(self) -> Failure:
        try:
            peer = await self._dial()
        except LanherdError as problem:
            return problem.failure
        began = asyncio.get_running_loop().time()
        try:
            snapshot = await peer.call(MACHINE_SNAPSHOT, Empty(), timeout_s=SNAPSHOT_TIMEOUT_S)
            self._on_online(peer, snapshot)
            return await self._serve(peer, snapshot)
        except LanherdError as problem:
            return problem.failure
        finally:
            self._peer = None
            if asyncio.get_running_loop().time() - began >= STEADY_AFTER_S:
                self._backoff.reset()
            await peer.close()

    def _on_online(self, peer: Peer, snapshot: MachineSnapshot) -> None:
        hello = peer.remote_hello
        # Resuming behind what the mirror holds brings back ended runs that the snapshot left out,
        # unless the machine's log began anew.
        self._resume_from = min(self._mirror.seq(self.machine) or snapshot.seq, snapshot.seq)
        self._take(SnapshotTaken(self.machine, snapshot, first=True))
        self._peer = peer
        self.connections += 1
        self._move(
            Online(self._clock(), hello.role or "viewer", hello.version, peer.address, hello.user)
        )

    def _on_lost(self, failure: Failure) -> None:
        before = self._link
        refused = failure.code in _REFUSED_CODES
        if isinstance(before, Unreachable if not refused else Refused):
            if before.failure == failure:
                return
            since = before.since
        else:
            since = self._clock()
        self._move(Refused(since, failure) if refused else Unreachable(since, failure))
        if refused:
            self.everything_changed()

    def _move(self, link: LinkState) -> None:
        self._link = link
        self.settled.set()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._take(LinkMoved(self.machine, link))

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            pass  # The pause is over by itself: the usual case.

    async def _serve(self, peer: Peer, snapshot: MachineSnapshot) -> Failure:
        """Follows the feeds until the connection is lost; why it was."""
        async with TaskOwner(f"connection to {self.name}") as tasks:
            followers = [
                tasks.spawn(_failure_of(self._follow_runs(peer)), "runs"),
                tasks.spawn(_failure_of(self._follow_telemetry(peer)), "telemetry"),
                tasks.spawn(_failure_of(self._follow_connection(peer, snapshot)), "connection"),
            ]
            done, _ = await asyncio.wait(followers, return_when=asyncio.FIRST_COMPLETED)
            return _most_telling([follower.result() for follower in done])

    async def _follow_connection(self, peer: Peer, snapshot: MachineSnapshot) -> NoReturn:
        await self._ask_for_the_rest(peer, snapshot)
        failure = await peer.wait_closed()
        raise self._lost_error() if failure is None else from_failure(failure)

    async def _follow_runs(self, peer: Peer) -> NoReturn:
        async with peer.subscribe(FEED_RUNS, Empty(), since=self._resume_from) as feed:
            async for item in feed:
                match item:
                    case FeedEvent(seq=seq, body=body):
                        self._take(RunSeen(self.machine, body.view))
                        self._take(FeedReached(self.machine, seq))
                    case FeedGap():
                        await self._look_anew(peer)
        raise self._lost_error()

    async def _look_anew(self, peer: Peer) -> None:
        snapshot = await peer.call(MACHINE_SNAPSHOT, Empty(), timeout_s=SNAPSHOT_TIMEOUT_S)
        self._take(SnapshotTaken(self.machine, snapshot))
        await self._ask_for_the_rest(peer, snapshot)

    async def _ask_for_the_rest(self, peer: Peer, snapshot: MachineSnapshot) -> None:
        """Runs that a snapshot of bounded size left out."""
        request = ListRuns(states=_UNENDED, limit=RUN_LIST_PAGE_MAX)
        more = snapshot.runs_total > len(snapshot.runs)
        while more:
            page = await peer.call(RUNS_LIST, request)
            for view in page.runs:
                self._take(RunSeen(self.machine, view))
            more = page.more and bool(page.runs)
            if more:
                request = ListRuns(
                    states=_UNENDED, limit=RUN_LIST_PAGE_MAX, before=page.runs[-1].run
                )
        self._take(RestSeen(self.machine))
        for run in self._mirror.doubtful(self.machine):
            await self._settle_doubt(peer, run)

    async def _settle_doubt(self, peer: Peer, run: RunId) -> None:
        try:
            answer = await peer.call(RUNS_GET, GetRun(run=run))
        except LanherdError as problem:
            if problem.code is not ErrorCode.NOT_FOUND:
                raise
            self._take(RunGone(self.machine, run))
        else:
            self._take(RunSeen(self.machine, answer.view))

    async def _follow_telemetry(self, peer: Peer) -> NoReturn:
        async with peer.subscribe(FEED_TELEMETRY, Empty()) as feed:
            async for item in feed:
                # A gap in telemetry needs no care: the next sample is the latest.
                if isinstance(item, FeedEvent):
                    self._take(TelemetrySeen(self.machine, item.body))
                    await self._check_facts(peer, item.body)
        raise self._lost_error()

    async def _check_facts(self, peer: Peer, telemetry: Telemetry) -> None:
        """Asks again for the facts when other GPUs are read than are known: one was lost or came
        back, or the agent had not seen them yet when it was asked."""
        view = self._mirror.machine(self.machine)
        known = view.facts.gpus if view is not None and view.facts is not None else ()
        read = frozenset(reading.uuid for reading in telemetry.gpus)
        if read in (frozenset(gpu.uuid for gpu in known), self._odd_gpus):
            return
        self._odd_gpus = frozenset(read)
        await self._look_anew(peer)

    def _lost_error(self) -> LanherdError:
        return error(
            ErrorCode.CONNECTION_LOST,
            f"The connection to {self.name} was closed.",
            "The agent ended it without a reason.",
            f"It is tried again by itself, every {LONGEST_S:.0f} seconds at most.",
            machine=self.name,
        )


async def _failure_of(following: Coroutine[Any, Any, NoReturn]) -> Failure:
    """How the following ended. What isn't a failure of the connection is a bug, and raised."""
    try:
        await following
    except LanherdError as problem:
        return problem.failure


def _most_telling(failures: Sequence[Failure]) -> Failure:
    """What the agent said before what the socket said."""
    told = (f for f in failures if f.code is not ErrorCode.CONNECTION_LOST)
    return next(told, failures[0])
