"""What a person has pushed to a machine: listed, kept, removed, read through."""

from collections.abc import AsyncGenerator, Callable

import msgspec
from msgspec import Struct

from lanherd_client.new_ids import new_id
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import CommandId, SnapshotId
from lanherd_protocol.limits import SNAPSHOT_LIST_PAGE_MAX
from lanherd_protocol.methods import (
    SNAPSHOTS_COLLECT,
    SNAPSHOTS_LIST,
    SNAPSHOTS_PIN,
    SNAPSHOTS_REMOVE,
    SNAPSHOTS_VERIFY,
)
from lanherd_protocol.snapshot_messages import (
    CollectSnapshots,
    ListSnapshots,
    PinSnapshot,
    RemoveSnapshot,
    SnapshotList,
    SnapshotsCollected,
    SnapshotsVerified,
    SnapshotView,
    VerifySnapshots,
)

LINE_BYTES_MAX = 4096


class VerifyProgress(Struct, frozen=True, kw_only=True):
    """How far a verification is: blobs read, of how many, and their bytes."""

    blobs: int
    blobs_total: int
    bytes: int


class SnapshotCalls:
    """The verbs of a fleet about snapshots: always the caller's own, whatever his role, but for
    `collect_snapshots`, which takes an operator (`NOT_ALLOWED`)."""

    _session_of: Callable[[str], Session]

    async def list_snapshots(
        self,
        machine: str,
        *,
        project: str = "",
        after: SnapshotId | None = None,
        limit: int = SNAPSHOT_LIST_PAGE_MAX,
    ) -> SnapshotList:
        """A page of what was pushed to a machine, the most recently used first: of one project, or
        of all. `after` is the last of the page before."""
        request = ListSnapshots(project=project, after=after, limit=limit)
        return await self._session_of(machine).ask(SNAPSHOTS_LIST, request)

    async def snapshots(
        self, machine: str, *, project: str = ""
    ) -> AsyncGenerator[SnapshotView, None]:
        """All of them, page by page."""
        after: SnapshotId | None = None
        while True:
            page = await self.list_snapshots(machine, project=project, after=after)
            for view in page.snapshots:
                yield view
            if not page.more or not page.snapshots:
                return
            after = page.snapshots[-1].snapshot

    async def pin_snapshot(
        self, machine: str, snapshot: SnapshotId, note: str = "", *, pinned: bool = True
    ) -> SnapshotView:
        """Keeps a snapshot whatever its age (`pinned` false: no longer); as it is then."""
        request = PinSnapshot(
            command=CommandId(new_id()), snapshot=snapshot, pinned=pinned, note=note
        )
        changed = (await self._session_of(machine).insist(SNAPSHOTS_PIN, request)).snapshot
        if changed is None:
            raise _garbled("It says nothing of the snapshot that it has pinned.")
        return changed

    async def remove_snapshot(self, machine: str, snapshot: SnapshotId) -> None:
        """Forgets a snapshot. `ConflictError` while one of one's own runs that wait or are live
        needs it, or it is pinned."""
        request = RemoveSnapshot(command=CommandId(new_id()), snapshot=snapshot)
        await self._session_of(machine).insist(SNAPSHOTS_REMOVE, request)

    async def collect_snapshots(
        self, machine: str, age_s: float, *, dry_run: bool = False
    ) -> SnapshotsCollected:
        """Removes everybody's snapshots that nothing needs and nobody used for `age_s` seconds, and
        the blobs that are left over; with `dry_run` nothing, and it is told what would go."""
        request = CollectSnapshots(command=CommandId(new_id()), age_s=age_s, dry_run=dry_run)
        return await self._session_of(machine).insist(SNAPSHOTS_COLLECT, request)

    async def verify_snapshots(
        self,
        machine: str,
        snapshot: SnapshotId | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> SnapshotsVerified:
        """Has the machine read one snapshot, or all, and compare it with its hashes. What is
        damaged is removed there, and pushed anew by the next push.

        `progress` is called in this event loop. A cut begins it anew."""
        session = self._session_of(machine)
        lost: Peer | None = None
        while True:
            peer = await session.reconnected(lost)
            lines = _Lines(progress)
            try:
                request = VerifySnapshots(snapshot=snapshot)
                async with peer.download(SNAPSHOTS_VERIFY, request) as download:
                    async for data in download:
                        lines.feed(data)
                    return download.response
            except LanherdError as problem:
                if problem.code not in LOST_CODES:
                    raise
                lost = peer


class _Lines:
    """Cuts what a machine tells on the way into lines."""

    def __init__(self, tell: Callable[[VerifyProgress], None] | None) -> None:
        self._tell = tell
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise _garbled("A line of its progress has no end.")
        for line in whole:
            try:
                told = msgspec.json.decode(line, type=VerifyProgress)
            except msgspec.DecodeError as problem:
                raise _garbled(f"{problem}.") from problem
            if self._tell is not None:
                self._tell(told)


def _garbled(message: str) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "What the machine says of its snapshots makes no sense.",
        message,
        "Lanherd may be older on one side than on the other: upgrade both.",
    )
