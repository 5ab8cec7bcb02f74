"""Snapshots: take in what is missing, say what is there.

A user is told of his own snapshots alone, whatever his role: whether somebody else has a file is
nobody's business.
"""

import time
from collections import Counter
from collections.abc import Mapping

import msgspec

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.api.once import Once
from lanherd_agent.api.receiving import Receiving
from lanherd_agent.persist.catalogue import KeptSnapshot
from lanherd_agent.shell.shell import Shell
from lanherd_agent.snapshots import problems
from lanherd_agent.snapshots.collecting import Collector
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_agent.snapshots.verifying import Verified, verify
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.limits import (
    PIN_NOTE_CHARS_MAX,
    RUN_NAME_CHARS_MAX,
    SNAPSHOT_LIST_PAGE_MAX,
)
from lanherd_protocol.messages import (
    BlobsStored,
    FindMissing,
    HasSnapshot,
    MissingBlobs,
    PutBlobs,
    PutManifest,
    SnapshotPresence,
    SnapshotStored,
)
from lanherd_protocol.methods import (
    SNAPSHOTS_COLLECT,
    SNAPSHOTS_HAS,
    SNAPSHOTS_LIST,
    SNAPSHOTS_MISSING,
    SNAPSHOTS_PIN,
    SNAPSHOTS_PUT_BLOBS,
    SNAPSHOTS_PUT_MANIFEST,
    SNAPSHOTS_REMOVE,
    SNAPSHOTS_VERIFY,
)
from lanherd_protocol.snapshot_messages import (
    CollectSnapshots,
    ListSnapshots,
    PinSnapshot,
    RemoveSnapshot,
    SnapshotChanged,
    SnapshotList,
    SnapshotsCollected,
    SnapshotsVerified,
    SnapshotView,
    VerifySnapshots,
)
from lanherd_protocol.states import Ended, RunView, Starting

TELL_EVERY_S = 0.2


class SnapshotsApi:
    def __init__(
        self,
        store: SnapshotStore,
        collector: Collector,
        shell: Shell,
    ) -> None:
        self._store = store
        self._collector = collector
        self._shell = shell
        self._once = Once()
        # Apart, since it may take minutes, for which nobody's pin is to wait.
        self._once_collected = Once()
        self._receiving = Receiving()
        shell.on_published(self._on_published)

    def routes(self, routes: Routes) -> None:
        routes.call(SNAPSHOTS_HAS, self._on_has)
        routes.call(SNAPSHOTS_MISSING, self._on_missing)
        routes.call(SNAPSHOTS_PUT_BLOBS, self._on_put_blobs)
        routes.call(SNAPSHOTS_PUT_MANIFEST, self._on_put_manifest)
        routes.call(SNAPSHOTS_LIST, self._on_list)
        routes.call(SNAPSHOTS_PIN, self._on_pin)
        routes.call(SNAPSHOTS_REMOVE, self._on_remove)
        routes.call(SNAPSHOTS_COLLECT, self._on_collect)
        routes.call(SNAPSHOTS_VERIFY, self._on_verify)

    async def _on_has(self, call: IncomingCall, request: HasSnapshot) -> SnapshotPresence:
        present = await self._store.has(request.snapshot)
        if not present or self._store.find(call.caller.user, request.snapshot) is None:
            return SnapshotPresence(present=False)
        self._store.touch(call.caller.user, request.snapshot)
        return SnapshotPresence(present=True)

    async def _on_missing(self, call: IncomingCall, request: FindMissing) -> MissingBlobs:
        user = call.caller.user
        await self._receiving.settled(user)
        return MissingBlobs(blobs=await self._store.missing(user, request.blobs))

    async def _on_put_blobs(self, call: IncomingCall, request: PutBlobs) -> BlobsStored:
        with self._receiving.taking(call):
            return await self._store.put_pack(call.caller.user, call.upload, request.count)

    async def _on_put_manifest(self, call: IncomingCall, request: PutManifest) -> SnapshotStored:
        _check_text("project", request.project, RUN_NAME_CHARS_MAX)
        stored = await self._store.put_manifest(
            call.caller.user,
            request.snapshot,
            call.upload,
            base=request.base,
            project=request.project,
        )
        await self._shell.record(audit(call, request.snapshot))
        return stored

    async def _on_list(self, call: IncomingCall, request: ListSnapshots) -> SnapshotList:
        if not 0 < request.limit <= SNAPSHOT_LIST_PAGE_MAX:
            raise _bad_page(request.limit)
        user = call.caller.user
        found = sorted(
            (
                (snapshot, kept)
                for snapshot, kept in self._store.of(user).items()
                if request.project in ("", kept.project)
            ),
            key=_place,
        )
        if request.after is not None:
            after = self._store.find(user, request.after)
            if after is None:
                raise problems.not_yours(request.after)
            found = [one for one in found if _place(one) > _place((request.after, after))]
        runs = self._runs_of(user)
        views = tuple(
            _view(snapshot, kept, runs[snapshot]) for snapshot, kept in found[: request.limit]
        )
        shown = first_that_fit(views, encoded_size)
        blobs, store_bytes = await self._store.held(user)
        return SnapshotList(
            snapshots=shown, more=len(shown) < len(found), store_bytes=store_bytes, blobs=blobs
        )

    async def _on_pin(self, call: IncomingCall, request: PinSnapshot) -> SnapshotChanged:
        return await self._once.do(request, SnapshotChanged, lambda: self._pin(call, request))

    async def _pin(self, call: IncomingCall, request: PinSnapshot) -> SnapshotChanged:
        user = call.caller.user
        _check_text("note", request.note, PIN_NOTE_CHARS_MAX)
        kept = await self._store.pin(
            user, request.snapshot, pinned=request.pinned, note=request.note
        )
        await self._shell.record(audit(call, request.snapshot))
        runs = self._runs_of(user)
        return SnapshotChanged(snapshot=_view(request.snapshot, kept, runs[request.snapshot]))

    async def _on_remove(self, call: IncomingCall, request: RemoveSnapshot) -> SnapshotChanged:
        return await self._once.do(request, SnapshotChanged, lambda: self._remove(call, request))

    async def _remove(self, call: IncomingCall, request: RemoveSnapshot) -> SnapshotChanged:
        user = call.caller.user
        runs = self._runs_of(user)[request.snapshot]
        if runs:
            raise problems.needed(request.snapshot, runs)
        is_needed = request.snapshot in {
            *needed_snapshots(self._shell),
            *self._store.held_snapshots,
        }
        await self._store.remove(user, request.snapshot, needed=is_needed)
        await self._shell.record(audit(call, request.snapshot))
        return SnapshotChanged(snapshot=None)

    async def _on_collect(
        self, call: IncomingCall, request: CollectSnapshots
    ) -> SnapshotsCollected:
        return await self._once_collected.do(
            request, SnapshotsCollected, lambda: self._collect(call, request)
        )

    async def _collect(self, call: IncomingCall, request: CollectSnapshots) -> SnapshotsCollected:
        if not request.age_s >= 0:
            raise _bad_age(request.age_s)
        done = await self._collector.collect(request.age_s, dry_run=request.dry_run)
        await self._shell.record(audit(call, f"unused for {request.age_s:g} s"))
        return SnapshotsCollected(
            snapshots=done.snapshots, blobs=done.blobs, bytes_freed=done.bytes_freed
        )

    async def _on_verify(self, call: IncomingCall, request: VerifySnapshots) -> SnapshotsVerified:
        told_at = 0.0

        async def tell(done: Verified) -> None:
            nonlocal told_at
            if (now := time.monotonic()) - told_at >= TELL_EVERY_S:
                told_at = now
                await call.send(_line(done))

        done = await verify(self._store, call.caller.user, request.snapshot, tell)
        await call.send(_line(done))
        return SnapshotsVerified(
            blobs=done.blobs,
            bytes_read=done.bytes_read,
            damaged_blobs=done.damaged_blobs,
            damaged_snapshots=tuple(sorted(done.damaged_snapshots)),
        )

    def _runs_of(self, user: str) -> Mapping[SnapshotId, int]:
        """How many runs of the user that aren't over need each snapshot."""
        return Counter(
            view.spec.snapshot
            for view in runs_not_over(self._shell)
            if view.owner == user and view.spec.snapshot is not None
        )

    def _on_published(self, views: tuple[RunView, ...]) -> None:
        for view in views:
            if view.spec.snapshot is not None and isinstance(view.state, Starting):
                self._store.touch(view.owner, view.spec.snapshot)


def runs_not_over(shell: Shell) -> list[RunView]:
    snapshot = shell.snapshot(0, shell.queued_runs)
    return [view for view in snapshot.runs if not isinstance(view.state, Ended)]


def needed_snapshots(shell: Shell) -> set[SnapshotId]:
    """The snapshots of runs that wait or are live, whoever's they are."""
    return {view.spec.snapshot for view in runs_not_over(shell) if view.spec.snapshot is not None}


def _place(one: tuple[SnapshotId, KeptSnapshot]) -> tuple[float, SnapshotId]:
    return -one[1].used_at, one[0]


def _view(snapshot: SnapshotId, kept: KeptSnapshot, runs: int) -> SnapshotView:
    return SnapshotView(
        snapshot=snapshot,
        project=kept.project,
        files=kept.files,
        bytes_total=kept.bytes_total,
        created_at=kept.created_at,
        used_at=kept.used_at,
        runs=runs,
        pinned=kept.pinned,
        pin_note=kept.pin_note,
    )


def _line(done: Verified) -> bytes:
    line = {"blobs": done.blobs, "blobs_total": done.blobs_total, "bytes": done.bytes_read}
    return msgspec.json.encode(line) + b"\n"


def _check_text(field: str, text: str, chars_max: int) -> None:
    if len(text) > chars_max or not text.isprintable():
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"The {field} can't be kept.",
            f"It has {len(text)} characters; up to {chars_max} are, in one line.",
            "Choose a shorter one.",
            refusal="bad_snapshot_text",
            field=field,
            chars=len(text),
            chars_max=chars_max,
        )


def _bad_page(limit: int) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"A page of snapshots holds 1 to {SNAPSHOT_LIST_PAGE_MAX}.",
        f"{limit} were asked for.",
        "Ask for the next page with the last snapshot of the one before.",
        refusal="bad_snapshot_page",
        limit=limit,
        limit_max=SNAPSHOT_LIST_PAGE_MAX,
    )


def _bad_age(age_s: float) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "This is no age.",
        f"{age_s:g} s lie in the future.",
        "Give an age of 0 or more.",
        refusal="bad_snapshot_age",
        age_s=age_s,
    )
