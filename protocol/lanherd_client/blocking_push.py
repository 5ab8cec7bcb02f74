"""Pushes without `async`, for `lanherd_client.blocking`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lanherd_client.choosing import MachineNames
from lanherd_client.mirror import MachineView
from lanherd_client.projects.preflight import Preflight
from lanherd_client.projects.push_progress import PushProgress
from lanherd_client.push_calls import RECONNECT_S, MachinePreflight, MachinePush
from lanherd_client.sweeps.waiting import Doing

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet


class WaitingPushCalls:
    """Of a fleet that waits for each answer."""

    _fleet: "Fleet"
    _loop: Doing

    def push(
        self,
        folder: Path | str,
        machines: MachineNames = None,
        *,
        progress: Callable[[MachineView, PushProgress], None] | None = None,
        reconnect_s: float | None = RECONNECT_S,
    ) -> tuple[MachinePush, ...]:
        """See `lanherd_client.push_calls.PushCalls.push`. `progress` is called in the thread of the
        fleet."""
        return self._loop.do(
            self._fleet.push(folder, machines, progress=progress, reconnect_s=reconnect_s)
        )

    def preflight(
        self, folder: Path | str, machines: MachineNames = None
    ) -> tuple[Preflight, tuple[MachinePreflight, ...]]:
        """See `lanherd_client.push_calls.PushCalls.preflight`."""
        return self._loop.do(self._fleet.preflight(folder, machines))
