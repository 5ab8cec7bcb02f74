"""Streams, feeds, unknown frames and closing, back to back."""

import msgpack
import pytest

from lanherd_protocol import connection
from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.connection import lost
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import (
    BULK_CHUNK_BYTES_MAX,
    KIB,
    OUTGOING_BULK_BYTES_MAX,
    OUTGOING_BYTES_MAX,
    STREAM_CREDIT_BYTES_MAX,
    SUBSCRIPTIONS_MAX,
)
from tests.unit.protocol.wire_pair import BODY, NIL, WHY, Pair, assert_refused, framed

# --- streams -------------------------------------------------------------------------------------


def test_bytes_go_both_ways_as_far_as_credit_goes():
    pair = Pair()
    call_id = pair.opened_call(credit=10)
    assert pair.server.sendable(call_id) == 10
    pair.server.send_bulk(call_id, b"0123456789")
    assert pair.server.sendable(call_id) == 0
    assert pair.to_client() == [e.BulkReceived(call_id, b"0123456789")]
    pair.client.consumed(call_id, 4)
    assert pair.client.pending_bytes == 0
    pair.client.consumed(call_id, 6)
    assert pair.to_server() == [e.CreditReceived(call_id)]
    assert pair.server.sendable(call_id) == 10

    pair.server.accept_upload(call_id, 100)
    assert pair.to_client() == [e.CreditReceived(call_id)]
    pair.client.send_bulk(call_id, memoryview(b"up"))
    pair.client.end_bulk(call_id)
    pair.client.end_bulk(call_id)
    assert pair.client.sendable(call_id) == 0
    assert pair.to_server() == [e.BulkReceived(call_id, b"up"), e.BulkEnded(call_id)]
    pair.server.consumed(call_id, 100)
    assert pair.server.pending_bytes == 0
    pair.server.receive(framed(m.Credit(call_id, 1)), 0)

    pair.server.reply(call_id, BODY)
    ended, replied = pair.to_client()
    assert ended == e.BulkEnded(call_id)
    assert replied.id == call_id


def test_credit_after_the_end_wakes_nobody():
    pair = Pair()
    call_id = pair.opened_call(credit=10)
    pair.server.end_bulk(call_id)
    assert pair.server.receive(framed(m.Credit(call_id, 1)), 0) == []


def test_bulk_leaves_room_for_the_rest():
    pair = Pair()
    call_id = pair.opened_call(credit=STREAM_CREDIT_BYTES_MAX)
    sent = 0
    while count := pair.server.sendable(call_id):
        assert count <= BULK_CHUNK_BYTES_MAX
        pair.server.send_bulk(call_id, bytes(count))
        sent += count
    assert sent <= OUTGOING_BULK_BYTES_MAX
    assert pair.server.takes_events
    assert pair.server.pending_bytes < OUTGOING_BYTES_MAX


def test_a_peer_that_does_not_read_its_answers_is_sent_away(monkeypatch):
    # The bound itself is 1.6 million pings away.
    assert connection.OUTGOING_BYTES_HARD_MAX == 2 * OUTGOING_BYTES_MAX
    monkeypatch.setattr(connection, "OUTGOING_BYTES_HARD_MAX", 256 * KIB)
    pair = Pair()
    ping = framed(m.Ping(1 << 62))
    flood = ping * (256 * KIB // len(ping) + 1)
    assert pair.server.receive(flood[: len(flood) // 2], 0) == []
    [closed] = pair.server.receive(flood[len(flood) // 2 :], 0)
    assert closed.failure.code is ErrorCode.OVERLOADED
    assert pair.server.pending_bytes < 1000
    [told] = pair.to_client()
    assert told.failure.code is ErrorCode.OVERLOADED


# --- feeds ---------------------------------------------------------------------------------------


def test_a_feed_is_numbered_and_its_gaps_are_told():
    pair = Pair()
    feed_id = pair.client.subscribe("runs", 6, NIL)
    [asked] = pair.to_server()
    assert (asked.feed, asked.since) == ("runs", 6)
    pair.server.send_event(feed_id, 7, BODY)
    pair.server.send_gap(feed_id, 8, 10)
    pair.server.send_event(feed_id, 11, BODY)
    pair.server.end_feed(feed_id, WHY)
    pair.server.end_feed(feed_id)
    first, gap, second, ended = pair.to_client()
    assert (first.seq, second.seq) == (7, 11)
    assert gap == e.GapReceived(feed_id, 8, 10)
    assert ended == e.FeedEnded(feed_id, WHY)
    pair.client.unsubscribe(feed_id)
    assert pair.client.pending_bytes == 0


def test_a_feed_that_was_left_says_nothing_more():
    pair = Pair()
    feed_id = pair.opened_feed()
    pair.server.send_event(feed_id, 1, BODY)
    pair.server.send_gap(feed_id, 2, 2)
    pair.client.unsubscribe(feed_id)
    pair.client.unsubscribe(feed_id)
    assert pair.to_server() == [e.UnsubscribeReceived(feed_id)]
    assert pair.to_client() == []
    assert pair.opened_feed() == feed_id + 1


def test_leaving_may_cross_the_end():
    pair = Pair()
    feed_id = pair.opened_feed()
    pair.server.end_feed(feed_id)
    pair.client.unsubscribe(feed_id)
    assert pair.carry() == ([], [])


def test_too_many_feeds_are_refused_here_and_there():
    pair = Pair()
    for _ in range(SUBSCRIPTIONS_MAX):
        pair.opened_feed()
    with pytest.raises(LanherdError) as caught:
        pair.client.subscribe("runs", -1, NIL)
    assert caught.value.code is ErrorCode.OVERLOADED
    one_more = framed(m.Subscribe(SUBSCRIPTIONS_MAX + 1, "runs", -1, NIL))
    assert_refused(pair.server, pair.server.receive(one_more, 0), "more than")


# --- unknown frames, closing ---------------------------------------------------------------------


def unknown(*value):
    payload = msgpack.packb(list(value))
    return len(payload).to_bytes(4, "big") + payload


def test_a_newer_clients_frame_is_answered_that_it_is_not_known():
    pair = Pair()
    assert pair.server.receive(unknown("teleport", 7, "x"), 0) == [
        e.UnknownFrameReceived("teleport")
    ]
    said = msgpack.unpackb(pair.server.data_to_send()[4:])
    assert said[:2] == ["failed", 7]
    assert said[2]["code"] == "unknown_method"
    pair.server.receive(unknown("teleport", 7), 0)
    pair.server.receive(unknown("teleport"), 0)
    assert pair.server.pending_bytes == 0
    assert len(pair.server.receive(framed(m.Call(8, "x", NIL)), 0)) == 1


def test_a_newer_servers_frame_is_passed_over():
    pair = Pair()
    assert pair.client.receive(unknown("teleport", 7), 0) == [e.UnknownFrameReceived("teleport")]
    assert pair.client.pending_bytes == 0


def test_a_goodbye_is_heard_and_not_answered():
    pair = Pair()
    pair.server.close(WHY)
    pair.server.close()
    assert pair.server.tick(0) == [e.Closed(WHY, False)]
    assert pair.to_client() == [e.Closed(WHY, True)]
    assert pair.client.pending_bytes == 0
    with pytest.raises(LanherdError) as caught:
        pair.client.call("x", NIL)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_plain_goodbye_has_no_reason():
    pair = Pair()
    pair.client.close()
    assert pair.to_server() == [e.Closed(None, True)]
    with pytest.raises(LanherdError) as caught:
        pair.client.subscribe("x", -1, NIL)
    assert caught.value.code is ErrorCode.CONNECTION_LOST


def test_nothing_is_said_after_the_goodbye():
    pair = Pair()
    call_id, feed_id = pair.opened_call(credit=9), pair.opened_feed()
    pair.server.close()
    pair.client.close()
    pair.server.data_to_send()
    pair.client.data_to_send()
    pair.server.end_feed(feed_id)
    pair.client.unsubscribe(feed_id)
    pair.server.end_bulk(call_id)
    assert pair.server.sendable(call_id) == 0
    assert pair.server.pending_bytes == pair.client.pending_bytes == 0


def test_a_lost_socket_ends_it_once():
    pair = Pair()
    failure = lost("The cable was cut.")
    assert pair.client.lose(failure) == [e.Closed(failure, True)]
    assert pair.client.lose(failure) == []
