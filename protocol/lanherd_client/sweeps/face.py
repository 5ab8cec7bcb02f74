"""A fleet, as far as sweeps need one."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from lanherd_client.choosing import Choice, MachineNames
from lanherd_client.listing import ListsRuns
from lanherd_client.mirror import MachineView
from lanherd_client.orders import Order, RunRef
from lanherd_client.run import Run
from lanherd_client.submitting import EnvironmentChoice, Progress
from lanherd_protocol.ids import DeviceId, RunId
from lanherd_protocol.values import GpuRequest, HostRequest


class SweepFleet(ListsRuns, Protocol):
    """Met by `lanherd_client.Fleet`."""

    home: Path

    def machines(self) -> tuple[MachineView, ...]: ...

    def run_at(self, machine: DeviceId, run: RunId) -> Run: ...

    def new_run_id(self) -> RunId: ...

    def choose(
        self,
        request: GpuRequest,
        machine: MachineNames = None,
        beside: RunRef | Iterable[RunRef] = (),
        host: HostRequest | None = None,
    ) -> Choice: ...

    async def submit_many(
        self,
        orders: Iterable[Order],
        *,
        project: Path | str | None = None,
        machine: MachineNames = None,
        environment: EnvironmentChoice = "auto",
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Run, ...]: ...
