"""Tells those who follow an attempt when what they follow is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lanherd_agent.shell.shell import Shell
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended, RunView

IsOver = Callable[[RunView], bool]


class Endings:
    """An event per follower, set when the run's view says that it is over."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._followers: dict[RunId, set[tuple[IsOver, asyncio.Event]]] = {}
        shell.on_published(self._on_published)

    @asynccontextmanager
    async def following(self, run: RunId, is_over: IsOver) -> AsyncIterator[asyncio.Event]:
        """The event, already set when it is over. Raises NOT_FOUND.

        The run is looked at after the follower is known, so that its end falls into no gap.
        """
        over = asyncio.Event()
        entry = is_over, over
        self._followers.setdefault(run, set()).add(entry)
        try:
            if is_over(await self._shell.view(run)):
                over.set()
            yield over
        finally:
            followers = self._followers[run]
            followers.discard(entry)
            if not followers:
                del self._followers[run]

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        if not self._followers:
            return
        for view in views:
            for is_over, over in self._followers.get(view.run, ()):
                if is_over(view):
                    over.set()


def attempt_over(attempt: int) -> IsOver:
    """The attempt ended, or a later one has begun."""
    return lambda view: view.attempt > attempt or isinstance(view.state, Ended)
