import itertools
import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.zstd_blocks import BLOCK_BYTES_MAX, BlockCutter, NoFrameError


def frame(data: bytes, *, level: int = 3, checksum: bool = True, size: bool = True) -> bytes:
    compressor = zstandard.ZstdCompressor(
        level=level, write_checksum=checksum, write_content_size=size
    )
    if size:
        return compressor.compress(data)
    stream = compressor.compressobj()
    return stream.compress(data) + stream.flush()


def pieces_of(parts: list[bytes]) -> list[bytes]:
    cutter = BlockCutter()
    return [bytes(piece) for part in parts for piece in cutter.cut(memoryview(part))]


def contents() -> dict[str, bytes]:
    made = random.Random(4)
    return {
        "nothing": b"",
        "one": b"a",
        "text": b" ".join(made.choices([b"train", b"test", b"loss", b"=", b"0.1"], k=200_000)),
        "zeros": bytes(3_000_000),
        "dense": made.randbytes(700_000),
        "mixed": made.randbytes(200_000) + bytes(400_000) + b"text " * 50_000,
    }


@pytest.mark.parametrize("name", list(contents()))
@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("size", [True, False])
@pytest.mark.parametrize("level", [-5, 1, 19])
def test_no_piece_makes_more_than_a_block(
    name: str, checksum: bool, size: bool, level: int
) -> None:
    data = contents()[name]
    whole = frame(data, level=level, checksum=checksum, size=size)
    pieces = pieces_of([whole])
    assert b"".join(pieces) == whole
    stream = zstandard.ZstdDecompressor().decompressobj()
    made = [stream.decompress(piece) for piece in pieces]
    assert b"".join(made) == data
    assert max(map(len, made), default=0) <= BLOCK_BYTES_MAX
    assert stream.eof
    # Few and large where nothing gets smaller.
    assert len(pieces) <= 4 + 2 * (len(data) // 10_000 + 1)


@given(st.binary(max_size=3000), st.booleans(), st.data())
def test_the_pieces_are_the_same_bytes_however_they_come(
    data: bytes, checksum: bool, draw: st.DataObject
) -> None:
    whole = frame(data, checksum=checksum) + b"behind"
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    parts = [whole[start:end] for start, end in itertools.pairwise([0, *cuts, len(whole)])]
    assert b"".join(pieces_of(parts)) == whole


def test_a_dictionary_is_no_part_of_a_block() -> None:
    made = random.Random(2)
    samples = [b"".join(made.choices([b"ab", b"cd", b"ef"], k=100)) for _ in range(200)]
    dictionary = zstandard.train_dictionary(2000, samples)
    whole = zstandard.ZstdCompressor(dict_data=dictionary).compress(samples[0])
    pieces = pieces_of([whole])
    assert b"".join(pieces) == whole
    stream = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
    assert b"".join(stream.decompress(piece) for piece in pieces) == samples[0]


@pytest.mark.parametrize("data", [b"\x28\xb5\x2f\xfe\x00", b"PK\x03\x04\x00", bytes(5)])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(NoFrameError):
        pieces_of([data])
    assert pieces_of([data[:4]]) == []


def test_a_block_that_claims_too_much_is_left_to_the_decompressor() -> None:
    whole = bytearray(frame(b"text " * 1000))
    pieces = pieces_of([bytes(whole)])
    at = len(pieces[0]) + len(pieces[1])
    whole[at : at + 3] = b"\xff\xff\xff"
    with pytest.raises(zstandard.ZstdError):
        decompressed(pieces_of([bytes(whole)]))


def decompressed(pieces: list[bytes]) -> bytes:
    stream = zstandard.ZstdDecompressor().decompressobj()
    return b"".join(stream.decompress(piece) for piece in pieces)
