"""Hellos, heartbeat and calls, legal and illegal, back to back."""

import msgpack
import pytest
from msgspec import Raw

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.client_side import ClientConnection
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.limits import (
    CALL_IDS_MAX,
    CALLS_IN_FLIGHT_MAX,
    DEAD_AFTER_S,
    FAILURE_TEXT_CHARS_MAX,
    HEARTBEAT_S,
    HELLO_TIMEOUT_S,
    STREAM_CREDIT_BYTES_MAX,
)
from lanherd_protocol.server_side import ServerConnection
from tests.unit.protocol.wire_pair import BODY, NIL, WHY, Pair, assert_refused, bulk, framed

# --- hello ---------------------------------------------------------------------------------------


def test_hellos_are_exchanged_first():
    pair = Pair(greeted=False)
    assert pair.client.state == "opening"
    with pytest.raises(LanherdError, match="before the hellos"):
        pair.client.call("runs.get", BODY)
    to_server, to_client = pair.carry()
    assert to_server == [e.HelloReceived(local_hello("controller"), 1)]
    assert to_client == [e.HelloReceived(local_hello("agent"), 1)]
    assert pair.client.remote_hello.name == "agent"
    assert pair.client.state == pair.server.state == "open"


def test_whoever_speaks_before_its_hello_is_refused():
    for frame in (m.Ping(1), m.Call(1, "x", BODY)):
        server = ServerConnection(local_hello(), 0)
        assert_refused(server, server.receive(framed(frame), 0), "wasn't a hello")
    server = ServerConnection(local_hello(), 0)
    teleport = msgpack.packb(["teleport", 1])
    events = server.receive(len(teleport).to_bytes(4, "big") + teleport, 0)
    assert_refused(server, events, "wasn't a hello")


def test_nobody_says_hello_twice():
    pair = Pair()
    events = pair.server.receive(framed(local_hello()), 0)
    assert_refused(pair.server, events, "twice")


def test_a_version_mismatch_is_told_to_both():
    client = ClientConnection(m.Hello(2, 3, "9.0"), 0)
    server = ServerConnection(local_hello(), 0)
    [closed] = server.receive(client.data_to_send(), 0)
    assert closed.failure.code is ErrorCode.VERSION_MISMATCH
    said = server.data_to_send()
    # Only the goodbye: a client that is refused need not have understood the hello.
    hello = framed(local_hello())
    assert client.receive(said[len(hello) :], 0) == [e.Closed(closed.failure, True)]


def test_a_hello_that_does_not_come_is_not_waited_for():
    server = ServerConnection(local_hello(), 100)
    assert server.next_deadline() == 100 + HELLO_TIMEOUT_S
    assert server.tick(100 + HELLO_TIMEOUT_S - 1) == []
    [closed] = server.tick(100 + HELLO_TIMEOUT_S)
    assert closed.failure.code is ErrorCode.TIMED_OUT


# --- heartbeat -----------------------------------------------------------------------------------


def test_a_quiet_peer_is_asked_and_its_answer_counts():
    pair = Pair()
    assert pair.client.next_deadline() == HEARTBEAT_S
    assert pair.client.tick(HEARTBEAT_S - 0.1) == []
    assert pair.client.pending_bytes == 0
    pair.client.tick(HEARTBEAT_S)
    assert pair.to_server(now=HEARTBEAT_S) == []
    assert pair.to_client(now=HEARTBEAT_S + 1) == []
    assert pair.client.next_deadline() == HEARTBEAT_S * 2 + 1


def test_a_dead_peer_is_given_up():
    pair = Pair()
    for now in (HEARTBEAT_S, HEARTBEAT_S * 2):
        assert pair.client.tick(now) == []
    assert pair.client.next_deadline() == DEAD_AFTER_S
    [closed] = pair.client.tick(DEAD_AFTER_S)
    assert closed.failure.code is ErrorCode.CONNECTION_LOST
    assert closed.by_remote
    assert pair.client.tick(DEAD_AFTER_S + 1) == []


@pytest.mark.parametrize("nonce", [0, 1, -1])
def test_an_answer_to_no_ping_is_refused(nonce):
    pair = Pair()
    assert_refused(pair.client, pair.client.receive(framed(m.Pong(nonce)), 0), "never sent")


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_is_answered():
    pair = Pair()
    first, second = pair.client.call("a", BODY), pair.client.call("b", NIL)
    calls = pair.to_server()
    assert [(call.id, call.method) for call in calls] == [(first, "a"), (second, "b")]
    assert pair.server.is_open_call(first)
    pair.server.reply(second, BODY)
    pair.server.fail(first, WHY)
    assert not pair.server.is_open_call(first)
    replied, failed = pair.to_client()
    assert (replied.id, bytes(replied.body)) == (second, bytes(BODY))
    assert failed == e.CallFailed(first, WHY)


def test_a_failure_with_a_long_text_still_fits():
    pair = Pair()
    call_id = pair.opened_call()
    pair.server.fail(call_id, Failure(code=ErrorCode.INTERNAL, title="x", message="m" * (1 << 21)))
    [failed] = pair.to_client()
    assert len(failed.failure.message) == FAILURE_TEXT_CHARS_MAX + 1


def test_a_cancelled_call_says_nothing_more():
    pair = Pair()
    call_id = pair.opened_call(credit=100)
    pair.server.send_bulk(call_id, b"late")
    pair.server.end_bulk(call_id)
    pair.client.cancel(call_id)
    pair.client.cancel(call_id)
    assert pair.to_server() == [e.CallCancelled(call_id)]
    pair.server.accept_upload(call_id, 10)
    pair.server.reply(call_id, BODY)
    assert pair.to_client() == []
    pair.client.cancel(call_id)
    assert pair.client.pending_bytes == 0


def test_a_cancelled_call_that_fails_says_nothing_either():
    pair = Pair()
    call_id = pair.opened_call()
    pair.client.cancel(call_id)
    pair.to_server()
    pair.server.fail(call_id, WHY)
    assert pair.to_client() == []


def test_what_crosses_the_answer_is_passed_over():
    pair = Pair()
    call_id = pair.opened_call(credit=10)
    pair.server.accept_upload(call_id, 100)
    pair.to_client()
    pair.client.send_bulk(call_id, b"late")
    pair.client.end_bulk(call_id)
    pair.client.cancel(call_id)
    pair.server.reply(call_id, BODY)
    assert pair.to_server() == []
    assert pair.server.receive(framed(m.Credit(call_id, 5)), 0) == []
    pair.server.accept_upload(call_id, 100)
    pair.server.consumed(call_id, 4)
    assert pair.server.sendable(call_id) == 0
    assert pair.to_client() == []


def test_too_many_calls_are_refused_here_and_there():
    pair = Pair()
    for _ in range(CALLS_IN_FLIGHT_MAX):
        pair.client.call("x", NIL)
    with pytest.raises(LanherdError) as caught:
        pair.client.call("x", NIL)
    assert caught.value.code is ErrorCode.OVERLOADED
    pair.to_server()
    one_more = framed(m.Call(CALLS_IN_FLIGHT_MAX + 1, "x", NIL))
    assert_refused(pair.server, pair.server.receive(one_more, 0), "more than")


def test_numbers_run_out():
    pair = Pair()
    last = framed(m.Call(CALL_IDS_MAX, "x", NIL))
    assert len(pair.server.receive(last, 0)) == 1
    pair.client._last_id = CALL_IDS_MAX
    for ask in (lambda: pair.client.call("x", NIL), lambda: pair.client.subscribe("x", 0, NIL)):
        with pytest.raises(LanherdError, match="run out"):
            ask()


def test_a_call_that_is_too_large_is_not_open():
    pair = Pair()
    with pytest.raises(LanherdError) as caught:
        pair.client.call("x", Raw(msgpack.packb("x" * (1 << 20))))
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert pair.opened_call() == 1


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([m.Call(0, "x", NIL)], "opened call 0"),
        ([m.Call(-1, "x", NIL)], "opened call -1"),
        ([m.Call(CALL_IDS_MAX + 1, "x", NIL)], "opened call"),
        ([m.Call(2, "x", NIL), m.Call(1, "x", NIL)], "after call 2"),
        ([m.Call(1, "x", NIL), m.Subscribe(1, "x", 0, NIL)], "after call 1"),
        ([m.Call(1, "x", NIL, -1)], "-1 bytes of credit"),
        ([m.Call(1, "x", NIL, STREAM_CREDIT_BYTES_MAX + 1)], "of credit"),
        ([m.Call(1, "x", NIL), m.Cancel(1), m.Cancel(1)], "twice"),
        ([m.Call(1, "x", NIL), m.End(1), m.End(1)], "twice"),
        ([m.Call(1, "x", NIL), m.Credit(1, 0)], "0 bytes of credit"),
        ([m.Cancel(5)], "never opened"),
        ([m.End(5)], "never opened"),
        ([m.Credit(5, 1)], "never opened"),
        ([m.Unsubscribe(5)], "never opened"),
        ([m.Subscribe(1, "x", -2, NIL)], "since -2"),
        ([m.Reply(1, NIL)], "Reply, which its side never sends"),
        ([m.Event(1, 1, NIL)], "Event, which its side never sends"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_refused(frames, words):
    pair = Pair()
    assert_refused(pair.server, pair.server.receive(framed(*frames), 0), words)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([m.Reply(9, NIL)], "isn't open"),
        ([m.Failed(9, WHY)], "isn't open"),
        ([m.Reply(1, NIL), m.Reply(1, NIL)], "isn't open"),
        ([m.End(9)], "isn't open"),
        ([m.Credit(9, 1)], "isn't open"),
        ([m.Event(9, 1, NIL)], "isn't open"),
        ([m.Gap(9, 1, 2)], "isn't open"),
        ([m.FeedEnded(9)], "isn't open"),
        ([m.Event(2, 5, NIL), m.Event(2, 5, NIL)], "after event 5"),
        ([m.Event(2, 5, NIL), m.Gap(2, 5, 6)], "after event 5"),
        ([m.Gap(2, 5, 4)], "from 5 to 4"),
        ([m.Call(1, "x", NIL)], "never sends"),
    ],
)
def test_a_server_that_breaks_the_protocol_is_refused(frames, words):
    pair = Pair()
    pair.opened_call()
    pair.opened_feed()
    assert_refused(pair.client, pair.client.receive(framed(*frames), 0), words)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (bulk(1, b"x" * 11), "11 bytes of a stream"),
        (bulk(1, b"x") + framed(m.Reply(1, NIL)), "without ending"),
        (framed(m.End(1)) + bulk(1, b"x"), "after their end"),
        (bulk(9, b"x"), "isn't open"),
    ],
)
def test_a_server_that_breaks_a_stream_is_refused(stream, words):
    pair = Pair()
    pair.opened_call(credit=10)
    assert_refused(pair.client, pair.client.receive(stream, 0), words)


def test_a_client_that_sends_bytes_for_no_call_is_refused():
    pair = Pair()
    assert_refused(pair.server, pair.server.receive(bulk(9, b"x"), 0), "never opened")


def test_a_client_that_sends_more_than_it_may_is_refused():
    pair = Pair()
    pair.opened_call()
    assert_refused(pair.server, pair.server.receive(bulk(1, b"x"), 0), "0 bytes of credit")


@pytest.mark.parametrize(
    "act",
    [
        lambda server: server.reply(5, NIL),
        lambda server: server.fail(5, WHY),
        lambda server: server.send_event(5, 1, NIL),
        lambda server: server.send_gap(5, 1, 2),
        lambda server: server.send_event(2, -1, NIL),
        lambda server: server.send_gap(2, 3, 2),
        lambda server: server.send_bulk(1, b"x"),
        lambda server: server.send_bulk(1, b""),
        lambda server: (server.accept_upload(1, 5), server.accept_upload(1, 5)),
    ],
)
def test_a_server_is_kept_from_breaking_the_protocol(act):
    pair = Pair()
    pair.opened_call()
    pair.opened_feed()
    with pytest.raises(LanherdError) as caught:
        act(pair.server)
    assert caught.value.code is ErrorCode.INTERNAL
    assert not pair.server.is_closed
