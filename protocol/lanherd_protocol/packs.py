"""Packs: many blobs in one upload.

One zstd frame of records, each `sha256 (32 bytes) | length (u32, big endian) | bytes`. Blobs are
small and alike, so one frame over all of them compresses far better than one for each.

The decoder is given whatever pieces the network makes. zstd can turn a few bytes into megabytes,
so the decoder takes its input one block of the frame at a time, which makes 128 KiB at most, and
hands out each blob before it looks at more.
"""

import hashlib
from collections.abc import Iterable, Iterator

import zstandard

from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, MIB
from lanherd_protocol.manifest import COMPRESSION_LEVEL
from lanherd_protocol.zstd_blocks import BlockCutter, NoFrameError

HASH_BYTES = 32
HEADER_BYTES = HASH_BYTES + 4
WINDOW_BYTES_MAX = 8 * MIB
"""How far back a pack's compression may refer; level 3 uses 2 MiB."""


class PackError(ValueError):
    """The upload is not a pack, is cut short, or holds a blob that is not what it says."""


class PackEncoder:
    """Makes a pack, blob by blob; each call returns the compressed bytes that are ready."""

    def __init__(self) -> None:
        compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True)
        self._stream = compressor.compressobj()

    def add(self, blob: BlobHash, data: bytes) -> bytes:
        """One more blob; raises ValueError when it is empty or above `BLOB_BYTES_MAX`."""
        return self._stream.compress(_header(blob, data)) + self._stream.compress(data)

    def finish(self) -> bytes:
        """The last bytes of the pack."""
        return self._stream.flush()


def encode_pack(blobs: Iterable[tuple[BlobHash, bytes]], level: int = COMPRESSION_LEVEL) -> bytes:
    """A whole pack of blobs that are all there, in one go: threads that each compress a thousand
    small blobs one by one would pass the interpreter's lock to and fro all the time. `level` is
    zstd's: a low one for what won't get smaller. Raises ValueError as `PackEncoder.add`.
    """
    records = [part for blob, data in blobs for part in (_header(blob, data), data)]
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    return compressor.compress(b"".join(records))


def _header(blob: BlobHash, data: bytes) -> bytes:
    if not 0 < len(data) <= BLOB_BYTES_MAX:
        raise ValueError(f"a blob has 1 to {BLOB_BYTES_MAX} bytes, not {len(data)}")
    return bytes.fromhex(blob) + len(data).to_bytes(4, "big")


class PackDecoder:
    """Reads a pack of exactly `count` blobs from pieces of any size."""

    def __init__(self, count: int) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        self._stream = decompressor.decompressobj()
        self._cutter = BlockCutter()
        self._records = bytearray()
        self._left = count

    def feed(self, data: bytes) -> Iterator[tuple[BlobHash, bytes]]:
        """The blobs that these bytes complete, verified; to be exhausted before the next call.

        Raises PackError; the blobs handed out before it are good.
        """
        try:
            for piece in self._cutter.cut(memoryview(data)):
                self._decompress(piece)
                yield from self._take()
        except NoFrameError as refused:
            raise PackError(f"not a pack: {refused}") from refused

    def finish(self) -> None:
        """Says that no more bytes come; raises PackError unless the pack is whole."""
        if not self._stream.eof or self._left or self._records:
            raise PackError(f"the pack is cut short: {self._left} blobs have not arrived")

    def _decompress(self, piece: memoryview | bytes) -> None:
        # No piece goes over the end of a frame, so what follows it comes as a piece of its own.
        if self._stream.eof:
            raise PackError("bytes after the end of the pack")
        try:
            self._records += self._stream.decompress(piece)
        except zstandard.ZstdError as refused:
            raise PackError(f"not a pack: {refused}") from refused

    def _take(self) -> Iterator[tuple[BlobHash, bytes]]:
        records = self._records
        start = 0
        while len(records) - start >= HEADER_BYTES:
            length = int.from_bytes(records[start + HASH_BYTES : start + HEADER_BYTES], "big")
            if not self._left:
                raise PackError("more blobs than were announced")
            if not 0 < length <= BLOB_BYTES_MAX:
                raise PackError(f"a blob of {length} bytes; 1 to {BLOB_BYTES_MAX} are allowed")
            end = start + HEADER_BYTES + length
            if len(records) < end:
                break
            said = records[start : start + HASH_BYTES].hex()
            with memoryview(records) as view:
                data = bytes(view[start + HEADER_BYTES : end])
            if hashlib.sha256(data).hexdigest() != said:
                raise PackError(f"blob {said} is not what its hash says")
            self._left -= 1
            start = end
            yield BlobHash(said), data
        del records[:start]
