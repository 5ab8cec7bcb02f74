"""Packs of blobs, read and compressed in threads, each once for all the machines that lack it.

What is packed is kept until every machine that lacks it has it, within a bound. A machine that
comes so late that it is gone by then has it packed once more, for itself: it goes on by itself, and
nobody waits for it.

Blobs that were read from disk for the second time are not hashed for the second time: the machine
hashes each of them anyway. If one isn't what its hash says, the files are looked at here (`blame`),
so that the one that has changed meanwhile can be named.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import zstandard

from lanherd_client.projects.problems import changed, refused_by_system
from lanherd_client.projects.reading import Found, Source
from lanherd_protocol.limits import KIB, MIB
from lanherd_protocol.packs import encode_pack

PACK_BYTES_MAX = 4 * MIB
PACK_BLOBS_MAX = 1000
KEPT_BYTES_MAX = 64 * MIB
"""Of packs that other machines have taken and some have not."""
HELD_BYTES_MAX = 64 * MIB
"""Of small files that were read and not packed yet; what is above that is read once more."""
LEVEL_USUAL = 1
LEVEL_DENSE = -5
"""For what is compressed already, such as pictures and weights: looked through, hardly more."""
SAMPLE_BYTES = 1 * KIB
SAMPLES_MAX = 32
DENSE_FROM = 0.95


class Pack:
    """Blobs that go to some machines in one upload."""

    def __init__(self, found: Sequence[Found], wanted_by: Iterable[object]) -> None:
        self.found = found
        self.wanted_by = set(wanted_by)
        self.bytes_raw = sum(one.source.length for one in found)

    @property
    def last_path(self) -> str:
        return os.path.basename(self.found[-1].source.path)

    def give_up_data(self) -> None:
        """From here on the bytes are read from the files, should they be wanted once more."""
        self.found = without_data(self.found)


def cut(found: Iterable[Found]) -> Iterator[list[Found]]:
    """These blobs in parts of which each makes a pack."""
    part: list[Found] = []
    bytes_raw = 0
    for one in found:
        if part and (bytes_raw + one.source.length > PACK_BYTES_MAX or len(part) == PACK_BLOBS_MAX):
            yield part
            part, bytes_raw = [], 0
        part.append(one)
        bytes_raw += one.source.length
    if part:
        yield part


class Press:
    """Makes packs, and keeps those that another machine wants too."""

    def __init__(self) -> None:
        self.reads = 0
        """How many blobs were read and packed, each as often as that happened."""
        self._making: dict[Pack, asyncio.Future[bytes]] = {}
        self._kept: dict[Pack, bytes] = {}
        self._kept_bytes = 0
        self._held_bytes = 0

    def hold(self, one: Found) -> Found:
        """A blob that was read, without its bytes where too many are held."""
        if one.data is None:
            return one
        if self._held_bytes + len(one.data) > HELD_BYTES_MAX:
            return Found(one.blob, one.source, None)
        self._held_bytes += len(one.data)
        return one

    def release(self, found: Iterable[Found]) -> None:
        """The bytes of these are held no longer."""
        self._held_bytes -= sum(len(one.data) for one in found if one.data is not None)

    async def content(self, pack: Pack) -> bytes:
        """The pack's bytes. Raises PROJECT_CHANGED and PROJECT_UNREADABLE."""
        kept = self._kept.get(pack)
        if kept is not None:
            return kept
        making = self._making.get(pack)
        if making is None:
            self.reads += len(pack.found)
            making = asyncio.get_running_loop().run_in_executor(None, press, pack.found)
            self._making[pack] = making
            making.add_done_callback(partial(self._on_made, pack))
        return await asyncio.shield(making)

    def taken(self, pack: Pack, by: object) -> None:
        """The machine has it, or doesn't want it any more."""
        if by not in pack.wanted_by:
            return
        pack.wanted_by.discard(by)
        if not pack.wanted_by:
            self.release(pack.found)
            self._drop(pack)

    async def close(self) -> None:
        """Returns when no thread packs any more."""
        while self._making:
            await asyncio.wait([*self._making.values()])
            # Their callbacks run after this wakes up.
            await asyncio.sleep(0)

    def _on_made(self, pack: Pack, making: "asyncio.Future[bytes]") -> None:
        del self._making[pack]
        if making.cancelled() or making.exception() is not None or len(pack.wanted_by) < 2:
            return
        self.release(pack.found)
        pack.give_up_data()
        self._kept[pack] = making.result()
        self._kept_bytes += len(making.result())
        while self._kept_bytes > KEPT_BYTES_MAX:
            self._drop(next(iter(self._kept)))

    def _drop(self, pack: Pack) -> None:
        kept = self._kept.pop(pack, None)
        if kept is not None:
            self._kept_bytes -= len(kept)


def press(found: Sequence[Found]) -> bytes:
    """A pack of these blobs; blocks."""
    data = [read(one.source) if one.data is None else one.data for one in found]
    blobs = [(one.blob, content) for one, content in zip(found, data, strict=True)]
    return encode_pack(blobs, LEVEL_DENSE if is_dense(data) else LEVEL_USUAL)


def is_dense(contents: Sequence[bytes]) -> bool:
    """Whether compressing these would be in vain, by the first bytes of some of them."""
    step = -(-len(contents) // SAMPLES_MAX)
    sample = b"".join(content[:SAMPLE_BYTES] for content in contents[::step])
    compressed = zstandard.ZstdCompressor(level=LEVEL_USUAL).compress(sample)
    return len(compressed) > DENSE_FROM * len(sample)


def read(source: Source) -> bytes:
    """The bytes at that place of the file; PROJECT_CHANGED where there are fewer."""
    try:
        descriptor = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.pread(descriptor, source.length, source.offset)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise changed(source.path) from None
    except OSError as refused:
        raise refused_by_system(source.path, refused) from refused
    if len(data) != source.length:
        raise changed(source.path)
    return data


def blame(found: Iterable[Found]) -> None:
    """Raises PROJECT_CHANGED for the first file that isn't as it was when it was hashed."""
    for one in found:
        if hashlib.sha256(read(one.source)).hexdigest() != one.blob:
            raise changed(one.source.path)


def without_data(found: Iterable[Found]) -> list[Found]:
    """The same, to be read from their files."""
    return [Found(one.blob, one.source, None) for one in found]
