"""The queue between a fleet and one observer.

Changes are keys. An observer that falls behind finds each key once, however often the thing behind
it changed, so that its queue is bounded by what exists; and when very many runs of one machine
change at once, one `RunsChanged` takes the place of their names.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType

from lanherd_client.changes import Change, RunChanged, RunsChanged
from lanherd_protocol.ids import DeviceId

NAMED_RUNS_MAX = 2000
"""Runs of one machine that wait by name for one observer before `RunsChanged` replaces them."""


class Changes:
    """One observer's queue of changes. Belongs to the fleet's event loop."""

    def __init__(self, initial: Iterable[Change] = ()) -> None:
        self._waiting: dict[Change, None] = dict.fromkeys(initial)
        self._named_runs: dict[DeviceId, int] = {}
        self._ready = asyncio.Event()
        self._closed = False
        if self._waiting:
            self._ready.set()

    def put(self, changes: Iterable[Change]) -> None:
        """Adds changes; those that wait already are not added twice. Called by the fleet."""
        if self._closed:
            return
        for change in changes:
            if isinstance(change, RunChanged):
                self._put_run(change)
            else:
                self._waiting[change] = None
        if self._waiting:
            self._ready.set()

    def _put_run(self, change: RunChanged) -> None:
        everything = RunsChanged(change.machine)
        if everything in self._waiting or change in self._waiting:
            return
        named = self._named_runs.get(change.machine, 0)
        if named < NAMED_RUNS_MAX:
            self._named_runs[change.machine] = named + 1
            self._waiting[change] = None
            return
        self._waiting = {
            other: None
            for other in self._waiting
            if not (isinstance(other, RunChanged) and other.machine == change.machine)
        }
        self._waiting[everything] = None

    def take(self) -> list[Change]:
        """What waits now, oldest first; nothing of it is told again."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._named_runs.clear()
        if not self._closed:
            self._ready.clear()
        return taken

    async def batch(self) -> list[Change]:
        """Waits for at least one change and takes all; an empty list once closed."""
        await self._ready.wait()
        return self.take()

    def close(self) -> None:
        """Ends the observation: `batch` and the iteration end."""
        self._closed = True
        self._ready.set()

    def __enter__(self) -> "Changes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        return self._closed

    async def __aiter__(self) -> AsyncIterator[Change]:
        while batch := await self.batch():
            for change in batch:
                yield change
