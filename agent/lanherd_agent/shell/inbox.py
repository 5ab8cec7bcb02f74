"""What waits for the shell: requests, of which there may be only so many, and facts.

Facts are never refused: there can't be more of them than there are attempts, preparations, files
and timers, and of what was read of the machine only the newest counts.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from lanherd_agent.core.events import (
    AttemptExited,
    DiskRead,
    Event,
    Fact,
    ReadingsTaken,
    StopRequested,
)
from lanherd_agent.shell.turn import Turn
from lanherd_protocol.errors import ErrorCode, InternalError, LanherdError, error

REQUESTS_WAITING_MAX = 1024
BATCH_ENTRIES_MAX = 512
"""Entries that one transaction takes; bounds how long the first of them waits."""

Answer = TypeVar("Answer")
_LOG = logging.getLogger(__name__)


class Asked(Generic[Answer]):
    """A request: what it does in a turn, and who waits for it."""

    __slots__ = ("_apply", "_future", "_give", "event")

    def __init__(
        self,
        apply: Callable[[Turn], Answer],
        future: asyncio.Future[Answer],
        event: Event | None = None,
    ) -> None:
        self.event = event
        self._apply = apply
        self._future = future
        self._give: Callable[[], object] = future.cancel

    def apply(self, turn: Turn) -> None:
        """Do it, and keep the answer until it is committed. Raises what the core refuses."""
        answer = self._apply(turn)
        self._give = lambda: self._future.set_result(answer)

    def refuse(self, why: LanherdError) -> None:
        self._give = lambda: self._future.set_exception(why)

    def settle(self) -> None:
        """The turn is committed: give the answer, if somebody still waits for it."""
        if not self._future.done():
            self._give()

    def fail(self, why: LanherdError) -> None:
        """The turn is not committed."""
        if not self._future.done():
            self._future.set_exception(why)


Entry = Asked[Any] | Fact


def event_of(entry: Entry) -> Event | None:
    """What the core is told of it, if it is told anything."""
    return entry.event if isinstance(entry, Asked) else entry


def is_stop(entry: Entry) -> bool:
    return isinstance(entry, Asked) and isinstance(entry.event, StopRequested)


def are_urgent(entries: list[Entry]) -> bool:
    """Whether these may use the space held back for a full disk: what makes room there, a stop or
    an exit, and nothing that takes more of it, such as a submit."""
    return all(is_stop(entry) or not isinstance(entry, Asked) for entry in entries) and any(
        is_stop(entry) or isinstance(entry, AttemptExited) for entry in entries
    )


def run_entry(entry: Entry, turn: Turn) -> None:
    """Run the core for one entry. What it refuses, and what can't be, changes nothing."""
    try:
        if isinstance(entry, Asked):
            entry.apply(turn)
        else:
            turn.take(entry)
    except LanherdError as refused:
        if isinstance(refused, InternalError):
            _LOG.error("%s", refused)
        if isinstance(entry, Asked):
            entry.refuse(refused)


class Inbox:
    """One line of entries, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._requests = 0
        self._filled = asyncio.Event()
        self.read: Callable[[], Fact | None] = lambda: None
        """Reads, for each drain, what is told before all that it gives."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def has_stops(self) -> bool:
        return any(map(is_stop, self._entries))

    def ask(self, asked: Asked[Any]) -> None:
        """Raises OVERLOADED when too many requests wait already."""
        if self._requests >= REQUESTS_WAITING_MAX:
            raise error(
                ErrorCode.OVERLOADED,
                "The machine has more requests than it can take now.",
                f"{self._requests} are waiting for its disk.",
                "Try again in a moment.",
                waiting=self._requests,
            )
        self._requests += 1
        self._entries.append(asked)
        self._filled.set()

    def post(self, fact: Fact) -> None:
        self._entries.append(fact)
        self._filled.set()

    def put_back(self, entries: list[Entry]) -> None:
        """What comes again of a turn that was not committed, before all others."""
        self._entries[:0] = entries
        self._requests += sum(isinstance(entry, Asked) for entry in entries)
        if entries:
            self._filled.set()

    def drain(self) -> list[Entry]:
        """The next entries; of several readings of GPUs or disk only the newest."""
        fresh = self.read()
        entries = self._entries[:BATCH_ENTRIES_MAX]
        del self._entries[:BATCH_ENTRIES_MAX]
        if not self._entries:
            self._filled.clear()
        self._requests -= sum(isinstance(entry, Asked) for entry in entries)
        if fresh is not None:
            entries = [fresh, *(one for one in entries if not isinstance(one, type(fresh)))]
        return _without_stale(_without_stale(entries, ReadingsTaken), DiskRead)

    def fail_requests(self, why: LanherdError, *, but_stops: bool = False) -> None:
        """Answer the requests that wait with this failure; the facts stay."""
        stay: list[Entry] = []
        for entry in self._entries:
            if not isinstance(entry, Asked) or (but_stops and is_stop(entry)):
                stay.append(entry)
            else:
                entry.fail(why)
        self._entries = stay
        self._requests = sum(isinstance(entry, Asked) for entry in stay)
        if not self._entries:
            self._filled.clear()

    def clear(self) -> None:
        self._entries.clear()
        self._requests = 0
        self._filled.clear()

    def wake(self) -> None:
        """Let `wait_filled` return although there may be nothing."""
        self._filled.set()

    async def wait_filled(self) -> None:
        await self._filled.wait()


def shutting_down() -> LanherdError:
    return error(
        ErrorCode.SHUTTING_DOWN,
        "The agent of this machine is stopping.",
        "Its runs go on without it.",
        "Try again when it is back; the same request with the same id is safe to send again.",
        refusal="stopping",
    )


def _without_stale(entries: list[Entry], kind: type) -> list[Entry]:
    readings = [entry for entry in entries if isinstance(entry, kind)]
    if len(readings) < 2:
        return entries
    stale = {id(entry) for entry in readings[:-1]}
    return [entry for entry in entries if id(entry) not in stale]
