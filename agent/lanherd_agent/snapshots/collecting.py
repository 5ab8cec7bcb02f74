"""Giving back the space of what nothing needs any more.

First the snapshots that no run that waits or is live, and no pin, needs, and that weren't used for
a while; then the blobs to which no manifest refers, whoever put them, and which weren't put within
the last hour, since the push that brings their manifest may be under way.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lanherd_agent.disk import in_thread
from lanherd_agent.snapshots.catalogue import Owned
from lanherd_agent.snapshots.parts import PUSH_S, Parts
from lanherd_agent.snapshots.problems import CancelledHere, disk_problem
from lanherd_agent.snapshots.references import referred
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_agent.trash import idle_thread
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import SNAPSHOT_UNUSED_S_MAX

EVERY_S = 3600.0
LOOK_S = 60.0
"""How often what was used is written down, and what idles in memory is let go."""
LOW_EVERY_S = 600.0
LOW_AGE_S = 3600.0
"""While the disk is low, a snapshot that nothing needs is worth less than the space: whoever wants
it again pushes it again."""
_PREFIX_DIGITS = 16

log = logging.getLogger("lanherd.snapshots")


@dataclass(frozen=True, slots=True)
class Collected:
    """What is gone, or would go."""

    snapshots: int = 0
    blobs: int = 0
    bytes_freed: int = 0


class Collector:
    """Collects when asked, every hour, and when the disk is low. `needed` says of which snapshots
    runs are made that wait or are live; it is called in the event loop."""

    def __init__(self, store: SnapshotStore, needed: Callable[[], Collection[SnapshotId]]) -> None:
        self._store = store
        self._needed = needed
        self._one = asyncio.Lock()
        self._due = asyncio.Event()
        self._low_at = -LOW_EVERY_S

    def open(self, tasks: TaskOwner) -> None:
        """Collect now and then, in a task of `tasks`."""
        tasks.spawn(self._keep_collecting(), "collect snapshots")

    def on_low_disk(self) -> None:
        """The disk is low: collect now, but not again and again."""
        now = asyncio.get_running_loop().time()
        if now - self._low_at >= LOW_EVERY_S:
            self._low_at = now
            self._due.set()

    async def collect(self, age_s: float, *, dry_run: bool = False) -> Collected:
        """Removes what nothing needs and nobody used for `age_s`; or says what would go."""
        cancelled = threading.Event()
        threads = idle_thread()
        try:
            async with self._one:
                now = time.time()
                needed = {*self._needed(), *self._store.held_snapshots}
                parts = self._store.parts
                gone = [
                    (user, snapshot)
                    for user, snapshot, kept in parts.catalogue.all()
                    if not kept.pinned and kept.used_at <= now - age_s and snapshot not in needed
                ]
                if not dry_run:
                    # Without an await since `needed`: a submit finds the snapshot, and then it is
                    # needed, or finds that it is gone.
                    parts.catalogue.drop(gone)
                sweep = _Sweep(parts, gone, needed, now, age_s, dry_run, cancelled)
                return await in_thread(sweep.run, cancelled, threads)
        finally:
            threads.shutdown(wait=False)

    async def _keep_collecting(self) -> None:
        next_at = asyncio.get_running_loop().time() + EVERY_S
        while True:
            is_low = await self._wait_due()
            now = asyncio.get_running_loop().time()
            try:
                await in_thread(self._tidy)
                if is_low or now >= next_at:
                    next_at = now + EVERY_S
                    await self._collect_now(LOW_AGE_S if is_low else SNAPSHOT_UNUSED_S_MAX)
            except LanherdError as problem:
                log.warning("Snapshots could not be collected: %s", problem)

    async def _wait_due(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._due.wait()
        except TimeoutError:
            return False
        self._due.clear()
        return True

    async def _collect_now(self, age_s: float) -> None:
        done = await self.collect(age_s)
        if done.snapshots or done.blobs:
            log.info(
                "Collected %d snapshots and %d blobs: %d bytes",
                done.snapshots,
                done.blobs,
                done.bytes_freed,
            )

    def _tidy(self) -> None:
        self._store.parts.catalogue.flush()
        self._store.parts.files.let_go()


@dataclass(slots=True)
class _Sweep:
    """One collection, in a thread."""

    parts: Parts
    gone: list[Owned]
    needed: set[SnapshotId]
    now: float
    age_s: float
    dry_run: bool
    cancelled: threading.Event
    snapshots: int = 0
    blobs: int = 0
    bytes_freed: int = 0

    def run(self) -> Collected:
        try:
            with self.parts.claims.collecting():
                self._remove_blobs(self._remove_snapshots())
        except OSError as refused:
            raise disk_problem(refused, "collect old snapshots") from refused
        return Collected(self.snapshots, self.blobs, self.bytes_freed)

    def _remove_snapshots(self) -> list[SnapshotId]:
        """The snapshots that stay."""
        if not self.dry_run:
            self.parts.catalogue.remove(self.gone)
        going = {snapshot for _, snapshot in self.gone}
        leaving = set(self.gone)
        owned = {one for user, one, _ in self.parts.catalogue.all() if (user, one) not in leaving}
        stay: list[SnapshotId] = []
        for snapshot, kept_at in list(self.parts.files.ids()):
            is_wanted = snapshot in owned or snapshot in self.needed
            is_old = snapshot in going or kept_at <= self.now - self.age_s
            if is_wanted or not is_old or not self._remove(snapshot):
                stay.append(snapshot)
        return stay

    def _remove(self, snapshot: SnapshotId) -> bool:
        size = self.parts.files.size(snapshot)
        if not self.dry_run:
            with self.parts.claims.removing(snapshot) as may:
                if not may or self.parts.catalogue.is_owned(snapshot):
                    return False
                self.parts.files.forget(snapshot)
        self.snapshots += 1
        self.bytes_freed += size
        return True

    def _remove_blobs(self, stay: list[SnapshotId]) -> None:
        # The first 64 bits of each: two blobs that share them keep each other, and that is all.
        needed = {_prefix(blob) for blob in referred(self.parts.files, stay)}
        before = self.now - PUSH_S
        for first in range(256):
            if self.cancelled.is_set():
                raise CancelledHere
            old = [
                blob
                for blob in self.parts.blobs.names(first)
                if _prefix(blob) not in needed and self._is_free(blob, before)
            ]
            if not self.dry_run:
                self.parts.catalogue.forget_blobs(old)
            for blob in old:
                self._remove_blob(blob, before)

    def _is_free(self, blob: BlobHash, before: float) -> bool:
        is_old = self.parts.blobs.old_size(blob, before) is not None
        return is_old and not self.parts.claims.is_claimed(blob)

    def _remove_blob(self, blob: BlobHash, before: float) -> None:
        if self.dry_run:
            size = self.parts.blobs.old_size(blob, before)
        elif self.parts.claims.is_claimed(blob):
            return
        else:
            size = self.parts.blobs.remove_old(blob, before)
        if size is not None:
            self.blobs += 1
            self.bytes_freed += size


def _prefix(blob: BlobHash) -> int:
    return int(blob[:_PREFIX_DIGITS], 16)
