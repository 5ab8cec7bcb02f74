"""A session as the way of a push to its machine."""

import asyncio
from collections.abc import AsyncIterable
from typing import TypeVar

from msgspec import Struct

from lanherd_client.session import Session
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.methods import Method

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)


class SessionLine:
    """The first connection fails where there is none; later ones are waited for, at most
    `patience_s` each, or for as long as it takes."""

    def __init__(self, session: Session, patience_s: float | None = None) -> None:
        self._session = session
        self._patience_s = patience_s
        self._peer: Peer | None = None

    @property
    def machine(self) -> str:
        return self._session.machine

    async def caller(self, lost: LanherdError | None) -> "SessionCaller":
        if lost is None:
            self._peer = await self._session.connected()
        else:
            try:
                async with asyncio.timeout(self._patience_s):
                    self._peer = await self._session.reconnected(self._peer)
            except TimeoutError:
                raise lost from None
        return SessionCaller(self._session, self._peer)


class SessionCaller:
    """A connection as the push needs it: each call waits for its turn."""

    def __init__(self, session: Session, peer: Peer) -> None:
        self._session = session
        self._peer = peer

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response:
        async with self._session.turns:
            return await self._peer.call(method, request, upload=upload)
