import hashlib
import itertools
import random
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, MIB
from lanherd_protocol.packs import PackDecoder, PackEncoder, PackError, encode_pack

BLOBS = st.lists(st.binary(min_size=1, max_size=2000), max_size=6)


def named(data: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(data).hexdigest())


def pack(blobs: list[bytes]) -> bytes:
    encoder = PackEncoder()
    return b"".join([*(encoder.add(named(data), data) for data in blobs), encoder.finish()])


def at_once(blobs: list[bytes]) -> bytes:
    return encode_pack((named(data), data) for data in blobs)


def unpack(pieces: list[bytes], count: int) -> list[bytes]:
    decoder = PackDecoder(count)
    found = [data for piece in pieces for _, data in decoder.feed(piece)]
    decoder.finish()
    return found


def raw(*records: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(b"".join(records))


def record(said: BlobHash, length: int, data: bytes) -> bytes:
    return bytes.fromhex(said) + length.to_bytes(4, "big") + data


@given(BLOBS, st.data())
def test_a_pack_comes_back_however_it_is_cut(blobs: list[bytes], data: st.DataObject) -> None:
    whole = pack(blobs)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert unpack(pieces, len(blobs)) == blobs


@given(BLOBS, st.data())
def test_a_pack_made_at_once_comes_back_too(blobs: list[bytes], data: st.DataObject) -> None:
    whole = at_once(blobs)
    cut = data.draw(st.integers(0, len(whole)))
    assert unpack([whole[:cut], whole[cut:]], len(blobs)) == blobs


@pytest.mark.parametrize("level", [-5, 1, 3])
def test_large_blobs_come_back(level: int) -> None:
    blobs = [bytes([number]) * BLOB_BYTES_MAX for number in range(4)]
    blobs.append(random.Random(level).randbytes(BLOB_BYTES_MAX))
    assert unpack([pack(blobs)], 5) == blobs
    assert unpack([encode_pack([(named(data), data) for data in blobs], level)], 5) == blobs


@given(BLOBS.filter(bool), st.data())
def test_a_damaged_pack_never_gives_a_wrong_blob(blobs: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(pack(blobs))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    decoder = PackDecoder(len(blobs))
    good = set(blobs)
    try:
        for said, content in decoder.feed(bytes(whole)):
            assert named(content) == said
            assert content in good
        decoder.finish()
    except PackError:
        return


@given(BLOBS.filter(bool), st.data())
def test_a_pack_that_is_cut_short_is_refused(blobs: list[bytes], data: st.DataObject) -> None:
    whole = pack(blobs)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(PackError):
        unpack([whole[:end]], len(blobs))


def test_what_comes_after_the_end_is_refused() -> None:
    whole = pack([b"a"])
    with pytest.raises(PackError, match="after the end"):
        unpack([whole + b"x"], 1)
    with pytest.raises(PackError, match="after the end"):
        unpack([whole, b"x"], 1)


def test_more_blobs_than_announced_are_refused() -> None:
    with pytest.raises(PackError, match="announced"):
        unpack([pack([b"a", b"b"])], 1)


def test_fewer_blobs_than_announced_are_refused() -> None:
    with pytest.raises(PackError, match="2 blobs"):
        unpack([pack([b"a"])], 3)


@pytest.mark.parametrize("length", [0, BLOB_BYTES_MAX + 1, 2**32 - 1])
def test_a_blob_of_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(PackError, match="are allowed"):
        unpack([raw(record(named(b"a"), length, b"a"))], 1)


def test_a_blob_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(PackError, match="hash"):
        unpack([raw(record(named(b"a"), 1, b"b"))], 1)


def test_a_blob_that_has_no_length_or_too_many_bytes_is_not_added() -> None:
    encoder = PackEncoder()
    for data in (b"", bytes(BLOB_BYTES_MAX + 1)):
        with pytest.raises(ValueError, match="1 to"):
            encoder.add(named(data), data)
        with pytest.raises(ValueError, match="1 to"):
            at_once([b"good", data])


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    stream = zstandard.ZstdCompressor(level=19).compressobj()
    zeros = bytes(16 * MIB)
    bomb = b"".join([*(stream.compress(zeros) for _ in range(16)), stream.flush()])
    tracemalloc.start()
    try:
        with pytest.raises(PackError):
            unpack([bomb], 10_000)
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()
