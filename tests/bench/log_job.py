"""Prints at a rate, for a time: blocks of log lines that anybody can write anew from their number.

python -I -S log_job.py BYTES_PER_SECOND SECONDS
"""

import os
import sys
import threading
import time

BLOCK_BYTES = 1 << 20
_HEAD = b"this is block number %010d\n"
_LINE = (
    b"2026-11-21 12:00:00,%03d INFO train step=%06d loss=%.6f lr=3.0e-04 throughput=%.1f tok/s\n"
)


def _filler(size: int) -> bytes:
    lines = (_LINE % (n % 1000, n, 1 / (n + 2), 9999.9 - n / 7) for n in range(size // 80))
    return b"".join(lines)[: size - 1] + b"\n"


FILLER = _filler(BLOCK_BYTES - len(_HEAD % 0))


def block(number: int) -> bytes:
    """Block `number` of the log: a line that tells it, then the same lines in each."""
    return _HEAD % number + FILLER


class Checker:
    """Holds bytes of a log against what was printed at their addresses."""

    def __init__(self) -> None:
        self.wrong_bytes = 0
        self._number, self._block = -1, b""

    def check(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            number, at = divmod(offset, BLOCK_BYTES)
            if number != self._number:
                self._number, self._block = number, block(number)
            count = min(len(view), BLOCK_BYTES - at)
            if view[:count] != self._block[at : at + count]:
                self.wrong_bytes += count
            view, offset = view[count:], offset + count


def main() -> None:
    rate, seconds = float(sys.argv[1]), float(sys.argv[2])
    began = time.monotonic()
    pause = threading.Event()
    number = 0
    while (spent_s := time.monotonic() - began) < seconds:
        pause.wait(max(0.0, number * BLOCK_BYTES / rate - spent_s))
        data = memoryview(block(number))
        while data:
            data = data[os.write(1, data) :]
        number += 1


if __name__ == "__main__":
    main()
