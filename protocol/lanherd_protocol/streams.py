"""Credit: how far a sender of bytes may run ahead of their reader.

Each direction of a call has a window of its own. A sender spends credit and waits when there is
none; a reader gives it back as it consumes. So a slow reader holds at most one window of bytes and
delays no other stream.
"""

from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import STREAM_CREDIT_BYTES_MAX


class SendWindow:
    """The sender's side: how many bytes the reader still takes."""

    __slots__ = ("available",)

    def __init__(self, available: int = 0) -> None:
        self.available = 0
        if available:
            self.grant(available)

    def grant(self, count: int) -> None:
        """The reader takes `count` bytes more. Raises PROTOCOL_ERROR for what can't be."""
        if count < 1 or self.available + count > STREAM_CREDIT_BYTES_MAX:
            raise error(
                ErrorCode.PROTOCOL_ERROR,
                "The other side broke the protocol.",
                f"It gave a stream {count} bytes of credit beside {self.available}; "
                f"1 to {STREAM_CREDIT_BYTES_MAX} in all are allowed.",
            )
        self.available += count

    def take(self, count: int) -> None:
        """Spend credit. Raises INTERNAL when there is too little: ask `available` first."""
        if count > self.available:
            raise error(
                ErrorCode.INTERNAL,
                "Lanherd tried to send more than the other side is ready to take.",
                f"{count} bytes, with {self.available} bytes of credit.",
            )
        self.available -= count


class ReceiveWindow:
    """The reader's side: how much it has allowed, and when to allow more."""

    __slots__ = ("_consumed", "_outstanding", "received", "size")

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self.received = 0
        self._outstanding = size
        self._consumed = 0

    def receive(self, count: int) -> None:
        """Bytes came. Raises PROTOCOL_ERROR when they are more than were allowed."""
        if count > self._outstanding:
            raise error(
                ErrorCode.PROTOCOL_ERROR,
                "The other side broke the protocol.",
                f"It sent {count} bytes of a stream, with {self._outstanding} bytes of credit.",
            )
        self._outstanding -= count
        self.received += count

    def consume(self, count: int) -> int:
        """Bytes were read; returns the credit to give back now.

        It is given back by half windows: a frame per chunk would cost more than it brings.
        """
        self._consumed += count
        if self._consumed * 2 < self.size:
            return 0
        credit, self._consumed = self._consumed, 0
        self._outstanding += credit
        return credit
