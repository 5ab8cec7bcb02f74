"""What was pushed to machines, without `async`, for `lanherd_client.blocking`.

See `lanherd_client.snapshot_calls.SnapshotCalls` for each verb.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lanherd_client.snapshot_calls import VerifyProgress
from lanherd_client.sweeps.waiting import Doing
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.limits import SNAPSHOT_LIST_PAGE_MAX
from lanherd_protocol.snapshot_messages import (
    SnapshotList,
    SnapshotsCollected,
    SnapshotsVerified,
    SnapshotView,
)

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet


class WaitingSnapshotCalls:
    """Of a fleet that waits for each answer."""

    _fleet: "Fleet"
    _loop: Doing

    def list_snapshots(
        self,
        machine: str,
        *,
        project: str = "",
        after: SnapshotId | None = None,
        limit: int = SNAPSHOT_LIST_PAGE_MAX,
    ) -> SnapshotList:
        return self._loop.do(
            self._fleet.list_snapshots(machine, project=project, after=after, limit=limit)
        )

    def snapshots(self, machine: str, *, project: str = "") -> Iterator[SnapshotView]:
        after: SnapshotId | None = None
        while True:
            page = self.list_snapshots(machine, project=project, after=after)
            yield from page.snapshots
            if not page.more or not page.snapshots:
                return
            after = page.snapshots[-1].snapshot

    def pin_snapshot(
        self, machine: str, snapshot: SnapshotId, note: str = "", *, pinned: bool = True
    ) -> SnapshotView:
        return self._loop.do(self._fleet.pin_snapshot(machine, snapshot, note, pinned=pinned))

    def remove_snapshot(self, machine: str, snapshot: SnapshotId) -> None:
        self._loop.do(self._fleet.remove_snapshot(machine, snapshot))

    def collect_snapshots(
        self, machine: str, age_s: float, *, dry_run: bool = False
    ) -> SnapshotsCollected:
        return self._loop.do(self._fleet.collect_snapshots(machine, age_s, dry_run=dry_run))

    def verify_snapshots(
        self,
        machine: str,
        snapshot: SnapshotId | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> SnapshotsVerified:
        """`progress` is called in the thread of the fleet's loop."""
        return self._loop.do(self._fleet.verify_snapshots(machine, snapshot, progress))
