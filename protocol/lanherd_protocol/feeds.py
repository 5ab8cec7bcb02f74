"""Events that wait for a slow subscriber: bounded, and never lost in silence."""

from collections import deque
from typing import NamedTuple

from msgspec import Raw

from lanherd_protocol.limits import FEED_QUEUE_BYTES_MAX, FEED_QUEUE_EVENTS_MAX


class QueuedEvent(NamedTuple):
    """An event that waits."""

    seq: int
    body: Raw


class QueuedGap(NamedTuple):
    """Events that were dropped or are not kept."""

    missed_from: int
    missed_to: int


class FeedQueue:
    """First in, first out. When it is full all of it is dropped and becomes one gap.

    All of it and not the oldest alone: after a gap the subscriber fetches a snapshot, and what
    waited is older than that.
    """

    __slots__ = ("_bytes", "_items")

    def __init__(self) -> None:
        self._items: deque[QueuedEvent | QueuedGap] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, seq: int, body: Raw) -> bool:
        """Add an event at the end; False when it was dropped with all that waited before it."""
        size = len(memoryview(body))
        if len(self._items) < FEED_QUEUE_EVENTS_MAX and self._bytes + size <= FEED_QUEUE_BYTES_MAX:
            self._items.append(QueuedEvent(seq, body))
            self._bytes += size
            return True
        first = self._items[0] if self._items else QueuedEvent(seq, body)
        missed_from = first.seq if isinstance(first, QueuedEvent) else first.missed_from
        self._items.clear()
        self._bytes = 0
        self._items.append(QueuedGap(missed_from, seq))
        return False

    def offer_gap(self, missed_from: int, missed_to: int) -> None:
        """Add a gap at the end; gaps that follow one another become one."""
        if self._items and isinstance(last := self._items[-1], QueuedGap):
            self._items[-1] = QueuedGap(last.missed_from, missed_to)
        elif len(self._items) < FEED_QUEUE_EVENTS_MAX:
            self._items.append(QueuedGap(missed_from, missed_to))
        else:
            self.offer(missed_to, Raw())

    def take(self) -> QueuedEvent | QueuedGap | None:
        """The oldest, or None when nothing waits."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, QueuedEvent):
            self._bytes -= len(memoryview(item.body))
        return item
