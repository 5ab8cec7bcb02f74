"""Cuts a byte stream into frames, and puts frames into one.

A frame is a header of four bytes, big-endian, and a payload. The header's top bit tells control
frames (0) from bulk frames (1), the rest is the payload's length. A control payload is one message
in msgpack (`codec`). A bulk payload is the call's id in four bytes and then bytes of its stream, as
they are.
"""

import struct
from typing import NamedTuple

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import (
    BULK_CHUNK_BYTES_MAX,
    CONTROL_FRAME_BYTES_MAX,
    HELLO_FRAME_BYTES_MAX,
)

HEADER_BYTES = 4
BULK_FLAG = 0x8000_0000
BULK_ID_BYTES = 4

_HEADER = struct.Struct(">I")
_BULK_HEADER = struct.Struct(">II")


class Piece(NamedTuple):
    """One frame as it was cut: bulk bytes of the stream `bulk_id`, or a control payload."""

    bulk_id: int | None
    payload: bytes


def put_control_header(out: bytearray, start: int) -> None:
    """Write the header of the control payload that goes from `start` + 4 to the end of `out`."""
    _HEADER.pack_into(out, start, len(out) - start - HEADER_BYTES)


def put_bulk(out: bytearray, call_id: int, data: bytes | bytearray | memoryview) -> None:
    """Append one bulk frame. `data` is 1 to BULK_CHUNK_BYTES_MAX bytes; the caller sees to it."""
    out += _BULK_HEADER.pack(BULK_FLAG | BULK_ID_BYTES + len(data), call_id)
    out += data


class FrameReader:
    """Takes bytes as they come and gives whole frames, refusing one by its header alone.

    Until `open` is called only a small control frame is let in, so that a stranger can't make us
    hold much.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._control_bytes_max = HELLO_FRAME_BYTES_MAX
        self._bulk_bytes_max = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer) - self._position

    def open(self) -> None:
        """From the next frame on take whatever the protocol allows."""
        self._control_bytes_max = CONTROL_FRAME_BYTES_MAX
        self._bulk_bytes_max = BULK_CHUNK_BYTES_MAX

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes; the frames in them are then given by `next_piece`."""
        self._buffer += data

    def next_piece(self) -> Piece | None:
        """The next whole frame, or None when more bytes are needed.

        Raises PROTOCOL_ERROR for a frame that may not be; the stream can't be read on after it.
        """
        start = self._position + HEADER_BYTES
        if len(self._buffer) < start:
            self._compact()
            return None
        (header,) = _HEADER.unpack_from(self._buffer, self._position)
        size = header & ~BULK_FLAG
        is_bulk = header != size
        self._check_size(size, is_bulk)
        end = start + size
        if len(self._buffer) < end:
            self._compact()
            return None
        bulk_id = None
        if is_bulk:
            (bulk_id,) = _HEADER.unpack_from(self._buffer, start)
            start += BULK_ID_BYTES
        with memoryview(self._buffer) as view:
            payload = bytes(view[start:end])
        self._position = end
        return Piece(bulk_id, payload)

    def _compact(self) -> None:
        # Once per feed and not once per frame: this moves what is left to the front.
        del self._buffer[: self._position]
        self._position = 0

    def _check_size(self, size: int, is_bulk: bool) -> None:
        if is_bulk:
            if self._bulk_bytes_max == 0:
                raise _broken("It sent stream bytes before its hello.")
            if size <= BULK_ID_BYTES:
                raise _broken("It sent a bulk frame without bytes.")
            if size - BULK_ID_BYTES > self._bulk_bytes_max:
                raise _too_large(size - BULK_ID_BYTES, self._bulk_bytes_max)
        elif size > self._control_bytes_max:
            raise _too_large(size, self._control_bytes_max)


def _broken(message: str) -> LanherdError:
    return error(ErrorCode.PROTOCOL_ERROR, "The other side broke the protocol.", message)


def _too_large(size: int, size_max: int) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "The other side broke the protocol.",
        f"It announced a frame of {size} bytes; at most {size_max} are taken here. "
        "Perhaps it isn't Lanherd that speaks.",
        frame_bytes=size,
        frame_bytes_max=size_max,
    )
