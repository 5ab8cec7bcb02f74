"""The agent's side of a connection: it answers calls and feeds subscribers."""

from typing import ClassVar

from msgspec import Raw

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.codec import UnknownFrame
from lanherd_protocol.connection import (
    SHARED_HANDLERS,
    Connection,
    Handlers,
    Stream,
    bug,
    clip,
    misuse,
)
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.limits import (
    CALL_IDS_MAX,
    CALLS_IN_FLIGHT_MAX,
    STREAM_CREDIT_BYTES_MAX,
    SUBSCRIPTIONS_MAX,
)
from lanherd_protocol.streams import ReceiveWindow, SendWindow


class ServerConnection(Connection):
    """A connection as the server sees it."""

    side = "server"

    def __init__(self, hello: m.Hello, now: float) -> None:
        super().__init__(hello, now)
        self._last_id = 0
        self._subscriptions: dict[int, int] = {}
        """The number of the last event that each was told of."""

    def accept_upload(self, call_id: int, credit: int) -> None:
        """Take bytes of this call's stream, `credit` of them before `consumed` says more."""
        stream = self._streams.get(call_id)
        if stream is None:
            return
        if stream.receive.size:
            raise bug(f"Call {call_id} takes bytes already.")
        stream.receive = ReceiveWindow(credit)
        self._send(m.Credit(call_id, credit))

    def is_open_call(self, call_id: int) -> bool:
        """Whether an answer to this call is still owed and can be given."""
        return call_id in self._streams and not self.is_closed

    def reply(self, call_id: int, body: Raw) -> None:
        """Answer a call; its stream is ended before it, if it was not. Raises TOO_LARGE."""
        stream = self._open_call(call_id)
        if stream.sent:
            self.end_bulk(call_id)
        self._send(m.Reply(call_id, body))
        del self._streams[call_id]

    def fail(self, call_id: int, failure: Failure) -> None:
        """Answer a call with what went wrong."""
        self._open_call(call_id)
        self._send(m.Failed(call_id, clip(failure)))
        del self._streams[call_id]

    def send_event(self, feed_id: int, seq: int, body: Raw) -> None:
        """Tell a subscriber of an event. Raises TOO_LARGE, INTERNAL for a number told before."""
        self._advance(feed_id, seq)
        self._send(m.Event(feed_id, seq, body))
        self._subscriptions[feed_id] = seq

    def send_gap(self, feed_id: int, missed_from: int, missed_to: int) -> None:
        """Tell a subscriber that it won't hear of these events."""
        self._advance(feed_id, missed_from)
        if missed_to < missed_from:
            raise bug(f"A gap from {missed_from} to {missed_to}.")
        self._send(m.Gap(feed_id, missed_from, missed_to))
        self._subscriptions[feed_id] = missed_to

    def end_feed(self, feed_id: int, failure: Failure | None = None) -> None:
        """End a subscription, or refuse it; nothing happens when it is over."""
        if self._subscriptions.pop(feed_id, None) is not None:
            self._send(m.FeedEnded(feed_id, failure and clip(failure)))

    def _open_call(self, call_id: int) -> Stream:
        self._require_open()
        stream = self._streams.get(call_id)
        if stream is None:
            raise bug(f"Call {call_id} isn't open.")
        return stream

    def _advance(self, feed_id: int, seq: int) -> None:
        self._require_open()
        told = self._subscriptions.get(feed_id)
        if told is None:
            raise bug(f"Subscription {feed_id} isn't open.")
        if seq <= told:
            raise bug(f"Event {seq} was to be told after event {told}.")

    # --- what comes in --------------------------------------------------------------------------

    def _on_stray(self, call_id: int) -> None:
        # What the client said before it heard that the call is over.
        if not 0 < call_id <= self._last_id:
            raise misuse(f"It spoke of call {call_id}, which it never opened.")

    def _take_id(self, new_id: int) -> None:
        if not self._last_id < new_id <= CALL_IDS_MAX:
            raise misuse(f"It opened call {new_id} after call {self._last_id}.")
        self._last_id = new_id

    def _on_unknown(self, frame: UnknownFrame) -> None:
        super()._on_unknown(frame)
        if frame.id is not None and frame.id > self._last_id:
            # A newer client may wait for an answer to what it opened with this.
            self._last_id = frame.id
            self._send(m.Failed(frame.id, _unknown_frame(frame.tag)))

    def _on_call(self, call: m.Call) -> None:
        self._take_id(call.id)
        if len(self._streams) >= CALLS_IN_FLIGHT_MAX:
            raise misuse(f"It opened more than {CALLS_IN_FLIGHT_MAX} calls at once.")
        if not 0 <= call.credit <= STREAM_CREDIT_BYTES_MAX:
            raise misuse(f"It opened call {call.id} with {call.credit} bytes of credit.")
        self._streams[call.id] = Stream(SendWindow(call.credit), ReceiveWindow())
        self._emit(e.CallReceived(call.id, call.method, call.body))

    def _on_cancel(self, cancel: m.Cancel) -> None:
        stream = self._streams.get(cancel.id)
        if stream is None:
            self._on_stray(cancel.id)
            return
        if stream.cancelled:
            raise misuse(f"It cancelled call {cancel.id} twice.")
        stream.cancelled = True
        self._emit(e.CallCancelled(cancel.id))

    def _on_subscribe(self, subscribe: m.Subscribe) -> None:
        self._take_id(subscribe.id)
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise misuse(f"It opened more than {SUBSCRIPTIONS_MAX} feeds at once.")
        if subscribe.since < -1:
            raise misuse(f"It subscribed to events since {subscribe.since}.")
        self._subscriptions[subscribe.id] = -1
        self._emit(
            e.SubscribeReceived(subscribe.id, subscribe.feed, subscribe.since, subscribe.params)
        )

    def _on_unsubscribe(self, unsubscribe: m.Unsubscribe) -> None:
        if unsubscribe.id not in self._subscriptions:
            self._on_stray(unsubscribe.id)
            return
        self.end_feed(unsubscribe.id)
        self._emit(e.UnsubscribeReceived(unsubscribe.id))

    _HANDLERS: ClassVar[Handlers] = {
        **SHARED_HANDLERS,
        m.Call: _on_call,
        m.Cancel: _on_cancel,
        m.Subscribe: _on_subscribe,
        m.Unsubscribe: _on_unsubscribe,
    }


def _unknown_frame(tag: str) -> Failure:
    return Failure(
        code=ErrorCode.UNKNOWN_METHOD,
        title="This agent doesn't know that request.",
        message=f"The controller sent a {tag!r}, which came with a newer version of Lanherd.",
        remedy="Upgrade Lanherd on the agent's machine.",
        data={"tag": tag},
    )
