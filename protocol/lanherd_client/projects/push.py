"""Bringing a project to a machine: what it has already isn't sent again.

The folder is read, the machine is asked for the snapshot and then for missing blobs, those are
packed into one stream each call, and the manifest comes last. A push that is cut or cancelled
leaves blobs behind that the next push finds, and never half a snapshot.
"""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from lanherd_client.projects.problems import CancelledHere, changed, refused_by_system
from lanherd_client.projects.scan import Scan, Source, scan
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BULK_CHUNK_BYTES, HASHES_PER_CALL_MAX
from lanherd_protocol.manifest import compress, hashes
from lanherd_protocol.messages import FindMissing, HasSnapshot, PutBlobs, PutManifest
from lanherd_protocol.methods import (
    SNAPSHOTS_HAS,
    SNAPSHOTS_MISSING,
    SNAPSHOTS_PUT_BLOBS,
    SNAPSHOTS_PUT_MANIFEST,
    Method,
)
from lanherd_protocol.packs import PackEncoder

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)
Result = TypeVar("Result")
Phase = Literal["scanning", "comparing", "sending", "done"]


class Caller(Protocol):
    """What a push needs of a connection; `lanherd_protocol.aio.peer.Peer` is one."""

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class PushProgress:
    """How far a push is. While scanning `bytes_total` is 0; while sending the bytes are those of
    missing blobs, before compression.
    """

    phase: Phase
    files: int
    bytes_done: int
    bytes_total: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What was pushed. `sent_bytes` went over the wire, compressed, the manifest included."""

    snapshot: SnapshotId
    files: int
    bytes_total: int
    sent_bytes: int
    sent_blobs: int


async def push(
    caller: Caller, folder: Path, progress: Callable[[PushProgress], None] | None = None
) -> PushResult:
    """Brings the folder's present state to the machine and returns its snapshot.

    `progress` is called in this event loop. Raises PROJECT_UNREADABLE, PROJECT_EMPTY,
    PROJECT_CHANGED, TOO_LARGE, and whatever the machine or the connection says.
    """
    tell = progress or _silent
    scanned = await _scan(folder, tell)
    return await push_scan(caller, scanned, tell)


async def push_scan(
    caller: Caller, scanned: Scan, progress: Callable[[PushProgress], None] | None = None
) -> PushResult:
    """The same for a folder that was scanned before, as for a second machine."""
    tell = progress or _silent
    sent = _Sent()
    tell(PushProgress("comparing", scanned.files, 0, scanned.bytes_total))
    presence = await caller.call(SNAPSHOTS_HAS, HasSnapshot(snapshot=scanned.snapshot))
    if not presence.present:
        missing = await _find_missing(caller, hashes(scanned.manifest))
        await _send_blobs(caller, scanned, missing, sent, tell)
        await caller.call(
            SNAPSHOTS_PUT_MANIFEST,
            PutManifest(snapshot=scanned.snapshot),
            upload=_manifest_chunks(scanned.encoded, sent),
        )
    tell(PushProgress("done", scanned.files, scanned.bytes_total, scanned.bytes_total))
    return PushResult(
        snapshot=scanned.snapshot,
        files=scanned.files,
        bytes_total=scanned.bytes_total,
        sent_bytes=sent.wire_bytes,
        sent_blobs=sent.blobs,
    )


@dataclass(slots=True)
class _Sent:
    wire_bytes: int = 0
    blobs: int = 0
    blob_bytes: int = 0


def _silent(_: PushProgress) -> None:
    return


async def _scan(folder: Path, tell: Callable[[PushProgress], None]) -> Scan:
    loop = asyncio.get_running_loop()
    cancelled = threading.Event()

    def on_progress(files: int, bytes_done: int, path: str) -> None:
        loop.call_soon_threadsafe(tell, PushProgress("scanning", files, bytes_done, 0, path))

    try:
        return await _in_thread(lambda: scan(folder, on_progress, cancelled), cancelled)
    except CancelledHere:
        raise error(
            ErrorCode.CANCELLED, "The push was cancelled.", refusal="push_cancelled"
        ) from None


async def _find_missing(caller: Caller, wanted: Sequence[BlobHash]) -> list[BlobHash]:
    missing: list[BlobHash] = []
    for start in range(0, len(wanted), HASHES_PER_CALL_MAX):
        batch = tuple(wanted[start : start + HASHES_PER_CALL_MAX])
        answer = await caller.call(SNAPSHOTS_MISSING, FindMissing(blobs=batch))
        missing.extend(answer.blobs)
    return missing


async def _send_blobs(
    caller: Caller,
    scanned: Scan,
    missing: Sequence[BlobHash],
    sent: _Sent,
    tell: Callable[[PushProgress], None],
) -> None:
    unknown = next((blob for blob in missing if blob not in scanned.sources), None)
    if unknown is not None:
        raise error(
            ErrorCode.PROTOCOL_ERROR,
            "The machine asked for something that isn't part of the project.",
            f"Blob {unknown} was never offered to it.",
            "Update Lanherd on that machine.",
            refusal="unknown_blob",
            blob=unknown,
        )
    total = sum(scanned.sources[blob].length for blob in missing)
    for start in range(0, len(missing), HASHES_PER_CALL_MAX):
        batch = missing[start : start + HASHES_PER_CALL_MAX]
        await caller.call(
            SNAPSHOTS_PUT_BLOBS,
            PutBlobs(count=len(batch)),
            upload=_pack_chunks(scanned, batch, total, sent, tell),
        )


async def _pack_chunks(
    scanned: Scan,
    batch: Sequence[BlobHash],
    total: int,
    sent: _Sent,
    tell: Callable[[PushProgress], None],
) -> AsyncIterator[bytes]:
    """The pack of these blobs, in pieces; read and compressed in a thread, a few at a time."""
    packer = _Packer(scanned, batch)
    while not packer.finished:
        chunk = await _in_thread(packer.next_chunk)
        if chunk:
            sent.wire_bytes += len(chunk)
            yield chunk
        blobs_before, bytes_before = sent.blobs, sent.blob_bytes
        sent.blobs = blobs_before + packer.take_count()
        sent.blob_bytes = bytes_before + packer.take_bytes()
        tell(PushProgress("sending", scanned.files, sent.blob_bytes, total, packer.path))


class _Packer:
    """Fills chunks of a pack; used by one thread at a time."""

    def __init__(self, scanned: Scan, batch: Sequence[BlobHash]) -> None:
        self._sources = scanned.sources
        self._waiting = iter(batch)
        self._encoder = PackEncoder()
        self._count = 0
        self._bytes = 0
        self.path = ""
        self.finished = False

    def next_chunk(self) -> bytes:
        """Compressed bytes, about BULK_CHUNK_BYTES of them, from at most 16 times as many."""
        parts: list[bytes] = []
        ready = read = 0
        while ready < BULK_CHUNK_BYTES and read < 16 * BULK_CHUNK_BYTES:
            blob = next(self._waiting, None)
            if blob is None:
                parts.append(self._encoder.finish())
                self.finished = True
                break
            source = self._sources[blob]
            data = _read_source(source, blob)
            part = self._encoder.add(blob, data)
            parts.append(part)
            ready += len(part)
            read += len(data)
            self._count += 1
            self._bytes += len(data)
            self.path = os.path.basename(source.path)
        return b"".join(parts)

    def take_count(self) -> int:
        count, self._count = self._count, 0
        return count

    def take_bytes(self) -> int:
        count, self._bytes = self._bytes, 0
        return count


def _read_source(source: Source, blob: BlobHash) -> bytes:
    """The blob's bytes, if the file still holds them; PROJECT_CHANGED otherwise."""
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
    if hashlib.sha256(data).hexdigest() != blob:
        raise changed(source.path)
    return data


async def _manifest_chunks(encoded: bytes, sent: _Sent) -> AsyncIterator[bytes]:
    compressed = await _in_thread(lambda: compress(encoded))
    for start in range(0, len(compressed), BULK_CHUNK_BYTES):
        chunk = compressed[start : start + BULK_CHUNK_BYTES]
        sent.wire_bytes += len(chunk)
        yield chunk


async def _in_thread(
    work: Callable[[], Result], cancelled: threading.Event | None = None
) -> Result:
    """The result of `work`; a cancelled caller waits until the thread is done with it."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if cancelled is not None:
            cancelled.set()
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()
        raise
