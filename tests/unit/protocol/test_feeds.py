from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from lanherd_protocol.feeds import FeedQueue, QueuedEvent, QueuedGap
from lanherd_protocol.limits import FEED_QUEUE_BYTES_MAX, FEED_QUEUE_EVENTS_MAX

BODY = Raw(b"\xc0")


def filled() -> FeedQueue:
    queue = FeedQueue()
    for seq in range(FEED_QUEUE_EVENTS_MAX):
        assert queue.offer(seq, BODY)
    return queue


def test_events_come_in_order():
    queue = FeedQueue()
    assert queue.offer(1, BODY)
    queue.offer_gap(2, 3)
    queue.offer_gap(4, 6)
    assert queue.offer(7, BODY)
    assert len(queue) == 3
    assert [queue.take() for _ in range(4)] == [
        QueuedEvent(1, BODY),
        QueuedGap(2, 6),
        QueuedEvent(7, BODY),
        None,
    ]


def test_what_does_not_fit_becomes_one_gap_with_all_that_waited():
    queue = filled()
    assert not queue.offer(FEED_QUEUE_EVENTS_MAX, BODY)
    assert queue.offer(FEED_QUEUE_EVENTS_MAX + 1, BODY)
    assert queue.take() == QueuedGap(0, FEED_QUEUE_EVENTS_MAX)
    assert queue.take() == QueuedEvent(FEED_QUEUE_EVENTS_MAX + 1, BODY)


def test_bytes_have_a_bound_too():
    queue = FeedQueue()
    body = Raw(bytes(FEED_QUEUE_BYTES_MAX // 2))
    assert queue.offer(1, body)
    assert queue.offer(2, body)
    assert not queue.offer(3, BODY)
    assert queue.take() == QueuedGap(1, 3)
    assert not queue.offer(4, Raw(bytes(FEED_QUEUE_BYTES_MAX + 1)))
    assert queue.take() == QueuedGap(4, 4)


def test_a_gap_in_a_full_queue_swallows_it():
    queue = filled()
    queue.offer_gap(5000, 5001)
    assert queue.take() == QueuedGap(0, 5001)
    assert queue.take() is None


def test_an_overflow_goes_on_from_the_gap_before_it():
    queue = FeedQueue()
    queue.offer_gap(0, 9)
    for seq in range(10, 9 + FEED_QUEUE_EVENTS_MAX):
        assert queue.offer(seq, BODY)
    assert not queue.offer(10_000, BODY)
    assert queue.take() == QueuedGap(0, 10_000)


@given(st.lists(st.sampled_from(["offer", "gap", "take"]), max_size=200))
def test_every_number_is_told_or_missed_once(steps):
    queue, told, seq = FeedQueue(), [], 0
    for step in [*steps, *["take"] * len(steps)]:
        if step == "take":
            item = queue.take()
            if isinstance(item, QueuedGap):
                told += range(item.missed_from, item.missed_to + 1)
            elif item is not None:
                told.append(item.seq)
        elif step == "offer":
            queue.offer(seq, BODY)
            seq += 1
        else:
            queue.offer_gap(seq, seq + 1)
            seq += 2
    assert told == list(range(seq))
