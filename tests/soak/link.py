"""The soak's controller: paired once, connected over TLS again and again, and never at a loss.

Whatever it asks, it asks again with the same ids until it has an answer, as every client may.
"""

import asyncio
from typing import TypeVar

from msgspec import Struct

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_tls, connect_unix
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.handshake import local_hello
from tests.soak.machine import Machine

HERE = "127.0.0.1"
AGAIN_S = 0.05
AGAIN = {
    ErrorCode.CANCELLED,
    ErrorCode.CONNECTION_LOST,
    ErrorCode.OVERLOADED,
    ErrorCode.SHUTTING_DOWN,
    ErrorCode.TIMED_OUT,
    ErrorCode.UNREACHABLE,
}
Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)


async def passed(seconds: float) -> None:
    """This time, for whatever else is to happen meanwhile: moments are what a soak varies."""
    never = asyncio.Event()
    try:
        async with asyncio.timeout(seconds):
            await never.wait()
    except TimeoutError:
        return


class Link:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._identity: Identity = load_or_create_identity(machine.folder / "controller")
        self._paired: m.Paired | None = None
        self._peer: Peer | None = None
        self._up = asyncio.Event()
        self._connecting = asyncio.Lock()

    async def connect(self) -> None:
        """To the agent that serves now. It may die meanwhile: then there is no connection."""
        async with self._connecting:
            if self._peer is not None and not self._peer.closed:
                return
            try:
                if self._paired is None:
                    self._paired = await self._pair()
                self._peer = await connect_tls(
                    [HERE],
                    self._machine.port,
                    self._identity,
                    self._paired.certificate_pem,
                    self._paired.machine,
                    local_hello("soak"),
                )
            except LanherdError as problem:
                if problem.code not in AGAIN:
                    raise
                return
        self._up.set()

    async def _pair(self) -> m.Paired:
        peer = await connect_unix(self._machine.home / "agent.sock", local_hello("soak"))
        try:
            request = m.PairDevice(certificate_pem=self._identity.certificate_pem, name="soak")
            return await peer.call(methods.PAIRING_PAIR, request)
        finally:
            await peer.close()

    async def disconnect(self) -> None:
        self._up.clear()
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.link.abort()  # the other side is dead, or ends now
            await peer.wait_closed()

    async def peer(self) -> Peer:
        """The connection, as soon as there is one."""
        while self._peer is None or self._peer.closed:
            if self._peer is not None:
                await passed(AGAIN_S)  # lost, and not yet known to the one who kills
                if self._up.is_set() and not self._machine.dead:
                    await self.connect()
            await self._up.wait()
        return self._peer

    async def once(
        self, method: methods.Method[Request, Response], request: Request
    ) -> Response | None:
        """None if there is no connection, or it was lost."""
        if self._peer is None:
            return None
        try:
            return await self._peer.call(method, request)
        except LanherdError as problem:
            if problem.code not in AGAIN:
                raise
            return None

    async def call(self, method: methods.Method[Request, Response], request: Request) -> Response:
        """Raises only what sending again doesn't mend."""
        while True:
            peer = await self.peer()
            try:
                return await peer.call(method, request)
            except LanherdError as problem:
                if problem.code not in AGAIN:
                    raise
            await passed(AGAIN_S)
