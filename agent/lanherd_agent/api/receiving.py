"""Uploads that outlive their connection, and questions that wait for what they bring.

What has arrived of an upload before its cable was cut is still taken in. A push that goes on over
the next connection begins by asking what is missing; were that answered before, the same bytes
would be sent for the second time.
"""

import contextlib
from collections.abc import Iterator

from lanherd_protocol.aio.queues import Wakeups
from lanherd_protocol.aio.server import IncomingCall


class Receiving:
    """The uploads that are being taken in, by user."""

    def __init__(self) -> None:
        self._calls: dict[str, set[IncomingCall]] = {}
        self._ended = Wakeups()

    @contextlib.contextmanager
    def taking(self, call: IncomingCall) -> Iterator[None]:
        """The upload of this call is read within."""
        calls = self._calls.setdefault(call.caller.user, set())
        calls.add(call)
        try:
            yield
        finally:
            calls.discard(call)
            if not calls:
                self._calls.pop(call.caller.user, None)
            self._ended.wake()

    async def settled(self, user: str) -> None:
        """Until all that came from the user before a cut has been taken in: it is there already,
        so that takes no longer than its writing."""
        while any(call.is_cut for call in self._calls.get(user, ())):
            await self._ended.wait()
