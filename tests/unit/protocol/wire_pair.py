"""A client and a server whose bytes are carried by hand."""

import msgpack
from msgspec import Raw

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.client_side import ClientConnection
from lanherd_protocol.codec import append_frame
from lanherd_protocol.connection import Connection
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.framing import put_bulk
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.server_side import ServerConnection

NIL = Raw(b"\xc0")
BODY = Raw(msgpack.packb({"run": "x"}))
WHY = Failure(code=ErrorCode.NOT_FOUND, title="It isn't there.")


def framed(*frames):
    out = bytearray()
    for frame in frames:
        append_frame(out, frame)
    return bytes(out)


def bulk(call_id, data):
    out = bytearray()
    put_bulk(out, call_id, data)
    return bytes(out)


class Pair:
    """A client and a server whose bytes are carried by hand."""

    def __init__(self, *, greeted=True):
        self.client = ClientConnection(local_hello("controller"), 0)
        self.server = ServerConnection(local_hello("agent"), 0)
        if greeted:
            self.carry()

    def to_server(self, now=0):
        return self.server.receive(self.client.data_to_send(), now)

    def to_client(self, now=0):
        return self.client.receive(self.server.data_to_send(), now)

    def carry(self):
        return self.to_server(), self.to_client()

    def opened_call(self, credit=0):
        call_id = self.client.call("runs.get", BODY, credit)
        self.to_server()
        return call_id

    def opened_feed(self):
        feed_id = self.client.subscribe("runs", -1, NIL)
        self.to_server()
        return feed_id


def assert_refused(connection: Connection, events, words=""):
    """It is closed with a PROTOCOL_ERROR, and the other side is told why."""
    closed = events[-1]
    assert isinstance(closed, e.Closed)
    assert not closed.by_remote
    assert closed.failure.code is ErrorCode.PROTOCOL_ERROR
    assert words in closed.failure.message
    assert connection.is_closed
    assert connection.failure == closed.failure
    assert b"goodbye" in connection.data_to_send()
    assert connection.receive(framed(m.Ping(1)), 0) == []
    assert connection.next_deadline() is None
