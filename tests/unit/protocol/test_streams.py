import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.limits import STREAM_CREDIT_BYTES_MAX
from lanherd_protocol.streams import ReceiveWindow, SendWindow


def test_a_sender_spends_what_it_was_granted():
    window = SendWindow(10)
    window.take(10)
    window.grant(5)
    assert window.available == 5
    with pytest.raises(LanherdError) as caught:
        window.take(6)
    assert caught.value.code is ErrorCode.INTERNAL


@pytest.mark.parametrize("count", [0, -1, STREAM_CREDIT_BYTES_MAX])
def test_credit_that_can_not_be_is_refused(count):
    with pytest.raises(LanherdError) as caught:
        SendWindow(1).grant(count)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


@given(st.integers(1, 1000), st.lists(st.integers(1, 100)))
def test_credit_never_runs_past_the_window_and_never_dries_up(size, reads):
    sender, reader = SendWindow(size), ReceiveWindow(size)
    unread = 0
    for wanted in reads:
        count = min(wanted, sender.available)
        sender.take(count)
        reader.receive(count)
        unread += count
        assert unread <= size
        credit = reader.consume(unread)
        unread = 0
        if credit:
            sender.grant(credit)
        assert sender.available > 0
    with pytest.raises(LanherdError) as caught:
        reader.receive(size + 1)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
