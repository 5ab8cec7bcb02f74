"""Snapshots and environments: take in what is missing, say what is there."""

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import HASHES_PER_CALL_MAX
from lanherd_protocol.messages import (
    BlobsStored,
    Empty,
    EnvironmentList,
    FindMissing,
    HasSnapshot,
    MissingBlobs,
    PutBlobs,
    PutManifest,
    SnapshotPresence,
    SnapshotStored,
)
from lanherd_protocol.methods import (
    ENVIRONMENTS_LIST,
    SNAPSHOTS_HAS,
    SNAPSHOTS_MISSING,
    SNAPSHOTS_PUT_BLOBS,
    SNAPSHOTS_PUT_MANIFEST,
)


class SnapshotsApi:
    def __init__(self, store: SnapshotStore, builder: EnvironmentBuilder, shell: Shell) -> None:
        self._store = store
        self._builder = builder
        self._shell = shell

    def routes(self, routes: Routes) -> None:
        routes.call(SNAPSHOTS_HAS, self._on_has)
        routes.call(SNAPSHOTS_MISSING, self._on_missing)
        routes.call(SNAPSHOTS_PUT_BLOBS, self._on_put_blobs)
        routes.call(SNAPSHOTS_PUT_MANIFEST, self._on_put_manifest)
        routes.call(ENVIRONMENTS_LIST, self._on_environments)

    async def _on_has(self, call: IncomingCall, request: HasSnapshot) -> SnapshotPresence:
        return SnapshotPresence(present=await self._store.has(request.snapshot))

    async def _on_missing(self, call: IncomingCall, request: FindMissing) -> MissingBlobs:
        if len(request.blobs) > HASHES_PER_CALL_MAX:
            raise error(
                ErrorCode.TOO_LARGE,
                f"One call may ask for {HASHES_PER_CALL_MAX} blobs.",
                f"This one asks for {len(request.blobs)}.",
                "Ask in several calls.",
                refusal="many_blobs",
                blobs=len(request.blobs),
                blobs_max=HASHES_PER_CALL_MAX,
            )
        return MissingBlobs(blobs=await self._store.missing(request.blobs))

    async def _on_put_blobs(self, call: IncomingCall, request: PutBlobs) -> BlobsStored:
        return await self._store.put_pack(call.upload, request.count)

    async def _on_put_manifest(self, call: IncomingCall, request: PutManifest) -> SnapshotStored:
        stored = await self._store.put_manifest(request.snapshot, call.upload)
        await self._shell.record(audit(call, request.snapshot))
        return stored

    async def _on_environments(self, call: IncomingCall, request: Empty) -> EnvironmentList:
        return EnvironmentList(environments=await self._builder.list())
