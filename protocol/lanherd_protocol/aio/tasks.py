"""The one place where tasks are made.

A task that nobody awaits can fail without anyone noticing, or be collected while it runs. Here each
has an owner that holds it, names it, tells of its failure at once, and ends it with itself.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)


class TaskOwner:
    """Tasks that live no longer than their owner. Unlike in a TaskGroup, one that fails leaves the
    others alone: the failure is logged, and raised by `wait` and `close`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
        """Start a task. Raises RuntimeError when the owner is closed."""
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"{self.name} is closed and starts no task {name!r}.")
        loop = asyncio.get_running_loop()
        task = loop.create_task(coroutine, name=f"{self.name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def cancel(self, sparing: Collection[asyncio.Task[Any]] = ()) -> None:
        """Ask every task but those spared to end, without waiting; nothing can be started any
        more."""
        self._closed = True
        for task in self._tasks:
            if task not in sparing:
                task.cancel()

    async def wait(self) -> None:
        """Until every task has ended; raises the first unexpected error as soon as there is one."""
        while self._tasks and self._failure is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        self._raise_failure()

    async def close(self) -> None:
        """Cancel every task and wait for its end; raises the first unexpected error."""
        self.cancel()
        # A task that closes its own owner can't wait for its own end.
        while others := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(others)
            # Their callbacks run after this wakes up, and take them out of the set.
            await asyncio.gather(*others, return_exceptions=True)
            self._tasks -= others
        self._raise_failure()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            _LOG.error("%s failed", task.get_name(), exc_info=problem)
            self._failure = self._failure or problem
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
