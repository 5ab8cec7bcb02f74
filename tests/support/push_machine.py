"""A machine as a push sees it: it keeps what it is given, and can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from lanherd_client.projects.push_progress import Caller
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.methods import Method
from lanherd_protocol.packs import PackDecoder, PackError
from lanherd_protocol.values import Manifest

Request = TypeVar("Request", bound=msgspec.Struct)
Response = TypeVar("Response", bound=msgspec.Struct)
Before = Callable[[Any], Awaitable[None]]


class PushMachine:
    """What it has, and what it was asked; `before` is awaited with each request.

    `bytes_until_cut`: after so many bytes of packs and manifests the line is lost, once.
    """

    def __init__(self, name: str = "") -> None:
        self.machine = name
        self.blobs: dict[BlobHash, bytes] = {}
        self.snapshots: dict[str, Manifest] = {}
        self.calls: list[str] = []
        self.requests: list[Any] = []
        self.sent: dict[BlobHash, int] = {}
        """How often each blob arrived."""
        self.asks_for: tuple[BlobHash, ...] | None = None
        self.before: Before | None = None
        self.bytes_until_cut: int | None = None
        self.cuts = 0

    # --- a line and its only connection ------------------------------------------------------

    async def caller(self, lost: LanherdError | None) -> Caller:
        return self

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response:
        self.calls.append(method.name)
        self.requests.append(request)
        # Nothing is answered at the very moment at which it is asked.
        await asyncio.sleep(0)
        if self.before is not None:
            await self.before(request)
        answer = await self._answer(request, upload)
        assert isinstance(answer, method.response)
        return answer

    # --- what it does ------------------------------------------------------------------------

    async def _answer(self, request: Any, upload: AsyncIterable[bytes] | None) -> Any:
        match request:
            case m.HasSnapshot(snapshot=snapshot):
                return m.SnapshotPresence(present=snapshot in self.snapshots)
            case m.FindMissing(blobs=blobs):
                missing = tuple(blob for blob in blobs if blob not in self.blobs)
                return m.MissingBlobs(blobs=self.asks_for or missing)
            case m.PutBlobs(count=count):
                assert upload is not None
                return await self._take_pack(count, upload)
            case m.PutManifest():
                assert upload is not None
                content = b"".join([self._arrived(chunk) async for chunk in upload])
                return self._take_manifest(request, content)
            case _:
                raise AssertionError(request)

    def _arrived(self, chunk: bytes) -> bytes:
        """Of these bytes those that come before the cut."""
        if self.bytes_until_cut is None:
            return chunk
        self.bytes_until_cut -= len(chunk)
        if self.bytes_until_cut > 0:
            return chunk
        return chunk[: self.bytes_until_cut + len(chunk)]

    async def _take_pack(self, count: int, upload: AsyncIterable[bytes]) -> m.BlobsStored:
        decoder = PackDecoder(count)
        try:
            async for chunk in upload:
                for blob, data in decoder.feed(self._arrived(chunk)):
                    self.blobs[blob] = data
                    self.sent[blob] = self.sent.get(blob, 0) + 1
                self._cut()
            decoder.finish()
        except PackError as refused:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "The pack can't be read.",
                f"{refused}",
                refusal="bad_pack",
            ) from refused
        return m.BlobsStored(count=count, bytes_stored=0)

    def _cut(self) -> None:
        if self.bytes_until_cut is not None and self.bytes_until_cut <= 0:
            self.bytes_until_cut = None
            self.cuts += 1
            raise error(ErrorCode.CONNECTION_LOST, "The connection was lost.")

    def _take_manifest(self, request: m.PutManifest, content: bytes) -> m.SnapshotStored:
        self._cut()
        if request.base is None:
            encoded = manifests.decompress(content)
        elif request.base not in self.snapshots:
            raise error(ErrorCode.NOT_FOUND, "The base is gone.", refusal="no_base")
        else:
            base = self.snapshots[request.base]
            encoded = manifests.encode(manifest_delta.apply(base, manifest_delta.decode(content)))
        assert manifests.snapshot_id(encoded) == request.snapshot
        manifest = manifests.decode(encoded)
        if not set(manifests.hashes(manifest)) <= set(self.blobs):
            raise error(ErrorCode.NOT_FOUND, "Blobs are missing.", refusal="missing_blobs")
        self.snapshots[request.snapshot] = manifest
        counted = manifests.summary(manifest)
        return m.SnapshotStored(
            snapshot=request.snapshot, files=counted.files, bytes_total=counted.bytes_total
        )
