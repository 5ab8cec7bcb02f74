"""The controller's side of a connection: it calls and subscribes."""

from typing import ClassVar

from msgspec import Raw

from lanherd_protocol import events as e
from lanherd_protocol import messages as m
from lanherd_protocol.connection import SHARED_HANDLERS, Connection, Handlers, Stream, misuse
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import CALL_IDS_MAX, CALLS_IN_FLIGHT_MAX, SUBSCRIPTIONS_MAX
from lanherd_protocol.streams import ReceiveWindow, SendWindow


class _Subscription:
    """`seq` is the last event that was told of; `leaving` once the server was told to stop."""

    __slots__ = ("leaving", "seq")

    def __init__(self) -> None:
        self.seq = -1
        self.leaving = False


class ClientConnection(Connection):
    """A connection as the client sees it."""

    side = "client"

    def __init__(self, hello: m.Hello, now: float) -> None:
        super().__init__(hello, now)
        self._last_id = 0
        self._subscriptions: dict[int, _Subscription] = {}

    def call(self, method: str, body: Raw, credit: int = 0) -> int:
        """Ask for something; returns the call's id.

        `credit` is how many bytes of the answer's stream are taken before `consumed` says more.
        Raises OVERLOADED when too many calls wait for their answers (a cancelled one still does),
        TOO_LARGE, or CONNECTION_LOST.
        """
        self._require_open()
        if len(self._streams) >= CALLS_IN_FLIGHT_MAX:
            raise error(
                ErrorCode.OVERLOADED,
                "Too many questions are waiting for this machine's answers.",
                f"{CALLS_IN_FLIGHT_MAX} calls are open on one connection.",
                "Wait for some of them first.",
            )
        call_id = self._next_id()
        self._send(m.Call(call_id, method, body, credit))
        self._last_id = call_id
        self._streams[call_id] = Stream(SendWindow(), ReceiveWindow(credit))
        return call_id

    def cancel(self, call_id: int) -> None:
        """The answer isn't wanted any more: no event of this call comes after this."""
        stream = self._streams.get(call_id)
        if stream is not None and not stream.cancelled:
            stream.cancelled = True
            stream.send_ended = True
            self._send(m.Cancel(call_id))

    def subscribe(self, feed: str, since: int, params: Raw) -> int:
        """Ask for a feed's events from number `since` + 1 on (-1: from now on); returns the id.

        Raises OVERLOADED, TOO_LARGE or CONNECTION_LOST.
        """
        self._require_open()
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise error(
                ErrorCode.OVERLOADED,
                "Too many feeds of this machine are open.",
                f"One connection may have {SUBSCRIPTIONS_MAX}.",
                "Close some of them first.",
            )
        feed_id = self._next_id()
        self._send(m.Subscribe(feed_id, feed, since, params))
        self._last_id = feed_id
        self._subscriptions[feed_id] = _Subscription()
        return feed_id

    def unsubscribe(self, feed_id: int) -> None:
        """The feed isn't wanted any more: no event of it comes after this."""
        subscription = self._subscriptions.get(feed_id)
        if subscription is not None and not subscription.leaving:
            subscription.leaving = True
            self._send(m.Unsubscribe(feed_id))

    def _next_id(self) -> int:
        if self._last_id >= CALL_IDS_MAX:
            raise error(
                ErrorCode.OVERLOADED,
                "This connection has run out of numbers for calls.",
                remedy="Connect again.",
            )
        return self._last_id + 1

    # --- what comes in --------------------------------------------------------------------------

    def _on_stray(self, call_id: int) -> None:
        raise misuse(f"It spoke of call {call_id}, which isn't open.")

    def _close_call(self, call_id: int) -> Stream:
        stream = self._streams.pop(call_id, None)
        if stream is None:
            raise misuse(f"It answered call {call_id}, which isn't open.")
        return stream

    def _on_reply(self, reply: m.Reply) -> None:
        stream = self._close_call(reply.id)
        if stream.receive.received and not stream.receive_ended:
            raise misuse(f"It answered call {reply.id} without ending its bytes.")
        if not stream.cancelled:
            self._emit(e.ReplyReceived(reply.id, reply.body))

    def _on_failed(self, failed: m.Failed) -> None:
        stream = self._close_call(failed.id)
        if not stream.cancelled:
            self._emit(e.CallFailed(failed.id, failed.failure))

    def _subscription(self, feed_id: int) -> _Subscription:
        subscription = self._subscriptions.get(feed_id)
        if subscription is None:
            raise misuse(f"It spoke of subscription {feed_id}, which isn't open.")
        return subscription

    def _on_event(self, event: m.Event) -> None:
        subscription = self._subscription(event.id)
        if event.seq <= subscription.seq:
            raise misuse(f"Event {event.seq} came after event {subscription.seq}.")
        subscription.seq = event.seq
        if not subscription.leaving:
            self._emit(e.EventReceived(event.id, event.seq, event.body))

    def _on_gap(self, gap: m.Gap) -> None:
        subscription = self._subscription(gap.id)
        if not subscription.seq < gap.missed_from <= gap.missed_to:
            raise misuse(
                f"A gap from {gap.missed_from} to {gap.missed_to} "
                f"came after event {subscription.seq}."
            )
        subscription.seq = gap.missed_to
        if not subscription.leaving:
            self._emit(e.GapReceived(gap.id, gap.missed_from, gap.missed_to))

    def _on_feed_ended(self, ended: m.FeedEnded) -> None:
        subscription = self._subscription(ended.id)
        del self._subscriptions[ended.id]
        if not subscription.leaving:
            self._emit(e.FeedEnded(ended.id, ended.failure))

    _HANDLERS: ClassVar[Handlers] = {
        **SHARED_HANDLERS,
        m.Reply: _on_reply,
        m.Failed: _on_failed,
        m.Event: _on_event,
        m.Gap: _on_gap,
        m.FeedEnded: _on_feed_ended,
    }
