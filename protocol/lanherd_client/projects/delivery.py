"""One machine's share of a push: what it is asked and sent, and how that goes on after a cut.

Everything that is offered to it is first asked about, in batches, and what it lacks comes back as
packs. Some tasks ask and some send, at the same time and while the folder is still read. When the
connection is lost, what was on its way is asked about once more over the next one, and all the rest
stays as it was: nothing that has arrived is sent again.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any, TypeVar

from lanherd_client.projects.packing import Pack, Press, blame, without_data
from lanherd_client.projects.push_bases import Base, PushBases
from lanherd_client.projects.push_planning import Batch, Planner
from lanherd_client.projects.push_progress import Caller, Line, Pace, PushProgress, PushResult
from lanherd_client.projects.scan import Before, Scan, Source
from lanherd_client.session import LOST_CODES
from lanherd_protocol import manifest as manifests
from lanherd_protocol import manifest_delta
from lanherd_protocol.aio.queues import Wakeups
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BULK_CHUNK_BYTES, MIB, RUN_NAME_CHARS_MAX
from lanherd_protocol.messages import FindMissing, HasSnapshot, PutBlobs, PutManifest
from lanherd_protocol.methods import (
    SNAPSHOTS_HAS,
    SNAPSHOTS_MISSING,
    SNAPSHOTS_PUT_BLOBS,
    SNAPSHOTS_PUT_MANIFEST,
)

ASKING = 2
SENDING = 3
LOOK_BYTES_MIN = 10 * MIB
"""From here on it is said what looks like a mistake."""
Item = TypeVar("Item")
_NOT_THERE = frozenset({ErrorCode.NOT_FOUND, ErrorCode.INVALID_REQUEST})


class Delivery:
    """What goes to one machine. `scanned` is the scan, once it is done; `look` says then what looks
    like a mistake in it."""

    def __init__(
        self,
        line: Line,
        planner: Planner,
        press: Press,
        scanned: Awaitable[Scan],
        bases: PushBases,
        project: str,
        tell: Callable[[PushProgress], None],
        look: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._look = look
        self._notes: tuple[str, ...] = ()
        self._line = line
        self._planner = planner
        self._press = press
        self._scanned = scanned
        self._bases = bases
        self._project = project
        self._tell = tell
        self._scan: Scan | None = None
        self._present = False
        self._looked = False
        self._offered_all = False
        self._offered_everything = False
        self._base: Base | Before | None = None
        self._questions: list[Batch] = []
        self._asking: set[Batch] = set()
        self._packs: list[Pack] = []
        self._sending: dict[Pack, int] = {}
        self._news = Wakeups()
        self._pace = Pace()
        self._wire_bytes = self._blobs_sent = self._bytes_sent = self._bytes_planned = 0

    # --- for the planner ---------------------------------------------------------------------

    def offer(self, batch: Batch) -> None:
        """These blobs are part of the project: the machine is to be asked about them."""
        self._questions.append(batch)
        self._news.wake()

    def lacks(self, batch: Batch, packs: Sequence[Pack]) -> None:
        """What the machine lacks of a batch."""
        self._asking.discard(batch)
        self._packs.extend(packs)
        self._bytes_planned += sum(pack.bytes_raw for pack in packs)
        self._news.wake()

    # --- the way -----------------------------------------------------------------------------

    async def run(self) -> PushResult:
        """Until the machine has the snapshot. Raises why it can't get it."""
        lost: LanherdError | None = None
        try:
            while True:
                caller = await self._line.caller(lost)
                try:
                    return await self._through(caller)
                except LanherdError as problem:
                    if problem.code not in LOST_CODES:
                        raise
                    lost = problem
                    self._take_back()
        finally:
            self._planner.leave(self)
            for pack in (*self._packs, *self._sending):
                self._press.taken(pack, self)

    def _take_back(self) -> None:
        """What was on its way is asked about once more: some of it has arrived."""
        unanswered = {batch for batch in self._asking if self in batch.asked}
        self._asking -= unanswered
        again = [*unanswered]
        for pack in self._sending:
            self._press.taken(pack, self)
            self._bytes_planned -= pack.bytes_raw
            again.append(Batch(without_data(pack.found), {self}))
        self._sending.clear()
        self._questions[:0] = again

    async def _through(self, caller: Caller) -> PushResult:
        while True:
            await together(
                self._decide(caller),
                *(self._ask_all(caller) for _ in range(ASKING)),
                *(self._send_all(caller) for _ in range(SENDING)),
            )
            scan = self._scan
            if scan is None:
                raise RuntimeError("a push ended before its scan")
            await self._look_once(scan)
            if self._present or await self._put_manifest(caller, scan):
                await asyncio.to_thread(self._bases.keep, self._line.machine, scan)
                total = scan.bytes_total
                self._tell(PushProgress("done", scan.files, total, total))
                return PushResult(
                    snapshot=scan.snapshot,
                    files=scan.files,
                    bytes_total=total,
                    sent_bytes=self._wire_bytes,
                    sent_blobs=self._blobs_sent,
                    notes=(*scan.notes, *self._notes),
                )
            # It lacks something that it was taken to have.
            self._base = None
            self._offered_everything = True
            sources = await asyncio.to_thread(_sources, scan)
            self._planner.offer_rest(self, tuple(sources), sources)

    async def _decide(self, caller: Caller) -> None:
        """Once the scan is done: whether the machine has it all, else what it is still to be asked
        about."""
        scan = await asyncio.shield(self._scanned)
        if self._scan is None:
            self._scan = scan
            notes = scan.notes
            self._tell(PushProgress("comparing", scan.files, 0, scan.bytes_total, notes=notes))
        if self._offered_all:
            return
        if not self._bytes_planned:
            presence = await caller.call(SNAPSHOTS_HAS, HasSnapshot(snapshot=scan.snapshot))
            self._present = presence.present
        if not self._present:
            rest = await asyncio.to_thread(self._unsaid, scan)
            self._planner.offer_rest(self, rest, scan.sources if rest else {})
        self._offered_all = True
        self._planner.decided(self)
        self._news.wake()

    def _unsaid(self, scan: Scan) -> tuple[BlobHash, ...]:
        """The blobs that the machine may lack, beside those that were offered; in a thread."""
        known = self._bases.known(self._line.machine)
        if known is not None and known != scan.snapshot:
            if scan.before is not None and scan.before.snapshot == known:
                self._base = scan.before
            else:
                self._base = self._bases.base(known)
        if self._base is None:
            rest = self._planner.unoffered(manifests.hashes(scan.manifest))
        else:
            delta = manifest_delta.diff(self._base.manifest, scan.manifest)
            rest = self._planner.unoffered(manifest_delta.hashes(delta))
        if rest:
            # Made here, since it takes a while.
            scan.sources.keys()
        return rest

    # --- asking and sending ------------------------------------------------------------------

    async def _next(self, waiting: list[Item]) -> Item | None:
        """The next of these; None once nothing more can come."""
        while not waiting:
            busy = self._questions or self._asking or self._packs or self._sending
            if self._present or (self._offered_all and not busy):
                self._news.wake()
                return None
            await self._news.wait()
        return waiting.pop(0)

    async def _ask_all(self, caller: Caller) -> None:
        while (batch := await self._next(self._questions)) is not None:
            self._asking.add(batch)
            answer = await caller.call(SNAPSHOTS_MISSING, FindMissing(blobs=batch.blobs))
            missing = frozenset(answer.blobs)
            for blob in missing.difference(batch.blobs):
                raise _never_offered(blob)
            self._planner.answered(batch, self, missing)

    async def _send_all(self, caller: Caller) -> None:
        while (pack := await self._next(self._packs)) is not None:
            self._sending[pack] = 0
            try:
                await self._look_once(self._scan)
                content = await self._press.content(pack)
                request = PutBlobs(count=len(pack.found))
                upload = self._chunks(pack, content)
                await caller.call(SNAPSHOTS_PUT_BLOBS, request, upload=upload)
            except LanherdError as problem:
                if problem.failure.data.get("refusal") == "bad_pack":
                    await asyncio.to_thread(blame, pack.found)
                raise
            del self._sending[pack]
            self._press.taken(pack, self)
            self._bytes_sent += pack.bytes_raw
            self._blobs_sent += len(pack.found)
            self._news.wake()

    async def _chunks(self, pack: Pack, content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), BULK_CHUNK_BYTES):
            chunk = content[start : start + BULK_CHUNK_BYTES]
            yield chunk
            self._wire_bytes += len(chunk)
            share = (start + len(chunk)) / len(content)
            self._sending[pack] = int(pack.bytes_raw * share)
            self._tell_sending(pack.last_path)

    def _tell_sending(self, path: str) -> None:
        done = self._bytes_sent + sum(self._sending.values())
        rate = self._pace.rate(done)
        if self._scan is None:
            return
        left_s = None if not rate else (self._bytes_planned - done) / rate
        self._tell(
            PushProgress("sending", self._scan.files, done, self._bytes_planned, path, rate, left_s)
        )

    async def _look_once(self, scan: Scan | None) -> None:
        """Says what looks like a mistake, where much is sent: in time to press Ctrl+C."""
        if scan is None or self._looked or self._bytes_planned < LOOK_BYTES_MIN:
            return
        self._looked = True
        self._notes = await self._look()
        if self._notes:
            done, total = self._bytes_sent, self._bytes_planned
            self._tell(PushProgress("sending", scan.files, done, total, notes=self._notes))

    # --- the manifest ------------------------------------------------------------------------

    async def _put_manifest(self, caller: Caller, scan: Scan) -> bool:
        """False where the machine lacks something that it was taken to have."""
        base = self._base
        content = await asyncio.to_thread(_manifest_content, base, scan)
        request = PutManifest(
            snapshot=scan.snapshot,
            base=None if base is None else base.snapshot,
            project=_label(self._project),
        )
        try:
            await caller.call(SNAPSHOTS_PUT_MANIFEST, request, upload=self._pieces(content))
        except LanherdError as problem:
            if self._offered_everything or problem.code not in _NOT_THERE:
                raise
            return False
        return True

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), BULK_CHUNK_BYTES):
            yield (chunk := content[start : start + BULK_CHUNK_BYTES])
            self._wire_bytes += len(chunk)


def _sources(scan: Scan) -> Mapping[BlobHash, Source]:
    return scan.sources


def _label(name: str) -> str:
    """A project's name as a list of snapshots can show it: a folder may be called anything."""
    return "".join(char if char.isprintable() else "?" for char in name)[:RUN_NAME_CHARS_MAX]


def _manifest_content(base: Base | Before | None, scan: Scan) -> bytes:
    if base is None:
        return manifests.compress(scan.encoded)
    return manifest_delta.encode(manifest_delta.diff(base.manifest, scan.manifest))


def _never_offered(blob: str) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "The machine asked for something that isn't part of the project.",
        f"Blob {blob} was never offered to it.",
        "Update Lanherd on that machine.",
        refusal="unknown_blob",
        blob=blob,
    )


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """All of these at once. The first failure ends the others, and is raised by itself; one that
    tells more than that a connection was lost goes first."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(one)
    except BaseExceptionGroup as group:
        raise _most_telling(group) from None


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    problems = list(_flat(group))
    told = (one for one in problems if not _is_loss(one))
    return next(told, problems[0])


def _is_loss(problem: BaseException) -> bool:
    return isinstance(problem, LanherdError) and problem.code in LOST_CODES


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _flat(one)
        else:
            yield one
