"""What a connection tells its owner after bytes came in or time went by.

Bodies are still encoded: whoever knows the method decodes them (`codec.decode_body`).
"""

from msgspec import Raw, Struct

from lanherd_protocol.errors import Failure
from lanherd_protocol.messages import Hello


class HelloReceived(Struct, frozen=True, gc=False):
    """The other side said who it is; `protocol` is the version that both speak from now on."""

    hello: Hello
    protocol: int


class CallReceived(Struct, frozen=True, gc=False):
    """Server: a request, to be answered by `reply` or `fail`."""

    id: int
    method: str
    body: Raw


class CallCancelled(Struct, frozen=True, gc=False):
    """Server: the caller no longer wants the answer; one is still owed."""

    id: int


class ReplyReceived(Struct, frozen=True, gc=False):
    """Client: the call has succeeded and is over."""

    id: int
    body: Raw


class CallFailed(Struct, frozen=True, gc=False):
    """Client: the call has failed and is over."""

    id: int
    failure: Failure


class BulkReceived(Struct, frozen=True, gc=False):
    """Bytes of a call's stream, to be given back with `consumed` when they were read."""

    id: int
    data: bytes


class BulkEnded(Struct, frozen=True, gc=False):
    """No more bytes of this call's stream come."""

    id: int


class CreditReceived(Struct, frozen=True, gc=False):
    """The other side takes more bytes of this call's stream: see `sendable`."""

    id: int


class SubscribeReceived(Struct, frozen=True, gc=False):
    """Server: events of a feed from number `since` + 1 on are wanted; -1 means from now on."""

    id: int
    feed: str
    since: int
    params: Raw


class UnsubscribeReceived(Struct, frozen=True, gc=False):
    """Server: the subscription is over."""

    id: int


class EventReceived(Struct, frozen=True, gc=False):
    """Client: the feed's event number `seq`."""

    id: int
    seq: int
    body: Raw


class GapReceived(Struct, frozen=True, gc=False):
    """Client: these events can't be had any more; fetch a snapshot."""

    id: int
    missed_from: int
    missed_to: int


class FeedEnded(Struct, frozen=True, gc=False):
    """Client: the server ended the feed, or refused it."""

    id: int
    failure: Failure | None


class UnknownFrameReceived(Struct, frozen=True, gc=False):
    """A newer peer sent a frame that this version doesn't know; it was passed over or refused."""

    tag: str


class Closed(Struct, frozen=True, gc=False):
    """The connection is over; no event comes after it. `failure` is None for a plain goodbye."""

    failure: Failure | None
    by_remote: bool


ConnectionEvent = (
    HelloReceived
    | CallReceived
    | CallCancelled
    | ReplyReceived
    | CallFailed
    | BulkReceived
    | BulkEnded
    | CreditReceived
    | SubscribeReceived
    | UnsubscribeReceived
    | EventReceived
    | GapReceived
    | FeedEnded
    | UnknownFrameReceived
    | Closed
)
