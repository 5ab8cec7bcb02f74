"""Both sides at random: garbage, and legal commands in any order, whole and in splinters."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lanherd_protocol import events as e
from tests.unit.protocol.wire_pair import NIL, WHY, Pair

# --- at random -----------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=1, max_size=64), max_size=20), st.booleans())
def test_garbage_never_raises(chunks, greeted):
    for connection in (Pair(greeted=greeted).client, Pair(greeted=greeted).server):
        for chunk in chunks:
            connection.receive(chunk, 0)
        if connection.is_closed:
            assert connection.failure is not None


COMMANDS = [
    "call",
    "cancel",
    "upload",
    "end",
    "subscribe",
    "leave",
    "accept",
    "download",
    "reply",
    "fail",
    "event",
    "gap",
    "end_feed",
    "carry-up",
    "carry-down",
]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(COMMANDS),
        st.integers(0, 99),
        st.integers(1, 50),
    ),
    max_size=80,
)


class Traffic:
    """Legal commands in any order, with what must then come out at the other end."""

    def __init__(self, split):
        self.pair = Pair()
        self.split = split
        self.calls, self.feeds, self.open_calls, self.open_feeds = [], [], [], []
        self.sent, self.got = {}, {}
        self.seq = 0

    def pick(self, ids, number):
        return ids[number % len(ids)] if ids else None

    def do(self, step, number, size):
        client, server = self.pair.client, self.pair.server
        match step:
            case "call":
                self.calls.append(client.call("x", NIL, 100))
            case "subscribe":
                self.feeds.append(client.subscribe("x", -1, NIL))
            case "carry-up":
                self.carry(client, server, size)
            case "carry-down":
                self.carry(server, client, size)
            case "event" | "gap" | "end_feed" | "leave":
                self.on_feed(step, number)
            case _:
                self.on_call(step, number, size)

    def on_feed(self, step, number):
        if step == "leave":
            if (left := self.pick(self.feeds, number)) is not None:
                self.pair.client.unsubscribe(left)
            return
        if (feed_id := self.pick(self.open_feeds, number)) is None:
            return
        self.seq += 1
        if step == "event":
            self.pair.server.send_event(feed_id, self.seq, NIL)
        elif step == "gap":
            self.pair.server.send_gap(feed_id, self.seq, self.seq)
        else:
            self.pair.server.end_feed(feed_id)
            self.open_feeds.remove(feed_id)

    def on_call(self, step, number, size):
        server_call = self.pick(self.open_calls, number)
        client_call = self.pick(self.calls, number)
        if step in ("cancel", "upload", "end"):
            if client_call is not None:
                self.as_client(step, client_call, size)
        elif server_call is not None:
            self.as_server(step, server_call, size)

    def as_client(self, step, call_id, size):
        client = self.pair.client
        if step == "cancel":
            client.cancel(call_id)
        elif step == "end":
            client.end_bulk(call_id)
        else:
            self.send(client, call_id, size)

    def as_server(self, step, call_id, size):
        server = self.pair.server
        if step == "accept" and ("accepted", call_id) not in self.sent:
            self.sent["accepted", call_id] = b""
            server.accept_upload(call_id, 100)
        elif step == "download":
            self.send(server, call_id, size)
        elif step in ("reply", "fail"):
            server.reply(call_id, NIL) if step == "reply" else server.fail(call_id, WHY)
            self.open_calls.remove(call_id)

    def send(self, side, call_id, size):
        count = min(side.sendable(call_id), size)
        if count:
            key = (side.side, call_id)
            data = bytes(len(self.sent.get(key, b"")) + i & 0xFF for i in range(count))
            side.send_bulk(call_id, data)
            self.sent[key] = self.sent.get(key, b"") + data

    def carry(self, source, target, size):
        data = source.data_to_send()
        step = size if self.split else max(1, len(data))
        for start in range(0, len(data), step):
            for event in target.receive(data[start : start + step], 0):
                self.on_event(source, target, event)

    def on_event(self, source, target, event):
        match event:
            case e.CallReceived():
                self.open_calls.append(event.id)
            case e.SubscribeReceived():
                self.open_feeds.append(event.id)
            case e.UnsubscribeReceived():
                self.open_feeds.remove(event.id)
            case e.BulkReceived():
                key = (source.side, event.id)
                self.got[key] = self.got.get(key, b"") + event.data
                target.consumed(event.id, len(event.data))
            case e.Closed():
                raise AssertionError(event.failure)


@settings(deadline=None)
@given(STEPS, st.booleans())
def test_legal_commands_in_any_order_are_never_refused(steps, split):
    traffic = Traffic(split)
    for step in steps:
        traffic.do(*step)
    for _ in range(3):
        traffic.do("carry-up", 0, 7)
        traffic.do("carry-down", 0, 7)
    for key, data in traffic.got.items():
        assert traffic.sent[key].startswith(data)
    assert traffic.pair.client.state == traffic.pair.server.state == "open"
