"""Messages to msgpack and back.

msgspec checks types while it decodes, so that a wrong message costs no more than its bytes. What
it does not know, such as a frame of a newer peer, is looked at with the `msgpack` package: only
the tag and the id are read, and the rest is never built.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, get_args

import msgpack
import msgspec
from msgspec import Raw, Struct

from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.framing import HEADER_BYTES, put_control_header
from lanherd_protocol.limits import (
    CALL_IDS_MAX,
    CONTROL_FRAME_BYTES_MAX,
    UNKNOWN_TAG_CHARS_MAX,
)

Body = TypeVar("Body", bound=Struct)

DUMP_CHARS_MAX = 2000

FRAME_TYPES: Mapping[str, type[Struct]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(m.Frame)
}

_ENCODER = msgspec.msgpack.Encoder()
_FRAME_DECODER: msgspec.msgpack.Decoder[m.Frame] = msgspec.msgpack.Decoder(m.Frame)
_BODY_DECODERS: dict[type[Struct], msgspec.msgpack.Decoder[Any]] = {}
# A text that is not UTF-8 is a UnicodeDecodeError, which like msgspec's own is a ValueError.
_UNREADABLE = (ValueError, RecursionError)
_POSITION = re.compile(r"`\$\[(\d+)\](.*)`$")


class UnknownFrame(NamedTuple):
    """A well-formed frame whose tag this version doesn't know; `id` where it carries one."""

    tag: str
    id: int | None


def encode_body(body: Struct) -> Raw:
    """The body of a call, a reply or an event, once for however many it goes to."""
    return Raw(_ENCODER.encode(body))


def decode_body(kind: type[Body], body: Raw) -> Body:
    """The body as a `kind`. Raises INVALID_REQUEST naming the field that is wrong."""
    decoder = _BODY_DECODERS.get(kind)
    if decoder is None:
        decoder = _BODY_DECODERS[kind] = msgspec.msgpack.Decoder(kind)
    try:
        decoded: Body = decoder.decode(body)
    except _UNREADABLE as problem:
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"The content isn't a valid {kind.__name__}.",
            f"{problem}.",
            "Lanherd may be older on one side than on the other: upgrade both.",
            type=kind.__name__,
        ) from problem
    return decoded


def append_frame(out: bytearray, frame: m.Frame) -> None:
    """Append the frame with its header. Raises TOO_LARGE, with `out` as it was before."""
    start = len(out)
    out += bytes(HEADER_BYTES)
    _ENCODER.encode_into(frame, out, -1)
    size = len(out) - start - HEADER_BYTES
    if size > CONTROL_FRAME_BYTES_MAX:
        del out[start:]
        raise error(
            ErrorCode.TOO_LARGE,
            "The message is too large to be sent.",
            f"It takes {size} bytes; a message may have {CONTROL_FRAME_BYTES_MAX}.",
            "Ask for less at once.",
            size_bytes=size,
            size_bytes_max=CONTROL_FRAME_BYTES_MAX,
        )
    put_control_header(out, start)


def decode_frame(payload: bytes) -> m.Frame | UnknownFrame:
    """The frame in a control payload. Raises PROTOCOL_ERROR naming the field that is wrong."""
    try:
        return _FRAME_DECODER.decode(payload)
    except msgspec.ValidationError as problem:
        unknown = _peek(payload)
        if unknown is not None and unknown.tag not in FRAME_TYPES:
            return unknown
        raise _malformed(_with_field(unknown, str(problem))) from problem
    except _UNREADABLE as problem:
        raise _malformed(str(problem)) from problem


def _malformed(message: str) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "The other side sent a message that makes no sense.",
        f"{message}.",
        "If both sides have the same version of Lanherd, please report this.",
    )


def _with_field(frame: UnknownFrame | None, message: str) -> str:
    """msgspec says `$[2]` for a frame's field; people know it by its name."""
    found = _POSITION.search(message)
    if frame is None or found is None:
        return message
    # Position 0 is the tag, and only a frame with a known tag gets here with another one.
    name = FRAME_TYPES[frame.tag].__struct_fields__[int(found[1]) - 1]
    return f"{message[: found.start()]}`{frame.tag}.{name}{found[2]}`"


def _peek(payload: bytes) -> UnknownFrame | None:
    """Tag and id, without building anything else of what may be a megabyte of small objects."""
    unpacker = msgpack.Unpacker(
        max_buffer_size=CONTROL_FRAME_BYTES_MAX,
        max_str_len=UNKNOWN_TAG_CHARS_MAX,
        max_array_len=0,
        max_map_len=0,
        max_bin_len=0,
        max_ext_len=0,
    )
    unpacker.feed(payload)
    try:
        length = unpacker.read_array_header()
        tag = unpacker.unpack()
    except (ValueError, msgpack.UnpackException):
        return None
    if not isinstance(tag, str):
        return None
    return UnknownFrame(tag, _peek_id(unpacker) if length > 1 else None)


def _peek_id(unpacker: msgpack.Unpacker) -> int | None:
    try:
        number = unpacker.unpack()
    except (ValueError, msgpack.UnpackException):
        return None
    if type(number) is not int or not 0 < number <= CALL_IDS_MAX:
        return None
    return number


def dump_frame(payload: bytes) -> str:
    """A control payload in one line for people; also of unknown and of broken frames."""
    try:
        value = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError) as problem:  # TypeError: a map whose key is a map
        return f"not msgpack ({str(problem) or type(problem).__name__}): {_cut(repr(payload))}"
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        return f"not a frame: {_cut(repr(value))}"
    tag, *fields = value
    kind = FRAME_TYPES.get(tag)
    if kind is None:
        return _cut(f"unknown frame {tag!r}: {fields!r}")
    names = kind.__struct_fields__
    known = [f"{name}={field!r}" for name, field in zip(names, fields, strict=False)]
    newer = [repr(field) for field in fields[len(names) :]]
    return _cut(" ".join([tag, *known, *newer]))


def _cut(text: str) -> str:
    return text if len(text) <= DUMP_CHARS_MAX else f"{text[:DUMP_CHARS_MAX]}…"
