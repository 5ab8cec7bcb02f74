"""Two ends of a connection joined in memory, for tests: with delay, drop and cut.

Nothing but the sockets is left out: connection, links, peer and dispatcher are the real ones. On a
loop with virtual time the heartbeat and every deadline can be tested in no time.
"""

import asyncio
from collections import Counter
from ssl import SSLError
from typing import Any

from lanherd_protocol.aio.link import Link
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.aio.server import Caller, Dispatcher, Serving
from lanherd_protocol.aio.tls import PlainLayer
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import KIB
from lanherd_protocol.messages import Hello

IN_FLIGHT_BYTES_HIGH = 256 * KIB

LOCAL_ADMIN = Caller(DeviceId("0" * 64), "admin", "tester", "tls")


class MemoryLink:
    """The cable. Its settings hold for bytes that are written after they are set."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.drop = False
        """Bytes vanish without a word, as behind a pulled plug."""
        self.ends: list[MemoryTransport] = []

    def cut(self) -> None:
        """Both ends see the loss at once."""
        for end in self.ends:
            end.lose(ConnectionResetError("the cable was cut"))


class MemoryTransport(asyncio.Transport):
    """One end of the cable."""

    def __init__(self, link: MemoryLink, protocol: Link) -> None:
        super().__init__()
        self._link = link
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._other: MemoryTransport | None = None
        self._arrives_at = 0.0
        self._in_flight_bytes = 0
        self._paused = False
        self._closing = False
        self._eof_written = False
        link.ends.append(self)

    def connect(self, other: "MemoryTransport") -> None:
        self._other = other

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._link.drop:
            return
        self._in_flight_bytes += len(data)
        if not self._paused and self._in_flight_bytes > IN_FLIGHT_BYTES_HIGH:
            self._paused = True
            self._protocol.pause_writing()
        self._send_later(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._eof_written:
            self._eof_written = True
            self._send_later(None)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.write_eof()
        self.lose(None)

    def abort(self) -> None:
        self.write_eof()
        self.lose(None)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The cable has its own, so that tests meet them."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def lose(self, problem: Exception | None) -> None:
        """This end is gone."""
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, problem)

    def _send_later(self, data: bytes | None) -> None:
        # In order, also when the delay shrinks meanwhile.
        self._arrives_at = max(self._arrives_at, self._loop.time() + self._link.delay_s)
        self._loop.call_at(self._arrives_at, self._arrive, data)

    def _arrive(self, data: bytes | None) -> None:
        if data is not None:
            self._in_flight_bytes -= len(data)
            if self._paused and self._in_flight_bytes <= IN_FLIGHT_BYTES_HIGH // 2:
                self._paused = False
                self._protocol.resume_writing()
        if self._other is not None and not self._link.drop:
            self._other.take(data)

    def take(self, data: bytes | None) -> None:
        if self._closing:
            return
        if data is not None:
            self._protocol.data_received(data)
        elif not self._protocol.eof_received():
            self.close()


class _Watcher:
    """What a listener would be told."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()

    def on_hello(self, serving: Serving, hello: Hello) -> None:
        self.counters["hello"] += 1

    def on_refused(
        self, serving: Serving, problem: LanherdError | SSLError | OSError | None
    ) -> None:
        self.counters["refused"] += 1

    def on_unknown_frame(self, serving: Serving) -> None:
        self.counters["unknown_frames"] += 1

    def on_closed(self, serving: Serving, failure: Failure | None, by_remote: bool) -> None:
        self.counters["closed"] += 1


class MemoryPair:
    """A peer, the serving side that it is joined to, and the cable between."""

    def __init__(self, peer: Peer, serving: Serving, link: MemoryLink, caller: Caller) -> None:
        self.peer = peer
        self.serving = serving
        self.link = link
        self.caller = caller

    async def close(self) -> None:
        """Close both ends and wait for what they still do."""
        self.link.drop = False
        await self.peer.close()
        await self.serving.link.wait_gone()
        await self.serving.tasks.close()


async def memory_pair(
    dispatcher: Dispatcher, hello: Hello | None = None, caller: Caller | None = None
) -> MemoryPair:
    """A peer that talks to `dispatcher` as `caller` (an admin over TLS, unless told otherwise)."""
    known = caller or LOCAL_ADMIN
    serving = Serving(dispatcher, local_hello("agent"), PlainLayer(), lambda: known, _Watcher())
    peer = Peer(hello or local_hello("controller"), PlainLayer(), "memory")
    link = MemoryLink()
    near = MemoryTransport(link, peer.link)
    far = MemoryTransport(link, serving.link)
    near.connect(far)
    far.connect(near)
    serving.link.connection_made(far)
    peer.link.connection_made(near)
    await peer.wait_ready()
    return MemoryPair(peer, serving, link, known)
