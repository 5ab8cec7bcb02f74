"""Cutting a zstd frame behind each of its blocks (RFC 8878, 3.1.1).

A few bytes can stand for megabytes, but a block never for more than 128 KiB. Whoever hands a
decompressor one block at a time therefore knows how much comes out of it, whatever the frame says
of itself; and where nothing gets smaller, a block is 128 KiB of input, and there are few of them.

Nothing is checked here but what is needed to find the blocks: the decompressor checks the rest.
"""

from collections.abc import Iterator

MAGIC = bytes.fromhex("28b52ffd")
BLOCK_BYTES_MAX = 128 * 1024
"""What a block makes at most."""
_START_BYTES = len(MAGIC) + 1
_BLOCK_HEADER_BYTES = 3
_CHECKSUM_BYTES = 4
_REPEATED = 1
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)


class NoFrameError(ValueError):
    """The bytes don't begin as a zstd frame does."""


class BlockCutter:
    """Cuts one frame that comes in pieces of any size."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._head_bytes = _START_BYTES
        self._left = 0
        self._has_checksum = False
        self._in_blocks = False
        self._ended = False

    def cut(self, data: memoryview) -> Iterator[memoryview | bytes]:
        """The same bytes in pieces of which none goes over the end of a block; but for those of a
        header that isn't whole yet, which come with its rest. What follows the frame comes as it
        is. Raises NoFrameError.
        """
        at = 0
        while at < len(data):
            if self._left:
                end = min(at + self._left, len(data))
                self._left -= end - at
                yield data[at:end]
                at = end
            elif self._ended:
                yield data[at:]
                return
            else:
                end = at + self._head_bytes - len(self._head)
                self._head += data[at:end]
                at = end
                if len(self._head) == self._head_bytes:
                    yield self._take_head()

    def _take_head(self) -> bytes:
        head = bytes(self._head)
        self._head.clear()
        if self._in_blocks:
            self._on_block(int.from_bytes(head, "little"))
        else:
            self._on_start(head)
        return head

    def _on_start(self, head: bytes) -> None:
        if not head.startswith(MAGIC):
            raise NoFrameError("it doesn't begin as a zstd frame")
        descriptor = head[-1]
        is_single = descriptor >> 5 & 1
        self._has_checksum = bool(descriptor >> 2 & 1)
        # With a single segment there is no window, and a size in any case.
        window_bytes = 1 - is_single
        size_bytes = _SIZE_BYTES[descriptor >> 6] or is_single
        self._left = window_bytes + _DICTIONARY_BYTES[descriptor & 3] + size_bytes
        self._head_bytes = _BLOCK_HEADER_BYTES
        self._in_blocks = True

    def _on_block(self, header: int) -> None:
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        self._left = 1 if kind == _REPEATED else size
        if is_last:
            self._ended = True
            if self._has_checksum:
                self._left += _CHECKSUM_BYTES
