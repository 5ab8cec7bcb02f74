from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.framing import BULK_FLAG, FrameReader, put_bulk, put_control_header
from lanherd_protocol.limits import (
    BULK_CHUNK_BYTES_MAX,
    CONTROL_FRAME_BYTES_MAX,
    HELLO_FRAME_BYTES_MAX,
)


def control(payload: bytes) -> bytes:
    out = bytearray(4) + payload
    put_control_header(out, 0)
    return bytes(out)


def bulk(call_id: int, data: bytes) -> bytes:
    out = bytearray()
    put_bulk(out, call_id, data)
    return bytes(out)


def opened() -> FrameReader:
    reader = FrameReader()
    reader.open()
    return reader


def refusal(reader: FrameReader, data: bytes) -> str:
    reader.feed(data)
    with pytest.raises(LanherdError) as caught:
        reader.next_piece()
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    return caught.value.failure.message


pieces = st.lists(
    st.one_of(
        st.tuples(st.none(), st.binary(max_size=200)),
        st.tuples(st.integers(0, 0xFFFF_FFFF), st.binary(min_size=1, max_size=200)),
    ),
    max_size=20,
)


@given(pieces, st.lists(st.integers(0, 5000)))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_split(frames, cuts):
    stream = b"".join(control(p) if i is None else bulk(i, p) for i, p in frames)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = opened()
    got = []
    for start, end in pairwise(edges):
        reader.feed(stream[start:end])
        while (piece := reader.next_piece()) is not None:
            got.append(tuple(piece))
    assert got == frames
    assert reader.buffered_bytes == 0


def test_a_stranger_is_refused_by_the_header_alone():
    header = (HELLO_FRAME_BYTES_MAX + 1).to_bytes(4, "big")
    assert str(HELLO_FRAME_BYTES_MAX) in refusal(FrameReader(), header)


def test_a_stranger_may_not_send_bulk():
    assert "before its hello" in refusal(FrameReader(), bulk(1, b"x"))


def test_frames_over_their_limit_are_refused_before_they_are_buffered():
    refusal(opened(), (CONTROL_FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
    refusal(opened(), (BULK_FLAG | 4 + BULK_CHUNK_BYTES_MAX + 1).to_bytes(4, "big"))


def test_the_largest_frames_are_taken():
    reader = opened()
    reader.feed(control(bytes(CONTROL_FRAME_BYTES_MAX)) + bulk(7, bytes(BULK_CHUNK_BYTES_MAX)))
    assert [len(reader.next_piece().payload) for _ in range(2)] == [1 << 20, 1 << 20]


@pytest.mark.parametrize("size", [0, 3, 4])
def test_a_bulk_frame_without_bytes_is_refused(size):
    assert "without bytes" in refusal(opened(), (BULK_FLAG | size).to_bytes(4, "big"))


def test_plain_text_is_refused_at_its_first_four_bytes():
    assert "Perhaps it isn't Lanherd" in refusal(FrameReader(), b"GET / HTTP/1.1\r\n")
