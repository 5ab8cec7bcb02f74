import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol import messages as m
from lanherd_protocol.codec import (
    DUMP_CHARS_MAX,
    FRAME_TYPES,
    UnknownFrame,
    append_frame,
    decode_body,
    decode_frame,
    dump_frame,
    encode_body,
)
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.values import RunSpec

RAW = st.builds(
    lambda value: msgspec.Raw(msgpack.packb(value)), st.dictionaries(st.text(), st.text())
)
IDS = st.integers(1, 0xFFFF_FFFF)
FAILURES = st.builds(
    Failure, code=st.sampled_from(ErrorCode), title=st.text(), message=st.text(), remedy=st.text()
)
FRAMES = st.one_of(
    st.builds(m.Hello, st.integers(1, 9), st.integers(1, 9), st.text(), st.just(("a", "b"))),
    st.builds(m.Ping, IDS),
    st.builds(m.Pong, IDS),
    st.builds(m.Call, IDS, st.text(), RAW, IDS),
    st.builds(m.Reply, IDS, RAW),
    st.builds(m.Failed, IDS, FAILURES),
    st.builds(m.Cancel, IDS),
    st.builds(m.Credit, IDS, IDS),
    st.builds(m.End, IDS),
    st.builds(m.Subscribe, IDS, st.text(), st.integers(-1, 99), RAW),
    st.builds(m.Event, IDS, IDS, RAW),
    st.builds(m.Gap, IDS, IDS, IDS),
    st.builds(m.Unsubscribe, IDS),
    st.builds(m.FeedEnded, IDS, st.none() | FAILURES),
    st.builds(m.Goodbye, st.none() | FAILURES),
)


def encoded(frame):
    out = bytearray(b"before")
    append_frame(out, frame)
    assert int.from_bytes(out[6:10], "big") == len(out) - 10
    return bytes(out[10:])


def plain(value):
    return msgpack.unpackb(msgspec.msgpack.encode(value))


@given(FRAMES)
def test_frames_read_the_same_by_an_independent_reader(frame):
    payload = encoded(frame)
    tag, *fields = msgpack.unpackb(payload)
    assert FRAME_TYPES[tag] is type(frame)
    assert fields == [
        msgpack.unpackb(value) if isinstance(value, msgspec.Raw) else plain(value)
        for value in (getattr(frame, name) for name in frame.__struct_fields__)
    ]
    again = decode_frame(payload)
    assert encoded(again) == payload
    assert type(again) is type(frame)


@given(FRAMES, st.lists(st.integers() | st.text(), max_size=3))
def test_fields_that_a_newer_peer_appends_are_passed_over(frame, newer):
    fields = msgpack.unpackb(encoded(frame))
    defaults = len(FRAME_TYPES[fields[0]].__struct_fields__) + 1 - len(fields)
    assert defaults == 0
    small = [value for value in newer if isinstance(value, str) or abs(value) < 1 << 63]
    assert type(decode_frame(msgpack.packb(fields + small))) is type(frame)


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_never_crashes(payload):
    try:
        outcome = decode_frame(payload)
    except LanherdError as problem:
        outcome = problem.code
    assert outcome is ErrorCode.PROTOCOL_ERROR or isinstance(outcome, m.Frame | UnknownFrame)
    assert dump_frame(payload)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["teleport", 5, {"a": [1]}], UnknownFrame("teleport", 5)),
        (["teleport"], UnknownFrame("teleport", None)),
        (["teleport", "five"], UnknownFrame("teleport", None)),
        (["teleport", True], UnknownFrame("teleport", None)),
        (["teleport", 0], UnknownFrame("teleport", None)),
        (["teleport", 1 << 32], UnknownFrame("teleport", None)),
        (["teleport", [1, 2]], UnknownFrame("teleport", None)),
    ],
)
def test_a_frame_of_a_newer_peer_is_known_as_unknown(value, expected):
    assert decode_frame(msgpack.packb(value)) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["call", "one", "m", {}], "`call.id`"),
        (["failed", 1, {"code": 5, "title": ""}], "`failed.failure.code`"),
        (["call"], "at least length"),
        ([7, 1], "Expected `str`"),
        ([b"x" * 200, 1], "at `$[0]`"),
        (["x" * 200, 1], "at `$[0]`"),
        ({}, "Expected `array`"),
    ],
)
def test_a_wrong_frame_is_refused_and_its_field_named(value, words):
    with pytest.raises(LanherdError, match=r"makes no sense") as caught:
        decode_frame(msgpack.packb(value))
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    assert words in caught.value.failure.message


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x91" * 100_000 + b"\x00", b"\x92\xa4ping"])
def test_torn_and_bottomless_frames_are_refused(payload):
    with pytest.raises(LanherdError) as caught:
        decode_frame(payload)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    assert "not msgpack" in dump_frame(payload)


def test_a_bottomless_body_is_refused():
    payload = b"\x94\xa4call\x01\xa1m" + b"\x91" * 100_000 + b"\x00"
    with pytest.raises(LanherdError) as caught:
        decode_frame(payload)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


def test_bodies_are_read_by_type():
    spec = RunSpec(command=("python", "train.py"))
    for _ in range(2):
        assert decode_body(RunSpec, encode_body(spec)) == spec


def test_a_wrong_body_is_refused_and_its_field_named():
    body = encode_body(m.GetRun(run="x"))
    with pytest.raises(LanherdError) as caught:
        decode_body(RunSpec, body)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert "command" in caught.value.failure.message
    with pytest.raises(LanherdError, match=r"runs\[0\]\.run"):
        decode_body(m.SubmitRuns, msgspec.Raw(msgpack.packb({"runs": [{"run": 5}]})))


def test_a_message_that_is_too_large_is_refused_and_leaves_nothing_behind():
    out = bytearray(b"before")
    with pytest.raises(LanherdError) as caught:
        append_frame(out, m.Call(1, "m" * (1 << 20), msgspec.Raw(b"\xc0")))
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert out == b"before"


def test_an_error_code_of_a_newer_peer_reads_as_unknown():
    payload = msgpack.packb(["failed", 1, {"code": "gpu_on_fire", "title": "A GPU burns."}])
    failed = decode_frame(payload)
    assert failed == m.Failed(1, Failure(code=ErrorCode.UNKNOWN, title="A GPU burns."))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["ping", 5], "ping nonce=5"),
        (["ping", 5, "new"], "ping nonce=5 'new'"),
        (["teleport", 5], "unknown frame 'teleport': [5]"),
        ([], "not a frame: []"),
        ([5], "not a frame: [5]"),
        (5, "not a frame: 5"),
    ],
)
def test_frames_can_be_read_by_people(value, expected):
    assert dump_frame(msgpack.packb(value)) == expected


def test_a_dump_is_cut():
    assert len(dump_frame(msgpack.packb(["call", 1, "x" * 9000, {}]))) == DUMP_CHARS_MAX + 1


@pytest.mark.parametrize(
    "payload",
    [
        b"\x92\xa1\xff\x01",
        b"\x94\xa4call\x01\xa1\xff\xc0",
        b"\x93\xa6failed\x01\x81\xa5title\xa1\xff",
    ],
)
def test_a_frame_whose_text_is_not_utf8_is_refused(payload):
    with pytest.raises(LanherdError) as caught:
        decode_frame(payload)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    assert dump_frame(payload)


def test_a_body_whose_text_is_not_utf8_is_refused():
    with pytest.raises(LanherdError) as caught:
        decode_body(m.GetRun, msgspec.Raw(b"\x81\xa3run\xa1\xff"))
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_a_map_whose_key_is_a_map_can_be_dumped():
    assert "not msgpack" in dump_frame(b"\x91\x81\x80\x01")
