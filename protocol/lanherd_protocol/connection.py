"""One connection without its I/O: bytes in → events, commands in → bytes.

How it works. The owner gives `receive` what came from the socket and acts on the events that it
returns; it calls command methods and then writes what `data_to_send` gives; it calls `tick` when
`next_deadline` has come. There is no clock in here: `now` is any steady count of seconds.

The client numbers calls and subscriptions, upwards. An id is open from its Call or Subscribe until
its Reply, Failed or FeedEnded. The server may hear of an id that it has just closed, since the
client's words cross its own; the client never may. Whatever else does not fit is a misuse: the
other side gets a Goodbye that says so, and the connection is closed.

This file holds what both sides share: hello, heartbeat, streams, closing. `client_side` and
`server_side` add the calls and the feeds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from msgspec import structs

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.codec import UnknownFrame, append_frame, decode_frame
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure
from lanherd_protocol.framing import FrameReader, Piece, put_bulk
from lanherd_protocol.handshake import Side, negotiate
from lanherd_protocol.limits import (
    BULK_CHUNK_BYTES_MAX,
    DEAD_AFTER_S,
    FAILURE_TEXT_CHARS_MAX,
    HEARTBEAT_S,
    HELLO_TIMEOUT_S,
    OUTGOING_BULK_BYTES_MAX,
    OUTGOING_BYTES_HARD_MAX,
    OUTGOING_BYTES_MAX,
)
from lanherd_protocol.streams import ReceiveWindow, SendWindow

State = Literal["opening", "open", "closed"]
Handlers = dict[type, Callable[[Any, Any], None]]


def misuse(message: str) -> LanherdError:
    """What to raise when the other side does what it may not."""
    return error(ErrorCode.PROTOCOL_ERROR, "The other side broke the protocol.", message)


def bug(message: str) -> LanherdError:
    """What to raise when this side is used in a way that makes no sense."""
    return error(
        ErrorCode.INTERNAL,
        "Lanherd used a connection wrongly.",
        message,
        "Please report this.",
    )


def clip(failure: Failure) -> Failure:
    """The failure with texts that surely fit a frame."""
    if len(failure.message) <= FAILURE_TEXT_CHARS_MAX:
        return failure
    return structs.replace(failure, message=f"{failure.message[:FAILURE_TEXT_CHARS_MAX]}…")


class Stream:
    """Both directions of one call's bytes."""

    __slots__ = ("cancelled", "receive", "receive_ended", "send", "send_ended", "sent")

    def __init__(self, send: SendWindow, receive: ReceiveWindow) -> None:
        self.send = send
        self.receive = receive
        self.sent = False
        self.send_ended = False
        self.receive_ended = False
        self.cancelled = False


class Connection(ABC):
    """What the client's and the server's side share."""

    side: ClassVar[Side]
    _HANDLERS: ClassVar[Handlers]

    def __init__(self, hello: m.Hello, now: float) -> None:
        """Begins with `hello` in `data_to_send`."""
        self.hello = hello
        self.remote_hello: m.Hello | None = None
        self.state: State = "opening"
        self.failure: Failure | None = None
        """Why the connection is closed, None where it was a plain goodbye."""
        self._opened_at = self._heard_at = self._pinged_at = now
        self._ping_nonce = 0
        self._reader = FrameReader()
        self._out = bytearray()
        self._events: list[e.ConnectionEvent] = []
        self._streams: dict[int, Stream] = {}
        self._send(hello)

    # --- what the owner calls -------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether the goodbye was said, heard or made needless."""
        return self.state == "closed"

    @property
    def pending_bytes(self) -> int:
        """Bytes that `data_to_send` would give."""
        return len(self._out)

    @property
    def takes_events(self) -> bool:
        """Whether there is room for events; when not, they wait or are dropped with a gap."""
        return len(self._out) < OUTGOING_BYTES_MAX

    def data_to_send(self) -> bytearray:
        """Everything that is to be written to the socket now; it is the caller's from then on."""
        out = self._out
        self._out = bytearray()
        return out

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> list[e.ConnectionEvent]:
        """Take bytes from the socket. Never raises for what the other side sends."""
        if self.is_closed:
            return []
        self._heard_at = now
        self._reader.feed(data)
        try:
            self._read_pieces()
        except LanherdError as problem:
            self.close(problem.failure)
        if len(self._out) > OUTGOING_BYTES_HARD_MAX:
            self._out.clear()
            self.close(_OVERLOADED)
        return self._take_events()

    def lose(self, failure: Failure) -> list[e.ConnectionEvent]:
        """The socket is gone or useless, and why (`lost` says it for the plain case)."""
        self._end(failure, by_remote=True)
        return self._take_events()

    def close(self, failure: Failure | None = None) -> None:
        """Say goodbye and take nothing more; its Closed comes with the next events."""
        if not self.is_closed:
            said = failure and clip(failure)
            append_frame(self._out, m.Goodbye(said))
            self._end(failure, by_remote=False)

    def tick(self, now: float) -> list[e.ConnectionEvent]:
        """Let time go by: a quiet peer is asked for a sign of life, a dead one is given up."""
        if self.state == "opening" and now - self._opened_at >= HELLO_TIMEOUT_S:
            self.close(_NO_HELLO)
        elif self.state == "open" and now - self._heard_at >= DEAD_AFTER_S:
            self._end(lost(f"It gave no sign of life for {DEAD_AFTER_S:.0f} s."), by_remote=True)
        elif self.state == "open" and now >= self._next_ping_at():
            self._pinged_at = now
            self._ping_nonce += 1
            self._send(m.Ping(self._ping_nonce))
        return self._take_events()

    def next_deadline(self) -> float | None:
        """When `tick` is to be called, at the latest; None once closed. It may move later."""
        if self.is_closed:
            return None
        if self.state == "opening":
            return self._opened_at + HELLO_TIMEOUT_S
        return min(self._heard_at + DEAD_AFTER_S, self._next_ping_at())

    def sendable(self, call_id: int) -> int:
        """How many bytes `send_bulk` takes now for this call; 0 also when the call is over."""
        stream = self._streams.get(call_id)
        if stream is None or stream.send_ended or self.is_closed:
            return 0
        room = max(0, OUTGOING_BULK_BYTES_MAX - len(self._out))
        return min(stream.send.available, room, BULK_CHUNK_BYTES_MAX)

    def send_bulk(self, call_id: int, data: bytes | bytearray | memoryview) -> None:
        """Send bytes of a call's stream, at most `sendable` of them (else INTERNAL is raised)."""
        if not 0 < len(data) <= self.sendable(call_id):
            raise bug(f"{len(data)} bytes for call {call_id}, which takes none or fewer.")
        stream = self._streams[call_id]
        stream.send.take(len(data))
        stream.sent = True
        put_bulk(self._out, call_id, data)

    def end_bulk(self, call_id: int) -> None:
        """No more bytes of this call's stream follow; nothing happens when the call is over."""
        stream = self._streams.get(call_id)
        if stream is not None and not stream.send_ended:
            stream.send_ended = True
            self._send(m.End(call_id))

    def consumed(self, call_id: int, count: int) -> None:
        """Bytes of a BulkReceived were read: lets the sender send as many more, in time."""
        stream = self._streams.get(call_id)
        if stream is None:
            return
        credit = stream.receive.consume(count)
        if credit and not stream.receive_ended and not stream.cancelled:
            self._send(m.Credit(call_id, credit))

    # --- for the two sides ----------------------------------------------------------------------

    def _send(self, frame: m.Frame) -> None:
        if not self.is_closed:
            append_frame(self._out, frame)

    def _emit(self, event: e.ConnectionEvent) -> None:
        self._events.append(event)

    def _require_open(self) -> None:
        if self.state == "opening":
            raise bug("Something was to be sent before the hellos were exchanged.")
        if self.is_closed:
            raise from_failure(self.failure or CLOSED)

    @abstractmethod
    def _on_stray(self, call_id: int) -> None:
        """A frame for an id that isn't open."""

    def _on_unknown(self, frame: UnknownFrame) -> None:
        self._emit(e.UnknownFrameReceived(frame.tag))

    # --- what comes in --------------------------------------------------------------------------

    def _take_events(self) -> list[e.ConnectionEvent]:
        events = self._events
        self._events = []
        return events

    def _end(self, failure: Failure | None, *, by_remote: bool) -> None:
        if not self.is_closed:
            self.state = "closed"
            self.failure = failure
            self._streams.clear()
            self._emit(e.Closed(failure, by_remote))

    def _next_ping_at(self) -> float:
        return max(self._heard_at, self._pinged_at) + HEARTBEAT_S

    def _read_pieces(self) -> None:
        while not self.is_closed and (piece := self._reader.next_piece()) is not None:
            self._on_piece(piece)

    def _on_piece(self, piece: Piece) -> None:
        if piece.bulk_id is not None:
            self._on_bulk(piece.bulk_id, piece.payload)
            return
        frame = decode_frame(piece.payload)
        if self.state == "opening" and not isinstance(frame, m.Hello | m.Goodbye):
            raise misuse("Its first message wasn't a hello.")
        if isinstance(frame, UnknownFrame):
            self._on_unknown(frame)
            return
        handler = self._HANDLERS.get(type(frame))
        if handler is None:
            raise misuse(f"It sent a {type(frame).__name__}, which its side never sends.")
        handler(self, frame)

    def _on_hello(self, hello: m.Hello) -> None:
        if self.state == "open":
            raise misuse("It said hello twice.")
        protocol = negotiate(self.side, self.hello, hello)
        self.state = "open"
        self.remote_hello = hello
        self._reader.open()
        self._emit(e.HelloReceived(hello, protocol))

    def _on_ping(self, ping: m.Ping) -> None:
        self._send(m.Pong(ping.nonce))

    def _on_pong(self, pong: m.Pong) -> None:
        if not 0 < pong.nonce <= self._ping_nonce:
            raise misuse("It answered a ping that was never sent.")

    def _on_goodbye(self, goodbye: m.Goodbye) -> None:
        self._end(goodbye.failure, by_remote=True)

    def _on_bulk(self, call_id: int, data: bytes) -> None:
        stream = self._streams.get(call_id)
        if stream is None:
            self._on_stray(call_id)
            return
        if stream.receive_ended:
            raise misuse(f"It sent bytes of call {call_id} after their end.")
        stream.receive.receive(len(data))
        if not stream.cancelled:
            self._emit(e.BulkReceived(call_id, data))

    def _on_end(self, end: m.End) -> None:
        stream = self._streams.get(end.id)
        if stream is None:
            self._on_stray(end.id)
            return
        if stream.receive_ended:
            raise misuse(f"It ended the bytes of call {end.id} twice.")
        stream.receive_ended = True
        if not stream.cancelled:
            self._emit(e.BulkEnded(end.id))

    def _on_credit(self, credit: m.Credit) -> None:
        stream = self._streams.get(credit.id)
        if stream is None:
            self._on_stray(credit.id)
            return
        stream.send.grant(credit.count)
        if not stream.send_ended and not stream.cancelled:
            self._emit(e.CreditReceived(credit.id))


SHARED_HANDLERS: Handlers = {
    m.Hello: Connection._on_hello,
    m.Ping: Connection._on_ping,
    m.Pong: Connection._on_pong,
    m.End: Connection._on_end,
    m.Credit: Connection._on_credit,
    m.Goodbye: Connection._on_goodbye,
}


def lost(message: str) -> Failure:
    """The failure of a connection that is gone, for the reason in `message`."""
    return Failure(
        code=ErrorCode.CONNECTION_LOST,
        title="The connection was lost.",
        message=message,
        remedy="Lanherd connects again by itself when the machine can be reached.",
    )


CLOSED = Failure(code=ErrorCode.CONNECTION_LOST, title="The connection is closed.")
_NO_HELLO = Failure(
    code=ErrorCode.TIMED_OUT,
    title="The other side didn't say who it is.",
    message=f"No hello came in {HELLO_TIMEOUT_S:.0f} s.",
    remedy="Check that it is a Lanherd agent that listens there.",
)
_OVERLOADED = Failure(
    code=ErrorCode.OVERLOADED,
    title="The other side asks faster than it reads the answers.",
    message=f"{OUTGOING_BYTES_HARD_MAX} bytes were waiting for it.",
    remedy="Connect again and ask for less at once.",
)
