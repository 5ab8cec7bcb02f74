"""Joins a connection, a layer and an asyncio transport.

Everything that is to be sent within one turn of the loop goes out in one write. While the transport
is full nothing is taken from the connection, whose own bounds then hold back streams and events.
"""

import asyncio
import logging
import socket
import ssl
from typing import Protocol, cast

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.aio.tls import Layer, explain
from lanherd_protocol.codec import append_frame
from lanherd_protocol.connection import Connection, lost
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.limits import HELLO_TIMEOUT_S, LINGER_S, OUTGOING_BULK_BYTES_MAX

_BUFFER_HIGH_BYTES = OUTGOING_BULK_BYTES_MAX
_BUFFER_LOW_BYTES = _BUFFER_HIGH_BYTES // 4

_LOG = logging.getLogger(__name__)


class LinkOwner(Protocol):
    """What a link tells whoever it works for."""

    def open_connection(self, now: float) -> Connection:
        """The layer is ready: look at who it is. A LanherdError refuses them."""

    def on_event(self, event: e.ConnectionEvent) -> None:
        """Something came in; Closed comes once, as the last."""

    def on_room(self) -> None:
        """Bytes have left the connection: more of a stream or a feed may be sent."""

    def on_never_open(self, problem: LanherdError | ssl.SSLError | OSError | None) -> None:
        """It ended before there was a connection: refused, by either side, or gone."""


class Link(asyncio.Protocol):
    """One socket's life, from its first byte to its last."""

    def __init__(self, layer: Layer, owner: LinkOwner, *, tells_refusal: bool) -> None:
        self.layer = layer
        self.connection: Connection | None = None
        self._owner = owner
        self._tells_refusal = tells_refusal
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._made_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._flush_scheduled = False
        self._paused = False
        self._ending = False
        self.heard = False
        """Whether the other side has sent anything at all."""
        self._muted = False
        self._refused = False
        self._told = False

    # --- for the owner --------------------------------------------------------------------------

    def schedule_flush(self) -> None:
        """Something is to be sent: at the end of this turn of the loop."""
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def close(self, failure: Failure | None = None) -> None:
        """Say goodbye and let it be read before the socket is closed."""
        if self.connection is None:
            self.abort()
            return
        self.connection.close(failure)
        self._handle(self.connection.tick(self._loop.time()))

    def abort(self) -> None:
        """Drop the socket at once."""
        if self._transport is not None:
            self._transport.abort()

    def refuse(self) -> None:
        """Drop the socket now, or as soon as there is one, without a word."""
        self._refused = True
        self.abort()

    async def wait_gone(self) -> None:
        """Until the socket is closed."""
        await asyncio.shield(self._gone)

    def socket(self) -> socket.socket | None:
        """The socket beneath, where there is one."""
        if self._transport is None:
            return None
        found: socket.socket | None = self._transport.get_extra_info("socket")
        return found

    def peer_name(self) -> object:
        """The other side's address, as the socket tells it."""
        return self._transport and self._transport.get_extra_info("peername")

    # --- what asyncio calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_BUFFER_HIGH_BYTES, _BUFFER_LOW_BYTES)
        if self._refused:
            self._transport.abort()
            return
        self._made_at = self._loop.time()
        self._timer = self._loop.call_later(HELLO_TIMEOUT_S, self._on_slow_handshake)
        self.layer.start()
        self._write(self.layer.take_outgoing())
        if self.layer.ready:
            self._open()

    def data_received(self, data: bytes) -> None:
        self.heard = True
        if self._ending:
            return
        try:
            for plain in self.layer.receive(data):
                if self.connection is None:
                    self._open()
                if self.connection is None or self._ending:
                    return
                self._handle(self.connection.receive(plain, self._loop.time()))
        except ssl.SSLError as problem:
            self._on_layer_failed(problem)
        else:
            self._write(self.layer.take_outgoing())

    def eof_received(self) -> bool:
        self._lose("The other side closed it.")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"{exc}." if exc is not None else "The socket was closed.")
        if not self._told and self.connection is None:
            self._tell_never_open(exc if isinstance(exc, OSError) else None)
        if self._timer is not None:
            self._timer.cancel()
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.schedule_flush()

    # --- inside ---------------------------------------------------------------------------------

    def _open(self) -> None:
        self._write(self.layer.take_outgoing())
        try:
            self.connection = self._owner.open_connection(self._made_at)
        except LanherdError as problem:
            self._tell_never_open(problem)
            if self._tells_refusal:
                goodbye = bytearray()
                append_frame(goodbye, m.Goodbye(problem.failure))
                self._write(self.layer.seal(goodbye))
                self._end()
            else:
                self.abort()
            return
        self._arm()
        self.schedule_flush()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self.connection is not None and not self._ending:
            deadline = self.connection.next_deadline()
            if deadline is not None:
                self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        if self.connection is not None and not self._ending:
            self._handle(self.connection.tick(self._loop.time()))
            self._arm()

    def _on_slow_handshake(self) -> None:
        self._tell_never_open(TimeoutError("the handshake took too long"))
        self.abort()

    def _on_layer_failed(self, problem: ssl.SSLError) -> None:
        _LOG.debug("TLS failed: %s", problem)
        self._write(self.layer.take_outgoing())
        if self.connection is None:
            self._tell_never_open(problem)
        else:
            failure = lost(f"TLS failed: {problem.reason or problem}.")
            if self.connection.state == "opening":
                # A client whose certificate is refused hears of it only now (RFC 8446, 4.4).
                failure = explain(problem).failure
            self._handle(self.connection.lose(failure))
        self._end()

    def _handle(self, events: list[e.ConnectionEvent]) -> None:
        for event in events:
            self._owner.on_event(event)
        if self.connection is not None and self.connection.is_closed:
            self._flush()
            self._end()
        elif self.connection is not None and self.connection.pending_bytes:
            self.schedule_flush()

    def _lose(self, message: str) -> None:
        if self.connection is not None and not self._ending:
            self._handle(self.connection.lose(lost(message)))

    def _tell_never_open(self, problem: LanherdError | ssl.SSLError | OSError | None) -> None:
        if not self._told:
            self._told = True
            self._owner.on_never_open(problem)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self.connection is None or self._ending:
            return
        if self.connection.pending_bytes and (not self._paused or self.connection.is_closed):
            try:
                self._write(self.layer.seal(self.connection.data_to_send()))
            except ssl.SSLError as problem:
                self._on_layer_failed(problem)
                return
            if not self.connection.is_closed:
                self._owner.on_room()

    def _write(self, data: bytes | bytearray) -> None:
        transport = self._transport
        if data and transport is not None and not self._muted and not transport.is_closing():
            transport.write(data)

    def _end(self) -> None:
        """Nothing more is said; what was said gets a moment to be read.

        Closing at once with bytes unread would make the kernel answer them with a reset, and the
        other side might never see why it was sent away.
        """
        if self._ending:
            return
        self._ending = True
        if self._timer is not None:
            self._timer.cancel()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._muted = True
        try:
            if transport.can_write_eof():
                transport.write_eof()
        except OSError:
            transport.abort()  # the goodbye was answered by a reset: nobody is there any more
            return
        self._timer = self._loop.call_later(LINGER_S, transport.abort)
